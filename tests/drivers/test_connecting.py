"""Connecting through real Bleak: refused, late, in vain, and one at a time."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from biofeedback.model import (
    LinkReason,
    LinkState,
    LinkStep,
)
from biofeedback.simulator.bluez import VirtualBlueZ
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.bus import PrivateBus
from biofeedback_drivers.timing import Timing
from tests.drivers.room import HASTY, QUICK, Room, driver, eventually

SEARCHING = (LinkState.SEARCHING, None)
CONNECTING = (LinkState.CONNECTING, None)
STREAMING = (LinkState.STREAMING, None)
AT_ONCE_S = 2.0
PATIENT = msgspec.structs.replace(QUICK, silence_s=1.0)
LOST = (LinkState.RECONNECTING, LinkReason.LINK_LOST)


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


# --- In vain, and in turn -------------------------------------------------------------

Outage = Callable[[VirtualBlueZ], Awaitable[None]]


async def crash(bluez: VirtualBlueZ) -> None:
    await bluez.stop()
    await bluez.start()


async def unplug(bluez: VirtualBlueZ) -> None:
    await bluez.unplug()
    await bluez.plug()


async def switch_off(bluez: VirtualBlueZ) -> None:
    await bluez.power(False)
    await bluez.power(True)


@pytest.mark.parametrize(
    ("outage", "reason"),
    [
        (crash, LinkReason.NO_DAEMON),
        (unplug, LinkReason.NO_ADAPTER),
        (switch_off, LinkReason.ADAPTER_OFF),
    ],
)
async def test_a_verdict_ends_an_attempt_and_frees_the_turn(
    bluez: VirtualBlueZ, strap: VirtualStrap, outage: Outage, reason: LinkReason
) -> None:
    healthy = VirtualStrap(address="C0:00:00:00:00:22", name="TICKR 0002")
    bluez.add(healthy)
    strap.services_hang = True
    ble = driver(Timing())  # half a minute for a connect, as people get it
    async with Room(bluez, strap) as room, Room(bluez, healthy) as other:
        room.begin(ble)
        await eventually(lambda: strap.connected, "a link that is of no use")
        other.begin(ble)
        await other.until(lambda: LinkStep.SCANNING in other.steps, "a search")
        strap.services_hang = False
        begun_s = time.monotonic()
        await outage(bluez)
        await room.streams(1000)
        await other.streams(1001)
        assert time.monotonic() - begun_s < AT_ONCE_S
        assert (LinkStep.BACKOFF, reason) in [(r.step, r.reason) for r in room.links]


async def test_a_strap_that_queues_is_not_told_to_be_connecting(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    second = VirtualStrap(address="C0:00:00:00:00:22", name="TICKR 0002")
    bluez.add(second)
    strap.services_hang = True
    timing = msgspec.structs.replace(QUICK, connect_s=1.0)
    ble = driver(timing)
    async with Room(bluez, strap) as room, Room(bluez, second) as queued:
        room.begin(ble)
        await eventually(lambda: strap.connected, "a link that is of no use")
        queued.begin(ble)
        await eventually(lambda: second.address.lower() in ble.radio.claims, "a claim")
        assert LinkStep.CONNECTING not in queued.steps
        await queued.streams(1000)
        # Its turn came when the other one's time had run out; that this is told may
        # take a moment more on a busy machine.
        tried = next(each for each in room.links if each.step is LinkStep.CONNECTING)
        began = next(each for each in queued.links if each.step is LinkStep.CONNECTING)
        assert began.t_ns >= tried.t_ns + round(0.9e9 * timing.connect_s)
