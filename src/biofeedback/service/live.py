"""The live websocket: one viewer of one session.

A viewer has a few tasks: one sends the messages of the hub, one the samples that this
viewer wants to see, one follows what it asks. Only this viewer waits when it is slow;
the hub never does. Somebody who is not the person gets what is shared with them, as
long as it is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from biofeedback.errors import BiofeedbackError
from biofeedback.service import commands
from biofeedback.service.access import is_own
from biofeedback.service.context import Context, context_of
from biofeedback.service.elsewhere.mirror import (
    Mirror,
    UnknownSession,
    Unreachable,
    unreachable,
)
from biofeedback.service.following import check_own, check_shared
from biofeedback.service.ongoing import Ongoing
from biofeedback.service.outlet import Outlet
from biofeedback.service.problems import Problem
from biofeedback.service.sessions import described, row_of, without_strap
from biofeedback.service.shapes import SessionShape
from biofeedback.service.sign_ins import Caller
from biofeedback.service.sockets import (
    ENDED,
    NOT_SHARED,
    REFUSED,
    TOO_SLOW,
    TRY_LATER,
    UNKNOWN_SESSION,
    Part,
    admit,
    close,
    serve,
    until,
)
from biofeedback.service.views import NotShared, OwnView, SharedView
from biofeedback.session.clock import NS_PER_MS
from biofeedback.session.hub import ViewerEnded, ViewerTooSlow
from biofeedback.session.transcript import PROTOCOL_VERSION, Message
from biofeedback.store import AccountRow, Purpose, Role, SessionState, StoreError

MOST_REFUSED = 200


async def live(websocket: WebSocket) -> None:
    """Serve ``/api/v1/live/{session_id}[?since=SEQ]``."""
    here = context_of(websocket)
    since = websocket.query_params.get("since")
    if (caller := await admit(websocket)) is None:
        return
    if since is not None and not (since.isascii() and since.isdigit()):
        await close(websocket, REFUSED, "'since' is the seq of a message.")
        return
    seen = None if since is None else int(since[:18])
    id = websocket.path_params["session_id"]
    try:
        async with _found(here, id, caller) as session:
            viewing = _viewing(websocket, here, session, caller)
            if session is None and not here.neighbours.knows_all:
                raise Unreachable
            if session is None or viewing is None:
                await close(websocket, UNKNOWN_SESSION, "This session is not live.")
                return
            if isinstance(session, Mirror) and (seen or 0) > session.hub.last_seq:
                await session.catch_up()  # another node told it first
            await viewing.run(seen)
    except Unreachable:
        await close(websocket, TRY_LATER, unreachable().detail)


@asynccontextmanager
async def _found(
    here: Context, id: str, caller: Caller
) -> AsyncIterator[Ongoing | None]:
    live = here.conductor.session(id)
    place = None if live is not None else await _place(here, id, caller)
    if place is None:
        yield live
        return
    try:
        async with here.neighbours.viewing(id, place) as mirror:
            yield mirror
    except UnknownSession:
        yield None


async def _place(here: Context, id: str, caller: Caller) -> str | None:
    # Where this session is run, if that is elsewhere and the caller may know of it.
    if (known := here.neighbours.neighbour(id)) is not None:
        origin, person_id = known.origin, known.person_id
    else:
        row = await asyncio.to_thread(here.store.find_session, id)
        if row is None or row.node in (None, here.origin):
            return None
        if row.state not in (SessionState.LIVE, SessionState.CLOSING):
            return None
        origin, person_id = row.node, row.person_id
    if is_own(caller, person_id):
        return origin
    account = caller.account
    if account is None or account.role is not Role.THERAPIST:
        return None
    seen = here.consents.streams(account.id, person_id, Purpose.LIVE)
    return origin if seen else None


def _viewing(
    websocket: WebSocket, here: Context, session: Ongoing | None, caller: Caller
) -> _Viewing | None:
    if session is None:
        return None
    # Who may not watch is told the same as where there is nothing to watch.
    if is_own(caller, here.rooms.person_id(session)):
        return _Viewing(websocket, here, session, caller)
    account = caller.account
    if account is None or here.rooms.refusal(account, session) is not None:
        return None
    return _Watching(websocket, here, session, caller, account)


class _Viewing:
    """One connection to one's own session, from ``hello`` to the close code."""

    def __init__(
        self,
        websocket: WebSocket,
        here: Context,
        session: Ongoing,
        caller: Caller,
    ) -> None:
        self._websocket = websocket
        self._here = here
        self._session = session
        self._caller = caller
        self._outlet = Outlet(websocket)
        self._sent_seq = 0
        self._allowance = commands.Allowance()
        self._refused = 0
        self._parts: tuple[Part, ...] = (self._send, self._send_frames, self._receive)
        if isinstance(session, Mirror):
            lost = until(session.lost, TRY_LATER, unreachable().detail)
            self._parts = (*self._parts, lost)

    async def run(self, since: int | None) -> None:
        self._fresh_seq = self._session.hub.last_seq + 1
        self._view = self._view_from(since)
        self._sent_seq = self._view.last_seq
        try:
            async with self._told():
                await serve(
                    self._websocket, self._caller, *self._parts, greet=self._say_hello
                )
        except StoreError as error:  # what is not written down is not shown
            await close(self._websocket, TRY_LATER, error.message)
        except Problem as problem:  # whom the person is not told of sees nothing
            refused = NOT_SHARED if problem.status == 403 else TRY_LATER
            await close(self._websocket, refused, problem.detail)
        finally:
            self._view.close()

    def _view_from(self, since: int | None) -> OwnView | SharedView:
        return OwnView(self._session, since)

    @asynccontextmanager
    async def _told(self) -> AsyncIterator[None]:
        yield

    # --- Out ------------------------------------------------------------------------

    async def _send(self) -> tuple[int, str]:
        view = self._view

        def sent() -> None:
            self._sent_seq = view.last_seq

        try:
            while True:
                message = await view.next_message()
                data = view.let(message)
                if not await self._outlet.put(
                    data, of=self._session.info.id, sent=sent
                ):
                    view.tell_anew()
                elif message.kind == "heart" and message.seq >= self._fresh_seq:
                    self._count(message)
        except ViewerEnded:
            return ENDED, "The session has ended."
        except ViewerTooSlow:
            return TOO_SLOW, "Too slow; connect again with 'since'."
        except NotShared as refused:
            return NOT_SHARED, str(refused)

    def _count(self, message: Message) -> None:
        # From the strap's notification to here; what is shown again has no such time.
        if self._session.info.source == "replay":
            return
        counts = self._here.conductor.counts
        here = not isinstance(self._session, Mirror)
        took = counts.delivered if here else counts.delivered_elsewhere
        took.take(max(self._now_ms() - message.t_ms, 0.0) / 1000)

    async def _send_frames(self) -> tuple[int, str]:
        # By turns with the messages: these wait for one frame at most.
        view = self._view
        try:
            while True:
                frame = await view.next_frame()
                data = view.let(frame)
                await self._outlet.put(data, of=self._session.info.id, binary=True)
        except NotShared as refused:
            return NOT_SHARED, str(refused)

    async def _tell(self, kind: str, **fields: object) -> None:
        """Send a message of the connection: its seq is that of the last one sent."""
        await self._outlet.put(self._message(kind, fields))

    def _message(self, kind: str, fields: dict[str, object]) -> Iterator[bytes]:
        # Made when its turn has come: its seq must be that of the message before it.
        yield msgspec.json.encode(
            {
                "v": PROTOCOL_VERSION,
                "seq": self._sent_seq,
                "t_ms": self._now_ms(),
                "kind": kind,
                **fields,
            }
        )

    async def _refuse(
        self, detail: str, advice: str, reason: str | None = None
    ) -> None:
        await self._tell("error", reason=reason, detail=detail, advice=advice)

    async def _say_hello(self) -> None:
        row = await row_of(self._here, self._session)
        shape = self._shown(await described(self._here, row))
        await self._tell(
            "hello",
            session=shape.model_dump(mode="json"),
            server_time_ns=time.time_ns(),
            protocol_version=PROTOCOL_VERSION,
            last_seq=self._session.hub.last_seq,
            plan=row.plan,
        )

    def _shown(self, shape: SessionShape) -> SessionShape:
        return shape

    def _now_ms(self) -> float:
        return self._session.clock.now_ns() / NS_PER_MS

    # --- In ---------------------------------------------------------------------------

    async def _receive(self) -> tuple[int, str]:
        while self._refused < MOST_REFUSED:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code") or 1005)
            if not self._allowance.spend(time.monotonic()):
                self._refused += 1
                await self._refuse(
                    "Too many commands came at once.", "Send at most ten a second."
                )
                continue
            text = message.get("text")
            try:
                await self._take("" if text is None else text)
            except msgspec.DecodeError as error:
                await self._refuse(
                    f"This command cannot be followed: {error}.",
                    "docs/protocol.md lists the commands.",
                )
            except (BiofeedbackError, Problem) as error:
                problem = error if isinstance(error, Problem) else Problem.of(error)
                await self._refuse(problem.detail, problem.advice or "", problem.reason)
        return REFUSED, "Too many commands."

    async def _take(self, text: str) -> None:
        command = commands.decode(text)
        self._check(command)
        if not self._caller.writes and type(command) not in commands.WATCHING:
            raise Problem(403, "This token may only read.", "Make another one.")
        if isinstance(command, commands.Ping):
            await self._say_time(command)
            return
        self._here.sign_ins.use(self._caller)
        if isinstance(command, commands.Traces):
            self._view.want(command.signals)
        else:
            await self._steer(command)

    def _check(self, command: commands.Command) -> None:
        check_own(command)

    async def _steer(self, command: commands.Command) -> None:
        await self._here.steering.own(self._session, command, self._caller)

    async def _say_time(self, ping: commands.Ping) -> None:
        session_ms = self._now_ms()
        await self._tell(
            "clock",
            client_time_ms=ping.client_time_ms,
            server_time_ns=time.time_ns(),
            session_ms=session_ms,
        )


