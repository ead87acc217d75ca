"""The store of results: whole batches only, whatever ends the program and when."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from biofeedback.errors import NotSoError, RecordingError, SettingsError
from biofeedback.session import parquet
from biofeedback.session.batch import Outcome, Parameters, analyze_many
from biofeedback.session.results import BATCH_S, ORDER, Results
from tests.session.rr_files import rr_files

pytest.importorskip("pyarrow")

PARAMETERS = Parameters(window_s=60)

STRIDE = "9"
"""Of the steps at which a kill is tried; all of them ("1") take half a minute."""


def rows_in(folder: Path) -> dict[str, list[str]]:
    """All rows of all tables, each as text, in an order of their own."""
    return {
        table: sorted(
            json.dumps(row)
            for path in (folder / table).glob("*.parquet")
            for row in parquet.read(path).to_pylist()
        )
        for table in ORDER
    }


def kept(folder: Path, outcomes: list[Outcome]) -> dict[str, list[str]]:
    with Results(folder, PARAMETERS, lambda: 0.0) as results:
        for outcome in outcomes:
            results.add(outcome)
    return rows_in(folder)


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    found = rr_files(tmp_path / "files", 5)
    found[1].write_text("breathe in\n")
    return found


@pytest.fixture
def outcomes(paths: list[Path]) -> list[Outcome]:
    return list(analyze_many(paths, parameters=PARAMETERS))


def test_it_holds_what_the_analysis_said(
    tmp_path: Path, outcomes: list[Outcome]
) -> None:
    rows = kept(tmp_path / "out", outcomes)
    (refused,) = map(json.loads, rows["refused"])
    assert refused["file"] == "0001.csv"
    assert "has no column of RR" in refused["message"]
    summary = {row["file"]: row for row in map(json.loads, rows["summary"])}
    windows = list(map(json.loads, rows["windows"]))
    for one in outcomes:
        if one.analysis is None:
            continue
        row = summary.pop(one.path.name)
        assert row["sha256"] == one.sha256
        for name in ("rmssd_ms", "sdnn_ms", "n_beats", "coverage", "reason"):
            assert row[name] == one.analysis[name]
        assert row["raw_rmssd_ms"] == one.analysis["raw"]["rmssd_ms"]
        assert json.loads(row["parameters"])["window_s"] == 60
        assert [w["rmssd_ms"] for w in windows if w["sha256"] == one.sha256] == [
            window["rmssd_ms"] for window in one.analysis["windows"]
        ]
    assert not summary


def test_no_name_of_an_analysis_is_forgotten(outcomes: list[Outcome]) -> None:
    """A new number of `analyze` needs a column, or a reason to have none."""
    from biofeedback.session.result_rows import SUMMARY, WINDOWS

    analysis = outcomes[0].analysis
    assert analysis is not None
    nested = {"raw", "breathing", "practice", "provenance", "windows"}
    assert set(analysis) - nested <= set(SUMMARY)
    assert {f"raw_{name}" for name in analysis["raw"]} <= set(SUMMARY)
    assert set(analysis["windows"][0]) - nested <= set(WINDOWS)


def test_killed_at_every_step_it_loses_a_batch_and_doubles_nothing(
    tmp_path: Path, paths: list[Path], outcomes: list[Outcome]
) -> None:
    whole = kept(tmp_path / "whole", outcomes)
    assert [len(rows) for rows in whole.values()] == [4, 1, 5, 4]
    ends = tmp_path / "ends"
    done = subprocess.run(
        [sys.executable, "-m", "tests.session.kill_results", ends, STRIDE, *paths],
        check=True,
        capture_output=True,
        text=True,
    )
    steps = [int(step) for step in done.stdout.split()]
    assert steps[-1] > 30
    for step in steps:
        folder = ends / f"{step:04d}"
        assert kept(folder, outcomes) == whole, f"killed before step {step}"
        names = sorted(p.relative_to(folder).parts for p in folder.rglob("*.parquet"))
        assert [table for table, _ in names] == sorted(ORDER)
        assert all(name.startswith("part-") for _, name in names)
        assert not list(folder.rglob("*.tmp"))


def test_a_batch_waits_for_half_a_minute_at_most(
    tmp_path: Path, outcomes: list[Outcome]
) -> None:
    now_s = 0.0
    with Results(tmp_path, PARAMETERS, lambda: now_s) as results:
        results.add(outcomes[0])
        assert not list(tmp_path.rglob("*.parquet"))
        now_s = BATCH_S
        results.add(outcomes[2])
        assert len(rows_in(tmp_path)["summary"]) == 2


def test_a_batch_that_could_not_be_written_is_not_there_twice(
    tmp_path: Path, outcomes: list[Outcome]
) -> None:
    once = kept(tmp_path / "once", outcomes[:1])
    folder = tmp_path / "again"
    with Results(folder, PARAMETERS, lambda: 0.0) as results:
        results.add(outcomes[0])
        in_the_way = folder / "summary/batch-000001.parquet"  # others are there by then
        in_the_way.mkdir(parents=True)
        with pytest.raises(NotSoError, match="cannot be written"):
            results.keep()
        in_the_way.rmdir()
        results.keep()
        assert rows_in(folder) == once


def test_other_parameters_are_other_rows(
    tmp_path: Path, paths: list[Path], outcomes: list[Outcome]
) -> None:
    kept(tmp_path / "out", outcomes)
    other = Parameters(window_s=60, detrend="smoothness")
    with Results(tmp_path / "out", other, lambda: 0.0) as results:
        assert not any(results.has(one.sha256) for one in outcomes)
        for outcome in analyze_many(paths, parameters=other):
            results.add(outcome)
    rows = list(map(json.loads, rows_in(tmp_path / "out")["summary"]))
    assert len(rows) == 8
    assert len({(row["sha256"], row["parameters_sha256"]) for row in rows}) == 8


def test_only_one_program_writes_at_a_time(tmp_path: Path) -> None:
    with Results(tmp_path, PARAMETERS, lambda: 0.0):
        with pytest.raises(NotSoError, match="Another program is writing"):
            Results(tmp_path, PARAMETERS, lambda: 0.0)


def test_damage_is_told_and_never_read(tmp_path: Path, outcomes: list[Outcome]) -> None:
    kept(tmp_path, outcomes)
    (path,) = (tmp_path / "summary").iterdir()
    data = path.read_bytes()
    for broken in (b"", data[:-100], data[:-8] + bytes(8)):
        path.write_bytes(broken)
        with pytest.raises(RecordingError, match="is damaged"):
            kept(tmp_path, outcomes)
    path.unlink()
    assert len(kept(tmp_path, outcomes)["summary"]) == 4


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"mine")
    with pytest.raises(SettingsError, match="cannot be kept"):
        Results(path, PARAMETERS, lambda: 0.0)
    assert path.read_bytes() == b"mine"


def test_a_flipped_bit_in_the_values_is_found(
    tmp_path: Path, outcomes: list[Outcome]
) -> None:
    kept(tmp_path, outcomes)
    (path,) = (tmp_path / "summary").iterdir()
    data, rows = path.read_bytes(), rows_in(tmp_path)
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    chance, n_found = random.Random(1), 0
    for _ in range(60):
        flipped = bytearray(data)
        flipped[chance.randrange(footer)] ^= 1 << chance.randrange(8)
        path.write_bytes(flipped)
        try:
            assert rows_in(tmp_path) == rows  # it hit what holds no value
        except RecordingError:
            n_found += 1
    assert n_found > 30
