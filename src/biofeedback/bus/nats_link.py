"""One connection to a NATS server, from its beginning to its end.

The library's client reconnects by itself, sends later what was published meanwhile,
and believes a server that says it has no TLS. None of this is wanted here: a link
that is lost is over, with all that was under way, and the next one is a new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

from nats.aio.client import PING_PROTO, Client
from nats.aio.subscription import Subscription
from nats.errors import Error

SETTLE_S = 2.0
"""How long a server may take to say that it has what was sent."""


class _WithoutEndings(logging.Filter):
    """Leaves out what asyncio says of each end of a connection with TLS.

    The library's stream does not know that it is one, which harms nothing.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        return "from eof_received()" not in str(record.msg)


logging.getLogger("asyncio").addFilter(_WithoutEndings())


class NoTlsError(Error):
    """The server offers no TLS, and this link must have it."""


class NatsLink(Client):
    """A client of the library that lives as long as its one connection.

    Parameters
    ----------
    must_encrypt
        Give up before anything is said, when the server offers no TLS.
    """

    def __init__(self, *, must_encrypt: bool) -> None:
        super().__init__()
        self._must_encrypt = must_encrypt

    async def ended(self) -> None:
        """Return when the connection is gone."""
        # The library has a callback for it, which some ways to end do not reach; none
        # leaves the reading going on.
        if self._reading_task is not None:
            await asyncio.wait([self._reading_task])

    async def settle(self) -> bool:
        """Return whether the server has all that was sent, when that is known."""
        if self._reading_task is None or not self.is_connected:
            return False
        flushing = asyncio.create_task(self.flush())
        try:
            await asyncio.wait(
                [flushing, self._reading_task],
                timeout=SETTLE_S,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            flushing.cancel()
            await asyncio.gather(flushing, return_exceptions=True)
        return not flushing.cancelled() and flushing.exception() is None

    async def leave(self, subscription: Subscription) -> None:
        """End a subscription, after what is under way to it."""
        try:
            with contextlib.suppress(Error, OSError, TimeoutError):
                await self._send_unsubscribe(subscription._id)
                if await self.settle():
                    async with asyncio.timeout(SETTLE_S):
                        await subscription._pending_queue.join()
        finally:
            subscription._stop_processing()
            self._remove_sub(subscription._id)

    async def end(self) -> None:
        """Let the connection go, with all that was under way on it."""
        # Not as the library closes: it sends what is left, and waits for it to arrive.
        self._status = Client.CLOSED
        writer = getattr(self._transport, "_io_writer", None)
        if writer is not None:
            writer.transport.abort()
        for subscription in self._subs.values():
            subscription._stop_processing()
        self._subs.clear()
        tasks = [
            task
            for task in (
                self._reading_task,
                self._ping_interval_task,
                self._flusher_task,
            )
            if task is not None
        ]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _select_next_server(self) -> None:
        # One attempt, where the library would go on trying by itself.
        (server,) = self._server_pool
        await self._connect_to_server(server)
        self._current_server = server

    async def _send_ping(self, future: asyncio.Future[Any] | None = None) -> None:
        # Behind all that waits to be sent. The library's overtakes it, and then a flush
        # that returned would say nothing about whether the server knows of it.
        self._pongs.append(future or asyncio.get_running_loop().create_future())
        await self._send_command(PING_PROTO)
        await self._flush_pending()

    async def _process_pong(self) -> None:
        # Whoever waited for it may have given up; the library trips over that, and its
        # reading would end.
        if self._pongs and self._pongs[0].done():
            self._pongs[0] = asyncio.get_running_loop().create_future()
        await super()._process_pong()

    async def _process_info(
        self, info: dict[str, Any], initial_connection: bool = False
    ) -> None:
        # Comes before anything is said to the server.
        if initial_connection and self._must_encrypt and not info.get("tls_required"):
            raise NoTlsError
        # Which other servers there are is said by whoever configured this node.
        await super()._process_info(
            {key: value for key, value in info.items() if key != "connect_urls"},
            initial_connection,
        )
