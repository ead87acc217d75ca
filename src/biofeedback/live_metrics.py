"""What is shown once a second: the live windows' numbers, rounded and gated."""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec

from biofeedback.model import (
    Activation,
    AnyEvent,
    Baseline,
    Breathing,
    Entry,
    MetricsEvent,
    PacerEvent,
    RestatedEvent,
    SamplesEvent,
    Signal,
    WindowMetrics,
    Windows,
)
from biofeedback.practice import pacer
from biofeedback.practice.phases import begins_practice, paced_after
from biofeedback.signal.activation import (
    WINDOW_S,
    ActivationTracker,
    Estimate,
    Reading,
)
from biofeedback.signal.breathing import best, followed
from biofeedback.signal.breathing_acc import AXES, AccBreathing
from biofeedback.signal.breathing_paced import Shape
from biofeedback.signal.frequency_domain import SEGMENT_S
from biofeedback.signal.lane import Numbers
from biofeedback.signal.respiration import Rsa, recent_for
from biofeedback.signal.segments import Welch, power_s
from biofeedback.signal.windows import LiveWindows

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000

EXACT = 9
"""Decimals of RMSSD and SDNN in live messages: within 1e-9 ms of the engine's."""

FINE = 5
PEAK = 4
"""0.0001 Hz is how well a peak can be placed."""

COARSE = 1
ROUGH = 3
"""Decimals of the rest. More would be noise that no packer can pack: full floats would
make up a quarter of a recording."""


