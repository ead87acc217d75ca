"""Who is connected, for how long they may take, and how many there may be.

Uvicorn waits for ever for the rest of a request, and takes in whoever comes. Here
every step of a connection has a time limit, so a client that sends a byte now and
then holds nothing for long; and no address has more than its share, so one that opens
very many leaves room for the others, and for the files of the recordings.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import logging
import socket
import ssl
import sys
from asyncio import TimerHandle
from collections import Counter
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any, TypeAlias

import uvicorn
from uvicorn._types import ASGIReceiveEvent
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import (
    WebSocketsSansIOProtocol,
)
from uvicorn.server import ServerState

from biofeedback.model import Value

_LOGGER = logging.getLogger(__name__)

KEPT_FILES = 256
"""So many open files are left for the database and the recordings."""

MOST_FILES = 8192
"""More than this is not asked of the system."""

LOOPBACK = "loopback"
IPV6_NETWORK_BITS = 64
"""One household or one computer has as many addresses as fit in here."""

TLS_HANDSHAKE = b"\x16"
"""How a TLS connection begins (RFC 8446 §5.1); HTTP begins with a letter."""

ELSEWHERE = (
    b"HTTP/1.1 307 Temporary Redirect\r\nlocation: %s\r\ncache-control: no-store\r\n"
    b"connection: close\r\ncontent-length: 0\r\n\r\n"
)

OUT_OF_FILES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
LOOKED_AT_ONCE = 4096
"""Bytes of one websocket that are looked at before others have their turn: some two
milliseconds of the smallest messages."""

BREATHER_S = 0.5
"""How long nobody is taken in after the system had nothing left."""


class ConnectionLimits(Value, frozen=True):
    """How long and how much; times in seconds, sizes in bytes."""

    handshake_s: float = 10.0
    """For TLS to be agreed on."""

    head_s: float = 10.0
    """For a request's line and headers to arrive, from the connection on."""

    body_s: float = 30.0
    """For a request's body to arrive after its headers; it is 64 KiB at most."""

    write_s: float = 60.0
    """For a client to go on reading an answer."""

    head_bytes: int = 16 * 1024
    n_headers: int = 100
    per_address: int = 64
    """Connections of one address, or of one IPv6 network, at the same time."""

    per_loopback: int = 4096
    """The same for this very computer, where programs and proxies are."""


class Seat:
    """The place of one connection; it is given up once."""

    def __init__(self, give_up: Callable[[], None]) -> None:
        self._give_up: Callable[[], None] | None = give_up

    def leave(self) -> None:
        """Make room for another; a second time does nothing."""
        if self._give_up is not None:
            give_up, self._give_up = self._give_up, None
            give_up()


NewProtocol: TypeAlias = Callable[[Seat], asyncio.Protocol]


