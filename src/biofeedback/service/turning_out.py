"""Whose account ended: nothing of theirs goes on, and nobody goes on seeing it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection

from biofeedback.errors import BiofeedbackError
from biofeedback.service.context import Context
from biofeedback.service.problems import Problem

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


async def sweep(here: Context) -> None:
    """End what is open of those whose time is over, or who were turned out.

    The command line may have revoked somebody meanwhile, in the store alone.

    Raises
    ------
    StoreError
        When the store cannot be read.
    """
    await here.sign_ins.sweep()
    revoked = await asyncio.to_thread(here.store.accounts.revoked)
    accounts = {one.id for one in revoked}
    people = {one.person_id for one in revoked}
    if any(
        row.account_id in accounts or row.person_id in people
        for row in here.consents.holding()
    ):
        await here.consents.reread()
    await turn_out(here, people)
