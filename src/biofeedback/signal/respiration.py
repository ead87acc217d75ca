"""RSA and phase over the paced breaths of a while: their means, and who kept step."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from biofeedback.model import Value
from biofeedback.signal.breathing_paced import (
    MARGIN,
    USUAL,
    PacedBreath,
    Shape,
    breath_swing,
)
from biofeedback.signal.series import NORMAL, NS_PER_S, Series

Breath: TypeAlias = tuple[int, int]
"""Start and end of a paced breath in ns of the session."""

RECENT_NS = 60 * NS_PER_S
LATE_NS = 5 * NS_PER_S
"""How late the judgement of the beat that ends a breath may be."""

MIN_BREATHS = 3
MAX_FLAGGED_SHARE = 0.05
REMEMBERED = 64
STEP_DEG = 45.0
"""How far a breath may be from the usual step and still keep it: an eighth."""

OWN_STEP_DEG = (-45.0, 135.0)
"""Where the usual step itself may lie: 45° either way, and up to a quarter of a breath
later, as the strap's constant delay (0.4–2.6 s) cannot be seen."""

MIN_STRENGTH = 0.5
"""Below, more of the heart's movement within a breath is something else."""

MIN_LOCKING = 0.7
"""Mean vector below which phases have no mean worth telling: they spread by 48°."""


class Rsa(Value, frozen=True):
    """Means over ``n_breaths`` breaths, and how many of them kept step.

    ``phase_deg`` is the mean direction of the phases, ``None`` where they have none.
    """

    rsa_bpm: float
    rsa_ms: float
    n_breaths: int
    phase_deg: float | None
    in_phase_pct: float


def recent_for(breath_ns: int) -> int:
    """Return how far back three breaths of this length are surely found, in ns.

    A minute; longer below 4.4 breaths a minute, where it may hold two whole ones only.

    >>> recent_for(10_000_000_000) / 1e9, recent_for(20_000_000_000) / 1e9
    (60.0, 85.0)
    """
    return max(RECENT_NS, 4 * breath_ns + LATE_NS)


SwingOf: TypeAlias = Callable[[Series, int, int, Shape], PacedBreath | None]


