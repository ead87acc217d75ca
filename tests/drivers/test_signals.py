"""ECG, acceleration and pulse intervals beside the heart rate, through real Bleak."""

from __future__ import annotations

import asyncio
import time

import msgspec
import pytest
from bleak import BleakClient, BleakScanner

from biofeedback.model import Ask, LinkReason, LinkState, LinkStep, Signal
from biofeedback.session.driver import Watched
from biofeedback.simulator.bluez import VirtualBlueZ
from biofeedback.simulator.bluez_objects import Make
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.bus import PrivateBus
from biofeedback.simulator.models import model_named
from biofeedback.simulator.pmd_make import H10_PMD
from biofeedback.wire import uuids
from biofeedback.wire.polar_pmd import Measurement, Op
from tests.drivers.room import HASTY, QUICK, Room, driver, eventually, packet

SOON = msgspec.structs.replace(QUICK, signals_s=0.02)
ECG = Ask(signal=Signal.ECG)
ACC = Ask(signal=Signal.ACC, rate_hz=50)
GOODBYE_S = 5.0

BOTH = pytest.mark.parametrize("use_start_notify", [True, False], ids=["start", "acq"])


class Wish:
    """What a session wants now; it may change its mind."""

    def __init__(self, *asks: Ask) -> None:
        self.asks = asks

    def __call__(self) -> Watched:
        return Watched(signals=self.asks)


@pytest.fixture
def strap() -> VirtualStrap:
    return VirtualStrap(make=Make(pmd=H10_PMD))


def running(strap: VirtualStrap) -> frozenset[Measurement]:
    assert strap.pmd is not None
    return strap.pmd.running


@BOTH
async def test_signals_follow_the_wish_and_end_with_the_session(
    room: Room, use_start_notify: bool
) -> None:
    wish = Wish(ECG)
    room.begin(driver(SOON, use_start_notify=use_start_notify), watch=wish)
    await room.streams(1000)
    await room.until(lambda: len(room.sent(uuids.PMD_DATA)) > 0, "ECG")
    assert running(room.strap) == {Measurement.ECG}

    wish.asks = (ECG, ACC)
    await eventually(
        lambda: running(room.strap) == {Measurement.ECG, Measurement.ACC}, "both"
    )
    wish.asks = (ACC,)
    await eventually(lambda: running(room.strap) == {Measurement.ACC}, "only one")
    assert room.links[-1].strap is not None
    assert set(room.links[-1].strap.signals) == {Signal.ECG, Signal.ACC}

    await room.end()
    assert running(room.strap) == frozenset()
    assert not room.strap.connected
    commands = room.sent(uuids.PMD_WRITTEN)
    assert commands[-1][0] == Op.STOP


async def test_the_heart_rate_comes_first(room: Room) -> None:
    room.begin(driver(SOON), watch=Wish(ECG))
    await room.strap.subscribed.wait()
    await asyncio.sleep(0.2)
    assert room.sent(uuids.PMD_WRITTEN) == []  # not before a heart rate came
    await room.streams(1000)
    await room.until(lambda: len(room.sent(uuids.PMD_DATA)) > 0, "ECG")


async def test_signals_return_with_the_link(room: Room) -> None:
    room.begin(driver(SOON), watch=Wish(ECG))
    await room.streams(1000)
    await room.until(lambda: len(room.sent(uuids.PMD_DATA)) > 0, "ECG")
    await room.bluez.drop(room.strap)
    before = len(room.sent(uuids.PMD_DATA))
    await room.streams(1001)
    await room.until(lambda: len(room.sent(uuids.PMD_DATA)) > before, "ECG again")


async def test_what_a_killed_program_left_running_is_stopped(room: Room) -> None:
    device = await BleakScanner.find_device_by_address(room.strap.address)
    assert device is not None
    left = BleakClient(device)
    await left.connect()
    await left.start_notify(uuids.to_uuid128(uuids.PMD_CONTROL_POINT), lambda *_: None)
    await left.write_gatt_char(
        uuids.to_uuid128(uuids.PMD_CONTROL_POINT),
        bytes.fromhex("02000001820001010e00"),
        response=True,
    )
    await left.stop_notify(uuids.to_uuid128(uuids.PMD_CONTROL_POINT))
    assert running(room.strap) == {Measurement.ECG}

    room.begin(driver(SOON))
    await room.streams(1000)
    await eventually(lambda: running(room.strap) == frozenset(), "a stop")
    assert room.strap.links == 1  # adopted
    await room.end()
    await left.disconnect()


async def test_an_optical_band_is_asked_for_its_pulse_intervals(
    bus: PrivateBus,
) -> None:
    band = model_named("polar_optical").strap()
    async with VirtualBlueZ(bus.address, band) as bluez, Room(bluez, band) as room:
        room.begin(driver(SOON))
        await room.streams()
        await eventually(lambda: running(band) == {Measurement.PPI}, "PPI")


