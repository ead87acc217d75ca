"""The half of the virtual BlueZ that reads, writes and notifies."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from dbus_fast import Message, Variant

from biofeedback.simulator.bluez_connection import (
    NOTHING,
    Connection,
    Refusal,
    Reply,
    no_object,
)
from biofeedback.simulator.bluez_objects import CHARACTERISTIC, Characteristic
from biofeedback.simulator.bluez_scan import FAILED, IN_PROGRESS
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.wire import uuids

NOT_SUPPORTED = "org.bluez.Error.NotSupported"
NOT_CONNECTED = "Not connected"


class Gatt:
    """Answers the methods of GattCharacteristic1."""

    def __init__(
        self, connection: Connection, strap_of: Callable[[Message], VirtualStrap]
    ) -> None:
        self._connection = connection
        self._strap_of = strap_of

    async def read(self, message: Message) -> Reply:
        """Answer ReadValue."""
        strap, characteristic = self._characteristic(message)
        if strap.busy_reads > 0:
            strap.busy_reads -= 1
            raise Refusal(IN_PROGRESS, "In Progress")
        if (error := strap.read_errors.get(characteristic.uuid)) is not None:
            raise Refusal(*error)
        if "read" not in characteristic.flags:
            raise Refusal("org.bluez.Error.NotPermitted", "Read not permitted")
        if characteristic.listeners:
            # BlueZ gives a read value to the listeners as well.
            await self.send(strap, characteristic, characteristic.value)
        return "ay", [characteristic.value]

    async def write(self, message: Message) -> Reply:
        """Answer WriteValue; what the strap answers is indicated afterwards."""
        strap, characteristic = self._characteristic(message)
        if (error := strap.write_errors.get(characteristic.uuid)) is not None:
            raise Refusal(*error)
        if "write" not in characteristic.flags:
            raise Refusal("org.bluez.Error.NotPermitted", "Write not permitted")
        if characteristic.uuid != uuids.PMD_CONTROL_POINT:
            characteristic.value = bytes(message.body[0])
            return NOTHING
        answers = strap.command(bytes(message.body[0]))
        # Apart, so that the answer to the write itself leaves first.
        self._connection.run(self._answer(strap, answers))
        return NOTHING

    async def start_notify(self, message: Message) -> Reply:
        """Answer StartNotify."""
        strap, characteristic = self._characteristic(message)
        self._refuse_listener(strap, characteristic)
        characteristic.listeners.add(str(message.sender))
        strap.look_for_subscription()
        return NOTHING

    async def stop_notify(self, message: Message) -> Reply:
        """Answer StopNotify."""
        strap, characteristic = self._characteristic(message)
        characteristic.silence(str(message.sender))
        strap.look_for_subscription()
        return NOTHING

    async def acquire_notify(self, message: Message) -> Reply:
        """Answer AcquireNotify with one end of a socket pair."""
        strap, characteristic = self._characteristic(message)
        self._refuse_listener(strap, characteristic)
        if "notify" not in characteristic.flags:
            raise Refusal(NOT_SUPPORTED, "Operation is not supported")
        if characteristic.subscribed:
            raise Refusal("org.bluez.Error.NotPermitted", "Notify acquired")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        characteristic.acquired[str(message.sender)] = ours
        strap.look_for_subscription()
        return "hq", [theirs.detach(), characteristic.mtu]

    async def send(
        self, strap: VirtualStrap, characteristic: Characteristic, data: bytes
    ) -> bool:
        """Notify who listens; say whether anyone got it."""
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

    def _characteristic(self, message: Message) -> tuple[VirtualStrap, Characteristic]:
        strap = self._strap_of(message)
        if not strap.connected:
            raise Refusal(FAILED, NOT_CONNECTED)
        for each in strap.characteristics():
            if each.path == message.path:
                return strap, each
        raise no_object(message)

    def _refuse_listener(
        self, strap: VirtualStrap, characteristic: Characteristic
    ) -> None:
        if (error := strap.notify_errors.get(characteristic.uuid)) is not None:
            raise Refusal(*error)
        if not characteristic.sends:
            raise Refusal(NOT_SUPPORTED, "Operation is not supported")

    async def _answer(self, strap: VirtualStrap, answers: tuple[bytes, ...]) -> None:
        for data in answers:
            await strap.notify(data, uuids.PMD_CONTROL_POINT)
        await strap.measure()