def rsa(
    series: Series,
    breaths: Sequence[Breath],
    end_ns: int,
    recent_ns: int | None = RECENT_NS,
    swing_of: SwingOf | None = None,
    shape_at: Callable[[int], Shape] | None = None,
) -> Rsa | None:
    """Return RSA and phase over the complete breaths of the last ``recent_ns``.

    Parameters
    ----------
    series
        Judged intervals.
    breaths
        Start and end of the pacer's breaths, in ns.
    end_ns
        Until when.
    recent_ns
        How far back; ``None`` takes all breaths.
    swing_of
        What analyses a breath: a :class:`Swings`, or :func:`breath_swing`.
    shape_at
        The pacer's shape at an instant (ns), asked for the middle of each breath; by
        default 40 % in, 60 % out, without holds.

    Returns
    -------
    ``None`` with fewer than three breaths free of gaps and flags, or when more than 5 %
    of the intervals from the first of ``breaths`` to the last are flagged.

    Notes
    -----
    A breath *kept step* when its strength is 0.5 or more and its phase is within 45° of
    the usual step: the direction of all breaths' phases, weighted by strength. The
    usual step must lie within −45° to 135°, or no breath kept it. Whether the heart is
    at 0° cannot be known: the strap's constant delay (0.4–2.6 s) is in every phase,
    0.8 s of it are 29° at 6 a minute, and so is the person's own lag behind the pacer.
    That the step stays the same does not depend on either.
    """
    swing_of = swing_of or breath_swing
    start_ns = 0 if recent_ns is None else max(0, end_ns - recent_ns)
    if not len(series):
        return None
    newest_ns = min(end_ns, int(series.t_ns[-1]))
    whole = [b for b in breaths if start_ns <= b[0] < b[1] <= newest_ns]
    if len(whole) < MIN_BREATHS:
        return None
    around = (whole[0][0], whole[-1][1])
    first, stop = np.searchsorted(series.t_ns, around, "right").tolist()
    n_flagged = np.count_nonzero(series.label[first:stop] != NORMAL)
    if n_flagged > MAX_FLAGGED_SHARE * (stop - first):
        return None
    found = []
    for begin_ns, stop_ns in whole:
        shape = shape_at((begin_ns + stop_ns) // 2) if shape_at else USUAL
        breath = swing_of(series, begin_ns, stop_ns, shape)
        if breath is not None:
            found.append(breath)
    return mean_of(found)


def mean_of(breaths: Sequence[PacedBreath]) -> Rsa | None:
    """Return the means over ``breaths``; ``None`` of fewer than three."""
    n = len(breaths)
    if n < MIN_BREATHS:
        return None
    phases = [(b.phase_deg, b.strength) for b in breaths if b.phase_deg is not None]
    mean = sum(_direction(deg) for deg, _ in phases) / n
    usual = sum(strength * _direction(deg) for deg, strength in phases)
    low, high = OWN_STEP_DEG
    usual_deg = math.degrees(cmath.phase(usual)) if usual else math.inf
    n_kept = 0
    if low <= usual_deg <= high:
        n_kept = sum(
            strength >= MIN_STRENGTH and abs(_turned(deg - usual_deg)) <= STEP_DEG
            for deg, strength in phases
        )
    locked = abs(mean) >= MIN_LOCKING
    return Rsa(
        rsa_bpm=sum(b.rsa_bpm for b in breaths) / n,
        rsa_ms=sum(b.rsa_ms for b in breaths) / n,
        n_breaths=n,
        phase_deg=math.degrees(cmath.phase(mean)) if locked else None,
        in_phase_pct=100 * n_kept / n,
    )


class Swings:
    """Remembers the breaths that later beats can no longer change.

    A breath is computed again if one of its intervals is finally judged otherwise.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, int, Shape, bytes], PacedBreath | None] = {}
        self._same: dict[tuple[int, int, Shape], PacedBreath | None] = {}
        self._revision: int | None = None

    def revised(self, revision: int) -> None:
        """Say that no interval was judged otherwise since this number was new."""
        if revision != self._revision:
            self._revision = revision
            self._same.clear()

    def __call__(
        self, series: Series, begin_ns: int, end_ns: int, shape: Shape = USUAL
    ) -> PacedBreath | None:
        """Return :func:`breath_swing`, computed once per breath."""
        here = (begin_ns, end_ns, shape)
        if here in self._same:
            return self._same[here]
        around = (begin_ns, end_ns)
        first, last = np.searchsorted(series.t_ns, around, side="left").tolist()
        after = last + 1 + MARGIN
        if after > len(series):
            return breath_swing(series, begin_ns, end_ns, shape)
        judged = series.label[max(0, first - MARGIN) : after].tobytes()
        key = (begin_ns, end_ns, shape, judged)
        if key not in self._known:
            self._known[key] = breath_swing(series, begin_ns, end_ns, shape)
            while len(self._known) > REMEMBERED:
                del self._known[next(iter(self._known))]
        if self._revision is not None:
            self._same[here] = self._known[key]
            while len(self._same) > REMEMBERED:
                del self._same[next(iter(self._same))]
        return self._known[key]


class LiveRsa:
    """RSA of a session under way: computed when a breath is added or judged otherwise.

    A breath is added once two intervals after it are judged, so that it never changes
    by later beats and an analysis of the recording finds the same. Between breaths an
    answer costs a comparison.
    """

    def __init__(self) -> None:
        self._swings = Swings()
        self._key: tuple[Breath, Breath, int] | None = None
        self._rsa: Rsa | None = None

    def ask(
        self,
        breaths: Sequence[Breath],
        series_of: Callable[[], Series],
        *,
        newest_ns: int,
        revision: int,
        shape_at: Callable[[int], Shape] | None = None,
    ) -> Rsa | None:
        """Return :func:`rsa` over those of ``breaths`` that are complete.

        Parameters
        ----------
        breaths
            The pacer's breaths of the time looked at.
        series_of
            Gives the intervals held, when they are needed.
        newest_ns
            When the newest judged beat was.
        revision
            Changes whenever an interval is finally judged otherwise.
        shape_at
            See :func:`rsa`.
        """
        whole = [breath for breath in breaths if breath[1] <= newest_ns]
        if not whole:
            self._key = self._rsa = None
            return None
        key = (whole[0], whole[-1], revision)
        if key == self._key:
            return self._rsa
        series = series_of()
        after = np.searchsorted(series.t_ns, whole[-1][1], side="left") + 1 + MARGIN
        if after > len(series):
            whole = whole[:-1]
            if not whole or (key := (whole[0], whole[-1], revision)) == self._key:
                return self._rsa if whole else None
        self._key = key
        self._swings.revised(revision)
        self._rsa = rsa(
            series,
            whole,
            whole[-1][1],
            recent_ns=None,
            swing_of=self._swings,
            shape_at=shape_at,
        )
        return self._rsa


def _direction(deg: float) -> complex:
    return cmath.rect(1, math.radians(deg))


def _turned(deg: float) -> float:
    """Return an angle within −180 to 180."""
    return (deg + 180) % 360 - 180
