"""The fault list, 42 to 50: what the packets hold. See ``docs/straps.md``."""

from __future__ import annotations

import msgspec
import pytest

from biofeedback.model import (
    BeatEvent,
    HeartEvent,
    Label,
    LinkEvent,
    LinkReason,
    LinkState,
    LinkStep,
)
from biofeedback.session.clock import ManualClock
from biofeedback.simulator.bluez_objects import Make
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.bus import PrivateBus
from biofeedback.simulator.models import MODELS
from biofeedback.wire import DeviceInformation, HeartRateMeasurement
from tests.drivers.scene import HASTY, QUICK, scene
from tests.drivers.sitting import sitting

NO_STALL = msgspec.structs.replace(QUICK, silence_s=60.0)
"""The test holds the clock: silence is not what it is about."""

ODD = {
    "empty": b"",
    "one byte": b"\x10",
    "odd tail": b"\x10\x3c\x00\x04\x07",
    "too long": b"\x10\x3c" + b"\x00\x04" * 9,
    "all ones": b"\xff" * 20,
}


@pytest.mark.parametrize("data", ODD.values(), ids=ODD)
async def test_fault_42_packets_that_should_not_be(
    bus: PrivateBus, data: bytes
) -> None:
    async with scene(bus) as at, sitting(at) as held:
        await at.beats()
        await held.packet(data)
        at.delivered.extend(HeartRateMeasurement.from_bytes(data).rr_1024 or ())
        await at.beats()
        assert at.sent()[3] == data
        assert at.strap.links == 1


def tickr() -> VirtualStrap:
    """Return a strap whose contact bits can be trusted."""
    information = DeviceInformation(manufacturer="Wahoo Fitness", model="TICKR")
    return VirtualStrap(name="TICKR 0001", make=Make(information=information))


@pytest.mark.parametrize("data", [*ODD.values()][1:], ids=[*ODD][1:])
async def test_fault_42_such_packets_through_a_socket(
    bus: PrivateBus, data: bytes
) -> None:
    async with scene(bus, start=False) as at, sitting(at) as held:
        await at.beats()
        await held.packet(data)
        at.delivered.extend(HeartRateMeasurement.from_bytes(data).rr_1024 or ())
        await at.beats()
        assert at.sent()[3] == data
        assert at.strap.links == 1


async def test_fault_42_an_empty_packet_ends_a_socket_and_is_overcome(
    bus: PrivateBus,
) -> None:
    # Nothing to read means the end of a socket (AcquireNotify), so Bleak closes it.
    async with scene(bus, start=False, timing=HASTY) as at:
        at.begin()
        await at.beats()
        await at.strap.notify(b"")
        at.strap.silent = True
        await at.reached(LinkStep.LOST, LinkReason.NO_DATA)
        at.strap.silent = False
        await at.beats()
        await at.reached(LinkStep.STREAMING)


async def test_fault_43_wide_rate_energy_and_contact(bus: PrivateBus) -> None:
    async with scene(bus, tickr(), clock=ManualClock(), timing=NO_STALL) as at:
        async with sitting(at) as held:
            contacts = [True, False, True, None, True]
            for number, contact in enumerate(contacts):
                await held.packet(
                    bytes(
                        HeartRateMeasurement(
                            hr_bpm=300 if number == 4 else 60 + number,
                            wide=number in (1, 4),
                            energy_kj=number if number > 1 else None,
                            contact=contact,
                            rr_1024=(900 + number,),
                        )
                    )
                )
                at.delivered.append(900 + number)
            told = await held.told()
        hearts = [each for each in told if isinstance(each, HeartEvent)]
        assert [each.hr_bpm for each in hearts] == [60, 61, 62, 63, 300]
        assert [each.contact for each in hearts] == contacts
        assert held.rr_1024 == at.delivered
        links = [each.state for each in told if isinstance(each, LinkEvent)]
        assert links.count(LinkState.CONTACT_LOST) == 1
        assert links[-2:] == [LinkState.STREAMING, LinkState.ENDED]


async def test_fault_44_intervals_that_no_heart_made(bus: PrivateBus) -> None:
    async with scene(bus, clock=ManualClock(), timing=NO_STALL) as at:
        async with sitting(at) as held:
            for _ in range(10):
                await held.second(1024)
            flag_only = bytes.fromhex("103c")  # the RR bit, and no RR
            for data, rr in (
                (flag_only, ()),
                (bytes.fromhex("103c0000"), (0,)),
                (bytes.fromhex("103cffff"), (65535,)),
                (bytes.fromhex("10382d043500"), (1069, 53)),  # a Garmin HRM-Dual's
            ):
                await held.packet(data)
                at.delivered.extend(rr)
            for _ in range(10):
                await held.second(1024)
            odd = [each for each in held.intervals if each.label is not Label.NORMAL]
        # Flagged and kept as they came; never a part of what is computed.
        assert {65535, 53} <= {round(each.rr_ms * 1.024) for each in odd}
        assert all(each.nn_ms is None for each in odd)


