"""RR intervals become the packets of a strap, and none is lost on the way."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofeedback.simulator.heart import profile_named
from biofeedback.simulator.packets import packets_from_heart, packets_from_rr
from biofeedback.simulator.strap import SimulatedStrap
from biofeedback.wire import HeartRateMeasurement

S = 1_000_000_000


@given(st.lists(st.floats(90, 5000), max_size=60))
def test_every_interval_is_sent_once_in_order_after_it_ended(
    rr_ms: list[float],
) -> None:
    counts = [round(each * 1.024) for each in rr_ms]
    ends = list(itertools.accumulate(counts))
    sent: list[int] = []
    for second, (t_ns, packet) in enumerate(packets_from_rr(rr_ms), start=1):
        assert t_ns == second * S
        measurement = HeartRateMeasurement.from_bytes(packet)
        assert len(packet) <= 20
        sent.extend(measurement.rr_1024 or ())
        if sent:
            assert ends[len(sent) - 1] <= second * 1024
    assert sent == counts


def test_a_second_without_a_beat_has_no_rr() -> None:
    packets = [
        HeartRateMeasurement.from_bytes(packet)
        for _, packet in packets_from_rr([1000.0, 2500.0])
    ]
    assert [p.rr_1024 for p in packets] == [(1024,), None, None, (2560,)]
    assert [p.hr_bpm for p in packets] == [60, 60, 60, 34]


@pytest.mark.parametrize("rr_ms", [0.0, -5.0, 64_000.0, 0.4])
def test_what_no_packet_can_hold_is_refused(rr_ms: float) -> None:
    with pytest.raises(ValueError, match="cannot be sent"):
        list(packets_from_rr([rr_ms]))


def test_the_simulated_heart_plays_for_as_long_as_asked() -> None:
    strap = SimulatedStrap(profile_named("metronome"), seed=3)
    packets = list(packets_from_heart(strap, seconds=60))
    assert [t_ns for t_ns, _ in packets] == [second * S for second in range(1, 61)]
    rr = [
        each
        for _, packet in packets
        for each in HeartRateMeasurement.from_bytes(packet).rr_1024 or ()
    ]
    assert 55 <= sum(rr) / 1024 <= 60
