"""One strap from the first search to the last disconnect, through real Bleak."""

from __future__ import annotations

import asyncio
import os

import msgspec
import pytest

from biofeedback.errors import ADVICE
from biofeedback.model import (
    AnyRecord,
    FoundStrap,
    LinkChange,
    LinkReason,
    LinkState,
    LinkStep,
    Notification,
    Strap,
)
from biofeedback.session.clock import WallClock
from biofeedback.session.driver import Watched
from biofeedback.simulator.bluez import VirtualBlueZ
from biofeedback.simulator.bluez_objects import Make
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.bus import PrivateBus
from biofeedback.simulator.packets import packets_from_rr
from biofeedback.wire import HeartRateMeasurement
from biofeedback.wire.profiles import profile_of
from biofeedback_drivers.ble import BleDriver
from biofeedback_drivers.options import Options, Pair
from tests.drivers.room import HASTY, QUICK, Room, driver, eventually, packet

SEARCHING = (LinkState.SEARCHING, None)
CONNECTING = (LinkState.CONNECTING, None)
STREAMING = (LinkState.STREAMING, None)
PATIENT = msgspec.structs.replace(QUICK, silence_s=1.0)
LOST = (LinkState.RECONNECTING, LinkReason.LINK_LOST)


@pytest.mark.parametrize("use_start_notify", [True, False], ids=["start", "acquire"])
async def test_a_strap_introduces_itself_and_streams(
    room: Room, use_start_notify: bool
) -> None:
    room.begin(driver(use_start_notify=use_start_notify))
    await room.streams(832, 850)
    await room.streams(1069, 53)

    assert room.changes == [SEARCHING, CONNECTING, STREAMING]
    assert room.sent() == [packet(832, 850), packet(1069, 53)]
    assert room.sent("2a19") == [bytes([80])]
    streaming = room.records[-3]
    assert isinstance(streaming, LinkChange)
    assert streaming.strap is not None
    assert msgspec.structs.replace(streaming.strap, signals=()) == Strap(
        name="Polar H10 00000001",
        model="H10",
        manufacturer="Polar Electro Oy",
        firmware="5.0.0",
        battery_pct=80,
        body_location="chest",
        profile="polar_h10",
    )
    times = [record.t_ns for record in room.records]
    assert times == sorted(times)
    method = "StartNotify" if use_start_notify else "AcquireNotify"
    await eventually(
        lambda: [c.rpartition(".")[2] for c in room.bluez.calls].count(method) == 2,
        f"{method} for the heart rate and the battery",
    )


async def test_a_new_battery_level_is_recorded(room: Room) -> None:
    room.begin()
    await room.streams(1000)
    level = next(c for c in room.strap.characteristics() if c.uuid == "2a19")
    await eventually(lambda: level.subscribed, "a subscription after the heart rate")
    assert await room.strap.notify(bytes([79]), "2a19")
    await room.until(lambda: room.sent("2a19") == [b"\x50", b"\x4f"], "79 %")


async def test_a_bare_strap_streams_all_the_same(bus: PrivateBus) -> None:
    bare = VirtualStrap(make=Make(information=None, battery_pct=None, location=None))
    async with VirtualBlueZ(bus.address, bare) as bluez, Room(bluez, bare) as room:
        room.begin()
        await room.streams(1000)
        assert room.sent("2a19") == []
        change = [r for r in room.records if isinstance(r, LinkChange)][-1]
        assert change.strap == Strap(name=bare.name, profile="polar_h10")


async def test_reads_that_fail_are_left_out(room: Room) -> None:
    room.strap.read_errors = {
        "2a19": ("org.bluez.Error.Failed", "Operation failed with ATT error: 0x0e"),
        "2a24": ("org.bluez.Error.NotPermitted", "Not paired"),
    }
    room.begin()
    await room.streams(1000)
    change = [r for r in room.records if isinstance(r, LinkChange)][-1]
    assert change.strap is not None
    assert (change.strap.battery_pct, change.strap.model) == (None, None)
    assert change.strap.firmware == "5.0.0"


async def test_odd_bytes_arrive_as_they_are(room: Room) -> None:
    room.begin()
    await room.streams(1000)
    for odd in (b"\x10", b"\x10\x3c\x00\x04\x07", b"\xff" * 20):
        assert await room.strap.notify(odd)
    await room.until(lambda: len(room.sent()) == 4, "three odd packets")
    assert room.sent()[1:] == [b"\x10", b"\x10\x3c\x00\x04\x07", b"\xff" * 20]


