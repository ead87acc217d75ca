"""Reports over HTTP: one session on a page, some weeks on a page, and which there are.

Whoever may see a person's report gets the streams that they were given and nothing
else; a researcher gets it de-identified. Each look at somebody else is in the audit.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from biofeedback.errors import RecordingError
from biofeedback.pipeline import ALGORITHM
from biofeedback.practice.history import History, local_day
from biofeedback.recording.sealed import is_there, lies_at
from biofeedback.report.building import build_session
from biofeedback.report.identity import Identity, Past
from biofeedback.report.trends import Answered, build_trend
from biofeedback.report.values import SessionReport, TrendReport
from biofeedback.report.writing import Format, Written, written
from biofeedback.service.access import is_own, no_such_session, streams_of
from biofeedback.service.cataloguing import quality_of
from biofeedback.service.consenting import NOTHING
from biofeedback.service.context import Context, Here, SignedIn
from biofeedback.service.deidentified import (
    Mask,
    Seen,
    find_person,
    find_seen,
    shown_to,
)
from biofeedback.service.history import MOST_WEEKS, told
from biofeedback.service.library import Library, library_of
from biofeedback.service.problems import Problem
from biofeedback.service.recordings import MAX_READ_BYTES
from biofeedback.service.shapes import EPOCH
from biofeedback.service.sign_ins import Caller
from biofeedback.session.contents import contents_of
from biofeedback.store import (
    PractisedRow,
    Purpose,
    SessionRow,
    SessionState,
    Store,
    Stream,
)

_LOGGER = logging.getLogger(__name__)

router = APIRouter(tags=["reports"])

Books = Annotated[Library, Depends(library_of)]

ENDED = (SessionState.COMPLETE, SessionState.RECOVERED, SessionState.FAILED)
UNKNOWN_CREATION_UTC_NS = 473_385_600 * 1_000_000_000
"""1985-01-01, as in exports: when a report was made would tell when the session was."""

NO_PERSON = "There is no such person."


@dataclass(frozen=True)
class _Reader:
    """Who reads, and what of a person they may have."""

    person_id: str
    streams: frozenset[Stream]
    deidentified: bool


class ReportedShape(BaseModel):
    """A session of which there is a report, or will be once it has ended.

    ``started_at`` is in 1985 where it is de-identified.
    """

    session: str
    started_at: datetime
    minutes: float | None
    state: SessionState
    simulated: bool
    practice: str | None
    symptom: bool | None


class ReportedListShape(BaseModel):
    """Sessions, newest first. ``streams`` are those that are shared."""

    person: str
    streams: list[str]
    sessions: list[ReportedShape]


@router.get("/sessions/{id}/report", response_class=Response)
async def session_report(
    id: str,
    caller: SignedIn,
    here: Here,
    books: Books,
    format: Format = "html",
    free_text: bool = False,
) -> Response:
    """Hand out one session on one page.

    Parameters
    ----------
    format
        ``html``, ``pdf``, ``csv`` or ``json``.
    free_text
        For researchers: with what people typed, where their notes are shared.
    """
    seen = await asyncio.to_thread(_seen, here, caller, id)
    if seen is None:
        raise no_such_session()
    if seen.row.state not in ENDED:
        raise Problem(
            409, "This session has not ended.", "Ask for the report when it has."
        )
    if free_text and not seen.typed:
        raise Problem(
            403,
            "This person does not share what they wrote.",
            "Ask again without 'free_text'.",
        )
    if not is_own(caller, seen.row.person_id):
        await here.audit.note(
            caller, "report", person_id=seen.row.person_id, object_id=seen.row.id
        )
    created_ns = _created_ns(here, seen.mask is not None)

    def made() -> Written:
        report = _session_report(here, caller, seen, free_text)
        return written(report, format, created_at_utc_ns=created_ns)

    return _answer(await books.read(made), f"biofeedback-session.{format}", format)


@router.get("/people/{id}/trend", response_class=Response)
async def trend_report(
    id: str,
    caller: SignedIn,
    here: Here,
    books: Books,
    weeks: Annotated[int, Query(ge=1, le=MOST_WEEKS)] = 8,
    format: Format = "html",
) -> Response:
    """Hand out the last weeks of a person on one page."""
    reader = await asyncio.to_thread(_reader, here, caller, id)
    if not is_own(caller, reader.person_id):
        await here.audit.note(caller, "trend", person_id=reader.person_id)
    created_ns = _created_ns(here, reader.deidentified)

    def made() -> Written:
        report = _trend_report(here.store, id, reader, weeks)
        return written(report, format, created_at_utc_ns=created_ns)

    return _answer(await books.read(made), f"biofeedback-trend.{format}", format)


@router.get("/people/{id}/sessions")
async def reported(id: str, caller: SignedIn, here: Here) -> ReportedListShape:
    """List the sessions of a person of which there are reports, newest first."""
    reader = await asyncio.to_thread(_reader, here, caller, id)
    if not is_own(caller, reader.person_id):
        await here.audit.note(caller, "sessions.list", person_id=reader.person_id)
    return await asyncio.to_thread(_listed, here, caller, id, reader)


# --- Who may see what ------------------------------------------------------------


def _seen(here: Context, caller: Caller, id: str) -> Seen | None:
    """Return a session as it may be reported: own, by consent, or masked. Blocks."""
    found = find_seen(here, caller, id, needs=NOTHING)
    if found is not None:
        return found
    row = here.store.find_session(id)
    if row is None:
        return None
    streams = streams_of(here, caller, row.person_id, Purpose.REPORT)
    return Seen(row=row, streams=streams) if streams else None


def _reader(here: Context, caller: Caller, id: str) -> _Reader:
    """Return what somebody may have of a person, by id or by code. Blocks.

    Raises
    ------
    Problem
        With status 404, when they may have nothing, or nobody is called so.
    """
    coded = find_person(here, caller, id)
    if coded is not None:
        streams = streams_of(here, caller, coded, Purpose.RESEARCH)
        if streams:
            return _Reader(coded, streams, deidentified=True)
    if any(person.id == id for person in here.store.people()):
        streams = streams_of(here, caller, id, Purpose.REPORT)
        if streams:
            return _Reader(id, streams, deidentified=False)
    raise Problem(404, NO_PERSON, "Choose one of the people that are listed.")


def _created_ns(here: Context, deidentified: bool) -> int:
    return UNKNOWN_CREATION_UTC_NS if deidentified else here.store.now_ns()


def _answer(found: Written, name: str, format: Format) -> Response:
    kind = "attachment" if format == "csv" else "inline"
    headers = {"content-disposition": f'{kind}; filename="{name}"'}
    if found.policy is not None:
        headers["content-security-policy"] = found.policy
    return Response(found.content, media_type=found.media_type, headers=headers)


# --- Finding what a report says ---------------------------------------------------


def _session_report(
    here: Context, caller: Caller, seen: Seen, free_text: bool
) -> SessionReport:
    store, row, mask = here.store, seen.row, seen.mask
    practised = store.practised(row.person_id)
    recording = store.recording(row.id)
    path = None if recording is None else store.data / recording.path
    contents, quality = None, None
    if path is not None and row.state is not SessionState.FAILED and is_there(path):
        _refuse_large(path)
        try:
            contents = contents_of(path)
            known = None if recording is None else recording.quality
            quality = quality_of(path) if known is None else known
        except RecordingError as error:  # what the store knows is told all the same
            _LOGGER.warning("A report lacks its recording: %s", type(error).__name__)
    loss = recording.loss if recording is not None else None
    return build_session(
        row,
        contents,
        identity=_identity(store, caller, seen, free_text),
        streams=seen.streams,
        practised=practised.get(row.id),
        quality=quality,
        loss=None if loss is None else loss.sentence,
        ratings=store.ratings(row.id),
        past=_past(store, row) if mask is None or Stream.HEART in seen.streams else (),
        algorithm=ALGORITHM,
    )


def _refuse_large(path: Path) -> None:
    if lies_at(path).stat().st_size > MAX_READ_BYTES:
        raise Problem(
            413,
            f"This recording is larger than {MAX_READ_BYTES >> 20} MiB.",
            "Use 'biofeedback analyze'.",
        )


def _identity(store: Store, caller: Caller, seen: Seen, free_text: bool) -> Identity:
    row, mask = seen.row, seen.mask
    if mask is not None:
        return _masked(mask, free_text)
    return Identity(
        who=store.person(row.person_id).pseudonym,
        session=row.id,
        first_utc_ns=row.started_at_utc_ns,
        reader=caller.by,
    )


def _masked(mask: Mask, free_text: bool) -> Identity:
    return Identity(
        who=mask.person,
        session=mask.session,
        first_utc_ns=mask.first_utc_ns,
        reader=mask.reader,
        deidentified=True,
        free_text=free_text,
    )


def _past(store: Store, row: SessionRow) -> tuple[Past, ...]:
    practised = store.practised(row.person_id)
    found = []
    for session in store.sessions_of(row.person_id):
        known = practised.get(session.id)
        if known is None or known.rsa_bpm is None or session.replay_of is not None:
            continue
        if session.simulated == row.simulated and session.id != row.id:
            found.append(
                Past(
                    started_at_utc_ns=session.started_at_utc_ns,
                    rsa_bpm=known.rsa_bpm,
                )
            )
    return tuple(found)


def _trend_report(store: Store, id: str, reader: _Reader, n_weeks: int) -> TrendReport:
    practised = store.practised(reader.person_id)
    sessions = [
        session
        for session in store.sessions_of(reader.person_id)
        if session.id in practised and session.replay_of is None
    ]
    # A simulated heart stands beside no real one: only where there is nothing else.
    simulated = bool(sessions) and all(session.simulated for session in sessions)
    # Weeks that end today would tell a researcher when they were.
    last = _last_day(sessions, practised) if reader.deidentified else None
    found: History = told(
        store, reader.person_id, n_weeks, simulated=simulated, today=last
    )
    swings = []
    for session in sessions:
        row = practised[session.id]
        if session.simulated == simulated:
            offset_s = row.utc_offset_s or 0
            swings.append(
                Answered(
                    day=local_day(session.started_at_utc_ns, offset_s),
                    at_utc_ns=session.started_at_utc_ns,
                    rsa_bpm=row.rsa_bpm,
                )
            )
    return build_trend(
        found,
        swings,
        who=id if reader.deidentified else store.person(id).pseudonym,
        streams=reader.streams,
        simulated=simulated,
        deidentified=reader.deidentified,
    )


def _last_day(
    sessions: Sequence[SessionRow], practised: Mapping[str, PractisedRow]
) -> date:
    if not sessions:
        return date(1985, 1, 1)
    newest = sessions[-1]
    return local_day(newest.started_at_utc_ns, practised[newest.id].utc_offset_s or 0)


def _listed(
    here: Context, caller: Caller, id: str, reader: _Reader
) -> ReportedListShape:
    store = here.store
    practised = store.practised(reader.person_id)
    sessions = [
        session
        for session in store.sessions_of(reader.person_id)
        if session.replay_of is None
    ]
    masks: dict[str, Mask | None] = {}
    if reader.deidentified:
        for seen in shown_to(here, caller, tuple(sessions), needs=NOTHING):
            masks[seen.row.id] = seen.mask
    shapes = []
    for session in reversed(sessions):
        row, mask = practised.get(session.id), masks.get(session.id)
        ended_ns, started_ns = session.ended_at_utc_ns, session.started_at_utc_ns
        length_ns = None if ended_ns is None else ended_ns - started_ns
        if mask is not None:
            started_ns = mask.utc_ns(started_ns)
        shapes.append(
            ReportedShape(
                session=session.id if mask is None else mask.session,
                started_at=EPOCH + timedelta(microseconds=started_ns // 1000),
                minutes=None if length_ns is None else round(length_ns / 60e9, 1),
                state=session.state,
                simulated=session.simulated,
                practice=(
                    row.practice
                    if row is not None and Stream.BREATHING in reader.streams
                    else None
                ),
                symptom=(
                    (row is not None and row.symptom)
                    if Stream.NOTES in reader.streams
                    else None
                ),
            )
        )
    return ReportedListShape(
        person=id,
        streams=[one.value for one in Stream if one in reader.streams],
        sessions=shapes,
    )
