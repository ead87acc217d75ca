"""Each fault looks to Bleak as it does in life, and is over when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial

import pytest
from bleak import BleakClient, BleakScanner
from bleak.args.bluez import BlueZScannerArgs
from bleak.backends.device import BLEDevice
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakDBusError,
    BleakError,
    BleakGATTProtocolError,
)

from biofeedback.errors import SettingsError
from biofeedback.simulator.bluez import VirtualBlueZ
from biofeedback.simulator.bluez_links import SLOTS_FULL
from biofeedback.simulator.bluez_objects import Adapter
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.bluez_troubles import att_error
from biofeedback.simulator.bus import PrivateBus
from biofeedback.simulator.faults import FAULTS, World, fault_named
from biofeedback.simulator.models import MODELS
from biofeedback.wire import uuids
from biofeedback.wire.heart_rate import HeartRateMeasurement
from tests.simulator.conftest import PATIENCE_S, eventually

HR = uuids.to_uuid128(uuids.HEART_RATE_MEASUREMENT)
BATTERY = uuids.to_uuid128(uuids.BATTERY_LEVEL)
MODEL = uuids.to_uuid128(uuids.MODEL_NUMBER)
CONTROL = uuids.to_uuid128(uuids.PMD_CONTROL_POINT)
PACKET = bytes(HeartRateMeasurement(hr_bpm=60, rr_1024=(1000,)))

HOST = {"adapter_off", "unplug", "bluetoothd_crash", "dbus_restart"}


@pytest.fixture
def world(bus: PrivateBus, bluez: VirtualBlueZ) -> World:
    return World(bus=bus, bluez=bluez)


async def found(strap: VirtualStrap, adapter: str = "hci0") -> BLEDevice:
    """Search until the strap was seen, however often that fails meanwhile."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(BleakError, OSError, EOFError):
                device = await BleakScanner.find_device_by_address(
                    strap.address,
                    timeout=0.3,
                    bluez=BlueZScannerArgs(adapter=adapter),
                )
                if device is not None:
                    return device
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def linked(strap: VirtualStrap) -> AsyncIterator[tuple[BleakClient, list[bytes]]]:
    """Connect and listen to the heart rate."""
    heard: list[bytes] = []
    client = BleakClient(await found(strap), timeout=PATIENCE_S)
    await client.connect()
    try:
        await client.start_notify(HR, lambda _, data: heard.append(bytes(data)))
        yield client, heard
    finally:
        with contextlib.suppress(BleakError, OSError, EOFError):
            await client.disconnect()


def into(heard: list[bytes]) -> Callable[[object, bytearray], None]:
    """Return a callback that keeps what it is given."""
    return lambda _, data: heard.append(bytes(data))


def longer(heard: list[bytes], count: int) -> bool:
    return len(heard) > count


async def streams(strap: VirtualStrap) -> None:
    """Find, connect and hear it."""
    async with asyncio.timeout(PATIENCE_S), linked(strap) as (_, heard):
        assert await strap.notify(PACKET)
        await eventually(lambda: heard == [PACKET], "a packet")


@pytest.mark.parametrize("name", sorted(FAULTS))
async def test_after_its_end_the_strap_streams_again(
    world: World, h10: VirtualStrap, name: str
) -> None:
    fault = FAULTS[name]
    assert fault.sentence.endswith(".")
    async with linked(h10):
        await fault.begin(world)
        assert world.begun == ((name,) if fault.lasts else ())
        await fault.end(world)
    assert world.begun == ()
    await streams(h10)


@pytest.mark.parametrize("name", sorted(HOST))
async def test_faults_of_the_host_end_every_link(
    world: World, h10: VirtualStrap, name: str
) -> None:
    async with linked(h10) as (client, heard):
        async with FAULTS[name].during(world):
            assert not h10.connected
            assert not await h10.notify(PACKET)
            if name in {"unplug", "bluetoothd_crash"}:
                # Nobody says goodbye: Bleak believes for ever that all is well.
                assert client.is_connected
        assert heard == []
    await streams(h10)


