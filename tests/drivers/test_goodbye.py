"""However a session ends, the strap is let go and nothing is left behind."""

from __future__ import annotations

import asyncio
import os

import msgspec
import pytest

from biofeedback.model import (
    LinkReason,
    LinkState,
    LinkStep,
)
from tests.drivers.room import HASTY, QUICK, Room, driver, eventually

SEARCHING = (LinkState.SEARCHING, None)
CONNECTING = (LinkState.CONNECTING, None)
STREAMING = (LinkState.STREAMING, None)
PATIENT = msgspec.structs.replace(QUICK, silence_s=1.0)
LOST = (LinkState.RECONNECTING, LinkReason.LINK_LOST)


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
