"""A virtual ``org.bluez``: Bleak's real BlueZ backend cannot tell the difference.

Only what Bleak uses and the BlueZ documentation describes (org.bluez.Adapter,
.Device, .GattService, .GattCharacteristic) is here. There is no radio in it: it
proves nothing about range, pairing or interference.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from types import TracebackType

from dbus_fast import Message, Variant

from biofeedback.simulator.bluez_connection import (
    OBJECT_MANAGER,
    PROPERTIES,
    Connection,
    Reply,
    no_object,
)
from biofeedback.simulator.bluez_gatt import Gatt
from biofeedback.simulator.bluez_links import Links
from biofeedback.simulator.bluez_objects import (
    ADAPTER,
    CHARACTERISTIC,
    DEVICE,
    Adapter,
    Interfaces,
)
from biofeedback.simulator.bluez_scan import Scanning
from biofeedback.simulator.bluez_strap import VirtualStrap

NAME = "org.bluez"


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
        self._links = Links(self._connection, self._scanning, self.straps)
        self._gatt = Gatt(self._connection, self._links.strap)
        self._connection.methods = {
            f"{OBJECT_MANAGER}.GetManagedObjects": self._get_managed_objects,
            f"{PROPERTIES}.GetAll": self._get_all,
            f"{ADAPTER}.SetDiscoveryFilter": self._scanning.set_filter,
            f"{ADAPTER}.StartDiscovery": self._scanning.start,
            f"{ADAPTER}.StopDiscovery": self._scanning.stop,
            f"{ADAPTER}.RemoveDevice": self._links.remove_device,
            f"{DEVICE}.Connect": self._links.connect,
            f"{DEVICE}.Disconnect": self._links.disconnect,
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
    def calls(self) -> deque[str]:
        """The last methods that were called, as ``interface.member``, oldest first."""
        return self._connection.calls

    @property
    def counted(self) -> Counter[str]:
        """How often each method was called so far."""
        return self._connection.counted

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
        await self._links.drop(strap)

    async def remove(self, strap: VirtualStrap) -> None:
        """Have BlueZ forget a strap: RemoveDevice, or 30 s without use after a scan."""
        await self._links.remove(strap)

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
                await self._links.vanish(strap)
        await self._connection.removed(adapter.path, adapter.interfaces())

    async def plug(self, adapter: Adapter | None = None) -> None:
        """Put it back in; it knows no devices yet."""
        adapter = adapter or self.adapter
        if not adapter.present:
            adapter.present = True
            await self._connection.added(adapter.path, adapter.interfaces())

    def _heard_by(self, adapter: Adapter) -> list[VirtualStrap]:
        return [strap for strap in self.straps if strap.adapter is adapter]

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
