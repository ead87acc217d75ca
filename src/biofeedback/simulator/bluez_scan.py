"""The searching half of the virtual BlueZ: who searches, and what straps say then."""

from __future__ import annotations

import asyncio

from dbus_fast import Message, Variant

from biofeedback.simulator.bluez_connection import (
    NOTHING,
    Connection,
    Refusal,
    Reply,
    no_object,
)
from biofeedback.simulator.bluez_objects import DEVICE, Adapter
from biofeedback.simulator.bluez_strap import VirtualStrap

FAILED = "org.bluez.Error.Failed"
IN_PROGRESS = "org.bluez.Error.InProgress"
ADVERTISE_S = 0.02
"""The shortest advertising interval there is (Core Specification, Vol 6, B, 4.4.2)."""


class Scanning:
    """Answers the methods of Adapter1 that search."""

    def __init__(
        self,
        connection: Connection,
        adapters: tuple[Adapter, ...],
        straps: list[VirtualStrap],
    ) -> None:
        self._connection = connection
        self._adapters = adapters
        self._straps = straps
        self._filters: dict[str, tuple[str, ...]] = {}
        self._discovering: set[str] = set()

    def adapter(self, message: Message) -> Adapter:
        """Return the adapter that is spoken to, if it is there and on.

        Raises
        ------
        Refusal
            As BlueZ does.
        """
        for adapter in self._adapters:
            if adapter.present and f"{message.path}/".startswith(f"{adapter.path}/"):
                if not adapter.powered:
                    raise Refusal("org.bluez.Error.NotReady", "Resource Not Ready")
                return adapter
        raise no_object(message)

    def client_gone(self, client: str) -> None:
        """End the search of a client that left the bus."""
        self._filters.pop(client, None)
        for adapter in self._adapters:
            adapter.discoverers.pop(client, None)

    async def set_filter(self, message: Message) -> Reply:
        """Answer SetDiscoveryFilter."""
        self.adapter(message)
        wanted = message.body[0].get("UUIDs")
        self._filters[str(message.sender)] = tuple(wanted.value) if wanted else ()
        return NOTHING

    async def start(self, message: Message) -> Reply:
        """Answer StartDiscovery."""
        adapter = self.adapter(message)
        if adapter.scan_errors:
            raise Refusal(*adapter.scan_errors.popleft())
        client = str(message.sender)
        if client in adapter.discoverers:
            raise Refusal(IN_PROGRESS, "Operation already in progress")
        adapter.discoverers[client] = self._filters.get(client, ())
        if adapter.name not in self._discovering:
            self._connection.run(self._discover(adapter))
        return NOTHING

    async def stop(self, message: Message) -> Reply:
        """Answer StopDiscovery."""
        adapter = self.adapter(message)
        if adapter.discoverers.pop(str(message.sender), None) is None:
            raise Refusal(FAILED, "No discovery started")
        return NOTHING

    async def advertise(self, strap: VirtualStrap) -> None:
        """Let a strap be heard by who searches."""
        wanted = strap.adapter.discoverers.values()
        if not strap.advertising or not any(
            not filters or set(filters) & set(strap.advertised) for filters in wanted
        ):
            return
        if not strap.known:
            strap.known = True
            await self._connection.added(strap.path, strap.interfaces())
            return
        heard = {"RSSI": Variant("n", strap.rssi_dbm)}
        if strap.nameless:
            strap.nameless = False
            heard |= strap.names()
        await self._connection.changed(strap.path, DEVICE, heard)

    async def _discover(self, adapter: Adapter) -> None:
        # Again and again, as straps do: whoever listens a moment later sees them too.
        self._discovering.add(adapter.name)
        try:
            while adapter.discoverers:
                for strap in tuple(self._straps):
                    if strap.adapter is adapter:
                        await self.advertise(strap)
                await asyncio.sleep(ADVERTISE_S)
        finally:
            self._discovering.discard(adapter.name)