class _Watching(_Viewing):
    """A therapist's connection to a session that is shared with them."""

    def __init__(
        self,
        websocket: WebSocket,
        here: Context,
        session: Ongoing,
        caller: Caller,
        account: AccountRow,
    ) -> None:
        super().__init__(websocket, here, session, caller)
        self._account = account
        self._changed = asyncio.Event()
        self._silent = False
        self._parts = (*self._parts, self._leave_when_unshared)

    def _view_from(self, since: int | None) -> SharedView:
        return SharedView(self._here.rooms, self._session, self._account, since=since)

    def _shown(self, shape: SessionShape) -> SessionShape:
        return without_strap(shape)

    @asynccontextmanager
    async def _told(self) -> AsyncIterator[None]:
        rooms, watching = self._here.rooms, self._here.watching
        rooms.on_change(self._look)
        try:
            async with watching.watch(self._session, self._caller, self._account):
                yield
        finally:
            rooms.off_change(self._look)

    def _look(self) -> None:
        was, self._silent = self._silent, self._is_silent()
        if self._silent and not was:
            self._outlet.take_back(self._session.info.id)
        self._changed.set()

    def _is_silent(self) -> bool:
        refusal = self._here.rooms.refusal(self._account, self._session)
        return refusal is not None or self._here.rooms.is_paused(self._session)

    async def _leave_when_unshared(self) -> tuple[int, str]:
        while True:
            refusal = self._here.rooms.refusal(self._account, self._session)
            if refusal is not None:
                return NOT_SHARED, refusal
            self._changed.clear()
            await self._changed.wait()

    def _check(self, command: commands.Command) -> None:
        check_shared(command)

    async def _steer(self, command: commands.Command) -> None:
        await self._here.steering.shared(self._session, command, self._account)
