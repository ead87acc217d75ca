"""Looking after accounts: who has one, new credentials, and the end of it."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request

from biofeedback.errors import NotSoError
from biofeedback.service.access import Admin
from biofeedback.service.account_shapes import (
    AccountShape,
    AccountsShape,
    MadeInviteShape,
)
from biofeedback.service.context import Context, Here
from biofeedback.service.invites import credentials_of, made
from biofeedback.service.inviting import about, renewal
from biofeedback.service.problems import Problem
from biofeedback.service.turning_out import turn_out
from biofeedback.store import AccountRow

router = APIRouter(prefix="/accounts", tags=["accounts"])


@router.get("")
async def accounts(caller: Admin, here: Here) -> AccountsShape:
    """List every account, the oldest first."""
    rows = await asyncio.to_thread(here.store.accounts.all)
    await here.audit.note(caller, "account.list")
    return AccountsShape(accounts=await asyncio.to_thread(_shaped, here, rows))


@router.post("/{id}/revoke")
async def revoke(id: str, caller: Admin, here: Here) -> AccountShape:
    """End an account for ever: everything that lets it in is void, at once.

    So is what its person consented to, and their live sessions end.
    """
    row = await asyncio.to_thread(here.store.accounts.get, id)
    void = await asyncio.to_thread(credentials_of, here, id)
    try:
        await asyncio.to_thread(here.store.accounts.revoke, id)
    except NotSoError as error:
        raise Problem(409, error.message, error.advice) from error
    here.sign_ins.dismiss(*void)
    await here.consents.reread()
    await turn_out(here, {row.person_id})
    await here.audit.note(caller, "account.revoke", **about(row))
    row = await asyncio.to_thread(here.store.accounts.get, id)
    (shape,) = await asyncio.to_thread(_shaped, here, (row,))
    return shape


@router.post("/{id}/reset", status_code=201)
async def reset(
    id: str, caller: Admin, request: Request, here: Here
) -> MadeInviteShape:
    """Make a link for new credentials; the old ones are good until it is used."""
    row = await asyncio.to_thread(here.store.accounts.get, id)
    try:
        invite, token = await asyncio.to_thread(
            lambda: renewal(here.store, row, by=caller.account)
        )
    except NotSoError as error:
        raise Problem(409, error.message, error.advice) from error
    await here.audit.note(caller, "account.reset", **about(row))
    return await made(here, request, invite, token)


def _shaped(here: Context, rows: tuple[AccountRow, ...]) -> list[AccountShape]:
    people = {one.id: one for one in here.store.people()}
    seen = here.store.accounts.last_seen()
    return [
        AccountShape.of(
            row,
            people[row.person_id],
            n_passkeys=len(here.store.accounts.passkeys(row.id)),
            last_seen_utc_ns=seen.get(row.id),
        )
        for row in rows
    ]