async def test_no_interval_of_a_real_h10_is_lost_or_doubled_or_moved(
    room: Room, h10_rr_ms: list[float]
) -> None:
    assert len(h10_rr_ms) == 620
    packets = list(packets_from_rr(h10_rr_ms))
    room.begin()
    await room.strap.play(packets, speed=1000)
    await room.until(lambda: len(room.sent()) == len(packets), "every packet")
    received = [
        rr
        for data in room.sent()
        for rr in HeartRateMeasurement.from_bytes(data).rr_1024 or ()
    ]
    assert received == [round(each * 1.024) for each in h10_rr_ms]


@pytest.mark.parametrize("use_start_notify", [True, False], ids=["start", "acquire"])
async def test_a_dropped_link_is_restored(room: Room, use_start_notify: bool) -> None:
    room.begin(driver(use_start_notify=use_start_notify))
    await room.streams(1000)
    await room.bluez.drop(room.strap)
    await room.change(*LOST)
    await room.streams(1001)
    assert room.changes == [
        SEARCHING,
        CONNECTING,
        STREAMING,
        LOST,
        CONNECTING,
        STREAMING,
    ]
    (lost,) = [each for each in room.links if each.step is LinkStep.LOST]
    assert lost.advice is not None
    assert "restored" in lost.advice


async def test_a_strap_out_of_reach_is_waited_for(room: Room) -> None:
    room.begin()
    await room.streams(1000)
    await room.bluez.hide(room.strap)
    await room.change(LinkState.RECONNECTING, LinkReason.NOT_FOUND)
    await room.bluez.show(room.strap)
    await room.streams(1001)
    assert room.changes.count((LinkState.RECONNECTING, LinkReason.NOT_FOUND)) == 1


async def test_the_search_goes_on_when_nothing_is_found(room: Room) -> None:
    await room.bluez.hide(room.strap)
    room.begin()
    await room.change(LinkState.SEARCHING, LinkReason.NOT_FOUND)
    await room.bluez.show(room.strap)
    await room.streams(1000)
    assert room.changes == [
        SEARCHING,
        (LinkState.SEARCHING, LinkReason.NOT_FOUND),
        CONNECTING,
        STREAMING,
    ]


async def test_a_strap_can_be_asked_for_by_name(room: Room) -> None:
    room.begin(wanted=FoundStrap(id="ble:", name=room.strap.name, address=""))
    await room.streams(1000)


async def test_an_adapter_switched_off_and_on(room: Room) -> None:
    room.begin()
    await room.streams(1000)
    await room.bluez.power(False)
    await room.change(LinkState.RECONNECTING, LinkReason.ADAPTER_OFF)
    await room.bluez.power(True)
    await room.streams(1001)
    assert room.changes[-2:] == [CONNECTING, STREAMING]


async def test_a_bluetooth_service_that_crashes_and_returns(room: Room) -> None:
    room.begin(driver(HASTY))
    await room.streams(1000)
    await room.bluez.stop()
    await room.change(LinkState.RECONNECTING, LinkReason.NO_DAEMON)
    assert (LinkState.STALE, LinkReason.NO_DATA) not in room.changes
    await room.bluez.start()
    await room.streams(1001)


