"""The breathing pacer: a pure function of time.

A schedule is a tuple of :class:`~biofeedback.model.PacerEvent`, oldest first. Each
holds from its ``origin_ms`` on; a change begins where the breath that is under way
ends, so the position of the pacer never jumps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum

from biofeedback.errors import SettingsError
from biofeedback.model import PacerEvent, Value

DEFAULT_RATE_BPM = 6.0
"""Breaths a minute most people can start with (Sumińska 2026: no worse than own)."""

DEFAULT_INHALE_PCT = 40.0
"""Breathing out for longer felt more relaxing (Van Diest 2014); comfort decides."""

LARGEST_STEP_BPM = 0.5
"""The most that the pace changes at once."""

NATURAL_RATE_BPM = 10.0
"""Where a way down begins if nothing is known of a person's own breathing."""

RAMP_LIMIT_BPM = 12.0
RAMP_EASE_S = 30.0
"""Half a breath a minute in half a minute: one breath a minute in a minute."""

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


def glide(
    schedule: tuple[PacerEvent, ...],
    *,
    t_ms: float,
    rate_bpm: float,
    inhale_pct: float,
    hold_in_ms: int = 0,
    hold_out_ms: int = 0,
    ease_s: float | None = None,
    from_rate_bpm: float | None = None,
    origin_ms: float | None = None,
) -> tuple[PacerEvent, ...]:
    """Return the parts that take over when the breath under way at ``t_ms`` ends.

    Steps of at most half a breath a minute lead to ``rate_bpm``. Each lasts ``ease_s``
    seconds, and whole breaths; ``None`` goes there in one step. They begin at
    ``from_rate_bpm``, or at the pace that holds. ``origin_ms`` begins a breath there
    and then, whatever breath was under way: the person asked for it.

    Parts that were announced and have not begun give their place to these, so two
    quick changes never jump either; :func:`joined` puts them into the schedule.
    """
    begun = tuple(part for part in schedule if part.origin_ms <= t_ms)
    if origin_ms is not None and schedule:
        begun = tuple(part for part in schedule if part.origin_ms < origin_ms)
    if not schedule:
        start_ms, breath = t_ms if origin_ms is None else origin_ms, 0
    elif not begun:
        first = schedule[0]
        start_ms, breath = first.origin_ms, first.from_breath
    elif origin_ms is not None:
        start_ms, breath = origin_ms, state_at(begun, origin_ms).breath + 1
    else:
        state = state_at(begun, t_ms)
        start_ms, breath = state.breath_end_ms, state.breath + 1
    held_bpm = begun[-1].rate_bpm if begun else rate_bpm
    parts = []
    for step_bpm in _steps(held_bpm, rate_bpm, ease_s, from_rate_bpm):
        part = PacerEvent(
            t_ms=t_ms,
            origin_ms=start_ms,
            rate_bpm=step_bpm,
            inhale_pct=inhale_pct,
            hold_in_ms=hold_in_ms,
            hold_out_ms=hold_out_ms,
            from_breath=breath,
        )
        parts.append(part)
        n = max(1, math.ceil((ease_s or 0) * 1000 / period_ms(part)))
        start_ms, breath = start_ms + n * period_ms(part), breath + n
    return tuple(parts)


def _steps(
    held_bpm: float, to_bpm: float, ease_s: float | None, from_bpm: float | None
) -> tuple[float, ...]:
    if ease_s is None:
        return (to_bpm,)
    start_bpm = held_bpm if from_bpm is None else from_bpm
    n = math.ceil(abs(to_bpm - start_bpm) / LARGEST_STEP_BPM - 1e-9)
    first = 0 if from_bpm is not None and n else 1
    steps = tuple(
        round(start_bpm + (to_bpm - start_bpm) * i / n, 3) for i in range(first, n)
    )
    return (*steps, to_bpm)


def joined(
    schedule: tuple[PacerEvent, ...], parts: tuple[PacerEvent, ...]
) -> tuple[PacerEvent, ...]:
    """Return ``schedule`` with ``parts`` in place of all that had not begun."""
    start_ms = parts[0].origin_ms
    return (*(part for part in schedule if part.origin_ms < start_ms), *parts)


def ramp_from(natural_bpm: float | None, rate_bpm: float, minutes: float) -> float:
    """Return where a practice of ``minutes`` begins its way down to ``rate_bpm``.

    At the person's own rate, or at ten breaths a minute where that is not known; but
    one breath a minute is given up per minute at most (our rule: low and slow), and the
    way takes a third of the practice at most. So a short one begins closer.

    >>> ramp_from(None, 6.0, 3), ramp_from(14.0, 6.0, 10), ramp_from(5.0, 6.0, 10)
    (7.0, 9.5, 6.0)
    """
    natural = NATURAL_RATE_BPM if natural_bpm is None else natural_bpm
    highest = rate_bpm + minutes / 3
    start = max(rate_bpm, min(natural, highest, RAMP_LIMIT_BPM))
    return math.floor((start - rate_bpm) * 2 + 0.5) / 2 + rate_bpm


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


def held_ms(
    schedule: Sequence[PacerEvent], from_ms: float, to_ms: float
) -> dict[PacerEvent, float]:
    """Return how long each pace was on screen between two instants, in milliseconds.

    All times of one ``rate_bpm`` count together, under the last that asked for it.
    """
    held: dict[float, float] = {}
    last: dict[float, PacerEvent] = {}
    ends = [*(part.origin_ms for part in schedule[1:]), to_ms]
    for part, end_ms in zip(schedule, ends, strict=False):
        span_ms = min(end_ms, to_ms) - max(part.origin_ms, from_ms)
        if span_ms > 0:
            held[part.rate_bpm] = held.get(part.rate_bpm, 0.0) + span_ms
            last[part.rate_bpm] = part
    return {last[rate_bpm]: span_ms for rate_bpm, span_ms in held.items()}
