"""Asks other nodes of the clinic for what is live there, or lies on their disks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from urllib.parse import quote

import msgspec
from starlette.requests import HTTPConnection

from biofeedback.bus import BusError, NoAnswerError
from biofeedback.service.answering import subject_of
from biofeedback.service.context import Context
from biofeedback.service.forwarded import (
    ASKED,
    Ask,
    Has,
    Leave,
    More,
    Piece,
    Question,
    encode,
    ids_of,
    piece_of,
    sound,
    texts,
)
from biofeedback.service.node_id import is_node
from biofeedback.service.nodes import nodes_here
from biofeedback.service.problems import Problem
from biofeedback.service.tasks import Tasks
from biofeedback.store import SessionRow, SessionState

_LOGGER = logging.getLogger(__name__)

ANSWER_LIMIT_S = 10.0
"""How long a node that is there may be silent. It says every two seconds that it works
on it, so one that does not is cut off or stands still."""

LOOK_LIMIT_S = 1.0
"""How long the others may take to say which files they have."""

AT_ONCE = 200
"""Files that are asked for in one question."""

GOES_ON = (SessionState.LIVE, SessionState.CLOSING)


def unreachable() -> Problem:
    """Return the answer where nobody who could answer is there."""
    return Problem(
        503,
        "The machine that keeps this session cannot be reached now.",
        "Try again in a minute. What was recorded there is safe.",
    )


class Asking:
    """Asks on behalf of whoever asks here."""

    def __init__(self, here: Context) -> None:
        self._here = here
        self._tasks = Tasks()

    async def holder(self, row: SessionRow) -> str:
        """Return the node that can say most of a session that is not here.

        Raises
        ------
        Problem
            With status 503, when none that could is there.
        """
        if row.state in GOES_ON and row.node is not None and is_node(row.node):
            return row.node
        holders = await self.holders([row])
        if row.id not in holders:
            raise unreachable()
        return holders[row.id]

    async def holders(self, rows: Sequence[SessionRow]) -> dict[str, str]:
        """Return the node that can say most of each of these sessions, by their ids.

        None of them goes on. Of those that are missing no node could say anything.
        """
        found: dict[str, str] = {}
        for first in range(0, len(rows), AT_ONCE):
            some = rows[first : first + AT_ONCE]
            ids = tuple(row.id for row in some)
            others = nodes_here(self._here)
            has = await asyncio.gather(*(self._has(one, ids) for one in others))
            for row in some:
                able = [
                    one for one, its in zip(others, has, strict=True) if row.id in its
                ]
                if row.node in others and (row.node in able or not able):
                    able = [row.node]  # it says best why there is no file
                if able:
                    found[row.id] = able[0]
        return found

    async def _has(self, origin: str, ids: tuple[str, ...]) -> frozenset[str]:
        try:
            asked = Has(sessions=ids)
            return ids_of((await self._request(origin, asked, LOOK_LIMIT_S)).data)
        except (BusError, msgspec.MsgspecError):
            return frozenset()

    def about(self, connection: HTTPConnection, *, path: str, body: bytes = b"") -> Ask:
        """Return a request as it travels, with what shows who asks."""
        scope = connection.scope
        query = scope["query_string"] if path == scope["path"] else b""
        return Ask(
            method=scope["method"],
            path=path,
            query=quote(query, safe="!$&'()*+,;=:@/?-._~%[]"),
            headers=sound(texts(scope["headers"]), ASKED),
            cookie=connection.cookies.get(self._here.cookie),
            body=body,
            address=None if connection.client is None else connection.client.host,
        )

    async def pieces(self, origin: str, ask: Ask) -> AsyncGenerator[Piece, None]:
        """Yield an answer as it comes; the next piece is asked for when it is wanted.

        Close it (:func:`contextlib.aclosing`): what is not wanted is let go of there.

        Raises
        ------
        BusError
            When it breaks off, or nobody is there.
        """
        piece: Piece | None = None
        try:
            question: Question = ask
            while piece is None or piece.more:
                piece = await self._tasks.kept(self._request(origin, question))
                question = More(id=piece.id)
                if piece.broken:
                    raise NoAnswerError("Another node broke off its answer.")
                yield piece
        finally:
            if piece is not None and piece.more:
                self._tasks.spawn(self._leave(origin, piece.id))

    async def _request(
        self, origin: str, question: Question, limit_s: float = ANSWER_LIMIT_S
    ) -> Piece:
        data = await self._here.bus.request(
            subject_of(origin), encode(question), limit_s=limit_s
        )
        try:
            return piece_of(data)
        except msgspec.MsgspecError as error:
            text = "What another node answered cannot be read."
            raise NoAnswerError(text) from error

    async def _leave(self, origin: str, id: str) -> None:
        with suppress(BusError):
            await self._request(origin, Leave(id=id))