async def test_a_connect_that_hangs_is_given_up_and_tried_again(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    strap.connect_hangs = True
    async with Room(bluez, strap) as room:
        room.begin(driver(HASTY))
        await room.change(LinkState.SEARCHING, LinkReason.TIMEOUT)
        strap.connect_hangs = False
        await room.streams(1000)
        assert room.changes[:3] == [
            SEARCHING,
            CONNECTING,
            (LinkState.SEARCHING, LinkReason.TIMEOUT),
        ]


async def test_services_that_never_resolve_are_given_up(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    strap.services_hang = True
    async with Room(bluez, strap) as room:
        room.begin(driver(HASTY))
        await room.change(LinkState.SEARCHING, LinkReason.TIMEOUT)
        strap.services_hang = False
        await room.streams(1000)


async def test_connect_errors_are_overcome(room: Room) -> None:
    room.strap.connect_errors.extend(
        [
            ("org.bluez.Error.Failed", "Software caused connection abort"),
            ("org.bluez.Error.InProgress", "Operation already in progress"),
        ]
    )
    room.begin()
    await room.streams(1000)
    assert room.changes == [SEARCHING, CONNECTING, STREAMING]


async def test_silence_ends_in_a_new_link(room: Room) -> None:
    room.begin(driver(HASTY))
    await room.streams(1000)
    room.strap.silent = True
    await room.change(LinkState.STALE, LinkReason.NO_DATA)
    await room.change(LinkState.RECONNECTING, LinkReason.NO_DATA)
    await eventually(lambda: not room.strap.connected, "a goodbye")
    room.strap.silent = False
    await room.streams(1001)
    assert room.changes[3:] == [
        (LinkState.STALE, LinkReason.NO_DATA),
        (LinkState.RECONNECTING, LinkReason.NO_DATA),
        CONNECTING,
        STREAMING,
    ]
    assert room.strap.links == 2


async def test_a_pause_that_ends_keeps_the_link(room: Room) -> None:
    room.begin(driver(PATIENT))
    await room.streams(1000)
    await room.change(LinkState.STALE, LinkReason.NO_DATA)
    await room.streams(1001)
    await room.until(lambda: room.changes[-1] == STREAMING, "streaming again")
    assert room.strap.links == 1


async def test_subscribed_but_never_any_data(room: Room) -> None:
    room.strap.silent = True
    room.begin(driver(HASTY))
    await room.change(LinkState.STALE, LinkReason.NO_DATA)
    await room.change(LinkState.SEARCHING, LinkReason.NO_DATA)
    assert STREAMING not in room.changes
    advice = {each.advice for each in room.links if each.reason is LinkReason.NO_DATA}
    assert advice == {
        f"{ADVICE[LinkReason.NO_DATA]} {profile_of(room.strap.name).hint}"
    }


async def test_a_device_without_heart_rate_says_so(
    bus: PrivateBus,
) -> None:
    class Liar(VirtualStrap):
        @property
        def advertised(self) -> tuple[str, ...]:
            return ("0000180d-0000-1000-8000-00805f9b34fb",)

    liar = Liar(make=Make(heart_rate=False))
    async with VirtualBlueZ(bus.address, liar) as bluez, Room(bluez, liar) as room:
        room.begin()
        await room.change(LinkState.SEARCHING, LinkReason.NO_HEART_RATE)
        await room.until(lambda: room.changes.count(CONNECTING) > 1, "a second try")


async def test_cancelling_disconnects(room: Room) -> None:
    room.begin()
    await room.streams(1000)
    before = list(room.changes)
    await room.end()
    assert not room.strap.connected
    assert not room.strap.subscribed.is_set()
    assert "org.bluez.Device1.Disconnect" in room.bluez.calls
    assert "org.bluez.GattCharacteristic1.StopNotify" in room.bluez.calls
    assert room.changes == before


async def test_a_service_that_answers_nothing_cannot_hold_us(room: Room) -> None:
    room.strap.connect_hangs = room.strap.disconnect_hangs = True
    timing = msgspec.structs.replace(HASTY, disconnect_s=0.1)
    room.begin(driver(timing))
    await room.change(LinkState.SEARCHING, LinkReason.TIMEOUT)
    await room.until(lambda: room.changes.count(CONNECTING) > 1, "a second try")
    async with asyncio.timeout(1):
        await room.end()


async def test_a_disconnect_that_hangs_does_not_hold_up_the_end(room: Room) -> None:
    room.strap.disconnect_hangs = True
    timing = msgspec.structs.replace(QUICK, disconnect_s=0.1)
    room.begin(driver(timing))
    await room.streams(1000)
    async with asyncio.timeout(1):
        await room.end()


@pytest.mark.parametrize("moment", ["search", "connect", "resolve"])
async def test_cancelling_early_leaves_nothing_connected(
    room: Room, moment: str
) -> None:
    room.strap.hidden = moment == "search"
    room.strap.connect_hangs = moment == "connect"
    room.strap.services_hang = moment == "resolve"
    room.begin()
    if moment == "search":
        await room.change(LinkState.SEARCHING, LinkReason.NOT_FOUND)
    else:
        await room.change(LinkState.CONNECTING)
        calls = room.bluez.calls
        await eventually(lambda: "org.bluez.Device1.Connect" in calls, "a connect")
    await room.end()
    assert not room.strap.connected
    assert not room.bluez.adapter.discoverers


async def test_a_strap_left_connected_by_a_dead_process_is_adopted(
    room: Room,
) -> None:
    from bleak import BleakClient, BleakScanner

    device = await BleakScanner.find_device_by_address(room.strap.address)
    assert device is not None
    left = BleakClient(device)
    await left.connect()
    (found,) = await driver().scan(0.05)
    assert (found.address, found.rssi_dbm) == (room.strap.address, None)

    room.begin()
    await room.streams(1000)
    assert room.strap.links == 1
    assert room.bluez.calls.count("org.bluez.Device1.Connect") == 1
    await room.end()
    await left.disconnect()


async def test_twenty_drops_leave_no_descriptor_behind(room: Room) -> None:
    room.begin()
    await room.streams(0)
    await room.bluez.drop(room.strap)
    await room.streams(1)
    before = len(os.listdir("/proc/self/fd"))
    for drop in range(2, 22):
        await room.bluez.drop(room.strap)
        await room.streams(drop)
    after = len(os.listdir("/proc/self/fd"))
    assert after <= before
    assert room.strap.links == 22


async def test_an_adopted_link_that_streams_nothing_is_made_anew(room: Room) -> None:
    from bleak import BleakClient, BleakScanner

    device = await BleakScanner.find_device_by_address(room.strap.address)
    assert device is not None
    left = BleakClient(device)
    await left.connect()
    room.strap.silent = True
    room.begin(driver(HASTY))
    await room.until(lambda: LinkStep.LOST in room.steps, "no data")
    assert room.strap.links == 1
    await eventually(lambda: not room.strap.connected, "an end of the ghost")
    room.strap.silent = False
    await room.streams(1000)
    assert room.strap.links > 1
    await left.disconnect()


async def test_drops_at_a_constant_age_are_explained(room: Room) -> None:
    room.begin(driver(msgspec.structs.replace(QUICK, periodic_s=0.0)))

    def lost() -> int:
        return room.steps.count(LinkStep.LOST)

    for drops in range(3):
        await room.streams(drops)
        begun_ns = room.links[-1].t_ns
        await asyncio.sleep(1.0 - (room.records[-1].t_ns - begun_ns) / 1e9)
        await room.bluez.drop(room.strap)
        await eventually(lambda: lost() > drops, "a drop")  # noqa: B023 - at once
    advice = [each.advice for each in room.links if each.step is LinkStep.LOST]
    assert advice[0] == advice[1] == ADVICE[LinkReason.LINK_LOST]
    assert advice[2] is not None
    assert "about 1 s each time" in advice[2]
    assert "ConnectionSupervisionTimeout" in advice[2]


async def test_a_record_that_nobody_takes_does_not_end_the_stream(room: Room) -> None:
    broken = True

    def emit(record: AnyRecord) -> None:
        if broken and isinstance(record, Notification):
            raise RuntimeError("no room for it")
        room.records.append(record)

    source = driver().open(room.found)
    running = asyncio.create_task(
        source.run(clock=WallClock(), emit=emit, watch=Watched)
    )
    await room.strap.subscribed.wait()
    assert await room.strap.notify(packet(1))
    await eventually(lambda: LinkStep.STREAMING in room.steps, "a stream")
    broken = False
    assert await room.strap.notify(packet(2))
    await eventually(lambda: room.sent() == [packet(2)], "the next packet")
    assert source.errors >= 1
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_strap_that_wants_pairing_is_asked_to_pair_once(room: Room) -> None:
    room.strap.notify_errors["2a37"] = ("org.bluez.Error.NotPermitted", "Not paired")
    room.begin()
    await room.change(LinkState.SEARCHING, LinkReason.PAIRING_NEEDED)
    assert any(call.endswith((".Pair", ".Set")) for call in room.bluez.calls)
    room.strap.notify_errors.clear()
    await room.streams(1000)


async def test_who_never_pairs_is_not_paired(room: Room) -> None:
    room.strap.notify_errors["2a37"] = ("org.bluez.Error.NotPermitted", "Not paired")
    room.begin(
        BleDriver(timing=QUICK, options=Options(pair=Pair.NEVER)),
    )
    await room.change(LinkState.SEARCHING, LinkReason.PAIRING_NEEDED)
    assert not any(call.endswith((".Pair", ".Set")) for call in room.bluez.calls)


async def test_an_adapter_without_room_says_so_at_once(room: Room) -> None:
    room.bluez.slots = 0
    room.begin()
    await room.change(LinkState.SEARCHING, LinkReason.SLOTS_FULL)
    assert "org.bluez.Device1.Connect" in room.bluez.calls
    room.bluez.slots = 1
    await room.streams(1000)


async def test_who_may_not_use_bluetooth_is_told(bus: PrivateBus, room: Room) -> None:
    await bus.deny("org.bluez")
    room.begin()
    await room.change(LinkState.SEARCHING, LinkReason.PERMISSION)
    assert (await driver().status()).reason is LinkReason.PERMISSION
    await bus.deny()
    await room.streams(1000)


@pytest.mark.parametrize("moment", list(LinkStep))
async def test_cancelled_at_any_step_the_strap_is_let_go(
    room: Room, moment: LinkStep
) -> None:
    room.strap.services_hang = moment is LinkStep.CONNECTING
    room.strap.silent = moment in (LinkStep.SUBSCRIBING, LinkStep.STALE)
    fault = moment in (LinkStep.LOST, LinkStep.BACKOFF)
    if fault:
        room.strap.connect_errors.extend(
            [("org.bluez.Error.Failed", "Input/output error")] * 3
        )
    room.begin(driver(HASTY))
    if moment in (LinkStep.STREAMING, LinkStep.LOST):
        await room.streams(1000)
        if moment is LinkStep.LOST:
            await room.bluez.drop(room.strap)
    await room.until(lambda: moment in room.steps, moment)
    async with asyncio.timeout(5):
        await room.end()
    await eventually(lambda: not room.strap.connected, "a goodbye")
    await eventually(lambda: not room.bluez.adapter.discoverers, "no search")
