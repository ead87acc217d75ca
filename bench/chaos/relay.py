"""A wire between a home and its clinic that can be cut, stalled and half closed."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType

PIECE_BYTES = 64 << 10


class Relay:
    """Passes on what comes at its own port to ``port``, while it is not told otherwise.

    Parameters
    ----------
    port
        Where on this computer the other end is.
    """

    def __init__(self, port: int) -> None:
        self.port = -1
        self.n_connections = 0
        self._to = port
        self._server: asyncio.Server | None = None
        self._flows = asyncio.Event()
        self._flows.set()
        self._whole = True
        self._writers: set[asyncio.StreamWriter] = set()
        self._outward: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._came, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """End all of it."""
        self.cut()
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def __aenter__(self) -> Relay:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def cut(self) -> None:
        """End every connection at once, and let no new one through."""
        self._whole = False
        self.break_off()

    def break_off(self) -> None:
        """End every connection at once; new ones get through."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    def stall(self) -> None:
        """Pass nothing on: connections stay open, new ones get no answer."""
        self._flows.clear()

    def half_close(self) -> None:
        """Tell the clinic that the homes say no more; the other way stays open."""
        for writer in tuple(self._outward):
            with contextlib.suppress(OSError, RuntimeError):
                writer.write_eof()

    def mend(self) -> None:
        """Be a whole wire again."""
        self._whole = True
        self._flows.set()

    async def _came(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.n_connections += 1
        await self._flows.wait()
        if not self._whole:
            writer.transport.abort()
            return
        try:
            onward = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, onward[1]}
        self._outward.add(onward[1])
        try:
            await asyncio.gather(
                self._pass(reader, onward[1]), self._pass(onward[0], writer)
            )
        finally:
            for one in (writer, onward[1]):
                self._writers.discard(one)
                self._outward.discard(one)
                one.transport.abort()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError, RuntimeError):
            while data := await reader.read(PIECE_BYTES):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(OSError, RuntimeError):
            if not writer.is_closing():
                writer.write_eof()
