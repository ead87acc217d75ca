"""One person's NN at 4 Hz, and the spectra that are averaged from them.

The part of a :class:`~biofeedback.signal.lane.Lane` that grows by four samples a second
and, every 32 s, by the spectrum of a segment whose judgements are final.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from biofeedback.signal import sums
from biofeedback.signal.frequency_domain import HOP, SAMPLES, psd_64
from biofeedback.signal.resampling import SIDE, STEP, Resampler, resample
from biofeedback.signal.segments import (
    WELCH_SEGMENTS,
    Welch,
    few_flagged,
    mean_spectrum,
    rows,
)
from biofeedback.signal.series import Floats, Ints, Series

if TYPE_CHECKING:
    from biofeedback.signal.fleet import Fleet

ROOM = 1280
"""Samples that a lane has room for."""

KEPT_SAMPLES = 768
"""Samples kept: a segment, and the two minutes that unsettled beats may last."""


class Trace:
    """The newest samples of one lane, all of one row: no gap lies between them.

    Attributes
    ----------
    first, last
        The numbers of the oldest sample of the row that is held, and of the newest (0:
        there is none).
    base
        The number before that of the oldest sample in memory.
    welch, welch_end
        The newest five-minute spectrum, and where on the beat clock it ends.
    """

    def __init__(self, fleet: Fleet, row: int) -> None:
        self.welch = Welch()
        self.welch_end = 0
        self._fleet = fleet
        self._row = row
        self._line = Resampler()
        self._segments: deque[tuple[int, Floats]] = deque(maxlen=WELCH_SEGMENTS)
        self._next_segment = 0
        self.begin()

    def __len__(self) -> int:
        return self.last - self.first + 1 if self.last else 0

    @property
    def newest(self) -> Floats:
        """The newest 64 s, shape (256,)."""
        at = self.last - self.base
        return self._fleet.samples[self._row, at - SAMPLES : at]

    def begin(self) -> None:
        """Begin a new row: what follows does not join what came before."""
        self._line.begin()
        self.base = self.last = 0
        self.first = 1

    def lay(self, clock: int, nn: int) -> None:
        """Go on to an NN that ends at ``clock``."""
        if not self._line.bridges(clock):
            self.begin()
        found = self._line.add(clock, nn)
        if not found:
            return
        if self.last == 0:
            self.base = self.last = self._line.last - len(found)
            self.first = self.base + 1
        samples, at = self._fleet.samples[self._row], self.last - self.base
        if at + len(found) > ROOM:
            samples[:KEPT_SAMPLES] = samples[at - KEPT_SAMPLES : at].copy()
            self.base += at - KEPT_SAMPLES
            self.first = max(self.first, self.base + 1)
            at = KEPT_SAMPLES
        samples[at : at + len(found)] = found
        self.last += len(found)

    def lay_again(self, series: Series) -> None:
        """Lay all samples anew through ``series``, of which a label has changed."""
        self.begin()
        gaps = np.flatnonzero(~series.joined)
        began = int(gaps[-1]) if len(gaps) else 0
        found = list(rows(series))
        if not found or found[-1][-1] < began:
            return
        clock, rr = series.clock[found[-1]], series.rr[found[-1]]
        samples = resample(clock, rr)[1][-KEPT_SAMPLES:]
        self._line.resume(clock, rr)
        if len(samples):
            self.last = self._line.last
            self.base = self.last - len(samples)
            self.first = self.base + 1
            self._fleet.samples[self._row, : len(samples)] = samples

    def settle(
        self,
        n_settled: int,
        n_beats: int,
        clocks: Sequence[int],
        began: Sequence[int | None],
    ) -> None:
        """Take the spectrum of the next segment, if its samples are final by now.

        ``n_settled`` of the lane's ``n_beats`` are judged for good; ``clocks`` says
        where each ends, ``began`` where each NN began.
        """
        if self.last == 0:
            return
        first = -(-(self.first - 1) // HOP)
        self._next_segment = max(self._next_segment, first)
        end = HOP * self._next_segment + SAMPLES
        if end > self.last or end > _final(n_settled, clocks, began):
            return
        self._next_segment += 1
        fleet, row, at = self._fleet, self._row, end - self.base
        prefix = fleet.prefix[row, : n_beats + 1]
        flagged: Ints = prefix[:, sums.N_BEATS] - prefix[:, sums.N_NN]
        if few_flagged(fleet.clock[row, :n_beats], flagged, end * STEP):
            segment = fleet.samples[row, at - SAMPLES : at]
            self._segments.append((end * STEP, psd_64(segment)))
            self._average()

    def _average(self) -> None:
        self.welch_end = self._segments[-1][0]
        span = (WELCH_SEGMENTS + 1) * HOP * STEP
        recent = [row for end, row in self._segments if self.welch_end - end < span]
        self.welch = found = mean_spectrum(np.array(recent))
        values = (
            found.lf_ms2,
            found.hf_ms2,
            found.lf_peak_hz,
            found.coherence_ratio,
            found.n_segments,
        )
        self._fleet.welch[self._row] = [np.nan if x is None else x for x in values]
        self._fleet.welch_end[self._row] = self.welch_end


def _final(n_settled: int, clocks: Sequence[int], began: Sequence[int | None]) -> int:
    """Return the number of the newest sample that can no longer change."""
    p, left = n_settled, SIDE + 1
    while p and left:
        p -= 1
        left -= began[p] is not None
    return 0 if left else clocks[p] // STEP
