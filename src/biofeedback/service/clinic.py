"""The clinic that this computer has joined, and the copies that it may keep."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from biofeedback.service.at_home.home import AtClinic
from biofeedback.service.consent_texts import COPY_CURRENT
from biofeedback.service.consents import LONGEST_DAYS, NS_PER_DAY
from biofeedback.service.context import Here, SignedIn
from biofeedback.service.problems import Problem
from biofeedback.service.shapes import Body, instant

router = APIRouter(tags=["consent"])


class CopyBody(Body):
    """For how many days copies may be kept; ``null`` ends it.

    ``text_version`` is that of the words which were on screen.
    """

    days: Annotated[int, Field(ge=1, le=LONGEST_DAYS)] | None
    text_version: str | None = None


class CopyShape(BaseModel):
    """That copies may be kept; ``id`` is the number of the receipt.

    Of practices that began at ``since`` or later.
    """

    id: str
    since: datetime
    granted_at: datetime
    expires_at: datetime
    text_version: str


class ClinicShape(BaseModel):
    """The clinic, and how things stand.

    ``connected``: it can be reached now. ``copies``: it may keep copies. ``waiting`` is
    how many practices that have ended are still to be sent (``null`` until the clinic
    has said what it has), ``sent_at`` when something was sent last. ``trouble`` says
    why it cannot be reached as things are, or keeps nothing. ``let_in``: it has not
    ended this home. ``misused``: something held there that nobody allowed here; it was
    ended.
    """

    id: str
    name: str
    home: str
    connected: bool
    copies: CopyShape | None
    waiting: int | None
    sent_at: datetime | None
    trouble: str | None
    let_in: bool
    misused: bool

    @classmethod
    def of(cls, now: AtClinic) -> ClinicShape:
        """Return how things stand, for the page."""
        copies = None
        if now.copies is not None:
            row = now.copies.consent
            copies = CopyShape(
                id=row.id,
                since=instant(now.copies.since_utc_ns),
                granted_at=instant(row.granted_at_utc_ns),
                expires_at=instant(row.expires_at_utc_ns),
                text_version=row.text_version,
            )
        sent_ns = now.progress.sent_at_utc_ns
        return cls(
            id=now.clinic.id,
            name=now.clinic.name,
            home=now.clinic.home_id,
            connected=now.connected,
            copies=copies,
            waiting=now.progress.n_waiting,
            sent_at=None if sent_ns is None else instant(sent_ns),
            trouble=now.trouble or None,
            let_in=now.is_let_in,
            misused=now.was_misused,
        )


class JoinedShape(BaseModel):
    """The clinic that was joined; ``null`` where none was."""

    clinic: ClinicShape | None


@router.get("/clinic")
async def clinic(_caller: SignedIn, here: Here) -> JoinedShape:
    """Say which clinic this computer has joined, and how things stand."""
    now = here.at_home.now
    return JoinedShape(clinic=None if now is None else ClinicShape.of(now))


@router.put("/clinic/copy")
async def copy(body: CopyBody, caller: SignedIn, here: Here) -> JoinedShape:
    """Let the clinic keep copies for so many days, or no longer.

    Nothing is sent any more from the moment it is taken back, connected or not.
    """
    if not caller.everything:
        raise Problem(403, "This is for one person's own computer.", "Go back.")
    now = here.at_home.now
    if now is None:
        raise Problem(
            404, "This computer has joined no clinic.", "Your clinic can help you join."
        )
    copying = here.at_home.copying
    if body.days is None:
        if copying is None:
            await asyncio.to_thread(here.store.clinics.end_copies, now.clinic.home_id)
        else:
            await copying.end()
        await here.audit.note(
            caller,
            "copy.revoke",
            person_id=caller.person.id,
            object_id=None if now.copies is None else now.copies.consent.id,
        )
        return await clinic(caller, here)
    if body.text_version not in (None, COPY_CURRENT):
        raise Problem(409, "These words have changed.", "Read the new ones first.")
    if copying is None:
        raise Problem(
            409, "This cannot be sent to your clinic now.", "Ask them for a new ticket."
        )
    row = await copying.allow(
        caller.person.id,
        expires_at_utc_ns=here.store.now_ns() + body.days * NS_PER_DAY,
        text_version=COPY_CURRENT,
    )
    await here.audit.note(
        caller, "copy.grant", person_id=caller.person.id, object_id=row.id
    )
    return await clinic(caller, here)
