"""The pacer as a function of time: exact, continuous, never jumping."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofeedback.errors import SettingsError
from biofeedback.model import PacerEvent
from biofeedback.practice import pacer
from biofeedback.practice.pacer import Phase

MINUTE_MS = 60_000.0

rates = st.sampled_from([3.0, 4.5, 5.0, 5.5, 6.0, 6.5, 7.0, 10.0])
shares = st.sampled_from([30.0, 40.0, 45.0, 50.0])


def default() -> tuple[PacerEvent, ...]:
    return (pacer.glide((), t_ms=0.0, rate_bpm=6.0, inhale_pct=40.0)[0],)


def test_six_a_minute_at_40_60_is_four_seconds_in_and_six_out() -> None:
    schedule = default()
    assert pacer.inhale_ms(schedule[0]) == 4000.0
    assert pacer.state_at(schedule, 3999.999).phase is Phase.IN
    assert pacer.state_at(schedule, 4000.0).phase is Phase.OUT
    assert pacer.state_at(schedule, 4000.0).fullness == 1.0
    assert pacer.state_at(schedule, 10_000.0).breath == 1
    assert pacer.state_at(schedule, 10_000.0).fullness == 0.0


def test_after_twenty_minutes_the_pacer_has_not_drifted() -> None:
    state = pacer.state_at(default(), 20 * MINUTE_MS)
    assert state.breath == 120
    assert state.breath_start_ms == pytest.approx(20 * MINUTE_MS, abs=1e-6)


def test_holds_keep_the_lungs_full_and_empty() -> None:
    part = pacer.glide(
        (), t_ms=0.0, rate_bpm=6.0, inhale_pct=50.0, hold_in_ms=1000, hold_out_ms=2000
    )[0]
    phases = [pacer.state_at((part,), t * 1000.0) for t in (1, 4, 6, 9)]
    assert [state.phase for state in phases] == [
        Phase.IN,
        Phase.HOLD_IN,
        Phase.OUT,
        Phase.HOLD_OUT,
    ]
    assert phases[1].fullness == 1.0
    assert phases[3].fullness == 0.0


@given(rates, shares, rates, shares, st.floats(0.0, 300_000.0))
def test_a_change_waits_for_the_next_breath_and_never_jumps(
    rate: float, share: float, new_rate: float, new_share: float, at_ms: float
) -> None:
    before = (pacer.glide((), t_ms=0.0, rate_bpm=rate, inhale_pct=share)[0],)
    under_way = pacer.state_at(before, at_ms)
    part = pacer.glide(before, t_ms=at_ms, rate_bpm=new_rate, inhale_pct=new_share)[0]
    after = (*before, part)

    assert part.origin_ms == under_way.breath_end_ms
    assert part.from_breath == under_way.breath + 1
    # Until the breath ends nothing moves differently ...
    assert pacer.state_at(after, at_ms) == under_way
    # ... and where the new pace takes over the lungs are empty on both sides.
    assert pacer.state_at(after, part.origin_ms).fullness == pytest.approx(0, abs=1e-9)
    just_before = pacer.state_at(after, part.origin_ms - 0.001)
    assert just_before.fullness == pytest.approx(0, abs=1e-6)
    one_ms = abs(
        pacer.state_at(after, at_ms + 1).fullness
        - pacer.state_at(after, at_ms).fullness
    )
    assert one_ms < 0.01


def test_two_changes_within_one_breath_both_wait_for_its_end() -> None:
    schedule = default()
    first = pacer.glide(schedule, t_ms=1000.0, rate_bpm=5.5, inhale_pct=40.0)[0]
    second = pacer.glide(
        (*schedule, first), t_ms=2000.0, rate_bpm=5.0, inhale_pct=40.0
    )[0]
    assert (first.origin_ms, second.origin_ms) == (10_000.0, 10_000.0)
    assert second.from_breath == 1
    assert pacer.active((*schedule, first, second), 10_000.0).rate_bpm == 5.0


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"rate_bpm": 2.0}, "3 and 20"),
        ({"rate_bpm": 25.0}, "3 and 20"),
        ({"inhale_pct": 10.0}, "20 and 80"),
        ({"hold_in_ms": 6000}, "half"),
        ({"hold_out_ms": -1}, "half"),
    ],
)
def test_a_pace_nobody_should_breathe_is_refused(
    change: dict[str, float], word: str
) -> None:
    asked = {"rate_bpm": 6.0, "inhale_pct": 40.0, "hold_in_ms": 0, "hold_out_ms": 0}
    pacer.check(**asked)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=word):
        pacer.check(**{**asked, **change})  # type: ignore[arg-type]


def test_breaths_are_listed_whole_and_across_a_change_of_pace() -> None:
    schedule = default()
    slower = pacer.glide(schedule, t_ms=25_000.0, rate_bpm=5.0, inhale_pct=40.0)[0]
    found = pacer.breaths((*schedule, slower), from_ms=5_000.0, to_ms=56_000.0)
    seconds = [(start / 1e9, stop / 1e9) for start, stop in found]
    assert seconds == [(10, 20), (20, 30), (30, 42), (42, 54)]


def test_a_large_change_goes_in_steps_of_half_a_breath_a_minute() -> None:
    schedule = default()
    parts = pacer.glide(
        schedule, t_ms=1000.0, rate_bpm=4.5, inhale_pct=40.0, ease_s=0.0
    )
    assert [part.rate_bpm for part in parts] == [5.5, 5.0, 4.5]
    # Each step is one breath, and begins where the breath before it ends.
    assert [part.origin_ms for part in parts] == pytest.approx(
        [10_000.0, 10_000 + 60_000 / 5.5, 10_000 + 60_000 / 5.5 + 12_000]
    )
    assert [part.from_breath for part in parts] == [1, 2, 3]
    after = pacer.joined(schedule, parts)
    for before, later in itertools.pairwise(after):
        state = pacer.state_at(after, later.origin_ms - 1e-3)
        assert state.fullness == pytest.approx(0, abs=1e-6)
        assert abs(later.rate_bpm - before.rate_bpm) <= pacer.LARGEST_STEP_BPM


def test_a_practice_comes_from_the_persons_own_rate_a_breath_a_minute_at_most() -> None:
    start = pacer.ramp_from(12.0, 6.0, minutes=20)
    parts = pacer.glide(
        default(),
        t_ms=0.0,
        rate_bpm=6.0,
        inhale_pct=40.0,
        ease_s=pacer.RAMP_EASE_S,
        from_rate_bpm=start,
    )
    assert (parts[0].rate_bpm, parts[-1].rate_bpm) == (12.0, 6.0)
    assert len(parts) == 13
    for step, later in itertools.pairwise(parts):
        lasted_s = (later.origin_ms - step.origin_ms) / 1000
        assert 30 <= lasted_s < 30 + 60 / step.rate_bpm
    assert pacer.ramp_from(14.0, 6.0, minutes=3) == 7.0  # the way is a third at most


def test_a_second_glide_takes_the_place_of_what_has_not_begun() -> None:
    schedule = default()
    first = pacer.glide(
        schedule, t_ms=1000.0, rate_bpm=4.5, inhale_pct=40.0, ease_s=0.0
    )
    schedule = pacer.joined(schedule, first)
    back = pacer.glide(
        schedule, t_ms=12_000.0, rate_bpm=6.0, inhale_pct=40.0, ease_s=0.0
    )
    schedule = pacer.joined(schedule, back)
    assert [part.rate_bpm for part in schedule] == [6.0, 5.5, 6.0]
    assert schedule[-1].origin_ms == pytest.approx(first[1].origin_ms)


def test_i_lost_it_begins_a_breath_at_the_tap() -> None:
    schedule = default()
    parts = pacer.glide(
        schedule, t_ms=13_400.0, rate_bpm=6.0, inhale_pct=40.0, origin_ms=13_250.0
    )
    assert [(part.origin_ms, part.from_breath) for part in parts] == [(13_250.0, 2)]
    after = pacer.joined(schedule, parts)
    assert pacer.state_at(after, 13_250.0).phase is Phase.IN
    assert pacer.state_at(after, 23_250.0).breath == 3
    # The breath that was cut short is no whole breath.
    whole = pacer.breaths(after, from_ms=0.0, to_ms=34_000.0)
    assert [start / 1e9 for start, _ in whole] == [0.0, 13.25, 23.25]
