"""Real recordings, against what is known of them from elsewhere."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from biofeedback.recording.importers.rr_text import read_rr_text
from biofeedback.signal.artefacts import judge_all
from biofeedback.signal.history import windows
from biofeedback.signal.series import UNITS_PER_S, Series
from biofeedback.signal.time_domain import COVERAGE, RMSSD, judged_variability

DAY = "2023-06-30"
ECG_BEGAN = datetime.fromisoformat(f"{DAY} 14:08:59.580")
WEARABLE_BEGAN = datetime.fromisoformat(f"{DAY} 13:58:16.785")
"""11:58:17.704 UTC, less the first interval; local time is two hours ahead."""


def read(path: Path) -> Series:
    return Series.of(judge_all(read_rr_text(path).beats))


def during(series: Series, began: datetime, start: datetime, end: datetime) -> Series:
    edges = [
        round((t - began) / timedelta(microseconds=1)) * 1000 for t in (start, end)
    ]
    return series.between(*edges)


def conditions(folder: Path) -> dict[str, tuple[datetime, datetime]]:
    with (folder / "test_events.csv").open() as file:
        rows = list(csv.reader(file))[1:]
    times = [datetime.fromisoformat(f"{DAY} {row[0]}") for row in rows]
    return {row[1]: (times[k], times[k + 1]) for k, row in enumerate(rows) if not k % 2}


def test_a_wearable_that_misses_a_fifth_against_its_ecg(real_data: Path) -> None:
    """22 % of its time has no interval; at rest what is left is still right."""
    folder = real_data / "wearable-hrv"
    ecg, wearable = read(folder / "test_vu.txt"), read(folder / "test_rhythm.csv")
    covered_s = float(wearable.rr_ms[wearable.normal].sum()) / 1000
    whole_s = (int(wearable.t_ns[-1]) - int(wearable.t_ns[0])) / 1e9
    assert 0.7 < covered_s / whole_s < 0.79
    found = {}
    for name, (start, end) in conditions(folder).items():
        one = judged_variability(during(ecg, ECG_BEGAN, start, end))
        part = during(wearable, WEARABLE_BEGAN, start, end)
        other = judged_variability(part)
        bridged = float(np.sqrt(np.mean(np.diff(part.rr_ms) ** 2)))
        assert one.hr_bpm is not None
        assert other.hr_bpm is not None
        assert one.rmssd_ms is not None
        assert other.rmssd_ms is not None
        found[name] = (
            other.hr_bpm - one.hr_bpm,
            other.rmssd_ms / one.rmssd_ms,
            bridged / one.rmssd_ms,
        )
    for name in ("sitting", "recovery", "standing", "breathing", "neurotask"):
        hr_bpm, ratio, _ = found[name]
        assert abs(hr_bpm) < 0.7, name
        assert ratio == pytest.approx(1, abs=0.06), name
    # Joined across what is missing, slow breathing would read a fifth too much.
    assert found["breathing"][2] > 1.15
    # While walking the sensor itself is wrong, and no rule on intervals can mend that.
    assert found["walking"][1] > 3


def test_nothing_crosses_a_gap_of_a_day(real_data: Path) -> None:
    series = read(real_data / "physionet-nsr2db" / "nsr020_rr_secs.txt")
    gaps = np.flatnonzero(~series.joined)[1:]
    assert len(gaps) > 30
    # Windows around each gap, and the same with the day torn apart there.
    ends = series.clock[gaps] + 20 * UNITS_PER_S
    length = 60 * UNITS_PER_S
    whole = windows(series, ends, [length]).metrics[:, 0]
    for k, gap in enumerate(gaps.tolist()):
        end = int(ends[k])
        before = series.slice(0, gap).on_clock(end - length, end)
        after = series.slice(gap, len(series)).on_clock(end - length, end)
        squares = n = 0.0
        for part in (before, after):
            both = part.normal[1:] & part.normal[:-1] & part.joined[1:]
            differences = np.diff(part.rr_ms)[both]
            squares += float((differences**2).sum())
            n += len(differences)
        if not np.isnan(whole[k, RMSSD]):
            assert whole[k, RMSSD] == pytest.approx(np.sqrt(squares / n), abs=1e-9)
        lost_s = (series.clock[gap] - series.clock[gap - 1]) / UNITS_PER_S
        lost_s -= float(series.rr_ms[gap]) / 1000
        assert whole[k, COVERAGE] <= 1 - min(lost_s, 39) / 60 + 1e-9