async def refusal() -> str:
    """Search until Bleak, which learns it by a signal, knows why it cannot."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(BleakDBusError):
                try:
                    await BleakScanner.discover(0.05)
                except BleakBluetoothNotAvailableError as error:
                    return error.reason.name


@pytest.mark.parametrize(
    ("name", "reason"), [("adapter_off", "POWERED_OFF"), ("unplug", "NO_BLUETOOTH")]
)
async def test_an_adapter_that_is_off_or_gone_is_told_apart(
    world: World, name: str, reason: str
) -> None:
    async with FAULTS[name].during(world):
        assert await refusal() == reason


async def test_the_bus_itself_refuses_who_has_no_permission(
    world: World, h10: VirtualStrap
) -> None:
    async with FAULTS["permission_denied"].during(world):
        with pytest.raises(BleakDBusError) as raised:
            await BleakScanner.discover(0.1)
        assert raised.value.dbus_error == "org.freedesktop.DBus.Error.AccessDenied"
        assert not world.bluez.calls
    await streams(h10)


async def test_a_bus_may_deny_from_its_start(
    has_dbus: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with PrivateBus(deny=("org.bluez",)) as bus, VirtualBlueZ(bus.address):
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
        with pytest.raises(BleakDBusError, match="AccessDenied"):
            await BleakScanner.discover(0.1)


async def test_a_full_adapter_says_so(world: World, h10: VirtualStrap) -> None:
    other = MODELS["wahoo"].strap(2)
    world.bluez.add(other)
    world.bluez.slots = 1
    async with linked(h10):
        with pytest.raises(BleakDBusError, match=SLOTS_FULL):
            await BleakClient(await found(other)).connect()
    await streams(other)


async def test_straps_are_heard_by_the_adapter_they_are_near(bus: PrivateBus) -> None:
    dongle = Adapter(name="hci1", address="00:1A:7D:DA:71:14")
    strap = VirtualStrap(near="hci1")
    async with VirtualBlueZ(bus.address, strap, others=(dongle,)) as bluez:
        first = BlueZScannerArgs(adapter="hci0")
        assert await BleakScanner.discover(0.1, bluez=first) == []
        device = await found(strap, "hci1")
        assert device.details["path"].startswith("/org/bluez/hci1/")
        async with BleakClient(device) as client:
            assert await client.read_gatt_char(BATTERY) == bytes([80])
        assert bluez.adapters == (bluez.adapter, dongle)
        with pytest.raises(BleakError, match="hci7"):
            await BleakScanner.discover(0.1, bluez=BlueZScannerArgs(adapter="hci7"))


async def test_a_search_in_progress_is_refused_once(world: World) -> None:
    async with FAULTS["scan_in_progress"].during(world):
        with pytest.raises(BleakDBusError, match="InProgress"):
            await BleakScanner.discover(0.05)
        assert len(await BleakScanner.discover(0.1)) == 1


async def test_the_name_may_come_after_the_first_advertisement(
    bluez: VirtualBlueZ, h10: VirtualStrap
) -> None:
    h10.nameless = True
    names: list[str | None] = []
    async with BleakScanner(lambda device, said: names.append(said.local_name)):
        await eventually(lambda: h10.name in names, "its name")
    assert names[0] != h10.name


async def test_a_removed_device_must_be_searched_for_again(
    world: World, h10: VirtualStrap
) -> None:
    device = await found(h10)
    await FAULTS["device_removed"].begin(world)
    await eventually(lambda: not h10.known, "that it is forgotten")
    with pytest.raises(BleakError, match="not found"):
        await BleakClient(device, timeout=1).connect()
    await streams(h10)


async def test_a_link_may_be_lost_while_services_are_looked_up(
    bluez: VirtualBlueZ, h10: VirtualStrap
) -> None:
    device = await found(h10)
    h10.drops_while_resolving = 1
    with pytest.raises(BleakError, match="device disconnected"):
        await BleakClient(device, timeout=2).connect()
    await streams(h10)


async def test_bleak_itself_repeats_an_attempt_that_was_aborted(
    bluez: VirtualBlueZ, h10: VirtualStrap, world: World
) -> None:
    await FAULTS["abort_by_local"].begin(world)
    await streams(h10)
    assert h10.links == 2


async def test_moved_handles_are_stale_for_who_kept_them(
    bluez: VirtualBlueZ, h10: VirtualStrap
) -> None:
    async with linked(h10) as (client, _):
        before = client.services.get_characteristic(HR)
    h10.change_firmware()
    async with linked(h10) as (client, heard):
        after = client.services.get_characteristic(HR)
        assert before is not None
        assert after is not None
        assert before.handle != after.handle
        with pytest.raises(BleakDBusError, match="UnknownObject"):
            await client.read_gatt_char(before)
        await h10.notify(PACKET)
        await eventually(lambda: heard == [PACKET], "a packet")


async def test_old_firmware_has_no_control_point(bus: PrivateBus) -> None:
    make = replace(MODELS["polar_h10"].make, pmd_commands=False)
    strap = VirtualStrap(make=make)
    async with VirtualBlueZ(bus.address, strap), linked(strap) as (client, _):
        assert client.services.get_characteristic(CONTROL) is None
        assert (
            client.services.get_characteristic(uuids.to_uuid128(uuids.PMD_DATA))
            is not None
        )


async def test_reads_and_writes_fail_in_the_known_ways(
    bluez: VirtualBlueZ, h10: VirtualStrap
) -> None:
    async with linked(h10) as (client, _):
        h10.busy_reads = 3
        assert await client.read_gatt_char(BATTERY) == bytes([80])
        assert h10.busy_reads == 0
        h10.read_errors["2a24"] = att_error(0x0E)
        with pytest.raises(BleakGATTProtocolError) as raised:
            await client.read_gatt_char(MODEL)
        assert int(raised.value.code) == 0x0E
        h10.write_errors["pmd_cp"] = att_error(0x05)
        with pytest.raises(BleakGATTProtocolError) as raised:
            await client.write_gatt_char(CONTROL, b"\x01\x00", response=True)
        assert int(raised.value.code) == 0x05
        h10.notify_errors["2a19"] = ("org.bluez.Error.NotSupported", "Not supported")
        with pytest.raises(BleakDBusError, match="NotSupported"):
            await client.start_notify(BATTERY, lambda _, data: None)


async def test_what_was_stalled_comes_at_once_and_in_order(
    world: World, h10: VirtualStrap
) -> None:
    sent = [bytes(HeartRateMeasurement(hr_bpm=bpm)) for bpm in range(40, 140)]
    async with linked(h10) as (_, heard):
        async with FAULTS["burst"].during(world):
            for data in sent:
                await h10.notify(data)
            assert heard == []
        await eventually(lambda: len(heard) == 100, "the burst")
    assert heard == sent


async def test_every_tenth_packet_is_lost_or_doubled(
    world: World, h10: VirtualStrap
) -> None:
    sent = [bytes(HeartRateMeasurement(hr_bpm=bpm)) for bpm in range(40, 60)]
    async with linked(h10) as (_, heard):
        async with FAULTS["lost_packet"].during(world):
            for data in sent:
                await h10.notify(data)
        await eventually(lambda: len(heard) == 18, "all but two")
        assert [data for data in sent if data not in heard] == [sent[9], sent[19]]
        heard.clear()
        async with FAULTS["duplicated_packet"].during(world):
            for data in sent:
                await h10.notify(data)
        await eventually(lambda: len(heard) == 22, "two of them twice")
        assert [data for data in sent if heard.count(data) == 2] == [sent[9], sent[19]]


async def test_the_battery_falls_and_tells(world: World, h10: VirtualStrap) -> None:
    async with linked(h10) as (client, _):
        levels: list[bytes] = []
        await client.start_notify(BATTERY, lambda _, data: levels.append(bytes(data)))
        async with FAULTS["battery_low"].during(world):
            await eventually(lambda: levels == [bytes([5])], "a low level")
        assert await client.read_gatt_char(BATTERY) == bytes([80])


async def test_contact_comes_and_goes(world: World, h10: VirtualStrap) -> None:
    async with linked(h10) as (_, heard):
        async with FAULTS["contact_toggle"].during(world):
            for _number in range(15):
                await h10.notify(PACKET)
        await eventually(lambda: len(heard) == 15, "all")
    contact = [HeartRateMeasurement.from_bytes(data).contact for data in heard]
    assert contact == [False] * 5 + [True] * 5 + [False] * 5
    assert {HeartRateMeasurement.from_bytes(data).rr_1024 for data in heard} == {
        (1000,)
    }


async def test_a_strap_goes_on_measuring_when_its_link_is_lost(
    bluez: VirtualBlueZ, h10: VirtualStrap
) -> None:
    h10.time.hasten(5)
    data_uuid = uuids.to_uuid128(uuids.PMD_DATA)
    start = bytes.fromhex("02000001820001010e00")
    for answer in ("f002000000", "f002000600"):
        async with linked(h10) as (client, _):
            replies: list[bytes] = []
            frames: list[bytes] = []
            await client.start_notify(CONTROL, into(replies))
            await client.start_notify(data_uuid, into(frames))
            await client.write_gatt_char(CONTROL, start, response=True)
            await eventually(partial(longer, frames, 2), "frames")
            assert [each.hex() for each in replies] == [answer]
            await bluez.drop(h10)


async def test_links_are_lost_again_and_again(world: World, h10: VirtualStrap) -> None:
    h10.time.hasten(200)  # 30 s pass in 150 ms
    async with FAULTS["periodic_drop"].during(world):
        while h10.links < 3:
            with contextlib.suppress(BleakError):  # it may happen while connecting
                async with linked(h10):
                    await eventually(lambda: not h10.connected, "a loss")
    await streams(h10)


async def test_faults_say_what_cannot_be(world: World) -> None:
    with pytest.raises(SettingsError, match=r"elephant.*link_drop"):
        fault_named("elephant")
    with pytest.raises(SettingsError, match=r"A0:9E:1A:00:00:01"):
        world.only("elephant")
    fault = FAULTS["silent_stall"]
    await fault.begin(world)
    with pytest.raises(SettingsError, match="already begun"):
        await fault.begin(world)
    await fault.end(world)
    await fault.end(world)
    world.bluez.straps[0].pmd = None
    with pytest.raises(SettingsError, match="polar_h10"):
        await FAULTS["pmd_gap"].begin(world)


async def test_a_fault_of_one_strap_leaves_the_others_alone(
    world: World, h10: VirtualStrap
) -> None:
    other = MODELS["wahoo"].strap(2)
    world.bluez.add(other)
    await FAULTS["out_of_range"].begin(world.only(h10.address))
    await streams(other)
    assert h10.hidden
    assert not other.hidden
    await FAULTS["out_of_range"].end(world.only(h10.address))
    await streams(h10)


async def test_a_fault_ends_for_whom_it_began(world: World, h10: VirtualStrap) -> None:
    server = h10.pmd
    assert server is not None
    async with FAULTS["pmd_late_start"].during(world):
        assert server.late_start_s == 20
        await world.bluez.take_away(h10)
    assert server.late_start_s == 0


async def test_calls_are_counted_for_ever_and_the_last_remembered(
    world: World, h10: VirtualStrap
) -> None:
    await streams(h10)
    assert Counter(world.bluez.calls) == world.bluez.counted
    assert world.bluez.calls.maxlen is not None


async def test_restarts_leave_no_descriptors_behind(
    world: World, h10: VirtualStrap
) -> None:
    await streams(h10)

    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    before = descriptors()
    for _ in range(5):
        for name in ("dbus_restart", "bluetoothd_crash"):
            async with FAULTS[name].during(world):
                pass
            await streams(h10)
    assert descriptors() <= before + 1  # Bleak may just be about to reconnect