async def test_old_firmware_is_told_only_to_who_asks(bus: PrivateBus) -> None:
    old = VirtualStrap(make=Make(pmd=H10_PMD, pmd_commands=False))
    wish = Wish()
    async with VirtualBlueZ(bus.address, old) as bluez, Room(bluez, old) as room:
        room.begin(driver(SOON), watch=wish)
        await room.streams(1000)
        await asyncio.sleep(0.1)
        assert room.links[-1].reason is None
        wish.asks = (ECG,)
        await room.change(LinkState.STREAMING, LinkReason.FIRMWARE_OLD)
        await room.streams(1001)


async def test_a_strap_that_has_only_its_heart_rate_says_so_once(
    bus: PrivateBus,
) -> None:
    tickr = model_named("wahoo").strap()
    wish = Wish(ECG)
    no_ecg = "This strap offers no ECG. The heart rate goes on."
    neither = "This strap offers no ECG and no acceleration. The heart rate goes on."
    async with VirtualBlueZ(bus.address, tickr) as bluez, Room(bluez, tickr) as room:
        room.begin(driver(SOON), watch=wish)
        await room.streams()
        await room.until(lambda: room.links[-1].advice == no_ecg, "no ECG")
        told = len(room.links)
        for _ in range(3):
            await asyncio.sleep(2 * SOON.signals_s)
            await tickr.notify(packet(1000))
        assert len(room.links) == told
        assert (room.links[-1].state, room.links[-1].reason) == (
            LinkState.STREAMING,
            None,
        )
        wish.asks = (ECG, ACC)
        await room.until(lambda: room.links[-1].advice == neither, "neither")
        wish.asks = ()
        await room.until(lambda: room.links[-1].advice is None, "nothing to miss")
        assert room.sent(uuids.PMD_WRITTEN) == []
        assert tickr.links == 1


async def test_a_strap_that_has_only_its_heart_rate_is_silent_when_not_asked(
    bus: PrivateBus,
) -> None:
    tickr = model_named("wahoo").strap()
    async with VirtualBlueZ(bus.address, tickr) as bluez, Room(bluez, tickr) as room:
        room.begin(driver(SOON))
        await room.streams()
        await asyncio.sleep(5 * SOON.signals_s)
        assert {each.advice for each in room.links} == {None}


async def test_a_silent_heart_rate_is_told_and_the_ecg_goes_on(room: Room) -> None:
    timing = msgspec.structs.replace(HASTY, signals_s=0.02, silence_s=0.7, others_s=2.0)
    room.begin(driver(timing), watch=Wish(ECG))
    await room.streams(1000)
    await room.until(lambda: len(room.sent(uuids.PMD_DATA)) > 0, "ECG")
    await room.change(LinkState.STALE, LinkReason.NO_DATA)
    frames = len(room.sent(uuids.PMD_DATA))
    await room.until(lambda: len(room.sent(uuids.PMD_DATA)) > frames, "more ECG")
    assert room.strap.links == 1
    # A heart rate that stays away for good is worth a new link.
    await room.until(lambda: LinkStep.LOST in room.steps, "a new link")


@BOTH
async def test_a_strap_that_answers_nothing_cannot_hold_up_the_end(
    room: Room, use_start_notify: bool
) -> None:
    timing = msgspec.structs.replace(driver()._timing, disconnect_s=2.5, signals_s=0.02)
    room.begin(driver(timing, use_start_notify=use_start_notify), watch=Wish(ECG, ACC))
    await room.streams(1000)
    await room.until(lambda: len(room.sent(uuids.PMD_DATA)) > 0, "ECG")
    room.strap.silent = room.strap.disconnect_hangs = True
    begun_s = time.monotonic()
    await room.end()
    assert time.monotonic() - begun_s < GOODBYE_S
    assert packet(1000) in room.sent()


async def test_a_failed_write_leaves_nothing_running_at_the_end(room: Room) -> None:
    wish = Wish(ECG)
    room.begin(driver(SOON), watch=wish)
    await room.streams(1000)
    await eventually(lambda: running(room.strap) == {Measurement.ECG}, "ECG")
    room.strap.write_errors["pmd_cp"] = ("org.bluez.Error.Failed", "Software failure")
    wish.asks = (ECG, ACC)
    await room.until(
        lambda: "acceleration" in (room.links[-1].advice or ""), "why there is none"
    )
    room.strap.write_errors.clear()
    await room.streams(1001)
    await room.end()
    assert running(room.strap) == frozenset()


async def test_what_could_not_be_opened_is_opened_later(room: Room) -> None:
    room.strap.notify_errors["pmd_data"] = (
        "org.bluez.Error.Failed",
        "Operation failed with ATT error: 0x0e",
    )
    room.begin(driver(msgspec.structs.replace(SOON, pmd_again_s=0.1)), watch=Wish(ECG))
    await room.streams(1000)
    await room.until(
        lambda: "asked again" in (room.links[-1].advice or ""), "why there is none"
    )
    room.strap.notify_errors.clear()
    await room.until(lambda: len(room.sent(uuids.PMD_DATA)) > 0, "ECG")
    assert room.strap.links == 1
