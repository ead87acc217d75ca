"""A virtual ``org.bluez``: Bleak's real BlueZ backend cannot tell the difference.

Only what Bleak uses and the BlueZ documentation describes (org.bluez.Adapter,
.Device, .GattService, .GattCharacteristic) is here. There is no radio in it: it
proves nothing about range, pairing or interference.
"""

from __future__ import annotations

import asyncio
import socket
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
)
from biofeedback.simulator.bluez_objects import (
    ADAPTER,
    CHARACTERISTIC,
    DEVICE,
    MTU,
    Adapter,
    Characteristic,
    Interfaces,
)
from biofeedback.simulator.bluez_strap import VirtualStrap

NAME = "org.bluez"
FAILED = "org.bluez.Error.Failed"
NOT_READY = "org.bluez.Error.NotReady"
ADVERTISE_S = 0.02
"""The shortest advertising interval there is (Core Specification, Vol 6, B, 4.4.2)."""

NOT_CONNECTED = "Not connected"


class VirtualBlueZ:
    """Bluetooth as this computer's programs see it, on the bus at ``address``.

    Use it as an asynchronous context manager. ``adapter.present`` and ``.powered``
    may be set before it starts; later use the methods, which tell everyone.
    """

    def __init__(
        self, address: str, *straps: VirtualStrap, adapter: Adapter | None = None
    ) -> None:
        self.adapter = adapter or Adapter()
        self.straps: list[VirtualStrap] = list(straps)
        for strap in straps:
            strap.attach(self.adapter, self._send)
        self._filters: dict[str, tuple[str, ...]] = {}
        self._discovering = False
        self._connection = Connection(
            address,
            NAME,
            {
                f"{OBJECT_MANAGER}.GetManagedObjects": self._get_managed_objects,
                f"{PROPERTIES}.GetAll": self._get_all,
                f"{ADAPTER}.SetDiscoveryFilter": self._set_discovery_filter,
                f"{ADAPTER}.StartDiscovery": self._start_discovery,
                f"{ADAPTER}.StopDiscovery": self._stop_discovery,
                f"{DEVICE}.Connect": self._connect,
                f"{DEVICE}.Disconnect": self._disconnect,
                f"{CHARACTERISTIC}.ReadValue": self._read_value,
                f"{CHARACTERISTIC}.StartNotify": self._start_notify,
                f"{CHARACTERISTIC}.StopNotify": self._stop_notify,
                f"{CHARACTERISTIC}.AcquireNotify": self._acquire_notify,
            },
            self._client_gone,
        )

    # --- Its life ---

    async def start(self) -> None:
        """Take the name and begin to answer."""
        await self._connection.open()
        if self.adapter.present:
            await self._connection.added(self.adapter.path, self.adapter.interfaces())

    async def stop(self) -> None:
        """Vanish without a word, as in a crash; :meth:`start` brings it back."""
        await self._connection.close()
        self.adapter.discoverers.clear()
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

    async def hide(self, strap: VirtualStrap) -> None:
        """Take a strap out of reach, or into another app's hands."""
        strap.hidden = True
        await self.drop(strap)

    async def show(self, strap: VirtualStrap) -> None:
        """Bring it back."""
        strap.hidden = False
        await self._advertise(strap)

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
        await self._advertise(strap)

    async def power(self, on: bool) -> None:
        """Switch the adapter; switching it off ends every link and scan."""
        self.adapter.powered = on
        if not on:
            self.adapter.discoverers.clear()
            for strap in self.straps:
                await self.drop(strap)
        await self._connection.changed(
            self.adapter.path,
            ADAPTER,
            {"Powered": Variant("b", on), "Discovering": Variant("b", False)},
        )

    # --- Objects ---

    def _objects(self) -> Iterator[tuple[str, Interfaces]]:
        yield "/org/bluez", {"org.bluez.AgentManager1": {}}
        if not self.adapter.present:
            return
        yield self.adapter.path, self.adapter.interfaces()
        for strap in self.straps:
            if strap.known:
                yield strap.path, strap.interfaces()
            if strap.known and strap.resolved:
                yield from strap.gatt()

    async def _get_managed_objects(self, message: Message) -> Reply:
        return "a{oa{sa{sv}}}", [dict(self._objects())]

    async def _get_all(self, message: Message) -> Reply:
        interfaces = dict(self._objects()).get(message.path or "", {})
        if message.body[0] not in interfaces:
            raise Refusal("org.freedesktop.DBus.Error.UnknownObject", f"{message.path}")
        return "a{sv}", [interfaces[message.body[0]]]

    def _client_gone(self, client: str) -> None:
        # BlueZ ends the scans and subscriptions of a client that left the bus, but
        # keeps its links: a killed program leaves its strap connected.
        self.adapter.discoverers.pop(client, None)
        self._filters.pop(client, None)
        for strap in self.straps:
            strap.unsubscribe(client)

    # --- Adapter ---

    def _ready(self) -> None:
        if not self.adapter.present:
            raise Refusal("org.freedesktop.DBus.Error.UnknownObject", "no adapter")
        if not self.adapter.powered:
            raise Refusal(NOT_READY, "Resource Not Ready")

    async def _set_discovery_filter(self, message: Message) -> Reply:
        self._ready()
        wanted = message.body[0].get("UUIDs")
        self._filters[str(message.sender)] = tuple(wanted.value) if wanted else ()
        return NOTHING

    async def _start_discovery(self, message: Message) -> Reply:
        self._ready()
        client = str(message.sender)
        if client in self.adapter.discoverers:
            raise Refusal("org.bluez.Error.InProgress", "Operation already in progress")
        self.adapter.discoverers[client] = self._filters.get(client, ())
        if not self._discovering:
            self._connection.run(self._discover())
        return NOTHING

    async def _stop_discovery(self, message: Message) -> Reply:
        self._ready()
        if self.adapter.discoverers.pop(str(message.sender), None) is None:
            raise Refusal(FAILED, "No discovery started")
        return NOTHING

    async def _discover(self) -> None:
        # Again and again, as straps do: whoever listens a moment later sees them too.
        self._discovering = True
        try:
            while self.adapter.discoverers:
                for strap in self.straps:
                    await self._advertise(strap)
                await asyncio.sleep(ADVERTISE_S)
        finally:
            self._discovering = False

    async def _advertise(self, strap: VirtualStrap) -> None:
        wanted = self.adapter.discoverers.values()
        if not strap.advertising or not any(
            not filters or set(filters) & set(strap.advertised) for filters in wanted
        ):
            return
        if strap.known:
            rssi = {"RSSI": Variant("n", strap.rssi_dbm)}
            await self._connection.changed(strap.path, DEVICE, rssi)
        else:
            strap.known = True
            await self._connection.added(strap.path, strap.interfaces())

    # --- Device ---

    def _strap(self, message: Message) -> VirtualStrap:
        for strap in self.straps:
            if strap.known and str(message.path).startswith(strap.path):
                return strap
        raise Refusal(
            "org.freedesktop.DBus.Error.UnknownObject",
            f'Method "{message.member}" with signature doesn\'t exist',
        )

    async def _connect(self, message: Message) -> Reply:
        self._ready()
        strap = self._strap(message)
        if strap.connect_errors:
            raise Refusal(*strap.connect_errors.popleft())
        if strap.connect_hangs or strap.hidden:
            strap.cancel_connect.clear()
            await strap.cancel_connect.wait()
            raise Refusal(FAILED, "le-connection-abort-by-local")
        if not strap.connected:
            strap.link()
            connected = {"Connected": Variant("b", True)}
            await self._connection.changed(strap.path, DEVICE, connected)
        if not strap.services_hang:
            for path, interfaces in strap.gatt():
                await self._connection.added(path, interfaces)
            strap.resolved = True
            resolved = {"ServicesResolved": Variant("b", True)}
            await self._connection.changed(strap.path, DEVICE, resolved)
        return NOTHING

    async def _disconnect(self, message: Message) -> Reply:
        strap = self._strap(message)
        if strap.disconnect_hangs:
            await asyncio.Event().wait()
        strap.cancel_connect.set()
        await self.drop(strap)
        return NOTHING

    # --- Characteristics ---

    def _characteristic(self, message: Message) -> tuple[VirtualStrap, Characteristic]:
        strap = self._strap(message)
        if not strap.connected:
            raise Refusal(FAILED, NOT_CONNECTED)
        for each in strap.characteristics():
            if each.path == message.path:
                return strap, each
        raise Refusal("org.freedesktop.DBus.Error.UnknownObject", f"{message.path}")

    async def _read_value(self, message: Message) -> Reply:
        strap, characteristic = self._characteristic(message)
        if (error := strap.read_errors.get(characteristic.uuid)) is not None:
            raise Refusal(*error)
        if characteristic.listeners:
            # BlueZ gives a read value to the listeners as well.
            await self._send(strap, characteristic, characteristic.value)
        return "ay", [characteristic.value]

    async def _start_notify(self, message: Message) -> Reply:
        strap, characteristic = self._characteristic(message)
        if "notify" not in characteristic.flags:
            raise Refusal("org.bluez.Error.NotSupported", "Operation is not supported")
        characteristic.listeners.add(str(message.sender))
        strap.look_for_subscription()
        return NOTHING

    async def _stop_notify(self, message: Message) -> Reply:
        strap, characteristic = self._characteristic(message)
        characteristic.silence(str(message.sender))
        strap.look_for_subscription()
        return NOTHING

    async def _acquire_notify(self, message: Message) -> Reply:
        strap, characteristic = self._characteristic(message)
        if characteristic.subscribed:
            raise Refusal("org.bluez.Error.NotPermitted", "Notify acquired")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        characteristic.acquired[str(message.sender)] = ours
        strap.look_for_subscription()
        return "hq", [theirs.detach(), MTU]

    async def _send(
        self, strap: VirtualStrap, characteristic: Characteristic, data: bytes
    ) -> bool:
        if not strap.connected or strap.silent or not characteristic.subscribed:
            return False
        for client, end in tuple(characteristic.acquired.items()):
            try:
                end.send(data)
            except BlockingIOError:
                return False  # its reader is far behind: the packet is lost
            except OSError:  # the listener closed its end, which is how it stops
                characteristic.silence(client)
                strap.look_for_subscription()
                return False
        if characteristic.listeners:
            value = {"Value": Variant("ay", data)}
            await self._connection.changed(characteristic.path, CHARACTERISTIC, value)
        await asyncio.sleep(0)
        return True
