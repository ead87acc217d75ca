"""What is shown once a second: the live windows' numbers, rounded and gated."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from biofeedback.model import (
    AnyEvent,
    Entry,
    MetricsEvent,
    PacerEvent,
    RestatedEvent,
    SamplesEvent,
    WindowMetrics,
    Windows,
)
from biofeedback.practice import pacer
from biofeedback.practice.phases import begins_practice, paced_after
from biofeedback.signal.respiration import RECENT_NS
from biofeedback.signal.segments import power_s
from biofeedback.signal.windows import LiveWindows

NS_PER_MS = 1_000_000

EXACT = 9
"""Decimals of RMSSD and SDNN in live messages: within 1e-9 ms of the engine's."""

FINE = 6
ROUGH = 3
"""Decimals of the rest. More would be noise that no packer can pack: full floats would
make up a quarter of a recording."""


class LiveMetrics:
    """Gathers what a session knows beside its intervals, and tells all once a second.

    Parameters
    ----------
    windows
        The newest intervals.
    """

    def __init__(self, windows: LiveWindows) -> None:
        self._windows = windows
        self._paced = True
        self._paced_from_ms = 0.0

    def enter(self, entry: Entry) -> None:
        """Note what somebody did: it may begin or end the pacer's time."""
        self._paced = paced_after(entry, self._paced)
        if begins_practice(entry):
            self._paced_from_ms = ms(entry.t_ns)

    def sense(self, samples: SamplesEvent) -> None:
        """Take in a frame of samples."""

    def tick(self, t_ns: int, schedule: tuple[PacerEvent, ...]) -> Iterator[AnyEvent]:
        """Tell all that is known at ``t_ns``, and why if it is not."""
        for told, windows in self._windows.restated():
            shown = _shown(windows, suitable=told.suitable)
            if shown != _settled(told.windows):
                yield RestatedEvent(t_ms=ms(t_ns), at_ms=ms(told.t_ns), window_s=shown)
        event = self._metrics(t_ns, schedule)
        self._windows.tell(t_ns, event.window_s, event.suitable)
        yield event

    def _metrics(self, t_ns: int, schedule: tuple[PacerEvent, ...]) -> MetricsEvent:
        numbers = self._windows.numbers(t_ns)
        suitable = not numbers.unsuitable
        spectrum, welch, rsa = numbers.spectrum, numbers.welch, None
        if suitable:
            from_ms = max(ms(t_ns - RECENT_NS), self._paced_from_ms)
            breaths = pacer.breaths(schedule, from_ms=from_ms, to_ms=ms(t_ns))
            rsa = self._windows.rsa(breaths, t_ns)
        settled = self._windows.lane.settled
        return MetricsEvent(
            t_ms=ms(t_ns),
            window_s=_shown(numbers.windows, suitable),
            lf_ms2=_round(welch.lf_ms2 if suitable else None, ROUGH),
            hf_ms2=_round(welch.hf_ms2 if suitable else None, ROUGH),
            power_s=power_s(welch.n_segments if suitable else 0),
            lf_peak_hz=_round(spectrum.lf_peak_hz, FINE),
            rsa_bpm=_round(rsa.rsa_bpm if rsa else None, ROUGH),
            rsa_ms=_round(rsa.rsa_ms if rsa else None, ROUGH),
            coherence_ratio=_round(spectrum.coherence_ratio, ROUGH),
            phase_deg=None,
            in_phase_pct=None,
            breathing=None,
            followed=None,
            activation=None,
            activation_reason=None,
            suitable=suitable,
            reason=spectrum.reason,
            settled_index=settled if settled >= 0 else None,
        )


def ms(t_ns: int) -> float:
    """Return nanoseconds as the milliseconds of a message, to the microsecond."""
    return round(t_ns / NS_PER_MS, 3)


def _shown(windows: Windows, suitable: bool) -> Windows:
    """Round what is shown; of an unsuitable rhythm show the signal's quality only."""

    def one(window: WindowMetrics) -> WindowMetrics:
        return WindowMetrics(
            coverage=round(window.coverage, ROUGH),
            n_nn=window.n_nn,
            artefact_pct=round(window.artefact_pct, ROUGH),
            hr_bpm=_round(window.hr_bpm, FINE),
            rmssd_ms=_round(window.rmssd_ms, EXACT) if suitable else None,
            sdnn_ms=_round(window.sdnn_ms, EXACT) if suitable else None,
            pnn50_pct=_round(window.pnn50_pct, FINE) if suitable else None,
            provisional=window.provisional,
        )

    return Windows(w30=one(windows.w30), w60=one(windows.w60), w300=one(windows.w300))


def _settled(windows: Windows) -> Windows:
    """Return what was told as if it had been final."""
    w30, w60, w300 = (
        msgspec.structs.replace(window, provisional=False)
        for window in (windows.w30, windows.w60, windows.w300)
    )
    return Windows(w30=w30, w60=w60, w300=w300)


def _round(value: float | None, decimals: int) -> float | None:
    return None if value is None else round(value, decimals)
