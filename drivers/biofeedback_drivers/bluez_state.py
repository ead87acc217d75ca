"""What BlueZ says of itself at one moment: adapters, and the straps it knows.

Linux only. A look through a connection of its own, which is closed again: nothing is
searched for or changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from biofeedback.errors import LinkError
from biofeedback.model import LinkReason, Value
from biofeedback_drivers.bluez_bus import (
    ADAPTER,
    BLUEZ,
    CHARACTERISTIC,
    DBUS,
    DEVICE,
    Objects,
    call,
    objects_of_bluez,
    system_bus,
)
from biofeedback_drivers.errors import boundary
from biofeedback_drivers.scanner import HEART_RATE_SERVICE

LOOK_S = 3.0
"""How long all questions together may take; they usually take milliseconds."""


class AdapterSeen(Value, frozen=True):
    """A Bluetooth adapter as BlueZ knows it (``org.bluez.Adapter1``)."""

    name: str
    address: str
    alias: str
    powered: bool
    central: bool

    def is_called(self, wanted: str) -> bool:
        """Say whether this is its name or its address."""
        names = (self.name.casefold(), self.address.casefold())
        return wanted.casefold() in names


class StrapSeen(Value, frozen=True):
    """A heart rate strap as BlueZ knows it (``org.bluez.Device1``).

    Attributes
    ----------
    path, properties
        Its object on D-Bus.
    adapter
        The name of the adapter that knows it.
    name
        As it advertised it; ``None`` when it has not.
    connected
        Whether BlueZ holds a link to it.
    listened
        Whether a program hears it. A program that was killed leaves its strap
        connected, hidden from everyone, and then nobody does.
    """

    path: str
    adapter: str
    address: str
    name: str | None
    connected: bool
    listened: bool
    properties: dict[str, Any]


class BlueZState(Value, frozen=True):
    """Everything that was seen."""

    adapters: tuple[AdapterSeen, ...]
    straps: tuple[StrapSeen, ...]

    @property
    def held(self) -> tuple[StrapSeen, ...]:
        """The straps that are connected."""
        return tuple(each for each in self.straps if each.connected)

    def straps_of(self, wanted: str | None) -> tuple[StrapSeen, ...]:
        """Return the straps of the adapter that is wanted; of all without a wish."""
        names = [
            each.name
            for each in self.adapters
            if wanted is None or each.is_called(wanted)
        ]
        return tuple(each for each in self.straps if each.adapter in names)


async def state_of_bluez(*, wake: bool = False) -> BlueZState:
    """Ask BlueZ for all it has; ``wake`` lets D-Bus start it if it does not run.

    Raises
    ------
    LinkError
        With the reason: ``NO_BUS``, ``NO_DAEMON``, ``PERMISSION`` or ``TIMEOUT``.
    """
    with boundary():
        async with asyncio.timeout(LOOK_S), system_bus() as bus:
            if not wake:
                # A message to org.bluez itself might start the service.
                path, method = "/org/freedesktop/DBus", f"{DBUS}.NameHasOwner"
                (owned,) = await call(bus, DBUS, path, method, BLUEZ)
                if not owned:
                    raise LinkError(LinkReason.NO_DAEMON)
            return _state(await objects_of_bluez(bus))


def adapter_in_use(
    adapters: Sequence[AdapterSeen], wanted: str | None
) -> AdapterSeen | None:
    """Return the adapter that a search will use; ``None`` when there is none such.

    ``wanted`` is its name or address. Of several it is the first that is on and can
    connect to straps; when there is none, the one that is most easily put right.
    """
    candidates = [each for each in adapters if wanted is None or each.is_called(wanted)]
    ready = [each for each in candidates if each.powered and each.central]
    capable = [each for each in candidates if each.central]
    return next(iter((*ready, *capable, *candidates)), None)


class SharedLook:
    """One look at BlueZ for all who want one at the same moment.

    A hundred straps would else open a connection to D-Bus each, again and again. No
    answer is older than its question: who comes during a look shares the next one.
    """

    def __init__(self) -> None:
        self._now: asyncio.Task[BlueZState] | None = None
        self._next: asyncio.Task[BlueZState] | None = None
        self._waiting: dict[asyncio.Task[BlueZState], int] = {}

    async def state(self) -> BlueZState:
        """Return what BlueZ has now.

        Raises
        ------
        LinkError
            With the reason, as :func:`state_of_bluez`.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._look(after=self._now))
        task = self._next
        self._waiting[task] = self._waiting.get(task, 0) + 1
        try:
            return await asyncio.shield(task)
        finally:
            self._waiting[task] -= 1
            if not self._waiting[task]:
                del self._waiting[task]
                task.cancel()  # nobody wants to know any more
                if self._next is task:
                    self._next = None

    async def _look(self, after: asyncio.Task[BlueZState] | None) -> BlueZState:
        if after is not None and not after.done():
            await asyncio.wait({after})
        self._now, self._next = self._next, None
        return await state_of_bluez(wake=True)


def _state(objects: Objects) -> BlueZState:
    listened = {
        _device_of(path)
        for path, seen in _with(objects, CHARACTERISTIC)
        if seen.get("Notifying") or seen.get("NotifyAcquired")
    }
    return BlueZState(
        adapters=tuple(
            AdapterSeen(
                name=_last(path),
                address=str(seen.get("Address", "")),
                alias=str(seen.get("Alias") or seen.get("Name") or ""),
                powered=bool(seen.get("Powered")),
                central="central" in seen.get("Roles", ("central",)),
            )
            for path, seen in _with(objects, ADAPTER)
        ),
        straps=tuple(
            StrapSeen(
                path=path,
                adapter=_last(str(seen.get("Adapter", ""))),
                address=str(seen.get("Address", "")),
                name=seen.get("Name"),
                connected=bool(seen.get("Connected")),
                listened=path in listened,
                properties=seen,
            )
            for path, seen in _with(objects, DEVICE)
            if HEART_RATE_SERVICE in seen.get("UUIDs", ())
        ),
    )


def _device_of(characteristic: str) -> str:
    # /org/bluez/hci0/dev_XX/service0001/char0002
    return "/".join(characteristic.split("/")[:5])


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _with(objects: Objects, interface: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, interfaces in sorted(objects.items()):
        if interface in interfaces:
            yield path, interfaces[interface]
