"""Who may what: the one place that says so.

================== ==================== ====================== =====================
what               own                  by consent             where nobody has an
                                                               account: the owner
================== ==================== ====================== =====================
to practise        everybody            nobody                 everything
a live session     the person           therapist, purpose     everything
                                        ``live``, while shared
reports            the person           therapist, ``report``  everything
recordings         the person           researcher,            everything
                                        ``research``,
                                        de-identified
accounts, audit    –                    – (role ``admin``)     everything
================== ==================== ====================== =====================

Whoever may not see a person is not told that there is one: 404, as for what is not
there. A role that lacks a right gets 403.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from biofeedback.service.consenting import EVERY_STREAM, NOTHING
from biofeedback.service.context import (
    Context,
    Here,
    SignedIn,
    context_of,
    identify,
    signed_in,
)
from biofeedback.service.problems import Problem
from biofeedback.service.sign_ins import Caller
from biofeedback.store import Person, Purpose, Role, SessionRow, Stream

PURPOSES = {
    Role.THERAPIST: frozenset({Purpose.LIVE, Purpose.REPORT}),
    Role.RESEARCHER: frozenset({Purpose.RESEARCH}),
}
"""What each role can be given consent for."""


def is_own(caller: Caller, person_id: str) -> bool:
    """Say whether somebody is this person, or everything here is theirs."""
    if caller.operates:
        return False
    return caller.everything or caller.person.id == person_id


def streams_of(
    here: Context, caller: Caller, person_id: str, purpose: Purpose
) -> frozenset[Stream]:
    """Return which streams of a person somebody may have now, for this purpose."""
    if is_own(caller, person_id):
        return EVERY_STREAM
    account = caller.account
    if account is None or purpose not in PURPOSES.get(account.role, ()):
        return NOTHING
    return here.consents.streams(account.id, person_id, purpose)


def no_such_session() -> Problem:
    """Return the answer to whoever may not know of a session, or asks for none."""
    return Problem(
        404, "There is no such session.", "Choose one from the list of sessions."
    )


async def own_session(id: str, caller: SignedIn, here: Here) -> SessionRow:
    """Return the session of the path, which is the caller's own.

    Raises
    ------
    Problem
        With status 404, when it is not, or there is none.
    """
    row = await asyncio.to_thread(here.store.find_session, id)
    if row is None or not is_own(caller, row.person_id):
        raise no_such_session()
    return row


async def seen_session(id: str, caller: SignedIn, here: Here) -> SessionRow:
    """Return the session of the path: one's own, of the reports, or shared now.

    Raises
    ------
    Problem
        With status 404, when it is none of these.
    """
    row = await asyncio.to_thread(here.store.find_session, id)
    if row is None:
        raise no_such_session()
    if streams_of(here, caller, row.person_id, Purpose.REPORT):
        return row
    seen = () if caller.account is None else here.rooms.seen_by(caller.account)
    if row.id not in {live.info.id for live in seen}:
        raise no_such_session()
    return row


async def administrator(caller: SignedIn) -> Caller:
    """Return the caller, who looks after the accounts.

    Raises
    ------
    Problem
        With status 403, when it is somebody else.
    """
    if caller.everything or caller.role is Role.ADMIN:
        return caller
    raise Problem(403, "This is for administrators.", "Ask whoever runs this service.")


def for_roles(*roles: Role) -> Callable[[Caller], Awaitable[Caller]]:
    """Return a dependency: a caller who has one of these roles, or the owner."""

    async def dependency(caller: SignedIn) -> Caller:
        if caller.everything or caller.role in roles:
            return caller
        raise Problem(
            403,
            f"This is for {' and '.join(f'{role.value}s' for role in roles)}.",
            "Go back to the first page.",
        )

    return dependency


async def reachable_people(here: Context, caller: Caller) -> tuple[Person, ...]:
    """Return the people somebody may know of: themselves, and who consented."""
    everyone = await asyncio.to_thread(here.store.people)
    if caller.everything:
        return everyone
    known = {caller.person.id}
    if caller.account is not None:
        allowed = PURPOSES.get(caller.account.role, frozenset())
        known |= {
            row.person_id
            for row in here.consents.of_account(caller.account.id)
            if row.purpose in allowed
        }
    return tuple(person for person in everyone if person.id in known)


async def operator(connection: HTTPConnection) -> Caller:
    """Return the caller, who looks after the service: a program may be that.

    Raises
    ------
    Problem
        With status 401 or 403, when it is somebody else.
    """
    caller = await identify(connection)
    if caller is not None and caller.operates:
        return caller
    return await administrator(await signed_in(connection))


async def reads_figures(connection: HTTPConnection) -> None:
    """Let whoever looks after the service read its figures.

    With the token that the service was started with, the store is not asked: its
    figures matter most while that is away.

    Raises
    ------
    Problem
        With status 401 or 403, when it is somebody else.
    """
    sign_ins = context_of(connection).sign_ins
    if not sign_ins.is_starter(connection.headers.get("authorization")):
        await operator(connection)


Inviter = Annotated[Caller, Depends(for_roles(Role.THERAPIST, Role.ADMIN))]
OwnSession = Annotated[SessionRow, Depends(own_session)]
SeenSession = Annotated[SessionRow, Depends(seen_session)]
Admin = Annotated[Caller, Depends(administrator)]
ReadsFigures = Depends(reads_figures)
