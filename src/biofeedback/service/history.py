"""What somebody did, and how it moved, over HTTP."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from biofeedback.practice.history import (
    ASSESSMENT,
    History,
    Note,
    Pair,
    Sitting,
    history_of,
    local_day,
)
from biofeedback.practice.means import Mean
from biofeedback.practice.ratings import Answer, changes_of
from biofeedback.service.context import Here, SignedIn
from biofeedback.service.shapes import EPOCH
from biofeedback.store import DiaryRow, EstimateRow, RatingRow, SessionRow, Store

router = APIRouter(tags=["practice"])

NS_PER_S = 1_000_000_000
MOST_WEEKS = 104
FURTHEST_OFFSET_S = 14 * 3600
"""Nowhere on Earth are clocks further ahead of UTC."""


class MeanShape(BaseModel):
    """The mean of ``n`` answers in points; 95 of 100 such weeks lie within.

    Null where nothing was answered; ``low`` and ``high`` also for a single answer.
    """

    n: int
    mean: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, found: Mean) -> MeanShape:
        """Return it as it travels."""
        return cls(n=found.n, mean=found.mean, low=found.low, high=found.high)


class PairShape(BaseModel):
    """Before and after; ``change`` is of those answered both times."""

    before: MeanShape
    after: MeanShape
    change: MeanShape

    @classmethod
    def of(cls, pair: Pair) -> PairShape:
        """Return it as it travels."""
        return cls(
            before=MeanShape.of(pair.before),
            after=MeanShape.of(pair.after),
            change=MeanShape.of(pair.change),
        )


class SittingShape(BaseModel):
    """One practice. ``started_at`` is in the time zone it was in.

    ``practice`` null is breathing alone. The gap is unpleasantness less intensity.
    """

    session: str
    started_at: datetime
    practice: str | None
    minutes: float
    simulated: bool
    symptom: bool
    gap_before: float | None
    gap_after: float | None

    @classmethod
    def of(cls, sitting: Sitting) -> SittingShape:
        """Return it as it travels."""
        gap = changes_of(sitting.answers).gap
        started = EPOCH + timedelta(microseconds=sitting.at_utc_ns // 1000)
        return cls(
            session=sitting.session_id,
            started_at=started.astimezone(
                timezone(timedelta(seconds=sitting.utc_offset_s))
            ),
            practice=sitting.practice,
            minutes=sitting.minutes,
            simulated=sitting.simulated,
            symptom=sitting.symptom,
            gap_before=gap.before,
            gap_after=gap.after,
        )


class DayShape(BaseModel):
    """What was done on one day. A day with nothing is not listed."""

    day: date
    sittings: list[SittingShape]
    n_pauses: int
    noted: bool
    assessed: bool


class WeekShape(BaseModel):
    """One week, from Monday. ``n_pauses`` is a plain number, neither good nor bad."""

    monday: date
    minutes: float | None
    n_practices: int
    n_pauses: int
    gap: PairShape
    intensity: PairShape
    unpleasantness: PairShape
    craving: MeanShape
    self_control: MeanShape
    peg: float | None


class HistoryShape(BaseModel):
    """Days, newest first; weeks, oldest first, empty ones too.

    ``gap_change`` is how the gap moved within the practices of all these weeks.
    """

    today: date
    days: list[DayShape]
    weeks: list[WeekShape]
    gap_change: MeanShape

    @classmethod
    def of(cls, found: History) -> HistoryShape:
        """Return it as it travels."""
        return cls(
            today=found.today,
            days=[
                DayShape(
                    day=day.day,
                    sittings=[SittingShape.of(one) for one in day.sittings],
                    n_pauses=day.n_pauses,
                    noted=day.noted,
                    assessed=day.assessed,
                )
                for day in found.days
            ],
            weeks=[
                WeekShape(
                    monday=week.monday,
                    minutes=week.minutes,
                    n_practices=week.n_practices,
                    n_pauses=week.n_pauses,
                    gap=PairShape.of(week.gap),
                    intensity=PairShape.of(week.intensity),
                    unpleasantness=PairShape.of(week.unpleasantness),
                    craving=MeanShape.of(week.craving),
                    self_control=MeanShape.of(week.self_control),
                    peg=week.peg,
                )
                for week in found.weeks
            ],
            gap_change=MeanShape.of(found.gap_change),
        )


@router.get("/history")
async def history(
    caller: SignedIn,
    here: Here,
    weeks: Annotated[int, Query(ge=1, le=MOST_WEEKS)] = 8,
) -> HistoryShape:
    """Tell what this person did in the last weeks, and how their answers moved."""
    found = await asyncio.to_thread(told, here.store, caller.person.id, weeks)
    return HistoryShape.of(found)


def told(
    store: Store,
    person_id: str,
    n_weeks: int,
    *,
    simulated: bool | None = None,
    today: date | None = None,
) -> History:
    """Return the history of one person. Blocks.

    Replays and imported recordings are no practice of theirs, and not in it.
    ``simulated`` leaves only practices with a simulated heart, or only those without;
    ``today`` is the last day, by default today.
    """
    practised = store.practised(person_id)
    answers: dict[str, list[RatingRow]] = {}
    for rating in store.ratings_of(person_id):
        answers.setdefault(rating.session_id, []).append(rating)
    sittings = []
    for session in store.sessions_of(person_id):
        row = practised.get(session.id)
        if row is None or session.replay_of is not None:
            continue
        if simulated not in (None, session.simulated):
            continue
        sittings.append(
            Sitting(
                session_id=session.id,
                at_utc_ns=session.started_at_utc_ns,
                utc_offset_s=_offset_s(session, row.utc_offset_s),
                practice=row.practice,
                minutes=row.minutes,
                simulated=session.simulated,
                symptom=row.symptom,
                answers=tuple(map(_answer, answers.get(session.id, ()))),
            )
        )
    notes = [
        *map(_note, store.diary(person_id)),
        *map(_assessed, store.estimates(person_id)),
    ]
    return history_of(
        sittings,
        notes,
        today=today
        or _today(
            store.now_ns(),
            [*(one.day for one in sittings), *(one.day for one in notes)],
        ),
        n_weeks=n_weeks,
    )


def _today(now_ns: int, days: list[date]) -> date:
    """Return the machine's day, or a later one that began where the person was."""
    latest = local_day(now_ns, FURTHEST_OFFSET_S)  # later is a clock that is wrong
    here = local_day(now_ns, _machine_offset_s(now_ns))
    return max([here, *(day for day in days if day <= latest)])


def _answer(row: RatingRow) -> Answer:
    return Answer(type=row.type, value=row.value, moment=row.moment)


def _note(row: DiaryRow) -> Note:
    return Note(
        occasion=row.occasion,
        group_id=row.group_id,
        type=row.type,
        at_utc_ns=row.at_utc_ns,
        utc_offset_s=row.utc_offset_s,
        value=row.value,
        moment=row.moment,
    )


def _assessed(row: EstimateRow) -> Note:
    return Note(
        occasion=ASSESSMENT,
        group_id=row.session_id,
        type="resonance",
        at_utc_ns=row.at_utc_ns,
        utc_offset_s=_machine_offset_s(row.at_utc_ns),
    )


def _offset_s(session: SessionRow, known: int | None) -> int:
    # Recordings before version 0.6 say it only where they lasted five minutes.
    return _machine_offset_s(session.started_at_utc_ns) if known is None else known


def _machine_offset_s(utc_ns: int) -> int:
    offset = datetime.fromtimestamp(utc_ns // NS_PER_S, UTC).astimezone().utcoffset()
    return 0 if offset is None else round(offset.total_seconds())
