"""Listens to BlueZ for what Bleak does not tell: crashes, unplugged adapters, returns.

After a crash of the Bluetooth service or when the adapter is pulled out, Bleak calls
nobody back and says "connected" for ever (bleak 3.1). The watch gives the verdict at
once, and says when the radio is back, so that nobody waits longer than needed.

Linux only. Where it cannot listen, nothing is lost but time: the watchdog notices.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from biofeedback.errors import LinkError
from biofeedback.model import LinkReason
from biofeedback_drivers.bluez_bus import (
    ADAPTER,
    BLUEZ,
    DBUS,
    DEVICE,
    OBJECT_MANAGER,
    PROPERTIES,
    Interfaces,
    call,
    is_below,
    objects_of_bluez,
    system_bus,
    unpacked,
)
from biofeedback_drivers.timing import Timing

if TYPE_CHECKING:
    from dbus_fast import Message
    from dbus_fast.aio import MessageBus

log = logging.getLogger(__name__)

EVERYTHING = "/org/bluez"
"""The path above all adapters and devices."""

Gone = Callable[[str, LinkReason], None]
"""Is told that whatever lies at or below this object path is gone, and why."""

Back = Callable[[], None]
"""Is told that the radio can be used again."""

_RULES = (
    f"type='signal',sender='{DBUS}',member='NameOwnerChanged',arg0='{BLUEZ}'",
    f"type='signal',sender='{BLUEZ}',interface='{OBJECT_MANAGER}'",
    # Only of adapters: a strap's notifications are such signals, too.
    f"type='signal',sender='{BLUEZ}',interface='{PROPERTIES}',arg0='{ADAPTER}'",
)


class BlueZWatch:
    """Runs between :meth:`start` and :meth:`stop`, with one connection of its own."""

    def __init__(self, timing: Timing, gone: Gone, back: Back) -> None:
        self._timing = timing
        self._gone = gone
        self._back = back
        self._task: asyncio.Task[None] | None = None
        self._ended: asyncio.Task[None] | None = None
        self._bus: MessageBus | None = None
        self._powered: dict[str, bool] = {}
        self._looked = False

    @property
    def listening(self) -> bool:
        """Whether it is connected to a bus now."""
        return self._bus is not None

    @property
    def adapters(self) -> tuple[str, ...]:
        """The paths of the adapters that are on and can connect, while it listens."""
        if not self.listening:
            return ()  # who knows what was unplugged since
        return tuple(sorted(path for path, on in self._powered.items() if on))

    def start(self) -> None:
        """Begin to listen; does nothing where there is no BlueZ."""
        if sys.platform == "linux" and self._task is None:
            self._task = asyncio.create_task(
                self._run(after=self._ended), name="bluez watch"
            )

    async def stop(self) -> None:
        """End, and leave nothing behind: neither on the bus nor of what was known."""
        self._ended, self._task = self._task, None
        if self._ended is not None:
            self._ended.cancel()
            await asyncio.wait({self._ended})

    async def _run(self, after: asyncio.Task[None] | None) -> None:
        if after is not None and not after.done():
            await asyncio.wait({after})
        try:
            await self._keep_listening()
        except Exception:
            log.exception("the watch of BlueZ ended; the watchdog remains")
        finally:
            self._powered.clear()
            self._looked = False

    async def _keep_listening(self) -> None:
        while True:
            again_s = self._timing.bus_again_s
            try:
                await self._listen()
            except LinkError as error:
                log.debug("the watch of BlueZ failed: %s", error.reason, exc_info=error)
                if error.reason is not LinkReason.NO_BUS:
                    again_s = self._timing.status_s
            finally:
                lost, self._bus = self._bus is not None, None
                self._looked = True
            if lost:
                self._lose(EVERYTHING, LinkReason.NO_BUS)
            await asyncio.sleep(again_s)

    async def _listen(self) -> None:
        """Listen for as long as the bus lives."""
        async with system_bus() as bus:
            bus.add_message_handler(self._handle)
            for rule in _RULES:
                await call(bus, DBUS, "/org/freedesktop/DBus", f"{DBUS}.AddMatch", rule)
            self._bus = bus
            try:
                await self._look(bus)
            except LinkError as error:
                if error.reason is not LinkReason.NO_DAEMON:
                    raise
                self._lose(EVERYTHING, LinkReason.NO_DAEMON)
            self._looked = True
            with contextlib.suppress(Exception):  # it tells why the bus died
                await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]

    async def _look(self, bus: MessageBus) -> None:
        # A message to a service that is not there might start it: so ask first.
        owned = await call(
            bus, DBUS, "/org/freedesktop/DBus", f"{DBUS}.NameHasOwner", BLUEZ
        )
        if not owned[0]:
            raise LinkError(LinkReason.NO_DAEMON)
        objects = await objects_of_bluez(bus)
        for path in self._powered.keys() - objects.keys():
            self._lose(path, LinkReason.NO_ADAPTER)
        for path, interfaces in objects.items():
            self._added(path, interfaces)

    # --- What BlueZ says ---

    def _handle(self, message: Message) -> None:
        try:
            self._hear(message.member or "", message.path or "", message)
        except Exception:
            # dbus-fast would only log it as well.
            log.exception("a signal of BlueZ was not understood")

    def _hear(self, member: str, path: str, message: Message) -> None:
        match member:
            case "NameOwnerChanged":
                _, _, owner = message.body
                if not owner:
                    self._lose(EVERYTHING, LinkReason.NO_DAEMON)
                # The new owner announces its adapters as they come.
            case "InterfacesAdded":
                added, interfaces = unpacked(message)
                self._added(added, interfaces)
            case "InterfacesRemoved":
                removed, names = message.body
                if ADAPTER in names:
                    self._lose(removed, LinkReason.NO_ADAPTER)
                elif DEVICE in names:
                    self._gone(removed, LinkReason.LINK_LOST)
            case "PropertiesChanged":
                interface, changed, _ = unpacked(message)
                known = interface == ADAPTER and path in self._powered
                if known and "Powered" in changed:
                    self._power(path, changed["Powered"])

    def _added(self, path: str, interfaces: Interfaces) -> None:
        adapter = interfaces.get(ADAPTER)
        if adapter is not None and "central" in adapter.get("Roles", ("central",)):
            self._power(path, adapter.get("Powered", False))

    def _power(self, path: str, on: object) -> None:
        if not on:
            self._lose(path, LinkReason.ADAPTER_OFF)
            self._powered[path] = False
            return
        # What is on at the first look has not come back: it was there.
        was_on = self._powered.get(path, not self._looked)
        self._powered[path] = True
        if not was_on:
            self._back()

    def _lose(self, path: str, reason: LinkReason) -> None:
        for adapter in [*self._powered]:
            if is_below(adapter, path):
                del self._powered[adapter]
        self._gone(path, reason)
