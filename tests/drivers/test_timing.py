"""Backoff and watchdog: pure, so no test has to wait."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofeedback_drivers.timing import Backoff, Drops, Timing, Watchdog

S = 1_000_000_000


@given(st.integers())
def test_waits_double_up_to_half_a_minute_with_jitter(seed: int) -> None:
    backoff = Backoff(Timing(), random.Random(seed))
    steps = [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    for step_s in steps:
        assert 0 <= backoff.next_s() <= step_s
    backoff.reset()
    assert backoff.next_s() <= 0.5


def test_the_same_seed_waits_the_same() -> None:
    one, other = (Backoff(Timing(), random.Random(7)) for _ in range(2))
    assert [one.next_s() for _ in range(5)] == [other.next_s() for _ in range(5)]


def test_silence_is_five_seconds_for_a_strap_that_sends_every_second() -> None:
    watchdog = Watchdog(Timing(), 0)
    assert watchdog.deadline_ns == 5 * S
    for second in range(1, 10):
        watchdog.heard(second * S)
    assert watchdog.deadline_ns == 14 * S


def test_silence_is_five_intervals_for_a_slow_strap() -> None:
    watchdog = Watchdog(Timing(), 0)
    for second in range(0, 40, 2):
        watchdog.heard(second * S)
    assert watchdog.deadline_ns == (38 + 10) * S


def test_a_burst_after_a_stall_is_not_the_usual() -> None:
    watchdog = Watchdog(Timing(), 0)
    for second in range(0, 40, 2):
        watchdog.heard(second * S)
    for _ in range(30):
        watchdog.heard(60 * S)
    assert watchdog.deadline_ns == (60 + 10) * S


def test_a_link_is_steady_after_half_a_minute_of_data() -> None:
    watchdog = Watchdog(Timing(), 0)
    assert not watchdog.steady
    watchdog.heard(10 * S)
    watchdog.heard(39 * S)
    assert not watchdog.steady
    watchdog.heard(40 * S)
    assert watchdog.steady


@given(st.integers(), st.integers(min_value=0, max_value=12))
def test_after_data_the_next_two_waits_are_short(seed: int, failures: int) -> None:
    backoff = Backoff(Timing(), random.Random(seed))
    for _ in range(failures):
        backoff.next_s()
    backoff.soften()
    assert backoff.next_s() <= 1
    assert backoff.next_s() <= 1
    assert backoff.next_s() <= 2


@pytest.mark.parametrize(
    ("ages_s", "period_s"),
    [
        ((30.0, 31.0, 29.5), 30.2),
        ((150.0, 150.0, 150.0), 150.0),
        ((600.0, 30.0, 30.0, 30.0), 30.0),
        ((30.0, 30.0), None),
        ((30.0, 34.0, 30.0), None),
        ((30.0, 30.0, 30.0, 300.0), None),
        ((1.0, 1.0, 1.0), None),  # a strap at the edge of reach
    ],
)
def test_drops_at_a_constant_age_are_noticed(
    ages_s: tuple[float, ...], period_s: float | None
) -> None:
    drops = Drops(Timing())
    for age_s in ages_s:
        drops.note(age_s)
    if period_s is None:
        assert drops.period_s is None
    else:
        assert drops.period_s == pytest.approx(period_s, abs=0.1)
