"""``analyze`` on real and made files: true numbers, or a reason."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from biofeedback.errors import RecordingError, SettingsError
from biofeedback.model import (
    AnyRecord,
    Config,
    Entry,
    LinkChange,
    LinkState,
    Notification,
    SessionInfo,
    Tick,
)
from biofeedback.recording.writer import RecordingWriter
from biofeedback.session.analysis import analyze_file
from biofeedback.wire.heart_rate import HeartRateMeasurement
from biofeedback.wire.polar_pmd import EcgFrame
from tests.unit.rhythms import rest, sine

KEYS = [
    "file", "started_at", "duration_s", "coverage", "n_beats", "n_nn", "artefact_pct",
    "suitable", "reason", "hr_bpm", "rmssd_ms", "sdnn_ms", "pnn50_pct", "raw",
    "lf_ms2", "hf_ms2", "lf_peak_hz", "rsa_bpm", "coherence_ratio", "practice",
    "ratings",
]  # fmt: skip


def test_a_polar_h10_in_slow_breathing(real_data: Path) -> None:
    found = analyze_file(real_data / "dont-hold-your-breath" / "sample_data_ibi.csv")
    assert [key for key in found if key in KEYS] == KEYS
    assert (found["n_beats"], found["n_nn"]) == (620, 618)
    assert round(found["raw"]["sdnn_ms"], 2) == 80.22
    assert round(found["raw"]["rmssd_ms"], 2) == 37.36
    assert found["hr_bpm"] == pytest.approx(61.84, abs=0.05)
    assert found["coverage"] > 0.99
    assert found["suitable"] is True
    assert 0.04 < found["lf_peak_hz"] < 0.13
    assert "windows" not in found
    json.dumps(found, allow_nan=False)


def test_dense_ectopy_is_refused_and_the_raw_values_stay(real_data: Path) -> None:
    found = analyze_file(real_data / "kbroman-detectPVC" / "polar_h10_rr.csv")
    assert found["n_beats"] == 798
    assert found["suitable"] is False
    assert "does not suit" in found["reason"]
    assert found["raw"]["rmssd_ms"] == pytest.approx(441.76, abs=0.01)
    for key in ("hr_bpm", "rmssd_ms", "sdnn_ms", "pnn50_pct", "lf_ms2", "rsa_bpm"):
        assert found[key] is None


def test_an_ecg_table_with_its_header_on_the_second_line(real_data: Path) -> None:
    found = analyze_file(real_data / "wearable-hrv" / "test_vu.txt")
    assert found["n_beats"] == 3040
    assert found["duration_s"] == pytest.approx(2887.2, abs=1)
    assert found["source"]["n_gaps"] == 0
    assert found["coverage"] > 0.98


def test_a_wearable_that_misses_a_fifth_of_the_time(real_data: Path) -> None:
    found = analyze_file(real_data / "wearable-hrv" / "test_rhythm.csv")
    assert found["n_beats"] == 2604
    # Told at 11:58:17.5; the first interval began 0.7 s before.
    assert found["started_at"].startswith("2023-06-30T11:58:16.7")
    assert 0.70 < found["coverage"] < 0.78
    assert found["source"]["n_gaps"] > 100


def test_a_day_with_gaps(real_data: Path) -> None:
    found = analyze_file(real_data / "physionet-nsr2db" / "nsr020_rr_secs.txt")
    assert found["source"]["unit"] == "s"
    assert found["source"]["n_gaps"] > 30
    assert found["duration_s"] == pytest.approx(84_000, rel=0.01)
    assert found["raw"]["rmssd_ms"] < 40  # a gap of 225 s would make it hundreds


@pytest.mark.parametrize(
    "name",
    [
        "SOURCES.md",
        "kbroman-detectPVC/polar_h10_ecg_130hz_uV.csv",
        "wearable-hrv/test_events.csv",
    ],
)
def test_what_holds_no_rr_is_refused(real_data: Path, name: str) -> None:
    with pytest.raises(RecordingError) as caught:
        analyze_file(real_data / name)
    assert caught.value.advice


def test_the_beats_of_another_program_are_analysed_directly(real_data: Path) -> None:
    pytest.importorskip("wfdb")
    found = analyze_file(real_data / "wfdb-python/100.atr")
    # 2239 normal, 33 atrial and 1 ventricular premature beats make 2272 intervals.
    assert found["n_beats"] == 2239 + 33 + 1 - 1
    assert found["source"]["format"] == "wfdb"
    assert found["source"]["notes"]
    assert found["started_at"] is None


def test_windows_by_steps(tmp_path: Path) -> None:
    path = tmp_path / "rest.txt"
    breath = sine(0.1, amplitude_ms=50, length_s=500, noise_ms=8)
    path.write_text("\n".join(map(str, breath)))
    found = analyze_file(path, window_s=180, step_s=60)
    rows = found["windows"]
    assert [row["start_s"] for row in rows] == [60.0 * n for n in range(len(rows))]
    assert len(rows) == int((found["duration_s"] - 180) // 60) + 1
    assert all(row["coverage"] > 0.97 for row in rows)
    assert all(row["rmssd_ms"] > 0 and row["lf_ms2"] > 0 for row in rows)


def test_too_short_is_unknown_with_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "short.txt"
    path.write_text("\n".join(map(str, rest(20))))
    found = analyze_file(path)
    assert found["hr_bpm"] is not None
    assert found["rmssd_ms"] is None
    assert "30 s" in found["reason"]


def test_windows_of_no_length_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        analyze_file(tmp_path / "rest.txt", window_s=0)


def test_a_recording_gives_what_its_bytes_hold(tmp_path: Path) -> None:
    path = tmp_path / "session.mcap"
    info = SessionInfo(
        id="s1",
        started_at_utc_ns=1_700_000_000_000_000_000,
        person="p1",
        plan="practice",
        source="simulated",
        simulated=True,
        strap_name="simulated",
        software="test",
    )
    records: list[AnyRecord] = [
        Config(t_ns=0, algorithm="x", simulated=True, rate_bpm=6, inhale_pct=40),
        LinkChange(t_ns=0, source="strap", state=LinkState.STREAMING),
    ]
    t_s = 0.0
    for n in range(180):
        rr = round((1 + 0.06 * math.sin(0.2 * math.pi * t_s)) * 1024)
        t_s += rr / 1024
        packet = HeartRateMeasurement(
            hr_bpm=60, contact=True, energy_kj=None, rr_1024=(rr,)
        )
        t_ns = round(t_s * 1e9)
        records.append(
            Notification(
                t_ns=t_ns, source="strap", characteristic="2a37", data=bytes(packet)
            )
        )
        records.append(Tick(t_ns=t_ns + 1000))
        if n == 50:
            records.append(
                Entry(t_ns=t_ns + 2000, id="e1", type="arousal", by="p1", value=4)
            )
    ecg = bytes(EcgFrame(device_ns=1, samples=(1, 2, 3)))
    for data in (ecg, ecg[:5], bytes([1, *ecg[1:]])):  # one of three can be read
        frame = Notification(
            t_ns=t_ns + 3000, source="strap", characteristic="pmd_data", data=data
        )
        records.append(frame)
    writer = RecordingWriter(path, info)
    for sequence, record in enumerate(records, start=1):
        writer.record(sequence, record)
    writer.close()
    found = analyze_file(path, window_s=60)
    assert [key for key in found if key in KEYS] == KEYS
    assert found["n_beats"] == found["n_nn"] == 180
    assert found["started_at"] == "2023-11-14T22:13:20+00:00"
    assert found["lf_peak_hz"] == pytest.approx(0.1, abs=0.003)
    assert found["rsa_bpm"] == pytest.approx(60 / 0.94 - 60 / 1.06, rel=0.05)
    assert found["practice"] == {
        "rate_bpm": 6,
        "inhale_pct": 40,
        "followed_pct": 100.0,
        "followed_known_pct": pytest.approx(93.3, abs=0.1),
    }
    assert [(r["type"], r["value"]) for r in found["ratings"]] == [("arousal", 4)]
    assert len(found["windows"]) == 2
    assert found["source"]["unknown_frames"] == 2
    assert found["reason"] is None
