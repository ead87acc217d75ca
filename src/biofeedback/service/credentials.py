"""What somebody signs in with, in their own hands: password, passkeys, browsers."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.exc import IntegrityError

from biofeedback.service import passkeys
from biofeedback.service.account_shapes import (
    NewPasskeyBody,
    OptionsShape,
    PasskeyShape,
    PasskeysShape,
    PasswordBody,
)
from biofeedback.service.agreeing import redeem
from biofeedback.service.context import Context, Here, SignedIn
from biofeedback.service.entering import (
    count_attempt,
    drop_cookie,
    give_back,
    now_s,
    set_cookie,
    site,
)
from biofeedback.service.passkeys import PasskeyError
from biofeedback.service.passwords import check_password
from biofeedback.service.problems import Problem
from biofeedback.service.sharing import rest_sharing
from biofeedback.service.sign_ins import NS_PER_S, Caller
from biofeedback.store import AccountRow, PasskeyRow, StoreError

router = APIRouter(tags=["signing in"])

FRESH_S = 15 * 60
"""How long after signing in a new way in may be made: a browser that was left open must
not become somebody else's for good."""

MOST_PASSKEYS = 20
DEFAULT_LABEL = "Passkey"


async def in_a_browser(caller: SignedIn) -> Caller:
    """Return a caller who signed in to an account by themselves.

    Raises
    ------
    Problem
        With status 403, when a program asks; with 409, where nobody has an account.
    """
    if caller.account is None and not caller.shared:
        raise Problem(
            409,
            "Nobody has an account here.",
            "'biofeedback user add --role admin NAME' makes the first one.",
        )
    if caller.sign_in is None or caller.account is None:
        raise Problem(
            403,
            "A program cannot change what somebody signs in with.",
            "Sign in with a browser.",
        )
    return caller


Myself = Annotated[Caller, Depends(in_a_browser)]


def _mine(caller: Caller) -> AccountRow:
    assert caller.account is not None  # Myself has seen to that
    return caller.account


async def _check_fresh(here: Context, caller: Caller) -> None:
    account = _mine(caller)
    has = await asyncio.to_thread(here.store.accounts.passkeys, account.id)
    if account.password_hash is None and not has:
        return  # signed out, they could never come in again
    row = await asyncio.to_thread(here.store.sign_in, caller.sign_in or "")
    now_ns = here.store.now_ns()
    if row is None or now_ns - row.created_at_utc_ns > FRESH_S * NS_PER_S:
        raise Problem(
            403,
            "You signed in a while ago.",
            "Sign out and in again, then do this within 15 minutes.",
            reason="sign_in_again",
        )


@router.post("/sign-out-everywhere", status_code=204)
async def sign_out_everywhere(caller: Myself, response: Response, here: Here) -> None:
    """Sign this account out of every browser, and close what is open there."""
    account = _mine(caller)
    try:
        void = await asyncio.to_thread(here.store.revoke_sign_ins, account.id)
    except StoreError:  # the disk is full: they are out all the same
        void = await asyncio.to_thread(here.store.sign_ins_of_account, account.id)
        await asyncio.to_thread(here.sign_ins.revoke, *void)
    here.sign_ins.dismiss(*void)
    await rest_sharing(here, caller)
    await here.audit.note(caller, "sign_out.everywhere")
    drop_cookie(here, response)


