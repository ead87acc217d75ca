"""`biofeedback import`: what a person types, and what they are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from biofeedback.recording.reader import open_recording
from tests.cli.terminal import Terminal

RR = "".join(f"{800 + 41 * k % 97}\n" for k in range(60))


@pytest.fixture
def elite(tmp_path: Path) -> Path:
    path = tmp_path / "2026-11-02 07-15-00.txt"
    path.write_text(RR)
    return path


def test_a_file_becomes_a_recording(
    terminal: Terminal, elite: Path, tmp_path: Path
) -> None:
    said = terminal("import", elite, "--out", tmp_path / "out", "--person", "P7")
    assert said.code == 0
    (path,) = (tmp_path / "out").iterdir()
    assert said.out.startswith(f"{path}: elite-hrv, 60 beats in ")
    recording = open_recording(path)
    assert (recording.info.person, recording.info.source) == ("P7", "imported")
    assert terminal("verify", path).code == 0
    again = terminal("import", elite, "--out", tmp_path / "out")
    assert again.code == 1
    assert "has been imported before" in again.sentence


def test_one_bad_file_does_not_stop_the_others(
    terminal: Terminal, elite: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("breathe,in\n" * 9)
    said = terminal("import", bad, elite, "--out", tmp_path / "out")
    assert said.code == 1
    assert "bad.csv:" in said.err
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_when_it_began_can_be_said(
    terminal: Terminal, elite: Path, tmp_path: Path
) -> None:
    start = "2026-11-02T07:15:00+01:00"
    said = terminal("import", elite, "--out", tmp_path / "out", "--start", start)
    assert said.code == 0
    (path,) = (tmp_path / "out").iterdir()
    assert open_recording(path).info.started_at_utc_ns == 1_793_600_100 * 10**9
    origin = open_recording(path).origin
    assert origin is not None
    assert origin["started_from"] == "declared"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--start", "yesterday"], "'yesterday' is no date and time."),
        (["--format", "fitbit"], "There is no format 'fitbit'."),
        (["--unit", "years"], "There is no unit 'years' of RR."),
    ],
)
def test_what_cannot_be_meant_is_said(
    terminal: Terminal,
    elite: Path,
    tmp_path: Path,
    options: list[str],
    sentence: str,
) -> None:
    said = terminal("import", elite, "--out", tmp_path / "out", *options)
    assert said.code == 2
    assert said.sentence.startswith(sentence)
    assert not (tmp_path / "out").exists()


def test_a_file_where_a_folder_is_due_is_said(
    terminal: Terminal, elite: Path, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    there.write_text("")
    said = terminal("import", elite, "--out", there)
    assert said.code == 2
    assert said.sentence == "'there' is a file, not a folder. Choose another name."
    assert there.read_text() == ""


def test_what_is_a_recording_already_needs_no_import(
    terminal: Terminal, elite: Path, tmp_path: Path
) -> None:
    terminal("import", elite, "--out", tmp_path / "out")
    (path,) = (tmp_path / "out").iterdir()
    said = terminal("import", path, "--out", tmp_path / "again")
    assert said.code == 1
    assert "is a recording already. It can be used as it is." in said.sentence
