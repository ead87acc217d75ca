"""Means of answers, and how sure they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from biofeedback.model import Value

ROUNDING_SD = math.sqrt(1 / 12)
"""The standard deviation (points) of the rounding in one whole-numbered answer."""

GAP_ROUNDING_SD = math.sqrt(4) * ROUNDING_SD
"""The same in a change of the gap, which is made of four answers."""


class Mean(Value, frozen=True):
    """The mean of ``n`` values (points) with its 95 % interval.

    ``mean`` is ``None`` where there is no value; ``low`` and ``high`` are where there
    are fewer than two: from one value nobody knows how much they vary.
    """

    n: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None


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

    Examples
    --------
    >>> [round(t_975(degrees), 3) for degrees in (1, 2, 5, 10, 100)]
    [12.706, 4.303, 2.571, 2.228, 1.984]
    """
    from scipy.special import stdtrit  # a history needs it, a session does not

    return float(stdtrit(degrees, 0.975))
