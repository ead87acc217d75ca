"""The resonance assessment as values: which pace when, what a step needs to count.

Two forms: *stepped*, five paces of two minutes with rests between (Shaffer & Meehan
2020), and *sliding*, one quarter of an hour in which each breath is a little longer
than the last (Fisher & Lehrer). It is offered, never asked for: nothing depends on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal

from biofeedback.errors import SettingsError
from biofeedback.model import Entry, Value
from biofeedback.practice.phases import ends_practice

RATES_BPM = (6.5, 6.0, 5.5, 5.0, 4.5)

STEP_S, REST_S = 120.0, 120.0
STEP_LIMITS_S, REST_LIMITS_S = (20.0, 600.0), (5.0, 600.0)

SLIDE_BPM = (6.75, 4.25)
SLIDE_MS = 67.0
"""How much longer each breath of the sliding form is than the one before."""

MAX_ERROR_BPM = 0.5
MAX_ARTEFACT_PCT = 5.0
MIN_STEADY = 0.5
"""Mean vector of the phases below which the heart did not keep the pacer's time: over
two minutes a breath that is 0.3 a minute off turns that far round."""

MIN_SMOOTH = 0.35
"""Share of the heart's movement that keeps the pacer's time, below which most of it is
something else: somebody who breathes at 13 a minute has 0.1."""

MIN_BREATHS = 4

HALF_STEP_BPM = 0.25

RECHECK_DAYS = 28
"""In 21 people resonance moved between test and retest in two thirds (Capdevila 2021,
Sci Rep 11:8400). After how long is not known; four weeks is our choice."""

RECHECK_RR_SHARE = 0.07
"""Capdevila ties that to the mean RR at rest. How far it must move is not known; this
is five beats a minute at 70, more than it differs from day to day by itself."""

DAY_NS = 86_400 * 1_000_000_000
NS_PER_MS = 1_000_000

NAME = "resonance"
REST, SLIDING, DONE = f"{NAME}/rest", f"{NAME}/sliding", f"{NAME}/done"

Form = Literal["stepped", "sliding"]


class Paced(Value, frozen=True):
    """From ``at_s`` after a part's begin on, breaths of this rate."""

    at_s: float
    rate_bpm: float


class Part(Value, frozen=True):
    """One part of an assessment.

    ``text`` is what the mark of its begin says in a recording. A rest has no ``paces``:
    the person breathes as they like.
    """

    kind: Literal["rest", "step", "slide"]
    text: str
    begins_s: float
    lasts_s: float
    paces: tuple[Paced, ...] = ()


class NotScored(StrEnum):
    """Why a step does not count; it can be repeated alone."""

    BREATHING_OFF = "breathing_off"
    """The measured breath was more than half a breath a minute off the pace."""
    UNSTEADY = "unsteady"
    """The heart did not keep the pace's time, so it was hardly breathed."""
    ARTEFACTS = "artefacts"
    TOO_SHORT = "too_short"


class Tried(Value, frozen=True):
    """A part that was recorded: from when to when, and its rate (``None``: slide)."""

    rate_bpm: float | None
    begin_ms: float
    end_ms: float


class Recheck(Value, frozen=True):
    """Whether an estimate is worth a new look, and why: its age, or RR at rest."""

    due: bool
    because: Literal["age", "rest_rr"] | None = None


def plan(
    form: Form = "stepped",
    *,
    steps_s: float = STEP_S,
    rests_s: float = REST_S,
) -> tuple[Part, ...]:
    """Return the parts of an assessment, in their order.

    Both begin with a rest, for the heart's rate at rest is part of the result. In the
    sliding form that is the only one, and ``steps_s`` says nothing.

    Raises
    ------
    SettingsError
        When steps or rests are of a length that is not offered.

    Examples
    --------
    >>> [part.text for part in plan()][:3], sum(part.lasts_s for part in plan()) / 60
    (['resonance/rest', 'resonance/6.5', 'resonance/rest'], 20.0)
    >>> rest, slide = plan("sliding")
    >>> len(slide.paces), round(slide.lasts_s / 60)
    (79, 15)
    """
    _check("A step", steps_s, STEP_LIMITS_S)
    _check("A rest", rests_s, REST_LIMITS_S)
    rest = Part(kind="rest", text=REST, begins_s=0.0, lasts_s=rests_s)
    if form == "sliding":
        return (rest, _slide(rests_s))
    parts, at_s = [], 0.0
    for rate in RATES_BPM:
        parts.append(Part(kind="rest", text=REST, begins_s=at_s, lasts_s=rests_s))
        at_s += rests_s
        parts.append(step(rate, steps_s, begins_s=at_s))
        at_s += steps_s
    return tuple(parts)


def step(rate_bpm: float, steps_s: float = STEP_S, *, begins_s: float = 0.0) -> Part:
    """Return one step, to be repeated alone for instance."""
    return Part(
        kind="step",
        text=f"{NAME}/{rate_bpm:g}",
        begins_s=begins_s,
        lasts_s=steps_s,
        paces=(Paced(at_s=0.0, rate_bpm=rate_bpm),),
    )


def part_at(parts: tuple[Part, ...], t_s: float) -> Part | None:
    """Return what holds at ``t_s``; ``None`` after the last.

    >>> part_at(plan(), 130).text, part_at(plan(), 1200)
    ('resonance/6.5', None)
    """
    return next((p for p in parts if p.begins_s <= t_s < p.begins_s + p.lasts_s), None)


