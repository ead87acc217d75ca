"""One person's intervals as running sums: the live engine's memory.

A lane is one row of a :class:`~biofeedback.signal.fleet.Fleet`. Beats are added as they
are judged, two beats behind the newest, and settled when their judgement is final; each
costs the same however long the session is. What is known at an instant is read off a
few sums: by :meth:`Lane.windows` for one person, by :meth:`Fleet.tick` for many, with
the same bits.
"""

from __future__ import annotations

from bisect import bisect_right
from operator import add
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from biofeedback.model import (
    Breathing,
    Interval,
    Label,
    Stage,
    Value,
    WindowMetrics,
    Windows,
)
from biofeedback.signal import sums
from biofeedback.signal.breathing import breathing_from_rr
from biofeedback.signal.frequency_domain import (
    FLAGGED,
    LISTENING,
    MAX_FLAGGED_SHARE,
    SAMPLES,
    Spectrum,
    describe_one,
    psd_64,
)
from biofeedback.signal.resampling import STEP
from biofeedback.signal.segments import (
    Welch,
)
from biofeedback.signal.series import (
    LEAST_GAP,
    NORMAL,
    NS_PER_S,
    NUMBERS,
    UNITS_PER_MS,
    UNITS_PER_S,
    Floats,
    Series,
    units,
    units_between,
)
from biofeedback.signal.time_domain import (
    UNSUITABLE,
    Variability,
    from_sums,
    metrics,
    refused,
)
from biofeedback.signal.trace import Trace

if TYPE_CHECKING:
    from biofeedback.signal.fleet import Fleet

WINDOWS_S = (30, 60, 300)
LENGTHS = tuple(length_s * UNITS_PER_S for length_s in WINDOWS_S)
MINUTE = LENGTHS.index(60 * UNITS_PER_S)

BEATS = 1152
"""Beats that a lane has room for."""

KEPT_BEATS = 1024
"""Beats kept when it is full: five minutes at 204 bpm."""

MAX_AGE_NS = 5 * NS_PER_S
"""A window ends with the newest beat; with none for so long, it ends now."""

MAX_WELCH_AGE = 150 * UNITS_PER_S
"""Segments become final up to some 90 s after their end; older ones tell of before."""

MAX_SAMPLE_AGE = 15 * UNITS_PER_S
"""The newest sample lies five NN behind the newest beat, ten seconds at the most; where
flags push it further back, a spectrum would tell of before."""

# What a tick reads of a lane (columns of ``Fleet.state``).
STOP, CLOCK, LAST, FIRST, HEARD, NEWEST, SETTLED, BASE = range(8)


class Numbers(Value, frozen=True):
    """All that is known of one person at one instant.

    ``spectrum`` is of the newest 64 s, ``density`` what it was read off, shape (53,),
    and ``breathing`` what it tells of the breath; ``welch`` is of five minutes of final
    judgements.
    """

    windows: Windows
    unsuitable: bool
    spectrum: Spectrum
    density: Floats | None
    breathing: Breathing | None
    welch: Welch


Look: TypeAlias = tuple[tuple[int, ...], int, int, bool]
"""What a window holds: its sums, its length, the overhang of its first NN, and whether
it lies after the start. All its numbers follow from these."""


