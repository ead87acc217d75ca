"""The linking half of the virtual BlueZ: straps are connected, lost and forgotten."""

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
from biofeedback.simulator.bluez_objects import DEVICE
from biofeedback.simulator.bluez_scan import FAILED, Scanning
from biofeedback.simulator.bluez_strap import VirtualStrap

SLOTS_FULL = "le-connection-concurrent-connection-limit"
"""What BlueZ makes of EMLINK, which a controller without free slots gives."""

ABORTED = "le-connection-abort-by-local"
"""What it says of a connection that this computer gave up."""


class Links:
    """Answers the methods of Device1, and RemoveDevice."""

    def __init__(
        self, connection: Connection, scanning: Scanning, straps: list[VirtualStrap]
    ) -> None:
        self._connection = connection
        self._scanning = scanning
        self._straps = straps

    async def drop(self, strap: VirtualStrap) -> None:
        """Lose the link to a strap."""
        if not strap.connected:
            return
        strap.unlink()
        await self._connection.changed(
            strap.path,
            DEVICE,
            {"ServicesResolved": Variant("b", False), "Connected": Variant("b", False)},
        )
        await self._scanning.advertise(strap)

    async def remove(self, strap: VirtualStrap) -> None:
        """Have BlueZ forget a strap: RemoveDevice, or 30 s without use after a scan."""
        if not strap.known:
            return
        hidden, strap.hidden = strap.hidden, True  # it is not to be seen again at once
        await self.drop(strap)
        strap.hidden = hidden
        strap.forget()
        await self.vanish(strap)

    async def vanish(self, strap: VirtualStrap) -> None:
        """Tell that its objects are gone."""
        for path, interfaces in reversed(list(strap.gatt())):
            await self._connection.removed(path, interfaces)
        await self._connection.removed(strap.path, strap.interfaces())

    def strap(self, message: Message) -> VirtualStrap:
        """Return the strap that is spoken to, or one of whose parts is.

        Raises
        ------
        Refusal
            If BlueZ knows none there.
        """
        for strap in self._straps:
            if strap.known and f"{message.path}/".startswith(f"{strap.path}/"):
                return strap
        raise no_object(message)

    async def remove_device(self, message: Message) -> Reply:
        """Answer RemoveDevice."""
        self._scanning.adapter(message)
        for strap in self._straps:
            if strap.known and strap.path == message.body[0]:
                await self.remove(strap)
                return NOTHING
        raise Refusal("org.bluez.Error.DoesNotExist", "Does Not Exist")

    async def connect(self, message: Message) -> Reply:
        """Answer Connect."""
        adapter = self._scanning.adapter(message)
        strap = self.strap(message)
        if strap.connect_errors:
            error = strap.connect_errors.popleft()
            if error[1] == ABORTED:
                # BlueZ had connected by then, and Bleak waits for the end of that.
                await self._linked(strap)
                await self.drop(strap)
            raise Refusal(*error)
        links = sum(s.connected for s in self._straps if s.adapter is adapter)
        if not strap.connected and adapter.slots is not None and links >= adapter.slots:
            raise Refusal(FAILED, SLOTS_FULL)
        if strap.connect_hangs or strap.hidden:
            strap.cancel_connect.clear()
            await strap.cancel_connect.wait()
            raise Refusal(FAILED, ABORTED)
        if not strap.connected:
            await self._linked(strap)
        if strap.drops_while_resolving > 0:
            strap.drops_while_resolving -= 1
            self._connection.run(self.drop(strap))  # once the answer has left
        elif not strap.services_hang:
            await self._resolved(strap)
        return NOTHING

    async def _linked(self, strap: VirtualStrap) -> None:
        for path, interfaces in strap.link():
            await self._connection.removed(path, interfaces)
        connected = {"Connected": Variant("b", True)}
        await self._connection.changed(strap.path, DEVICE, connected)

    async def _resolved(self, strap: VirtualStrap) -> None:
        for path, interfaces in strap.gatt():
            await self._connection.added(path, interfaces)
        strap.resolved = True
        resolved = {"ServicesResolved": Variant("b", True)}
        await self._connection.changed(strap.path, DEVICE, resolved)
        self._connection.run(strap.measure())  # what still ran when the link was lost

    async def disconnect(self, message: Message) -> Reply:
        """Answer Disconnect."""
        strap = self.strap(message)
        if strap.disconnect_hangs:
            await asyncio.Event().wait()
        strap.cancel_connect.set()
        await self.drop(strap)
        return NOTHING
