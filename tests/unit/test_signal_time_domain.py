"""Windows in the time domain: closed forms, gates, gaps."""

from __future__ import annotations

import math

import numpy as np
import pytest

from biofeedback.model import WindowMetrics
from biofeedback.signal.history import windows
from biofeedback.signal.series import UNITS_PER_S, Series
from biofeedback.signal.time_domain import (
    judged_variability,
    many_metrics,
    metrics,
    raw_variability,
    refused,
    variability,
    window_metrics,
)
from biofeedback.signal.windows import LiveWindows
from tests.unit.rhythms import judged, on_grid, rest, series

S = 1_000_000_000


def window(found: Series, length_s: float, end_s: float) -> WindowMetrics:
    """The window of ``found`` that ends at ``end_s`` on the beat clock."""
    ends = np.array([round(end_s * UNITS_PER_S)])
    many = windows(found, ends, [round(length_s * UNITS_PER_S)])
    return window_metrics(many.metrics[0, 0].tolist())


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
    one, other = raw_variability(forth), raw_variability(back)
    assert (one.rmssd_ms, one.pnn50_pct) == (other.rmssd_ms, other.pnn50_pct)
    assert one.sdnn_ms == pytest.approx(other.sdnn_ms, rel=1e-14)


def test_no_difference_crosses_a_gap() -> None:
    found = series([800.0] * 40 + [1000.0] * 40, [0] * 40 + [1] * 40)
    assert judged_variability(found).rmssd_ms == 0.0
    assert raw_variability(found).rmssd_ms == 0.0


def test_no_difference_touches_a_flag_and_the_raw_value_shows_it() -> None:
    rr = [1000.0] * 170
    rr[140] = 2500.0
    found = series(rr)
    at_s = 160 + 1.5
    metrics = window(found, 60, at_s)
    assert (metrics.rmssd_ms, metrics.sdnn_ms, metrics.n_nn) == (0.0, 0.0, 58)
    assert metrics.artefact_pct == pytest.approx(100 / 59)
    assert metrics.coverage == pytest.approx(58 / 60, abs=0.01)
    assert raw_variability(found).rmssd_ms == pytest.approx(
        math.sqrt(2 * 1500**2 / 169)
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


def test_what_lies_before_the_window_does_not_cover_it() -> None:
    found = series([800.0] * 100)
    # The first of 38 intervals in (29.9, 59.9] began at 29.6: 0.3 s of it do not count,
    # nor does what is not over at the end.
    assert window(found, 30, 59.9).coverage == pytest.approx((59.2 - 29.9) / 30)
    assert window(found, 30, 60).coverage == 1.0
    assert window(found, 30, 90).coverage == pytest.approx(20 / 30)


def test_an_empty_window_knows_nothing() -> None:
    found = LiveWindows().numbers(5 * S).windows
    assert found.w30 == WindowMetrics(
        coverage=0.0,
        n_nn=0,
        artefact_pct=0.0,
        hr_bpm=None,
        rmssd_ms=None,
        sdnn_ms=None,
        pnn50_pct=None,
    )


def test_a_rhythm_of_abrupt_changes_is_refused_by_their_share_alone() -> None:
    assert not refused(n_abrupt=3, n_beats=20)  # 15 %
    assert refused(n_abrupt=4, n_beats=20)
    assert not refused(n_abrupt=19, n_beats=19)  # too few to say


def test_windows_of_hours_are_exact_too() -> None:
    """Sums that 64 bits do not hold: 20 000 intervals of nearly 2 s in one window."""
    rr = np.array([1990.0, 1991.0] * 10_000)
    found = Series(
        np.cumsum(rr * 1e6).astype(np.int64),
        rr,
        np.zeros(len(rr), np.int64),
        np.arange(len(rr)) > 0,
    )
    length_s = rr.sum() / 1000
    assert window(found, length_s, length_s).sdnn_ms == pytest.approx(
        np.std(rr, ddof=1), rel=1e-12
    )


@pytest.mark.parametrize("seed", range(5))
def test_one_window_and_many_have_the_same_bits(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = 400
    sums = np.zeros((n, 8), np.int64)
    sums[:, 2] = random.integers(0, 400, n)
    sums[:, 0] = sums[:, 2] * random.integers(200_000, 1_200_000, n)
    sums[:, 1] = sums[:, 0] ** 2 // np.maximum(sums[:, 2], 1) + random.integers(
        1, 10**12, n
    )
    sums[:, 4] = np.maximum(sums[:, 2] - random.integers(0, 9, n), 0)
    sums[:, 3] = sums[:, 4] * random.integers(0, 10**10, n)
    sums[:, 5] = sums[:, 4] // 3
    sums[:, 7] = sums[:, 2] + random.integers(0, 30, n)
    sums[:, 6] = sums[:, 7] // random.integers(4, 12, n)
    length = random.choice([30, 60, 300], n) * UNITS_PER_S
    overhang = random.integers(0, 640_000, n)
    whole = random.random(n) < 0.8
    many = many_metrics(sums, length=length, overhang=overhang, whole=whole)
    for k in range(n):
        assert window_metrics(many[k].tolist()) == metrics(
            sums[k].tolist(),
            length=int(length[k]),
            overhang=int(overhang[k]),
            whole=bool(whole[k]),
        )


def test_sums_on_the_bluetooth_grid_are_exact() -> None:
    rr = [on_grid(x) for x in rest(300)]
    counts = [round(x * 1.024) for x in rr]
    differences = np.diff(counts).tolist()
    squares = sum(d * d for d in differences) * 125**2 / 128**2
    assert raw_variability(series(rr)).rmssd_ms == math.sqrt(squares / 299)
    assert raw_variability(series(rr)).hr_bpm == 60_000 / (
        sum(counts) * 125 / 128 / 300
    )
