"""What a running service counts, and how it says whether it can be used.

Whatever goes on in a service may offer ``figures()``, and ``check()``: ``/metrics`` and
``/readyz`` gather them. Both tell of the service, never of a person or a session:
labels are words of a short list that stands in the code.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable
from typing import Protocol, TypeAlias, runtime_checkable

from biofeedback.model import Value

PREFIX = "biofeedback_"

BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Between these, durations are counted together."""


class Figure(Value, frozen=True):
    """One number, as it is now.

    ``name`` stands without :data:`PREFIX`, with its unit at the end. One that only
    rises is a ``total``, of what has happened since the service started.
    """

    name: str
    text: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()
    total: bool = False


class Spread(Value, frozen=True):
    """How long something took: how many times at most so many seconds.

    ``up_to`` are (seconds, how many times) in their order; ``n`` and ``sum_s`` are of
    all.
    """

    name: str
    text: str
    up_to: tuple[tuple[float, int], ...]
    n: int
    sum_s: float


AnyFigure: TypeAlias = Figure | Spread


class Check(Value, frozen=True):
    """Whether one part can be used now, in a sentence that tells of nobody.

    Where it is not ``needed``, the service can do most without it.
    """

    name: str
    ok: bool
    sentence: str
    needed: bool = True


@runtime_checkable
class Counts(Protocol):
    """Something with figures."""

    def figures(self) -> Iterable[AnyFigure]:
        """Return them as they are now; at once, without asking anybody else."""
        ...


@runtime_checkable
class Checked(Protocol):
    """Something without which a service should not be sent anybody."""

    def check(self) -> Check:
        """Say how it is now; at once, without asking anybody else."""
        ...


class Durations:
    """Counts how long something takes; any thread may."""

    def __init__(self, bounds_s: tuple[float, ...] = BOUNDS_S) -> None:
        self._bounds_s = bounds_s
        self._counts = [0] * (len(bounds_s) + 1)
        self._sum_s = 0.0
        self._lock = threading.Lock()

    def take(self, seconds: float) -> None:
        """Count one."""
        with self._lock:
            self._counts[bisect_left(self._bounds_s, seconds)] += 1
            self._sum_s += seconds

    def spread(self, name: str, text: str) -> Spread:
        """Return how things stand."""
        with self._lock:
            counts, sum_s = tuple(self._counts), self._sum_s
        n, up_to = 0, []
        for bound_s, count in zip(self._bounds_s, counts, strict=False):
            n += count
            up_to.append((bound_s, n))
        return Spread(
            name=name, text=text, up_to=tuple(up_to), n=n + counts[-1], sum_s=sum_s
        )
