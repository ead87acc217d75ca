"""Round numbers for the axes of the pictures, and what those have in common."""

from __future__ import annotations

import math

SMALL = 2.4
"""The em of what stands at an axis (mm)."""

LEFT, RIGHT = 8.0, 2.0
"""Room (mm) for the numbers of the axis, and for half of a label on the other side."""


def nice(value: float) -> float:
    """Return the next round number above, whose half is round as well.

    >>> nice(13.8), nice(27.0), nice(0.0)
    (20.0, 40.0, 1.0)
    """
    if value <= 0:
        return 1.0
    scale = 10.0 ** math.floor(math.log10(value))
    for factor in (1.0, 2.0, 4.0, 6.0, 8.0, 10.0):
        if value <= factor * scale + 1e-9:
            return factor * scale
    return 10 * scale


def round_step(most: float, n: int) -> float:
    """Return a round step that divides ``most`` into about ``n``."""
    for step in (0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 240.0):
        if most / step <= n:
            return step
    return 60.0 * math.ceil(most / n / 60)
