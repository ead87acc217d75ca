"""What is usual for one person: their own practices of the last seven days.

Feedback is relative to this and never absolute: the size of the heart's answer depends
on age and medicines more than on practice (domain facts, B3).
"""

from __future__ import annotations

import asyncio
import statistics
import time

from fastapi import APIRouter
from pydantic import BaseModel

from biofeedback.service.context import Here, SignedIn
from biofeedback.store import Store

DAYS = 7
NS_PER_DAY = 86_400 * 1_000_000_000

router = APIRouter(tags=["practice"])


class UsualShape(BaseModel):
    """A person's own middle of the week; ``None`` where nothing is known.

    ``spread_bpm`` is half of the range that holds the middle half of the practices: 0
    for one practice.
    """

    days: int = DAYS
    n: int
    rsa_bpm: float | None
    spread_bpm: float | None


@router.get("/usual")
async def usual(caller: SignedIn, here: Here, *, simulated: bool = False) -> UsualShape:
    """Say how far this person's heart moved with the breath in the last seven days."""
    return await asyncio.to_thread(
        week_of,
        here.store,
        caller.person.id,
        simulated=simulated,
        now_utc_ns=time.time_ns(),
    )


def week_of(
    store: Store, person_id: str, *, simulated: bool, now_utc_ns: int
) -> UsualShape:
    """Return the median of the week's practices, and how far they lie apart. Blocks.

    A simulated heart is compared with simulated ones alone, and a replay with nothing:
    it is a practice of another time.
    """
    practised = store.practised(person_id)
    found = [
        practised[session.id].rsa_bpm
        for session in store.sessions_of(person_id)
        if session.id in practised
        and session.simulated == simulated
        and session.replay_of is None
        and now_utc_ns - DAYS * NS_PER_DAY < session.started_at_utc_ns <= now_utc_ns
    ]
    known = sorted(rsa_bpm for rsa_bpm in found if rsa_bpm is not None)
    if not known:
        return UsualShape(n=0, rsa_bpm=None, spread_bpm=None)
    if len(known) == 1:
        return UsualShape(n=1, rsa_bpm=round(known[0], 2), spread_bpm=0.0)
    low, middle, high = statistics.quantiles(known, n=4, method="inclusive")
    return UsualShape(
        n=len(known), rsa_bpm=round(middle, 2), spread_bpm=round((high - low) / 2, 2)
    )
