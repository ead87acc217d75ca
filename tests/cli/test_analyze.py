"""`analyze`: recordings and plain RR text, and a sentence for everything else."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.terminal import TRACEBACK, Terminal, typed

KEYS = {
    *("file", "started_at", "duration_s", "coverage", "n_beats", "n_nn"),
    *("artefact_pct", "suitable", "reason", "hr_bpm", "rmssd_ms", "sdnn_ms"),
    *("pnn50_pct", "raw", "lf_ms2", "hf_ms2", "lf_peak_hz", "rsa_bpm"),
    *("rsa_ms", "phase_deg", "in_phase_pct", "breathing", "power_s"),
    *("coherence_ratio", "practice", "ratings", "source", "provenance", "ecg"),
}
"""The keys of ``analyze --json``; ``windows`` comes when asked for."""

H10 = "dont-hold-your-breath/sample_data_ibi.csv"


def analyzed(terminal: Terminal, *arguments: str | Path) -> list[dict[str, Any]]:
    said = terminal("analyze", *arguments, "--json")
    assert (said.code, said.err) == (0, "")
    told: list[dict[str, Any]] = json.loads(said.out)
    return told


def rr_file(path: Path, *, separator: str = "\n", start: str = "") -> Path:
    lines = ["rr_ms", *(str(800 + 40 * (i % 5)) for i in range(100))]
    path.write_bytes((start + separator.join(lines) + separator).encode())
    return path


def test_a_polar_h10(terminal: Terminal, real_data: Path) -> None:
    (one,) = analyzed(terminal, real_data / H10)
    assert set(one) == KEYS
    assert set(one["raw"]) == {"rmssd_ms", "sdnn_ms", "pnn50_pct"}
    assert one["file"] == "sample_data_ibi.csv"
    assert one["n_beats"] == 620
    assert round(one["raw"]["sdnn_ms"], 2) == 80.22
    assert round(one["raw"]["rmssd_ms"], 2) == 37.36
    assert one["suitable"] is True
    assert one["practice"] is None
    assert one["ratings"] == []


@pytest.mark.parametrize(
    ("name", "n_beats", "suitable"),
    [
        ("kbroman-detectPVC/polar_h10_rr.csv", 798, False),
        ("wearable-hrv/test_rhythm.csv", 2604, True),
        ("wearable-hrv/test_vu.txt", 3040, True),
        # 106 817 or 136 528 intervals, less those above 3 s, which are gaps.
        ("physionet-nsr2db/nsr020_rr_secs.txt", 136_491, True),
    ],
)
def test_real_rr_gives_something_true(
    terminal: Terminal, real_data: Path, name: str, n_beats: int, suitable: bool
) -> None:
    (one,) = analyzed(terminal, real_data / name)
    assert set(one) == KEYS
    assert one["n_beats"] == n_beats
    assert one["suitable"] is suitable
    assert (one["rmssd_ms"] is not None) is suitable
    assert suitable or one["reason"].startswith("This rhythm does not suit")
    assert one["raw"]["rmssd_ms"] is not None, "the raw number is never hidden"


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("kbroman-detectPVC/polar_h10_ecg_130hz_uV.csv", "has no column of RR"),
        ("wearable-hrv/test_events.csv", "has no column of RR"),
    ],
)
def test_what_is_no_rr_is_refused(
    terminal: Terminal, real_data: Path, name: str, what: str
) -> None:
    said = terminal("analyze", real_data / name)
    assert said.code == 1
    assert said.sentence.startswith(f"{Path(name).name} {what}")


def test_a_recording_is_labelled_simulated(
    terminal: Terminal, recording: Path, tmp_path: Path
) -> None:
    (one,) = analyzed(terminal, recording)
    assert set(one) == KEYS
    assert one["source"] == {
        "format": "mcap",
        "simulated": True,
        "complete": True,
        "unknown_frames": 0,
    }
    assert one["practice"]["rate_bpm"] == 6.0
    assert one["rmssd_ms"] is None
    assert "at least 30 s" in one["reason"]

    person = terminal("analyze", recording).out
    assert person.startswith("calm.mcap (simulated): ")
    assert "at least 30 s" in person

    for options in ([], ["--window", "1"]):
        table = tmp_path / "table.csv"
        said = terminal("analyze", recording, "--csv", table, *options)
        assert (said.code, said.out, said.err) == (0, "", "")
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == (3 if options else 1)
        assert {row["file"] for row in rows} == {"calm.mcap"}
        assert {row["source.simulated"] for row in rows} == {"True"}


def test_windows_and_their_steps(terminal: Terminal, real_data: Path) -> None:
    options = ["--window", "300", "--step", "60"]
    (one,) = analyzed(terminal, real_data / H10, *options)
    assert set(one) == {*KEYS, "windows"}
    assert [part["start_s"] for part in one["windows"]] == [
        60.0 * i for i in range(len(one["windows"]))
    ]
    assert len(one["windows"]) == 6, "those that fit into 602 s"
    assert {part["end_s"] - part["start_s"] for part in one["windows"]} == {300.0}
    assert all(part["rmssd_ms"] > 0 for part in one["windows"])


@pytest.mark.parametrize(
    ("separator", "start"),
    [("\n", ""), ("\r\n", ""), ("\r\n", "\ufeff"), ("\r", "")],
    ids=["LF", "CRLF", "BOM and CRLF", "CR"],
)
def test_text_from_any_system(
    terminal: Terminal, tmp_path: Path, separator: str, start: str
) -> None:
    path = rr_file(tmp_path / "rr.csv", separator=separator, start=start)
    (one,) = analyzed(terminal, path)
    assert one["n_beats"] == 100
    assert one["source"]["unit"] == "ms"
    assert one["hr_bpm"] == pytest.approx(60_000 / 880, rel=0.03)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.csv", b"", "empty.csv is empty."),
        ("bytes.csv", bytes(range(256)) * 9, "bytes.csv is of no format that is"),
        ("words.txt", b"breathe in\n" * 9, "words.txt has no column of RR intervals."),
        ("zeros.txt", b"0\n" * 99, "zeros.txt holds numbers that cannot be RR"),
        ("foreign.mcap", b"PK\x03\x04" * 99, "foreign.mcap is not a recording."),
        ("empty.mcap", b"", "empty.mcap is empty."),
    ],
)
def test_a_bad_file_is_refused(
    terminal: Terminal, tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    (tmp_path / name).write_bytes(content)
    said = terminal("analyze", tmp_path / name)
    assert said.code == 1
    assert said.sentence.startswith(sentence)


def test_what_is_not_there_is_refused(terminal: Terminal, tmp_path: Path) -> None:
    missing = terminal("analyze", tmp_path / "missing.csv")
    assert missing.code == 1
    assert missing.sentence.startswith("There is no file '")
    empty = terminal("analyze", tmp_path)
    assert empty.code == 1
    assert "holds no recording and no RR text." in empty.sentence


def test_good_files_are_analyzed_beside_bad_ones(
    recording: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    rr_file(folder / "good.csv")
    (folder / "bad.csv").write_text("no numbers here\n")
    (folder / "notes.md").write_text("not looked at\n")
    missing = tmp_path / "missing.mcap"
    said = typed("analyze", missing, folder, recording, "--json", "--jobs", "2")
    assert said.code == 1
    assert TRACEBACK not in said.err
    assert [one["file"] for one in json.loads(said.out)] == ["good.csv", "calm.mcap"]
    first, second = said.err.splitlines()
    assert first.startswith("There is no file '")
    assert second.startswith("bad.csv has no column of RR intervals.")


def test_a_column_and_a_unit_can_be_declared(
    terminal: Terminal, tmp_path: Path
) -> None:
    path = tmp_path / "table.csv"
    path.write_text("who,beat\n" + "x,0.8\nx,0.84\n" * 50)
    assert terminal("analyze", path).code == 1
    options = ["--column", "beat", "--unit", "s"]
    (one,) = analyzed(terminal, path, *options)
    assert one["n_beats"] == 100
    assert one["raw"]["rmssd_ms"] == pytest.approx(40)
    wrong = terminal("analyze", path, "--column", "breath")
    assert wrong.code == 1
    assert wrong.sentence.startswith("table.csv has no column 'breath'.")


def test_it_never_writes_over_what_it_reads(terminal: Terminal, tmp_path: Path) -> None:
    path = rr_file(tmp_path / "rr.csv")
    data = path.read_bytes()
    said = terminal("analyze", tmp_path, "--csv", path)
    assert said.code == 2
    assert "is itself to be read, and is not overwritten." in said.sentence
    assert path.read_bytes() == data


@pytest.mark.parametrize(
    ("place", "sentence"),
    [("nowhere/a.csv", "There is no folder '"), (".", "'")],
)
def test_a_table_needs_a_place(
    terminal: Terminal, tmp_path: Path, place: str, sentence: str
) -> None:
    path = rr_file(tmp_path / "rr.csv")
    said = terminal("analyze", path, "--csv", tmp_path / place)
    assert said.code == 2
    assert said.sentence.startswith(sentence)


def test_a_cell_is_never_a_formula(terminal: Terminal, tmp_path: Path) -> None:
    path = rr_file(tmp_path / "=1+1.csv")
    table = tmp_path / "out.csv"
    assert terminal("analyze", path, "--csv", table).code == 0
    with table.open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["file"] == "'=1+1.csv"


# --- Many files -------------------------------------------------------------------


@pytest.mark.parametrize("jobs", ["1", "2", "0"])
def test_many_files_come_in_their_order_however_many_work(
    terminal: Terminal, tmp_path: Path, jobs: str
) -> None:
    for n in range(7):
        rr_file(tmp_path / f"{n}.csv", separator="\r\n" if n % 2 else "\n")
    (tmp_path / "3.csv").write_text("breathe in\n")
    said = terminal("analyze", tmp_path, "--json", "--jobs", jobs)
    assert said.code == 1
    assert [one["file"] for one in json.loads(said.out)] == [
        f"{n}.csv" for n in (0, 1, 2, 4, 5, 6)
    ]
    assert said.err.count("\n") == 1
    assert "3.csv" in said.err, "the others are analyzed all the same"


def test_the_same_file_twice_is_analyzed_twice(
    terminal: Terminal, tmp_path: Path
) -> None:
    path = rr_file(tmp_path / "rr.csv")
    one, other = analyzed(terminal, path, path)
    assert one == other


def test_it_says_what_it_was_computed_of(terminal: Terminal, tmp_path: Path) -> None:
    path = rr_file(tmp_path / "rr.csv")
    (one,) = analyzed(terminal, path, "--window", "60", "--unit", "ms")
    found = one["provenance"]
    assert found["input"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found["parameters"] == {
        "window_s": 60.0,
        "step_s": None,
        "column": None,
        "unit": "ms",
        "detrend": "line",
    }
    assert str(tmp_path) not in json.dumps(one)


def test_smoothness_priors_take_the_slow_part_out(
    terminal: Terminal, real_data: Path
) -> None:
    (line,) = analyzed(terminal, real_data / H10)
    (smooth,) = analyzed(terminal, real_data / H10, "--detrend", "smoothness")
    assert smooth["provenance"]["parameters"]["detrend"] == "smoothness"
    # Breathing at three to five a minute lies where the trend is taken for one.
    assert 0.4 * line["lf_ms2"] < smooth["lf_ms2"] < 0.95 * line["lf_ms2"]
    assert smooth["hf_ms2"] == pytest.approx(line["hf_ms2"], rel=0.05)
    said = terminal("analyze", real_data / H10, "--detrend", "spline")
    assert (said.code, said.out) == (2, "")
    assert "line or smoothness" in said.err
