"""The live windows of one session: the last 30, 60 and 300 seconds."""

from __future__ import annotations

from collections.abc import Sequence

from biofeedback.model import Interval, Windows
from biofeedback.signal.conformity import RefereeWindow, referee_window
from biofeedback.signal.frequency_domain import Spectrum, spectrum
from biofeedback.signal.respiration import Breath, Rsa, Swings, rsa
from biofeedback.signal.series import NS_PER_S, GrowingSeries, Series
from biofeedback.signal.time_domain import time_domain, unsuitable

WINDOWS_S = (30, 60, 300)
REFEREE_WINDOWS_S = (60, 300)
SUITABILITY_S = 60

KEPT_NS = (max(WINDOWS_S) + 10) * NS_PER_S
"""A little more than the longest window, for intervals that reach into it."""


class LiveWindows:
    """Holds the newest intervals and computes what is known at an instant.

    Intervals are added as they are judged; every question takes the time it is asked
    for, so the same intervals and times give the same answers in a replay.
    """

    def __init__(self) -> None:
        self._series = GrowingSeries()
        self._swings = Swings()

    def add(self, interval: Interval) -> None:
        """Take in the newest interval."""
        self._series.forget_before(interval.t_ns - KEPT_NS)
        self._series.add(interval)

    @property
    def series(self) -> Series:
        """All heartbeats held, as columns; valid until the next interval."""
        return self._series.view().timed()

    def metrics(self, end_ns: int) -> Windows:
        """Return the time-domain metrics of the three windows that end now."""
        series = self.series
        w30, w60, w300 = (
            time_domain(series, end_ns - length_s * NS_PER_S, end_ns)
            for length_s in WINDOWS_S
        )
        return Windows(w30=w30, w60=w60, w300=w300)

    def unsuitable(self, end_ns: int) -> str | None:
        """Say why the last minute's rhythm does not suit HRV; ``None``: it does."""
        start_ns = end_ns - SUITABILITY_S * NS_PER_S
        return unsuitable(self.series.between(start_ns, end_ns))

    def spectrum(self, end_ns: int) -> Spectrum:
        """Return the spectrum of the newest 64 s, or the reason why there is none."""
        return spectrum(self.series, end_ns)

    def rsa(self, breaths: Sequence[Breath], end_ns: int) -> Rsa | None:
        """Return RSA over the last minute's ``breaths`` (start and end in ns)."""
        return rsa(self.series, breaths, end_ns, swing_of=self._swings)

    def referee_window(self, end_ns: int) -> RefereeWindow | None:
        """Return the longest window the session has filled, to be compared.

        ``None`` while even the shortest holds too few intervals.
        """
        length_s = max(
            (s for s in REFEREE_WINDOWS_S if end_ns >= s * NS_PER_S),
            default=min(REFEREE_WINDOWS_S),
        )
        return referee_window(self.series, end_ns, length_s)
