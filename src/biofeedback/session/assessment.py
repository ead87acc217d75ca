"""The report of a resonance assessment: from what a session holds, live or recorded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from biofeedback.live_metrics import shape_at
from biofeedback.model import Entry, PacerEvent, Value
from biofeedback.pipeline import ALGORITHM
from biofeedback.practice import pacer
from biofeedback.practice.resonance import (
    RATES_BPM,
    Form,
    NotScored,
    Tried,
    named_rate,
    rests,
    tried,
    why_not,
)
from biofeedback.recording.reader import Recording
from biofeedback.session.followed import chest_at
from biofeedback.signal.breathing import MIN_CONFIDENCE, best, breathing_from_rr
from biofeedback.signal.frequency_domain import SEGMENT_S
from biofeedback.signal.history import spectra
from biofeedback.signal.resonance import Criteria, Pace, irregular, pace, resonance
from biofeedback.signal.respiration import Breath
from biofeedback.signal.series import NS_PER_S, Series
from biofeedback.signal.time_domain import unsuitable

NS_PER_MS = 1_000_000
ASKED_EVERY_S = 8
REST_SETTLES_MS = 30_000.0
"""Left out at the start of a rest, half of a shorter one: the heart is on its way."""

OF_THIS_PACE = 0.02
"""A breath belongs to a step if its rate is that close to the step's, as a share."""

UNRELIABLE = "Measurement not reliable, not a finding: the rhythm is too irregular."
ASSUMED = "Pacing assumed, not measured."
TOO_FEW = "Fewer than three paces count, so no curve can be laid through them."
NO_STEPS = "No step has been recorded."


class Step(Value, frozen=True):
    """One pace of an assessment, as measured.

    ``breath_error_bpm`` is how far the measured breath was off the pace (median), by
    ``breath_source`` (``acc`` or ``rr``); ``None`` where it was not measured.
    ``probability`` is that this pace is the strongest, ``None`` for one that does not
    count, with the reason in ``not_scored``. ``phase_deg`` holds the strap's own delay.
    """

    rate_bpm: float
    begin_ms: float
    duration_s: float
    inhale_pct: float
    n_breaths: int
    breath_error_bpm: float | None
    breath_source: str | None
    artefact_pct: float | None
    criteria: Criteria
    phase_deg: float | None
    probability: float | None
    scored: bool
    not_scored: NotScored | None


class Estimate(Value, frozen=True):
    """Where the answer was strongest; see :class:`~.signal.resonance.Resonance`."""

    rate_bpm: float
    probability: float
    estimate_bpm: float
    low_bpm: float
    high_bpm: float
    at_edge: bool


class Assessment(Value, frozen=True):
    """What one assessment found, and all that must be known to believe it.

    ``status`` is ``complete`` only where every step that was asked for has its rate,
    duration, ratio, breath-follow error, artefacts, six criteria and probability, and
    the report its date and RR at rest; ``missing`` says what lacks. ``unreliable``
    gives no estimate. ``breathing`` is ``assumed`` where no step's breath was measured.
    """

    form: Form
    status: Literal["complete", "incomplete", "unreliable"]
    missing: tuple[str, ...]
    reason: str | None
    date: str | None
    rest_rr_ms: float | None
    breathing: Literal["measured", "assumed"]
    breathing_note: str | None
    steps: tuple[Step, ...]
    estimate: Estimate | None
    algorithm: str = ALGORITHM


