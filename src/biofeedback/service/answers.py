"""An answer of HTTP that is handed out piece by piece, as it is asked for."""

from __future__ import annotations

import asyncio
import logging

from starlette.types import ASGIApp, Message, Scope

from biofeedback.service.forwarded import (
    ANSWERED,
    PIECE_BYTES,
    Headers,
    Piece,
    sound,
    texts,
)

_LOGGER = logging.getLogger(__name__)


class Answer:
    """One answer on its way: at most one piece of it waits here to be asked for.

    Parameters
    ----------
    id
        By which its pieces are asked for.
    body
        What was sent with the request.
    within_s, idle_s
        How long a question waits for a piece, and a piece to be asked for.
    """

    def __init__(self, id: str, body: bytes, within_s: float, idle_s: float) -> None:
        self.id = id
        self._body: bytes | None = body
        self._within_s = within_s
        self._idle_s = idle_s
        self._status: int | None = None
        self._headers: Headers = ()
        self._held = bytearray()
        self._is_whole = self._is_broken = self._is_told = False
        self._left = asyncio.Event()
        self._room = asyncio.Event()
        self._ready = asyncio.Event()
        self._given_up: asyncio.TimerHandle | None = None

    async def given_by(self, app: ASGIApp, scope: Scope) -> None:
        """Let ``app`` answer, and stay until all of it was taken."""
        try:
            await app(scope, self._receive, self._send)
        except Exception:
            # What a browser sees of it has been sent already, if anything could be.
            _LOGGER.exception("What another node forwarded could not be answered")
        finally:
            self._is_broken = not self._is_whole
            self._ready.set()
        while not self._left.is_set() and not self._is_told:
            self._room.clear()
            await self._room.wait()
        self._stay()

    async def next(self) -> Piece:
        """Return what comes next: nothing at all, where it takes its time."""
        self._stay()
        try:
            async with asyncio.timeout(self._within_s):
                await self._ready.wait()
        except TimeoutError:
            pass
        status, headers = self._status, self._headers
        data = bytes(self._held)
        self._held.clear()
        self._status, self._headers = None, ()
        is_over = self._is_whole or self._is_broken
        self._is_told = is_over
        if not is_over:
            self._ready.clear()
        self._room.set()
        if not is_over:
            loop = asyncio.get_running_loop()
            self._given_up = loop.call_later(self._idle_s, self.leave)
        return Piece(
            id=self.id,
            status=status,
            headers=headers,
            data=data,
            more=not is_over,
            broken=self._is_broken,
        )

    def leave(self) -> None:
        """Say that nobody waits any more: what is being done is done to its end."""
        self._left.set()
        self._room.set()
        self._stay()

    def _stay(self) -> None:
        # While a question waits here, nobody is gone.
        if self._given_up is not None:
            self._given_up.cancel()

    async def _receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = sound(texts([*message.get("headers", ())]), ANSWERED)
            return
        data = memoryview(message.get("body", b""))
        while data and not self._left.is_set():
            free = PIECE_BYTES - len(self._held)
            self._held += data[:free]
            data = data[free:]
            if len(self._held) == PIECE_BYTES:
                self._ready.set()
                await self._taken()
        if not message.get("more_body", False):
            self._is_whole = True
            self._ready.set()

    async def _taken(self) -> None:
        while len(self._held) == PIECE_BYTES and not self._left.is_set():
            self._room.clear()
            await self._room.wait()
