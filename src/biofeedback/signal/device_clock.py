"""The strap's clock on the session's clock: when samples were taken.

A Polar strap stamps each frame of ECG or acceleration with the time of its last
sample, on a clock of its own: it may never have been set, its crystal is off by some
20 ppm (polarofficial/polar-ble-sdk#580), and it starts again when the strap sleeps. The
arrival of a frame is on the session's clock, but late by a delay that varies.

So arrival minus stamp is the offset between the clocks, plus the delay. A delay is
never negative: the offset lies along the lower edge of these lags, and how that edge
leans is the drift.
"""

from __future__ import annotations

import statistics
from collections import deque
from enum import StrEnum

from biofeedback.model import Value
from biofeedback.signal.envelope import lean

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000

BUCKET_NS = 10 * NS_PER_S
"""The smallest lag of each such stretch of strap time is remembered."""

MEMORY = 180
"""Stretches that the drift is fitted to: half an hour, since it changes with warmth."""

RECENT = 30
"""Stretches that the offset lies below: five minutes."""

USUAL_DRIFT_PPM = 40.0
"""What is allowed for in the uncertainty until the drift is known: 20 ppm each."""

SLEW = 32
"""The offset moves by at most 1/32 of the time that passes: samples never jump."""

GAP = 1.5
"""Samples are missing where stamps lie further apart than this many frames."""

FAR_NS = 250 * NS_PER_MS
"""Beyond this it moves by half of it: the first frames had waited in a queue."""

EARLY_NS = NS_PER_S
"""A frame cannot come so much before its time: a clock was set."""

LATE_NS = 3 * NS_PER_S
"""Nor, right after a new connection, so much behind it."""

_RESIDUALS = 128
_OFTEN = 16


class Segment(StrEnum):
    """Why a new segment begins with a frame."""

    START = "start"
    GAP = "gap"
    """Samples are missing, or the link was away; both clocks went on."""
    CLOCK = "clock"
    """The strap's clock started again or was set: the offset is learnt anew."""


class DeviceTime(Value, frozen=True):
    """When the samples of one frame were taken, on the session's clock.

    Attributes
    ----------
    t_ns
        Of the last sample.
    interval_ns
        Between samples. They fill the time since the last sample of the previous
        frame evenly; in the first frame of a segment they follow the nominal rate.
    offset_ns
        What was added to the stamp (0 without a stamp).
    drift_ppm
        How much slower than the session's clock the strap's runs; ``None`` until
        three minutes are known.
    uncertainty_ms
        Bounds the error of ``t_ns`` against an ideal radio. The constant part of the
        delay cannot be seen from here and is not in it.
    new_segment
        Why no line may be drawn from the samples before to these; ``None`` if one may.
    """

    t_ns: int
    interval_ns: int
    offset_ns: int
    drift_ppm: float | None
    uncertainty_ms: float
    new_segment: Segment | None


