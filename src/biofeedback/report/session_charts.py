"""The pictures of a session's report, as shapes. What is not known is left open.

Before is hollow and after is filled; intensity is drawn through and unpleasantness
dashed: all of it reads in black and white.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from biofeedback.report.scales import LEFT, RIGHT, SMALL, nice, round_step
from biofeedback.report.shapes import (
    Anchor,
    Area,
    Dot,
    Drawing,
    Label,
    Line,
    Point,
    Shape,
    box,
    runs,
)
from biofeedback.report.values import Mark, Measure, Rated, Trace, Usual
from biofeedback.report.wording import clock, number, plural, points


def gap_chart(intensity: Rated, unpleasantness: Rated, width: float) -> Drawing | None:
    """Return both ratings before and after; the room between them is the gap.

    ``None`` where neither was answered.
    """
    height, top, bottom = 31.0, 4.0, 25.5
    left, right = 26.0, width - 27.0

    def y(value: float) -> float:
        return bottom - (bottom - top) * value / 10

    both = (intensity, unpleasantness)
    ends = [(one.before.value, one.after.value) for one in both]
    if all(value is None for pair in ends for value in pair):
        return None
    shapes: list[Shape] = []
    for step in (0.0, 5.0, 10.0):
        shapes.append(Line(points=((left, y(step)), (right, y(step))), tone="line"))
        shapes.append(
            Label(
                x=(left + right) / 2,
                y=y(step) - 0.6 if step else y(step) + 2.4,
                text="" if step == 5 else number(step),
                size=2.1,
                anchor="middle",
            )
        )
    (a, b), (c, d) = ends
    if a is not None and b is not None and c is not None and d is not None:
        shapes += [Area(points=one) for one in _between(a, b, c, d, left, right, y)]
    names = ("intensity", "unpleasantness")
    for k, (first, last) in enumerate(ends):
        dash = 1.2 if k else None
        if first is not None and last is not None:
            shapes.append(
                Line(
                    points=((left, y(first)), (right, y(last))),
                    tone="accent",
                    width=0.6,
                    dash=dash,
                )
            )
        for x, value in ((left, first), (right, last)):
            if value is not None:
                shapes.append(Dot(x=x, y=y(value), r=1.1, hollow=x == left))
    for x, side, values in ((left, "end", (a, c)), (right, "start", (b, d))):
        for at, text in _apart(values, names, y):
            away = -2.2 if side == "end" else 2.2
            shapes.append(
                Label(
                    x=x + away,
                    y=at,
                    text=text,
                    tone="ink",
                    size=SMALL,
                    anchor="end" if side == "end" else "start",
                )
            )
    for x, text in ((left, "before"), (right, "after")):
        shapes.append(Label(x=x, y=height - 1.0, text=text, anchor="middle"))
    told = "; ".join(
        f"{name}: {_or_open(before)} before, {_or_open(after)} after"
        for name, (before, after) in zip(names, ends, strict=True)
    )
    return Drawing(
        width=width,
        height=height,
        shapes=tuple(shapes),
        says=f"Pain on a scale from 0 to 10. {told}.",
    )


def _between(
    a: float,
    b: float,
    c: float,
    d: float,
    left: float,
    right: float,
    y: Callable[[float], float],
) -> list[tuple[Point, ...]]:
    """Return what lies between two lines: one polygon, or two where they cross."""
    begin: Point = (left, y(a))
    if (c - a) * (d - b) >= 0:
        return [(begin, (right, y(b)), (right, y(d)), (left, y(c)))]
    share = (c - a) / ((c - a) - (d - b))
    cross: Point = (left + share * (right - left), y(a + share * (b - a)))
    return [(begin, cross, (left, y(c))), ((right, y(b)), cross, (right, y(d)))]


def _apart(
    values: tuple[float | None, float | None],
    names: tuple[str, str],
    y: Callable[[float], float],
) -> list[tuple[float, str]]:
    """Return labels beside two values, moved apart where they would lie on another."""
    known = [
        (y(value) + 0.9, f"{name} {points(value)}")
        for value, name in zip(values, names, strict=True)
        if value is not None
    ]
    if len(known) == 2 and abs(known[0][0] - known[1][0]) < 3.0:
        middle = (known[0][0] + known[1][0]) / 2
        first = 0 if known[0][0] <= known[1][0] else 1
        moved = {first: middle - 1.5, 1 - first: middle + 1.5}
        return [(moved[k], text) for k, (_, text) in enumerate(known)]
    return known


def _or_open(value: float | None) -> str:
    return "not answered" if value is None else points(value)


def usual_strip(now: Measure, usual: Usual, width: float) -> Drawing | None:
    """Return today's amplitude on the person's own range; ``None`` without either."""
    value = now.number.value
    known = [v for v in (value, usual.low, usual.high) if v is not None]
    if not known:
        return None
    height, axis = 15.0, 8.5
    most = nice(max(known) * 1.1)
    left, right = 3.0, width - 4.0

    def x(bpm: float) -> float:
        return left + (right - left) * bpm / most

    shapes: list[Shape] = [
        Line(points=((left, axis), (right, axis)), tone="line", width=0.4)
    ]
    said = []
    if usual.low is not None and usual.high is not None and usual.median is not None:
        low, high = x(usual.low), x(usual.high)
        shapes.append(box(low, axis - 2.0, max(high - low, 0.6), 4.0, "soft"))
        m = x(usual.median)
        shapes.append(
            Line(points=((m, axis - 2.0), (m, axis + 2.0)), tone="quiet", width=0.5)
        )
        said.append(
            f"usual {number(usual.low, 1)} to {number(usual.high, 1)}, "
            f"median {number(usual.median, 1)}"
        )
    anchors: tuple[Anchor, ...] = ("start", "middle", "end")
    for bpm, anchor in zip((0.0, most / 2, most), anchors, strict=True):
        shapes.append(
            Label(
                x=x(bpm),
                y=height - 0.6,
                text=number(bpm, 0 if (most / 2).is_integer() else 1)
                + (" bpm" if bpm == most else ""),
                size=SMALL,
                anchor=anchor,
            )
        )
    if value is not None:
        at = x(value)
        shapes.append(Dot(x=at, y=axis, r=1.4))
        shapes.append(
            Label(
                x=min(max(at, left + 8), right - 8),
                y=4.4,
                text=f"this time {number(value, 1)}",
                tone="ink",
                anchor="middle",
                bold=True,
            )
        )
        said.insert(0, f"this time {number(value, 1)}")
    return Drawing(
        width=width,
        height=height,
        shapes=tuple(shapes),
        says=f"Amplitude in beats per minute: {'; '.join(said)}.",
    )


def timeline(
    length_s: float,
    marks: Sequence[tuple[str, Mark]],
    width: float,
    *,
    trace: Trace | None,
    practice: tuple[float, float] | None,
) -> Drawing:
    """Return a session in time: heart rate with its swing, practice, and marks.

    Parameters
    ----------
    marks
        What stands in the list below, each with its number.
    trace
        ``None`` where the heart is not shared or not known.
    practice
        From when to when (s) the pacer was followed.
    """
    top = 6.0
    bottom = 29.0 if trace is not None else 12.0
    left, right = LEFT, width - RIGHT
    length_s = max(length_s, 1.0)
    shapes: list[Shape] = []

    def x(t_s: float) -> float:
        return left + (right - left) * min(max(t_s, 0.0), length_s) / length_s

    if practice is not None and practice[1] > practice[0]:
        begin, end = x(practice[0]), x(practice[1])
        for edge in (begin, end):
            shapes.append(
                Line(points=((edge, top), (edge, bottom)), tone="quiet", dash=0.8)
            )
        shapes.append(Label(x=begin + 0.8, y=top + 2.3, text="practice", size=SMALL))
    said = [f"{clock(length_s)} long"]
    if trace is not None:
        shapes += _heart(trace, x, top, bottom, left, right)
        known = [one for one in trace.mean_bpm if one is not None]
        if known:
            said.append(
                f"heart rate from {number(min(known))} to {number(max(known))} bpm"
            )
    shapes.append(
        Line(points=((left, bottom), (right, bottom)), tone="quiet", width=0.3)
    )
    minutes = length_s / 60
    step = round_step(minutes, 6 if width > 120 else 4)
    for k in range(int(minutes / step + 1e-9) + 1):
        at = x(60 * k * step)
        shapes.append(Line(points=((at, bottom), (at, bottom + 0.9)), tone="quiet"))
        shapes.append(
            Label(
                x=at,
                y=bottom + 3.6,
                text=number(k * step, 0 if (k * step).is_integer() else 1)
                + (" min" if k == 0 else ""),
                size=SMALL,
                anchor="middle" if k else "start",
            )
        )
    last = -9.0
    for name, mark in marks:
        at = x(mark.t_s)
        shapes.append(Line(points=((at, top - 1.6), (at, bottom)), tone="line"))
        if at - last >= 2.6:
            shapes.append(
                Label(x=at, y=3.6, text=name, tone="ink", size=SMALL, anchor="middle")
            )
            last = at
    said.append(plural(len(marks), "mark"))
    return Drawing(
        width=width,
        height=bottom + 4.6,
        shapes=tuple(shapes),
        says=f"The session in time: {', '.join(said)}.",
    )


def _heart(
    trace: Trace,
    x: Callable[[float], float],
    top: float,
    bottom: float,
    left: float,
    right: float,
) -> list[Shape]:
    lows = [one for one in trace.low_bpm if one is not None]
    highs = [one for one in trace.high_bpm if one is not None]
    if not lows or not highs:
        return []
    least = 10 * math.floor(min(lows) / 10)
    most = max(10 * math.ceil(max(highs) / 10), least + 10)

    def y(bpm: float) -> float:
        return bottom - (bottom - top - 3.0) * (bpm - least) / (most - least)

    shapes: list[Shape] = []
    middle = (least + most) / 2
    for bpm in (float(most), middle, float(least)):
        if bpm != least:
            shapes.append(
                Line(points=((left, y(bpm)), (right, y(bpm))), tone="line", width=0.2)
            )
        shapes.append(
            Label(
                x=left - 1, y=y(bpm) + 0.9, text=number(bpm), size=SMALL, anchor="end"
            )
        )
    shapes.append(Label(x=0.0, y=3.6, text="bpm", size=SMALL))
    at = [(k + 0.5) * trace.bin_s for k in range(len(trace.mean_bpm))]
    band: list[tuple[float, float, float] | None] = [
        None if low is None or high is None else (x(t), y(low), y(high))
        for t, low, high in zip(at, trace.low_bpm, trace.high_bpm, strict=True)
    ]
    half = (x(trace.bin_s) - x(0.0)) / 2
    for run in _stretches(band):
        upper = [(px, high) for px, _, high in run]
        lower = [(px, low) for px, low, _ in reversed(run)]
        if len(run) == 1:  # as wide as the bin it stands for
            px, low, high = run[0]
            shapes.append(box(px - half, high, 2 * half, low - high, "soft"))
        else:
            shapes.append(Area(points=(*upper, *lower)))
    line: list[Point | None] = [
        None if mean is None else (x(t), y(mean))
        for t, mean in zip(at, trace.mean_bpm, strict=True)
    ]
    for one in runs(line):
        if len(one) == 1:
            shapes.append(Dot(x=one[0][0], y=one[0][1], r=0.4))
        else:
            shapes.append(Line(points=one, tone="accent", width=0.45))
    return shapes


def _stretches(
    band: list[tuple[float, float, float] | None],
) -> list[list[tuple[float, float, float]]]:
    found: list[list[tuple[float, float, float]]] = [[]]
    for one in band:
        if one is not None:
            found[-1].append(one)
        elif found[-1]:
            found.append([])
    return [run for run in found if run]
