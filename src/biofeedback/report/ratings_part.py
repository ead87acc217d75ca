"""The questions that were asked, before and after, and the gap between two."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from biofeedback.practice.ratings import (
    SCALES,
    Answer,
    Band,
    Changes,
    RatingType,
    changes_of,
)
from biofeedback.report.reasons import (
    NOT_ASKED,
)
from biofeedback.report.values import (
    Number,
    Rated,
    RatingsPart,
)
from biofeedback.store import RatingRow

BANDS = {
    Band.HIGHER: "higher than before",
    Band.SAME: "no change",
    Band.BELOW_MINIMAL: "less than a minimal change",
    Band.MINIMAL: "minimal (10–20 %), below the 30 % mark",
    Band.BELOW_30: "below the 30 % mark",
    Band.MODERATE: "moderate (30 % or more)",
    Band.SUBSTANTIAL: "substantial (50 % or more)",
}
"""The bands in words: never as a colour or a mark."""


def ratings_part(rows: Iterable[RatingRow]) -> RatingsPart:
    """Return all questions in their order, those not answered as well."""
    found: Changes = changes_of(
        Answer(type=row.type, value=row.value, moment=row.moment) for row in rows
    )
    by_type = {one.type: one for one in found.changes}
    rated: list[Rated] = []
    types: tuple[RatingType, ...] = get_args(RatingType)
    for type in types:
        low, high, _ = SCALES[type]
        change = by_type.get(type)
        before = None if change is None else change.before
        after = None if change is None else change.after
        points = None if change is None else change.points
        pct = None if change is None else change.pct
        rated.append(
            Rated(
                type=type,
                lowest=low,
                highest=high,
                before=Number.of(before, "points", NOT_ASKED),
                during=found.during.get(type, ()),
                after=Number.of(after, "points", NOT_ASKED),
                points=Number.of(points, "points", _why_no_points(before, after)),
                pct=(
                    Number.of(pct, "%", _why_no_pct(before, points))
                    if type == "pain_intensity"
                    else None
                ),
                band=(
                    BANDS[change.band]
                    if change is not None and change.band is not None
                    else None
                ),
            )
        )
        if type == "pain_unpleasantness":
            rated.append(_gap(found))
    return RatingsPart(rated=tuple(rated))


def _gap(found: Changes) -> Rated:
    gap = found.gap
    both = "Needs intensity and unpleasantness."
    return Rated(
        type="gap",
        lowest=-10,
        highest=10,
        before=Number.of(gap.before, "points", both),
        during=(),
        after=Number.of(gap.after, "points", both),
        points=Number.of(gap.change, "points", _why_no_points(gap.before, gap.after)),
    )


def _why_no_points(before: float | None, after: float | None) -> str:
    if before is None:
        return NOT_ASKED if after is None else "Not answered before."
    return "Not answered after."


def _why_no_pct(before: float | None, points: float | None) -> str:
    if points is None:
        return "Needs an answer before and after."
    return "Before was 0: nothing is divided by it."
