"""The pictures of the weeks, as shapes. A week without an answer is a gap, never zero.

Before is hollow and dashed, after is filled and drawn through.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from biofeedback.report.scales import LEFT, RIGHT, SMALL, nice
from biofeedback.report.shapes import (
    Dot,
    Drawing,
    Label,
    Line,
    Point,
    Shape,
    box,
    runs,
)
from biofeedback.report.values import Average, SwingPart, Week
from biofeedback.report.wording import MONTHS, number, points, signed

MOST_BARS = 26
"""Of more weeks no intervals are drawn: they would hide what they are about."""


class _Weeks:
    """The frame of a picture of weeks: a scale up, a week each to the right."""

    def __init__(
        self, weeks: Sequence[Week], width: float, least: float, most: float
    ) -> None:
        self.left, self.right = LEFT, width - RIGHT
        self.top, self.bottom = 3.0, 27.0
        self.height = 32.0
        self.least, self.most = least, most
        self.n = len(weeks)
        self.r = min(0.95, 0.3 * (self.right - self.left) / max(self.n, 1))
        self.shapes: list[Shape] = []
        step = (most - least) / 2
        for k in range(3):
            value = least + k * step
            self.shapes.append(
                Line(
                    points=((self.left, self.y(value)), (self.right, self.y(value))),
                    tone="quiet" if value == 0 or k == 0 else "line",
                    width=0.3 if value == 0 or k == 0 else 0.2,
                )
            )
            self.shapes.append(
                Label(
                    x=self.left - 1,
                    y=self.y(value) + 0.9,
                    text=points(value),
                    size=SMALL,
                    anchor="end",
                )
            )
        for k, week in enumerate(weeks):
            if len(weeks) > 9 and k % -(-len(weeks) // 8):
                continue
            self.shapes.append(
                Label(
                    x=self.x(k),
                    y=self.height - 1.0,
                    text=week_name(week),
                    size=2.2,
                    anchor="middle",
                )
            )

    def x(self, k: float) -> float:
        return self.left + (self.right - self.left) * (k + 0.5) / max(self.n, 1)

    def y(self, value: float) -> float:
        share = (value - self.least) / (self.most - self.least)
        return self.bottom - (self.bottom - self.top) * min(max(share, 0.0), 1.0)

    def drawn(self, width: float, says: str) -> Drawing:
        return Drawing(
            width=width, height=self.height, shapes=tuple(self.shapes), says=says
        )


def week_name(week: Week) -> str:
    """Return the Monday as day and month, or the number of the week."""
    if week.monday is None:
        return str(week.number)
    day = date.fromisoformat(week.monday)
    return f"{day.day} {MONTHS[day.month - 1][:3]}"


def minutes_chart(weeks: Sequence[Week], width: float) -> Drawing:
    """Return the minutes of each week as bars; an empty week has none."""
    values = [None if w.practised is None else w.practised.value for w in weeks]
    most = nice(max([10.0, *(v for v in values if v is not None)]))
    frame = _Weeks(weeks, width, 0.0, most)
    half = 0.32 * (frame.right - frame.left) / max(len(weeks), 1)
    for k, value in enumerate(values):
        if value is not None:
            top = frame.y(value)
            x = frame.x(k)
            frame.shapes.append(
                box(x - half, top, 2 * half, frame.bottom - top, "accent")
            )
    return frame.drawn(
        width,
        "Minutes practised in each week: "
        + ", ".join("none" if v is None else number(v) for v in values)
        + ".",
    )


def pair_chart(
    weeks: Sequence[Week],
    before: Sequence[Average | None],
    after: Sequence[Average | None],
    width: float,
    *,
    least: float,
    most: float,
    name: str,
) -> Drawing:
    """Return weekly means before (hollow) and after (filled), with 95 % intervals."""
    frame = _Weeks(weeks, width, least, most)
    said = [
        f"{_mean(one)} to {_mean(other)}"
        for one, other in zip(before, after, strict=True)
    ]
    for values, shift, hollow in ((before, -0.14, True), (after, 0.14, False)):
        at: list[Point | None] = []
        for k, average in enumerate(values):
            mean = None if average is None else average.mean.value
            at.append(None if mean is None else (frame.x(k + shift), frame.y(mean)))
        for run in runs(at):
            if len(run) > 1:
                frame.shapes.append(
                    Line(
                        points=run,
                        tone="quiet" if hollow else "accent",
                        width=0.35,
                        dash=1.0 if hollow else None,
                    )
                )
        for k, (average, place) in enumerate(zip(values, at, strict=True)):
            if average is None or place is None:
                continue
            low, high = average.low, average.high
            if low is not None and high is not None and len(weeks) <= MOST_BARS:
                x = frame.x(k + shift)
                ends = ((x, frame.y(low)), (x, frame.y(high)))
                frame.shapes.append(Line(points=ends, tone="quiet", width=0.25))
            frame.shapes.append(Dot(x=place[0], y=place[1], r=frame.r, hollow=hollow))
    return frame.drawn(
        width, f"{name}, weekly means before to after: {', '.join(said)}."
    )


def _mean(average: Average | None) -> str:
    if average is None or average.mean.value is None:
        return "not answered"
    return number(average.mean.value, 1)


def line_chart(
    weeks: Sequence[Week],
    values: Sequence[float | None],
    width: float,
    *,
    least: float,
    most: float,
    name: str,
) -> Drawing:
    """Return one number a week as dots, joined where weeks follow each other."""
    frame = _Weeks(weeks, width, least, most)
    at: list[Point | None] = [
        None if value is None else (frame.x(k), frame.y(value))
        for k, value in enumerate(values)
    ]
    for run in runs(at):
        if len(run) > 1:
            frame.shapes.append(Line(points=run, tone="accent", width=0.4))
    frame.shapes += [Dot(x=p[0], y=p[1], r=frame.r) for p in at if p is not None]
    told = ("not answered" if v is None else number(v, 1) for v in values)
    return frame.drawn(width, f"{name}, week by week: {', '.join(told)}.")


def swing_chart(part: SwingPart, weeks: Sequence[Week], width: float) -> Drawing:
    """Return each practice's amplitude, its rolling median, and the own range."""
    known = [one.rsa.value for one in part.swings if one.rsa.value is not None]
    frame = _Weeks(weeks, width, 0.0, nice(max([5.0, *known])))
    usual = part.usual

    def x(day: float) -> float:
        return frame.left + (frame.right - frame.left) * (day + 0.5) / (7 * frame.n)

    shapes: list[Shape] = []
    if usual.low is not None and usual.high is not None:
        high, low = frame.y(usual.high), frame.y(usual.low)
        shapes.append(
            box(frame.left, high, frame.right - frame.left, low - high, "soft")
        )
    shapes += frame.shapes
    shapes += [
        Dot(
            x=x(one.day),
            y=frame.y(one.rsa.value),
            r=min(0.6, frame.r),
            tone="quiet",
            hollow=True,
        )
        for one in part.swings
        if one.rsa.value is not None
    ]
    last_day, rolling = -99.0, list[Point | None]()
    for one in part.swings:
        if one.rolling.value is None:
            rolling.append(None)
            continue
        if one.day - last_day > 7:  # a week without practice is a gap
            rolling.append(None)
        rolling.append((x(one.day), frame.y(one.rolling.value)))
        last_day = one.day
    shapes += [
        Line(points=run, tone="accent", width=0.6)
        for run in runs(rolling)
        if len(run) > 1
    ]
    frame.shapes = shapes
    middle = "not known" if usual.median is None else number(usual.median, 1)
    return frame.drawn(
        width,
        f"Amplitude of {len(known)} practices in beats per minute; median {middle}.",
    )


def changes_said(average: Average) -> str:
    """Return how the gap moved within practices, with its interval."""
    mean = average.mean.value
    if mean is None:
        return average.mean.reason or "not known"
    if average.low is None or average.high is None:
        return f"{signed(round(mean, 1))} points (one practice: no interval)"
    return (
        f"{signed(round(mean, 1))} points "
        f"(95 % interval {signed(round(average.low, 1))} to "
        f"{signed(round(average.high, 1))}, {average.n} practices)"
    )
