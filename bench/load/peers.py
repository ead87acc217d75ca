"""What one would use instead of the service, without anything that makes it one.

``python -m bench.load.peers raw|broadcast`` sends ``--rate`` messages a second to all
who connect: with the transport's ``write``, nothing checked and nobody waited for, or
with ``broadcast`` of the websockets library. No sign-in, no number that must not be
missing, no bound: the floor.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import json
import sys
import time
from typing import ClassVar, cast

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast
from websockets.asyncio.server import serve as websockets_serve

from bench.load.wire import unmasked

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def message(seq: int, size: int) -> bytes:
    """Return a message of ``size`` bytes that says when it was made."""
    t_ms = time.monotonic_ns() / 1e6
    head = f'{{"v":1,"seq":{seq},"t_ms":{t_ms:.6f},"kind":"heart","pad":"'
    return (head + "." * (size - len(head) - 2) + '"}').encode()


class Raw(asyncio.Protocol):
    """A websocket that is only written to."""

    everyone: ClassVar[set[asyncio.WriteTransport]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the handshake."""
        self._transport = cast(asyncio.WriteTransport, transport)
        self._head = b""

    def connection_lost(self, _error: Exception | None) -> None:
        """Forget this viewer."""
        self.everyone.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        """Answer the handshake; nothing else is listened to."""
        if self._transport in self.everyone:
            return
        self._head += data
        if b"\r\n\r\n" not in self._head:
            return
        lines = dict(
            line.split(b": ", 1) for line in self._head.split(b"\r\n")[1:] if line
        )
        digest = hashlib.sha1(lines[b"Sec-WebSocket-Key"] + GUID).digest()
        self._transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Accept: "
            + base64.b64encode(digest)
            + b"\r\n\r\n"
        )
        self.everyone.add(self._transport)


async def _raw(rate: float, size: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Raw, "127.0.0.1", 0, backlog=2048)
    _ready(server.sockets[0].getsockname()[1])

    def send(seq: int) -> None:
        frame = unmasked(message(seq, size))
        for transport in Raw.everyone:
            transport.write(frame)

    await _evenly(rate, send)


async def _broadcast(rate: float, size: int) -> None:
    everyone: set[ServerConnection] = set()

    async def take(connection: ServerConnection) -> None:
        everyone.add(connection)
        try:
            await connection.wait_closed()
        finally:
            everyone.discard(connection)

    async with websockets_serve(
        take, "127.0.0.1", 0, compression=None, backlog=2048
    ) as server:
        _ready(next(iter(server.sockets)).getsockname()[1])
        await _evenly(
            rate, lambda seq: broadcast(everyone, message(seq, size).decode())
        )


async def _evenly(rate: float, send: object) -> None:
    assert callable(send)
    begin_s = time.monotonic()
    seq = 0
    while True:
        seq += 1
        await asyncio.sleep(begin_s + seq / rate - time.monotonic())
        send(seq)


def _ready(port: int) -> None:
    sys.stdout.write(json.dumps({"address": f"127.0.0.1:{port}"}) + "\n")
    sys.stdout.flush()


async def _until_told(work: object) -> None:
    assert asyncio.iscoroutine(work)
    task = asyncio.ensure_future(work)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    task.cancel()


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(prog="bench.load.peers", description=__doc__)
    parser.add_argument("what", choices=("raw", "broadcast"))
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--bytes", type=int, default=120)
    options = parser.parse_args()
    serving = {"raw": _raw, "broadcast": _broadcast}[options.what]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_told(serving(options.rate, options.bytes)))


if __name__ == "__main__":
    main()
