"""`export`: files of other programs, or a sentence that says why not."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from biofeedback.recording.exporters.registry import FORMATS, exporter
from biofeedback.recording.tables import read_tables
from tests.cli.terminal import Terminal
from tests.conftest import ROOT

EXAMPLE = ROOT / "recordings" / "examples" / "dropouts.mcap"


@pytest.mark.parametrize("name", FORMATS)
def test_it_prints_what_it_has_written(
    terminal: Terminal, tmp_path: Path, name: str
) -> None:
    if name == "parquet":
        pytest.importorskip("pyarrow")
    out = tmp_path / "exported"
    said = terminal("export", EXAMPLE, "--to", name, "--out", out)
    assert said.code == 0, said.err
    paths = [Path(line) for line in said.out.splitlines()]
    assert paths
    for path in paths:
        assert path.is_file()
        assert path.stat().st_size > 0
        assert path.is_relative_to(tmp_path)
    notes = said.err.splitlines()
    assert all(note.endswith(".") for note in notes)
    assert any("'--dates' keeps" in note for note in notes)
    assert out.is_dir() is exporter(name).FOLDER


def test_its_rows_are_those_of_the_recording(
    terminal: Terminal, tmp_path: Path
) -> None:
    terminal("export", EXAMPLE, "--to", "csv", "--out", tmp_path / "out")
    with (tmp_path / "out" / "beats.csv").open(newline="") as file:
        rr_ms = [float(row["rr_ms"]) for row in csv.DictReader(file)]
    assert rr_ms == read_tables(EXAMPLE).beats.rr_ms.tolist()


def test_dates_and_text_only_when_asked_for(terminal: Terminal, tmp_path: Path) -> None:
    said = terminal(
        *("export", EXAMPLE, "--to", "csv", "--out", tmp_path / "told"),
        *("--dates", "--free-text"),
    )
    assert said.code == 0
    assert "not de-identified" in said.err
    assert "look for names" in said.err
    told = (tmp_path / "told" / "provenance.json").read_text()
    assert read_tables(EXAMPLE).info.id in told


def test_its_help_names_every_format(terminal: Terminal) -> None:
    said = terminal("export", "--help")
    assert said.code == 0
    words = set(re.findall(r"[a-z-]+", said.out))
    assert set(FORMATS) <= words
    assert {"--free-text", "--dates"} <= words


def test_it_replaces_nothing(terminal: Terminal, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    said = terminal("export", EXAMPLE, "--to", "csv", "--out", out)
    assert said.code == 1
    assert "is not empty, and nothing in it is replaced." in said.sentence
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_it_refuses_with_a_sentence(terminal: Terminal, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = terminal("export", EXAMPLE, "--to", "pdf", "--out", out)
    assert said.code == 2
    assert "There is no export format 'pdf'." in said.sentence
    said = terminal("export", tmp_path / "no.mcap", "--to", "csv", "--out", out)
    assert said.code == 1
    assert "no.mcap" in said.sentence
    text = tmp_path / "rr.txt"
    text.write_text("800\n810\n")
    said = terminal("export", text, "--to", "csv", "--out", out)
    assert said.code == 1
    assert "rr.txt" in said.sentence
    damaged = tmp_path / "damaged.mcap"
    data = bytearray(EXAMPLE.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    said = terminal("export", damaged, "--to", "fhir", "--out", out)
    assert said.code == 1
    assert said.sentence
    assert not out.exists()
