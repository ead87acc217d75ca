"""Faults of a link: finding a strap, connecting, reading and subscribing."""

# ruff: noqa: D401 - the docstrings are the sentences of what goes wrong

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

from biofeedback.simulator.bluez_links import ABORTED
from biofeedback.simulator.fault import World, accident, fault, while_set
from biofeedback.wire import uuids

FAILED = "org.bluez.Error.Failed"
BAD_CONNECT = (FAILED, "Software caused connection abort")
PERIOD_S = 30.0
"""Some straps hang up on some hosts about every 30 s (IanHarvey/bluepy#53)."""


@accident
async def link_drop(world: World) -> None:
    """The link is lost, and can be had again at once."""
    await world.drop()


@fault
async def out_of_range(world: World) -> AsyncIterator[None]:
    """The strap is out of reach, or another device holds it."""
    for strap in world.all_straps:
        await world.bluez.hide(strap)
    yield
    for strap in world.all_straps:
        await world.bluez.show(strap)


@fault
async def periodic_drop(world: World) -> AsyncIterator[None]:
    """The link is lost again and again, every 30 s."""

    async def drop_again() -> None:
        while True:
            for strap in world.all_straps:
                await asyncio.sleep(PERIOD_S / strap.time.speed / len(world.all_straps))
                await world.bluez.drop(strap)

    dropping = asyncio.create_task(drop_again())
    yield
    dropping.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await dropping


@fault
async def three_bad_connects(world: World) -> AsyncIterator[None]:
    """The link is lost, and three attempts to connect fail."""
    for strap in world.all_straps:
        strap.connect_errors.extend([BAD_CONNECT] * 3)
    await world.drop()
    yield
    for strap in world.all_straps:
        strap.connect_errors.clear()


@fault
async def abort_by_local(world: World) -> AsyncIterator[None]:
    """The next attempt to connect is aborted by this computer."""
    for strap in world.all_straps:
        strap.connect_errors.append((FAILED, ABORTED))
    yield
    for strap in world.all_straps:
        strap.connect_errors.clear()


while_set(
    "connect_hangs",
    "The link is lost, and connecting never gets an answer.",
    drops=True,
    connect_hangs=True,
)


while_set(
    "services_hang",
    "The link is lost; later ones never learn the services.",
    drops=True,
    services_hang=True,
)


while_set(
    "drop_while_resolving",
    "The link is lost, and the next one in its middle.",
    drops=True,
    drops_while_resolving=1,
)


while_set(
    "disconnect_hangs",
    "Disconnecting never gets an answer.",
    disconnect_hangs=True,
)


@accident
async def device_removed(world: World) -> None:
    """The Bluetooth service forgets the strap."""
    for strap in world.all_straps:
        await world.bluez.remove(strap)


@fault
async def nameless(world: World) -> AsyncIterator[None]:
    """The strap is forgotten, and its next advertisement has no name."""
    for strap in world.all_straps:
        strap.nameless = True
        await world.bluez.remove(strap)
    yield
    for strap in world.all_straps:
        strap.nameless = False


@accident
async def stale_handles(world: World) -> None:
    """New firmware: the link is lost and every handle has moved."""
    for strap in world.all_straps:
        strap.change_firmware()
    await world.drop()


@fault
async def old_firmware(world: World) -> AsyncIterator[None]:
    """The link is lost; old firmware has no measurement service."""
    makes = {strap: strap.make for strap in world.all_straps}
    for strap in makes:
        strap.change_firmware(replace(strap.make, pmd=None))
    await world.drop()
    yield
    for strap, make in makes.items():
        strap.change_firmware(make)
    await world.drop()


while_set(
    "busy_reads",
    "The next three reads are answered: in progress.",
    busy_reads=3,
)


@fault
async def pairing_needed(world: World) -> AsyncIterator[None]:
    """Reading and subscribing are refused: not paired."""
    refusal = ("org.bluez.Error.NotPermitted", "Not paired")
    for strap in world.all_straps:
        for each in strap.characteristics():
            strap.read_errors[each.uuid] = strap.notify_errors[each.uuid] = refusal
    yield
    for strap in world.all_straps:
        strap.read_errors.clear()
        strap.notify_errors.clear()


@fault
async def notify_not_supported(world: World) -> AsyncIterator[None]:
    """Subscribing to the heart rate is not supported."""
    refusal = ("org.bluez.Error.NotSupported", "Operation is not supported")
    for strap in world.all_straps:
        strap.notify_errors[uuids.HEART_RATE_MEASUREMENT] = refusal
    yield
    for strap in world.all_straps:
        strap.notify_errors.pop(uuids.HEART_RATE_MEASUREMENT, None)


@fault
async def write_error(world: World) -> AsyncIterator[None]:
    """Commands to the measurement service fail: unlikely error."""
    for strap in world.all_straps:
        strap.write_errors[uuids.PMD_CONTROL_POINT] = (
            FAILED,
            "Operation failed with ATT error: 0x0e",
        )
    yield
    for strap in world.all_straps:
        strap.write_errors.clear()
