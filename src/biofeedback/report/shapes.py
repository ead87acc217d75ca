"""Drawings as lists of shapes: one list is drawn on paper and in a browser alike.

Lengths are millimetres, y goes down. A ``tone`` says what a shape is for, not its
colour: each writer has its own, and none is red. No two things differ by tone alone.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from biofeedback.model import Value

Tone: TypeAlias = Literal["ink", "quiet", "line", "accent", "soft", "ground"]
Anchor: TypeAlias = Literal["start", "middle", "end"]
Point: TypeAlias = tuple[float, float]


class Line(Value, frozen=True):
    """Straight strokes from point to point."""

    points: tuple[Point, ...]
    tone: Tone = "ink"
    width: float = 0.3
    dash: float | None = None


class Area(Value, frozen=True):
    """A filled polygon."""

    points: tuple[Point, ...]
    tone: Tone = "soft"


class Dot(Value, frozen=True):
    """A circle; ``hollow`` ones show the ground."""

    x: float
    y: float
    r: float = 0.9
    tone: Tone = "accent"
    hollow: bool = False


class Label(Value, frozen=True):
    """A short text of ours on the baseline ``y``; ``size`` is the height of its em."""

    x: float
    y: float
    text: str
    tone: Tone = "quiet"
    size: float = 2.6
    anchor: Anchor = "start"
    bold: bool = False


Shape: TypeAlias = Line | Area | Dot | Label


class Drawing(Value, frozen=True):
    """A picture, and the sentence that says the same to whoever does not see it."""

    width: float
    height: float
    shapes: tuple[Shape, ...]
    says: str


def box(x: float, y: float, width: float, height: float, tone: Tone) -> Area:
    """Return a filled rectangle."""
    return Area(
        points=((x, y), (x + width, y), (x + width, y + height), (x, y + height)),
        tone=tone,
    )


def runs(points: list[Point | None]) -> list[tuple[Point, ...]]:
    """Return the stretches between missing points: no line crosses a gap.

    >>> runs([(0, 1), None, (2, 3), (3, 3)])
    [((0, 1),), ((2, 3), (3, 3))]
    """
    found: list[tuple[Point, ...]] = []
    run: list[Point] = []
    for point in [*points, None]:
        if point is not None:
            run.append(point)
        elif run:
            found.append(tuple(run))
            run = []
    return found
