"""The Python API: arrays by name, whatever the file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import biofeedback
from biofeedback.errors import RecordingError
from biofeedback.recording.tables import read_tables
from tests.conftest import ROOT
from tests.session.rr_files import rr_files

CALM = ROOT / "recordings" / "examples" / "calm.mcap"


def test_a_recording_as_arrays() -> None:
    session = biofeedback.open(CALM)
    tables = read_tables(CALM)
    info = session.info
    assert (info.format, info.file, info.simulated) == ("mcap", "calm.mcap", True)
    assert info.sha256 == session.analyze()["provenance"]["input"]["sha256"]
    beats = session.beats()
    assert beats.n_rows == len(tables.beats) == len(beats["t_s"])
    assert np.array_equal(beats["rr_ms"], tables.beats.rr_ms)
    assert np.array_equal(np.rint(beats["t_s"] * 1e9), beats["t_ns"])
    metrics = session.metrics()
    assert metrics.n_rows == len(tables.metrics)
    assert set(tables.metrics.columns) < set(metrics)
    assert session.ecg().n_rows == session.acc().n_rows == 0
    assert list(session.acc()) == ["t_s", "segment", "x_mg", "y_mg", "z_mg"]


def test_what_happened_in_its_order() -> None:
    events = biofeedback.open(CALM).events()
    assert (np.diff(events["t_ns"]) >= 0).all()
    assert set(events["kind"]) == {"entry", "pacer", "link"}
    ratings = events["type"] == "pain_intensity"
    assert events["value"][ratings].tolist() == [6, 5]
    assert events["moment"][ratings].tolist() == ["before", "after"]
    assert events["value"][events["kind"] == "pacer"].tolist() == [6.0, 5.5]


def test_windows_are_those_of_the_analysis() -> None:
    session = biofeedback.open(str(CALM))
    windows = session.windows(60, 30)
    told = session.analyze(60, 30)["windows"]
    assert windows["rmssd_ms"].tolist() == [one["rmssd_ms"] for one in told]
    assert windows["reason"].tolist() == [one["reason"] for one in told]
    assert windows["suitable"].dtype == np.bool_
    assert session.windows(600, 60).n_rows == 0


def test_pandas_on_request() -> None:
    pytest.importorskip("pandas")
    session = biofeedback.open(CALM)
    for name in ("beats", "metrics", "events", "ecg", "acc"):
        give = getattr(session, name)
        frame, columns = give(as_pandas=True), give()
        assert list(frame.columns) == list(columns)
        assert len(frame) == columns.n_rows
        assert frame.equals(columns.to_pandas())


def test_a_foreign_file(tmp_path: Path) -> None:
    pytest.importorskip("biofeedback.recording.importers.registry")
    (path,) = rr_files(tmp_path, 1)
    session = biofeedback.open(path)
    lines = path.read_text().split()[1:]
    beats = session.beats()
    assert beats["rr_ms"].tolist() == [float(line) for line in lines]
    assert set(beats) == set(biofeedback.open(CALM).beats())
    assert session.info.simulated is None
    assert session.metrics().n_rows == session.events().n_rows == 0
    assert session.analyze()["n_beats"] == beats.n_rows
    assert session.windows(60)["rmssd_ms"][0] > 0


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04" * 99, b"breathe in\n"])
def test_what_cannot_be_opened_says_so_at_once(
    tmp_path: Path, content: bytes | None
) -> None:
    pytest.importorskip("biofeedback.recording.importers.registry")
    path = tmp_path / "a.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecordingError):
        biofeedback.open(path)


def test_a_damaged_recording_is_told(tmp_path: Path) -> None:
    data = bytearray(CALM.read_bytes())
    data[len(data) // 2] ^= 1
    path = tmp_path / "calm.mcap"
    path.write_bytes(data)
    session = biofeedback.open(path)
    with pytest.raises(RecordingError):
        session.beats()


def test_the_package_itself_is_light() -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-c"),
            "import sys, biofeedback; heavy = {'numpy', 'msgspec', 'asyncio'}; "
            "assert not heavy & set(sys.modules); biofeedback.open; "
            "assert not {'pandas', 'pyarrow', 'neurokit2'} & set(sys.modules)",
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "open" in dir(biofeedback)
    with pytest.raises(AttributeError, match="no attribute 'close'"):
        _ = getattr(biofeedback, "close")  # noqa: B009
