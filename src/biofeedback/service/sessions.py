"""Straps and sessions over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse

from biofeedback.practice.ratings import SCALES
from biofeedback.service import plans
from biofeedback.service.context import Context, Here, SignedIn
from biofeedback.service.problems import Problem
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
async def start(body: SessionBody, _caller: SignedIn, here: Here) -> SessionShape:
    """Begin a session."""
    row = await here.conductor.start(
        strap=body.strap,
        plan=body.plan,
        protocol=await plans.protocol(here, body.plan, body.arm),
        arm=body.arm,
        person=body.person,
        profile=body.profile,
        seed=body.seed,
        strap_name=body.strap_name,
        signals=tuple(ask.ask() for ask in body.signals),
    )
    return await described(here, row)


@router.get("/sessions")
async def sessions(
    _caller: SignedIn, here: Here, state: SessionState | None = None
) -> SessionsShape:
    """List the sessions, newest first."""

    def listed() -> list[SessionShape]:
        people = {person.id: person for person in here.store.people()}
        recordings = here.store.recordings()
        return [
            _shape(here, row, people[row.person_id], recordings.get)
            for row in here.store.sessions(state)
        ]

    return SessionsShape(sessions=await asyncio.to_thread(listed))


@router.get("/sessions/{id}")
async def session(id: str, _caller: SignedIn, here: Here) -> SessionShape:
    """Describe one session."""
    return await described(here, await asyncio.to_thread(here.store.session, id))


@router.post("/sessions/{id}/stop")
async def stop(id: str, _caller: SignedIn, here: Here) -> SessionShape:
    """End a session; answered once its last record is safe on disk."""
    return await described(here, await here.conductor.stop(id))


@router.post("/sessions/{id}/ratings", status_code=201)
async def rate(id: str, body: RatingBody, caller: SignedIn, here: Here) -> IdShape:
    """Keep a rating; answered once it is safe on disk."""
    return IdShape(
        id=await here.conductor.entries.rate(id, body.rating(), by=caller.role)
    )


@router.get("/sessions/{id}/ratings")
async def ratings(id: str, _caller: SignedIn, here: Here) -> RatingsShape:
    """List a session's ratings."""
    await asyncio.to_thread(here.store.session, id)
    rows = await asyncio.to_thread(here.store.ratings, id)
    return RatingsShape(ratings=[RatingShape.of(row) for row in rows])


@router.post("/sessions/{id}/events", status_code=201)
async def enter(id: str, body: EventBody, caller: SignedIn, here: Here) -> IdShape:
    """Log a mark, a phase or a note; answered once it is safe on disk."""
    if body.type in SCALES:
        raise Problem(
            422,
            f"'{body.type}' is a rating.",
            "Send it to .../ratings, so that it is kept with its question.",
        )
    return IdShape(
        id=await here.conductor.entries.enter(
            id,
            by=caller.role,
            type=body.type,
            value=body.value,
            unit=body.unit,
            text=body.text,
            at_ms=body.at_ms,
            corrects=body.corrects,
        )
    )


@router.put("/sessions/{id}/pacer", status_code=202)
async def pace(id: str, body: PacerBody, caller: SignedIn, here: Here) -> Response:
    """Ask for another pace; it takes effect at the next breath."""
    await asyncio.to_thread(here.store.session, id)
    await here.conductor.live(id).pace(by=caller.role, **body.model_dump())
    return Response(status_code=202)


@router.get("/sessions/{id}/recording", response_class=FileResponse)
async def recording(id: str, _caller: SignedIn, here: Here) -> FileResponse:
    """Hand out the recording of a session that has ended."""
    path = await here.conductor.recording_path(id)
    return FileResponse(
        path, media_type="application/vnd.mcap", filename=f"{path.stem}.mcap"
    )


@router.get("/sessions/{id}/summary")
async def summary(id: str, _caller: SignedIn, here: Here) -> Response:
    """Hand out the summary of a session that has ended."""
    return Response(await here.conductor.summary(id), media_type="application/json")


@router.post("/sessions/{id}/replay", status_code=201)
async def replay(
    id: str, body: ReplayBody, _caller: SignedIn, here: Here
) -> SessionShape:
    """Show a session again, as a session of its own."""
    return await described(here, await here.conductor.replay(id, body.speed))


async def described(here: Context, row: SessionRow) -> SessionShape:
    """Return what may be told of a session."""

    def ask() -> SessionShape:
        person = here.store.person(row.person_id)
        return _shape(here, row, person, here.store.recording)

    return await asyncio.to_thread(ask)


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
        signals=here.conductor.signals(row.id),
    )
