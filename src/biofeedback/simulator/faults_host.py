"""Faults of the computer: its bus, its Bluetooth service, its adapter."""

# ruff: noqa: D401 - the docstrings are the sentences of what goes wrong

from __future__ import annotations

from collections.abc import AsyncIterator

from biofeedback.simulator.bluez import NAME
from biofeedback.simulator.fault import World, fault


@fault
async def adapter_off(world: World) -> AsyncIterator[None]:
    """Bluetooth is switched off, and on again at its end."""
    await world.bluez.power(False)
    yield
    await world.bluez.power(True)


@fault
async def unplug(world: World) -> AsyncIterator[None]:
    """The adapter is pulled out: everything vanishes without a goodbye."""
    await world.bluez.unplug()
    yield
    await world.bluez.plug()


@fault
async def bluetoothd_crash(world: World) -> AsyncIterator[None]:
    """The Bluetooth service dies, and is started at its end."""
    await world.bluez.stop()
    yield
    await world.bluez.start()


@fault
async def dbus_restart(world: World) -> AsyncIterator[None]:
    """The system's bus dies, and both are started at its end."""
    await world.bus.stop_daemon()
    await world.bluez.stop()  # bluetoothd ends with its bus
    yield
    await world.bus.start()
    await world.bluez.start()


@fault
async def permission_denied(world: World) -> AsyncIterator[None]:
    """The bus lets nobody talk to the Bluetooth service."""
    await world.bus.deny(NAME)
    yield
    await world.bus.deny()


@fault
async def slots_full(world: World) -> AsyncIterator[None]:
    """The adapter holds no more links than it has now."""
    before = world.bluez.slots
    world.bluez.slots = sum(strap.connected for strap in world.bluez.straps)
    yield
    world.bluez.slots = before


@fault
async def scan_in_progress(world: World) -> AsyncIterator[None]:
    """The next search is refused: one is already in progress."""
    errors = world.bluez.adapter.scan_errors
    errors.append(("org.bluez.Error.InProgress", "Operation already in progress"))
    yield
    errors.clear()
