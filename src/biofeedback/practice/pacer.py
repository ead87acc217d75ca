"""The breathing pacer: a pure function of time.

A schedule is a tuple of :class:`~biofeedback.model.PacerEvent`, oldest first. Each
holds from its ``origin_ms`` on; a change begins where the breath that is under way
ends, so the position of the pacer never jumps.
"""

from __future__ import annotations

import math
from enum import StrEnum

from biofeedback.errors import SettingsError
from biofeedback.model import PacerEvent, Value

DEFAULT_RATE_BPM = 6.0
"""Breaths a minute most people can start with (Sumińska 2026: no worse than own)."""

DEFAULT_INHALE_PCT = 40.0
"""Breathing out for longer felt more relaxing (Van Diest 2014); comfort decides."""

RATE_LIMITS_BPM = (3.0, 20.0)
INHALE_LIMITS_PCT = (20.0, 80.0)

NS_PER_MS = 1_000_000


class Phase(StrEnum):
    """A part of one breath."""

    IN = "in"
    HOLD_IN = "hold_in"
    OUT = "out"
    HOLD_OUT = "hold_out"


class PacerState(Value, frozen=True):
    """Where the pacer is: ``fullness`` 0 is empty lungs, 1 is full."""

    breath: int
    phase: Phase
    fullness: float
    breath_start_ms: float
    breath_end_ms: float


def period_ms(schedule: PacerEvent) -> float:
    """Return the length of one breath in milliseconds."""
    return 60_000 / schedule.rate_bpm


def inhale_ms(schedule: PacerEvent) -> float:
    """Return how long breathing in lasts: its share of what the holds leave."""
    moving_ms = period_ms(schedule) - schedule.hold_in_ms - schedule.hold_out_ms
    return moving_ms * schedule.inhale_pct / 100


def check(
    *, rate_bpm: float, inhale_pct: float, hold_in_ms: int, hold_out_ms: int
) -> None:
    """Refuse a pace nobody should be asked to breathe.

    Raises
    ------
    SettingsError
        With the limits, when a value lies outside them.
    """
    low, high = RATE_LIMITS_BPM
    if not low <= rate_bpm <= high:
        raise SettingsError(
            f"A pace of {rate_bpm:g} breaths a minute is not offered.",
            f"Choose between {low:g} and {high:g}.",
        )
    low, high = INHALE_LIMITS_PCT
    if not low <= inhale_pct <= high:
        raise SettingsError(
            f"Breathing in for {inhale_pct:g} % of the breath is not offered.",
            f"Choose between {low:g} and {high:g}.",
        )
    holds_ms = hold_in_ms + hold_out_ms
    if min(hold_in_ms, hold_out_ms) < 0 or holds_ms > 0.5 * 60_000 / rate_bpm:
        raise SettingsError(
            "The rests are longer than half of the breath.",
            "Make them shorter, or the breath slower.",
        )


def active(schedule: tuple[PacerEvent, ...], t_ms: float) -> PacerEvent:
    """Return the part of ``schedule`` that holds at ``t_ms``.

    Before the first origin the first part holds.
    """
    for part in reversed(schedule):
        if part.origin_ms <= t_ms:
            return part
    return schedule[0]


def state_at(schedule: tuple[PacerEvent, ...], t_ms: float) -> PacerState:
    """Return where the pacer is at ``t_ms``.

    The lungs fill and empty along half a cosine, so that the pacer is slow where a
    breath turns.
    """
    part = active(schedule, t_ms)
    period = period_ms(part)
    k = math.floor((t_ms - part.origin_ms) / period)
    start = part.origin_ms + k * period
    inhale = inhale_ms(part)
    exhale = period - inhale - part.hold_in_ms - part.hold_out_ms
    elapsed = t_ms - start
    if elapsed < inhale:
        phase, fullness = Phase.IN, _ease(elapsed / inhale)
    elif elapsed < inhale + part.hold_in_ms:
        phase, fullness = Phase.HOLD_IN, 1.0
    elif elapsed < inhale + part.hold_in_ms + exhale:
        share = (elapsed - inhale - part.hold_in_ms) / exhale
        phase, fullness = Phase.OUT, 1 - _ease(share)
    else:
        phase, fullness = Phase.HOLD_OUT, 0.0
    return PacerState(
        breath=part.from_breath + k,
        phase=phase,
        fullness=fullness,
        breath_start_ms=start,
        breath_end_ms=start + period,
    )


def change(
    schedule: tuple[PacerEvent, ...],
    *,
    t_ms: float,
    rate_bpm: float,
    inhale_pct: float,
    hold_in_ms: int = 0,
    hold_out_ms: int = 0,
) -> PacerEvent:
    """Return the part that takes over when the breath under way at ``t_ms`` ends.

    A part that was announced but has not begun gives its place to the new one, so two
    quick changes never jump either.
    """
    if not schedule:
        origin_ms, breath = t_ms, 0
    else:
        last = schedule[-1]
        if t_ms < last.origin_ms:  # announced, not yet begun: replace it in place
            origin_ms, breath = last.origin_ms, last.from_breath
        else:
            state = state_at(schedule, t_ms)
            origin_ms, breath = state.breath_end_ms, state.breath + 1
    return PacerEvent(
        t_ms=t_ms,
        origin_ms=origin_ms,
        rate_bpm=rate_bpm,
        inhale_pct=inhale_pct,
        hold_in_ms=hold_in_ms,
        hold_out_ms=hold_out_ms,
        from_breath=breath,
    )


def breaths(
    schedule: tuple[PacerEvent, ...], *, from_ms: float, to_ms: float
) -> tuple[tuple[int, int], ...]:
    """Return start and end (ns) of the whole breaths between two instants."""
    found = []
    ends = [*(later.origin_ms for later in schedule[1:]), math.inf]
    for part, end_ms in zip(schedule, ends, strict=False):
        period = period_ms(part)
        k = max(0, math.ceil((from_ms - part.origin_ms) / period))
        # The tolerance forgives a rounding error at the last breath before a change.
        while (stop := part.origin_ms + (k + 1) * period) <= min(end_ms + 1e-6, to_ms):
            start = part.origin_ms + k * period
            found.append((round(start * NS_PER_MS), round(stop * NS_PER_MS)))
            k += 1
    return tuple(found)


def _ease(share: float) -> float:
    return (1 - math.cos(math.pi * min(max(share, 0.0), 1.0))) / 2
