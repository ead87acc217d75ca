"""A virtual ``org.bluez``: Bleak's real BlueZ backend cannot tell the difference.

Only what Bleak uses and the BlueZ documentation describes (org.bluez.Adapter,
.Device, .GattService, .GattCharacteristic) is here. There is no radio in it: it
proves nothing about range, pairing or interference.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import TracebackType

from dbus_fast import Message, Variant

from biofeedback.simulator.bluez_connection import (
    NOTHING,
    OBJECT_MANAGER,
    PROPERTIES,
    Connection,
    Refusal,
    Reply,
    no_object,
)
from biofeedback.simulator.bluez_gatt import Gatt
from biofeedback.simulator.bluez_objects import (
    ADAPTER,
    CHARACTERISTIC,
    DEVICE,
    Adapter,
    Interfaces,
)
from biofeedback.simulator.bluez_scan import FAILED, Scanning
from biofeedback.simulator.bluez_strap import VirtualStrap

NAME = "org.bluez"

SLOTS_FULL = "le-connection-concurrent-connection-limit"
"""What BlueZ makes of EMLINK, which a controller without free slots gives."""

ABORTED = "le-connection-abort-by-local"


class VirtualBlueZ:
    """Bluetooth as this computer's programs see it, on the bus at ``address``.

    Use it as an asynchronous context manager. ``adapter.present`` and ``.powered``
    may be set before it starts; later use the methods, which tell everyone.

    Parameters
    ----------
    address
        Of the bus.
    straps
        In reach of the first adapter, or of the one that their ``near`` names.
    adapter, others
        The computer's first adapter, and those it has beside.
    """

    def __init__(
        self,
        address: str,
        *straps: VirtualStrap,
        adapter: Adapter | None = None,
        others: tuple[Adapter, ...] = (),
    ) -> None:
        self.adapter = adapter or Adapter()
        self.adapters = (self.adapter, *others)
        self.straps: list[VirtualStrap] = []
        self._connection = Connection(address, NAME, {}, self._client_gone)
        self._scanning = Scanning(self._connection, self.adapters, self.straps)
        self._gatt = Gatt(self._connection, self._strap)
        self._connection.methods = {
            f"{OBJECT_MANAGER}.GetManagedObjects": self._get_managed_objects,
            f"{PROPERTIES}.GetAll": self._get_all,
            f"{ADAPTER}.SetDiscoveryFilter": self._scanning.set_filter,
            f"{ADAPTER}.StartDiscovery": self._scanning.start,
            f"{ADAPTER}.StopDiscovery": self._scanning.stop,
            f"{ADAPTER}.RemoveDevice": self._remove_device,
            f"{DEVICE}.Connect": self._connect,
            f"{DEVICE}.Disconnect": self._disconnect,
            f"{CHARACTERISTIC}.ReadValue": self._gatt.read,
            f"{CHARACTERISTIC}.WriteValue": self._gatt.write,
            f"{CHARACTERISTIC}.StartNotify": self._gatt.start_notify,
            f"{CHARACTERISTIC}.StopNotify": self._gatt.stop_notify,
            f"{CHARACTERISTIC}.AcquireNotify": self._gatt.acquire_notify,
        }
        for strap in straps:
            self.add(strap)

    # --- Its life ---

    async def start(self) -> None:
        """Take the name and begin to answer; also again after the bus was restarted."""
        self._forget_all()
        await self._connection.open()
        for adapter in self.adapters:
            if adapter.present:
                await self._connection.added(adapter.path, adapter.interfaces())

    async def stop(self) -> None:
        """Vanish without a word, as in a crash; :meth:`start` brings it back."""
        await self._connection.close()
        self._forget_all()

    def _forget_all(self) -> None:
        for adapter in self.adapters:
            adapter.discoverers.clear()
        for strap in self.straps:
            strap.forget()

    async def __aenter__(self) -> VirtualBlueZ:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    # --- What a test does to it ---

    @property
    def calls(self) -> list[str]:
        """Every method that was called so far, as ``interface.member``."""
        return self._connection.calls

    @property
    def slots(self) -> int | None:
        """How many links the first adapter can hold; ``None``: any number."""
        return self.adapter.slots

    @slots.setter
    def slots(self, slots: int | None) -> None:
        self.adapter.slots = slots

    def add(self, strap: VirtualStrap) -> None:
        """Bring another strap into the room."""
        near = strap.near or self.adapter.name
        adapter = next(each for each in self.adapters if each.name == near)
        strap.attach(adapter, self._gatt.send)
        self.straps.append(strap)

    async def take_away(self, strap: VirtualStrap) -> None:
        """Take a strap out of the room for good."""
        await self.remove(strap)
        self.straps.remove(strap)

    async def hide(self, strap: VirtualStrap) -> None:
        """Take a strap out of reach, or into another app's hands."""
        strap.hidden = True
        await self.drop(strap)

    async def show(self, strap: VirtualStrap) -> None:
        """Bring it back."""
        strap.hidden = False
        await self._scanning.advertise(strap)

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
        await self._vanish(strap)

    async def power(self, on: bool, adapter: Adapter | None = None) -> None:
        """Switch an adapter; switching it off ends its links and scans."""
        adapter = adapter or self.adapter
        adapter.powered = on
        if not on:
            adapter.discoverers.clear()
            for strap in self._heard_by(adapter):
                await self.drop(strap)
        await self._connection.changed(
            adapter.path,
            ADAPTER,
            {"Powered": Variant("b", on), "Discovering": Variant("b", False)},
        )

    async def unplug(self, adapter: Adapter | None = None) -> None:
        """Pull an adapter out: all its objects vanish, and no link says goodbye."""
        adapter = adapter or self.adapter
        if not adapter.present:
            return
        adapter.present = False
        adapter.discoverers.clear()
        for strap in self._heard_by(adapter):
            if strap.known:
                strap.forget()
                await self._vanish(strap)
        await self._connection.removed(adapter.path, adapter.interfaces())

    async def plug(self, adapter: Adapter | None = None) -> None:
        """Put it back in; it knows no devices yet."""
        adapter = adapter or self.adapter
        if not adapter.present:
            adapter.present = True
            await self._connection.added(adapter.path, adapter.interfaces())

    def _heard_by(self, adapter: Adapter) -> list[VirtualStrap]:
        return [strap for strap in self.straps if strap.adapter is adapter]

    async def _vanish(self, strap: VirtualStrap) -> None:
        for path, interfaces in reversed(list(strap.gatt())):
            await self._connection.removed(path, interfaces)
        await self._connection.removed(strap.path, strap.interfaces())

    # --- Objects ---

    def _objects(self) -> Iterator[tuple[str, Interfaces]]:
        yield "/org/bluez", {"org.bluez.AgentManager1": {}}
        for adapter in self.adapters:
            if not adapter.present:
                continue
            yield adapter.path, adapter.interfaces()
            for strap in self._heard_by(adapter):
                if strap.known:
                    yield strap.path, strap.interfaces()
                if strap.known and strap.resolved:
                    yield from strap.gatt()

    async def _get_managed_objects(self, message: Message) -> Reply:
        return "a{oa{sa{sv}}}", [dict(self._objects())]

    async def _get_all(self, message: Message) -> Reply:
        interfaces = dict(self._objects()).get(message.path or "", {})
        if message.body[0] not in interfaces:
            raise no_object(message)
        return "a{sv}", [interfaces[message.body[0]]]

    def _client_gone(self, client: str) -> None:
        # BlueZ ends the scans and subscriptions of a client that left the bus, but
        # keeps its links: a killed program leaves its strap connected.
        self._scanning.client_gone(client)
        for strap in self.straps:
            strap.unsubscribe(client)

    # --- Devices ---

    def _strap(self, message: Message) -> VirtualStrap:
        for strap in self.straps:
            if strap.known and f"{message.path}/".startswith(f"{strap.path}/"):
                return strap
        raise no_object(message)

    async def _remove_device(self, message: Message) -> Reply:
        self._scanning.adapter(message)
        for strap in self.straps:
            if strap.known and strap.path == message.body[0]:
                await self.remove(strap)
                return NOTHING
        raise Refusal("org.bluez.Error.DoesNotExist", "Does Not Exist")

    async def _connect(self, message: Message) -> Reply:
        adapter = self._scanning.adapter(message)
        strap = self._strap(message)
        if strap.connect_errors:
            error = strap.connect_errors.popleft()
            if error[1] == ABORTED:
                # BlueZ had connected by then, and Bleak waits for the end of that.
                await self._linked(strap)
                await self.drop(strap)
            raise Refusal(*error)
        links = sum(each.connected for each in self._heard_by(adapter))
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

    async def _disconnect(self, message: Message) -> Reply:
        strap = self._strap(message)
        if strap.disconnect_hangs:
            await asyncio.Event().wait()
        strap.cancel_connect.set()
        await self.drop(strap)
        return NOTHING