async def test_fault_45_strap_off_the_body(bus: PrivateBus) -> None:
    async with scene(bus, tickr(), clock=ManualClock(), timing=NO_STALL) as at:
        async with sitting(at) as held:
            for _ in range(3):
                await held.second(1024)
            off = HeartRateMeasurement(hr_bpm=0, contact=False)
            await held.packet(bytes(off))
            await held.packet(bytes(HeartRateMeasurement(hr_bpm=0)))
            for _ in range(3):
                await held.second(1024)
            told = await held.told()
        rates = [each.hr_bpm for each in told if isinstance(each, HeartEvent)]
        assert rates == [60, 60, 60, None, None, 60, 60, 60]
        lost = [
            each
            for each in told
            if isinstance(each, LinkEvent) and each.state is LinkState.CONTACT_LOST
        ]
        assert [each.reason for each in lost] == [LinkReason.NO_CONTACT]
        assert at.strap.links == 1


async def test_fault_45_without_contact_bits_a_rate_of_0_is_enough(
    bus: PrivateBus,
) -> None:
    h10 = MODELS["polar_h10"].strap()
    async with scene(bus, h10, clock=ManualClock(), timing=NO_STALL) as at:
        async with sitting(at) as held:
            for _ in range(3):
                await held.second(1024)
            for _ in range(5):
                await held.second(hr_bpm=0)
            for _ in range(3):
                await held.second(1024)
            told = await held.told()
        hearts = [each for each in told if isinstance(each, HeartEvent)]
        rates = [each.hr_bpm for each in hearts]
        assert rates == [60] * 3 + [None] * 5 + [60] * 3
        assert {each.contact for each in hearts} == {None}
        links = [each for each in told if isinstance(each, LinkEvent)]
        lost = [each for each in links if each.state is LinkState.CONTACT_LOST]
        assert [each.reason for each in lost] == [LinkReason.NO_CONTACT]
        after = links[links.index(lost[0]) + 1]
        assert after.state is LinkState.STREAMING
        assert after.t_ms - lost[0].t_ms == pytest.approx(3000, abs=1)
        assert at.strap.links == 1


async def test_fault_46_never_any_rr(bus: PrivateBus) -> None:
    band = MODELS["polar_optical"].strap()
    async with scene(bus, band, clock=ManualClock(), timing=NO_STALL) as at:
        async with sitting(at) as held:
            for _ in range(15):
                await held.second(hr_bpm=70)
            told = await held.told()
        only = [
            each
            for each in told
            if isinstance(each, LinkEvent) and each.reason is LinkReason.HR_ONLY
        ]
        # Said once, and no fault: the rate goes on.
        assert [each.state for each in only] == [LinkState.STREAMING]
        rates = [each.hr_bpm for each in told if isinstance(each, HeartEvent)]
        assert rates == [70] * 15
        assert held.intervals == []


async def test_fault_47_duplicated_packets(bus: PrivateBus) -> None:
    async with scene(bus, clock=ManualClock(), timing=NO_STALL) as at:
        async with sitting(at) as held:
            for number in range(40):
                rr = 1000 + number
                await held.second(rr)
                if number % 8 == 7:  # the radio delivers it again
                    await held.packet(at.sent()[-1])
                    at.delivered.append(rr)
            # Equal intervals are no proof of a duplicate, so none is thrown away; but
            # there are more beats than time, and no difference crosses that.
            assert held.rr_1024 == at.delivered
            assert len(held.segments) > 1


async def test_fault_48_lost_packets(bus: PrivateBus) -> None:
    async with scene(bus, clock=ManualClock(), timing=NO_STALL) as at:
        async with sitting(at) as held:
            clock = held.session.clock
            assert isinstance(clock, ManualClock)
            for number in range(40):
                if number in (20, 21):
                    await clock.advance(1.0)
                else:
                    await held.second(1000 + number)
            assert held.rr_1024 == at.delivered
            before = {i.segment for i in held.intervals if i.rr_ms * 1.024 < 1019.5}
            after = {i.segment for i in held.intervals if i.rr_ms * 1.024 > 1021.5}
            # What was lost is a gap: nothing is joined across it.
            assert before.isdisjoint(after)


async def test_fault_49_sixty_bpm_locked_to_the_second(bus: PrivateBus) -> None:
    async with scene(bus, clock=ManualClock(), timing=NO_STALL) as at:
        async with sitting(at) as held:
            for _ in range(60):
                await held.second(1024)
            told = await held.told()
        assert held.segments == [0]
        doubts_ms = [
            each.uncertainty_ms for each in told if isinstance(each, BeatEvent)
        ]
        # Nothing tells where in its second the heart beats: that is not hidden.
        assert len(doubts_ms) == 60
        assert min(doubts_ms) >= 400


@pytest.mark.parametrize(
    ("hr_bpm", "rr_1024", "label"),
    [
        (30, 2048, Label.NORMAL),
        (199, 308, Label.NORMAL),
        # Shorter than 300 ms: shown and kept, and no part of the variability.
        (219, 280, Label.ARTEFACT),
    ],
)
async def test_fault_50_very_slow_and_very_fast(
    bus: PrivateBus, hr_bpm: int, rr_1024: int, label: Label
) -> None:
    async with scene(bus, clock=ManualClock(), timing=NO_STALL) as at:
        async with sitting(at) as held:
            sent = 0
            for second in range(1, 61):
                due = second * 1024 // rr_1024
                await held.second(*[rr_1024] * (due - sent), hr_bpm=hr_bpm)
                sent = due
            assert held.rr_1024 == at.delivered
            assert len(at.delivered) == hr_bpm
            assert held.segments == [0]
            assert {each.label for each in held.intervals} == {label}