class Door:
    """Takes in connections, of each address no more than its share.

    Looks like an :class:`asyncio.Server` to Uvicorn, which does not count. With
    ``tls``, whoever speaks without it is told of ``url``, and of nothing else.
    """

    def __init__(
        self,
        listener: socket.socket,
        new_protocol: NewProtocol,
        *,
        limits: ConnectionLimits,
        tls: ssl.SSLContext | None = None,
        url: str = "",
    ) -> None:
        self._listener = listener
        self._new_protocol = new_protocol
        self._limits = limits
        self._tls = tls
        self._elsewhere = ELSEWHERE % url.encode()
        self._total = max(64, files_allowed() - KEPT_FILES)
        self._taken: Counter[str] = Counter()
        self._entering: set[asyncio.Task[None]] = set()
        self._task = asyncio.create_task(self._take_in())

    @property
    def n_open(self) -> int:
        """Return how many connections there are, those that are being made too."""
        return self._taken.total()

    def close(self) -> None:
        """Take in nobody any more; whoever is in stays."""
        for task in (self._task, *self._entering):
            task.cancel()

    async def wait_closed(self) -> None:
        """Wait until nobody is being taken in."""
        await asyncio.gather(self._task, *self._entering, return_exceptions=True)

    async def _take_in(self) -> None:
        while True:
            try:
                connection, peer = await self._next()
            except OSError as error:
                if self._listener.fileno() < 0:
                    return
                if error.errno in OUT_OF_FILES:
                    await asyncio.sleep(BREATHER_S)
                continue  # else it was gone before it was taken in
            address = network_of(peer[0])
            if self._is_full(address):
                connection.close()
                continue
            self._taken[address] += 1
            seat = Seat(partial(self._left, address))
            task = asyncio.create_task(self._connect(connection, seat))
            self._entering.add(task)
            task.add_done_callback(partial(self._entered, connection, seat))

    async def _next(self) -> tuple[socket.socket, tuple[str, int]]:
        loop = asyncio.get_running_loop()
        accepting = loop.create_task(loop.sock_accept(self._listener))
        try:
            return await accepting
        except asyncio.CancelledError:
            with contextlib.suppress(asyncio.CancelledError, OSError):
                (await accepting)[0].close()  # too late for whoever came just now
            raise

    def _is_full(self, address: str) -> bool:
        limits = self._limits
        most = limits.per_loopback if address == LOOPBACK else limits.per_address
        return self._taken[address] >= most or self.n_open >= self._total

    def _left(self, address: str) -> None:
        self._taken[address] -= 1
        if not self._taken[address]:
            del self._taken[address]

    async def _connect(self, connection: socket.socket, seat: Seat) -> None:
        limit_s = None if self._tls is None else self._limits.handshake_s
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is not None and not await self._speaks_tls(connection):
            await self._send_elsewhere(connection)
            connection.close()
            seat.leave()
            return
        await asyncio.get_running_loop().connect_accepted_socket(
            partial(self._new_protocol, seat),
            connection,
            ssl=self._tls,
            ssl_handshake_timeout=limit_s,
            ssl_shutdown_timeout=limit_s,
        )

    async def _speaks_tls(self, connection: socket.socket) -> bool:
        loop = asyncio.get_running_loop()
        has_spoken = asyncio.Event()
        try:
            loop.add_reader(connection, has_spoken.set)
        except NotImplementedError:
            return True  # Windows' loop cannot look first
        try:
            async with asyncio.timeout(self._limits.handshake_s):
                await has_spoken.wait()
        finally:
            loop.remove_reader(connection)
        return connection.recv(1, socket.MSG_PEEK) in (TLS_HANDSHAKE, b"")

    async def _send_elsewhere(self, connection: socket.socket) -> None:
        # Somebody typed the address without "https". Nothing they say is looked at.
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._limits.handshake_s):
            await loop.sock_recv(connection, self._limits.head_bytes)
            await loop.sock_sendall(connection, self._elsewhere)

    def _entered(
        self, connection: socket.socket, seat: Seat, task: asyncio.Task[None]
    ) -> None:
        self._entering.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is None and not task.cancelled():
            return  # the protocol has the seat now
        connection.close()
        seat.leave()
        # A handshake that fails is the client's mistake, or its distrust.
        if error is not None and not isinstance(error, OSError):
            _LOGGER.error("A connection could not be taken in", exc_info=error)


