"""How answers moved over the weeks, and how sure that is.

A week without an answer is a gap in the picture, never a zero. How often somebody
practised or noted a craving is told as a plain number. In the pilot trial of MORE in
methadone treatment those who practised noted four times as many cravings (252 and 62),
and weaker ones by 37 %. So more notes are never shown as worse.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import TypeVar

from biofeedback.model import Value

ROUNDING_SD = math.sqrt(1 / 12)
"""The standard deviation (points) of the rounding in one whole-numbered answer."""

GAP_ROUNDING_SD = math.sqrt(4) * ROUNDING_SD
"""The same in a change of the gap, which is made of four answers."""

T = TypeVar("T")


class Mean(Value, frozen=True):
    """The mean of ``n`` values (points) with its 95 % interval.

    ``mean`` is ``None`` where there is no value; ``low`` and ``high`` are where there
    are fewer than two: from one value nobody knows how much they vary.
    """

    n: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None


class GapWeek(Value, frozen=True):
    """How the gap changed over the practices of one week, which begins on ``monday``.

    ``change`` is the mean of after less before, in points: negative where pain was less
    unpleasant, against its strength, after practising than before.
    """

    monday: date
    change: Mean


class CravingWeek(Value, frozen=True):
    """What was noted of cravings in one week, which begins on ``monday``.

    ``notes`` says how often something was noted. It has no good or bad direction.
    Lower ``intensity`` and higher ``self_control`` have one.
    """

    monday: date
    notes: int
    intensity: Mean
    self_control: Mean


def gap_weeks(changes: Iterable[tuple[date, float | None]]) -> tuple[GapWeek, ...]:
    """Return how the gap changed, week by week.

    Parameters
    ----------
    changes
        For each practice its local day and ``Gap.change``. ``None`` is left out: a
        missing answer is never guessed.

    Returns
    -------
    tuple of GapWeek
        From the first week with an answer to the last one, oldest first. Weeks in
        between without any are there with ``n`` 0.

    Notes
    -----
    The interval is Student's over practices. *Deviations*: its standard deviation is
    taken to be no less than `GAP_ROUNDING_SD`, so that a few equal whole numbers do not
    pretend to be exact. Practices of one person are not independent; the interval tells
    of this week's practices and is no test of an effect.

    Examples
    --------
    >>> days = [date(2026, 11, 2), date(2026, 11, 4), date(2026, 11, 16)]
    >>> for week in gap_weeks(zip(days, [-1, -3, 0], strict=True)):
    ...     print(week.monday, week.change.n, week.change.mean)
    2026-11-02 2 -2.0
    2026-11-09 0 None
    2026-11-16 1 0.0
    """
    known = [(day, change) for day, change in changes if change is not None]
    return tuple(
        GapWeek(monday=monday, change=mean_of(week, least_sd=GAP_ROUNDING_SD))
        for monday, week in _by_week(known)
    )


def craving_weeks(
    notes: Iterable[tuple[date, float | None, float | None]],
) -> tuple[CravingWeek, ...]:
    """Return what was noted of cravings, week by week.

    Parameters
    ----------
    notes
        For each occasion its local day, the intensity of the craving and the
        self-control over it (0 to 10), as answered first; ``None`` is not answered.

    Returns
    -------
    tuple of CravingWeek
        As of :func:`gap_weeks`, from the first week with a note to the last.
    """
    answered = [
        (day, (craving, control))
        for day, craving, control in notes
        if craving is not None or control is not None
    ]
    return tuple(
        CravingWeek(
            monday=monday,
            notes=len(week),
            intensity=mean_of([c for c, _ in week if c is not None]),
            self_control=mean_of([s for _, s in week if s is not None]),
        )
        for monday, week in _by_week(answered)
    )


def mean_of(values: Sequence[float], *, least_sd: float = ROUNDING_SD) -> Mean:
    """Return the mean of ``values`` with Student's 95 % interval.

    ``least_sd`` is what their standard deviation is taken to be at least.
    """
    n = len(values)
    if n == 0:
        return Mean(n=0)
    mean = math.fsum(values) / n
    if n == 1:
        return Mean(n=1, mean=mean)
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = t_975(n - 1) * max(sd, least_sd) / math.sqrt(n)
    return Mean(n=n, mean=mean, low=mean - half, high=mean + half)


@lru_cache
def t_975(degrees: int) -> float:
    """Return what 97.5 % of Student's t lie below.

    Abramowitz & Stegun 26.7.3 and 26.7.4, solved by halving: without SciPy, which the
    service need not load.

    Examples
    --------
    >>> [round(t_975(degrees), 3) for degrees in (1, 2, 5, 10, 100)]
    [12.706, 4.303, 2.571, 2.228, 1.984]
    """
    low, high = 1.9, 13.0
    for _ in range(60):  # halves the doubt each time: to the last bit
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, degrees) < 0.95 else (low, middle)
    return (low + high) / 2


def _within(t: float, degrees: int) -> float:
    """Return the probability between -t and t."""
    theta = math.atan(t / math.sqrt(degrees))
    cos2 = math.cos(theta) ** 2
    if degrees % 2 == 0:
        term = total = math.sin(theta)
        for k in range(1, degrees // 2):
            term *= cos2 * (2 * k - 1) / (2 * k)
            total += term
        return total
    total = theta
    if degrees > 1:
        term = math.sin(theta) * math.cos(theta)
        total += term
        for k in range(1, (degrees - 1) // 2):
            term *= cos2 * (2 * k) / (2 * k + 1)
            total += term
    return total * 2 / math.pi


def _by_week(dated: Iterable[tuple[date, T]]) -> list[tuple[date, list[T]]]:
    weeks: dict[date, list[T]] = {}
    for day, value in dated:
        weeks.setdefault(day - timedelta(days=day.weekday()), []).append(value)
    if not weeks:
        return []
    first, last = min(weeks), max(weeks)
    count = (last - first).days // 7 + 1
    mondays = (first + timedelta(weeks=k) for k in range(count))
    return [(monday, weeks.get(monday, [])) for monday in mondays]
