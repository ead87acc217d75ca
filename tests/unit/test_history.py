"""Days and weeks: gaps stay gaps, days are the person's own, nothing is shamed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from biofeedback.practice.history import History, Note, Sitting, history_of
from biofeedback.practice.ratings import Answer

TODAY = date(2026, 11, 26)  # a Thursday
HOUR = 3600


def at_ns(day: date, hour: float = 12) -> int:
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour)
    return round(moment.timestamp()) * 1_000_000_000


def a_sitting(
    day: date,
    *answers: tuple[str, float, str],
    hour: float = 12,
    offset_s: int = 0,
    minutes: float = 3.0,
) -> Sitting:
    return Sitting(
        session_id=f"{day}-{hour}",
        at_utc_ns=at_ns(day, hour),
        utc_offset_s=offset_s,
        practice=None,
        minutes=minutes,
        simulated=False,
        answers=tuple(Answer(type=t, value=v, moment=m) for t, v, m in answers),
    )


def pain(hurt: float, bother: float, moment: str) -> list[tuple[str, float, str]]:
    return [
        ("pain_intensity", hurt, moment),
        ("pain_unpleasantness", bother, moment),
    ]


def a_note(day: date, occasion: str, type: str, value: float, group: str = "g") -> Note:
    return Note(
        occasion=occasion,
        group_id=group,
        type=type,
        at_utc_ns=at_ns(day),
        utc_offset_s=0,
        value=value,
        moment="before",
    )


def told(*sittings: Sitting, notes: tuple[Note, ...] = (), weeks: int = 8) -> History:
    return history_of(sittings, notes, today=TODAY, n_weeks=weeks)


def test_nothing_is_eight_weeks_of_gaps_and_no_zero() -> None:
    found = told()
    assert found.days == ()
    assert [week.monday for week in found.weeks] == [
        date(2026, 11, 23) - timedelta(weeks=back) for back in reversed(range(8))
    ]
    for week in found.weeks:
        assert (week.minutes, week.peg) == (None, None)
        means = (week.gap.before, week.gap.after, week.craving, week.self_control)
        assert all(one.mean is None and one.n == 0 for one in means)
    assert found.gap_change.mean is None


def test_one_practice_is_told_without_a_guess_at_its_doubt() -> None:
    answers = [*pain(6, 7, "before"), *pain(5, 3, "after")]
    found = told(a_sitting(TODAY, *answers))
    (day,) = found.days
    assert (day.day, len(day.sittings), day.n_pauses) == (TODAY, 1, 0)
    assert not day.noted
    assert not day.assessed
    week = found.weeks[-1]
    assert (week.minutes, week.n_practices) == (3.0, 1)
    assert (week.gap.before.mean, week.gap.after.mean) == (1, -2)
    assert (week.gap.change.mean, week.gap.change.low) == (-3, None)
    assert (week.intensity.change.mean, week.unpleasantness.change.mean) == (-1, -4)
    assert found.weeks[-2].minutes is None


def test_several_practices_have_a_mean_and_its_doubt() -> None:
    changes = {20: (7, 5), 21: (6, 6), 22: (8, 4)}
    found = told(
        *(
            a_sitting(date(2026, 11, d), *pain(5, b, "before"), *pain(5, a, "after"))
            for d, (b, a) in changes.items()
        )
    )
    week = found.weeks[-2]
    assert week.gap.change.mean == pytest.approx(-2)
    # Student's t of two degrees of freedom, standard deviation 2: 4.303 * 2 / sqrt 3.
    assert week.gap.change.low == pytest.approx(-2 - 4.9683, abs=1e-3)
    assert week.gap.change.high == pytest.approx(-2 + 4.9683, abs=1e-3)
    assert found.gap_change == week.gap.change
    assert [day.day.day for day in found.days] == [22, 21, 20]


def test_a_missing_answer_leaves_the_gap_unknown() -> None:
    before_only = pain(6, 7, "before")
    half = [("pain_intensity", 6.0, "before"), ("pain_unpleasantness", 3.0, "after")]
    found = told(a_sitting(TODAY, *before_only), a_sitting(TODAY, *half, hour=13))
    week = found.weeks[-1]
    assert (week.gap.before.n, week.gap.after.n, week.gap.change.n) == (1, 0, 0)
    assert week.intensity.before.n == 2


def test_a_day_is_the_one_where_the_person_was() -> None:
    sunday = date(2026, 11, 22)
    late = a_sitting(sunday, hour=23.5, offset_s=HOUR)  # half past midnight on Monday
    early = a_sitting(sunday + timedelta(days=1), hour=2, offset_s=-5 * HOUR)
    found = told(late, early)
    assert [day.day for day in found.days] == [date(2026, 11, 23), sunday]
    assert [week.n_practices for week in found.weeks[-2:]] == [1, 1]


def test_more_urges_are_never_worse_but_their_strength_is_told() -> None:
    few = tuple(a_note(date(2026, 11, 17), "pause", "craving", 7, "a") for _ in "1")
    many = tuple(
        a_note(date(2026, 11, 24), "pause", type, value, group)
        for group in "bcdef"
        for type, value in (("craving", 4.0), ("self_control", 6.0))
    )
    found = told(notes=few + many)
    before, now = found.weeks[-2:]
    assert (before.n_pauses, now.n_pauses) == (1, 5)
    assert (before.craving.mean, now.craving.mean) == (7, 4)
    assert now.self_control.mean == 6
    # What is told of a week says how often, and nothing that ranks it.
    names = set(msgspec.structs.asdict(now))
    assert not names & {"streak", "goal", "score", "total", "worse", "rank"}


def test_the_peg_is_the_mean_of_three_and_never_of_two() -> None:
    items = ("peg_pain", "peg_enjoyment", "peg_activity")
    whole = tuple(
        a_note(TODAY, "week", t, v) for t, v in zip(items, (4, 5, 9), strict=True)
    )
    found = told(notes=whole)
    assert found.weeks[-1].peg == 6
    assert found.days[0].noted
    assert told(notes=whole[:2]).weeks[-1].peg is None


def test_what_lies_before_or_ahead_is_left_out() -> None:
    found = told(a_sitting(date(2026, 9, 1)), a_sitting(date(2026, 11, 27)), weeks=2)
    assert found.days == ()
    assert len(found.weeks) == 2
