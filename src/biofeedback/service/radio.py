"""The radio websocket: one browser that is the radio of one session."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from biofeedback.service.browser_radio import Begin, BrowserSource, decode
from biofeedback.service.commands import Allowance
from biofeedback.service.context import Context, context_of, identify
from biofeedback.service.live import (
    CLOSE_LIMIT_S,
    ENDED,
    REFUSED,
    SEND_LIMIT_S,
    UNKNOWN_CALLER,
    UNKNOWN_SESSION,
)
from biofeedback.service.sign_ins import Caller

REPLACED = 4410
TAKEN = 4409

BURST = 5000
PER_S = 200.0
"""What a page may send: all that it kept for over an hour at once, then far more than
any strap makes."""

MOST_REFUSED = 50


async def radio(websocket: WebSocket) -> None:
    """Serve ``/api/v1/radio/{session_id}``."""
    here = context_of(websocket)
    caller = await identify(websocket)
    source = here.conductor.browser_source(websocket.path_params["session_id"])
    await websocket.accept()
    if caller is None:
        await _close(websocket, UNKNOWN_CALLER, "Sign in first.")
        return
    if source is None or source.over.is_set():
        await _close(websocket, UNKNOWN_SESSION, "No session here hears a browser.")
        return
    replaced = await source.sit(caller)
    if replaced is None:
        await _close(websocket, TAKEN, "Another browser is this session's radio.")
        return
    try:
        await _Receiving(websocket, here, source, caller, replaced).run()
    finally:
        source.rise(replaced)


class _Receiving:
    """One connection, from ``begin`` to the close code."""

    def __init__(
        self,
        websocket: WebSocket,
        here: Context,
        source: BrowserSource,
        caller: Caller,
        replaced: asyncio.Event,
    ) -> None:
        self._websocket = websocket
        self._here = here
        self._source = source
        self._caller = caller
        self._replaced = replaced
        self._signed_out = asyncio.Event()
        self._allowance = Allowance(burst=BURST, per_s=PER_S)
        self._begun = False
        self._refused = 0

    async def run(self) -> None:
        sign_in = self._caller.sign_in
        if sign_in is not None:
            self._here.sign_ins.watch(sign_in, self._signed_out.set)
        parts: list[Coroutine[None, None, tuple[int, str]]] = [
            self._receive(),
            _when(self._source.over, ENDED, "The session has ended."),
            _when(self._replaced, REPLACED, "This browser connected again."),
            _when(self._signed_out, UNKNOWN_CALLER, "Signed out."),
        ]
        tasks = [asyncio.create_task(part) for part in parts]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            await _close(self._websocket, *done.pop().result())
        except (WebSocketDisconnect, TimeoutError, OSError):
            return  # the page went away; there is nobody to tell
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if sign_in is not None:
                self._here.sign_ins.unwatch(sign_in, self._signed_out.set)

    async def _receive(self) -> tuple[int, str]:
        while self._refused < MOST_REFUSED:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code") or 1005)
            if not self._allowance.spend(time.monotonic()):
                return REFUSED, "Too many messages."
            received = message.get("text")
            if received is None:
                received = message.get("bytes") or b""
            try:
                await self._follow(received)
            except msgspec.DecodeError as error:
                await self._refuse(f"This message cannot be used: {error}.")
        return REFUSED, "Too many messages that cannot be used."

    async def _follow(self, received: str | bytes) -> None:
        message = decode(received)
        if isinstance(message, Begin):
            self._begun = True
            await self._tell("resume", n=self._source.begin(message.stream))
        elif not self._begun:
            await self._refuse("The first message of a connection is 'begin'.")
        elif not self._replaced.is_set():  # its successor has asked what is here
            self._source.take(message)
            await self._tell("have", n=self._source.last_n)

    async def _refuse(self, detail: str) -> None:
        self._refused += 1
        advice = "docs/protocol.md says what a radio sends."
        await self._tell("error", detail=detail, advice=advice)

    async def _tell(self, kind: str, **fields: object) -> None:
        message = msgspec.json.encode({"kind": kind, **fields})
        async with asyncio.timeout(SEND_LIMIT_S):
            await self._websocket.send_text(message.decode())


async def _when(event: asyncio.Event, code: int, reason: str) -> tuple[int, str]:
    await event.wait()
    return code, reason


async def _close(websocket: WebSocket, code: int, reason: str) -> None:
    with contextlib.suppress(TimeoutError, RuntimeError, OSError):
        async with asyncio.timeout(CLOSE_LIMIT_S):
            await websocket.close(code, reason)
