"""The audit over HTTP: all of it for administrators, one's own part for everybody."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel

from biofeedback.service.access import Admin
from biofeedback.service.context import Here, SignedIn
from biofeedback.service.shapes import EPOCH
from biofeedback.store import AuditRow, Role, Store
from biofeedback.store.accounts import CODE_LENGTH, CODE_SIGNS
from biofeedback.store.audit import tag

router = APIRouter(tags=["audit"])

MOST_ROWS = 1000
OWNERS = frozenset({Role.OWNER.value, Role.PROGRAM.value})
"""Who stands for the person themself where nobody has an account."""

CODE = re.compile(rf"[A-Z]-[{CODE_SIGNS}]{{{CODE_LENGTH}}}")


class ByShape(BaseModel):
    """Who it was; ``code`` is null for somebody without one.

    ``display`` is ``you`` for whoever asks, and tells the role of who is not here any
    more.
    """

    code: str | None
    display: str
    role: str


class LookShape(BaseModel):
    """That somebody saw or did something about the person who asks."""

    at: datetime
    by: ByShape
    action: str
    outcome: Literal["ok", "refused"]


class LooksShape(BaseModel):
    """Who looked, newest first."""

    looks: list[LookShape]


class AuditRowShape(BaseModel):
    """One row; ``actor`` is a code, a role, or a patient's keyed hash."""

    seq: int
    at: datetime
    actor: str
    role: str
    action: str
    subject: str | None
    object: str | None
    origin: str | None
    outcome: Literal["ok", "refused"]


class AuditShape(BaseModel):
    """The newest rows, newest first, and whether the whole chain holds."""

    rows: list[AuditRowShape]
    n_rows: int
    whole: bool
    broken_seq: int | None
    head: str


@router.get("/looks")
async def looks(
    caller: SignedIn,
    here: Here,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 100,
) -> LooksShape:
    """Tell who saw or did what about the person who asks."""
    mine = caller.person.id
    own = OWNERS if caller.everything else frozenset[str]()
    found = await asyncio.to_thread(_about, here.store, mine, limit, own)
    return LooksShape(looks=found)


@router.get("/audit")
async def audit(
    _admin: Admin,
    here: Here,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 100,
) -> AuditShape:
    """List the newest rows of the audit, and say whether its chain is whole."""
    store = here.store
    rows = await asyncio.to_thread(store.audit.newest, limit)
    verdict = await asyncio.to_thread(here.audit.verify)
    return AuditShape(
        rows=[
            AuditRowShape(
                seq=row.seq,
                at=_at(row),
                actor=row.actor,
                role=row.role,
                action=row.action,
                subject=row.subject,
                object=row.object,
                origin=row.origin,
                outcome=row.outcome,
            )
            for row in rows
        ],
        n_rows=verdict.n_rows,
        whole=verdict.whole,
        broken_seq=verdict.broken_seq,
        head=verdict.head,
    )


def _about(
    store: Store, person_id: str, limit: int, owners: frozenset[str]
) -> list[LookShape]:
    known = {account.code: account for account in store.accounts.all()}
    key = store.audit.key_of(person_id)
    found = []
    for row in store.audit.about(person_id, limit):
        account = known.get(row.actor)
        own = row.actor in owners or (
            key is not None and row.actor == tag(key, person_id)
        )
        if own or (account is not None and account.person_id == person_id):
            by = ByShape(code=None, display="you", role=row.role)
        elif account is not None:
            by = ByShape(code=account.code, display=account.display, role=row.role)
        elif CODE.fullmatch(row.actor):
            gone = f"a former {row.role}"
            by = ByShape(code=row.actor, display=gone, role=row.role)
        else:
            by = ByShape(code=None, display=row.role, role=row.role)
        found.append(
            LookShape(at=_at(row), by=by, action=row.action, outcome=row.outcome)
        )
    return found


def _at(row: AuditRow) -> datetime:
    return EPOCH + timedelta(microseconds=row.at_utc_ns // 1000)
