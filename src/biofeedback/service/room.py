"""The room: every session that is shared with a therapist, over one websocket."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec
from fastapi import APIRouter
from pydantic import BaseModel
from starlette.websockets import WebSocket, WebSocketDisconnect

from biofeedback.errors import BiofeedbackError
from biofeedback.service import commands
from biofeedback.service.context import Context, Here, SignedIn, context_of
from biofeedback.service.notes import Therapist
from biofeedback.service.ongoing import Ongoing
from biofeedback.service.outlet import Outlet
from biofeedback.service.problems import Problem
from biofeedback.service.shapes import instant
from biofeedback.service.sign_ins import Caller
from biofeedback.service.sockets import (
    NOT_SHARED,
    REFUSED,
    TOO_SLOW,
    TRY_LATER,
    admit,
    close,
    serve,
)
from biofeedback.service.usual import UsualShape, week_of
from biofeedback.service.views import NotShared, SharedView
from biofeedback.session.clock import NS_PER_MS
from biofeedback.session.hub import ViewerEnded, ViewerTooSlow
from biofeedback.store import AccountRow, Purpose, Role, StoreError, Stream

people = APIRouter(tags=["room"])

NEWEST = 240
"""Live messages of the past for a tile that opens: about a minute of a heart."""

MOST_REFUSED = 200

AGAIN_NS = 1_000_000_000
"""How long a session rests that could not be shown just now."""


class MemberShape(BaseModel):
    """A person who lets a therapist see something, and until when."""

    person: str
    alias: str
    live: list[Stream]
    report: list[Stream]
    expires_at: datetime


class MembersShape(BaseModel):
    """Everybody who does."""

    people: list[MemberShape]


@people.get("/room/people")
async def members(mine: Therapist, caller: SignedIn, here: Here) -> MembersShape:
    """List the people who consent to something, live or not."""
    await here.audit.note(caller, "people.list")
    everyone = {one.id: one for one in await asyncio.to_thread(here.store.people)}
    rows = [
        row
        for row in here.consents.of_account(mine.id)
        if row.person_id in everyone and row.person_id != mine.person_id
    ]

    def streams(person_id: str, purpose: Purpose) -> list[Stream]:
        return sorted(here.consents.streams(mine.id, person_id, purpose))

    return MembersShape(
        people=[
            MemberShape(
                person=person_id,
                alias=everyone[person_id].pseudonym,
                live=streams(person_id, Purpose.LIVE),
                report=streams(person_id, Purpose.REPORT),
                expires_at=instant(
                    min(r.expires_at_utc_ns for r in rows if r.person_id == person_id)
                ),
            )
            for person_id in dict.fromkeys(row.person_id for row in rows)
        ]
    )


async def room(websocket: WebSocket) -> None:
    """Serve ``/api/v1/room``."""
    here = context_of(websocket)
    if (caller := await admit(websocket)) is None:
        return
    if caller.account is None or caller.role is not Role.THERAPIST:
        await close(websocket, NOT_SHARED, "The room is for therapists.")
        return
    await _Room(websocket, here, caller, caller.account).run()


class _Room:
    """One therapist's connection: a tile for each session, and what is asked."""

    def __init__(
        self,
        websocket: WebSocket,
        here: Context,
        caller: Caller,
        account: AccountRow,
    ) -> None:
        self._websocket = websocket
        self._here = here
        self._caller = caller
        self._account = account
        self._outlet = Outlet(websocket)
        self._allowance = commands.Allowance()
        self._changed = asyncio.Event()
        self._tiles: dict[str, asyncio.Task[None]] = {}
        self._opened: dict[str, Ongoing] = {}
        self._noted: dict[str, asyncio.Event] = {}
        self._over: asyncio.Future[tuple[int, str]] = asyncio.Future()
        self._usual: dict[str, UsualShape] = {}
        self._aliases: dict[str, str] = {}
        self._silent: frozenset[str] = frozenset()

    async def run(self) -> None:
        rooms = self._here.rooms
        rooms.on_change(self._look)
        try:
            with rooms.attend(self._account):
                await serve(
                    self._websocket,
                    self._caller,
                    self._keep_list,
                    self._wait_for_the_end,
                    self._receive,
                )
        finally:
            rooms.off_change(self._look)
            tiles = tuple(self._tiles.values())
            for tile in tiles:
                tile.cancel()
            await asyncio.gather(*tiles, return_exceptions=True)

    def _look(self) -> None:
        rooms, shown = self._here.rooms, self._tiles.keys()
        open_now = {
            live.info.id
            for live in rooms.seen_by(self._account)
            if not rooms.is_paused(live)
        }
        was, self._silent = self._silent, frozenset(shown - open_now)
        for id in self._silent - was:
            self._outlet.take_back(id)
        self._changed.set()

    # --- The list ---------------------------------------------------------------------

    async def _keep_list(self) -> tuple[int, str]:
        told: bytes | None = None
        while True:
            self._changed.clear()
            self._shut_the_unseen()
            self._open_the_seen()
            for live in self._noted_ones():
                await self._know_usual(live)
                await self._know_alias(live)
            listed = self._listed()
            if told is None and self._tiles.keys() - self._noted.keys():
                pass  # the first list is whole: what is being written down follows
            elif listed != told:
                told = listed
                await self._outlet.put(self._list_anew())
            else:
                self._begin(self._noted.values())
            await self._changed.wait()

    def _list_anew(self) -> Iterator[bytes]:
        noted = tuple(self._noted.values())
        yield self._listed()  # as it is when its turn has come
        self._begin(noted)

    def _begin(self, noted: Iterable[asyncio.Event]) -> None:
        for listed in noted:
            listed.set()

    def _noted_ones(self) -> list[Ongoing]:
        # Nothing of a session is told before the audit says that it is watched.
        seen = self._here.rooms.seen_by(self._account)
        return [live for live in seen if live.info.id in self._noted]

    def _listed(self) -> bytes:
        tiles = [self._tile(one) for one in self._noted_ones()]
        return msgspec.json.encode({"kind": "room", "tiles": tiles})

    def _tile(self, live: Ongoing) -> dict[str, object]:
        rooms, info = self._here.rooms, live.info
        streams = rooms.streams(self._account, live)
        state = rooms.state(live)
        usual = self._usual.get(info.id) if Stream.HEART in streams else None
        known = usual is not None and usual.rsa_bpm is not None
        return {
            "session": info.id,
            "person": rooms.person_id(live),
            "alias": info.person or self._aliases.get(info.id, ""),
            "streams": sorted(streams),
            "sharing": state.sharing,
            "started_at": instant(info.started_at_utc_ns).isoformat(),
            "simulated": info.simulated,
            "usual": {
                "n": usual.n,
                "rsa_bpm": usual.rsa_bpm,
                "spread_bpm": usual.spread_bpm,
            }
            if usual is not None and known
            else None,
            "hand": state.hand,
        }

    async def _know_usual(self, live: Ongoing) -> None:
        if live.info.id not in self._usual:
            self._usual[live.info.id] = await asyncio.to_thread(
                week_of,
                self._here.store,
                self._here.rooms.person_id(live),
                simulated=live.info.simulated,
                now_utc_ns=self._here.store.now_ns(),
            )

    async def _know_alias(self, live: Ongoing) -> None:
        # A home says no name: this place has its own for whoever practises there.
        if not live.info.person and live.info.id not in self._aliases:
            row = await asyncio.to_thread(
                self._here.store.person, self._here.rooms.person_id(live)
            )
            self._aliases[live.info.id] = row.pseudonym

    # --- The tiles --------------------------------------------------------------------

    def _shut_the_unseen(self) -> None:
        seen = {live.info.id: live for live in self._here.rooms.seen_by(self._account)}
        for id, tile in self._tiles.items():
            if seen.get(id) is not self._opened[id]:  # gone, or lost and found again
                tile.cancel()

    def _open_the_seen(self) -> None:
        for live in self._here.rooms.seen_by(self._account):
            if (id := live.info.id) not in self._tiles:
                self._opened[id] = live
                self._tiles[id] = tile = asyncio.create_task(self._show(live))
                tile.add_done_callback(functools.partial(self._shut, id))

    def _shut(self, id: str, tile: asyncio.Task[None]) -> None:
        del self._tiles[id], self._opened[id]
        self._changed.set()
        if not tile.cancelled() and (error := tile.exception()) is not None:
            if not self._over.done():
                self._over.set_exception(error)

    async def _show(self, live: Ongoing) -> None:
        watching = self._here.watching
        try:
            async with watching.watch(live, self._caller, self._account):
                listed = self._noted[live.info.id] = asyncio.Event()
                self._changed.set()
                await listed.wait()
                await self._show_messages(live)
        except (NotShared, ViewerEnded):
            return
        except ViewerTooSlow:
            self._end(TOO_SLOW, "Too slow; connect again.")
        except StoreError as error:  # what is not written down is not shown
            self._end(TRY_LATER, error.message)
        except Problem:  # its node said no, or nothing: it is tried again in a while
            await live.clock.sleep_until(live.clock.now_ns() + AGAIN_NS)
        finally:
            self._noted.pop(live.info.id, None)

    async def _show_messages(self, live: Ongoing) -> None:
        view = SharedView(self._here.rooms, live, self._account, newest=NEWEST)
        head = b'{"kind":"tile","session":"%s","message":' % live.info.id.encode()
        try:
            while True:
                message = await view.next_message()
                wrapped = (b"%s%s}" % (head, data) for data in view.let(message))
                if not await self._outlet.put(wrapped, of=live.info.id):
                    view.tell_anew()
        finally:
            view.close()

    def _end(self, code: int, reason: str) -> None:
        if not self._over.done():
            self._over.set_result((code, reason))

    async def _wait_for_the_end(self) -> tuple[int, str]:
        return await self._over

    # --- In ---------------------------------------------------------------------------

    async def _receive(self) -> tuple[int, str]:
        refused = 0
        while refused < MOST_REFUSED:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code") or 1005)
            if not self._allowance.spend(time.monotonic()):
                refused += 1
                await self._refuse(
                    None,
                    Problem(
                        429,
                        "Too many commands came at once.",
                        "Send at most ten a second.",
                    ),
                )
                continue
            text = message.get("text")
            await self._take("" if text is None else text)
        return REFUSED, "Too many commands."

    async def _take(self, text: str) -> None:
        session = None
        try:
            command = commands.decode_for_the_room(text)
            if isinstance(command, commands.Ping):
                await self._pong(command)
                return
            session = command.session
            self._here.sign_ins.use(self._caller)
            await self._follow(command)
        except msgspec.DecodeError as error:
            await self._refuse(
                session,
                Problem(
                    422,
                    f"This command cannot be followed: {error}.",
                    "docs/protocol.md lists the commands of the room.",
                ),
            )
        except Problem as problem:
            await self._refuse(session, problem)
        except BiofeedbackError as error:
            await self._refuse(session, Problem.of(error))

    async def _follow(
        self, command: commands.RoomAnnotate | commands.RoomPropose | commands.RoomSay
    ) -> None:
        if not self._caller.writes:
            raise Problem(403, "This token may only read.", "Make another one.")
        live = self._shown(command.session)
        await self._here.steering.shared(live, command, self._account)

    def _shown(self, id: str) -> Ongoing:
        for live in self._here.rooms.seen_by(self._account):
            if live.info.id == id:
                return live
        raise Problem(404, "This session is not in your room.", "Choose one that is.")

    async def _pong(self, ping: commands.Ping) -> None:
        def pong() -> Iterator[bytes]:
            yield msgspec.json.encode(
                {
                    "kind": "pong",
                    "client_time_ms": ping.client_time_ms,
                    "server_time_ns": time.time_ns(),
                    "sessions": {
                        live.info.id: live.clock.now_ns() / NS_PER_MS
                        for live in self._here.rooms.seen_by(self._account)
                    },
                }
            )

        await self._outlet.put(pong())

    async def _refuse(self, session: str | None, problem: Problem) -> None:
        error = {
            "kind": "error",
            "session": session,
            "reason": problem.reason,
            "detail": problem.detail,
            "advice": problem.advice,
        }
        await self._outlet.put((msgspec.json.encode(error),))
