"""What docs/security.md, safety.md and soup.md say is shown somewhere is there."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("security.md", "safety.md")
NAMED = re.compile(r"`(tests/[a-z0-9_/]+\.py)::([a-z0-9_*]+)`")
ROW = re.compile(r"^\| ([a-z0-9_-]+) \| ([0-9][^ |]*) \|", re.M)


@cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    )


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_is_named_is_there(page: str) -> None:
    named = NAMED.findall((ROOT / "docs" / page).read_text())
    assert len(named) > 15
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / path).is_file()
        or (name != "*" and name not in names_in(path))
        or not names_in(path)
    ]
    assert not missing


def test_every_hazard_has_a_control_and_a_test() -> None:
    text = (ROOT / "docs/safety.md").read_text()
    rows = re.findall(r"^\| (H[0-9]+) \|(.*)\|$", text, re.M)
    assert [id for id, _ in rows] == [f"H{n}" for n in range(1, len(rows) + 1)]
    for id, row in rows:
        _what, severity, control, shown, left = (
            cell.strip() for cell in row.split("|")
        )
        assert severity in ("S1", "S2", "S3"), id
        assert control, id
        assert NAMED.search(shown), id
        assert left in ("L", "M"), id


def test_every_dependency_is_listed_with_the_version_that_is_tested() -> None:
    listed = dict(ROW.findall((ROOT / "docs/soup.md").read_text()))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = project["optional-dependencies"]
    lines = (*project["dependencies"], *optional["nats"], *optional["postgres"])
    wanted = {re.split(r"[\[>=<; ]", line)[0] for line in lines}
    pinned = {
        name.lower().replace("_", "-"): version
        for name, _, version in (
            line.partition("==")
            for line in (ROOT / "constraints.txt").read_text().split()
        )
    }
    page = json.loads((ROOT / "dashboard/package.json").read_text())["dependencies"]
    assert set(listed) == wanted | set(page)
    for name, version in listed.items():
        assert version == (page.get(name) or pinned[name]), name