@router.put("/password", status_code=204)
async def set_password(
    body: PasswordBody, caller: Myself, request: Request, response: Response, here: Here
) -> None:
    """Take another password; every other browser is signed out, this one gets a cookie.

    ``old`` may be left out only where there is none yet, soon after signing in.
    """
    account = _mine(caller)
    check_password(body.new, account.name, account.display)
    here.passwords.check_room()
    if account.password_hash is None:
        await _check_fresh(here, caller)
    else:
        # Counted apart from the name, which strangers may have locked.
        await count_attempt(here, request, "password.change", f"own {account.id}")
        is_right = await here.passwords.matches(body.old or "", account.password_hash)
        if not is_right:
            await here.audit.note(caller, "password.change", outcome="refused")
            raise Problem(
                403,
                "This is not your password until now.",
                "Check it. If it is lost, ask for a new invitation.",
                reason="wrong_password",
            )
        give_back(here, request, f"own {account.id}")
    kept = await here.passwords.hash(body.new)
    await asyncio.to_thread(here.store.accounts.set_password, account.id, kept)
    void = await asyncio.to_thread(here.store.revoke_sign_ins, account.id)
    cookie = await asyncio.to_thread(here.sign_ins.enter, account)
    here.sign_ins.dismiss(*void)
    set_cookie(here, response, cookie, account.role)
    await here.audit.note(caller, "password.change")


@router.get("/passkeys")
async def my_passkeys(caller: Myself, here: Here) -> PasskeysShape:
    """List one's own passkeys, the oldest first."""
    rows = await asyncio.to_thread(here.store.accounts.passkeys, _mine(caller).id)
    return PasskeysShape(passkeys=[PasskeyShape.of(row) for row in rows])


@router.post("/passkeys/options")
async def new_passkey_options(
    caller: Myself, request: Request, here: Here
) -> OptionsShape:
    """Say what a device needs to know to make a passkey, soon after signing in."""
    at, account = site(request), _mine(caller)
    await _check_fresh(here, caller)
    has = await asyncio.to_thread(here.store.accounts.passkeys, account.id)
    if len(has) >= MOST_PASSKEYS:
        raise Problem(
            409, f"You have {len(has)} passkeys already.", "Remove one first."
        )
    challenge = here.challenges.make(account.id, now_s=now_s(here))
    options = await asyncio.to_thread(
        passkeys.creation_options, at, account, has, challenge
    )
    return OptionsShape(options=options)


@router.post("/passkeys", status_code=201)
async def add_passkey(
    body: NewPasskeyBody, caller: Myself, request: Request, here: Here
) -> PasskeyShape:
    """Keep a passkey that this browser or a device beside it has made."""
    at, account = site(request), _mine(caller)
    problem = Problem(
        422,
        "This is not a passkey that was asked for.",
        "Try again; the question is good for five minutes.",
    )
    try:
        challenge = await asyncio.to_thread(passkeys.challenge_in, body.credential)
        if not await redeem(here, challenge, account.id):
            raise problem
        new = await asyncio.to_thread(passkeys.made, at, body.credential, challenge)
    except PasskeyError as error:
        raise problem from error
    if not new.is_verified:
        raise Problem(
            422,
            "This device does not ask who holds it.",
            "Give it a PIN, or use one that knows your face or finger.",
        )
    row = PasskeyRow(
        credential_id=new.credential_id,
        account_id=account.id,
        public_key=new.public_key,
        sign_count=new.sign_count,
        label=" ".join((body.label or "").split()) or DEFAULT_LABEL,
        created_at_utc_ns=here.store.now_ns(),
    )
    try:
        await asyncio.to_thread(here.store.accounts.add_passkey, row)
    except IntegrityError as error:
        raise Problem(
            409, "This passkey is kept already.", "Use another device."
        ) from error
    await here.audit.note(caller, "passkey.add")
    return PasskeyShape.of(row)


@router.delete("/passkeys/{id}", status_code=204)
async def remove_passkey(id: str, caller: Myself, here: Here) -> None:
    """Forget a passkey: a device is lost, or not used any more."""
    account = _mine(caller)
    has = await asyncio.to_thread(here.store.accounts.passkeys, account.id)
    if id not in {one.credential_id for one in has}:
        raise Problem(404, "There is no such passkey.", "Choose one of your list.")
    if len(has) == 1 and account.password_hash is None:
        raise Problem(
            409,
            "This passkey is your only way in.",
            "Add another one or a password first.",
        )
    await asyncio.to_thread(here.store.accounts.remove_passkey, account.id, id)
    await here.audit.note(caller, "passkey.remove")
