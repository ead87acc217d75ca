"""Windows in the time domain: closed forms, gates, gaps."""

from __future__ import annotations

import math

import numpy as np
import pytest

from biofeedback.model import WindowMetrics
from biofeedback.signal.series import GrowingSeries, Series
from biofeedback.signal.time_domain import (
    judged_variability,
    raw_variability,
    time_domain,
    variability,
)
from biofeedback.signal.windows import LiveWindows
from tests.unit.rhythms import judged, on_grid, rest, series

S = 1_000_000_000


def window(found: Series, length_s: float, end_s: float) -> WindowMetrics:
    return time_domain(found, round((end_s - length_s) * S), round(end_s * S))


def test_a_metronome_has_no_variability() -> None:
    metrics = window(series([1000.0] * 70), 60, 65)
    assert (metrics.hr_bpm, metrics.rmssd_ms, metrics.sdnn_ms, metrics.pnn50_pct) == (
        60.0,
        0.0,
        0.0,
        0.0,
    )
    assert (metrics.coverage, metrics.n_nn, metrics.artefact_pct) == (1.0, 60, 0.0)


def test_two_alternating_intervals_have_closed_forms() -> None:
    n = 60
    metrics = window(series([970.0, 1030.0] * 40), 60, 60)
    assert metrics.rmssd_ms == 60.0
    assert metrics.sdnn_ms == pytest.approx(30 * math.sqrt(n / (n - 1)), rel=1e-14)
    assert metrics.pnn50_pct == pytest.approx(100 * (n - 1) / n)
    assert metrics.hr_bpm == 60.0


def test_pnn50_counts_strictly_more_than_50_ms() -> None:
    rr = np.array([800.0, 850.0, 800.0, 850.9765625])
    assert variability(rr, np.diff(rr)).pnn50_pct == 25.0


def test_a_reversed_series_gives_the_same() -> None:
    rr = rest(100)
    forth, back = series(rr), series(rr[::-1])
    one, other = judged_variability(forth), judged_variability(back)
    assert (one.rmssd_ms, one.pnn50_pct) == (other.rmssd_ms, other.pnn50_pct)
    assert one.sdnn_ms == pytest.approx(other.sdnn_ms, rel=1e-14)


def test_no_difference_crosses_a_gap() -> None:
    found = series([800.0] * 40 + [1000.0] * 40, [0] * 40 + [1] * 40)
    assert judged_variability(found).rmssd_ms == 0.0
    assert raw_variability(found).rmssd_ms == 0.0


def test_no_difference_touches_a_flag_and_the_raw_value_shows_it() -> None:
    rr = [1000.0] * 70
    rr[40:42] = [700.0, 1300.0]
    found = series(rr)
    metrics = window(found, 60, 65)
    assert (metrics.rmssd_ms, metrics.sdnn_ms, metrics.n_nn) == (0.0, 0.0, 58)
    assert metrics.artefact_pct == pytest.approx(100 * 2 / 60)
    assert metrics.coverage == pytest.approx(58 / 60)
    assert raw_variability(found).rmssd_ms == pytest.approx(
        math.sqrt((300**2 + 600**2 + 300**2) / 69)
    )


def test_a_missing_index_is_a_gap() -> None:
    intervals = judged([800.0] * 20 + [900.0] * 20)
    holed = Series.of(intervals[:19] + intervals[21:])
    assert judged_variability(holed).rmssd_ms == 0.0


def test_values_come_when_there_is_enough() -> None:
    found = series([1000.0] * 400)

    def known(length_s: float, end_s: float) -> list[bool]:
        held = found.between(-1, round(end_s * S))
        metrics = window(held, length_s, end_s)
        values = (metrics.hr_bpm, metrics.rmssd_ms, metrics.sdnn_ms, metrics.pnn50_pct)
        return [value is not None for value in values]

    assert known(30, 9) == [False, False, False, False]
    assert known(30, 10) == [True, False, False, False]
    assert known(300, 10) == [True, False, False, False]
    assert known(30, 29) == [True, False, False, False]
    assert known(30, 30) == [True, True, True, False]  # no pNN50 below a minute
    assert known(60, 59) == [True, False, False, False]
    assert known(60, 60) == [True, True, True, True]
    assert known(300, 300) == [True, True, True, True]


def test_a_window_with_a_hole_says_how_much_it_covers() -> None:
    intervals = judged([1000.0] * 100)
    holed = Series.of(intervals[:60] + intervals[80:])
    metrics = window(holed, 60, 100)
    assert metrics.coverage == pytest.approx(40 / 60)
    assert metrics.hr_bpm == 60.0
    assert metrics.rmssd_ms is None


def test_intervals_at_the_edges_are_clipped() -> None:
    found = series([800.0] * 100)
    metrics = time_domain(found, 30 * S + S // 2, 60 * S + S // 2)
    assert metrics.coverage == pytest.approx(1.0)
    assert time_domain(found, 60 * S, 90 * S).coverage == pytest.approx(20 / 30)


def test_an_empty_window_knows_nothing() -> None:
    metrics = LiveWindows().metrics(5 * S)
    assert metrics.w30 == WindowMetrics(
        coverage=0.0,
        n_nn=0,
        artefact_pct=0.0,
        hr_bpm=None,
        rmssd_ms=None,
        sdnn_ms=None,
        pnn50_pct=None,
    )


def test_the_live_windows_equal_the_whole_series() -> None:
    rr = rest(2000, seed=3)
    intervals, whole = judged(rr), series(rr)
    live = LiveWindows()
    end_ns = 0
    for interval in intervals:
        live.add(interval)
        if interval.index % 97 == 0:
            end_ns = interval.t_ns + S // 3
            held = whole.slice(0, interval.index + 1)
            expected = time_domain(held, end_ns - 300 * S, end_ns)
            assert live.metrics(end_ns).w300 == expected
    assert len(live.series) < 400


def test_a_growing_series_forgets_and_keeps_order() -> None:
    growing = GrowingSeries(capacity=4)
    for interval in judged([1000.0] * 50):
        growing.add(interval)
        growing.forget_before(interval.t_ns - 10 * S)
    assert growing.view().t_ns.tolist() == [t * S for t in range(41, 51)]


def test_sums_on_the_bluetooth_grid_are_exact() -> None:
    rr = [on_grid(x) for x in rest(300)]
    counts = [round(x * 1.024) for x in rr]
    differences = np.diff(counts).tolist()
    squares = sum(d * d for d in differences) * 125**2 / 128**2
    assert judged_variability(series(rr)).rmssd_ms == math.sqrt(squares / 299)
    assert judged_variability(series(rr)).hr_bpm == 60_000 / (
        sum(counts) * 125 / 128 / 300
    )
