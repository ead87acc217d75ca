"""A D-Bus connection of our own to BlueZ, beside Bleak's: to look and to listen.

Linux only. Bleak keeps a picture of BlueZ that is out of date after the service has
crashed (bleak 3.1 never asks again while its bus lives); here BlueZ itself is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from biofeedback_drivers.errors import boundary

if TYPE_CHECKING:
    from dbus_fast import Message
    from dbus_fast.aio import MessageBus

CONNECT_S = 5.0
"""How long a bus may take to let us in; it usually takes a millisecond."""

BLUEZ = "org.bluez"
ADAPTER = "org.bluez.Adapter1"
DEVICE = "org.bluez.Device1"
CHARACTERISTIC = "org.bluez.GattCharacteristic1"
OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
PROPERTIES = "org.freedesktop.DBus.Properties"
DBUS = "org.freedesktop.DBus"

Interfaces = dict[str, dict[str, Any]]
Objects = dict[str, Interfaces]
"""What BlueZ has: properties by interface by path."""


def is_below(path: str, top: str) -> bool:
    """Say whether an object is ``top`` or lies below it (``hci1`` is not ``hci10``)."""
    return path == top or path.startswith(f"{top}/")


@contextlib.asynccontextmanager
async def system_bus() -> AsyncIterator[MessageBus]:
    """Connect to the system's D-Bus; the connection is gone at the end.

    Raises
    ------
    LinkError
        With the reason, when it cannot be reached.
    """
    with boundary():
        from dbus_fast import BusType
        from dbus_fast.aio import MessageBus

        bus = MessageBus(bus_type=BusType.SYSTEM)
    try:
        with boundary():
            async with asyncio.timeout(CONNECT_S):
                await bus.connect()
    except BaseException:
        bus.disconnect()  # never connected: there is no end of it to wait for
        raise
    try:
        yield bus
    finally:
        bus.disconnect()
        with contextlib.suppress(Exception):  # it tells why the bus had died
            await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]


async def call(
    bus: MessageBus,
    destination: str,
    path: str,
    member: str,
    *body: str,
) -> list[Any]:
    """Call ``interface.member`` with strings; return the answer.

    Raises
    ------
    LinkError
        With the reason, when it is refused or never comes.
    """
    with boundary():
        from bleak.exc import BleakDBusError
        from dbus_fast import Message, MessageType

        interface, _, name = member.rpartition(".")
        answer = await bus.call(
            Message(
                destination=destination,
                path=path,
                interface=interface,
                member=name,
                signature="s" * len(body),
                body=list(body),
            )
        )
        if answer is None:
            raise EOFError
        if answer.message_type is MessageType.ERROR:
            raise BleakDBusError(answer.error_name or "", answer.body)
        return answer.body


async def objects_of_bluez(bus: MessageBus) -> Objects:
    """Ask BlueZ for everything it has.

    Raises
    ------
    LinkError
        ``NO_DAEMON`` when nobody answers, ``PERMISSION`` when it is forbidden.
    """
    from dbus_fast.unpack import unpack_variants

    answer = await call(bus, BLUEZ, "/", f"{OBJECT_MANAGER}.GetManagedObjects")
    objects: Objects = unpack_variants(answer[0])
    return objects


def unpacked(message: Message) -> list[Any]:
    """Return the body of a signal as plain values."""
    from dbus_fast.unpack import unpack_variants

    return [unpack_variants(each) for each in message.body]
