"""Finds what the report of some weeks says, from the history of a person."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from biofeedback import __version__
from biofeedback.model import Value
from biofeedback.practice import history
from biofeedback.practice.history import DAYS_PER_WEEK, History
from biofeedback.practice.means import Mean
from biofeedback.report.heart_part import usual_of
from biofeedback.report.reasons import LEAST_USUAL
from biofeedback.report.values import (
    Average,
    Number,
    RatedWeek,
    Swing,
    SwingPart,
    TrendReport,
    Week,
)
from biofeedback.store.rows import Stream

FORTNIGHT = 14

NOTHING_DONE = "No practice in this week."
NOT_ANSWERED = "Not answered in this week."
NO_PEG = "The three questions were not answered in this week."
NO_SWING = "No practice with a clean signal."
FEW_ROLLING = f"Fewer than {LEAST_USUAL} practices in the fortnight."
FEW_IN_ALL = f"Fewer than {LEAST_USUAL} practices with a known amplitude."


class Answered(Value, frozen=True):
    """How far the heart moved with the breath in one practice (bpm), and when."""

    day: date
    at_utc_ns: int
    rsa_bpm: float | None


def build_trend(
    found: History,
    swings: Iterable[Answered],
    *,
    who: str,
    streams: frozenset[Stream],
    simulated: bool = False,
    deidentified: bool = False,
) -> TrendReport:
    """Return the report of the weeks of ``found``, with ``streams`` alone.

    Parameters
    ----------
    swings
        One for each practice of those weeks.
    who
        A pseudonym, or a code where it is ``deidentified``.
    """
    answers = Stream.RATINGS in streams
    return TrendReport(
        who=who,
        until=None if deidentified else found.today.isoformat(),
        simulated=simulated,
        deidentified=deidentified,
        weeks=tuple(
            _week(week, number, streams, deidentified)
            for number, week in enumerate(found.weeks, start=1)
        ),
        swing=_swing(found, swings) if Stream.HEART in streams else None,
        gap_change=(
            _average(found.gap_change, "Never answered before and after.")
            if answers
            else None
        ),
        n_symptoms=(
            sum(sitting.symptom for day in found.days for sitting in day.sittings)
            if Stream.NOTES in streams
            else None
        ),
        withheld=tuple(one.value for one in Stream if one not in streams),
        software=f"biofeedback {__version__}",
    )


def _week(
    week: history.Week,
    number: int,
    streams: frozenset[Stream],
    deidentified: bool,
) -> Week:
    practised = Stream.BREATHING in streams
    return Week(
        number=number,
        monday=None if deidentified else week.monday.isoformat(),
        practised=Number.of(week.minutes, "min", NOTHING_DONE) if practised else None,
        n_practices=week.n_practices if practised else None,
        rated=_rated(week) if Stream.RATINGS in streams else None,
    )


def _rated(week: history.Week) -> RatedWeek:
    return RatedWeek(
        intensity_before=_average(week.intensity.before),
        intensity_after=_average(week.intensity.after),
        unpleasantness_before=_average(week.unpleasantness.before),
        unpleasantness_after=_average(week.unpleasantness.after),
        gap_before=_average(week.gap.before),
        gap_after=_average(week.gap.after),
        gap_change=_average(week.gap.change),
        craving=_average(week.craving),
        self_control=_average(week.self_control),
        peg=Number.of(week.peg, "points", NO_PEG),
        n_pauses=week.n_pauses,
    )


def _average(mean: Mean, reason: str = NOT_ANSWERED) -> Average:
    return Average(
        n=mean.n,
        mean=Number.of(mean.mean, "points", reason),
        low=mean.low,
        high=mean.high,
    )


def _swing(found: History, swings: Iterable[Answered]) -> SwingPart:
    first = found.weeks[0].monday
    last = first + timedelta(days=DAYS_PER_WEEK * len(found.weeks))
    inside = sorted(
        (one for one in swings if first <= one.day < last),
        key=lambda one: one.at_utc_ns,
    )
    return SwingPart(
        swings=tuple(_one(inside[: k + 1], first) for k in range(len(inside))),
        usual=usual_of(
            [one.rsa_bpm for one in inside if one.rsa_bpm is not None],
            DAYS_PER_WEEK * len(found.weeks),
            FEW_IN_ALL,
        ),
    )


def _one(so_far: Sequence[Answered], first: date) -> Swing:
    now = so_far[-1]
    recent = [
        one.rsa_bpm
        for one in so_far
        if one.rsa_bpm is not None and (now.day - one.day).days < FORTNIGHT
    ]
    rolling = statistics.median(recent) if len(recent) >= LEAST_USUAL else None
    return Swing(
        day=float((now.day - first).days),
        rsa=Number.of(now.rsa_bpm, "bpm", NO_SWING),
        rolling=Number.of(rolling, "bpm", FEW_ROLLING),
    )
