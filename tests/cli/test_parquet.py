"""`analyze --parquet`: thousands of files, again and again, and killed in between."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from biofeedback.session import parquet
from biofeedback.session.results import BATCH_FILES
from tests.cli.terminal import PATIENCE_S, Terminal, begin
from tests.conftest import ROOT
from tests.session.rr_files import rr_files

pytest.importorskip("pyarrow")

CALM = ROOT / "recordings" / "examples" / "calm.mcap"


def rows_in(folder: Path, table: str = "summary") -> list[str]:
    return sorted(
        json.dumps(row)
        for path in (folder / table).glob("*.parquet")
        for row in parquet.read(path).to_pylist()
    )


def test_what_is_there_is_not_computed_again(
    terminal: Terminal, tmp_path: Path
) -> None:
    files, out = tmp_path / "files", tmp_path / "out"
    rr_files(files, 3)
    (files / "words.csv").write_text("breathe in\n")
    (files / "same.csv").write_bytes((files / "0000.csv").read_bytes())
    first = terminal("analyze", files, "--parquet", out)
    assert first.out == f"4 files analyzed, 1 there already: {out}\n"
    assert first.code == 1
    assert first.err.startswith("words.csv has no column of RR")
    rows = rows_in(out)
    assert len(rows) == 3
    assert str(tmp_path) not in "".join(rows), "only the name of each file"
    assert not (out / "windows").exists()

    again = terminal("analyze", files, "--parquet", out)
    assert again.out == f"0 files analyzed, 5 there already: {out}\n"
    assert (again.code, again.err) == (1, first.err), "it is refused as ever"
    assert rows_in(out) == rows

    more = terminal("analyze", files, CALM, "--parquet", out)
    assert more.out == f"1 file analyzed, 5 there already: {out}\n"
    (row,) = (json.loads(row) for row in set(rows_in(out)) - set(rows))
    assert row["source_simulated"] is True
    assert row["session"]

    other = terminal("analyze", files, "--parquet", out, "--window", "60")
    assert other.out == f"4 files analyzed, 1 there already: {out}\n"
    assert len(rows_in(out)) == 7
    assert len(rows_in(out, "windows")) == 3
    assert [len(list((out / t).iterdir())) for t in ("summary", "windows")] == [1, 1]


def test_json_beside_it_tells_of_every_file(terminal: Terminal, tmp_path: Path) -> None:
    files, out = tmp_path / "files", tmp_path / "out"
    rr_files(files, 2)
    for _ in range(2):
        said = terminal("analyze", files, "--parquet", out, "--json")
        told = json.loads(said.out)
        assert [one["file"] for one in told] == ["0000.csv", "0001.csv"]
        rows = [json.loads(row) for row in rows_in(out)]
        assert [row["rmssd_ms"] for row in rows] == [one["rmssd_ms"] for one in told]


def test_killed_and_started_again_it_gives_the_same(
    terminal: Terminal, tmp_path: Path
) -> None:
    files, pipe = tmp_path / "files", tmp_path / "pipe.csv"
    paths = rr_files(files, BATCH_FILES + 4, beats=60)
    first = paths[:BATCH_FILES]
    os.mkfifo(pipe)  # nobody writes to it: there it waits, in the middle of its work
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    options = ("--window", "30", "--parquet", cut)
    process = begin("analyze", *first, paths[-1], pipe, *options)
    deadline_s = time.monotonic() + PATIENCE_S
    while not (cut / "summary" / "batch-000001.parquet").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert len(rows_in(cut)) == BATCH_FILES, "a batch, and not what came after it"

    again = terminal("analyze", files, *options, "--jobs", "2")
    assert again.out == f"4 files analyzed, {BATCH_FILES} there already: {cut}\n"
    terminal("analyze", files, "--window", "30", "--parquet", whole)
    for table in ("summary", "windows"):
        assert rows_in(cut, table) == rows_in(whole, table), "bit for bit"
        assert [path.name[:5] for path in (cut / table).iterdir()] == ["part-"]


def test_a_file_is_not_taken_for_a_folder(terminal: Terminal, tmp_path: Path) -> None:
    (path,) = rr_files(tmp_path, 1)
    said = terminal("analyze", path, "--parquet", path)
    assert said.code == 2
    assert "Results cannot be kept in" in said.sentence


def test_nothing_to_read_makes_no_folder(terminal: Terminal, tmp_path: Path) -> None:
    said = terminal("analyze", tmp_path / "a.mcap", "--parquet", tmp_path / "out")
    assert said.code == 1
    assert said.sentence.startswith("There is no file '")
    assert not (tmp_path / "out").exists()


def test_without_pyarrow_it_says_what_to_install(tmp_path: Path) -> None:
    (path,) = rr_files(tmp_path / "files", 1)
    # What Python does for a package that must not be imported.
    lines = (
        "import sys; sys.modules['pyarrow'] = None",
        "from biofeedback.cli import main",
        f"main(['analyze', {str(path)!r}, '--parquet', {str(tmp_path / 'out')!r}])",
    )
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "needs the package pyarrow. Install it with: pip install" in done.stderr