class LiveMetrics:
    """Gathers what a session knows beside its intervals, and tells all once a second.

    Parameters
    ----------
    windows
        The newest intervals.

    Attributes
    ----------
    natural_bpm
        How fast somebody breathed when nothing paced them, as measured last.
    paced, paced_from_ms
        Whether the pacer is on screen, and since when on the session's clock.
    told
        What was told last.
    """

    def __init__(self, windows: LiveWindows) -> None:
        self._windows = windows
        self.natural_bpm: float | None = None
        self.told: MetricsEvent | None = None
        self._chest = AccBreathing()
        self._activation = ActivationTracker()
        self.paced = True
        self.paced_from_ms = 0.0
        self._breaths: _Breaths | None = None

    @property
    def baseline(self) -> Baseline | None:
        """The resting minutes of this session, or those it was given."""
        return self._activation.baseline

    @property
    def gathering(self) -> bool:
        """Whether resting minutes are still being gathered."""
        return self._activation.gathering

    def begin(self, baseline: Baseline | None, *, paced: bool = True) -> None:
        """Start with the resting minutes of an earlier session of the day, if any.

        A session that is not ``paced`` has no pacer, as one that was imported.
        """
        self.paced = paced
        self._activation = ActivationTracker(baseline)

    def enter(self, entry: Entry) -> None:
        """Note what somebody did: it may begin or end the pacer's time."""
        paced, self.paced = self.paced, paced_after(entry, self.paced)
        if begins_practice(entry):
            self.paced_from_ms = ms(entry.t_ns)
            self._activation.begin_practice()
        elif paced and not self.paced and entry.moment == "before":
            self._activation.not_paced_so_far()

    def sense(self, samples: SamplesEvent) -> None:
        """Take in a frame of samples: the chest tells how it breathes and moves."""
        if samples.signal is Signal.ACC and samples.channels == AXES:
            self._chest.add(
                round(samples.t_ms * NS_PER_MS),
                samples.values,
                samples.interval_ms,
                samples.segment,
            )

    def tick(self, t_ns: int, schedule: tuple[PacerEvent, ...]) -> Iterator[AnyEvent]:
        """Tell all that is known at ``t_ns``, and why if it is not."""
        for told, windows in self._windows.restated():
            shown = _shown(windows, suitable=told.suitable)
            if shown != _settled(told.windows):
                yield RestatedEvent(t_ms=ms(t_ns), at_ms=ms(told.t_ns), window_s=shown)
        event = self._metrics(t_ns, ms(t_ns), schedule)
        self._windows.tell(t_ns, event.window_s, event.suitable)
        self.told = event
        yield event

    def _metrics(
        self, t_ns: int, t_ms: float, schedule: tuple[PacerEvent, ...]
    ) -> MetricsEvent:
        numbers = self._windows.numbers(t_ns)
        suitable = not numbers.unsuitable
        spectrum, welch = numbers.spectrum, numbers.welch if suitable else Welch()
        rsa = self._answer(t_ns, t_ms, schedule) if suitable and schedule else None
        moving = self._chest.moving(t_ns)
        breathing = self._breathing(t_ns, numbers, moving)
        if breathing and not self.paced and breathing.confidence >= 0.5:
            self.natural_bpm = breathing.breaths_per_min
        estimate = self._activated(t_ns, numbers, moving)
        activation = estimate if isinstance(estimate, Activation) else None
        settled = self._windows.lane.settled
        return MetricsEvent(
            t_ms=t_ms,
            window_s=_shown(numbers.windows, suitable),
            lf_ms2=_round(welch.lf_ms2, ROUGH),
            hf_ms2=_round(welch.hf_ms2, ROUGH),
            power_s=power_s(welch.n_segments),
            lf_peak_hz=_round(spectrum.lf_peak_hz, PEAK),
            rsa_bpm=_round(rsa.rsa_bpm if rsa else None, ROUGH),
            rsa_ms=_round(rsa.rsa_ms if rsa else None, ROUGH),
            coherence_ratio=_round(spectrum.coherence_ratio, ROUGH - 1),
            phase_deg=_round(rsa.phase_deg if rsa else None, COARSE),
            in_phase_pct=_round(rsa.in_phase_pct if rsa else None, COARSE),
            breathing=_shown_breathing(breathing) if breathing else None,
            followed=self._followed(t_ms, schedule, breathing),
            activation=_shown_activation(activation) if activation else None,
            activation_reason=None if activation else str(estimate),
            suitable=suitable,
            reason=spectrum.reason,
            settled_index=settled if settled >= 0 else None,
        )

    def _answer(
        self, t_ns: int, t_ms: float, schedule: tuple[PacerEvent, ...]
    ) -> Rsa | None:
        """Return how the heart answered the pacer's last breaths."""
        part = pacer.active(schedule, t_ms)
        recent_ns = recent_for(round(pacer.period_ms(part) * NS_PER_MS))
        from_ms = max(ms(t_ns - recent_ns), self.paced_from_ms)
        known = self._breaths
        if known is None or not known.holds(schedule, from_ms, t_ms):
            known = self._breaths = _Breaths(schedule, from_ms, t_ms)
        breaths = known.found
        return self._windows.rsa(breaths, lambda at_ns: shape_at(schedule, at_ns))

    def _breathing(
        self, t_ns: int, numbers: Numbers, moving: bool | None
    ) -> Breathing | None:
        return best(self._chest.rate(t_ns), None if moving else numbers.breathing)

    def _followed(
        self,
        t_ms: float,
        schedule: tuple[PacerEvent, ...],
        breathing: Breathing | None,
    ) -> bool | None:
        """Say whether the pace is followed, once it has been for a whole segment."""
        if not self.paced or not schedule:
            return None
        part = pacer.active(schedule, t_ms)
        since_ms = max(part.origin_ms, self.paced_from_ms)
        if t_ms - since_ms < 1000 * SEGMENT_S:
            return None
        return followed(breathing, part.rate_bpm)

    def _activated(self, t_ns: int, numbers: Numbers, moving: bool | None) -> Estimate:
        minute = numbers.windows.w60
        return self._activation.tick(
            t_ns / NS_PER_S,
            Reading(
                hr_bpm=minute.hr_bpm,
                rmssd_ms=minute.rmssd_ms,
                clean_s=minute.coverage * WINDOW_S,
                artefact_pct=minute.artefact_pct,
                age_s=(t_ns - self._windows.lane.newest_ns) / NS_PER_S,
                paced=self.paced,
                moving=moving,
                suitable=not numbers.unsuitable,
            ),
        )


