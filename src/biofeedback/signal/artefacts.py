"""Judges each interval: hard limits, then a simple rule for ectopic beats."""

from __future__ import annotations

from collections import deque
from statistics import median

from biofeedback.model import Beat, Interval, Label

LIMITS_MS = (300.0, 2000.0)
NEAR = 0.3


class Judge:
    """Labels intervals as they come; raw values stay as they are."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=7)

    def judge(self, beat: Beat) -> Interval:
        """Return ``beat`` with its label."""
        low, high = LIMITS_MS
        label = Label.NORMAL
        if not low <= beat.rr_ms <= high:
            label = Label.ARTEFACT
        else:
            if len(self._recent) >= 3:
                usual = median(self._recent)
                if abs(beat.rr_ms - usual) > NEAR * usual:
                    label = Label.ECTOPIC
            self._recent.append(beat.rr_ms)
        return Interval(
            index=beat.index,
            segment=beat.segment,
            t_ns=beat.t_ns,
            rr_ms=beat.rr_ms,
            label=label,
            nn_ms=beat.rr_ms if label is Label.NORMAL else None,
        )
