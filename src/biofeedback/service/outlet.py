"""The way out of a websocket: one message at a time, and what is stuck can be kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator, Iterable
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from biofeedback.service.sockets import SEND_LIMIT_S

GONE = 1006


class Outlet:
    """Sends to one peer, by turns.

    What is sent is asked for right before it goes, when its turn has come. A message
    that waits because the peer does not read can be taken back.
    """

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._turn = asyncio.Lock()
        self._limit: asyncio.Timeout | None = None
        self._taken_back = False
        self._of: str | None = None

    async def put(
        self,
        messages: Iterable[bytes],
        *,
        of: str | None = None,
        binary: bool = False,
        sent: Callable[[], None] | None = None,
    ) -> bool:
        """Send all of ``messages``; then call ``sent``, before anything else is.

        Returns ``False`` when one of them was taken back.

        Parameters
        ----------
        of
            The session that they tell of.

        Raises
        ------
        TimeoutError
            When the peer did not take one for a minute.
        WebSocketDisconnect
            When it is gone.
        """
        async with self._turn:
            self._of = of
            went = [await self._send(data, binary) for data in messages]
            if sent is not None:
                sent()
        return all(went)

    def take_back(self, of: str) -> None:
        """Do not send what has been waiting for the peer, if it is of this session."""
        if self._limit is not None and self._of == of:
            self._taken_back = True
            self._limit.reschedule(asyncio.get_running_loop().time())

    async def _send(self, data: bytes, binary: bool) -> bool:
        if self._websocket.application_state is not WebSocketState.CONNECTED:
            raise WebSocketDisconnect(GONE)  # another turn has found that out
        body = {"bytes": data} if binary else {"text": data.decode()}
        sending = self._websocket.send({"type": "websocket.send", **body})
        try:
            waits_for = sending.send(None)
        except StopIteration:
            return True  # nearly always: it is gone, and no limit had to be set
        try:
            async with asyncio.timeout(SEND_LIMIT_S) as self._limit:
                await _Rest(sending, waits_for)
        except TimeoutError:
            if not self._taken_back:
                raise
            return False
        else:
            return True
        finally:
            self._limit, self._taken_back = None, False


class _Rest:
    # What is left of a coroutine that has begun, and what it was waiting for then.

    def __init__(self, begun: Coroutine[Any, Any, None], waits_for: object) -> None:
        self._begun = begun
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, None]:
        waits_for = self._waits_for
        try:
            while True:
                try:
                    told = yield waits_for
                except BaseException as error:
                    waits_for = self._begun.throw(error)
                else:
                    waits_for = self._begun.send(told)
        except StopIteration:
            return
