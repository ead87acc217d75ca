"""The live websocket: one viewer of one session.

A viewer has a few tasks: one sends the messages of the hub, one the samples that this
viewer wants to see, one follows what it asks. Only this viewer waits when it is slow;
the hub never does.
"""

from __future__ import annotations

import asyncio
import time

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from biofeedback.errors import BiofeedbackError
from biofeedback.service import commands
from biofeedback.service.context import Context, context_of
from biofeedback.service.problems import Problem
from biofeedback.service.sessions import described
from biofeedback.service.sign_ins import Caller
from biofeedback.service.sockets import (
    ENDED,
    REFUSED,
    SEND_LIMIT_S,
    UNKNOWN_SESSION,
    admit,
    close,
    serve,
)
from biofeedback.session.clock import NS_PER_MS
from biofeedback.session.hub import ViewerEnded, ViewerTooSlow
from biofeedback.session.runner import LiveSession
from biofeedback.session.transcript import PROTOCOL_VERSION

TOO_SLOW = 4408

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
    if session is None:
        await close(websocket, UNKNOWN_SESSION, "This session is not live.")
        return
    seen = None if since is None else int(since[:18])
    await _Viewing(websocket, here, session, caller, seen).run()


class _Viewing:
    """One connection, from ``hello`` to the close code."""

    def __init__(
        self,
        websocket: WebSocket,
        here: Context,
        session: LiveSession,
        caller: Caller,
        since: int | None,
    ) -> None:
        self._websocket = websocket
        self._here = here
        self._session = session
        self._caller = caller
        self._viewer = session.hub.subscribe(since)
        self._sent_seq = self._viewer.last_seq
        self._turn = asyncio.Lock()
        self._allowance = commands.Allowance()
        self._refused = 0

    async def run(self) -> None:
        parts = (self._send, self._send_frames, self._receive)
        try:
            await serve(self._websocket, self._caller, *parts, greet=self._say_hello)
        finally:
            self._viewer.close()

    # --- Out ------------------------------------------------------------------------

    async def _send(self) -> tuple[int, str]:
        try:
            while True:
                data = await self._viewer.next()
                async with self._turn:
                    await self._put(data)
                    self._sent_seq = self._viewer.last_seq
        except ViewerEnded:
            return ENDED, "The session has ended."
        except ViewerTooSlow:
            return TOO_SLOW, "Too slow; connect again with 'since'."

    async def _send_frames(self) -> tuple[int, str]:
        # By turns with the messages: these wait for one frame at most.
        while True:
            frame = await self._viewer.next_frame()
            async with self._turn, asyncio.timeout(SEND_LIMIT_S):
                await self._websocket.send_bytes(frame)

    async def _put(self, data: bytes) -> None:
        async with asyncio.timeout(SEND_LIMIT_S):
            await self._websocket.send_text(data.decode())

    async def _tell(self, kind: str, **fields: object) -> None:
        """Send a message of the connection: its seq is that of the last one sent."""
        async with self._turn:
            message = {
                "v": PROTOCOL_VERSION,
                "seq": self._sent_seq,
                "t_ms": self._now_ms(),
                "kind": kind,
                **fields,
            }
            await self._put(msgspec.json.encode(message))

    async def _refuse(self, detail: str, advice: str, reason: str | None) -> None:
        await self._tell("error", reason=reason, detail=detail, advice=advice)

    async def _say_hello(self) -> None:
        row = await asyncio.to_thread(self._here.store.session, self._session.info.id)
        shape = await described(self._here, row)
        await self._tell(
            "hello",
            session=shape.model_dump(mode="json"),
            server_time_ns=time.time_ns(),
            protocol_version=PROTOCOL_VERSION,
            last_seq=self._session.hub.last_seq,
            plan=row.plan,
        )

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
                    "Too many commands came at once.",
                    "Send at most ten a second.",
                    None,
                )
                continue
            text = message.get("text")
            try:
                await self._follow(commands.decode("" if text is None else text))
            except msgspec.DecodeError as error:
                await self._refuse(
                    f"This command cannot be followed: {error}.",
                    "docs/protocol.md lists the commands.",
                    None,
                )
            except (BiofeedbackError, Problem) as error:
                problem = error if isinstance(error, Problem) else Problem.of(error)
                await self._refuse(problem.detail, problem.advice or "", problem.reason)
        return REFUSED, "Too many commands."

    async def _follow(self, command: commands.Command) -> None:
        conductor, id, by = (
            self._here.conductor,
            self._session.info.id,
            self._caller.role,
        )
        match command:
            case commands.Ping(client_time_ms=client_time_ms):
                session_ms = self._now_ms()
                await self._tell(
                    "clock",
                    client_time_ms=client_time_ms,
                    server_time_ns=time.time_ns(),
                    session_ms=session_ms,
                )
            case commands.Rate():
                command.check()
                await conductor.entries.rate(id, command, by=by)
            case commands.Annotate(type=type, text=text):
                await conductor.entries.enter(id, by=by, type=type, text=text)
            case commands.SetPacer():
                pace = msgspec.structs.asdict(command)
                await conductor.live(id).pace(by=by, **pace)
            case commands.ProposePacer() | commands.AcceptPacer():
                await self._refuse(
                    "Suggesting a pace is not there yet.",
                    "Send 'pacer.set' to change it yourself.",
                    None,
                )
            case commands.AskSignals(signals=signals):
                await conductor.entries.ask_for(id, signals, by=by)
            case commands.Traces(signals=signals):
                self._viewer.want(signals)
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