def network_of(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or an IPv6 network.

    >>> network_of("2001:db8::1") == network_of("2001:db8::ffff")
    True
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return network_of(str(ip.ipv4_mapped))
        if not ip.is_loopback:
            return str(ipaddress.ip_network((ip, IPV6_NETWORK_BITS), strict=False))
    return LOOPBACK if ip.is_loopback else str(ip)


def files_allowed() -> int:
    """Ask the system for room for connections; return how many files may be open."""
    if sys.platform == "win32":
        return MOST_FILES
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            return most
        return soft
    return most


class PatientHttp(HttpToolsProtocol):
    """Uvicorn's protocol, with an end to its patience.

    One timer runs while something of the client is awaited: a head or a body; another
    while it does not read. Between two requests Uvicorn's own runs.
    """

    def __init__(
        self,
        seat: Seat,
        *,
        limits: ConnectionLimits,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
    ) -> None:
        super().__init__(config, server_state, app_state)
        self._seat = seat
        self._limits = limits
        self._awaited: TimerHandle | None = None
        self._unread: TimerHandle | None = None
        self._in_head = True
        self._n_head_bytes = 0
        self._refusal = HTTPStatus.BAD_REQUEST
        self.ws_protocol_class = partial(CountedWebSocket, seat, limits)  # type: ignore[assignment]

    # --- The connection ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._await(self._limits.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Make room for another."""
        self._await(None)
        self._stop_waiting_for_reader()
        try:
            super().connection_lost(exc)
        finally:
            self._seat.leave()

    def handle_websocket_upgrade(self) -> None:
        """Hand over to the websocket, which has limits of its own."""
        self._in_head = False  # no other request comes this way
        self._await(None)
        self._stop_waiting_for_reader()
        super().handle_websocket_upgrade()

    # --- What comes in ----------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take in what came, and see whether a head has become too long."""
        self._n_head_bytes += len(data)  # begins anew behind a head
        super().data_received(data)
        if self.transport.is_closing() or not self._in_head:
            return
        if self._n_head_bytes > self._limits.head_bytes:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._awaited is None and self._is_idle:
            self._await(self._limits.head_s)  # the first bytes of another request

    def on_headers_complete(self) -> None:
        """Refuse a head that is too long; else begin to wait for the body."""
        size = len(self.url) + sum(len(name) + len(to) for name, to in self.headers)
        limits = self._limits
        if size > limits.head_bytes or len(self.headers) > limits.n_headers:
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise ValueError("the head is too long")  # the parser stops, see below
        self._in_head = False
        self._n_head_bytes = 0
        super().on_headers_complete()
        self._await(limits.body_s)

    def on_message_complete(self) -> None:
        """Stop waiting: the next thing is the answer."""
        self._in_head = True
        self._n_head_bytes = 0
        self._await(None)
        super().on_message_complete()

    def send_400_response(self, _msg: str) -> None:
        """Answer what is no request, or a callback's exception, and close."""
        self._refuse(self._refusal)

    def _refuse(self, status: HTTPStatus) -> None:
        if self.transport.is_closing():
            return
        self._await(None)
        is_answered = not self._in_head and self.cycle.response_complete
        if not is_answered and (self._is_idle or not self.cycle.response_started):
            self.transport.write(
                STATUS_LINE[status] + b"connection: close\r\ncontent-length: 0\r\n\r\n"
            )
        if not self._is_idle:
            self.cycle.disconnected = True  # nothing may follow this answer
            self.cycle.message_event.set()
        self.transport.close()
        self._wait_for_reader()

    @property
    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _await(self, seconds: float | None) -> None:
        if self._awaited is not None:
            self._awaited.cancel()
        self._awaited = (
            None
            if seconds is None
            else self.loop.call_later(seconds, self._refuse, HTTPStatus.REQUEST_TIMEOUT)
        )

    # --- What goes out ----------------------------------------------------------------

    def pause_writing(self) -> None:
        """Begin to wait for the client to read."""
        super().pause_writing()
        self._wait_for_reader()

    def resume_writing(self) -> None:
        """Stop waiting: it reads."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._stop_waiting_for_reader()

    def on_response_complete(self) -> None:
        """See to it that an answer nobody reads is not kept for ever."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._wait_for_reader()

    def timeout_keep_alive_handler(self) -> None:
        """Close, and do not wait for ever for the last answer to be read."""
        super().timeout_keep_alive_handler()
        self._wait_for_reader()

    def _wait_for_reader(self) -> None:
        if self._unread is None:
            write_s = self._limits.write_s
            self._unread = self.loop.call_later(write_s, self.transport.abort)

    def _stop_waiting_for_reader(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None


class CountedWebSocket(WebSocketsSansIOProtocol):
    """Uvicorn's websocket; when it ends, so does its seat.

    What comes in is looked at a little at a time, and no more is read before that: a
    flood of small messages leaves the others their turns. Who reads nothing any more
    is not waited for.
    """

    def __init__(
        self,
        seat: Seat,
        limits: ConnectionLimits,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
    ) -> None:
        super().__init__(config, server_state, app_state)
        self._seat = seat
        self._limits = limits
        self._unseen = bytearray()
        self._looking: asyncio.Handle | None = None
        self._unread: TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Make room for another."""
        for handle in (self._looking, self._unread):
            if handle is not None:
                handle.cancel()
        try:
            super().connection_lost(exc)
        finally:
            self._seat.leave()

    # --- What comes in ----------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take in what came; look at the first of it now."""
        self._unseen += data
        if self.close_sent and len(self._unseen) > self._limits.head_bytes:
            self.transport.abort()  # it was told to leave, and goes on
        elif self._looking is None:
            self._look()

    def _look(self) -> None:
        self._looking = None
        some = bytes(self._unseen[:LOOKED_AT_ONCE])
        del self._unseen[:LOOKED_AT_ONCE]
        super().data_received(some)
        if self.transport.is_closing():
            self._unseen.clear()
        elif self._unseen:
            self._looking = self.loop.call_soon(self._look)
        self._read_no_more()

    async def receive(self) -> ASGIReceiveEvent:
        """Hand the next message over; Uvicorn reads on when that was the last."""
        message = await super().receive()
        self._read_no_more()
        return message

    def _read_no_more(self) -> None:
        # Uvicorn stops reading while a message waits; here, while there are bytes too.
        if bool(self._unseen) == self.read_paused or self.close_sent:
            return
        if self._unseen:
            self.read_paused = True
            self.transport.pause_reading()
        elif self.queue.empty():
            self.read_paused = False
            self.transport.resume_reading()

    # --- The end ----------------------------------------------------------------------

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """Wait for the goodbye to be read, but not for ever."""
        super().on_task_complete(task)
        self._wait_for_reader()

    def keepalive_timeout(self) -> None:
        """Give up on a client that does not answer, and on its reading."""
        super().keepalive_timeout()
        self._wait_for_reader()

    def _wait_for_reader(self) -> None:
        if self._unread is None and self in self.connections:
            write_s = self._limits.write_s
            self._unread = self.loop.call_later(write_s, self.transport.abort)
