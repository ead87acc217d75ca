"""BIDS: what its validator says, and every value."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pytest

from biofeedback.model import Signal
from biofeedback.recording.exporters.options import ExportOptions
from biofeedback.recording.tables import Tables
from tests.recording.exporting import (
    DEFAULT,
    TOLD,
    floats,
    known,
    written,
)


def tsv(path: Path) -> list[dict[str, str]]:
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    return [
        dict(zip(head.split("\t"), line.split("\t"), strict=True)) for line in lines
    ]


UNKNOWABLE = {
    # What only those who did the study can say; the validator only recommends it.
    *("TOO_FEW_AUTHORS", "Authors", "HEDVersion", "License", "SourceDatasets"),
    *("Instructions", "CogAtlasID", "CogPOID", "InstitutionName"),
    *("InstitutionAddress", "InstitutionalDepartmentName"),
    *("DeviceSerialNumber",),  # it points to a person
}


@pytest.mark.parametrize(
    ("which", "options"), [("tables", TOLD), ("interrupted", DEFAULT)]
)
def test_the_bids_validator_finds_nothing_wrong(
    which: str, options: ExportOptions, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    beside = Path(sys.executable).with_name("bids-validator-deno")
    validator = shutil.which("bids-validator-deno") or (
        str(beside) if beside.exists() else None
    )
    if validator is None:
        pytest.skip("bids-validator-deno is not installed.")
    written(request.getfixturevalue(which), "bids", tmp_path / "out", options)
    done = subprocess.run(
        [validator, "--format", "json", "--max-rows", "-1", tmp_path / "out"],
        capture_output=True,
        check=False,
    )
    verdict = json.loads(done.stdout)
    issues = verdict["issues"]["issues"]
    assert [one for one in issues if one["severity"] == "error"] == []
    assert {one.get("subCode") or one["code"] for one in issues} - UNKNOWABLE == set()
    assert done.returncode == 0
    assert verdict["summary"]["modalities"] == ["beh"]


def test_bids_events_are_the_beats(
    tables: Tables, interrupted: Tables, tmp_path: Path
) -> None:
    for number, these in enumerate((tables, interrupted)):
        out = tmp_path / str(number)
        written(these, "bids", out)
        (events,) = out.rglob("*_events.tsv")
        rows = tsv(events)
        assert list(rows[0])[:3] == ["onset", "duration", "trial_type"]
        onsets = [Decimal(row["onset"]) for row in rows]
        assert onsets == sorted(onsets)
        beats = [row for row in rows if row["trial_type"] == "beat"]
        assert [int(Decimal(row["onset"]) * 10**9) for row in beats] == (
            these.beats.t_ns.tolist()
        )
        assert [float(row["rr_ms"]) for row in beats] == these.beats.rr_ms.tolist()
        assert floats(row["nn_ms"].replace("n/a", "") for row in beats) == known(
            these.beats.nn_ms
        )
        assert [row["label"] for row in beats] == these.beats.label.tolist()
        sidecar = json.loads(events.with_suffix(".json").read_text())
        levels = sidecar["trial_type"]["Levels"]
        assert set(levels) == {row["trial_type"] for row in rows}
        assert set(sidecar) >= set(rows[0])
    assert {"gap", "beat", "pacer"} <= set(levels)


def test_bids_signals_have_no_header_and_the_right_rate(
    tables: Tables, tmp_path: Path
) -> None:
    exported = written(tables, "bids", tmp_path / "out")
    physio = [path for path in exported.paths if path.name.endswith("tsv.gz")]
    assert len(physio) == len(tables.traces) == 2
    for trace in tables.traces:
        (path,) = (p for p in physio if f"_recording-{trace.signal.value}_" in p.name)
        assert path.read_bytes()[4:8] == bytes(4), "no time in the file's head"
        lines = gzip.decompress(path.read_bytes()).decode().splitlines()
        values = [[int(cell) for cell in line.split("\t")] for line in lines]
        assert values == trace.values.tolist()
        sidecar = json.loads(Path(str(path).replace(".tsv.gz", ".json")).read_text())
        assert len(sidecar["Columns"]) == trace.values.shape[1]
        k = np.arange(len(trace))
        t_s = sidecar["StartTime"] + k / sidecar["SamplingFrequency"]
        off_ms = np.abs(t_s * 1000 - trace.t_ms)
        assert off_ms.max() <= sidecar["MaximumTimingDeviationMs"] + 1e-6
        settled = trace.t_ms > 8000  # the strap's clock has been learned by then
        assert off_ms[settled].max() < 1


def test_bids_keeps_pieces_apart(tables: Tables, tmp_path: Path) -> None:
    ecg = next(one for one in tables.traces if one.signal is Signal.ECG)
    cut, last = 2000, len(ecg) - 1
    pieces = tuple(
        msgspec.structs.replace(
            ecg, segment=number, t_ms=ecg.t_ms[part], values=ecg.values[part]
        )
        for number, part in enumerate(
            (slice(0, cut), slice(cut + 500, last), slice(last, None))
        )
    )
    exported = written(
        msgspec.structs.replace(tables, traces=pieces), "bids", tmp_path / "out"
    )
    assert any("of 1 sample is left out" in note for note in exported.notes)
    starts_s = {}
    for path in exported.paths:
        if path.name.endswith("_physio.json"):
            label = path.name.partition("_recording-")[2].partition("_")[0]
            starts_s[label] = json.loads(path.read_text())["StartTime"]
    assert set(starts_s) == {"ecg1", "ecg2"}
    assert abs(starts_s["ecg2"] * 1000 - ecg.t_ms[cut + 500]) < 1
