"""`plan`: what is a plan, what its hash is, and a registration that is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from biofeedback.practice.plans import read_plan
from tests.cli.terminal import Terminal

PLAN = {
    "id": "mine",
    "title": "My plan",
    "version": 2,
    "primary_outcome": "Mood after.",
    "exclusion_rules": ["None."],
    "steps": [{"kind": "rest", "id": "rest", "seconds": 60}],
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(PLAN))
    return path


def test_a_plan_is_checked_and_hashed(terminal: Terminal, file: Path) -> None:
    checked = terminal("plan", "check", file)
    assert checked.code == 0
    assert checked.out == "mine.json is a plan: 'mine', version 2, 1 steps.\n"
    hashed = terminal("plan", "hash", file)
    assert hashed.out.strip() == read_plan(json.dumps(PLAN)).sha256
    file.write_text(json.dumps(PLAN | {"steps": []}))
    wrong = terminal("plan", "check", file)
    assert (wrong.code, "needs steps or arms" in wrong.sentence) == (2, True)
    absent = terminal("plan", "hash", file.with_name("no.json"))
    assert (absent.code, "cannot be read" in absent.sentence) == (1, True)


def test_plans_of_the_data_folder_are_listed(
    terminal: Terminal, file: Path, tmp_path: Path
) -> None:
    (tmp_path / "plans").mkdir()
    file.rename(tmp_path / "plans/mine.json")
    listed = terminal("plan", "list", "--data", tmp_path)
    assert listed.code == 0
    assert "mine  version 2" in listed.out
    assert "sham-comparison" in listed.out
    (tmp_path / "plans/bad.json").write_text("{")
    listed = terminal("plan", "list", "--data", tmp_path)
    assert (listed.code, "bad.json: The plan is not JSON" in listed.err) == (1, True)


def test_a_registration_holds_the_plan_and_is_never_overwritten(
    terminal: Terminal, file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "registered.json"
    assert terminal("plan", "register", file, "--out", out).code == 0
    kept = out.read_bytes()
    registered = json.loads(kept)
    plan = read_plan(json.dumps(registered["plan"]))
    assert plan.sha256 == registered["plan_sha256"]
    assert registered["software"].startswith("biofeedback ")
    assert registered["registered_at"].endswith("+00:00")
    again = terminal("plan", "register", file, "--out", out)
    assert (again.code, "never overwritten" in again.sentence) == (1, True)
    assert out.read_bytes() == kept
    file.write_text(json.dumps(PLAN | {"primary_outcome": ""}))
    bare = terminal("plan", "register", file, "--out", tmp_path / "b.json")
    assert (bare.code, "primary_outcome" in bare.sentence) == (1, True)
