"""Whether the pace on screen was really breathed, in a recording, as measured."""

from __future__ import annotations

import numpy as np

from biofeedback.model import (
    Breathing,
    PacerEvent,
    Signal,
    Value,
)
from biofeedback.recording.reader import Recording
from biofeedback.session.sampled import samples_of
from biofeedback.signal.breathing import best, breathing_from_rr, followed
from biofeedback.signal.breathing_acc import AXES, AccBreathing
from biofeedback.signal.frequency_domain import SEGMENT_S
from biofeedback.signal.history import spectra
from biofeedback.signal.series import NS_PER_S, Series

NS_PER_MS = 1_000_000

EVERY_S = 8
"""How often it is asked: neighbouring 64 s have little new in less."""


class Followed(Value, frozen=True):
    """How much of the practice somebody breathed with the pacer.

    ``followed_pct`` is the share of the instants at which that could be said;
    ``known_pct`` how many those are.
    """

    followed_pct: float | None
    known_pct: float


def followed_in(
    series: Series,
    schedule: tuple[PacerEvent, ...],
    from_ms: float,
    to_ms: float,
    chest: Recording | None = None,
) -> Followed | None:
    """Return how much of a practice was breathed with the pacer.

    Parameters
    ----------
    series
        All intervals.
    schedule, from_ms, to_ms
        The pacer's, and when it was on screen.
    chest
        The recording, if it holds acceleration: it shows the breath itself.

    Returns
    -------
    ``None`` where no pace lasted for the 64 s that a measurement looks back on.
    """
    asked = _instants(schedule, from_ms, to_ms)
    if not asked or not len(series):
        return None
    t_ns = np.array([round(at_ms * NS_PER_MS) for at_ms, _ in asked])
    newest = np.searchsorted(series.t_ns, t_ns, side="right") - 1
    density, _ = spectra(series, series.clock[np.maximum(newest, 0)])
    by_chest = chest_at(chest, t_ns.tolist()) if chest is not None else {}
    answers = []
    for k, (_, rate) in enumerate(asked):
        age_ns = t_ns[k] - series.t_ns[max(newest[k], 0)]
        known = newest[k] >= 0 and age_ns < 5 * NS_PER_S
        heart = None
        if known and not np.isnan(density[k]).any():
            heart = breathing_from_rr(density[k])
        chest_rate, moving = by_chest.get(int(t_ns[k]), (None, None))
        measured = best(chest_rate, None if moving else heart)
        answers.append(followed(measured, rate))
    said = [answer for answer in answers if answer is not None]
    return Followed(
        followed_pct=100 * sum(said) / len(said) if said else None,
        known_pct=100 * len(said) / len(answers),
    )


def _instants(
    schedule: tuple[PacerEvent, ...], from_ms: float, to_ms: float
) -> list[tuple[float, float]]:
    """Return when to ask (ms), and for which pace: once it has run for 64 s."""
    ends = [*(part.origin_ms for part in schedule[1:]), to_ms]
    return [
        (float(at_ms), part.rate_bpm)
        for part, end_ms in zip(schedule, ends, strict=True)
        for at_ms in np.arange(
            max(part.origin_ms, from_ms) + 1000 * SEGMENT_S,
            min(end_ms, to_ms) + 1,
            1000 * EVERY_S,
        )
    ]


def chest_at(
    recording: Recording, asked_ns: list[int]
) -> dict[int, tuple[Breathing | None, bool | None]]:
    """Return rate and movement at each instant, as they were known then."""
    chest, waiting = AccBreathing(), list(reversed(asked_ns))
    found: dict[int, tuple[Breathing | None, bool | None]] = {}

    def ask_until(t_ns: int) -> None:
        while waiting and waiting[-1] < t_ns:
            at_ns = waiting.pop()
            found[at_ns] = (chest.rate(at_ns), chest.moving(at_ns))

    for event in samples_of(recording, Signal.ACC):
        t_ns = round(event.t_ms * NS_PER_MS)
        ask_until(t_ns)
        if event.channels == AXES:
            chest.add(t_ns, event.values, event.interval_ms, event.segment)
    ask_until(asked_ns[-1] + 1)
    return found
