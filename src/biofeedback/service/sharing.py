"""Sharing over HTTP: whether others may see this very session, and who does."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel

from biofeedback.errors import BiofeedbackError
from biofeedback.service.access import OwnSession
from biofeedback.service.context import Context, Here, SignedIn
from biofeedback.service.leaving import Left
from biofeedback.service.problems import Problem
from biofeedback.service.room_state import RoomState, Sharing
from biofeedback.service.shapes import Body, instant
from biofeedback.service.sign_ins import Caller
from biofeedback.store import AccountRow, Purpose, Stream

router = APIRouter(tags=["consent"])


class SharingBody(Body):
    """What is to be: seen, paused, or not seen."""

    state: Sharing


class WatcherShape(BaseModel):
    """Somebody who watches now."""

    code: str
    display: str


class MayWatchShape(WatcherShape):
    """Somebody who may watch while this is shared."""

    streams: list[Stream]
    expires_at: datetime


class SharingShape(BaseModel):
    """Whether this session is shared, who may watch it then, and who watches now.

    ``waiting`` may watch after the next yes: they were let in since the last one.
    """

    state: Sharing
    may_watch: list[MayWatchShape]
    watching: list[WatcherShape]
    waiting: list[WatcherShape]


@router.put("/sessions/{id}/sharing")
async def share(
    id: str, body: SharingBody, row: OwnSession, caller: SignedIn, here: Here
) -> SharingShape:
    """Let those who may watch do so from now on, or no longer."""
    live = here.conductor.live(id)
    await here.together.share(live, body.state, by=caller.by_own)
    return await _shape(here, id, row.person_id)


@router.get("/sessions/{id}/sharing")
async def sharing(id: str, row: OwnSession, here: Here) -> SharingShape:
    """Say whether this session is shared, and with whom."""
    return await _shape(here, id, row.person_id)


async def rest_sharing(here: Context, caller: Caller) -> None:
    """Let what somebody shares now rest: they have left, and could not say so later."""
    left = Left(person_id=caller.person.id, by=caller.by_own)
    await rest(here, left)
    if here.store.is_shared:
        await here.leaving.tell(left)


async def rest(here: Context, left: Left) -> None:
    """Let rest what somebody who left shares of the sessions of this node."""
    for live in here.conductor.going_on:
        if (
            here.rooms.person_id(live) == left.person_id
            and here.rooms.state(live).sharing == "on"
        ):
            with suppress(BiofeedbackError, Problem):  # it has just ended
                await here.together.share(live, "paused", by=left.by)


async def _shape(here: Context, id: str, person_id: str) -> SharingShape:
    live = here.conductor.session(id)
    state = RoomState() if live is None else here.rooms.state(live)
    if live is None or live.ended.is_set():
        return SharingShape(state="off", may_watch=[], watching=[], waiting=[])
    accounts = await asyncio.to_thread(here.store.accounts.all)
    waiting = here.rooms.waiting(live)
    return SharingShape(
        state=state.sharing,
        may_watch=[
            one for account in accounts for one in _may_watch(here, account, person_id)
        ],
        watching=[
            WatcherShape(code=account.code, display=account.display)
            for account in accounts
            if account.code in state.watching
        ],
        waiting=[
            WatcherShape(code=account.code, display=account.display)
            for account in accounts
            if state.sharing != "off" and account.id in waiting
        ],
    )


def _may_watch(
    here: Context, account: AccountRow, person_id: str
) -> list[MayWatchShape]:
    if account.person_id == person_id:
        return []
    rows = [
        row
        for row in here.consents.of_account(account.id)
        if row.person_id == person_id and row.purpose is Purpose.LIVE
    ]
    if not rows:
        return []
    return [
        MayWatchShape(
            code=account.code,
            display=account.display,
            streams=sorted({row.stream for row in rows}),
            expires_at=instant(min(row.expires_at_utc_ns for row in rows)),
        )
    ]
