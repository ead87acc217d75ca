"""What every way of signing in does alike: hold up who tries too often, set a cookie.

All refusals of one kind are one sentence, so nobody learns which names there are.
"""

from __future__ import annotations

import asyncio
from typing import NoReturn

from starlette.requests import HTTPConnection
from starlette.responses import Response

from biofeedback.service.context import Context
from biofeedback.service.inviting import about
from biofeedback.service.passkeys import Site, site_of
from biofeedback.service.problems import Problem
from biofeedback.service.shapes import MeShape, PersonShape
from biofeedback.service.sign_ins import NS_PER_S, Caller, absolute_limit_s, sha256
from biofeedback.store import AccountRow, Person, Purpose, Role


def address_of(connection: HTTPConnection) -> str | None:
    """Return where a request comes from."""
    return None if connection.client is None else connection.client.host


def now_s(here: Context) -> float:
    """Return the time by which attempts are counted."""
    return here.store.now_ns() / NS_PER_S


def site(connection: HTTPConnection) -> Site:
    """Return where passkeys of this page belong.

    Raises
    ------
    Problem
        With status 409, when browsers make none at this address.
    """
    found = _site(connection)
    if found is None:
        raise Problem(
            409,
            "Passkeys do not work at this address.",
            "Open the page by its name, not its number. On this computer that is "
            "'http://localhost:8765'.",
        )
    return found


def has_passkeys(connection: HTTPConnection) -> bool:
    """Say whether browsers make passkeys at this address."""
    return _site(connection) is not None


def _site(connection: HTTPConnection) -> Site | None:
    here: Context = connection.app.state.context
    # The guard has let only names pass that are this service's own.
    return site_of(here.settings.scheme, connection.headers["host"])


async def count_attempt(
    here: Context, connection: HTTPConnection, action: str, name: str | None = None
) -> None:
    """Count that somebody tries to come in.

    Raises
    ------
    Problem
        With status 429, when they must wait before the next time.
    """
    held_up = here.limits.attempt(address_of(connection), name, now_s=now_s(here))
    if held_up is None:
        return
    if held_up.is_first:  # a flood must not become one of the audit too
        await here.audit.note(
            None, f"{action}.held_up", outcome="refused", origin=address_of(connection)
        )
    raise Problem(
        429,
        "That was tried too often.",
        f"Wait {_duration(held_up.retry_after_s)}, then try again.",
        retry_after_s=held_up.retry_after_s,
    )


def give_back(
    here: Context, connection: HTTPConnection, name: str | None = None
) -> None:
    """Count an attempt no longer: it was right."""
    here.limits.was_right(address_of(connection), name, now_s=now_s(here))


async def refuse(
    here: Context,
    connection: HTTPConnection,
    action: str,
    problem: Problem,
    account: AccountRow | None = None,
) -> NoReturn:
    """Write down that somebody was refused, and refuse.

    Raises
    ------
    Problem
        Always.
    """
    await here.audit.note(
        None,
        action,
        outcome="refused",
        origin=address_of(connection),
        **about(account),
    )
    raise problem


async def enter(
    here: Context,
    connection: HTTPConnection,
    response: Response,
    account: AccountRow,
    action: str,
) -> MeShape:
    """Sign somebody in who has shown who they are: a new cookie, and the old one void.

    Raises
    ------
    StoreError
        When the sign-in could not be kept.
    """
    person = await asyncio.to_thread(here.store.person, account.person_id)
    cookie = await asyncio.to_thread(here.sign_ins.enter, account)
    await leave(here, connection)
    set_cookie(here, response, cookie, account.role)
    caller = Caller(person=person, sign_in=sha256(cookie), account=account, shared=True)
    await here.audit.note(caller, action, origin=address_of(connection))
    return me(here, caller)


async def leave(here: Context, connection: HTTPConnection) -> None:
    """Make the cookie that came with a request void, and what is open by it."""
    if (cookie := connection.cookies.get(here.cookie)) is not None:
        token_sha256 = sha256(cookie)
        await asyncio.to_thread(here.sign_ins.revoke, token_sha256)
        here.sign_ins.dismiss(token_sha256)


def me(here: Context, caller: Caller) -> MeShape:
    """Return who is signed in."""
    account = caller.account
    return MeShape(
        person=PersonShape.of(caller.person),
        role=caller.role.value,
        code=None if account is None else account.code,
        name=None if account is None else account.name,
        display=None if account is None else account.display,
        shared=caller.shared,
        shares=_shares(here, caller.person),
        joined=here.at_home.joined,
    )


def _shares(here: Context, person: Person) -> bool:
    consents = here.consents.of_person(person.id)
    return any(one.purpose is Purpose.LIVE for one in consents)


def set_cookie(here: Context, response: Response, cookie: str, role: Role) -> None:
    """Hand a browser its cookie, shut away from scripts and other sites."""
    response.set_cookie(
        here.cookie,
        cookie,
        max_age=absolute_limit_s(role),
        path="/",
        httponly=True,
        samesite="strict",
        secure=here.settings.https,
    )


def drop_cookie(here: Context, response: Response) -> None:
    """Let a browser forget its cookie."""
    response.delete_cookie(
        here.cookie,
        path="/",
        httponly=True,
        samesite="strict",
        secure=here.settings.https,  # else '__Host-' would not let it go
    )


def _duration(seconds: int) -> str:
    if seconds < 60:
        return "1 second" if seconds == 1 else f"{seconds} seconds"
    minutes = -(-seconds // 60)
    return "1 minute" if minutes == 1 else f"{minutes} minutes"