class DeviceClock:
    """Places the frames of one signal of one strap on the session's clock.

    Times never go back, whatever the stamps and arrivals say. Equal calls give equal
    answers: there is no clock and no chance in here.
    """

    def __init__(self) -> None:
        self._last: tuple[int, int] | None = None  # stamp and t_ns of the last sample
        self._broken = False
        self._learn(0, 0)

    def break_segment(self) -> None:
        """Say that samples may be missing from here on: the link was lost."""
        self._broken = True

    def measure(
        self,
        arrival_ns: int,
        device_ns: int,
        n_samples: int,
        nominal_rate_hz: float | None = None,
    ) -> DeviceTime | None:
        """Place a frame; ``None`` when it is the same frame as before, sent twice.

        Parameters
        ----------
        arrival_ns
            When it arrived, on the session's clock.
        device_ns
            The strap's stamp of the last sample; 0 when it has none, as in old
            firmware, and then the arrival has to do.
        n_samples
            How many samples it holds.
        nominal_rate_hz
            What was asked for; ``None`` for intervals, which follow no rate.
        """
        usual_ns = round(NS_PER_S / nominal_rate_hz) if nominal_rate_hz else 0
        if device_ns <= 0:
            return self._without_stamp(arrival_ns, n_samples, usual_ns)
        if self._last is not None and not self._broken and device_ns == self._last[0]:
            return None
        why = self._why_new(arrival_ns, device_ns, n_samples * usual_ns)
        broken, self._broken = self._broken, False
        lag_ns = arrival_ns - device_ns
        if why in (Segment.START, Segment.CLOCK):
            self._learn(device_ns, lag_ns)
        self._remember(device_ns, lag_ns)
        goal_ns = self._edge_ns(device_ns)
        if self._last is None or why is Segment.CLOCK:
            self._offset_ns = goal_ns
        else:
            change_ns = goal_ns - self._offset_ns
            step_ns = device_ns - self._last[0]
            step_ns //= SLEW if abs(change_ns) < FAR_NS else 2
            if broken:  # nothing is drawn across: no need to be gentle
                step_ns = EARLY_NS + LATE_NS
            self._offset_ns += max(-step_ns, min(step_ns, change_ns))
        t_ns, interval_ns = self._place(
            device_ns + self._offset_ns, n_samples, usual_ns, why
        )
        self._last = (device_ns, t_ns)
        self._offset_ns = t_ns - device_ns
        return DeviceTime(
            t_ns=t_ns,
            interval_ns=interval_ns,
            offset_ns=self._offset_ns,
            drift_ppm=None if self._drift is None else self._drift * 1e6,
            uncertainty_ms=(self._doubt_ns(device_ns) + abs(t_ns - device_ns - goal_ns))
            / NS_PER_MS,
            new_segment=why,
        )

    # --- What kind of frame it is ---

    def _why_new(
        self, arrival_ns: int, device_ns: int, frame_ns: int
    ) -> Segment | None:
        if self._last is None:
            return Segment.START
        if self._last[0] <= 0:  # there was no stamp to compare with
            return Segment.CLOCK
        late_ns = arrival_ns - device_ns - self._edge_ns(device_ns)
        if device_ns <= self._last[0] or late_ns < -EARLY_NS:
            return Segment.CLOCK
        if self._broken:
            return Segment.CLOCK if late_ns > LATE_NS else Segment.GAP
        if frame_ns and device_ns - self._last[0] > GAP * frame_ns:
            return Segment.GAP
        return None

    def _without_stamp(
        self, arrival_ns: int, n_samples: int, usual_ns: int
    ) -> DeviceTime:
        why = Segment.START if self._last is None else None
        if self._broken or (self._last is not None and self._last[0] > 0):
            why = why or Segment.GAP
        self._broken = False
        before_ns = arrival_ns if self._last is None else self._last[1]
        t_ns = max(arrival_ns, before_ns)
        interval_ns = usual_ns
        if self._last is not None and n_samples:
            interval_ns = min(usual_ns, (t_ns - before_ns) // n_samples)
        self._last = (0, t_ns)
        return DeviceTime(
            t_ns=t_ns,
            interval_ns=interval_ns,
            offset_ns=0,
            drift_ppm=None,
            # What a strap gathers before it sends, at the least.
            uncertainty_ms=max(NS_PER_S, n_samples * usual_ns) / NS_PER_MS,
            new_segment=why,
        )

    # --- Where its samples lie ---

    def _place(
        self, t_ns: int, n_samples: int, usual_ns: int, why: Segment | None
    ) -> tuple[int, int]:
        """Return the time of the last sample and the interval: never back in time."""
        if self._last is None:
            return t_ns, usual_ns
        before_ns = self._last[1]
        if why is not None:
            return max(t_ns, before_ns + n_samples * usual_ns), usual_ns
        t_ns = max(t_ns, before_ns)
        return t_ns, (t_ns - before_ns) // max(n_samples, 1)

    # --- The edge of the lags ---

    def _learn(self, device_ns: int, lag_ns: int) -> None:
        """Begin to learn; numbers are kept small by counting from here."""
        self._origin = (device_ns, lag_ns)
        self._offset_ns = lag_ns
        self._buckets: deque[tuple[int, int]] = deque(maxlen=MEMORY)
        self._bucket = -1
        self._drift: float | None = None
        self._low_ns = 0.0
        self._residuals: deque[float] = deque(maxlen=_RESIDUALS)
        self._count = 0
        self._unsure_ns = 0.0

    def _remember(self, device_ns: int, lag_ns: int) -> None:
        x, y = device_ns - self._origin[0], lag_ns - self._origin[1]
        if x // BUCKET_NS != self._bucket:
            if self._buckets:
                self._fit()
            self._bucket = x // BUCKET_NS
            self._buckets.append((x, y))
        elif y < self._buckets[-1][1]:
            self._buckets[-1] = (x, y)
        if len(self._buckets) == 1:
            self._low_ns = float(self._buckets[0][1])
        else:
            self._low_ns = min(self._low_ns, y - self._slope * x)
        self._residuals.append(y - self._slope * x - self._low_ns)
        self._count += 1
        if self._count < _OFTEN or self._count % _OFTEN == 0:
            median_ns = statistics.median(self._residuals)
            self._unsure_ns = 4 * median_ns / len(self._residuals)

    def _fit(self) -> None:
        """Lean a line against the lags from below."""
        points = self._buckets
        slope = lean(points)
        if slope is not None:
            self._drift = slope
        recent = list(points)[-RECENT:]
        self._low_ns = min(y - self._slope * x for x, y in recent)

    @property
    def _slope(self) -> float:
        return self._drift or 0.0

    def _edge_ns(self, device_ns: int) -> int:
        """Return what a frame without delay would lag by."""
        x = device_ns - self._origin[0]
        return self._origin[1] + round(self._low_ns + self._slope * x)

    def _doubt_ns(self, device_ns: int) -> float:
        """How far the edge may lie from the truth.

        Of n delays the smallest is about the n-th part of the median; four times that
        holds for 95 of 100. Until the drift is known, the oldest lag that counts may
        have aged by the usual drift.
        """
        doubt_ns = NS_PER_MS + self._unsure_ns
        if self._drift is None:
            age_ns = device_ns - self._origin[0] - self._buckets[0][0]
            doubt_ns += age_ns * USUAL_DRIFT_PPM / 1e6
        return doubt_ns
