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
from biofeedback.service.entries import refuse_taken
from biofeedback.service.outlet import Outlet
from biofeedback.service.problems import Problem
from biofeedback.service.sessions import described, without_strap
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
)
from biofeedback.service.views import NotShared, OwnView, SharedView
from biofeedback.session.clock import NS_PER_MS
from biofeedback.session.hub import ViewerEnded, ViewerTooSlow
from biofeedback.session.runner import LiveSession
from biofeedback.session.transcript import PROTOCOL_VERSION
from biofeedback.store import AccountRow, StoreError

MOST_REFUSED = 200


async def live(websocket: WebSocket) -> None:
    """Serve ``/api/v1/live/{session_id}[?since=SEQ]``."""
    here = context_of(websocket)
    since = websocket.query_params.get("since")
    if (caller := await admit(websocket)) is None:
        return
    session = here.conductor.session(websocket.path_params["session_id"])
    if since is not None and not (since.isascii() and since.isdigit()):
        await close(websocket, REFUSED, "'since' is the seq of a message.")
        return
    seen = None if since is None else int(since[:18])
    viewing = None if session is None else _viewing(websocket, here, session, caller)
    if viewing is None:
        await close(websocket, UNKNOWN_SESSION, "This session is not live.")
        return
    await viewing.run(seen)


def _viewing(
    websocket: WebSocket, here: Context, session: LiveSession, caller: Caller
) -> _Viewing | None:
    # Who may not watch is told the same as where there is nothing to watch.
    if is_own(caller, here.rooms.person_id(session)):
        return _Viewing(websocket, here, session, caller)
    account = caller.account
    if account is None or here.rooms.refusal(account, session) is not None:
        return None
    return _Watching(websocket, here, session, caller, account)


class _Viewing:
    """One connection to one's own session, from ``hello`` to the close code."""

    MAY = commands.BY_THE_PERSON
    WHO_ELSE = "Only a therapist who watches sends this."

    def __init__(
        self,
        websocket: WebSocket,
        here: Context,
        session: LiveSession,
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

    async def run(self, since: int | None) -> None:
        self._view = self._view_from(since)
        self._sent_seq = self._view.last_seq
        try:
            async with self._told():
                await serve(
                    self._websocket, self._caller, *self._parts, greet=self._say_hello
                )
        except StoreError as error:  # what is not written down is not shown
            await close(self._websocket, TRY_LATER, error.message)
        finally:
            self._view.close()

    def _view_from(self, since: int | None) -> OwnView | SharedView:
        return OwnView(self._session, since)

    @property
    def by(self) -> str:
        """What stands beside what is entered: one's own is by the person."""
        return self._caller.by_own

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
        except ViewerEnded:
            return ENDED, "The session has ended."
        except ViewerTooSlow:
            return TOO_SLOW, "Too slow; connect again with 'since'."
        except NotShared as refused:
            return NOT_SHARED, str(refused)

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
        row = await asyncio.to_thread(self._here.store.session, self._session.info.id)
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
        if type(command) not in self.MAY:
            raise Problem(403, self.WHO_ELSE, "docs/protocol.md says who sends what.")
        if not self._caller.writes and type(command) not in commands.WATCHING:
            raise Problem(403, "This token may only read.", "Make another one.")
        if not isinstance(command, commands.Ping):
            self._here.sign_ins.use(self._caller)
        await self._follow(command)

    async def _follow(self, command: commands.Command) -> None:
        conductor, together = self._here.conductor, self._here.together
        live, id, by = self._session, self._session.info.id, self.by
        match command:
            case commands.Ping(client_time_ms=client_time_ms):
                session_ms = self._now_ms()
                await self._tell(
                    "clock",
                    client_time_ms=client_time_ms,
                    server_time_ns=time.time_ns(),
                    session_ms=session_ms,
                )
            case commands.Traces(signals=signals):
                self._view.want(signals)
            case commands.Rate():
                command.check()
                await conductor.entries.rate(id, command, by=by)
            case commands.Annotate(type=type, text=text):
                refuse_taken(type)
                await conductor.entries.enter(id, by=by, type=type, text=text)
            case commands.SetPacer():
                pace = msgspec.structs.asdict(command)
                await conductor.live(id).pace(by=by, **pace)
                await together.chose_own_pace(live, by=by)
            case commands.AcceptPacer(proposal=proposal):
                await together.accept(live, proposal, by=by)
            case commands.DeclinePacer(proposal=proposal):
                await together.decline(live, proposal, by=by)
            case commands.Hand(up=up):
                await together.hold_up(live, up, by=by)
            case commands.Seen(message=message):
                await together.saw(live, message, by=by)
            case commands.AskSignals(signals=signals):
                await conductor.entries.ask_for(id, signals, by=by)
            case commands.ReplaySet(playing=playing, speed=speed):
                await conductor.playback(id).set(playing=playing, speed=speed)
            case commands.ReplayStep(to=to):
                await conductor.playback(id).step(to)
            case commands.ReplaySeek(t_ms=t_ms, event=event):
                await conductor.playback(id).seek(t_ms, event)
            case commands.ReplayLoop(from_ms=from_ms, to_ms=to_ms):
                await conductor.playback(id).loop(from_ms, to_ms)
            case commands.Stop():
                await conductor.stop(id)


class _Watching(_Viewing):
    """A therapist's connection to a session that is shared with them."""

    MAY = commands.BY_A_THERAPIST
    WHO_ELSE = "Only the person who practises sends this."

    def __init__(
        self,
        websocket: WebSocket,
        here: Context,
        session: LiveSession,
        caller: Caller,
        account: AccountRow,
    ) -> None:
        super().__init__(websocket, here, session, caller)
        self._account = account
        self._changed = asyncio.Event()
        self._silent = False
        self._parts = (*self._parts, self._leave_when_unshared)

    @property
    def by(self) -> str:
        """The code that stands for this therapist everywhere."""
        return self._account.code

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

    async def _follow(self, command: commands.Command) -> None:
        together, live, by = self._here.together, self._session, self.by
        if type(command) not in commands.WATCHING:
            self._refuse_unshared()
        match command:
            case commands.Annotate(type=type_, text=text):
                await together.mark(live, type_, text, by=by)
            case commands.ProposePacer(rate_bpm=rate_bpm, inhale_pct=inhale_pct):
                await together.propose(
                    live, by=by, rate_bpm=rate_bpm, inhale_pct=inhale_pct
                )
            case commands.Say(text=text):
                await together.say(live, text, by=by)
            case _:
                await super()._follow(command)

    def _refuse_unshared(self) -> None:
        refusal = self._here.rooms.refusal(self._account, self._session)
        if refusal is not None:
            raise Problem(403, refusal, "Ask the person to share it again.")
