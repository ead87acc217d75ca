"""Judging intervals: impossible ones, and those of premature or missed beats.

Judgements are made from the past alone, so that they hold the moment they are made;
``rr_ms`` is never touched. Thresholds were chosen on annotated and real recordings
(table in ``docs/signal.md``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from biofeedback.model import Beat, Interval, Label

HARD_LIMITS_MS = (300.0, 2000.0)
"""No interval between normal beats at rest lies outside (200 to 30 bpm)."""

CONTEXT = 20
"""Normal intervals looked back on: two breaths at six a minute, so that a large RSA
(up to a quarter of the interval from one beat to the next) stays inside its range."""

MIN_CONTEXT = 3
BELOW_RANGE, BELOW_LAST = 0.90, 0.85
"""Premature: so far below the shortest of the context, and below the last one."""

ABOVE_RANGE, ABOVE_LAST = 1.10, 1.30
"""A beat was missed or paused: so far above the longest, and above the last one."""

ZIGZAG = 0.20
"""Two opposite jumps of this share of the interval: no breathing does that."""

FORGET = 8
"""After so many flags in a row the context is given up: the rate has changed."""


class Judge:
    """Labels intervals one by one, in the order of the beats.

    - ``artefact``: outside the hard limits.
    - ``ectopic``: shorter than the recent range *and* much shorter than the last
      normal interval (a premature beat); the interval after such a beat, because it
      begins with it; much longer than both (a missed beat or a pause); or the turning
      point of two opposite jumps, which finds dense ectopy where nothing normal is
      left to compare with.

    A new segment starts with an empty context.
    """

    def __init__(self) -> None:
        self._segment: int | None = None
        self._forget()

    def judge(self, beat: Beat) -> Interval:
        """Return ``beat`` with its label."""
        if beat.segment != self._segment:
            self._segment = beat.segment
            self._forget()
        return _labelled(beat, self._label(beat.rr_ms))

    def _forget(self) -> None:
        self._normal: deque[float] = deque(maxlen=CONTEXT)
        self._latest: deque[float] = deque(maxlen=2)
        self._flags = 0
        self._after_premature = False
        self._after_zigzag_or_normal = True

    def _label(self, rr_ms: float) -> Label:
        low, high = HARD_LIMITS_MS
        if not low <= rr_ms <= high:
            self._latest.clear()
            self._after_premature = False
            self._after_zigzag_or_normal = True
            return Label.ARTEFACT
        premature = missed = zigzag = False
        if len(self._normal) >= MIN_CONTEXT:
            last = self._normal[-1]
            shortest, longest = min(self._normal), max(self._normal)
            premature = rr_ms < BELOW_RANGE * shortest and rr_ms < BELOW_LAST * last
            missed = rr_ms > ABOVE_RANGE * longest and rr_ms > ABOVE_LAST * last
            zigzag = self._after_zigzag_or_normal and self._turns(rr_ms)
        follows = self._after_premature
        ectopic = premature or missed or follows or zigzag
        self._latest.append(rr_ms)
        self._after_premature = premature
        self._after_zigzag_or_normal = not (premature or missed or follows)
        if not ectopic:
            self._normal.append(rr_ms)
            self._flags = 0
            return Label.NORMAL
        self._flags += 1
        if self._flags >= FORGET:
            self._normal.clear()
            self._normal.append(rr_ms)
            self._flags = 0
        return Label.ECTOPIC

    def _turns(self, rr_ms: float) -> bool:
        if len(self._latest) < 2:
            return False
        first, second = self._latest
        before, now = second - first, rr_ms - second
        limit = ZIGZAG * min(first, second, rr_ms)
        return before * now < 0 and min(abs(before), abs(now)) > limit


def flagged(beat: Beat) -> Interval:
    """Return ``beat`` as an artefact, without asking what it stands among."""
    return _labelled(beat, Label.ARTEFACT)


def _labelled(beat: Beat, label: Label) -> Interval:
    return Interval(
        index=beat.index,
        segment=beat.segment,
        t_ns=beat.t_ns,
        rr_ms=beat.rr_ms,
        label=label,
        nn_ms=beat.rr_ms if label is Label.NORMAL else None,
    )


def judge_all(beats: Iterable[Beat]) -> tuple[Interval, ...]:
    """Judge a whole series: what the live :class:`Judge` says, beat for beat."""
    judge = Judge()
    return tuple(judge.judge(beat) for beat in beats)
