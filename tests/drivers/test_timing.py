"""Backoff and watchdog: pure, so no test has to wait."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from biofeedback_drivers.timing import Backoff, Timing, Watchdog

S = 1_000_000_000


@given(st.integers())
def test_waits_double_up_to_half_a_minute_with_jitter(seed: int) -> None:
    backoff = Backoff(Timing(), random.Random(seed))
    steps = [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    for step_s in steps:
        assert step_s / 2 <= backoff.next_s() <= step_s
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
