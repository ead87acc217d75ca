"""What changed over one session, question by question."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from pydantic import BaseModel

from biofeedback.practice.ratings import Answer, Band, Changes, RatingType, changes_of
from biofeedback.service.access import OwnSession
from biofeedback.service.context import Here

router = APIRouter(tags=["sessions"])


class ChangeShape(BaseModel):
    """One question before, during and after; null is not known, and never guessed.

    ``points`` is after less before. ``pct`` and ``band`` are for pain intensity alone.
    """

    type: RatingType
    before: float | None
    during: list[float]
    after: float | None
    points: float | None
    pct: float | None
    band: Band | None


class GapShape(BaseModel):
    """Unpleasantness less intensity, and how that changed (points)."""

    before: float | None
    after: float | None
    change: float | None


class ChangesShape(BaseModel):
    """The questions that were answered, in the order they are asked, and the gap."""

    changes: list[ChangeShape]
    gap: GapShape

    @classmethod
    def of(cls, found: Changes) -> ChangesShape:
        """Return them as they travel."""
        gap = found.gap
        return cls(
            changes=[
                ChangeShape(
                    type=one.type,
                    before=one.before,
                    during=list(found.during[one.type]),
                    after=one.after,
                    points=one.points,
                    pct=one.pct,
                    band=one.band,
                )
                for one in found.changes
            ],
            gap=GapShape(before=gap.before, after=gap.after, change=gap.change),
        )


@router.get("/sessions/{id}/changes")
async def changes(id: str, _own: OwnSession, here: Here) -> ChangesShape:
    """Say what changed between before and after."""

    def ask() -> Changes:
        return changes_of(
            Answer(type=row.type, value=row.value, moment=row.moment)
            for row in here.store.ratings(id)
        )

    return ChangesShape.of(await asyncio.to_thread(ask))
