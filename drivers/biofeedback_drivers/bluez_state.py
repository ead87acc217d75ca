"""What BlueZ says of itself at one moment: adapters, and the straps it holds.

Linux only. A look through a connection of its own, which is closed again: nothing is
started, searched for or changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from biofeedback.errors import LinkError
from biofeedback.model import LinkReason, Value
from biofeedback.wire import uuids
from biofeedback_drivers.bluez_bus import (
    ADAPTER,
    BLUEZ,
    DBUS,
    DEVICE,
    Objects,
    call,
    objects_of_bluez,
    system_bus,
)
from biofeedback_drivers.errors import boundary

CHARACTERISTIC = "org.bluez.GattCharacteristic1"

LOOK_S = 3.0
"""How long all questions together may take; they usually take milliseconds."""


class AdapterSeen(Value, frozen=True):
    """A Bluetooth adapter as BlueZ knows it (``org.bluez.Adapter1``)."""

    name: str
    address: str
    alias: str
    powered: bool
    central: bool


class Held(Value, frozen=True):
    """A strap that BlueZ holds connected; ``listened`` when a program hears it."""

    name: str
    address: str
    listened: bool


class BlueZState(Value, frozen=True):
    """Everything that was seen."""

    adapters: tuple[AdapterSeen, ...]
    held: tuple[Held, ...]


async def state_of_bluez() -> BlueZState:
    """Ask BlueZ for all it has.

    Raises
    ------
    LinkError
        With the reason: ``NO_BUS``, ``NO_DAEMON``, ``PERMISSION`` or ``TIMEOUT``.
    """
    with boundary():
        async with asyncio.timeout(LOOK_S), system_bus() as bus:
            # Asked first: a message to org.bluez itself might start the service.
            path, method = "/org/freedesktop/DBus", f"{DBUS}.NameHasOwner"
            (owned,) = await call(bus, DBUS, path, method, BLUEZ)
            if not owned:
                raise LinkError(LinkReason.NO_DAEMON)
            return _state(await objects_of_bluez(bus))


def adapter_in_use(
    adapters: Sequence[AdapterSeen], wanted: str | None
) -> AdapterSeen | None:
    """Return the adapter that a search will use; ``None`` when there is none such.

    ``wanted`` is its name or address. Otherwise Bleak takes the first that is on and
    can connect to straps; when there is none, the first is the one to put right.
    """
    if wanted is not None:
        chosen = wanted.casefold()
        named = (
            each
            for each in adapters
            if chosen in (each.name.casefold(), each.address.casefold())
        )
        return next(named, None)
    ready = (each for each in adapters if each.powered and each.central)
    return next(ready, adapters[0] if adapters else None)


def _state(objects: Objects) -> BlueZState:
    return BlueZState(
        adapters=tuple(
            AdapterSeen(
                name=path.rpartition("/")[2],
                address=str(seen.get("Address", "")),
                alias=str(seen.get("Alias") or seen.get("Name") or ""),
                powered=bool(seen.get("Powered")),
                central="central" in seen.get("Roles", ("central",)),
            )
            for path, seen in _with(objects, ADAPTER)
        ),
        held=tuple(
            Held(
                name=str(seen.get("Alias") or seen.get("Name") or "a strap"),
                address=str(seen.get("Address", "")),
                listened=_listened(objects, path),
            )
            for path, seen in _with(objects, DEVICE)
            if seen.get("Connected") and _HEART_RATE in seen.get("UUIDs", ())
        ),
    )


_HEART_RATE = uuids.to_uuid128(uuids.HEART_RATE_SERVICE)


def _listened(objects: Objects, device: str) -> bool:
    return any(
        path.startswith(f"{device}/")
        and bool(seen.get("Notifying") or seen.get("NotifyAcquired"))
        for path, seen in _with(objects, CHARACTERISTIC)
    )


def _with(objects: Objects, interface: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, interfaces in sorted(objects.items()):
        if interface in interfaces:
            yield path, interfaces[interface]
