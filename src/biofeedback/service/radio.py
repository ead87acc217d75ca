"""The radio websocket: one browser that is the radio of one session."""

from __future__ import annotations

import asyncio
import time

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from biofeedback.service.access import is_own
from biofeedback.service.browser_radio import BrowserSource
from biofeedback.service.commands import Allowance
from biofeedback.service.context import context_of
from biofeedback.service.radio_messages import Begin, decode
from biofeedback.service.sign_ins import Caller
from biofeedback.service.sockets import (
    ENDED,
    REFUSED,
    SEND_LIMIT_S,
    UNKNOWN_SESSION,
    admit,
    close,
    serve,
    until,
)

REPLACED = 4410
TAKEN = 4409

BURST = 5000
PER_S = 200.0
"""What a page may send: all that it kept for over an hour at once, then far more than
any strap makes."""

MOST_REFUSED = 50


async def radio(websocket: WebSocket) -> None:
    """Serve ``/api/v1/radio/{session_id}``."""
    if (caller := await admit(websocket)) is None:
        return
    conductor = context_of(websocket).conductor
    id = websocket.path_params["session_id"]
    source = conductor.browser_source(id)
    own = caller.writes and is_own(caller, conductor.person_id(id) or "")
    if source is None or source.over.is_set() or not own:
        await close(websocket, UNKNOWN_SESSION, "No session here hears a browser.")
        return
    replaced = await source.sit(caller.credential)
    if replaced is None:
        await close(websocket, TAKEN, "Another browser is this session's radio.")
        return
    try:
        await _Receiving(websocket, source, caller, replaced).run()
    finally:
        source.rise(replaced)


class _Receiving:
    """One connection, from ``begin`` to the close code."""

    def __init__(
        self,
        websocket: WebSocket,
        source: BrowserSource,
        caller: Caller,
        replaced: asyncio.Event,
    ) -> None:
        self._websocket = websocket
        self._source = source
        self._caller = caller
        self._replaced = replaced
        self._allowance = Allowance(burst=BURST, per_s=PER_S)
        self._begun = False
        self._refused = 0

    async def run(self) -> None:
        await serve(
            self._websocket,
            self._caller,
            self._receive,
            until(self._source.over, ENDED, "The session has ended."),
            until(self._replaced, REPLACED, "This browser connected again."),
        )

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
