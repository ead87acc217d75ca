"""Consent over HTTP: given, read and taken back by the person it is about."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from biofeedback.service.access import PURPOSES
from biofeedback.service.consent_texts import CURRENT, TEXTS
from biofeedback.service.context import Here, SignedIn
from biofeedback.service.problems import Problem
from biofeedback.service.shapes import Body, instant
from biofeedback.store import (
    AccountRow,
    ConsentRow,
    Purpose,
    Role,
    Store,
    Stream,
)

router = APIRouter(tags=["consent"])

NS_PER_DAY = 86_400 * 1_000_000_000
LONGEST_DAYS = 365

AccountId = Annotated[str, Field(min_length=1, max_length=26)]


class GrantBody(Body):
    """One stream, for one purpose."""

    stream: Stream
    purpose: Purpose


class ConsentBody(Body):
    """What somebody agrees to: who may have what for so many days.

    ``text_version`` is that of the words which were on screen.
    """

    account: AccountId
    grants: Annotated[list[GrantBody], Field(min_length=1, max_length=12)]
    days: Annotated[int, Field(ge=1, le=LONGEST_DAYS)]
    text_version: str | None = None


class RevokeBody(Body):
    """What is taken back: one consent, all to one account, or everything."""

    account: AccountId | None = None
    id: Annotated[str, Field(min_length=1, max_length=26)] | None = None


class AccountShape(BaseModel):
    """Who it is, for those who may know."""

    account: str
    code: str
    display: str
    role: Role

    @classmethod
    def of(cls, account: AccountRow) -> AccountShape:
        """Return what may be told of an account."""
        return cls(
            account=account.id,
            code=account.code,
            display=account.display,
            role=account.role,
        )


class GranteeShape(AccountShape):
    """Somebody whom one can let see something."""

    invited_you: bool


class GranteesShape(BaseModel):
    """Everybody whom one can let see something."""

    grantees: list[GranteeShape]


class ConsentShape(BaseModel):
    """One consent, and whether it still holds."""

    id: str
    receipt: str
    account: AccountShape
    stream: Stream
    purpose: Purpose
    granted_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    text_version: str
    state: Literal["active", "expired", "revoked"]


class ConsentsShape(BaseModel):
    """What a person ever agreed to, newest first."""

    consents: list[ConsentShape]


class ReceiptShape(ConsentsShape):
    """What a person has just agreed to."""

    receipt: str


class RevokedShape(BaseModel):
    """How many consents held until now."""

    n: int


class TextShape(BaseModel):
    """The words of one version."""

    version: str
    streams: dict[Stream, str]
    purposes: dict[Purpose, str]
    always: list[str]


@router.get("/consents/text")
async def text(_caller: SignedIn, version: str = CURRENT) -> TextShape:
    """Hand out the words that were agreed to."""
    if version not in TEXTS:
        raise Problem(
            404, "There is no such version of these words.", "Leave the version out."
        )
    words = TEXTS[version]
    return TextShape(
        version=version,
        streams=dict(words.streams),
        purposes=dict(words.purposes),
        always=list(words.always),
    )


@router.get("/consents/grantees")
async def grantees(caller: SignedIn, here: Here) -> GranteesShape:
    """List whom one can let see something: therapists and researchers here."""

    def listed() -> list[GranteeShape]:
        mine = caller.account and here.store.accounts.inviter_of(caller.account.id)
        return [
            GranteeShape(
                **AccountShape.of(account).model_dump(), invited_you=account.id == mine
            )
            for account in here.store.accounts.all()
            if _can_be_given(account, caller.person.id)
        ]

    return GranteesShape(grantees=await asyncio.to_thread(listed))


@router.get("/consents")
async def consents(caller: SignedIn, here: Here) -> ConsentsShape:
    """List what one ever agreed to."""
    rows, known = await asyncio.to_thread(
        lambda: (
            here.store.consents.of_person(caller.person.id),
            _by_id(here.store),
        )
    )
    return ConsentsShape(consents=_shapes(rows, known, here.store.now_ns()))


@router.post("/consents", status_code=201)
async def grant(body: ConsentBody, caller: SignedIn, here: Here) -> ReceiptShape:
    """Let somebody see something of oneself; the answer is the receipt.

    What that account had for one of these purposes ends with it.
    """
    if body.text_version not in (None, CURRENT):
        raise Problem(409, "These words have changed.", "Read the new ones first.")
    known = await asyncio.to_thread(_by_id, here.store)
    account = known.get(body.account)
    if account is None or not _can_be_given(account, caller.person.id):
        raise Problem(404, "There is no such account.", "Choose one of the grantees.")
    allowed = PURPOSES.get(account.role, frozenset())
    grants = tuple((one.stream, one.purpose) for one in body.grants)
    if any(purpose not in allowed for _, purpose in grants):
        raise Problem(
            422,
            f"A {account.role.value} cannot be given this.",
            f"Choose of {', '.join(sorted(allowed))}.",
        )
    now_ns = here.store.now_ns()
    rows = await here.consents.grant(
        person_id=caller.person.id,
        account_id=account.id,
        grants=grants,
        expires_at_utc_ns=now_ns + body.days * NS_PER_DAY,
        text_version=CURRENT,
    )
    receipt = rows[0].receipt_id
    await here.audit.note(
        caller, "consent.grant", person_id=caller.person.id, object_id=receipt
    )
    return ReceiptShape(receipt=receipt, consents=_shapes(rows, known, now_ns))


@router.post("/consents/revoke")
async def revoke(body: RevokeBody, caller: SignedIn, here: Here) -> RevokedShape:
    """Take consents back. Nothing of what they allowed is sent any more."""
    n = await here.consents.revoke(
        caller.person.id, account_id=body.account, consent_id=body.id
    )
    await here.audit.note(
        caller,
        "consent.revoke",
        person_id=caller.person.id,
        object_id=body.id or body.account,
    )
    return RevokedShape(n=n)


def _can_be_given(account: AccountRow, person_id: str) -> bool:
    return (
        account.role in PURPOSES
        and account.revoked_at_utc_ns is None
        and account.person_id != person_id
    )


def _by_id(store: Store) -> dict[str, AccountRow]:
    return {account.id: account for account in store.accounts.all()}


def _shapes(
    rows: Iterable[ConsentRow], known: Mapping[str, AccountRow], now_utc_ns: int
) -> list[ConsentShape]:
    return [
        ConsentShape(
            id=row.id,
            receipt=row.receipt_id,
            account=AccountShape.of(known[row.account_id]),
            stream=row.stream,
            purpose=row.purpose,
            granted_at=instant(row.granted_at_utc_ns),
            expires_at=instant(row.expires_at_utc_ns),
            revoked_at=None
            if row.revoked_at_utc_ns is None
            else instant(row.revoked_at_utc_ns),
            text_version=row.text_version,
            state=_state(row, now_utc_ns),
        )
        for row in rows
    ]


def _state(row: ConsentRow, now_utc_ns: int) -> Literal["active", "expired", "revoked"]:
    if row.revoked_at_utc_ns is not None:
        return "revoked"
    return "active" if row.holds(now_utc_ns) else "expired"
