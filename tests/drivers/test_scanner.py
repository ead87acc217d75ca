"""One search for all who look."""

from __future__ import annotations

import asyncio
import os
import time

import pytest
from bleak import BleakClient, BleakScanner

from biofeedback.errors import LinkError
from biofeedback.model import FoundStrap, LinkReason
from biofeedback.simulator.bluez import VirtualBlueZ
from biofeedback.simulator.bluez_objects import Adapter
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.bus import PrivateBus
from biofeedback_drivers.ble import BleDriver
from biofeedback_drivers.options import Options, Pair
from biofeedback_drivers.radio import HELD_HINT, QUIET_HINT
from biofeedback_drivers.timing import Timing
from tests.drivers.room import Room, driver, eventually

START = "org.bluez.Adapter1.StartDiscovery"
MANY = 100


def straps(count: int) -> list[VirtualStrap]:
    return [
        VirtualStrap(address=f"A0:9E:1A:00:01:{i:02X}", name=f"TICKR {i:04X}")
        for i in range(count)
    ]


async def test_a_hundred_straps_are_found_by_one_search(bus: PrivateBus) -> None:
    many = straps(MANY)
    ble = driver(Timing())
    async with VirtualBlueZ(bus.address, *many) as bluez:
        rooms = [Room(bluez, strap) for strap in many]
        begun_s = time.monotonic()
        for room in rooms:
            room.begin(ble)
        async with asyncio.timeout(60):
            await asyncio.gather(*(strap.subscribed.wait() for strap in many))
        took_s = time.monotonic() - begun_s
        searches = bluez.calls.count(START)
        await asyncio.gather(*(room.end() for room in rooms))
        assert [strap.links for strap in many] == [1] * MANY
        assert not any(strap.connected for strap in many)
    # One scan, renewed only when it had lasted for a whole window.
    assert searches <= 1 + took_s / Timing().scan_renew_s
    assert not ble.radio.claims


async def test_a_scan_goes_on_while_a_source_searches(room: Room) -> None:
    room.strap.hidden = True
    (other,) = straps(1)
    room.bluez.add(other)
    ble = driver()
    room.begin(ble)
    await eventually(lambda: START in room.bluez.calls, "a search")
    found = await ble.scan(0.2)
    assert [each.name for each in found] == [other.name]
    await room.bluez.show(room.strap)
    await room.streams(1000)


async def test_a_scan_tells_of_straps_while_it_looks(bus: PrivateBus) -> None:
    seen: list[FoundStrap] = []
    (early, late) = straps(2)
    late.hidden = True
    async with VirtualBlueZ(bus.address, early, late) as bluez:
        scan = asyncio.create_task(driver().scan(0.4, seen.append))
        await eventually(lambda: early.name in {s.name for s in seen}, "the first")
        assert not scan.done()
        await bluez.show(late)
        await eventually(lambda: late.name in {s.name for s in seen}, "the second")
        found = await scan
    assert {each.name for each in found} == {early.name, late.name}


async def test_a_name_that_comes_late_is_shown(bus: PrivateBus) -> None:
    strap = VirtualStrap()
    strap.nameless = True
    seen: list[FoundStrap] = []
    async with VirtualBlueZ(bus.address, strap):
        (found,) = await driver().scan(0.3, seen.append)
    assert seen[0].name in ("Heart rate strap", strap.name)
    assert (found.name, found.profile) == (strap.name, "polar_h10")


async def test_hints_say_why_a_strap_has_no_signal(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    ble = driver()
    (found,) = await ble.scan(0.05)
    assert (found.rssi_dbm, found.hint) == (-60, None)

    await bluez.hide(strap)
    (found,) = await ble.scan(0.05)
    assert found.rssi_dbm is None
    assert found.hint is not None
    assert found.hint.startswith(QUIET_HINT)
    assert "45 s" in found.hint  # what is known of this model

    await bluez.show(strap)
    device = await BleakScanner.find_device_by_address(strap.address)
    assert device is not None
    async with BleakClient(device):
        (found,) = await ble.scan(0.05)
        assert (found.rssi_dbm, found.hint) == (None, HELD_HINT)


async def test_a_strap_that_another_program_hears_is_not_taken(
    room: Room,
) -> None:
    other = await BleakScanner.find_device_by_address(room.strap.address)
    assert other is not None
    async with BleakClient(other) as client:
        await client.start_notify("2a37", lambda *_: None)
        room.begin()
        await room.until(
            lambda: LinkReason.BUSY in {each.reason for each in room.links}, "busy"
        )
        assert room.strap.links == 1
    await room.streams(1000)


async def test_a_search_that_is_refused_is_tried_again(room: Room) -> None:
    room.bluez.adapter.scan_errors.append(
        ("org.bluez.Error.InProgress", "Operation already in progress")
    )
    room.begin()
    await room.until(
        lambda: LinkReason.BUSY in {each.reason for each in room.links}, "a refusal"
    )
    await room.streams(1000)


async def test_a_cancelled_search_leaves_none_behind(bluez: VirtualBlueZ) -> None:
    ble = driver()
    for _ in range(5):
        scan = asyncio.create_task(ble.scan(5))
        await asyncio.sleep(0.002)  # somewhere within the start
        scan.cancel()
        await asyncio.gather(scan, return_exceptions=True)
    await eventually(lambda: not bluez.adapter.discoverers, "an end of the search")
    assert len(await ble.scan(0.1)) == 1


# --- What a user may choose ---


def test_options_come_from_the_environment() -> None:
    chosen = {"BIOFEEDBACK_ADAPTER": "hci1", "BIOFEEDBACK_PAIR": "Never"}
    assert Options.from_environment(chosen) == Options(adapter="hci1", pair=Pair.NEVER)
    assert Options.from_environment({}) == Options(adapter=None, pair=Pair.AUTO)


def test_an_unknown_choice_is_told_and_left(caplog: pytest.LogCaptureFixture) -> None:
    assert Options.from_environment({"BIOFEEDBACK_PAIR": "maybe"}) == Options()
    assert "'maybe'" in caplog.text


def test_the_driver_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIOFEEDBACK_PAIR", "always")
    assert BleDriver()._options.pair is Pair.ALWAYS
    assert os.environ["BIOFEEDBACK_PAIR"] == "always"


@pytest.mark.parametrize("called", ["hci1", "00:1A:7D:DA:71:14"])
async def test_the_chosen_adapter_is_used(bus: PrivateBus, called: str) -> None:
    other = Adapter(name="hci1", address="00:1A:7D:DA:71:14")
    here, there = straps(2)
    there.near = "hci1"
    async with VirtualBlueZ(bus.address, here, there, others=(other,)) as bluez:
        ble = BleDriver(timing=Timing(), options=Options(adapter=called))
        assert (await ble.status()).available
        (found,) = await ble.scan(0.1)
        assert found.address == there.address
        await bluez.power(False, other)
        assert (await ble.status()).reason is LinkReason.ADAPTER_OFF


async def test_an_adapter_that_is_not_there(bluez: VirtualBlueZ) -> None:
    ble = BleDriver(timing=Timing(), options=Options(adapter="hci7"))
    assert (await ble.status()).reason is LinkReason.NO_ADAPTER
    with pytest.raises(LinkError) as caught:
        await ble.scan(0.1)
    assert caught.value.reason is LinkReason.NO_ADAPTER
