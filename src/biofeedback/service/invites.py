"""Inviting people, and what they do with the link."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response

from biofeedback.errors import NotSoError
from biofeedback.service.access import Inviter
from biofeedback.service.account_shapes import (
    AcceptBody,
    InviteBody,
    InviteShape,
    InvitesShape,
    LookBody,
    LookShape,
    MadeInviteShape,
    role_of,
)
from biofeedback.service.context import Context, Here
from biofeedback.service.entering import (
    count_attempt,
    enter,
    give_back,
    has_passkeys,
    refuse,
)
from biofeedback.service.inviting import (
    InviteState,
    checked_display,
    checked_name,
    invite,
    link,
    state_of,
)
from biofeedback.service.passwords import check_password
from biofeedback.service.problems import Problem
from biofeedback.service.shapes import MeShape, instant
from biofeedback.service.sign_ins import Caller, sha256
from biofeedback.store import AccountRow, InviteRow, Role

router = APIRouter(tags=["accounts"])


def _not_good() -> Problem:
    return Problem(
        404,
        "This invitation has been used already, or is too old.",
        "Ask whoever sent it for a new one.",
    )


async def _open_invite(
    here: Context, request: Request, token: str, action: str
) -> InviteRow:
    await count_attempt(here, request, action)
    row = await asyncio.to_thread(here.store.accounts.invite, sha256(token))
    if row is None or state_of(row, here.store.now_ns()) is not InviteState.OPEN:
        await refuse(here, request, action, _not_good())
    give_back(here, request)
    return row


@router.post("/invites/look")
async def look(body: LookBody, request: Request, here: Here) -> LookShape:
    """Say what an invite is for; it is not used up."""
    row = await _open_invite(here, request, body.token, "invite.look")
    accounts = {one.id: one for one in await asyncio.to_thread(here.store.accounts.all)}
    inviter, renewed = (
        accounts.get(id or "") for id in (row.created_by, row.account_id)
    )
    return LookShape(
        role=role_of(row.role),
        invited_by=None if inviter is None else inviter.display,
        expires_at=instant(row.expires_at_utc_ns),
        for_account=row.account_id is not None,
        name=None if renewed is None else renewed.name,
    )


@router.post("/invites/accept")
async def accept(
    body: AcceptBody, request: Request, response: Response, here: Here
) -> MeShape:
    """Make the account an invite is for, or give one new credentials; sign in.

    Of two who do so at the same moment, one wins. An invite stays good when something
    is wrong with the name or the password.
    """
    row = await _open_invite(here, request, body.token, "invite.accept")
    if body.password is None and not has_passkeys(request):
        raise Problem(
            422,
            "An account needs a password here.",
            "Passkeys do not work at this address; choose a password.",
        )
    if row.account_id is None:
        account = await _new_account(here, row, body)
    else:
        account = await _renewed(here, row, row.account_id, body)
    return await enter(here, request, response, account, "invite.accept")


async def _new_account(here: Context, row: InviteRow, body: AcceptBody) -> AccountRow:
    if body.name is None or body.display is None:
        raise Problem(
            422,
            "A new account needs a name.",
            "Give 'name' to sign in with, and 'display' as others see it.",
        )
    name, display = checked_name(body.name), checked_display(body.display)
    kept = await _hashed(here, body.password, name, display)
    accounts = here.store.accounts
    try:
        account = await asyncio.to_thread(
            lambda: accounts.add(
                name=name,
                display=display,
                role=row.role,
                password_hash=kept,
                person_id=row.person_id,
                invite_id=row.id,
            )
        )
    except NotSoError as error:
        if await asyncio.to_thread(accounts.named, name) is not None:
            raise Problem(
                409,
                "This name is taken.",
                "Choose another one; the invitation is still good.",
                reason="name_taken",
            ) from error
        raise _not_good() from error
    here.sign_ins.become_shared()
    return account


async def _renewed(
    here: Context, row: InviteRow, account_id: str, body: AcceptBody
) -> AccountRow:
    accounts = here.store.accounts
    account = await asyncio.to_thread(accounts.get, account_id)
    kept = await _hashed(here, body.password, account.name, account.display)
    open_before = await asyncio.to_thread(credentials_of, here, account_id)
    try:
        await asyncio.to_thread(
            lambda: accounts.renew(account_id, kept, invite_id=row.id)
        )
    except NotSoError as error:
        raise _not_good() from error
    here.sign_ins.dismiss(*open_before)
    return await asyncio.to_thread(accounts.get, account_id)


async def _hashed(here: Context, password: str | None, *names: str) -> str | None:
    if password is None:
        return None
    check_password(password, *names)
    return await here.passwords.hash(password)


def credentials_of(here: Context, account_id: str) -> tuple[str, ...]:
    """Return what is void when an account ends or is renewed, as it is watched."""
    tokens = here.store.accounts.tokens()
    return (
        *here.store.sign_ins_of_account(account_id),
        *(one.token_sha256 for one in tokens if one.account_id == account_id),
    )


@router.post("/invites", status_code=201)
async def make(
    body: InviteBody, caller: Inviter, request: Request, here: Here
) -> MadeInviteShape:
    """Invite somebody; therapists invite patients, whom they do not know here yet."""
    role = Role(body.role)
    if caller.role is Role.THERAPIST and (role is not Role.PATIENT or body.person):
        raise Problem(
            403,
            "Therapists invite patients who are new here.",
            "Ask an administrator to invite others.",
        )
    try:
        row, token = await asyncio.to_thread(
            lambda: invite(here.store, role, person_id=body.person, by=caller.account)
        )
    except NotSoError as error:
        raise Problem(409, error.message, error.advice) from error
    await here.audit.note(
        caller, "invite.make", person_id=body.person, object_id=body.role
    )
    return await made(here, request, row, token)


async def made(
    here: Context, request: Request, row: InviteRow, token: str
) -> MadeInviteShape:
    """Return a new invite with its link, told this once."""
    url = f"{here.settings.scheme}://{request.headers['host']}"
    (shape,) = await _shaped(here, row)
    return MadeInviteShape(invite=shape, token=token, url=link(url, token))


@router.get("/invites")
async def invites(caller: Inviter, here: Here) -> InvitesShape:
    """List invites, newest first: a therapist's own, an administrator's all."""
    rows = await asyncio.to_thread(here.store.accounts.invites)
    mine = [row for row in rows if _may_see(caller, row)]
    return InvitesShape(invites=await _shaped(here, *mine))


@router.post("/invites/{id}/revoke")
async def revoke(id: str, caller: Inviter, here: Here) -> InviteShape:
    """Make an invite void; one that was used stays as it is."""
    rows = await asyncio.to_thread(here.store.accounts.invites)
    found = next((row for row in rows if row.id == id and _may_see(caller, row)), None)
    if found is None:
        raise Problem(404, "There is no such invitation.", "Choose one of the list.")
    if state_of(found, here.store.now_ns()) is InviteState.OPEN:
        await asyncio.to_thread(here.store.accounts.revoke_invite, id)
        await here.audit.note(caller, "invite.revoke", object_id=found.role)
    rows = await asyncio.to_thread(here.store.accounts.invites)
    (shape,) = await _shaped(here, *(row for row in rows if row.id == id))
    return shape


def _may_see(caller: Caller, row: InviteRow) -> bool:
    if caller.role is not Role.THERAPIST:
        return True
    return caller.account is not None and row.created_by == caller.account.id


async def _shaped(here: Context, *rows: InviteRow) -> list[InviteShape]:
    def shaped() -> list[InviteShape]:
        accounts = {one.id: one for one in here.store.accounts.all()}
        people = {one.id: one for one in here.store.people()}
        now_ns = here.store.now_ns()
        return [InviteShape.of(row, accounts, people, now_ns) for row in rows]

    return await asyncio.to_thread(shaped)
