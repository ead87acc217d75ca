"""The dashboard's own tests and its size, as part of all tests."""

from __future__ import annotations

import gzip
import subprocess

import pytest

from hatch_build import is_fresh, node_from_wheel, node_on_path
from tests.conftest import ROOT

DASHBOARD = ROOT / "dashboard"
SCRIPT_BUDGET_BYTES = 60_000

NO_NODE = (
    "The dashboard's own tests need Node.js 20.19 or newer on the PATH. The tests of "
    "the built page in a browser run without it."
)


def test_what_is_served_was_built_from_these_sources() -> None:
    assert is_fresh(DASHBOARD), "Build it again: 'make run' does, or pip install -e ."


def test_the_page_stays_within_its_budget() -> None:
    dist = DASHBOARD / "dist"
    page = (dist / "index.html").read_text(encoding="utf-8")
    packed = {
        script.name: len(gzip.compress(script.read_bytes()))
        for script in (dist / "assets").glob("*.js")
    }
    # The researcher's code comes only with the researcher's pages.
    loaded = [size for name, size in packed.items() if name in page]
    assert 0 < sum(loaded) <= SCRIPT_BUDGET_BYTES
    assert sum(packed.values()) <= 2 * SCRIPT_BUDGET_BYTES


def test_the_lock_file_names_no_registry() -> None:
    lock = (DASHBOARD / "package-lock.json").read_text(encoding="utf-8")
    assert '"integrity"' in lock
    assert '"resolved": "http' not in lock


def test_the_dashboard_s_own_tests() -> None:
    node = node_on_path() or node_from_wheel()
    if node is None:
        pytest.skip(NO_NODE)
    done = subprocess.run(
        [node.node, node.npm_cli, "test"],
        cwd=DASHBOARD,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fail 0" in done.stdout
