"""The diary: what people note outside of a session. Their words are never logged."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter

from biofeedback.service.context import Here, SignedIn
from biofeedback.service.diary_shapes import (
    DiaryBody,
    DiaryEntryShape,
    DiaryShape,
    KeptShape,
    Occasion,
)

router = APIRouter(tags=["diary"])


@router.post("/diary", status_code=201)
async def add(body: DiaryBody, caller: SignedIn, here: Here) -> KeptShape:
    """Keep entries; answered once they are on disk. Sent again, they count once."""

    def keep() -> list[str]:
        mine = caller.person.id
        now_ns = here.store.now_ns()
        rows = [entry.row(mine, now_ns) for entry in body.entries]
        here.store.add_to_diary(rows)
        return [row.id for row in rows]

    return KeptShape(ids=await asyncio.to_thread(keep))


@router.get("/diary")
async def diary(
    caller: SignedIn, here: Here, occasion: Occasion | None = None
) -> DiaryShape:
    """List what was noted, the oldest first."""

    def listed() -> list[DiaryEntryShape]:
        rows = here.store.diary(caller.person.id)
        return [
            DiaryEntryShape.of(row)
            for row in rows
            if occasion is None or row.occasion == occasion
        ]

    return DiaryShape(entries=await asyncio.to_thread(listed))