def assess(
    series: Series,
    schedule: tuple[PacerEvent, ...],
    entries: Sequence[Entry],
    *,
    end_ms: float,
    started_at_utc_ns: int | None,
    chest: Recording | None = None,
) -> Assessment | None:
    """Return the report of what a session holds so far.

    Parameters
    ----------
    series
        Its judged intervals.
    schedule, entries
        What a pipeline has gathered.
    end_ms
        Until when on the session's clock.
    started_at_utc_ns
        When the session began, for the date.
    chest
        The recording, if it holds acceleration: it shows the breath itself.

    Returns
    -------
    ``None`` when the session holds no step of an assessment.
    """
    spans = tried(entries, end_ms)
    if not spans:
        return None
    series = series.timed()
    groups = _groups(spans, schedule)
    form: Form = "sliding" if any(s.rate_bpm is None for s in spans) else "stepped"
    errors = _breath_errors(series, spans, schedule, chest)
    shape = partial(shape_at, schedule) if schedule else None
    measured = [
        (pace(series, rate, breaths, shape), breaths) for rate, breaths in groups
    ]
    refused = _refused(series, spans)
    steps = [
        _step(series, found, breaths, schedule, errors.get(found.rate_bpm))
        for found, breaths in measured
    ]
    counting = [
        found
        for (found, _), step in zip(measured, steps, strict=True)
        if step.scored and not refused
    ]
    result = resonance(counting)
    if result is not None:
        share = dict(
            zip((p.rate_bpm for p in counting), result.probabilities, strict=True)
        )
        steps = [_with_probability(step, share) for step in steps]
    date = None
    if started_at_utc_ns is not None:
        date = datetime.fromtimestamp(started_at_utc_ns / NS_PER_S, UTC).isoformat()
    rest_rr_ms = _rest_rr_ms(series, entries, end_ms)
    missing = _missing(steps, date, rest_rr_ms)
    known = any(step.breath_error_bpm is not None for step in steps)
    reason = UNRELIABLE if refused else None
    if result is None and not refused:
        reason = TOO_FEW if steps else NO_STEPS
    return Assessment(
        form=form,
        status="unreliable" if refused else "incomplete" if missing else "complete",
        missing=missing,
        reason=reason,
        date=date,
        rest_rr_ms=rest_rr_ms,
        breathing="measured" if known else "assumed",
        breathing_note=None if known else ASSUMED,
        steps=tuple(steps),
        estimate=None
        if result is None
        else Estimate(
            rate_bpm=result.rate_bpm,
            probability=result.probability,
            estimate_bpm=result.estimate_bpm,
            low_bpm=result.low_bpm,
            high_bpm=result.high_bpm,
            at_edge=result.at_edge,
        ),
    )


def assessment_of(path: Path) -> Assessment | None:
    """Return the report of a recording; ``None`` when it holds no assessment. Blocks.

    Raises
    ------
    RecordingError
        When the recording is damaged or foreign.
    """
    from biofeedback.session.contents import contents_of

    held = contents_of(path)
    if held.recording is None or not tried(held.entries, 1000 * held.duration_s):
        return None
    return assess(
        held.series,
        held.schedule,
        held.entries,
        end_ms=1000 * held.duration_s,
        started_at_utc_ns=held.recording.info.started_at_utc_ns,
        chest=held.recording if held.has_acc else None,
    )


def _groups(
    spans: Sequence[Tried], schedule: tuple[PacerEvent, ...]
) -> list[tuple[float, tuple[Breath, ...]]]:
    """Return the breaths of each pace, fastest first."""
    found: dict[float, list[Breath]] = {}
    for span in spans:
        breaths = pacer.breaths(schedule, from_ms=span.begin_ms, to_ms=span.end_ms)
        for breath in breaths:
            rate = 60 * NS_PER_S / (breath[1] - breath[0])
            if span.rate_bpm is None:
                named = named_rate(rate)
            elif abs(rate / span.rate_bpm - 1) <= OF_THIS_PACE:
                named = span.rate_bpm
            else:
                named = None  # that of before, which was still under way
            if named is not None:
                found.setdefault(named, []).append(breath)
        if span.rate_bpm is not None:
            found.setdefault(span.rate_bpm, [])
    return [(rate, tuple(found[rate])) for rate in sorted(found, reverse=True)]


def _step(
    series: Series,
    found: Pace,
    breaths: Sequence[Breath],
    schedule: tuple[PacerEvent, ...],
    error: tuple[float, str] | None,
) -> Step:
    begin_ns, end_ns = (breaths[0][0], breaths[-1][1]) if breaths else (0, 0)
    inside = series.between(begin_ns, end_ns)
    n = len(inside)
    n_flagged = int(np.count_nonzero(~inside.normal))
    artefact_pct = 100 * n_flagged / n if n else None
    reason = why_not(
        error_bpm=error[0] if error else None,
        artefact_pct=artefact_pct,
        synchrony=found.criteria.synchrony,
        smoothness=found.criteria.smoothness,
        n_breaths=len(found.answers),
    )
    part = pacer.active(schedule, begin_ns / NS_PER_MS)
    return Step(
        rate_bpm=found.rate_bpm,
        begin_ms=begin_ns / NS_PER_MS,
        duration_s=(end_ns - begin_ns) / NS_PER_S,
        inhale_pct=part.inhale_pct,
        n_breaths=len(found.answers),
        breath_error_bpm=error[0] if error else None,
        breath_source=error[1] if error else None,
        artefact_pct=artefact_pct,
        criteria=found.criteria,
        phase_deg=found.phase_deg,
        probability=None,
        scored=reason is None,
        not_scored=reason,
    )


