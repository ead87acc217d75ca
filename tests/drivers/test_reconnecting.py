"""A strap that is lost and found again, through real Bleak."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from biofeedback.errors import ADVICE
from biofeedback.model import (
    LinkReason,
    LinkState,
    LinkStep,
)
from biofeedback.wire.profiles import profile_of
from tests.drivers.room import HASTY, QUICK, Room, driver, eventually

SEARCHING = (LinkState.SEARCHING, None)
CONNECTING = (LinkState.CONNECTING, None)
STREAMING = (LinkState.STREAMING, None)
PATIENT = msgspec.structs.replace(QUICK, silence_s=1.0)
LOST = (LinkState.RECONNECTING, LinkReason.LINK_LOST)


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
