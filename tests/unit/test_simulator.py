"""The simulated heart answers the breath; its strap speaks bytes like a real one."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from biofeedback.errors import SettingsError
from biofeedback.model import Notification
from biofeedback.simulator.heart import (
    PROFILES,
    Breath,
    Heart,
    HeartProfile,
    profile_named,
)
from biofeedback.simulator.strap import Silence, SimulatedStrap
from biofeedback.wire.heart_rate import HeartRateMeasurement

NS_PER_S = 1_000_000_000


def paced(breaths_per_min: float) -> Breath:
    def breath(t_s: float) -> tuple[float, float]:
        share = (t_s * breaths_per_min / 60) % 1.0
        return (1 - math.cos(2 * math.pi * share)) / 2, breaths_per_min

    return breath


def packets(
    strap: SimulatedStrap, seconds: int, breaths_per_min: float = 6.0
) -> list[tuple[int, HeartRateMeasurement]]:
    happenings = strap.advance(seconds * NS_PER_S, paced(breaths_per_min))
    return [
        (one.t_ns, HeartRateMeasurement.from_bytes(one.data))
        for one in happenings
        if isinstance(one, Notification) and one.characteristic == "2a37"
    ]


def rr_of(found: list[tuple[int, HeartRateMeasurement]]) -> NDArray[np.float64]:
    counts = [count for _, packet in found for count in packet.rr_1024 or ()]
    return np.array(counts) / 1.024


def swing_ms(breaths_per_min: float) -> float:
    quiet = HeartProfile(name="quiet", noise_ms=0, drift_ms=0, wander_ms=0)
    rr = rr_of(packets(SimulatedStrap(quiet, 1), 300, breaths_per_min))
    return float(rr.max() - rr.min())


def test_the_same_seed_gives_the_same_bytes() -> None:
    first, second, other = (
        list(SimulatedStrap(PROFILES["calm"], seed).advance(60 * NS_PER_S))
        for seed in (7, 7, 8)
    )
    assert first == second
    assert first != other


def test_the_rr_intervals_add_up_to_the_time_that_passed() -> None:
    rr = rr_of(packets(SimulatedStrap(PROFILES["calm"], 3), 600))
    assert 600 - rr.sum() / 1000 == pytest.approx(0.9, abs=0.9)


def test_the_heart_answers_most_at_its_resonance() -> None:
    at = {rate: swing_ms(rate) for rate in (3.0, 4.5, 5.6, 7.0, 12.0)}
    assert max(at, key=lambda rate: at[rate]) == 5.6
    assert at[5.6] == pytest.approx(180, rel=0.05)
    assert at[12.0] < at[5.6] / 2


def test_the_heart_quickens_while_the_lungs_fill() -> None:
    heart = Heart(PROFILES["metronome"], 1)
    answering = Heart(HeartProfile(name="rsa", noise_ms=0, drift_ms=0, wander_ms=0), 1)
    empty, full = (lambda _: (0.0, 5.6)), (lambda _: (1.0, 5.6))
    assert answering.next_rr_ms(0, full) < answering.next_rr_ms(0, empty)
    assert heart.next_rr_ms(0, full) == heart.next_rr_ms(0, empty)


def test_a_metronome_beats_evenly() -> None:
    rr = rr_of(packets(SimulatedStrap(PROFILES["metronome"], 1), 120))
    assert set(np.diff(rr)) == {0.0}


def test_ectopic_beats_come_early_and_are_followed_by_a_pause() -> None:
    rr = rr_of(packets(SimulatedStrap(PROFILES["ectopic"], 5), 900))
    early = [i for i in range(len(rr) - 1) if rr[i] < 0.72 * np.median(rr)]
    assert 0.015 < len(early) / len(rr) < 0.05
    assert all(rr[i + 1] > rr[i] * 1.4 for i in early)


def test_during_a_dropout_nothing_is_sent_and_its_beats_are_lost() -> None:
    happenings = list(SimulatedStrap(PROFILES["dropouts"], 1).advance(100 * NS_PER_S))
    silences = [one for one in happenings if isinstance(one, Silence)]
    assert [(one.t_ns // NS_PER_S, one.off) for one in silences] == [
        (45, True),
        (53, False),
        (90, True),
        (98, False),
    ]
    sent = [one.t_ns for one in happenings if isinstance(one, Notification)]
    longest = max(later - earlier for earlier, later in pairwise(sent))
    assert longest == 9 * NS_PER_S
    found = packets(SimulatedStrap(PROFILES["dropouts"], 1), 60)
    assert max(len(packet.rr_1024 or ()) for _, packet in found) <= 2


def test_packets_look_like_a_strap_s() -> None:
    found = packets(SimulatedStrap(PROFILES["anxious"], 2), 60)
    assert [t_ns for t_ns, _ in found] == [n * NS_PER_S for n in range(1, 61)]
    assert all(packet.contact is True for _, packet in found)
    assert all(packet.anomalies in ((), ("hr_zero",)) for _, packet in found)
    assert {len(packet.rr_1024 or ()) for _, packet in found[2:]} <= {1, 2}
    assert 75 < (found[-1][1].hr_bpm or 0) < 100


def test_an_unknown_profile_names_those_there_are() -> None:
    with pytest.raises(SettingsError, match="calm, anxious"):
        profile_named("elephant")
