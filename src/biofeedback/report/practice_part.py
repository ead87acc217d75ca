"""What was practised, and the numbers of the beats while it was."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from biofeedback.live_metrics import shape_at
from biofeedback.model import Entry, Value
from biofeedback.practice import pacer
from biofeedback.practice.phases import NS_PER_MS, begins_practice
from biofeedback.report.marks import last_name
from biofeedback.report.reasons import (
    NO_BREATHS,
    NO_PACE,
    NO_PRACTICE,
    NO_RECORDING,
    NOT_FOLLOWED,
)
from biofeedback.report.values import (
    BreathingPart,
    Number,
)
from biofeedback.session.contents import Contents
from biofeedback.session.followed import followed_in
from biofeedback.signal.series import Series
from biofeedback.signal.summary import Summary, summarise
from biofeedback.store import PractisedRow


class Inside(Value, frozen=True):
    """The practice itself: its span, and the numbers of the beats inside."""

    from_ms: float
    to_ms: float
    summary: Summary | None = None
    followed_pct: float | None = None

    @property
    def length_s(self) -> float:
        """How long it was."""
        return max(0.0, self.to_ms - self.from_ms) / 1000

    @classmethod
    def of(cls, contents: Contents | None, from_ms: float, to_ms: float) -> Inside:
        """Return the numbers of what lies between two instants."""
        if contents is None or to_ms <= from_ms:
            return cls(from_ms=from_ms, to_ms=to_ms)
        schedule = contents.schedule
        series: Series = contents.series.timed()
        summary = summarise(
            _between(series, from_ms, to_ms),
            (to_ms - from_ms) / 1000,
            pacer.breaths(schedule, from_ms=from_ms, to_ms=to_ms),
            shape_at=partial(shape_at, schedule) if schedule else None,
        )
        followed = followed_in(series, schedule, from_ms, to_ms) if schedule else None
        return cls(
            from_ms=from_ms,
            to_ms=to_ms,
            summary=summary,
            followed_pct=None if followed is None else followed.followed_pct,
        )


def _between(series: Series, from_ms: float, to_ms: float) -> Series:
    inside = (series.t_ns >= from_ms * NS_PER_MS) & (series.t_ns <= to_ms * NS_PER_MS)
    joined = series.joined[inside].copy()
    joined[:1] = False
    return Series(
        series.t_ns[inside],
        series.rr_ms[inside],
        series.label[inside],
        joined,
        series.abrupt[inside],
    )


def breathing_part(
    contents: Contents | None,
    entries: Sequence[Entry],
    inside: Inside,
    practised: PractisedRow | None,
) -> BreathingPart:
    """Return what was practised; as it was kept, where it was."""
    schedule = () if contents is None else contents.schedule
    lost = NO_RECORDING if contents is None else None
    no_pace = lost or NO_PACE
    held = pacer.held_ms(schedule, inside.from_ms, inside.to_ms)
    part = max(held, key=lambda one: held[one]) if held else None
    marked = any(map(begins_practice, entries))
    followed = inside.followed_pct if practised is None else practised.followed_pct
    in_phase = None if practised is None else practised.in_phase_pct
    if practised is None and inside.summary is not None:
        in_phase = inside.summary.in_phase_pct
    exhale = rate_bpm = None
    if part is not None:
        rate_bpm = part.rate_bpm
        holds_pct = 100 * (part.hold_in_ms + part.hold_out_ms) / pacer.period_ms(part)
        exhale = 100 - part.inhale_pct - holds_pct
    minutes = inside.length_s / 60 if marked else None
    name = last_name(entries, "practice")
    if contents is None and practised is not None:  # what was kept of it
        name, rate_bpm = practised.practice, practised.rate_bpm
    rates = [one.rate_bpm for one in held]
    return BreathingPart(
        practice=name,
        from_s=inside.from_ms / 1000,
        to_s=inside.to_ms / 1000,
        minutes=Number.of(
            minutes if practised is None else practised.minutes,
            "min",
            lost or NO_PRACTICE,
        ),
        rate=Number.of(rate_bpm, "breaths/min", no_pace),
        slowest=Number.of(min(rates, default=rate_bpm), "breaths/min", no_pace),
        fastest=Number.of(max(rates, default=rate_bpm), "breaths/min", no_pace),
        inhale=Number.of(None if part is None else part.inhale_pct, "%", no_pace),
        exhale=Number.of(exhale, "%", no_pace),
        followed=Number.of(followed, "%", NOT_FOLLOWED if schedule else no_pace),
        in_phase=Number.of(in_phase, "%", NO_BREATHS if schedule else no_pace),
    )
