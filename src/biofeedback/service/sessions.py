"""Straps and sessions over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from biofeedback.errors import NotSoError
from biofeedback.recording.sealed import opened
from biofeedback.service import plans
from biofeedback.service.access import (
    OwnSession,
    SeenSession,
    is_own,
)
from biofeedback.service.context import Context, Here, SignedIn
from biofeedback.service.elsewhere.mirror import Mirror
from biofeedback.service.entries import refuse_taken
from biofeedback.service.ongoing import Ongoing
from biofeedback.service.sending import sent
from biofeedback.service.shapes import (
    EventBody,
    IdShape,
    PacerBody,
    RatingBody,
    RatingShape,
    RatingsShape,
    ReplayBody,
    SessionBody,
    SessionShape,
    SessionsShape,
    StrapsShape,
)
from biofeedback.store import Person, RecordingRow, SessionRow, SessionState

router = APIRouter(tags=["sessions"])

LONGEST_SCAN_S = 15


@router.get("/straps")
async def straps(
    _caller: SignedIn,
    here: Here,
    scan: Annotated[float, Query(ge=0, le=LONGEST_SCAN_S)] = 0,
) -> StrapsShape:
    """List straps; ``scan`` searches for so many seconds first."""
    found = await here.straps.look(scan)
    return StrapsShape.model_validate(msgspec.to_builtins(found))


@router.post("/sessions", status_code=201)
async def start(body: SessionBody, caller: SignedIn, here: Here) -> SessionShape:
    """Begin a session of one's own; the owner may begin one of anybody here."""
    person = caller.person.id if body.person is None else body.person
    if not is_own(caller, person):
        raise NotSoError(
            "Nobody here has this id.", "Choose one of the people that are listed."
        )
    row = await here.conductor.start(
        strap=body.strap,
        plan=body.plan,
        protocol=await plans.protocol(here, body.plan, body.arm),
        arm=body.arm,
        person=person,
        profile=body.profile,
        seed=body.seed,
        strap_name=body.strap_name,
        signals=tuple(ask.ask() for ask in body.signals),
    )
    return await described(here, row)


@router.get("/sessions")
async def sessions(
    caller: SignedIn, here: Here, state: SessionState | None = None
) -> SessionsShape:
    """List the sessions, newest first."""
    mine = None if caller.everything else (caller.person.id,)

    def listed() -> list[SessionShape]:
        people = {person.id: person for person in here.store.people()}
        recordings = here.store.recordings()
        return [
            _shape(here, row, people[row.person_id], recordings.get)
            for row in here.store.sessions(state, people=mine)
        ]

    return SessionsShape(sessions=await asyncio.to_thread(listed))


@router.get("/sessions/{id}")
async def session(row: SeenSession, caller: SignedIn, here: Here) -> SessionShape:
    """Describe one session: one's own, one that is shared now, or of the reports."""
    if is_own(caller, row.person_id):
        return await described(here, row)
    await here.audit.note(
        caller, "session.read", person_id=row.person_id, object_id=row.id
    )
    return without_strap(await described(here, row))


@router.post("/sessions/{id}/stop")
async def stop(id: str, _own: OwnSession, here: Here) -> SessionShape:
    """End a session; answered once its last record is safe on disk."""
    return await described(here, await here.conductor.stop(id))


@router.post("/sessions/{id}/ratings", status_code=201)
async def rate(
    id: str, body: RatingBody, _own: OwnSession, caller: SignedIn, here: Here
) -> IdShape:
    """Keep a rating; answered once it is safe on disk."""
    return IdShape(
        id=await here.conductor.entries.rate(id, body.rating(), by=caller.by_own)
    )


@router.get("/sessions/{id}/ratings")
async def ratings(id: str, _own: OwnSession, here: Here) -> RatingsShape:
    """List a session's ratings."""
    rows = await asyncio.to_thread(here.store.ratings, id)
    return RatingsShape(ratings=[RatingShape.of(row) for row in rows])


@router.post("/sessions/{id}/events", status_code=201)
async def enter(
    id: str, body: EventBody, _own: OwnSession, caller: SignedIn, here: Here
) -> IdShape:
    """Log a mark, a phase or a note; answered once it is safe on disk."""
    refuse_taken(body.type)
    return IdShape(
        id=await here.conductor.entries.enter(
            id,
            by=caller.by_own,
            type=body.type,
            value=body.value,
            unit=body.unit,
            text=body.text,
            at_ms=body.at_ms,
            corrects=body.corrects,
        )
    )


@router.put("/sessions/{id}/pacer", status_code=202, response_class=Response)
async def pace(
    id: str, body: PacerBody, _own: OwnSession, caller: SignedIn, here: Here
) -> Response:
    """Ask for another pace; it takes effect at the next breath."""
    live = here.conductor.live(id)
    await live.pace(by=caller.by_own, **body.model_dump())
    await here.together.chose_own_pace(live, by=caller.by_own)
    return Response(status_code=202)


@router.get("/sessions/{id}/recording", response_class=StreamingResponse)
async def recording(id: str, _own: OwnSession, here: Here) -> StreamingResponse:
    """Hand out the recording of a session that has ended."""
    path = await here.conductor.recording_path(id)
    file = await asyncio.to_thread(opened, path)
    return sent(file, name=path.name, media_type="application/vnd.mcap")


@router.get("/sessions/{id}/summary")
async def summary(id: str, _own: OwnSession, here: Here) -> Response:
    """Hand out the summary of a session that has ended."""
    return Response(await here.conductor.summary(id), media_type="application/json")


@router.post("/sessions/{id}/replay", status_code=201)
async def replay(
    id: str, body: ReplayBody, _own: OwnSession, here: Here
) -> SessionShape:
    """Show a session again, as a session of its own."""
    return await described(here, await here.conductor.replay(id, body.speed))


async def row_of(here: Context, live: Ongoing) -> SessionRow:
    """Return the row of a session that goes on; one of a home may have none here."""
    row = await asyncio.to_thread(here.store.find_session, live.info.id)
    if row is not None:
        return row
    return SessionRow.of(
        live.info,
        here.rooms.person_id(live),
        state=SessionState.CLOSING if live.ended.is_set() else SessionState.LIVE,
        node=live.origin if isinstance(live, Mirror) else here.origin,
    )


async def described(here: Context, row: SessionRow) -> SessionShape:
    """Return what may be told of a session."""

    def ask() -> SessionShape:
        person = here.store.person(row.person_id)
        return _shape(here, row, person, here.store.recording)

    return await asyncio.to_thread(ask)


def without_strap(shape: SessionShape) -> SessionShape:
    """Return it for others: what a strap says is the stream ``heart``."""
    return shape.model_copy(update={"strap_name": "", "signals": []})


def _shape(
    here: Context,
    row: SessionRow,
    person: Person,
    recording_of: Callable[[str], RecordingRow | None],
) -> SessionShape:
    # A replay's summary is that of what it replays, if that is known here.
    replayed = row.replay_of and here.store.find_session(row.replay_of)
    original = replayed or row
    loss = None
    if row.state in (SessionState.RECOVERED, SessionState.FAILED):
        recording = recording_of(row.id)
        loss = None if recording is None else recording.loss
    ready = here.conductor.summary_ready(original, recording_of(original.id))
    return SessionShape.of(
        row,
        person,
        summary_ready=ready,
        loss=loss,
        signals=here.conductor.signals(row.id) or here.neighbours.signals(row.id),
    )
