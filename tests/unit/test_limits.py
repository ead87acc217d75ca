"""How often somebody may guess: never more than a few times, however they go about."""

from __future__ import annotations

from bisect import bisect_left

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biofeedback.service.limits import (
    AT_ONCE,
    FIRST_LOCK_S,
    FORGET_AFTER_S,
    FREE_REFUSALS,
    LONGEST_LOCK_S,
    PER_S,
    HeldUp,
    Limits,
)

HOUR_S = 3600.0
MOST_GUESSES_IN_AN_HOUR = FREE_REFUSALS + 7
"""Waits of 1, 2, 4, 8 and then 15 minutes leave seven more in the first hour."""

steps = st.lists(
    st.tuples(
        st.floats(0, 4000, allow_nan=False).map(lambda wait_s: round(wait_s, 1)),
        st.integers(0, 3),  # from which address
        st.sampled_from(["kim", "KIM ", "lee"]),
        st.integers(1, 40),  # how many at the same moment
    ),
    max_size=60,
)


def most_within(at_s: list[float], window_s: float) -> int:
    return max(
        (
            bisect_left(at_s, begin_s + window_s) - index
            for index, begin_s in enumerate(at_s)
        ),
        default=0,
    )


@settings(max_examples=150, deadline=None)
@given(steps)
def test_no_way_of_guessing_gets_more_guesses(
    guesses: list[tuple[float, int, str, int]],
) -> None:
    limits, now_s = Limits(), 1000.0
    by_name: dict[str, list[float]] = {"kim": [], "lee": []}
    by_address: dict[int, list[float]] = {}
    for wait_s, address, name, n in guesses:
        now_s += wait_s
        for _ in range(n):
            held_up = limits.attempt(f"10.0.0.{address}", name, now_s=now_s)
            if held_up is None:
                by_name[name.strip().lower()].append(now_s)
                by_address.setdefault(address, []).append(now_s)
            else:
                assert 1 <= held_up.retry_after_s <= LONGEST_LOCK_S
    for guessed in by_name.values():
        assert most_within(guessed, HOUR_S) <= MOST_GUESSES_IN_AN_HOUR
    for tried in by_address.values():
        for window_s in (1.0, 60.0, HOUR_S):
            assert most_within(tried, window_s) <= AT_ONCE + window_s * PER_S + 1


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2**32 - 1), st.text(max_size=20)),
        min_size=1,
        max_size=300,
    )
)
def test_memory_has_an_end(attempts: list[tuple[int, str]]) -> None:
    limits = Limits(most_addresses=50, most_names=20)
    for now_s, (address, name) in enumerate(attempts):
        ip = ".".join(str(byte) for byte in address.to_bytes(4, "big"))
        limits.attempt(ip, name, now_s=now_s)
        assert len(limits) <= 70


def test_the_wait_grows_and_ends() -> None:
    limits, now_s = Limits(), 0.0
    for number in range(FREE_REFUSALS):
        assert limits.attempt(f"10.0.0.{number}", "kim", now_s=now_s) is None
    waits = []
    for number in range(6):
        held_up = limits.attempt("10.1.1.1", "kim", now_s=now_s)
        assert held_up is not None
        waits.append(held_up.retry_after_s)
        assert held_up.is_first
        again = limits.attempt("10.1.1.2", "Kim", now_s=now_s)
        assert again == HeldUp(held_up.retry_after_s, is_first=False)
        now_s += held_up.retry_after_s
        assert limits.attempt(f"10.2.0.{number}", "kim", now_s=now_s) is None
    assert waits == [60, 120, 240, 480, 900, 900]
    now_s += FORGET_AFTER_S
    for _ in range(FREE_REFUSALS):
        assert limits.attempt("10.3.0.1", "kim", now_s=now_s) is None


def test_a_right_one_is_given_back() -> None:
    limits = Limits()
    for _ in range(10 * AT_ONCE):  # a whole clinic behind one address
        assert limits.attempt("10.0.0.1", "kim", now_s=5.0) is None
        limits.was_right("10.0.0.1", "kim", now_s=5.0)
    for _ in range(FREE_REFUSALS - 1):
        assert limits.attempt("10.0.0.2", "kim", now_s=5.0) is None
    limits.was_right("10.0.0.1", "KIM", now_s=5.0)
    assert limits.attempt("10.0.0.1", "kim", now_s=5.0) is None


def test_guesses_at_one_name_hold_nobody_else_up() -> None:
    limits = Limits()
    for number in range(50):
        limits.attempt(f"10.0.0.{number}", "kim", now_s=0.0)
    assert limits.attempt("10.0.0.1", "kim", now_s=1.0) is not None
    assert limits.attempt("10.0.0.1", "lee", now_s=1.0) is None
    assert limits.attempt("10.0.0.1", now_s=1.0) is None, "a passkey"


def test_a_household_has_one_address() -> None:
    limits = Limits()
    for number in range(AT_ONCE):
        address = f"2001:db8::{number:x}"
        assert limits.attempt(address, str(number), now_s=0.0) is None
    assert limits.attempt("2001:db8::ffff:1%eth0", "x", now_s=0.0) is not None
    assert limits.attempt("2001:db8:0:1::1", "x", now_s=0.0) is None
    for number in range(AT_ONCE):
        assert limits.attempt("::ffff:10.0.0.9", f"m{number}", now_s=0.0) is None
    assert limits.attempt("10.0.0.9", "x", now_s=0.0) is not None
    assert limits.attempt(None, "x", now_s=0.0) is None


@pytest.mark.parametrize("back_s", [1.0, 1e6])
def test_a_clock_that_was_set_back_locks_nobody_for_longer(back_s: float) -> None:
    limits = Limits()
    for number in range(FREE_REFUSALS):
        limits.attempt(f"10.0.0.{number}", "kim", now_s=1e7)
    now_s = 1e7 - back_s
    held_up = limits.attempt("10.0.1.1", "kim", now_s=now_s)
    assert held_up is not None
    assert held_up.retry_after_s <= LONGEST_LOCK_S
    assert held_up.retry_after_s >= FIRST_LOCK_S
    now_s += held_up.retry_after_s
    assert limits.attempt("10.0.1.1", "kim", now_s=now_s) is None
