"""Looks at a session's breaths for the adaptive pacer: what was measured, and when.

Joins the live numbers with :mod:`~biofeedback.practice.adaptive`, which decides. It
follows from records alone: a replay looks at the same seconds and finds the same.
"""

from __future__ import annotations

from biofeedback.live_metrics import LiveMetrics, ms, shape_at
from biofeedback.model import AdaptCommand, PacerEvent
from biofeedback.practice import adaptive, pacer
from biofeedback.practice.adaptive import Look, Move, Reason, Walk
from biofeedback.signal.breathing_paced import breath_swing
from biofeedback.signal.windows import LiveWindows


class Adapting:
    """The adaptive pacer of one session; off until somebody turns it on.

    Attributes
    ----------
    on
        Whether it may move the pace.
    """

    def __init__(self) -> None:
        self.on = False
        self._walk = Walk()
        self._from_ms = 0.0  # what came before has been looked at
        self._not_before_ms = 0.0
        self._told: Reason | None = None

    def command(self, record: AdaptCommand) -> None:
        """Turn it on or off. What was learnt before is kept."""
        if record.on and not self.on:
            self._from_ms = ms(record.t_ns)
            self._told = None
        self.on = record.on

    def tick(
        self,
        t_ns: int,
        schedule: tuple[PacerEvent, ...],
        metrics: LiveMetrics,
        windows: LiveWindows,
    ) -> Move | None:
        """Return what was decided at ``t_ns``; ``None`` while there is nothing to say.

        The two minutes begin anew wherever the pace changes, so they are always of one
        pace, and with the practice. A reason to stay is told once, not every time.
        """
        t_ms = ms(t_ns)
        if not self.on or not schedule or not metrics.paced:
            return None
        part = schedule[-1]
        since_ms = max(self._from_ms, part.origin_ms, metrics.paced_from_ms)
        if t_ms < max(since_ms + adaptive.LOOK_MS, self._not_before_ms):
            return None
        from_ms = max(since_ms, t_ms - adaptive.LOOK_MS)
        look = _look(schedule, from_ms, t_ms, metrics, windows)
        self._walk, move = adaptive.decide(self._walk, look)
        learnt = move.reason not in adaptive.TOO_LITTLE
        self._from_ms = t_ms if learnt else self._from_ms
        self._not_before_ms = 0.0 if learnt else t_ms + adaptive.AGAIN_MS
        again = move.reason is self._told and move.to_bpm == move.from_bpm
        self._told = move.reason
        return None if again else move


def _look(
    schedule: tuple[PacerEvent, ...],
    from_ms: float,
    t_ms: float,
    metrics: LiveMetrics,
    windows: LiveWindows,
) -> Look:
    series, told = windows.series, metrics.told
    rsa_bpm = []
    for begin_ns, end_ns in pacer.breaths(schedule, from_ms=from_ms, to_ms=t_ms):
        shape = shape_at(schedule, (begin_ns + end_ns) // 2)
        breath = breath_swing(series, begin_ns, end_ns, shape)
        rsa_bpm.append(None if breath is None else round(breath.rsa_bpm, 6))
    return Look(
        rate_bpm=schedule[-1].rate_bpm,
        rsa_bpm=tuple(rsa_bpm),
        followed=None if told is None else told.followed,
        in_phase_pct=None if told is None else told.in_phase_pct,
        suitable=told is not None and told.suitable,
    )
