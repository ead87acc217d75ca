"""Lets another node answer, where a session is live or its file lies there.

Only what needs the live session or the file goes on, once it is sure that whoever asks
may know of the session at all: strangers are answered here, and no answer tells them
whether another machine is there.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from biofeedback.bus import BusError, NoAnswerError
from biofeedback.errors import BiofeedbackError
from biofeedback.service.access import is_own, streams_of
from biofeedback.service.answering import ARRIVED, has_file
from biofeedback.service.asking import GOES_ON, Asking, unreachable
from biofeedback.service.consenting import NOTHING
from biofeedback.service.context import Context, identify
from biofeedback.service.deidentified import find_seen
from biofeedback.service.forwarded import (
    ABOUT_ONE,
    ANSWERED,
    METHODS,
    Piece,
    as_bytes,
    sound,
)
from biofeedback.service.node_id import is_node
from biofeedback.service.problems import Problem, may_have_arrived
from biofeedback.service.sign_ins import Caller
from biofeedback.store import Purpose, Role, SessionRow

_LOGGER = logging.getLogger(__name__)

OF_THE_STORE = frozenset({("GET", "ratings"), ("GET", "changes")})
"""Of a session that goes on, these are in the database, which all nodes share."""

OF_THE_FILE = frozenset(
    (
        *("recording", "files", "summary", "replay", "assessment", "report"),
        *("series", "labels", "exports"),
    )
)
"""Of a session that has ended, these are in its file; all else is in the database."""


class Forwarding:
    """ASGI middleware behind the guard: lets pass what can be answered here.

    Parameters
    ----------
    app
        What answers here.
    context
        The parts of this service.
    """

    def __init__(self, app: ASGIApp, *, context: Context) -> None:
        self._app = app
        self._here = context
        self._asking = Asking(context)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer here, or let another node answer."""
        if scope["type"] != "http" or ARRIVED in scope:
            await self._app(scope, receive, send)
            return
        try:
            origin = await self._elsewhere(HTTPConnection(scope))
        except Problem as problem:
            await problem.response()(scope, receive, send)
        except BiofeedbackError as error:
            await Problem.of(error).response()(scope, receive, send)
        else:
            if origin is None:
                await self._app(scope, receive, send)
            else:
                await self._forward(origin, scope, receive, send)

    # --- Where to -------------------------------------------------------------------

    async def _elsewhere(self, connection: HTTPConnection) -> str | None:
        """Return which node is to answer; ``None`` is this one.

        Raises
        ------
        Problem
            With status 503, when it is one that is not there.
        """
        path = ABOUT_ONE.fullmatch(connection.scope["path"])
        method = connection.scope["method"]
        if path is None or method not in METHODS:
            return None
        if self._here.conductor.session(path["id"]) is not None:
            return None
        what = path["what"] or ""
        row = await asyncio.to_thread(self._here.store.find_session, path["id"])
        if row is not None and self._is_ours(row, method, what):
            return None
        caller = await identify(connection)
        if caller is None:
            return None
        row = await asyncio.to_thread(self._known, caller, path["id"], row)
        if row is None or self._is_ours(row, method, what):
            return None
        if await asyncio.to_thread(has_file, self._here.store, row.id):
            return None
        return await self._asking.holder(row)

    def _is_ours(self, row: SessionRow, method: str, what: str) -> bool:
        if row.node == self._here.origin:
            return True
        if row.state in GOES_ON:
            # What goes on at a home is not asked for over HTTP: it is mirrored.
            return not is_node(row.node) or (method, what) in OF_THE_STORE
        return what not in OF_THE_FILE

    def _known(
        self, caller: Caller, id: str, row: SessionRow | None
    ) -> SessionRow | None:
        """Return the session, if this caller may know that there is one. Blocks."""
        if row is None:
            # A researcher's code; by its own id they know of none but their own.
            found = find_seen(self._here, caller, id, needs=NOTHING)
            return None if found is None else found.row
        if is_own(caller, row.person_id):
            return row
        if caller.role is Role.RESEARCHER:
            return None
        seen = any(
            streams_of(self._here, caller, row.person_id, purpose)
            for purpose in (Purpose.LIVE, Purpose.REPORT)
        )
        return row if seen else None

    # --- Handing on -----------------------------------------------------------------

    async def _forward(
        self, origin: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        body = await _body(receive)
        if body is None:
            return  # whoever asked has gone
        ask = self._asking.about(HTTPConnection(scope), path=scope["path"], body=body)
        gone = asyncio.create_task(_gone(receive))
        on_its_way, is_heard = _OnItsWay(send), False
        try:
            async with aclosing(self._asking.pieces(origin, ask)) as pieces:
                async for piece in pieces:
                    is_heard = True
                    await on_its_way.take(piece)
                    if gone.done():
                        return
        except BusError as error:
            # Once it has begun, the connection is closed before its end: nobody takes
            # a half file for a whole one.
            _LOGGER.warning("Another node did not answer: %s", error)
            if not on_its_way.has_begun:
                arrived = is_heard or isinstance(error, NoAnswerError)
                is_safe = scope["method"] == "GET" or not arrived
                problem = unreachable() if is_safe else may_have_arrived()
                await problem.response()(scope, receive, send)
        finally:
            gone.cancel()


class _OnItsWay:
    """Hands an answer on to whoever asked, as it comes."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.has_begun = False

    async def take(self, piece: Piece) -> None:
        """Send one piece; wait for as long as it takes."""
        if piece.status is not None and not self.has_begun:
            self.has_begun = True
            headers = sound(piece.headers, ANSWERED)
            await self._send(
                {
                    "type": "http.response.start",
                    "status": piece.status,
                    "headers": as_bytes(headers),
                }
            )
        if self.has_begun and (piece.data or not piece.more):
            await self._send(
                {
                    "type": "http.response.body",
                    "body": piece.data,
                    "more_body": piece.more,
                }
            )


async def _body(receive: Receive) -> bytes | None:
    """Return the whole body, which the guard has bounded; ``None``: they have gone."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
