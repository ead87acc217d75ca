"""Days and weeks of practice: what was done, and how the gap moved.

A day on which nothing was done is not there, and a week in which nothing was answered
has no mean: a gap, never a zero. Days are those of the calendar where the person was.
Nothing is counted that could shame: no streaks, no goals, no totals over weeks.

How often somebody felt an urge is told, and never judged: in the methadone trial
those who practised logged more urges, each weaker (domain facts, B5). What is followed
over weeks is how strong urges were, and the say the person had over them.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

from biofeedback.model import Value
from biofeedback.practice.means import GAP_ROUNDING_SD, ROUNDING_SD, Mean, mean_of
from biofeedback.practice.ratings import Answer, Change, Changes, changes_of

NS_PER_S = 1_000_000_000
DAYS_PER_WEEK = 7
PEG = ("peg_pain", "peg_enjoyment", "peg_activity")
"""The three items whose mean is the PEG (Krebs et al. 2009)."""


ASSESSMENT = "assessment"
"""The occasion of a note that says that resonance was assessed."""


class Sitting(Value, frozen=True):
    """One practice. ``practice`` ``None`` is breathing alone.

    ``utc_offset_s`` is the time zone it was in; ``answers`` are in their order.
    """

    session_id: str
    at_utc_ns: int
    utc_offset_s: int
    practice: str | None
    minutes: float
    simulated: bool
    symptom: bool = False
    answers: tuple[Answer, ...] = ()

    @property
    def day(self) -> date:
        """The day of the calendar where the person was."""
        return local_day(self.at_utc_ns, self.utc_offset_s)


class Note(Value, frozen=True):
    """One thing that was noted outside of a practice."""

    occasion: str
    group_id: str
    type: str
    at_utc_ns: int
    utc_offset_s: int
    value: float | None = None
    moment: str | None = None

    @property
    def day(self) -> date:
        """The day of the calendar where the person was."""
        return local_day(self.at_utc_ns, self.utc_offset_s)


class Pair(Value, frozen=True):
    """Before and after; ``change`` is of those that were answered both times."""

    before: Mean
    after: Mean
    change: Mean


class Day(Value, frozen=True):
    """What was done on one day: practices, pauses, and whether anything was noted.

    ``assessed``: how the heart answers several paces was looked at.
    """

    day: date
    sittings: tuple[Sitting, ...]
    n_pauses: int
    noted: bool
    assessed: bool


class Week(Value, frozen=True):
    """One week, from Monday. What was not done or not answered is not known.

    ``craving`` and ``self_control`` are as answered first on each occasion.
    """

    monday: date
    minutes: float | None
    n_practices: int
    n_pauses: int
    gap: Pair
    intensity: Pair
    unpleasantness: Pair
    craving: Mean
    self_control: Mean
    peg: float | None


class History(Value, frozen=True):
    """Days, newest first, those with nothing left out; weeks, oldest first, all.

    ``gap_change`` is over all the weeks: what one sentence can say of them.
    """

    today: date
    days: tuple[Day, ...]
    weeks: tuple[Week, ...]
    gap_change: Mean


def history_of(
    sittings: Iterable[Sitting],
    notes: Iterable[Note],
    *,
    today: date,
    n_weeks: int,
) -> History:
    """Return the last ``n_weeks`` weeks up to ``today``, this one included."""
    this_monday = monday_of(today)
    mondays = [this_monday - timedelta(weeks=back) for back in reversed(range(n_weeks))]
    first = mondays[0]
    done = sorted(
        (s for s in sittings if first <= s.day <= today), key=lambda s: s.at_utc_ns
    )
    noted = sorted(
        (note for note in notes if first <= note.day <= today),
        key=lambda note: note.at_utc_ns,
    )
    days = sorted({*(s.day for s in done), *(note.day for note in noted)}, reverse=True)
    return History(
        today=today,
        days=tuple(_day(day, done, noted) for day in days),
        weeks=tuple(_week(monday, done, noted) for monday in mondays),
        gap_change=_gap([_changes(s) for s in done]).change,
    )


def monday_of(day: date) -> date:
    """Return the Monday of the week of ``day``."""
    return day - timedelta(days=day.weekday())


def local_day(utc_ns: int, utc_offset_s: int) -> date:
    """Return the day of an instant where clocks are ahead by ``utc_offset_s``.

    >>> local_day(1_767_222_000_000_000_000, 3600)  # 23:00 UTC on 31 December
    datetime.date(2026, 1, 1)
    """
    return datetime.fromtimestamp(utc_ns // NS_PER_S + utc_offset_s, UTC).date()


def _day(day: date, sittings: Sequence[Sitting], notes: Sequence[Note]) -> Day:
    today = [note for note in notes if note.day == day]
    return Day(
        day=day,
        sittings=tuple(s for s in sittings if s.day == day),
        n_pauses=_pauses(today),
        noted=any(note.occasion not in ("pause", ASSESSMENT) for note in today),
        assessed=any(note.occasion == ASSESSMENT for note in today),
    )


def _week(monday: date, sittings: Sequence[Sitting], notes: Sequence[Note]) -> Week:
    after = monday + timedelta(days=DAYS_PER_WEEK)
    done = [s for s in sittings if monday <= s.day < after]
    noted = [note for note in notes if monday <= note.day < after]
    changes = [_changes(s) for s in done]
    # A pause before something is taken is asked about as a practice is.
    paused = [changes_of(answers) for answers in _pause_answers(noted)]
    everywhere = [*changes, *paused]
    return Week(
        monday=monday,
        minutes=math.fsum(s.minutes for s in done) if done else None,
        n_practices=len(done),
        n_pauses=_pauses(noted),
        gap=_gap(changes),
        intensity=_asked("pain_intensity", changes),
        unpleasantness=_asked("pain_unpleasantness", changes),
        craving=_at_first("craving", everywhere),
        self_control=_at_first("self_control", everywhere),
        peg=_peg(noted),
    )


def _changes(sitting: Sitting) -> Changes:
    return changes_of(sitting.answers)


def _pauses(notes: Iterable[Note]) -> int:
    return len({note.group_id for note in notes if note.occasion == "pause"})


def _pause_answers(notes: Sequence[Note]) -> list[list[Answer]]:
    groups: dict[str, list[Answer]] = {}
    for note in notes:
        if note.occasion == "pause" and note.value is not None:
            answer = Answer(type=note.type, value=note.value, moment=note.moment)
            groups.setdefault(note.group_id, []).append(answer)
    return list(groups.values())


def _gap(changes: Iterable[Changes]) -> Pair:
    gaps = [change.gap for change in changes]
    return _pair(
        [(gap.before, gap.after) for gap in gaps],
        sd=GAP_ROUNDING_SD / math.sqrt(2),  # of two answers; the change is of four
    )


def _asked(type: str, changes: Iterable[Changes]) -> Pair:
    return _pair([(one.before, one.after) for one in _of(type, changes)])


def _at_first(type: str, changes: Iterable[Changes]) -> Mean:
    answers = [
        one.after if one.before is None else one.before for one in _of(type, changes)
    ]
    return mean_of([answer for answer in answers if answer is not None])


def _of(type: str, changes: Iterable[Changes]) -> list[Change]:
    return [one for found in changes for one in found.changes if one.type == type]


def _pair(
    answers: Sequence[tuple[float | None, float | None]], sd: float = ROUNDING_SD
) -> Pair:
    both = [
        after - before
        for before, after in answers
        if before is not None and after is not None
    ]
    return Pair(
        before=mean_of([one for one, _ in answers if one is not None], least_sd=sd),
        after=mean_of([one for _, one in answers if one is not None], least_sd=sd),
        change=mean_of(both, least_sd=sd * math.sqrt(2)),
    )


def _peg(notes: Sequence[Note]) -> float | None:
    """Return the mean of the three items, of the last time all were answered."""
    groups: dict[str, dict[str, float]] = {}
    for note in notes:
        if note.type in PEG and note.value is not None:
            groups.setdefault(note.group_id, {})[note.type] = note.value
    whole = [group for group in groups.values() if len(group) == len(PEG)]
    return statistics.fmean(whole[-1].values()) if whole else None
