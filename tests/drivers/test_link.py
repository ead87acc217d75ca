"""One link through real Bleak: what a strap says of itself, and what it sends."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

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
    room.begin(driver(HASTY))
    await room.streams(1000)
    level = next(c for c in room.strap.characteristics() if c.uuid == "2a19")
    await eventually(lambda: level.subscribed, "a subscription after the heart rate")
    assert await room.strap.notify(bytes([79]), "2a19")
    await room.until(lambda: room.sent("2a19") == [b"\x50", b"\x4f"], "79 %")
    # Whatever is told of the link from now on tells this level, and not the first.
    await room.change(LinkState.STALE, LinkReason.NO_DATA)
    levels = [each.strap.battery_pct for each in room.links if each.strap]
    assert levels[-2:] == [80, 79]


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


async def test_a_strap_can_be_asked_for_by_name(room: Room) -> None:
    room.begin(wanted=FoundStrap(id="ble:", name=room.strap.name, address=""))
    await room.streams(1000)


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


async def test_a_record_that_nobody_takes_does_not_end_the_stream(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
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
    assert "a notification could not be handed on" in caplog.text
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
