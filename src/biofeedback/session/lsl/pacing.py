"""The pacer as a signal: what people saw of it, ten times a second."""

from __future__ import annotations

import math

from biofeedback.model import PacerEvent
from biofeedback.practice import pacer
from biofeedback.session.lsl.streams import PACER_PHASE_HZ, PHASES

STEP_MS = 1000 / PACER_PHASE_HZ

LONGEST_MS = 10_000.0
"""After a longer silence (a computer that slept) nobody saw the pacer meanwhile."""


class PacedTime:
    """The schedule so far, and how much of it has been told."""

    def __init__(self) -> None:
        self._schedule: tuple[PacerEvent, ...] = ()
        self._next = 0  # whole steps since the start of the session

    def change(self, part: PacerEvent) -> None:
        """Follow a change; one that was announced and has not begun is replaced."""
        before = (old for old in self._schedule if old.origin_ms < part.origin_ms)
        self._schedule = (*before, part)

    def go_on_from(self, t_ms: float) -> None:
        """Forget all of it: a replay goes on from ``t_ms``."""
        self._schedule = ()
        self._next = max(0, math.ceil(t_ms / STEP_MS))

    def until(self, t_ms: float) -> tuple[list[float], list[tuple[float, ...]]]:
        """Return instants up to ``t_ms`` that were not told yet, and their samples.

        Returns
        -------
        list of float, list of tuple
            Milliseconds since the session started; fullness, phase, breath and rate.
        """
        last = math.floor(t_ms / STEP_MS)
        first = max(self._next, math.ceil((t_ms - LONGEST_MS) / STEP_MS))
        self._next = max(self._next, last + 1)
        times_ms = [step * STEP_MS for step in range(first, last + 1)]
        schedule = self._schedule
        if not schedule:
            return [], []
        return times_ms, [_sample(schedule, at_ms) for at_ms in times_ms]


def _sample(schedule: tuple[PacerEvent, ...], t_ms: float) -> tuple[float, ...]:
    state = pacer.state_at(schedule, t_ms)
    return (
        state.fullness,
        PHASES.index(state.phase),
        state.breath,
        pacer.active(schedule, t_ms).rate_bpm,
    )
