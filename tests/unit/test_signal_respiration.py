"""RSA per paced breath: a known swing reads as it is, or not at all."""

from __future__ import annotations

import numpy as np
import pytest

from biofeedback.signal.respiration import Breath, rsa
from biofeedback.signal.series import Series
from tests.unit.rhythms import judged, modulated, on_grid, series

S = 1_000_000_000


def breathing(swing_bpm: float, hz: float = 0.1, hr_bpm: float = 65) -> list[float]:
    half = swing_bpm / 2
    return modulated(
        lambda t: on_grid(60_000 / (hr_bpm + half * np.sin(2 * np.pi * hz * t))), 90
    )


def breaths(length_s: float = 10, until_s: float = 90) -> list[Breath]:
    n = int(until_s / length_s)
    return [(round(i * length_s * S), round((i + 1) * length_s * S)) for i in range(n)]


@pytest.mark.parametrize("hr_bpm", [55, 65, 80])
def test_plus_minus_5_bpm_reads_10(hr_bpm: float) -> None:
    found = rsa(series(breathing(10, hr_bpm=hr_bpm)), breaths(), 85 * S)
    assert found is not None
    assert found.rsa_bpm == pytest.approx(10, rel=0.02)
    assert found.n_breaths >= 5


def test_milliseconds_and_beats_agree() -> None:
    found = rsa(series(breathing(10)), breaths(), 85 * S)
    assert found is not None
    assert found.rsa_ms == pytest.approx(60_000 / 60 - 60_000 / 70, rel=0.02)


def test_a_metronome_has_none() -> None:
    found = rsa(series([1000.0] * 90), breaths(), 85 * S)
    assert found is not None
    assert (found.rsa_bpm, found.rsa_ms) == pytest.approx((0, 0), abs=1e-9)


def test_three_complete_breaths_are_needed() -> None:
    found = series(breathing(10))
    assert rsa(found, breaths(), 28 * S) is None
    assert rsa(found, breaths(), 32 * S) is not None
    assert rsa(found, breaths()[:2], 85 * S) is None
    assert rsa(found, (), 85 * S) is None
    assert rsa(series([]), breaths(), 85 * S) is None


def test_five_per_cent_ectopics_are_unscored() -> None:
    rr = breathing(10)
    for at in range(30, 90, 20):
        rr[at : at + 2] = [rr[at] * 0.7, rr[at + 1] + rr[at] * 0.3]
    assert rsa(series(rr), breaths(), 85 * S) is None


def test_a_breath_with_a_flag_is_left_out_and_the_rest_is_right() -> None:
    rr = breathing(10)
    rr[60:62] = [rr[60] * 0.7, rr[61] + rr[60] * 0.3]
    clean = rsa(series(breathing(10)), breaths(), 85 * S)
    found = rsa(series(rr), breaths(), 85 * S)
    assert clean is not None
    assert found is not None
    assert found.n_breaths < clean.n_breaths
    assert found.rsa_bpm == pytest.approx(10, rel=0.03)


def test_a_breath_across_a_gap_is_left_out() -> None:
    intervals = judged(breathing(10))
    holed = Series.of(intervals[:50] + intervals[52:])
    found = rsa(holed, breaths(), 85 * S)
    clean = rsa(Series.of(intervals), breaths(), 85 * S)
    assert found is not None
    assert clean is not None
    assert clean.n_breaths - found.n_breaths in (1, 2)
    assert found.rsa_bpm == pytest.approx(10, rel=0.03)