def tried(entries: Iterable[Entry], end_ms: float) -> tuple[Tried, ...]:
    """Return the steps of a recording; one recorded again replaces the earlier one.

    A part ends where the next phase begins, with "dizzy", with the first answer after
    practice, or with the session at ``end_ms``.
    """
    found: dict[float | None, Tried] = {}
    for text, begin_ms, stop_ms in _marks(entries, end_ms):
        rate = rate_in(text)
        if rate is not None or text == SLIDING:
            found.pop(rate, None)
            found[rate] = Tried(rate_bpm=rate, begin_ms=begin_ms, end_ms=stop_ms)
    return tuple(found.values())


def rests(entries: Iterable[Entry], end_ms: float) -> tuple[tuple[float, float], ...]:
    """Return from when to when (ms) the person rested between steps."""
    return tuple(
        (begin_ms, stop_ms)
        for text, begin_ms, stop_ms in _marks(entries, end_ms)
        if text == REST
    )


def holds_assessment(entries: Iterable[Entry]) -> bool:
    """Say whether a part of an assessment was ever begun."""
    return any(
        entry.type == "phase" and (entry.text or "").startswith(f"{NAME}/")
        for entry in entries
    )


def rate_in(text: str) -> float | None:
    """Return the rate that the mark of a step names.

    >>> rate_in("resonance/5.5"), rate_in("resonance/rest"), rate_in("body_scan/1")
    (5.5, None, None)
    """
    name, _, rest = text.partition("/")
    if name != NAME:
        return None
    try:
        rate = float(rest)
    except ValueError:
        return None
    return rate if rate in RATES_BPM else None


def named_rate(breaths_per_min: float) -> float | None:
    """Return the step that a breath of the sliding form belongs to.

    >>> named_rate(6.7), named_rate(4.3), named_rate(7)
    (6.5, 4.5, None)
    """
    nearest = min(RATES_BPM, key=lambda rate: abs(rate - breaths_per_min))
    close = abs(nearest - breaths_per_min) <= HALF_STEP_BPM + 1e-6
    return nearest if close else None


def why_not(
    *,
    error_bpm: float | None,
    artefact_pct: float | None,
    synchrony: float | None,
    smoothness: float | None,
    n_breaths: int,
) -> NotScored | None:
    """Say why a step does not count; ``None`` if it does.

    Parameters
    ----------
    error_bpm
        How far the measured breath was off the pace; ``None`` where it was not
        measured, so that the heart alone tells whether the pace was followed.
    artefact_pct
        Share of its intervals that are flagged; ``None`` where there are none.
    synchrony
        Mean vector of the heart's phases against the pacer's, 0 to 1.
    smoothness
        Share of the heart's movement within a breath that is one wave, 0 to 1.
    n_breaths
        Clean breaths after the heart has settled.

    >>> steady = {"synchrony": 0.9, "smoothness": 0.9, "n_breaths": 9}
    >>> str(why_not(error_bpm=0.6, artefact_pct=0, **steady))
    'breathing_off'
    """
    if artefact_pct is not None and artefact_pct > MAX_ARTEFACT_PCT:
        return NotScored.ARTEFACTS
    if error_bpm is not None and error_bpm > MAX_ERROR_BPM:
        return NotScored.BREATHING_OFF
    if n_breaths < MIN_BREATHS or synchrony is None or smoothness is None:
        return NotScored.TOO_SHORT
    steady = synchrony >= MIN_STEADY and smoothness >= MIN_SMOOTH
    return None if steady else NotScored.UNSTEADY


def recheck(
    *,
    at_utc_ns: int,
    now_utc_ns: int,
    rest_rr_ms: float | None,
    rest_rr_now_ms: float | None,
) -> Recheck:
    """Say whether an estimate of ``at_utc_ns`` is worth a new look.

    >>> recheck(at_utc_ns=0, now_utc_ns=DAY_NS, rest_rr_ms=900, rest_rr_now_ms=800)
    Recheck(due=True, because='rest_rr')
    """
    if rest_rr_ms and rest_rr_now_ms:
        if abs(rest_rr_now_ms / rest_rr_ms - 1) > RECHECK_RR_SHARE:
            return Recheck(due=True, because="rest_rr")
    if now_utc_ns - at_utc_ns > RECHECK_DAYS * DAY_NS:
        return Recheck(due=True, because="age")
    return Recheck(due=False)


def _slide(begins_s: float) -> Part:
    fastest, slowest = SLIDE_BPM
    paces, at_ms, period_ms = [], 0.0, 60_000 / fastest
    while period_ms < 60_000 / slowest + SLIDE_MS / 2:
        paces.append(Paced(at_s=at_ms / 1000, rate_bpm=60_000 / period_ms))
        at_ms += period_ms
        period_ms += SLIDE_MS
    return Part(
        kind="slide",
        text=SLIDING,
        begins_s=begins_s,
        lasts_s=at_ms / 1000,
        paces=tuple(paces),
    )


def _marks(entries: Iterable[Entry], end_ms: float) -> list[tuple[str, float, float]]:
    """Return each phase's text, begin and end (ms)."""
    marks: list[tuple[str, float]] = []
    for entry in entries:
        at_ms = entry.t_ns / NS_PER_MS if entry.at_ms is None else entry.at_ms
        if ends_practice(entry):
            marks.append(("", at_ms))
        elif entry.type == "phase" and entry.text:
            marks.append((entry.text, at_ms))
    marks.sort(key=lambda mark: mark[1])
    ends = [*(at_ms for _, at_ms in marks[1:]), end_ms]
    return [(t, b, e) for (t, b), e in zip(marks, ends, strict=False) if e > b]


def _check(what: str, seconds: float, limits_s: tuple[float, float]) -> None:
    low, high = limits_s
    if not low <= seconds <= high:
        raise SettingsError(
            f"{what} of {seconds:g} s is not offered.",
            f"Choose between {low:g} and {high:g} s.",
        )
