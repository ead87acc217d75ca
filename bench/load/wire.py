"""A websocket client written by hand: it costs little and hides nothing.

A library would spend more on a frame than the server does, and its queues would hide
who is slow.
"""

from __future__ import annotations

import asyncio
import base64
import os
import time
from collections.abc import Callable
from typing import cast

OP_TEXT, OP_BINARY, OP_CLOSE, OP_PING, OP_PONG = 1, 2, 8, 9, 10
NO_CODE = 1005

Take = Callable[[bytes, int], None]
"""Takes one message and the instant at which it was parsed, in ns (monotonic)."""


class Peer(asyncio.Protocol):
    """One websocket, from the handshake on.

    Parameters
    ----------
    address
        ``host:port`` of the service.
    path
        What to ask for.
    headers
        Who asks.
    take
        Is given every text and binary message.
    """

    def __init__(
        self, address: str, path: str, headers: dict[str, str], take: Take
    ) -> None:
        self._take = take
        self._buffer = bytearray()
        self._open = False
        self._transport: asyncio.Transport | None = None
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        lines = {
            "Host": address,
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            "Sec-WebSocket-Version": "13",
            **headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._hello = f"GET {path} HTTP/1.1\r\n{head}\r\n".encode()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the websocket."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._hello)

    def connection_lost(self, error: Exception | None) -> None:
        """Say that it is over, unless the service said so before."""
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("no answer to the handshake"))
        self._closed(NO_CODE)

    def data_received(self, data: bytes) -> None:
        """Take every whole frame out of what has come so far."""
        buffer = self._buffer
        buffer += data
        if not self._open and not self._opened():
            return
        at = 0
        while len(buffer) >= at + 2:
            begin, size = at + 2, buffer[at + 1]
            if size == 126:
                begin, size = at + 4, int.from_bytes(buffer[at + 2 : at + 4], "big")
            elif size == 127:
                begin, size = at + 10, int.from_bytes(buffer[at + 2 : at + 10], "big")
            if len(buffer) < begin + size:
                break
            self._frame(buffer[at] & 15, bytes(buffer[begin : begin + size]))
            at = begin + size
        del buffer[:at]

    def _opened(self) -> bool:
        head, end, _ = bytes(self._buffer).partition(b"\r\n\r\n")
        if not end:
            return False
        if b" 101 " not in head:
            self.opened.set_exception(ConnectionError(head.decode("latin-1")))
            self.abort()
            return False
        del self._buffer[: len(head) + 4]
        self._open = True
        self.opened.set_result(None)
        return True

    def _frame(self, opcode: int, payload: bytes) -> None:
        if opcode in (OP_TEXT, OP_BINARY):
            self._take(payload, time.monotonic_ns())
        elif opcode == OP_PING:
            self.send(payload, OP_PONG)
        elif opcode == OP_CLOSE:
            self._closed(int.from_bytes(payload[:2], "big") or NO_CODE)
            self.abort()

    def _closed(self, code: int) -> None:
        if not self.closed.done():
            self.closed.set_result(code)

    # --- Out --------------------------------------------------------------------------

    def send(self, payload: bytes, opcode: int = OP_TEXT) -> None:
        """Send one frame, masked with zeros: that is allowed and costs nothing."""
        assert self._transport is not None
        self._transport.write(masked(payload, opcode))

    def stall(self) -> None:
        """Read no more; the service is not told."""
        assert self._transport is not None
        self._transport.pause_reading()

    def abort(self) -> None:
        """Leave without a word."""
        if self._transport is not None:
            self._transport.abort()


def masked(payload: bytes, opcode: int = OP_TEXT) -> bytes:
    """Return a client's frame (RFC 6455 §5.2) with a mask of zeros."""
    size = len(payload)
    if size < 126:
        length = bytes([128 | size])
    elif size < 1 << 16:
        length = bytes([128 | 126]) + size.to_bytes(2, "big")
    else:
        length = bytes([128 | 127]) + size.to_bytes(8, "big")
    return bytes([128 | opcode]) + length + bytes(4) + payload


def unmasked(payload: bytes, opcode: int = OP_TEXT) -> bytes:
    """Return a server's frame."""
    frame = masked(payload, opcode)
    at = len(frame) - len(payload) - 4
    return bytes([frame[0], frame[1] & 127]) + frame[2:at] + payload


async def connect(address: str, path: str, headers: dict[str, str], take: Take) -> Peer:
    """Open one websocket.

    Raises
    ------
    ConnectionError
        When the service refuses.
    """
    host, _, port = address.rpartition(":")
    loop = asyncio.get_running_loop()
    _, peer = await loop.create_connection(
        lambda: Peer(address, path, headers, take), host, int(port)
    )
    await peer.opened
    return peer