class Lane:
    """The intervals of one session; made by :meth:`Fleet.open`.

    Attributes
    ----------
    row
        Its place in the fleet.
    settled, settled_clock
        The index of the newest beat whose judgement is final, and where it lies on the
        beat clock; -1: none yet.
    revised_clock
        Where the newest beat lies that was finally judged otherwise; -1: none.
    version
        Rises with whatever comes in, so that who computed something can tell whether
        it still holds.
    """

    def __init__(self, fleet: Fleet, row: int) -> None:
        self._fleet = fleet
        self.row = row
        self.settled = self.settled_clock = self.revised_clock = -1
        self._trace = Trace(fleet, row)
        self._stop = 0  # beats held
        self._n_settled = 0  # of them
        self._total: tuple[int, ...] = (0,) * sums.COLUMNS
        self._clock = 0
        self._segment: int | None = None
        self._newest_ns = 0
        self._heard_ns = 0
        self._before: int | None = None  # the NN that the next one would follow
        self._tails = [0] * (len(LENGTHS) + 1)  # of the windows, and the segment
        self._newest_index = -1
        # The same as in the fleet's rows: one number of a list costs a tenth of one of
        # an array.
        self._sums: list[tuple[int, ...]] = [self._total]
        self._clocks: list[int] = []
        self._began: list[int | None] = []  # of NN, on the clock
        self._laid = 0  # rises with each beat, and each that is judged otherwise
        self._looked: tuple[tuple[int, int], tuple[Look, Look, Look]] | None = None
        self._seen: tuple[int, Spectrum, Floats, Breathing | None] | None = None
        self._shown: tuple[tuple[Look, Look, Look], bool, Windows] | None = None
        self.version = 0
        fleet.prefix[row, 0] = 0
        fleet.tails[row] = 0
        self._tell()

    # --- Beats in ---------------------------------------------------------------

    def hear(self, t_ns: int) -> None:
        """Note that a beat came, though it is not judged yet."""
        if t_ns <= self._heard_ns:
            return
        self._heard_ns = t_ns
        self._fleet.state[self.row, HEARD] = self._heard_ns

    def take(self, interval: Interval) -> None:
        """Take in a judgement, at whichever stage it is."""
        self.version += 1
        match interval.stage:
            case Stage.UNJUDGED:
                self.hear(interval.t_ns)
            case Stage.PROVISIONAL:
                self.add(interval)
            case Stage.FINAL:
                if interval.index > self._newest_index:
                    self.add(interval)
                self.settle(interval)

    def add(self, interval: Interval) -> None:
        """Append the next interval."""
        if self._stop == BEATS:
            self._forget()
        fleet, row, p = self._fleet, self.row, self._stop
        rr = units(interval.rr_ms)
        joined = interval.segment == self._segment
        normal = interval.label is Label.NORMAL
        if joined:
            self._clock += rr
        elif self._segment is None:
            self._clock = rr
        else:
            elapsed = units_between(self._newest_ns, interval.t_ns)
            self._clock += max(elapsed, rr + LEAST_GAP)
        if not joined:
            self._trace.begin()
        before = self._before if joined else None
        added = sums.row(rr, normal, interval.abrupt, before)
        self._total = tuple(map(add, self._total, added))
        self._before = rr if normal else None
        self._segment = interval.segment
        self._newest_ns = interval.t_ns
        self._newest_index = interval.index
        fleet.prefix[row, p + 1] = self._total
        self._sums.append(self._total)
        self._clocks.append(self._clock)
        self._began.append(self._clock - rr if normal else None)
        fleet.clock[row, p] = self._clock
        fleet.t_ns[row, p] = interval.t_ns
        fleet.rr[row, p] = rr
        fleet.label[row, p] = NUMBERS[interval.label]
        fleet.joined[row, p] = joined
        fleet.abrupt[row, p] = interval.abrupt
        self._stop = p + 1
        if normal:
            self._trace.lay(self._clock, rr)
        self._laid += 1
        self._heard_ns = max(self._heard_ns, interval.t_ns)
        self._tell()

    def settle(self, interval: Interval) -> None:
        """Take the final judgement of the oldest interval that has none."""
        p, row, fleet = self._n_settled, self.row, self._fleet
        label = NUMBERS[interval.label]
        if (fleet.label[row, p], fleet.abrupt[row, p]) != (label, interval.abrupt):
            fleet.label[row, p] = label
            fleet.abrupt[row, p] = interval.abrupt
            self.revised_clock = self._clocks[p]
            self._judge_again(p)
        self._n_settled = p + 1
        self.settled = interval.index
        self.settled_clock = self._clocks[p]
        self._trace.settle(self._n_settled, self._stop, self._clocks, self._began)
        fleet.state[row, SETTLED] = self._n_settled

    # --- What is known ------------------------------------------------------------

    @property
    def series(self) -> Series:
        """All that is held, as columns; valid until the next beat."""
        fleet, row, stop = self._fleet, self.row, self._stop
        return Series(
            fleet.t_ns[row, :stop],
            fleet.rr[row, :stop] / UNITS_PER_MS,
            fleet.label[row, :stop].astype(np.int64),
            fleet.joined[row, :stop],
            fleet.abrupt[row, :stop],
            fleet.clock[row, :stop],
        )

    @property
    def newest_ns(self) -> int:
        """When the newest judged beat was; 0: there is none."""
        return self._newest_ns

    @property
    def heard_ns(self) -> int:
        """When the newest beat was, judged or not; 0: there is none."""
        return self._heard_ns

    @property
    def newest_sample(self) -> int:
        """The number of the newest sample at 4 Hz; 0: there is none."""
        return self._trace.last

    @property
    def welch_end(self) -> int:
        """Where the five-minute spectrum ends on the beat clock; 0: there is none."""
        return self._trace.welch_end

    def end(self, now_ns: int) -> int:
        """Return where the windows end now, on the beat clock."""
        if now_ns - self._heard_ns <= MAX_AGE_NS:
            return self._clock
        return self._clock + units_between(self._newest_ns, now_ns)

    def windows(self, now_ns: int) -> Windows:
        """Return the metrics of the three windows that end now."""
        end, stop = self.end(now_ns), self._stop
        looks = self.looks(end)
        provisional = self._n_settled < stop
        if self._shown is not None and self._shown[:2] == (looks, provisional):
            return self._shown[2]
        w30, w60, w300 = (_metrics(look, provisional) for look in looks)
        found = Windows(w30=w30, w60=w60, w300=w300)
        self._shown = (looks, provisional, found)
        return found

    def looks(self, end: int) -> tuple[Look, Look, Look]:
        """Return what the three windows that end now hold."""
        key = (end, self._laid)
        if self._looked is None or self._looked[0] != key:
            short, minute, long = (
                self._look(self._first(k, end - length), self._stop, end, length)
                for k, length in enumerate(LENGTHS)
            )
            self._looked = (key, (short, minute, long))
        return self._looked[1]

    def looked(self, end: int) -> tuple[Look, Look, Look]:
        """Return what the three windows held that end at ``end``, earlier or now."""
        clocks = self._clocks
        stop = bisect_right(clocks, end)
        short, minute, long = (
            self._look(bisect_right(clocks, end - length, 0, stop), stop, end, length)
            for length in LENGTHS
        )
        return (short, minute, long)

    def window(self, end: int, length: int) -> WindowMetrics:
        """Return the metrics of any window held that ends at ``end`` on the clock."""
        stop = bisect_right(self._clocks, end)
        first = bisect_right(self._clocks, end - length, 0, stop)
        look = self._look(first, stop, end, length)
        return _metrics(look, self._n_settled < stop)

    def ungated(self, end: int, length: int) -> Variability:
        """Return the four numbers of a window, whatever it holds: for comparisons."""
        stop = bisect_right(self._clocks, end)
        first = bisect_right(self._clocks, end - length, 0, stop)
        return from_sums(self._held(first, stop))

    def unsuitable(self, now_ns: int) -> bool:
        """Say whether the last minute's rhythm does not suit HRV."""
        first = self._first(MINUTE, self.end(now_ns) - LENGTHS[MINUTE])
        begin = self._sums[first]
        n_beats = self._total[sums.N_BEATS] - begin[sums.N_BEATS]
        n_abrupt = self._total[sums.N_ABRUPT] - begin[sums.N_ABRUPT]
        return refused(n_abrupt, n_beats)

    def current_welch(self, now_ns: int) -> Welch:
        """Return the five-minute spectrum, unless it tells of long ago."""
        old = self.end(now_ns) - self._trace.welch_end > MAX_WELCH_AGE
        return Welch() if old else self._trace.welch

    def numbers(self, now_ns: int) -> Numbers:
        """Return all that is known now, for one person."""
        windows = self.windows(now_ns)
        unsuitable = self.unsuitable(now_ns)
        spectrum, density, breathing = self._spectrum(now_ns, unsuitable)
        return Numbers(
            windows=windows,
            unsuitable=unsuitable,
            spectrum=spectrum,
            density=density,
            breathing=breathing,
            welch=self.current_welch(now_ns),
        )

    def _spectrum(
        self, now_ns: int, unsuitable: bool
    ) -> tuple[Spectrum, Floats | None, Breathing | None]:
        if unsuitable:
            return Spectrum(reason=UNSUITABLE), None, None
        trace = self._trace
        stale = now_ns - self._heard_ns > MAX_AGE_NS
        end = trace.last * STEP
        if stale or len(trace) < SAMPLES or self._clock - end > MAX_SAMPLE_AGE:
            return Spectrum(reason=LISTENING), None, None
        first = self._first(len(LENGTHS), end - SAMPLES * STEP)
        before = self._sums[first]
        n = self._total[sums.N_BEATS] - before[sums.N_BEATS]
        n_nn = self._total[sums.N_NN] - before[sums.N_NN]
        if n - n_nn > MAX_FLAGGED_SHARE * n:
            return Spectrum(reason=FLAGGED), None, None
        if self._seen is None or self._seen[0] != self._laid:
            density = psd_64(trace.newest)
            self._seen = (
                self._laid,
                describe_one(density),
                density,
                breathing_from_rr(density),
            )
        return self._seen[1:]

    def _look(self, first: int, stop: int, end: int, length: int) -> Look:
        start, overhang = end - length, 0
        if first < stop:
            began = self._began[first]
            if began is not None and began < start:
                overhang = start - began
        return (self._held(first, stop), length, overhang, start >= 0)

    def _held(self, first: int, stop: int) -> tuple[int, ...]:
        """Return the sums of the beats from ``first`` to before ``stop``."""
        held = self._sums
        # The first beat of a window has no difference inside it.
        _, _, _, d, e, f, _, _ = held[first + 1 if first < stop else stop]
        a, b, c, _, _, _, g, h = held[first]
        a1, b1, c1, d1, e1, f1, g1, h1 = held[stop]
        return (a1 - a, b1 - b, c1 - c, d1 - d, e1 - e, f1 - f, g1 - g, h1 - h)

    def _first(self, k: int, start: int) -> int:
        """Return the first beat behind ``start``: the tail of window k, moved on."""
        clock, tail = self._clocks, self._tails[k]
        if tail and clock[tail - 1] > start:
            tail = bisect_right(clock, start, 0, tail)
        while tail < self._stop and clock[tail] <= start:
            tail += 1
        self._tails[k] = tail
        return tail

    # --- Judged otherwise -------------------------------------------------------------

    def _judge_again(self, p: int) -> None:
        """Compute anew what the label of beat ``p`` has a part in: sums, samples."""
        fleet, row, stop = self._fleet, self.row, self._stop
        series = self.series
        first = max(0, p - 1)
        added = sums.rows(
            fleet.rr[row, first:stop],
            series.normal[first:],
            series.joined[first:],
            series.abrupt[first:],
        )
        if first < p:  # the row before stands, with its difference to what is gone
            added[0] = fleet.prefix[row, p] - fleet.prefix[row, first]
        np.cumsum(added, axis=0, out=fleet.prefix[row, first + 1 : stop + 1])
        fleet.prefix[row, first + 1 : stop + 1] += fleet.prefix[row, first]
        self._sums[first + 1 :] = map(
            tuple, fleet.prefix[row, first + 1 : stop + 1].tolist()
        )
        self._total = self._sums[-1]
        is_normal = fleet.label[row, p] == NORMAL
        self._began[p] = self._clocks[p] - int(fleet.rr[row, p]) if is_normal else None
        normal = bool(series.normal[-1])
        self._before = int(fleet.rr[row, stop - 1]) if normal else None
        self._trace.lay_again(series)
        self._laid += 1
        self._tell()

    # --- Housekeeping -----------------------------------------------------------------

    def _forget(self) -> None:
        """Make room: move what is still needed to the front."""
        fleet, row = self._fleet, self.row
        gone = BEATS - KEPT_BEATS
        for column in (
            fleet.clock,
            fleet.t_ns,
            fleet.rr,
            fleet.label,
            fleet.joined,
            fleet.abrupt,
        ):
            column[row, :KEPT_BEATS] = column[row, gone:].copy()
        fleet.prefix[row, : KEPT_BEATS + 1] = fleet.prefix[row, gone:].copy()
        del self._sums[:gone], self._clocks[:gone], self._began[:gone]
        self._stop = KEPT_BEATS
        self._n_settled = max(0, self._n_settled - gone)
        self._tails = [max(0, tail - gone) for tail in self._tails]
        fleet.tails[row] = np.maximum(fleet.tails[row] - gone, 0)

    def _tell(self) -> None:
        """Write down what a tick of the fleet reads."""
        self._fleet.state[self.row] = (
            self._stop,
            self._clock,
            self._trace.last,
            self._trace.first,
            self._heard_ns,
            self._newest_ns,
            self._n_settled,
            self._trace.base,
        )


def _metrics(look: Look, provisional: bool) -> WindowMetrics:
    held, length, overhang, whole = look
    return metrics(
        held,
        length=length,
        overhang=overhang,
        whole=whole,
        provisional=provisional,
    )
