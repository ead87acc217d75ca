"""RSA per paced breath: a known swing reads as it is, or not at all."""

from __future__ import annotations

from functools import partial

import msgspec
import numpy as np
import pytest

from biofeedback.model import PacerEvent
from biofeedback.practice.pacer import state_at
from biofeedback.signal.breathing_paced import (
    USUAL,
    PacedBreath,
    Shape,
    breath_swing,
)
from biofeedback.signal.respiration import Breath, LiveRsa, Rsa, mean_of, rsa
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


# --- Phase --------------------------------------------------------------------------


def answering(
    lag_s: float,
    shape: Shape = USUAL,
    length_s: float = 10,
    until_s: float = 125,
    drift_bpm_s: float = 0,
) -> Series:
    """Heart rate that follows the pacer's fullness, each RR the mean over itself."""

    def rr_at(t: float) -> float:
        rr = 900.0
        for _ in range(20):  # the interval whose middle has the rate that gives it
            middle_s = t + rr / 2000
            lungs = fullness(middle_s - lag_s, shape, length_s)
            rr = 60_000 / (60 + 12 * lungs + drift_bpm_s * middle_s)
        return rr

    return series([on_grid(rr) for rr in modulated(rr_at, until_s)])


def fullness(t: float, shape: Shape, length_s: float) -> float:
    schedule = (
        PacerEvent(
            t_ms=0,
            origin_ms=0,
            rate_bpm=60 / length_s,
            inhale_pct=100 * shape.inhale_share,
            hold_in_ms=round(1000 * length_s * shape.hold_in_share),
            hold_out_ms=round(1000 * length_s * shape.hold_out_share),
            from_breath=0,
        ),
    )
    return state_at(schedule, 1000 * t).fullness


@pytest.mark.parametrize("lag_s", [-1.0, 0.0, 0.8, 2.0])
@pytest.mark.parametrize(
    "shape",
    [
        USUAL,
        Shape(inhale_share=0.5),
        Shape(inhale_share=0.3, hold_in_share=0.1, hold_out_share=0.2),
    ],
)
def test_phase_is_the_planted_lag_whatever_the_pacers_shape(
    lag_s: float, shape: Shape
) -> None:
    found = breath_swing(answering(lag_s, shape), 50 * S, 60 * S, shape)
    assert found is not None
    assert found.phase_deg == pytest.approx(36 * lag_s, abs=3)
    assert found.strength > 0.9


def test_a_linear_trend_moves_neither_phase_nor_strength() -> None:
    level, drifting = answering(0.8), answering(0.8, drift_bpm_s=0.1)
    one, other = (breath_swing(x, 50 * S, 60 * S) for x in (level, drifting))
    assert one is not None
    assert other is not None
    assert one.phase_deg is not None
    assert other.phase_deg == pytest.approx(one.phase_deg, abs=1)
    assert other.strength == pytest.approx(one.strength, abs=0.02)


def test_a_metronome_has_no_phase_and_no_strength() -> None:
    found = rsa(series([1000.0] * 90), breaths(), 85 * S)
    assert found is not None
    assert (found.phase_deg, found.in_phase_pct) == (None, 0)


def test_a_constant_delay_moves_the_phase_but_not_who_kept_step() -> None:
    for lag_s in (0.0, 0.8, 2.6):
        found = rsa(answering(lag_s), breaths(until_s=120), 120 * S)
        assert found is not None
        assert found.phase_deg == pytest.approx(36 * lag_s, abs=3)
        assert found.in_phase_pct == 100


def test_antiphase_is_not_in_phase() -> None:
    found = rsa(answering(5.0), breaths(until_s=120), 120 * S)
    assert found is not None
    assert found.phase_deg is not None
    assert abs(found.phase_deg) == pytest.approx(180, abs=3)
    assert found.in_phase_pct == 0


def test_one_breath_out_of_step_is_counted() -> None:
    kept = PacedBreath(
        begin_ns=0, end_ns=1, rsa_bpm=8.0, rsa_ms=99.0, phase_deg=20.0, strength=0.9
    )
    late = msgspec.structs.replace(kept, phase_deg=140.0)
    weak = msgspec.structs.replace(kept, strength=0.3)
    found = mean_of([kept, kept, late, weak])
    assert found is not None
    assert found.in_phase_pct == 50
    assert mean_of([kept, kept]) is None


def test_who_breathes_otherwise_is_not_in_phase() -> None:
    swinging = answering(0.8, length_s=60 / 13)
    found = rsa(swinging, breaths(until_s=120), 120 * S)
    assert found is not None
    assert found.phase_deg is None
    assert found.in_phase_pct < 50


# --- Live ---------------------------------------------------------------------------


def test_live_answers_are_those_of_the_whole() -> None:
    whole = answering(0.8)
    live, told = LiveRsa(), []
    for n in range(1, len(whole) + 1):
        now_ns = int(whole.t_ns[n - 1])
        recent = [b for b in breaths(until_s=120) if b[0] >= now_ns - 60 * S]
        told.append(
            live.ask(recent, partial(whole.slice, 0, n), newest_ns=now_ns, revision=0)
        )
    after = [b for b in breaths(until_s=120) if b[0] >= int(whole.t_ns[-1]) - 60 * S]
    assert told[-1] == rsa(whole, after, 125 * S, recent_ns=None)
    assert told[0] is None


def test_a_live_breath_is_computed_again_when_judged_otherwise() -> None:
    whole = answering(0.8)
    live = LiveRsa()
    newest_ns = int(whole.t_ns[-1])
    recent = breaths(until_s=120)[-6:]

    def ask(revision: int) -> Rsa | None:
        return live.ask(recent, lambda: whole, newest_ns=newest_ns, revision=revision)

    before = ask(0)
    whole.label[np.searchsorted(whole.t_ns, 95 * S)] += 1
    after = ask(1)
    assert before is not None
    assert after is not None
    assert after.n_breaths == before.n_breaths - 1
    whole.label[np.searchsorted(whole.t_ns, 95 * S)] -= 1
    assert ask(2) == before


def test_nothing_is_computed_between_breaths() -> None:
    whole, live, asked = answering(0.8), LiveRsa(), 0

    def series_of() -> Series:
        nonlocal asked
        asked += 1
        return whole

    recent = breaths(until_s=120)[-6:]
    newest_ns = int(whole.t_ns[-1])
    for _ in range(5):
        live.ask(recent, series_of, newest_ns=newest_ns, revision=0)
    assert asked == 1
