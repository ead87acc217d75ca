"""Signing in and out, who is here, and whether the service lives."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response

from biofeedback.errors import NotSoError
from biofeedback.service import passkeys
from biofeedback.service.access import reachable_people
from biofeedback.service.account_shapes import (
    CredentialBody,
    DoorsShape,
    OptionsShape,
    PasswordSignInBody,
)
from biofeedback.service.agreeing import redeem
from biofeedback.service.context import Context, Here, SignedIn
from biofeedback.service.entering import (
    address_of,
    count_attempt,
    drop_cookie,
    enter,
    give_back,
    has_passkeys,
    leave,
    now_s,
    refuse,
    set_cookie,
    site,
)
from biofeedback.service.entering import me as told
from biofeedback.service.inviting import typed_name
from biofeedback.service.passkeys import PasskeyError
from biofeedback.service.problems import Problem
from biofeedback.service.shapes import (
    MeShape,
    PeopleShape,
    PersonShape,
    SignInBody,
)
from biofeedback.service.sharing import rest_sharing
from biofeedback.service.sign_ins import Caller, sha256
from biofeedback.store import AccountRow, PasskeyRow, Role

router = APIRouter(tags=["signing in"])

WRONG_PASSWORD = (
    "This name and password do not belong together.",
    "Check both. Whoever looks after this service can send you a new invitation.",
)
WRONG_PASSKEY = (
    "This passkey does not open this service.",
    "Try another one, or sign in with your password.",
)


@router.get("/doors")
async def doors(request: Request, here: Here) -> DoorsShape:
    """Say how one comes in here."""
    return DoorsShape(shared=here.sign_ins.shared, passkeys=has_passkeys(request))


@router.post("/sign-in")
async def sign_in(
    body: SignInBody, request: Request, response: Response, here: Here
) -> MeShape:
    """Exchange the token of the printed link for a cookie; it works once."""
    await count_attempt(here, request, "sign_in.link")
    exchanged = await asyncio.to_thread(here.sign_ins.exchange, body.token)
    if exchanged is None:
        problem = Problem(
            401,
            "This sign-in link has been used already, or is not one of this service.",
            "Start 'biofeedback run' again: it prints a new link.",
        )
        await refuse(here, request, "sign_in.link", problem)
    give_back(here, request)
    person, cookie = exchanged
    await leave(here, request)
    set_cookie(here, response, cookie, Role.OWNER)
    caller = Caller(person=person, sign_in=sha256(cookie))
    await here.audit.note(caller, "sign_in.link", origin=address_of(request))
    return told(here, caller)


@router.post("/sign-in/password")
async def sign_in_by_password(
    body: PasswordSignInBody, request: Request, response: Response, here: Here
) -> MeShape:
    """Sign in by name and password."""
    here.passwords.check_room()
    name = typed_name(body.name)
    await count_attempt(here, request, "sign_in.password", name)
    account = await asyncio.to_thread(here.store.accounts.named, name)
    if account is not None and account.revoked_at_utc_ns is not None:
        account = None
    kept = None if account is None else account.password_hash
    is_right = await here.passwords.matches(body.password, kept)
    if account is None or kept is None or not is_right:
        problem = Problem(401, *WRONG_PASSWORD)
        await refuse(here, request, "sign_in.password", problem, account)
    give_back(here, request, name)
    if here.passwords.is_dated(kept):
        newer = await here.passwords.hash(body.password)
        await asyncio.to_thread(
            here.store.accounts.keep_password, account.id, old=kept, new=newer
        )
    return await enter(here, request, response, account, "sign_in.password")


@router.post("/sign-in/passkey/options")
async def passkey_options(request: Request, here: Here) -> OptionsShape:
    """Say what a device must sign to prove that it holds a passkey."""
    at = site(request)
    await count_attempt(here, request, "sign_in.passkey")
    challenge = here.challenges.make(now_s=now_s(here))
    return OptionsShape(
        options=await asyncio.to_thread(passkeys.request_options, at, challenge)
    )


@router.post("/sign-in/passkey")
async def sign_in_by_passkey(
    body: CredentialBody, request: Request, response: Response, here: Here
) -> MeShape:
    """Sign in by a passkey; guesses at the password do not hold it up."""
    at = site(request)
    await count_attempt(here, request, "sign_in.passkey")
    challenge = await _answered(here, body)
    account = None
    try:
        account, passkey = await asyncio.to_thread(_holder, here, body)
        sign_count = await asyncio.to_thread(
            passkeys.proven, at, body.credential, challenge, passkey
        )
    except PasskeyError:
        problem = Problem(401, *WRONG_PASSKEY)
        await refuse(here, request, "sign_in.passkey", problem, account)
    for _ in range(2):  # for the question and for its answer
        give_back(here, request)
    await asyncio.to_thread(
        here.store.accounts.use_passkey, passkey.credential_id, sign_count
    )
    return await enter(here, request, response, account, "sign_in.passkey")


async def _answered(here: Context, body: CredentialBody) -> bytes:
    # Where nobody was asked, nothing is written down: a flood would fill the audit.
    try:
        challenge = await asyncio.to_thread(passkeys.challenge_in, body.credential)
    except PasskeyError:
        raise Problem(401, *WRONG_PASSKEY) from None
    if not await redeem(here, challenge):
        raise Problem(401, *WRONG_PASSKEY)
    return challenge


def _holder(here: Context, body: CredentialBody) -> tuple[AccountRow, PasskeyRow]:
    id = body.credential.get("id")
    if not (isinstance(id, str) and id.isascii()):  # it is base64url
        raise PasskeyError("not an id")
    passkey = here.store.accounts.passkey(id)
    if passkey is None:
        raise PasskeyError("not known here")
    try:
        account = here.store.accounts.get(passkey.account_id)
    except NotSoError as error:  # erased just now
        raise PasskeyError("not known here") from error
    if account.revoked_at_utc_ns is not None:
        raise PasskeyError("revoked")
    return account, passkey


@router.post("/sign-out", status_code=204)
async def sign_out(caller: SignedIn, response: Response, here: Here) -> None:
    """Make the cookie void and close this browser's live websockets."""
    if caller.sign_in is not None:
        await asyncio.to_thread(here.sign_ins.revoke, caller.sign_in)
        here.sign_ins.dismiss(caller.sign_in)
        await rest_sharing(here, caller)
        await here.audit.note(caller, "sign_out")
    drop_cookie(here, response)


@router.get("/me")
async def me(caller: SignedIn, here: Here) -> MeShape:
    """Say who is signed in."""
    return told(here, caller)


@router.get("/people")
async def people(caller: SignedIn, here: Here) -> PeopleShape:
    """List the people one may know of, under their pseudonyms."""
    everyone = await reachable_people(here, caller)
    return PeopleShape(people=[PersonShape.of(person) for person in everyone])
