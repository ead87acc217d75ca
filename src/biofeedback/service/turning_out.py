"""Whose account ended: nothing of theirs goes on, and nobody goes on seeing it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from biofeedback.errors import BiofeedbackError
from biofeedback.service.context import Context
from biofeedback.service.leaving import Left
from biofeedback.service.problems import Problem
from biofeedback.service.sharing import rest
from biofeedback.store import StoreError

DOUBTED_AFTER_NS = 60 * 1_000_000_000
"""A node that cannot read the database for so long shows nobody's session to others:
whoever takes a consent back meanwhile must be sure of it."""

ANSWER_LIMIT_S = 20.0
"""A database that stands still raises nothing: so long is waited for it."""

_LOGGER = logging.getLogger(__name__)


async def turn_out(here: Context, person_ids: Collection[str]) -> None:
    """End the live sessions of these people in order: they cannot do so any more."""
    conductor = here.conductor
    for live in conductor.going_on:
        if conductor.person_id(live.info.id) in person_ids:
            try:
                await conductor.stop(live.info.id)
            except (BiofeedbackError, Problem) as error:  # it is over all the same
                _LOGGER.warning("Session %s ended: %s", live.info.id, error)


async def sweep(here: Context, *, limit_s: float = ANSWER_LIMIT_S) -> None:
    """End what is open of those whose time is over, or who were turned out.

    The command line may have revoked somebody meanwhile, in the store alone.

    Raises
    ------
    StoreError
        When the store cannot be read, or does not answer in time.
    """
    try:
        async with _in_time(limit_s):
            await here.sign_ins.sweep()
    finally:
        await turn_out_the_revoked(here, limit_s=limit_s)
    async with _in_time(limit_s):
        await _let_rest(here)


async def turn_out_the_revoked(
    here: Context, *, limit_s: float = ANSWER_LIMIT_S
) -> None:
    """End what is live of those whose account was revoked, and what they let be seen.

    Where other nodes share the store, all that is consented to is read anew.

    Raises
    ------
    StoreError
        When the store cannot be read, or does not answer in time. Where it could not
        for long, nothing that was consented to holds any more: somebody may have taken
        it back.
    """
    try:
        async with _in_time(limit_s):
            people = await _revoked(here)
    except StoreError:
        if here.store.is_shared and here.consents.age_ns >= DOUBTED_AFTER_NS:
            here.consents.doubt()
        raise
    await turn_out(here, people)


async def _revoked(here: Context) -> set[str]:
    if here.store.is_shared:
        await here.consents.refresh()
    revoked = await asyncio.to_thread(here.store.accounts.revoked)
    accounts = {one.id for one in revoked}
    people = {one.person_id for one in revoked}
    if any(
        row.account_id in accounts or row.person_id in people
        for row in here.consents.holding()
    ):
        await here.consents.reread()
    return people


async def _let_rest(here: Context) -> None:
    """Let rest what is shared by those who left where nobody could say so."""
    if not here.store.is_shared:
        return
    rooms = here.rooms
    sharing = {
        rooms.person_id(live)
        for live in here.conductor.going_on
        if rooms.state(live).sharing == "on"
    }
    for person_id in sharing:
        if not await asyncio.to_thread(here.sign_ins.is_in, person_id):
            await rest(here, Left(person_id=person_id, by="person"))


@asynccontextmanager
async def _in_time(limit_s: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(limit_s):
            yield
    except TimeoutError as error:
        raise StoreError(
            "The database does not answer.", "Look at its server and its disk."
        ) from error
