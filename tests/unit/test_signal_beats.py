"""Beat times: RR sums are the truth, arrivals only place them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from biofeedback.model import Beat
from biofeedback.signal.beats import BeatClock, rr_ms, rr_ns

S = 1_000_000_000
Packet = tuple[int, tuple[int, ...]]


def strap(
    rr_s: float = 0.7, length_s: float = 120, delay_s: float = 0.3, seed: int = 0
) -> tuple[list[Packet], list[float]]:
    """A strap that sends once a second what it has, and when the beats really were."""
    random = np.random.default_rng(seed)
    truth, counts = [], []
    t = 0.0
    while t < length_s:
        count = round((rr_s + random.normal(0, 0.02)) * 1024)
        t += count / 1024
        truth.append(t)
        counts.append(count)
    packets: list[Packet] = []
    sent = 0
    for second in range(1, int(length_s)):
        due = sent
        while due < len(truth) and truth[due] <= second:
            due += 1
        if due > sent:
            arrival = second + delay_s + abs(random.normal(0, 0.03))
            packets.append((round(arrival * S), tuple(counts[sent:due])))
            sent = due
    return packets, truth


def run(clock: BeatClock, packets: list[Packet]) -> list[Beat]:
    return [beat for packet in packets for beat in clock.measure(*packet)]


def test_counts_convert_exactly() -> None:
    assert [rr_ms(n) for n in (1, 512, 1024)] == [0.9765625, 500.0, 1000.0]
    assert rr_ns(1024 * 3600) == 3600 * S


def test_rr_are_kept_and_times_rise() -> None:
    packets, _ = strap()
    beats = run(BeatClock(), packets)
    assert [b.rr_ms for b in beats] == [rr_ms(n) for _, p in packets for n in p]
    assert [b.index for b in beats] == list(range(len(beats)))
    assert {b.segment for b in beats} == {0}
    assert all(a.t_ns < b.t_ns for a, b in pairwise(beats))


@pytest.mark.parametrize("rr_s", [0.45, 0.62, 0.7, 0.83, 0.97, 1.3])
def test_uncertainty_is_honest_and_shrinks(rr_s: float) -> None:
    packets, truth = strap(rr_s)
    beats = run(BeatClock(), packets)
    # The constant delay cannot be seen from here; jitter's smallest value neither.
    errors = [abs(b.t_ns / 1e6 - 1000 * (truth[b.index] + 0.3)) for b in beats]
    honest = [e <= b.uncertainty_ms for e, b in zip(errors, beats, strict=True)]
    assert np.mean(honest) > 0.95
    assert beats[0].uncertainty_ms >= 1000
    assert max(errors[-50:]) < 120


def test_a_heart_locked_to_the_straps_second_stays_in_doubt() -> None:
    beats = run(BeatClock(), [(n * S + S // 3, (1024,)) for n in range(1, 120)])
    assert beats[-1].uncertainty_ms > 900


def test_a_stalled_host_loses_no_beat_and_breaks_nothing() -> None:
    packets, _ = strap()
    stalled = [
        (max(t, 70 * S + 1_000_000 * i) if 40 * S < t < 70 * S else t, rr)
        for i, (t, rr) in enumerate(packets)
    ]
    smooth, rough = run(BeatClock(), packets), run(BeatClock(), stalled)
    assert [b.rr_ms for b in rough] == [b.rr_ms for b in smooth]
    assert {b.segment for b in rough} == {0}
    differences = [abs(a.t_ns - b.t_ns) for a, b in zip(smooth, rough, strict=True)]
    assert max(differences) < 0.1 * S


@pytest.mark.parametrize("lost", [2, 3, 10])
def test_lost_packets_begin_a_new_segment(lost: int) -> None:
    packets, truth = strap()
    kept = packets[:40] + packets[40 + lost :]
    beats = run(BeatClock(), kept)
    n_before = sum(len(rr) for _, rr in packets[:40])
    assert [b.segment for b in beats[:n_before]] == [0] * n_before
    assert {b.segment for b in beats[n_before:]} == {1}
    missing = sum(len(rr) for _, rr in packets[40 : 40 + lost])
    assert beats[-1].t_ns / 1e9 == pytest.approx(truth[len(beats) + missing - 1], abs=1)


def test_time_alone_releases_what_was_held_back() -> None:
    clock = BeatClock()
    run(clock, [(n * S, (1024,)) for n in range(1, 10)])
    assert clock.measure(20 * S, (1024,)) == ()
    assert clock.measure(20 * S + S // 10, ()) == ()
    (beat,) = clock.measure(21 * S, ())
    assert (beat.segment, beat.t_ns) == (1, 20 * S)


def test_a_break_separates_and_a_queue_behind_it_keeps_its_order() -> None:
    clock = BeatClock()
    before = run(clock, [(n * S, (1024,)) for n in range(1, 10)])
    clock.break_segment()
    queue: list[Packet] = [(30 * S + n, (1024,)) for n in range(10)]
    after = run(clock, queue) + list(clock.measure(31 * S, ()))
    assert [b.segment for b in after] == [1] * 10
    assert [b.t_ns for b in after] == pytest.approx(
        [n * S for n in range(21, 31)], abs=20
    )
    assert after[0].index == before[-1].index + 1


def test_breaking_twice_or_before_any_beat_makes_no_empty_segment() -> None:
    clock = BeatClock()
    clock.break_segment()
    clock.break_segment()
    (beat,) = clock.measure(S, (1024,))
    assert beat.segment == 0


def test_sums_that_run_ahead_begin_a_new_segment_and_time_does_not_turn_back() -> None:
    clock = BeatClock()
    beats = run(clock, [(n * S, (1024,)) for n in range(1, 20)])
    for n in range(20, 30):
        beats += clock.measure(n * S, (1024, 1024))
    beats += clock.flush()
    assert beats[-1].segment > 0
    assert all(a.t_ns < b.t_ns for a, b in pairwise(beats))


def test_a_rate_without_rr_makes_no_beat() -> None:
    clock = BeatClock()
    assert clock.measure(S, ()) == ()
    assert clock.measure(2 * S, (0,)) == ()
    assert clock.flush() == ()
