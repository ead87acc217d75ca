"""The adaptive pacer: towards the stronger answer, slowly, and never beyond."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biofeedback.practice.adaptive import (
    LIMITS_BPM,
    STEP_BPM,
    Look,
    Move,
    Reason,
    Walk,
    decide,
)


def look(rate_bpm: float, *rsa_bpm: float | None) -> Look:
    return Look(
        rate_bpm=rate_bpm,
        rsa_bpm=rsa_bpm,
        followed=True,
        in_phase_pct=90.0,
        suitable=True,
    )


def walked(
    resonance_bpm: float, *, damping: float, start_bpm: float, n: int, seed: int
) -> list[Move]:
    """Walk with breaths that differ by 20 %, about what calm people's do."""
    rng, walk, rate, moves = np.random.default_rng(seed), Walk(), start_bpm, []
    for _ in range(n):
        x, width = rate / resonance_bpm, 2 * damping
        mean = 10 * width * x / math.hypot(1 - x * x, width * x)
        rsa = mean * (1 + 0.2 * rng.normal(size=int(2 * rate) - 1))
        walk, move = decide(walk, look(rate, *np.maximum(rsa, 0.1).tolist()))
        moves.append(move)
        rate = move.to_bpm
    return moves


@pytest.mark.parametrize(("resonance", "start"), [(5.2, 6.2), (6.0, 5.0)])
def test_it_finds_a_clear_resonance_in_a_few_sessions(
    resonance: float, start: float
) -> None:
    ends = [
        walked(resonance, damping=0.1, start_bpm=start, n=40, seed=seed)[-1].to_bpm
        for seed in range(40)
    ]
    near = [end for end in ends if abs(end - resonance) <= 0.3]
    assert len(near) >= 36


def test_noise_does_not_make_it_wander() -> None:
    ends = [
        walked(6.0, damping=50.0, start_bpm=6.0, n=10, seed=seed)[-1].to_bpm
        for seed in range(100)
    ]
    assert np.mean(ends) == pytest.approx(6.0, abs=0.1)
    assert np.percentile(ends, 95) - np.percentile(ends, 5) <= 0.7


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        (Reason.NOT_FOLLOWED, {"followed": False}),
        (Reason.NOT_FOLLOWED, {"in_phase_pct": 40.0}),
        (Reason.NOT_FOLLOWED, {"in_phase_pct": None}),
        (Reason.NOT_SUITABLE, {"suitable": False}),
        (Reason.FEW_BREATHS, {"rsa_bpm": (8.0,) * 5 + (None,) * 7}),
        (Reason.NO_ANSWER, {"rsa_bpm": (0.0,) * 11}),
        (Reason.OUTSIDE, {"rate_bpm": 8.0}),
    ],
)
def test_it_holds_and_says_why(reason: Reason, changes: dict[str, object]) -> None:
    seen = msgspec.structs.replace(look(6.0, *[8.0] * 11), **changes)
    walk, move = decide(Walk(), seen)
    assert (move.reason, move.to_bpm) == (reason, seen.rate_bpm)
    assert walk == Walk()


def test_it_explains_itself_in_numbers() -> None:
    walk, _ = decide(Walk(), look(6.0, *[8.0] * 11))
    walk, _ = decide(walk, look(5.9, *[9.0] * 11))
    told = msgspec.json.decode(decide(walk, look(5.8, *[10.0] * 10))[1].text)
    slope = told.pop("slope")
    assert slope == pytest.approx(math.log(8 / 10) / 0.2, abs=0.02)
    assert told.pop("slope_se") < abs(slope) / 1.6
    assert told == {
        "reason": "stronger",
        "from_bpm": 5.8,
        "to_bpm": 5.7,
        "n_breaths": 10,
        "answer_bpm": 10.0,
        "rate_before_bpm": 5.9,
        "answer_before_bpm": 9.0,
        "n_breaths_before": 11,
    }


rsa = st.none() | st.floats(0, 60)
looks = st.builds(
    Look,
    rate_bpm=st.just(0.0),
    rsa_bpm=st.lists(rsa, max_size=14).map(tuple),
    followed=st.none() | st.booleans(),
    in_phase_pct=st.none() | st.floats(0, 100),
    suitable=st.booleans(),
)


@given(st.floats(3, 9), st.lists(looks, max_size=40))
@settings(max_examples=60, deadline=None)
def test_whatever_is_measured_it_stays_in_bounds(
    start_bpm: float, seen: list[Look]
) -> None:
    walk, rate = Walk(), start_bpm
    low, high = LIMITS_BPM
    for one in seen:
        walk, move = decide(walk, msgspec.structs.replace(one, rate_bpm=rate))
        assert abs(move.to_bpm - rate) <= STEP_BPM + 1e-3
        if move.to_bpm != rate:
            assert low <= move.to_bpm <= high
        rate = move.to_bpm
