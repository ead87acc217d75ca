"""Answers for this node what another one is asked over HTTP and does not have.

The request goes through this very service, with its checks, as if it had come here: who
asks is known by the same cookie, for all nodes of a clinic share one database.
"""

from __future__ import annotations

import asyncio

import msgspec
from fastapi import FastAPI
from starlette.types import ASGIApp, Scope
from ulid import ULID

from biofeedback.bus import Bus, Delivery, Subscription
from biofeedback.recording.sealed import is_there
from biofeedback.service.answers import Answer
from biofeedback.service.conductor import Conductor
from biofeedback.service.forwarded import (
    ANSWERED,
    Ask,
    Has,
    Leave,
    More,
    Piece,
    as_bytes,
    encode,
    question_of,
    sound,
    texts,
)
from biofeedback.service.problems import Problem
from biofeedback.service.sign_ins import cookie_name
from biofeedback.service.tasks import Tasks
from biofeedback.settings import DEFAULT_PORT, Settings
from biofeedback.store import Store

ARRIVED = "biofeedback.arrived"
"""In the scope of what another node forwarded: it goes no further, so in no circle."""

ANSWER_WITHIN_S = 2.0
"""How long a piece is waited for before it is said that none has come yet."""

IDLE_S = 60.0
"""Whoever has not asked for the next piece for so long is gone."""

MOST_ANSWERS = 64
"""At one moment: 16 MiB of pieces."""

FULL = Problem(503, "Many pages are being opened just now.", "Try again in a minute.")


def subject_of(origin: str) -> str:
    """Return the subject on which a node is asked."""
    return f"http.{origin}"


def has_file(store: Store, session_id: str) -> bool:
    """Say whether a session's recording lies on this node's disk. Blocks."""
    row = store.recording(session_id)
    return row is not None and is_there(store.data / row.path)


class Answering:
    """Answers what other nodes of the clinic forward to this one.

    Parameters
    ----------
    bus, origin
        Where it is asked, and under which name.
    settings
        How this node is reached.
    conductor, store
        What is live here, and which recordings lie here.
    within_s, idle_s
        How long a question waits for an answer, and an answer to be asked for.
    """

    def __init__(
        self,
        bus: Bus,
        origin: str,
        *,
        settings: Settings,
        conductor: Conductor,
        store: Store,
        within_s: float = ANSWER_WITHIN_S,
        idle_s: float = IDLE_S,
    ) -> None:
        self._bus = bus
        self._origin = origin
        self._settings = settings
        self._conductor = conductor
        self._store = store
        self._within_s = within_s
        self._idle_s = idle_s
        self._app: FastAPI | None = None
        self._answers: dict[str, Answer] = {}
        self._tasks = Tasks()
        self._subscription: Subscription | None = None

    @property
    def n_open(self) -> int:
        """How many answers go on."""
        return len(self._answers)

    def serve(self, app: FastAPI) -> None:
        """Take ``app`` for what comes from now on."""
        self._app = app

    def forget(self) -> None:
        """Forget what was read of recordings: whose they are is erased."""
        if self._app is not None and hasattr(self._app.state, "library"):
            self._app.state.library.forget()

    async def open(self) -> None:
        """Answer from now on, where others share the store and so know who asks."""
        if not self._store.is_shared:
            return
        self._subscription = await self._bus.answer(
            subject_of(self._origin), self._answered
        )

    async def close(self) -> None:
        """Answer no longer, and end what is being answered."""
        if self._subscription is not None:
            await self._subscription.close()
        for answer in tuple(self._answers.values()):
            answer.leave()
        await self._tasks.cancel()

    async def _answered(self, delivery: Delivery) -> bytes:
        try:
            question = question_of(delivery.data)
        except msgspec.MsgspecError:
            return encode(_said(Problem(400)))
        match question:
            case Ask():
                piece = await self._begun(question)
            case More():
                answer = self._answers.get(question.id)
                piece = Piece(broken=True) if answer is None else await answer.next()
            case Leave():
                if (answer := self._answers.get(question.id)) is not None:
                    answer.leave()
                piece = Piece()
            case Has():
                has = await self._has(question.sessions)
                piece = Piece(status=200, data=encode(has))
        return encode(piece)

    async def _has(self, session_ids: tuple[str, ...]) -> list[str]:
        live = [id for id in session_ids if self._conductor.session(id) is not None]
        others = [id for id in session_ids if id not in live]
        return live + await asyncio.to_thread(
            lambda: [id for id in others if has_file(self._store, id)]
        )

    async def _begun(self, ask: Ask) -> Piece:
        if self._app is None or not ask.is_sound():
            return _said(Problem(400))
        if len(self._answers) >= MOST_ANSWERS:
            return _said(FULL)
        answer = Answer(str(ULID()), ask.body, self._within_s, self._idle_s)
        self._answers[answer.id] = answer
        self._tasks.spawn(self._run(answer, self._app, self._scope(ask)))
        return await answer.next()

    async def _run(self, answer: Answer, app: ASGIApp, scope: Scope) -> None:
        try:
            await answer.given_by(app, scope)
        finally:
            self._answers.pop(answer.id, None)

    def _scope(self, ask: Ask) -> Scope:
        # The page's own name and origin were looked at where it asked; here it is
        # a program of this very host that asks.
        headers = [("host", self._settings.authority), *ask.headers]
        if ask.cookie is not None:
            name = cookie_name(DEFAULT_PORT, https=self._settings.https)
            headers.append(("cookie", f"{name}={ask.cookie}"))
        if ask.body:
            headers.append(("content-length", str(len(ask.body))))
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": ask.method,
            "scheme": self._settings.scheme,
            "path": ask.path,
            "raw_path": ask.path.encode(),
            "root_path": "",
            "query_string": ask.query.encode(),
            "headers": as_bytes(tuple(headers)),
            "client": None if ask.address is None else (ask.address, 0),
            "server": None,
            "state": {},
            ARRIVED: True,
        }


def _said(problem: Problem) -> Piece:
    response = problem.response()
    return Piece(
        status=response.status_code,
        headers=sound(texts(response.raw_headers), ANSWERED),
        data=bytes(response.body),
    )
