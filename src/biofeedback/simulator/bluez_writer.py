"""Sends D-Bus messages no faster than the socket takes them.

dbus-fast closes the whole connection when the socket is full (it takes EAGAIN for
fatal), and a burst of some 670 small signals fills it. So we ask first.
"""

from __future__ import annotations

import asyncio
import contextlib
import select

from dbus_fast import Message
from dbus_fast.aio import MessageBus

FULL_WAIT_S = 0.001


class PacedWriter:
    """A queue in front of one connection; order is kept."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self._queue: asyncio.Queue[tuple[Message, asyncio.Future[None]]] = (
            asyncio.Queue()
        )
        self._poll = select.poll()
        assert bus._fd is not None, "the bus is connected first"
        self._poll.register(bus._fd, select.POLLOUT)  # there is no public way to it
        self._task = asyncio.create_task(self._run())

    def put(self, message: Message) -> asyncio.Future[None]:
        """Queue a message; the future is done once it has left."""
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((message, sent))
        return sent

    async def close(self) -> None:
        """Stop sending; what is still queued is dropped."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        while not self._queue.empty():
            self._queue.get_nowait()[1].cancel()

    async def _run(self) -> None:
        while True:
            message, sent = await self._queue.get()
            try:
                while not self._poll.poll(0):  # noqa: ASYNC110 - no event tells
                    await asyncio.sleep(FULL_WAIT_S)
                if self._bus.connected:
                    await self._bus.send(message)
            except (OSError, EOFError):
                pass  # The bus is gone, and with it whoever would have listened.
            finally:
                if not sent.done():
                    sent.set_result(None)
