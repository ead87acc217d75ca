"""Polar's signals over real Bleak: started, changed, lost, and always stopped."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import msgspec
import pytest
from bleak import BleakClient, BleakScanner

from biofeedback.model import Ask, LinkReason, Signal
from biofeedback.simulator.bluez import VirtualBlueZ
from biofeedback.simulator.bluez_strap import VirtualStrap, att_error
from biofeedback.simulator.fault import World
from biofeedback.simulator.faults import FAULTS
from biofeedback.simulator.models import MODELS
from biofeedback.wire import uuids
from biofeedback.wire.polar_pmd import (
    AccFrame,
    Command,
    EcgFrame,
    Frame,
    Measurement,
    Op,
    PpiFrame,
    Response,
    Setting,
    Settings,
    Status,
    UnknownFrame,
    control_from_bytes,
    frame_from_bytes,
)
from biofeedback.wire.profiles import profile_of
from biofeedback_drivers.link import Link
from biofeedback_drivers.options import Pair
from biofeedback_drivers.pmd import PolarStream
from biofeedback_drivers.pmd_settings import USUAL, chosen
from biofeedback_drivers.timing import Timing
from tests.drivers.room import eventually

ECG, ACC, PPI = Ask(signal=Signal.ECG), Ask(signal=Signal.ACC), Ask(signal=Signal.PPI)
PATIENT = Timing()
QUICK = msgspec.structs.replace(PATIENT, pmd_reply_s=0.2, pmd_again_s=0.05, stop_s=0.5)
MODES = pytest.mark.parametrize("start_notify", [True, False], ids=["start", "acquire"])

ECG_START = bytes.fromhex("02 00 00 01 82 00 01 01 0e 00")
STOP_ECG, STOP_ACC, STOP_PPI = b"\x03\x00", b"\x03\x02", b"\x03\x03"


class Wearer:
    """One strap, one link to it, and everything that passed."""

    def __init__(
        self, strap: VirtualStrap, client: BleakClient, link: Link, timing: Timing
    ) -> None:
        self.strap = strap
        self.client = client
        self.passed: list[tuple[str, bytes]] = []
        self.told: list[tuple[LinkReason | None, str]] = []
        self.polar = PolarStream(
            link,
            lambda short, data: self.passed.append((short, data)),
            timing,
            lambda reason, advice: self.told.append((reason, advice)),
            profile_of(strap.name),
        )

    @property
    def running(self) -> frozenset[Measurement]:
        assert self.strap.pmd is not None
        return self.strap.pmd.running

    def of(self, short: str) -> list[bytes]:
        return [data for name, data in self.passed if name == short]

    @property
    def written(self) -> list[bytes]:
        return self.of(uuids.PMD_WRITTEN)

    @property
    def replies(self) -> list[Response]:
        packets = map(control_from_bytes, self.of(uuids.PMD_CONTROL_POINT))
        return [packet for packet in packets if isinstance(packet, Response)]

    @property
    def frames(self) -> list[Frame]:
        return [frame_from_bytes(data) for data in self.of(uuids.PMD_DATA)]

    async def sees(self, kind: type[Frame]) -> Frame:
        await eventually(
            lambda: any(isinstance(each, kind) for each in self.frames),
            f"a {kind.__name__} among {len(self.frames)} frames",
        )
        return next(each for each in reversed(self.frames) if isinstance(each, kind))


@asynccontextmanager
async def worn(
    strap: VirtualStrap,
    *,
    start_notify: bool = True,
    timing: Timing = PATIENT,
    pair: Pair = Pair.NEVER,
) -> AsyncIterator[Wearer]:
    """Connect ``strap`` through the unmodified Bleak; disconnect at the end."""
    device = await BleakScanner.find_device_by_address(strap.address, timeout=5)
    assert device is not None
    async with BleakClient(device) as client:
        link = Link(client, timing, use_start_notify=start_notify, pair=pair)
        yield Wearer(strap, client, link, timing)


@pytest.fixture
def strap() -> VirtualStrap:
    strap = MODELS["polar_h10"].strap()
    strap.time.speed = 20
    return strap


# --- Starting and stopping --------------------------------------------------------


@MODES
async def test_an_h10_sends_ecg_and_acceleration_until_it_is_stopped(
    bluez: VirtualBlueZ, strap: VirtualStrap, start_notify: bool
) -> None:
    async with worn(strap, start_notify=start_notify) as wearer:
        assert await wearer.polar.open() == (Signal.ECG, Signal.ACC)
        await wearer.polar.want((ECG, ACC))
        assert wearer.running == {Measurement.ECG, Measurement.ACC}
        assert wearer.polar.running == {Signal.ECG, Signal.ACC}
        ecg = await wearer.sees(EcgFrame)
        assert isinstance(ecg, EcgFrame)
        assert len(ecg.samples) == 73
        acc = await wearer.sees(AccFrame)
        assert isinstance(acc, AccFrame)
        assert ecg.anomalies == acc.anomalies == ()

        await wearer.polar.close()
        assert wearer.running == frozenset()
    assert wearer.told == []
    assert wearer.written == [
        bytes.fromhex("01 00"),
        ECG_START,
        bytes.fromhex("01 02"),
        bytes.fromhex("02 02 00 01 32 00 01 01 10 00 02 01 08 00"),
        STOP_ECG,
        STOP_ACC,
    ]
    assert [reply.status for reply in wearer.replies] == [Status.OK] * 6


async def test_it_listens_before_it_asks(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    async with worn(strap) as wearer:
        await wearer.polar.open()
        await wearer.polar.want((ECG,))
        calls = [call.rpartition(".")[2] for call in bluez.calls]
        first = calls.index("WriteValue")
        assert calls[:first].count("StartNotify") == 2
        assert calls[:first].count("ReadValue") == 1
        await wearer.polar.close()


@MODES
async def test_a_read_that_comes_as_a_notification_is_no_reply(
    bluez: VirtualBlueZ, strap: VirtualStrap, start_notify: bool
) -> None:
    async with worn(strap, start_notify=start_notify) as wearer:
        await wearer.polar.open()
        await wearer.client.read_gatt_char(uuids.to_uuid128(uuids.PMD_CONTROL_POINT))
        await wearer.polar.want((ECG,))
        await wearer.client.read_gatt_char(uuids.to_uuid128(uuids.PMD_CONTROL_POINT))
        await wearer.sees(EcgFrame)
        assert wearer.running == {Measurement.ECG}
        await wearer.polar.close()
    # The control point indicates only, so BlueZ has no AcquireNotify for it.
    echoed = [data for data in wearer.of(uuids.PMD_CONTROL_POINT) if data[0] == 0x0F]
    assert len(echoed) >= 2


@MODES
async def test_an_optical_band_sends_pulse_intervals_and_compressed_acceleration(
    bluez: VirtualBlueZ, start_notify: bool
) -> None:
    band = MODELS["polar_optical"].strap(2)
    band.time.hasten(200)  # the first intervals take 25 s
    bluez.add(band)
    async with worn(band, start_notify=start_notify) as wearer:
        assert await wearer.polar.open() == (Signal.ACC, Signal.PPI)
        await wearer.polar.want((PPI, ACC))
        ppi = await wearer.sees(PpiFrame)
        assert isinstance(ppi, PpiFrame)
        assert all(300 < each.pp_ms < 2000 for each in ppi.samples)
        acc = await wearer.sees(AccFrame)
        assert isinstance(acc, AccFrame)
        assert acc.compressed
        start = next(r for r in wearer.replies if (r.op, r.measurement) == (2, 2))
        x, y, z = acc.milli_g(start.factor)[-1]
        assert 700 < (x * x + y * y + z * z) ** 0.5 < 1300  # a body at rest feels 1 g
        await wearer.polar.close()
        assert wearer.running == frozenset()
    assert b"\x02\x03" in wearer.written  # no settings
    assert {STOP_ACC, STOP_PPI} <= set(wearer.written)


async def test_a_wish_that_did_not_change_costs_nothing(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    async with worn(strap) as wearer:
        await wearer.polar.open()
        await wearer.polar.want((ECG,))
        count = len(wearer.written)
        for _ in range(5):
            await wearer.polar.want((ECG,))
        assert len(wearer.written) == count
        await wearer.polar.close()


async def test_a_wish_may_change(bluez: VirtualBlueZ, strap: VirtualStrap) -> None:
    fast = Ask(signal=Signal.ACC, rate_hz=180)
    async with worn(strap) as wearer:
        await wearer.polar.open()
        await wearer.polar.want((ECG, ACC))
        await wearer.polar.want((fast,))
        assert wearer.running == {Measurement.ACC}
        last = [Command.from_bytes(data) for data in wearer.written[-3:]]
        assert [each.op for each in last] == [Op.STOP, Op.STOP, Op.START]
        assert last[-1].settings.get(Setting.RATE) == (200,)
        await wearer.polar.want(())
        assert wearer.running == frozenset()
        await wearer.polar.want((ECG,))
        assert wearer.running == {Measurement.ECG}
        await wearer.polar.close()
    assert wearer.told == []


async def test_wishes_at_once_are_granted_one_after_the_other(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    async with worn(strap) as wearer:
        await wearer.polar.open()
        await asyncio.gather(
            *(wearer.polar.want(asks) for asks in ((ECG,), (), (ECG, ACC), (ACC,)))
        )
        assert wearer.running == {Measurement.ACC}
        assert wearer.polar.running == {Signal.ACC}
        await wearer.polar.close()
    assert wearer.told == []


# --- What a strap does not offer ----------------------------------------------------


async def test_old_firmware_is_told_and_the_heart_rate_goes_on(
    bluez: VirtualBlueZ,
) -> None:
    old = MODELS["polar_h10"].strap(2)
    old.make = replace(old.make, pmd_commands=False)
    bluez.add(old)
    async with worn(old) as wearer:
        assert await wearer.polar.open() == ()
        await wearer.polar.want((ECG,))
        await wearer.polar.close()
        assert wearer.client.is_connected
    assert [reason for reason, _ in wearer.told] == [LinkReason.FIRMWARE_OLD]
    assert wearer.written == []


@pytest.mark.parametrize("model", ["polar_h9", "wahoo", "heart_rate"])
async def test_a_strap_without_the_service_is_left_in_peace(
    bluez: VirtualBlueZ, model: str
) -> None:
    plain = MODELS[model].strap(2)
    bluez.add(plain)
    async with worn(plain) as wearer:
        assert await wearer.polar.open() == ()
        await wearer.polar.want(())
        await wearer.polar.close()
    assert wearer.told == []
    assert wearer.passed == []


async def test_a_signal_that_is_not_offered_is_told_once(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    async with worn(strap) as wearer:
        await wearer.polar.open()
        for _ in range(3):
            await wearer.polar.want((PPI, ECG))
        assert wearer.running == {Measurement.ECG}
        await wearer.polar.close()
    ((reason, advice),) = wearer.told
    assert reason is None
    assert advice.startswith("This strap offers no pulse intervals.")


async def test_features_that_cannot_be_read_are_those_of_the_model(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    strap.read_errors[uuids.PMD_CONTROL_POINT] = att_error(0x0E)
    async with worn(strap) as wearer:
        assert await wearer.polar.open() == (Signal.ECG, Signal.ACC)
        await wearer.polar.want((ECG,))
        await wearer.sees(EcgFrame)
        await wearer.polar.close()


# --- Faults ---------------------------------------------------------------------------


def pmd(wearer: Wearer) -> World:
    return World(bus=None, bluez=None, straps=(wearer.strap,))  # type: ignore[arg-type]


@MODES
@pytest.mark.parametrize("lost", [1, 2])
async def test_lost_replies_are_asked_for_again(
    bluez: VirtualBlueZ, strap: VirtualStrap, start_notify: bool, lost: int
) -> None:
    assert strap.pmd is not None
    async with worn(strap, start_notify=start_notify, timing=QUICK) as wearer:
        await wearer.polar.open()
        strap.pmd.lost_replies = lost  # of the settings
        await wearer.polar.want((ACC,))
        assert wearer.running == {Measurement.ACC}
        await wearer.polar.want(())
        strap.pmd.lost_replies = lost  # of the start: then it is "already in state"
        await wearer.polar.want((ACC,))
        assert wearer.polar.running == {Signal.ACC}
        strap.pmd.lost_replies = lost  # of the stop
        await wearer.polar.want(())
        assert wearer.running == frozenset()
        await wearer.polar.close()
    assert wearer.told == []
    # A lost answer to a start is no reason to stop what it started.
    ops = [Command.from_bytes(data).op for data in wearer.written if data[1] == 2]
    assert len(ops) >= 5 + 3 * lost
    assert [op for op, _ in itertools.groupby(ops)] == [
        Op.GET_SETTINGS,
        Op.START,
        Op.STOP,
        Op.START,
        Op.STOP,
    ]


async def test_a_strap_that_never_answers_is_told_once_and_tried_again(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    assert strap.pmd is not None
    # Deaf and dumb: nothing is answered and no frame comes.
    strap.pmd.late_start_s = 1e6
    async with worn(strap, timing=QUICK) as wearer:
        await wearer.polar.open()
        strap.pmd.lost_replies = 1000
        await wearer.polar.want((ACC,))
        assert [reason for reason, _ in wearer.told] == [LinkReason.TIMEOUT]
        assert wearer.polar.running == frozenset()
        tried = len(wearer.written)
        assert tried <= 2 * QUICK.pmd_attempts
        strap.pmd.lost_replies = 0
        await asyncio.sleep(QUICK.pmd_again_s)
        await wearer.polar.want((ACC,))
        assert wearer.polar.running == {Signal.ACC}
        assert len(wearer.told) == 1
        strap.pmd.lost_replies = 1000
        began_s = time.monotonic()
        await wearer.polar.close()
        assert time.monotonic() - began_s < QUICK.stop_s + 3
        assert wearer.running == frozenset()  # it obeyed all the same


async def test_frames_are_an_answer_too(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    assert strap.pmd is not None
    async with worn(strap, timing=QUICK) as wearer:
        await wearer.polar.open()
        strap.pmd.lost_replies = 1000
        await wearer.polar.want((ECG,))
        assert wearer.polar.running == {Signal.ECG}
        strap.pmd.lost_replies = 0
        await wearer.polar.close()
        assert wearer.running == frozenset()
    assert wearer.told == []
    assert ECG_START in wearer.written  # the usual settings, as none were told


@MODES
async def test_a_short_answer_to_a_start_is_enough(
    bluez: VirtualBlueZ, strap: VirtualStrap, start_notify: bool
) -> None:
    assert strap.pmd is not None
    async with worn(strap, start_notify=start_notify) as wearer:
        await wearer.polar.open()
        async with FAULTS["pmd_short_start"].during(pmd(wearer)):
            await wearer.polar.want((ECG, ACC))
        assert wearer.polar.running == {Signal.ECG, Signal.ACC}
        await wearer.sees(EcgFrame)
        await wearer.polar.close()
    assert wearer.told == []


async def test_a_reply_may_come_in_parts(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    assert strap.pmd is not None
    async with worn(strap) as wearer:
        await wearer.polar.open()
        server = strap.pmd
        server.lost_replies = 1
        wish = asyncio.create_task(wearer.polar.want((ACC,)))
        await eventually(lambda: server.lost_replies == 0, "the first command")
        for part in (
            "f0 01 02 00 01 00 01 64 00 01 01",
            "f0 01 02 00 00 10 00 02 01 04 00",
        ):
            await strap.notify(bytes.fromhex(part), uuids.PMD_CONTROL_POINT)
        await wish
        await wearer.polar.close()
    assert bytes.fromhex("02 02 00 01 64 00 01 01 10 00 02 01 04 00") in wearer.written


@MODES
async def test_what_an_earlier_link_left_running_is_started_anew(
    bluez: VirtualBlueZ, strap: VirtualStrap, start_notify: bool
) -> None:
    async with worn(strap, start_notify=start_notify) as first:
        await first.polar.open()
        await first.polar.want((Ask(signal=Signal.ACC, rate_hz=25),))
        # The link is lost: nothing is stopped.
    assert first.running == {Measurement.ACC}
    async with worn(strap, start_notify=start_notify) as wearer:
        await wearer.polar.open()
        await wearer.polar.want((Ask(signal=Signal.ACC, rate_hz=100),))
        assert wearer.polar.running == {Signal.ACC}
        ops = [Command.from_bytes(data).op for data in wearer.written]
        assert ops == [Op.GET_SETTINGS, Op.START, Op.STOP, Op.START]
        await wearer.polar.close()
        assert wearer.running == frozenset()
    assert wearer.told == []


@MODES
async def test_frames_that_nobody_asked_for_are_stopped(
    bluez: VirtualBlueZ, strap: VirtualStrap, start_notify: bool
) -> None:
    async with worn(strap, start_notify=start_notify) as killed:
        await killed.polar.open()
        await killed.polar.want((ECG,))
    async with worn(strap, start_notify=start_notify) as wearer:
        await wearer.polar.open()
        await wearer.sees(EcgFrame)
        await wearer.polar.want(())
        assert wearer.running == frozenset()
        await wearer.polar.close()
    assert wearer.written == [STOP_ECG, STOP_ACC]


async def test_what_a_killed_process_left_is_stopped_at_the_end(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    async with worn(strap) as killed:
        await killed.polar.open()
        await killed.polar.want((ECG, ACC))
    async with worn(strap) as wearer:
        await wearer.polar.open()
        await wearer.polar.close()
        assert wearer.running == frozenset()


async def test_already_in_state_without_end_counts_as_started(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    assert strap.pmd is not None
    async with worn(strap) as wearer:
        await wearer.polar.open()
        await wearer.polar.want((ECG,))  # its settings are known now
        await wearer.polar.want(())
        strap.pmd.refusals.extend([Status.ALREADY_IN_STATE] * 3)
        await wearer.polar.want((ECG,))
        assert wearer.polar.running == {Signal.ECG}
        await wearer.polar.close()
    assert wearer.told == []


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status.IN_CHARGER, "while it is in its charger"),
        (Status.INVALID_RATE, "(it answered INVALID_RATE)"),
        (Status.NOT_SUPPORTED, "(it answered NOT_SUPPORTED)"),
    ],
)
async def test_a_refused_signal_is_left_out_and_told_once(
    bluez: VirtualBlueZ, strap: VirtualStrap, status: Status, words: str
) -> None:
    assert strap.pmd is not None
    async with worn(strap) as wearer:
        await wearer.polar.open()
        strap.pmd.refusals.append(status)
        for _ in range(3):
            await wearer.polar.want((ECG, ACC))
        assert wearer.polar.running == {Signal.ACC}
        ((reason, advice),) = wearer.told
        assert reason is None
        assert words in advice
        # Asked for otherwise, it is tried again.
        await wearer.polar.want((Ask(signal=Signal.ECG, rate_hz=130), ACC))
        assert wearer.polar.running == {Signal.ECG, Signal.ACC}
        await wearer.polar.close()


async def test_a_strap_that_stops_by_itself_is_started_again(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    assert strap.pmd is not None
    async with worn(strap) as wearer:
        await wearer.polar.open()
        await wearer.polar.want((ECG,))
        await strap.notify(strap.pmd.give_up(), uuids.PMD_CONTROL_POINT)
        await eventually(
            lambda: wearer.polar.running == frozenset(), "word of the stop"
        )
        await wearer.polar.want((ECG,))
        assert wearer.running == {Measurement.ECG}
        await wearer.polar.close()


async def test_a_stream_may_start_late(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    assert strap.pmd is not None
    strap.pmd.late_start_s = 20.0  # one second, at this speed
    async with worn(strap) as wearer:
        await wearer.polar.open()
        await wearer.polar.want((ECG,))
        await wearer.polar.want((ECG,))
        await wearer.sees(EcgFrame)
        assert wearer.written.count(ECG_START) == 1  # not asked for twice
        await wearer.polar.close()


@MODES
async def test_frames_that_nobody_knows_are_handed_on(
    bluez: VirtualBlueZ, strap: VirtualStrap, start_notify: bool
) -> None:
    assert strap.pmd is not None
    strap.pmd.odd_frames = 2
    async with worn(strap, start_notify=start_notify) as wearer:
        await wearer.polar.open()
        await wearer.polar.want((ECG,))
        await wearer.sees(EcgFrame)
        await wearer.polar.close()
    assert [type(each) for each in wearer.frames[:3]] == [
        UnknownFrame,
        UnknownFrame,
        EcgFrame,
    ]


@pytest.mark.parametrize("where", ["notify", "write"])
async def test_a_strap_that_wants_pairing_is_told_and_stays_connected(
    bluez: VirtualBlueZ, strap: VirtualStrap, where: str
) -> None:
    errors = strap.notify_errors if where == "notify" else strap.write_errors
    errors[uuids.PMD_CONTROL_POINT] = att_error(0x05)
    async with worn(strap) as wearer:
        await wearer.polar.open()
        for _ in range(2):
            await wearer.polar.want((ECG, ACC))
        await wearer.polar.close()
        assert wearer.client.is_connected
    assert [reason for reason, _ in wearer.told][:1] == [LinkReason.PAIRING_NEEDED]
    assert len(wearer.told) == 1


async def test_a_write_that_fails_is_tried_again(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    strap.write_errors[uuids.PMD_CONTROL_POINT] = att_error(0x0E)
    async with worn(strap, timing=QUICK) as wearer:
        await wearer.polar.open()
        await wearer.polar.want((ECG,))
        assert [reason for reason, _ in wearer.told] == [LinkReason.TIMEOUT]
        del strap.write_errors[uuids.PMD_CONTROL_POINT]
        await asyncio.sleep(QUICK.pmd_again_s)
        await wearer.polar.want((ECG,))
        assert wearer.running == {Measurement.ECG}
        await wearer.polar.close()


@MODES
async def test_a_lost_link_ends_it_quietly(
    bluez: VirtualBlueZ, strap: VirtualStrap, start_notify: bool
) -> None:
    async with worn(strap, start_notify=start_notify) as wearer:
        await wearer.polar.open()
        await wearer.polar.want((ECG,))
        await bluez.drop(strap)
        await eventually(lambda: not wearer.client.is_connected, "the end of the link")
        began_s = time.monotonic()
        await wearer.polar.want((ACC,))
        await wearer.polar.close()
        assert time.monotonic() - began_s < PATIENT.pmd_reply_s
    assert wearer.told == []


async def test_an_end_in_the_middle_of_a_wish_still_stops(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    assert strap.pmd is not None
    async with worn(strap) as wearer:
        await wearer.polar.open()
        strap.pmd.lost_replies = 2  # of the settings and of the start
        wish = asyncio.create_task(wearer.polar.want((ECG,)))
        await eventually(lambda: bool(wearer.written), "the first command")
        strap.pmd.lost_replies = 0
        began_s = time.monotonic()
        await wearer.polar.close()
        await wish
        assert time.monotonic() - began_s < PATIENT.stop_s + PATIENT.pmd_reply_s
        assert wearer.running == frozenset()
    assert wearer.told == []
    assert {STOP_ECG, STOP_ACC} <= set(wearer.written)


async def test_a_cancelled_wish_is_stopped_as_well(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    assert strap.pmd is not None
    async with worn(strap) as wearer:
        await wearer.polar.open()
        await wearer.polar.want((ECG,))
        await wearer.polar.want(())
        strap.pmd.lost_replies = 1  # of the start, which it obeys
        wish = asyncio.create_task(wearer.polar.want((ECG,)))
        await eventually(lambda: wearer.running == {Measurement.ECG}, "the start")
        wish.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wish
        await wearer.polar.close()
        assert wearer.running == frozenset()


# --- The choice of settings -----------------------------------------------------------


@pytest.mark.parametrize(
    ("rate_hz", "taken"), [(None, 50), (1, 25), (37, 25), (75, 100), (1000, 200)]
)
def test_the_nearest_rate_is_taken(rate_hz: int | None, taken: int) -> None:
    wish = chosen(Measurement.ACC, USUAL[Measurement.ACC], rate_hz)
    assert wish == Settings.of(
        (Setting.RATE, taken), (Setting.RESOLUTION, 16), (Setting.RANGE, 8)
    )


def test_what_a_strap_only_tells_is_not_sent_back() -> None:
    offered = Settings.of(
        (Setting.RATE, 52),
        (Setting.RESOLUTION, ()),
        (Setting.RANGE, (2, 4)),
        (Setting.CHANNELS, (3, 4)),
        (Setting.FACTOR, Settings.factor_bits(0.25)),
    )
    assert chosen(Measurement.ACC, offered, None) == Settings.of(
        (Setting.RATE, 52), (Setting.RANGE, 4), (Setting.CHANNELS, 4)
    )
