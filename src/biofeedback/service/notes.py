"""Private notes over HTTP: a therapist's own, apart from the record and its exports."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field
from ulid import ULID

from biofeedback.service.access import streams_of
from biofeedback.service.context import Context, Here, SignedIn
from biofeedback.service.problems import Problem
from biofeedback.service.shapes import Body, instant
from biofeedback.service.sign_ins import Caller
from biofeedback.store import AccountRow, NoteRow, Purpose, Role

router = APIRouter(tags=["notes"])

LONGEST_NOTE = 4000

Id = Annotated[str, Field(min_length=1, max_length=26)]


class NoteBody(Body):
    """What is noted about a person, perhaps of one session."""

    person: Id
    session: Id | None = None
    text: Annotated[str, Field(min_length=1, max_length=LONGEST_NOTE)]


class NoteShape(BaseModel):
    """One note."""

    id: str
    person: str
    session: str | None
    at: datetime
    text: str

    @classmethod
    def of(cls, row: NoteRow) -> NoteShape:
        """Return a note as it travels."""
        return cls(
            id=row.id,
            person=row.person_id,
            session=row.session_id,
            at=instant(row.at_utc_ns),
            text=row.text,
        )


class NotesShape(BaseModel):
    """One's own notes about a person, newest first."""

    notes: list[NoteShape]


async def therapist(caller: SignedIn) -> AccountRow:
    """Return the account of the caller, who is a therapist.

    Raises
    ------
    Problem
        With status 403, when it is somebody else.
    """
    if caller.account is None or caller.role is not Role.THERAPIST:
        raise Problem(403, "This is for therapists.", "Go back to the first page.")
    return caller.account


Therapist = Annotated[AccountRow, Depends(therapist)]


@router.get("/notes")
async def notes(
    person: str, mine: Therapist, caller: SignedIn, here: Here
) -> NotesShape:
    """List what one noted about somebody who lets one see something of them."""
    _refuse_stranger(here, caller, person)
    await here.audit.note(caller, "notes.read", person_id=person)
    rows = await asyncio.to_thread(here.store.notes.about, person, account_id=mine.id)
    return NotesShape(notes=[NoteShape.of(row) for row in reversed(rows)])


@router.post("/notes", status_code=201)
async def add(
    body: NoteBody, mine: Therapist, caller: SignedIn, here: Here
) -> NoteShape:
    """Keep a note for oneself."""
    _refuse_stranger(here, caller, body.person)
    if body.session is not None:
        session = await asyncio.to_thread(here.store.find_session, body.session)
        if session is None or session.person_id != body.person:
            raise Problem(
                404, "There is no such session.", "Choose one of this person's."
            )
    note = NoteRow(
        id=str(ULID()),
        person_id=body.person,
        session_id=body.session,
        account_id=mine.id,
        at_utc_ns=here.store.now_ns(),
        text=body.text,
    )
    await here.audit.note(
        caller, "notes.write", person_id=body.person, object_id=note.id
    )
    await asyncio.to_thread(here.store.notes.add, note)
    return NoteShape.of(note)


@router.delete("/notes/{id}", status_code=204)
async def remove(id: str, mine: Therapist, caller: SignedIn, here: Here) -> Response:
    """Remove a note of one's own, whoever it is about."""
    gone = await asyncio.to_thread(here.store.notes.remove, id, account_id=mine.id)
    if gone is None:
        raise Problem(404, "There is no such note.", "Choose one of your own.")
    await here.audit.note(
        caller, "notes.remove", person_id=gone.person_id, object_id=id
    )
    return Response(status_code=204)


def _refuse_stranger(here: Context, caller: Caller, person_id: str) -> None:
    allowed = person_id != caller.person.id and (
        streams_of(here, caller, person_id, Purpose.LIVE)
        or streams_of(here, caller, person_id, Purpose.REPORT)
    )
    if not allowed:
        raise Problem(
            404, "There is no such person.", "Choose one of the people in your room."
        )
