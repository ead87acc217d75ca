"""The fault list, 12 to 17: finding a strap. See ``docs/straps.md``."""

from __future__ import annotations

import asyncio

from bleak import BleakClient, BleakScanner

from biofeedback.model import FoundStrap, LinkReason, LinkState, LinkStep
from biofeedback.simulator.bluez_objects import Make
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.bus import PrivateBus
from biofeedback.wire import DeviceInformation, uuids
from tests.drivers.scene import Scene, scene

MEASUREMENT = uuids.to_uuid128(uuids.HEART_RATE_MEASUREMENT)
IN_PROGRESS = ("org.bluez.Error.InProgress", "Operation already in progress")


async def test_fault_12_nothing_found(bus: PrivateBus) -> None:
    async with scene(bus) as at:
        at.strap.hidden = True
        at.begin()
        change = await at.reached(LinkStep.SCANNING, LinkReason.NOT_FOUND)
        assert change.state is LinkState.SEARCHING
        assert "wear" in str(change.advice)
        assert await at.ble.scan(0.05) == ()
        await at.bluez.show(at.strap)
        await at.beats()
        await at.reached(LinkStep.STREAMING)
        assert at.bluez.calls.count("org.bluez.Device1.Connect") == 1


async def test_fault_14_the_name_comes_later(bus: PrivateBus) -> None:
    async with scene(bus) as at:
        at.strap.nameless = True
        at.begin(FoundStrap(id="asked:", name="polar h10", address=""))
        await at.beats()
        assert at.changes[-1].strap is not None
        assert at.changes[-1].strap.name == at.strap.name


def twin(number: int) -> VirtualStrap:
    return VirtualStrap(
        address=f"A0:9E:1A:00:00:{number:02X}",
        name="TICKR",
        make=Make(
            information=DeviceInformation(manufacturer="Wahoo", serial=f"{number:04d}")
        ),
    )


async def test_fault_15_two_identical_straps(bus: PrivateBus) -> None:
    one, other = twin(1), twin(2)
    async with scene(bus, one, other) as at:
        second = Scene(at.bus, at.bluez, other, at.ble, at.clock)
        at.begin()
        second.begin()
        try:
            for _ in range(3):
                await at.beats()
                await second.beats(2)
            # Each session heard its own strap only.
            assert (len(at.received), len(second.received)) == (9, 6)
            assert second.received == second.delivered
            assert (one.links, other.links) == (1, 1)
            await at.bluez.drop(one)
            await at.streams_again(LinkReason.LINK_LOST)
            assert (one.links, other.links) == (2, 1)
        finally:
            await second.end()


async def test_fault_13_held_by_another_central(bus: PrivateBus) -> None:
    async with scene(bus) as at:
        # It was here before, so BlueZ remembers it; now a phone has its only link.
        assert len(await at.ble.scan(0.05)) == 1
        await at.bluez.hide(at.strap)
        (quiet,) = await at.ble.scan(0.05)
        assert quiet.rssi_dbm is None
        assert "in use elsewhere" in str(quiet.hint)
        at.begin()
        await at.reached(LinkStep.SCANNING, LinkReason.NOT_FOUND)
        await at.bluez.show(at.strap)
        await at.beats()
        await at.reached(LinkStep.STREAMING)


async def test_fault_13_held_by_another_program_here(bus: PrivateBus) -> None:
    async with scene(bus) as at:
        device = await BleakScanner.find_device_by_address(at.strap.address)
        assert device is not None
        async with BleakClient(device) as other:
            await other.start_notify(MEASUREMENT, lambda *_: None)
            at.begin()
            change = await at.reached(LinkStep.SCANNING, LinkReason.BUSY)
            assert change.state is LinkState.SEARCHING
            assert other.is_connected
            assert at.strap.links == 1
        await at.beats()
        await at.reached(LinkStep.STREAMING)


async def test_fault_16_search_in_progress(bus: PrivateBus) -> None:
    async with scene(bus) as at:
        at.bluez.adapter.scan_errors.extend([IN_PROGRESS] * 3)
        at.begin()
        change = await at.reached(LinkStep.BACKOFF, LinkReason.BUSY)
        assert change.state is LinkState.SEARCHING
        await at.beats()
        await at.reached(LinkStep.STREAMING)


async def test_fault_16_two_searches_here_share_one(bus: PrivateBus) -> None:
    async with scene(bus) as at:
        both = await asyncio.gather(at.ble.scan(0.1), at.ble.scan(0.1))
        assert [len(found) for found in both] == [1, 1]
        assert at.bluez.calls.count("org.bluez.Adapter1.StartDiscovery") == 1


async def test_fault_17_removed_between_search_and_connect(bus: PrivateBus) -> None:
    async with scene(bus) as at:
        at.begin()
        await at.reached(LinkStep.CONNECTING)
        # BlueZ forgets what nobody uses for 30 s after a search.
        await at.bluez.remove(at.strap)
        await at.reached(LinkStep.BACKOFF, LinkReason.NOT_FOUND)
        await at.beats()
        await at.reached(LinkStep.STREAMING)