class _Breaths:
    """The pacer's breaths between two instants, and until when they stay the same."""

    def __init__(
        self, schedule: tuple[PacerEvent, ...], from_ms: float, to_ms: float
    ) -> None:
        self.found = pacer.breaths(schedule, from_ms=from_ms, to_ms=to_ms)
        self._schedule = schedule
        self._from_ms = from_ms
        part = schedule[-1]
        period = pacer.period_ms(part)
        # Nothing of what came before the newest part is asked for any more.
        self._alone = from_ms >= part.origin_ms
        self._first = math.ceil((from_ms - part.origin_ms) / period)
        after = part.origin_ms + (self._first + len(self.found) + 1) * period
        self._until_ms = after

    def holds(
        self, schedule: tuple[PacerEvent, ...], from_ms: float, to_ms: float
    ) -> bool:
        """Say whether :func:`pacer.breaths` would find the same."""
        if schedule is not self._schedule or from_ms < self._from_ms:
            return False
        if not self._alone or to_ms >= self._until_ms:
            return False
        part = schedule[-1]
        first = math.ceil((from_ms - part.origin_ms) / pacer.period_ms(part))
        return first == self._first


def shape_at(schedule: tuple[PacerEvent, ...], t_ns: int) -> Shape:
    """Return how the pacer divides a breath at ``t_ns``."""
    part = pacer.active(schedule, ms(t_ns))
    period = pacer.period_ms(part)
    return Shape(
        inhale_share=part.inhale_pct / 100,
        hold_in_share=part.hold_in_ms / period,
        hold_out_share=part.hold_out_ms / period,
    )


def ms(t_ns: int) -> float:
    """Return nanoseconds as the milliseconds of a message, to the microsecond."""
    return round(t_ns / NS_PER_MS, 3)


def _shown(windows: Windows, suitable: bool) -> Windows:
    """Round what is shown; of an unsuitable rhythm show the signal's quality only."""

    def one(window: WindowMetrics) -> WindowMetrics:
        hr, flagged = window.hr_bpm, window.artefact_pct
        rmssd = sdnn = pnn50 = None
        if suitable:
            rmssd, sdnn = window.rmssd_ms, window.sdnn_ms
            pnn50 = window.pnn50_pct
        return WindowMetrics(
            coverage=round(window.coverage, ROUGH),
            n_nn=window.n_nn,
            artefact_pct=round(flagged, ROUGH) if flagged else 0.0,
            hr_bpm=None if hr is None else round(hr, FINE),
            rmssd_ms=None if rmssd is None else round(rmssd, EXACT),
            sdnn_ms=None if sdnn is None else round(sdnn, EXACT),
            pnn50_pct=None if pnn50 is None else round(pnn50, ROUGH),
            provisional=window.provisional,
        )

    return Windows(w30=one(windows.w30), w60=one(windows.w60), w300=one(windows.w300))


def _shown_breathing(found: Breathing) -> Breathing:
    return Breathing(
        breaths_per_min=round(found.breaths_per_min, COARSE),
        confidence=round(found.confidence, COARSE + 1),
        source=found.source,
    )


def _shown_activation(found: Activation) -> Activation:
    return Activation(
        band=found.band,
        low=round(found.low, COARSE),
        high=round(found.high, COARSE),
        confidence=round(found.confidence, COARSE + 1),
        baseline_s=found.baseline_s,
    )


def _settled(windows: Windows) -> Windows:
    """Return what was told as if it had been final."""
    w30, w60, w300 = (
        msgspec.structs.replace(window, provisional=False)
        for window in (windows.w30, windows.w60, windows.w300)
    )
    return Windows(w30=w30, w60=w60, w300=w300)


def _round(value: float | None, decimals: int) -> float | None:
    return None if value is None else round(value, decimals)
