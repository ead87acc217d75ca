"""One D-Bus connection that answers method calls by hand.

Not dbus-fast's exported interfaces: hundreds of objects come and go, and every reply
must be able to come late, be an error, or never come.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter, deque
from collections.abc import Awaitable, Callable

from dbus_fast import Message, MessageFlag, MessageType
from dbus_fast.aio import MessageBus

from biofeedback.simulator.bluez_objects import Interfaces, Properties
from biofeedback.simulator.bluez_writer import PacedWriter

OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
PROPERTIES = "org.freedesktop.DBus.Properties"
UNKNOWN_OBJECT = "org.freedesktop.DBus.Error.UnknownObject"

Reply = tuple[str, list[object]]
"""Signature and body. A body for ``h`` holds the descriptor itself; it is closed."""

Method = Callable[[Message], Awaitable[Reply]]
NOTHING: Reply = ("", [])

REMEMBERED = 10_000
"""How many calls are remembered in their order: hours of an ordinary session."""


class Refusal(Exception):
    """A D-Bus error to answer with."""

    def __init__(self, name: str, text: str = "") -> None:
        super().__init__(f"{name}: {text}")
        self.name = name
        self.text = text


def no_object(message: Message) -> Refusal:
    """Return what D-Bus answers where no object is."""
    return Refusal(
        UNKNOWN_OBJECT,
        f'Method "{message.member}" with signature "{message.signature}" on interface '
        f'"{message.interface}" doesn\'t exist\n',
    )


class Connection:
    """Owns ``name`` on the bus at ``address`` and answers with ``methods``.

    ``methods`` is keyed by interface and member joined with a dot. ``client_gone`` is
    told the unique name of each client that leaves the bus. ``calls`` are the last
    :data:`REMEMBERED` that came, as interface and member; ``counted`` is how often each
    came in all.
    """

    def __init__(
        self,
        address: str,
        name: str,
        methods: dict[str, Method],
        client_gone: Callable[[str], None],
    ) -> None:
        self.calls: deque[str] = deque(maxlen=REMEMBERED)
        self.counted: Counter[str] = Counter()
        self._address = address
        self._name = name
        self.methods = methods
        self._client_gone = client_gone
        self._bus: MessageBus | None = None
        self._writer: PacedWriter | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def alive(self) -> bool:
        """Whether the bus is there to talk to."""
        return self._bus is not None and self._bus.connected

    async def open(self) -> None:
        """Connect, take the name and begin to answer; also again, on a new bus."""
        await self.close()
        bus = MessageBus(bus_address=self._address, negotiate_unix_fd=True)
        self._bus = bus
        await bus.connect()
        self._writer = PacedWriter(bus)
        bus.add_message_handler(self._handle)
        await bus.call(
            Message(
                destination="org.freedesktop.DBus",
                path="/org/freedesktop/DBus",
                interface="org.freedesktop.DBus",
                member="AddMatch",
                signature="s",
                body=["type='signal',member='NameOwnerChanged',arg2=''"],
            )
        )
        await bus.request_name(self._name)

    async def close(self) -> None:
        """Leave the bus without a word."""
        tasks = self._tasks - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._writer is not None:
            await self._writer.close()
        if self._bus is not None:
            self._bus.disconnect()
            with contextlib.suppress(Exception):  # it tells why the bus had died
                await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
        self._bus = self._writer = None

    def run(self, work: Awaitable[None]) -> None:
        """Run something beside the answers until the connection closes."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def signal(
        self, path: str, interface: str, member: str, signature: str, *body: object
    ) -> None:
        """Send a signal; returns once it has left."""
        await self._put(
            Message.new_signal(path, interface, member, signature, list(body))
        )

    async def added(self, path: str, interfaces: Interfaces) -> None:
        """Tell that an object appeared."""
        await self.signal(
            "/", OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", path, interfaces
        )

    async def removed(self, path: str, interfaces: Interfaces) -> None:
        """Tell that an object is gone."""
        await self.signal(
            "/", OBJECT_MANAGER, "InterfacesRemoved", "oas", path, list(interfaces)
        )

    async def changed(self, path: str, interface: str, properties: Properties) -> None:
        """Tell that properties changed."""
        await self.signal(
            path, PROPERTIES, "PropertiesChanged", "sa{sv}as", interface, properties, []
        )

    def _handle(self, message: Message) -> bool | None:
        if message.message_type is MessageType.SIGNAL:
            if message.member == "NameOwnerChanged" and message.body[2] == "":
                self._client_gone(message.body[0])
            return None
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        self.run(self._answer(message))
        return True

    async def _answer(self, message: Message) -> None:
        key = f"{message.interface}.{message.member}"
        self.calls.append(key)
        self.counted[key] += 1
        fds: list[int] = []
        try:
            if (method := self.methods.get(key)) is None:
                raise Refusal(
                    "org.freedesktop.DBus.Error.UnknownMethod",
                    f'Method "{message.member}" doesn\'t exist',
                )
            signature, body = await method(message)
        except Refusal as refusal:
            reply = Message.new_error(message, refusal.name, refusal.text)
        else:
            if signature.startswith("h") and isinstance(body[0], int):
                fds, body = [body[0]], [0, *body[1:]]
            reply = Message.new_method_return(message, signature, body, fds)
        try:
            if not message.flags & MessageFlag.NO_REPLY_EXPECTED:
                await self._put(reply)
        finally:
            for fd in fds:
                os.close(fd)  # the other side has its own copy now

    async def _put(self, message: Message) -> None:
        if self._writer is not None:
            await self._writer.put(message)