def _with_probability(step: Step, share: dict[float, float]) -> Step:
    return msgspec.structs.replace(step, probability=share.get(step.rate_bpm))


def _refused(series: Series, spans: Sequence[Tried]) -> bool:
    """Say whether the rhythm within the steps is too irregular."""
    n = n_irregular = 0
    for span in spans:
        part = series.between(
            round(span.begin_ms * NS_PER_MS), round(span.end_ms * NS_PER_MS)
        )
        n += len(part)
        if irregular(part) or unsuitable(part) is not None:
            n_irregular += len(part)
    return n_irregular > n / 2


def _breath_errors(
    series: Series,
    spans: Sequence[Tried],
    schedule: tuple[PacerEvent, ...],
    chest: Recording | None,
) -> dict[float, tuple[float, str]]:
    """Return how far the measured breath was off each pace, and what measured it.

    A measurement looks back on 64 s and is held against the pace in their middle.
    """
    asked = [
        (at_ms, span)
        for span in spans
        for at_ms in np.arange(
            span.begin_ms + 1000 * SEGMENT_S, span.end_ms + 1, 1000 * ASKED_EVERY_S
        ).tolist()
    ]
    if not asked or not len(series) or not schedule:
        return {}
    t_ns = [round(at_ms * NS_PER_MS) for at_ms, _ in asked]
    newest = np.searchsorted(series.t_ns, t_ns, side="right") - 1
    density, _ = spectra(series, series.clock[np.maximum(newest, 0)])
    by_chest = chest_at(chest, sorted(t_ns)) if chest is not None else {}
    found: dict[float, list[tuple[float, str]]] = {}
    for k, (at_ms, span) in enumerate(asked):
        middle_ms = at_ms - 500 * SEGMENT_S
        rate = pacer.active(schedule, middle_ms).rate_bpm
        name = named_rate(rate) if span.rate_bpm is None else span.rate_bpm
        late_ns = t_ns[k] - int(series.t_ns[max(newest[k], 0)])
        heart = None
        if newest[k] >= 0 and late_ns < 5 * NS_PER_S and not np.isnan(density[k]).any():
            heart = breathing_from_rr(density[k])
        of_chest, moving = by_chest.get(t_ns[k], (None, None))
        measured = best(of_chest, None if moving else heart)
        if measured is None or measured.confidence < MIN_CONFIDENCE or name is None:
            continue
        off = abs(measured.breaths_per_min - rate)
        found.setdefault(name, []).append((off, measured.source))
    return {
        name: (float(np.median([off for off, _ in seen])), seen[-1][1])
        for name, seen in found.items()
    }


def _rest_rr_ms(
    series: Series, entries: Sequence[Entry], end_ms: float
) -> float | None:
    """Return the mean NN while the person rested between the steps."""
    nn: list[float] = []
    for begin_ms, stop_ms in rests(entries, end_ms):
        settled_ms = begin_ms + min(REST_SETTLES_MS, (stop_ms - begin_ms) / 2)
        part = series.between(round(settled_ms * NS_PER_MS), round(stop_ms * NS_PER_MS))
        nn += part.rr_ms[part.normal].tolist()
    return float(np.mean(nn)) if nn else None


def _missing(
    steps: Sequence[Step], date: str | None, rest_rr_ms: float | None
) -> tuple[str, ...]:
    """Return what a whole report would have and this one has not."""
    lacks = []
    known = {step.rate_bpm for step in steps}
    for rate in RATES_BPM:
        if rate not in known:
            lacks.append(f"{rate:g}: step")
    for step in steps:
        name = f"{step.rate_bpm:g}"
        if step.not_scored is not None:
            lacks.append(f"{name}: {step.not_scored}")
            continue
        for measure in ("breath_error_bpm", "artefact_pct"):
            if getattr(step, measure) is None:
                lacks.append(f"{name}: {measure}")
        for criterion in Criteria.__struct_fields__:
            if getattr(step.criteria, criterion) is None:
                lacks.append(f"{name}: {criterion}")
        if step.probability is None:
            lacks.append(f"{name}: probability")
    if date is None:
        lacks.append("date")
    if rest_rr_ms is None:
        lacks.append("rest_rr_ms")
    return tuple(lacks)
