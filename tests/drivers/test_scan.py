"""Looking for straps, and what is said when Bluetooth cannot be used."""

from __future__ import annotations

import asyncio

import pytest

from biofeedback.errors import ADVICE, LinkError
from biofeedback.model import FoundStrap, LinkReason
from biofeedback.session.driver import Driver
from biofeedback.simulator.bluez import VirtualBlueZ
from biofeedback.simulator.bluez_objects import Adapter, Make
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.bus import PrivateBus
from tests.drivers.room import driver

WINDOW_S = 0.1


async def test_the_strap_is_found_and_the_neighbour_is_not(
    bus: PrivateBus, strap: VirtualStrap
) -> None:
    neighbour = VirtualStrap(
        address="11:22:33:44:55:66",
        name="Television",
        make=Make(heart_rate=False),
        rssi_dbm=-30,
    )
    far = VirtualStrap(address="A0:9E:1A:00:00:02", name="TICKR", rssi_dbm=-85)
    async with VirtualBlueZ(bus.address, far, neighbour, strap):
        ble: Driver = driver()
        found = await ble.scan(WINDOW_S)
        await ble.close()
    assert found == (
        FoundStrap(
            id="ble:A0:9E:1A:00:00:01",
            name="Polar H10 00000001",
            address="A0:9E:1A:00:00:01",
            rssi_dbm=-60,
            profile="polar_h10",
        ),
        FoundStrap(
            id="ble:A0:9E:1A:00:00:02",
            name="TICKR",
            address="A0:9E:1A:00:00:02",
            rssi_dbm=-85,
            profile="wahoo",
        ),
    )


async def test_a_strap_without_a_name_has_one_to_show(bus: PrivateBus) -> None:
    async with VirtualBlueZ(bus.address, VirtualStrap(name="")):
        (found,) = await driver().scan(WINDOW_S)
    assert found.name == "Heart rate strap"


async def test_nothing_in_reach_is_an_empty_list(bus: PrivateBus) -> None:
    async with VirtualBlueZ(bus.address):
        assert await driver().scan(WINDOW_S) == ()
        assert (await driver().status()).available


async def test_a_strap_held_by_another_device_is_not_found(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    await bluez.hide(strap)
    ble = driver()
    assert await ble.scan(WINDOW_S) == ()
    await bluez.show(strap)
    assert [each.name for each in await ble.scan(WINDOW_S)] == [strap.name]


async def test_two_scans_at_once_take_turns(bluez: VirtualBlueZ) -> None:
    ble = driver()
    both = await asyncio.gather(ble.scan(WINDOW_S), ble.scan(WINDOW_S))
    assert [len(found) for found in both] == [1, 1]


async def _refused(reason: LinkReason) -> None:
    ble = driver()
    status = await ble.status()
    assert (status.available, status.reason) == (False, reason)
    assert status.advice == ADVICE[reason]
    with pytest.raises(LinkError) as caught:
        await ble.scan(WINDOW_S)
    assert caught.value.reason is reason
    assert caught.value.advice == ADVICE[reason]


async def test_no_bus_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/at/all")
    await _refused(LinkReason.NO_BUS)


async def test_no_bluetooth_service(bus: PrivateBus) -> None:
    await _refused(LinkReason.NO_DAEMON)


async def test_no_adapter(bus: PrivateBus) -> None:
    async with VirtualBlueZ(bus.address, adapter=Adapter(present=False)):
        await _refused(LinkReason.NO_ADAPTER)


async def test_adapter_switched_off(bus: PrivateBus) -> None:
    async with VirtualBlueZ(bus.address, adapter=Adapter(powered=False)):
        await _refused(LinkReason.ADAPTER_OFF)


async def test_bluetooth_that_comes_late_is_noticed(
    bus: PrivateBus, strap: VirtualStrap
) -> None:
    ble = driver()
    assert (await ble.status()).reason is LinkReason.NO_DAEMON
    async with VirtualBlueZ(bus.address, strap):
        assert (await ble.status()).available
        assert len(await ble.scan(WINDOW_S)) == 1
