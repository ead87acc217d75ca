"""What is shown once a second: the live windows' numbers, rounded and gated."""

from __future__ import annotations

from biofeedback.model import MetricsEvent, PacerEvent, WindowMetrics, Windows
from biofeedback.practice import pacer
from biofeedback.signal.frequency_domain import Spectrum
from biofeedback.signal.respiration import RECENT_NS
from biofeedback.signal.windows import LiveWindows

NS_PER_MS = 1_000_000

EXACT = 9
"""Decimals of RMSSD and SDNN in live messages: within 1e-9 ms of the engine's."""

FINE = 6
ROUGH = 3
"""Decimals of the rest. More would be noise that no packer can pack: full floats would
make up a quarter of a recording."""


def metrics_event(
    windows: LiveWindows,
    t_ns: int,
    schedule: tuple[PacerEvent, ...],
    paced_from_ms: float,
) -> MetricsEvent:
    """Return all that is known at ``t_ns``, and why if it is not.

    Parameters
    ----------
    windows
        The newest intervals.
    t_ns
        Now.
    schedule, paced_from_ms
        The pacer's, and since when somebody breathes with it.
    """
    unsuitable = windows.unsuitable(t_ns)
    shown = _shown(windows.metrics(t_ns), unsuitable is None)
    spectrum, rsa = Spectrum(reason=unsuitable), None
    if unsuitable is None:
        spectrum = windows.spectrum(t_ns)
        from_ms = max(ms(t_ns - RECENT_NS), paced_from_ms)
        breaths = pacer.breaths(schedule, from_ms=from_ms, to_ms=ms(t_ns))
        rsa = windows.rsa(breaths, t_ns)
    return MetricsEvent(
        t_ms=ms(t_ns),
        window_s=shown,
        lf_ms2=_round(spectrum.lf_ms2, ROUGH),
        hf_ms2=_round(spectrum.hf_ms2, ROUGH),
        lf_peak_hz=_round(spectrum.lf_peak_hz, FINE),
        rsa_bpm=_round(rsa.rsa_bpm if rsa else None, ROUGH),
        rsa_ms=_round(rsa.rsa_ms if rsa else None, ROUGH),
        coherence_ratio=_round(spectrum.coherence_ratio, ROUGH),
        in_phase_pct=None,  # not estimated yet: nothing measures the breath
        activation=None,
        suitable=unsuitable is None,
        reason=spectrum.reason,
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
        )

    return Windows(w30=one(windows.w30), w60=one(windows.w60), w300=one(windows.w300))


def _round(value: float | None, decimals: int) -> float | None:
    return None if value is None else round(value, decimals)
