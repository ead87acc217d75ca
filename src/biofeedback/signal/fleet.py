"""Many sessions at once: their sums as arrays, and one tick for all of them.

What a :class:`~biofeedback.signal.lane.Lane` knows lies here, as one row of arrays that
all lanes share. A tick moves the tails of all windows on, subtracts the sums at them
from the sums now, and computes all spectra with one transform. It gives what
:meth:`Lane.numbers` gives, bit for bit, so whoever replays a recording alone sees what
was seen in a full house.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from biofeedback.model import Value, Windows
from biofeedback.signal import sums
from biofeedback.signal.breathing import breathing_of, rr_breathing_peaks
from biofeedback.signal.frequency_domain import (
    BINS,
    FLAGGED,
    LISTENING,
    MAX_FLAGGED_SHARE,
    SAMPLES,
    Spectrum,
    describe,
    known,
    psd_64,
    spectrum_of,
)
from biofeedback.signal.lane import (
    BASE,
    BEATS,
    CLOCK,
    FIRST,
    HEARD,
    LAST,
    LENGTHS,
    MAX_AGE_NS,
    MAX_SAMPLE_AGE,
    MAX_WELCH_AGE,
    MINUTE,
    NEWEST,
    SETTLED,
    STOP,
    Lane,
    Numbers,
)
from biofeedback.signal.resampling import STEP
from biofeedback.signal.segments import Welch
from biofeedback.signal.series import NORMAL, Flags, Floats, Ints
from biofeedback.signal.time_domain import (
    MAX_ABRUPT_SHARE,
    MIN_BEATS_TO_REFUSE,
    UNSUITABLE,
    many_metrics,
    window_metrics,
)
from biofeedback.signal.trace import ROOM

TOGETHER = 128
"""Spectra computed at a time: as many as the processor's near memory holds."""

STRIDES = 8
"""Steps that the tails are moved one by one before they are searched for."""

_LENGTHS = np.array(LENGTHS)


class FleetNumbers(Value, frozen=True):
    """What one tick found, a row for each lane that was asked for.

    Attributes
    ----------
    metrics
        Shape (S, 3, 7), as of :func:`~biofeedback.signal.time_domain.many_metrics`.
    provisional, unsuitable
        Shape (S,).
    spectra
        Shape (S, 4), as of :func:`~biofeedback.signal.frequency_domain.describe`; NaN
        where there is none.
    density
        Shape (S, 53).
    breaths
        What the spectra tell of the breath, shape (S, 3), as of
        :func:`~biofeedback.signal.breathing.breathing_peaks`.
    flagged
        Where too many flags were the only reason for having no spectrum, shape (S,).
    welch
        Shape (S, 5): LF, HF, peak, coherence ratio, number of segments.
    """

    metrics: Floats
    provisional: Flags
    unsuitable: Flags
    spectra: Floats
    density: Floats
    breaths: Floats
    seen: Flags
    flagged: Flags
    welch: Floats

    def of(self, k: int) -> Numbers:
        """Return the numbers of lane ``k`` as values."""
        provisional = bool(self.provisional[k])
        w30, w60, w300 = (
            window_metrics(row, provisional) for row in self.metrics[k].tolist()
        )
        density = None
        if self.unsuitable[k]:
            spectrum = Spectrum(reason=UNSUITABLE)
        elif self.seen[k]:
            spectrum, density = spectrum_of(self.spectra[k]), self.density[k]
        else:
            spectrum = Spectrum(reason=FLAGGED if self.flagged[k] else LISTENING)
        lf, hf, peak, ratio, n = self.welch[k].tolist()
        return Numbers(
            windows=Windows(w30=w30, w60=w60, w300=w300),
            unsuitable=bool(self.unsuitable[k]),
            spectrum=spectrum,
            density=density,
            breathing=breathing_of(self.breaths[k].tolist()),
            welch=Welch(
                lf_ms2=known(lf),
                hf_ms2=known(hf),
                lf_peak_hz=known(peak),
                coherence_ratio=known(ratio),
                n_segments=int(n),
            ),
        )


class Fleet:
    """The lanes of all sessions of a process.

    Parameters
    ----------
    capacity
        Lanes that there is room for at first (some 110 kB each); it grows by itself.

    Examples
    --------
    >>> from biofeedback.model import Interval, Label, Stage
    >>> fleet = Fleet()
    >>> lane = fleet.open()
    >>> for k in range(40):
    ...     beat = Interval(index=k, segment=0, t_ns=(k + 1) * 10**9, rr_ms=1000.0,
    ...                     label=Label.NORMAL, nn_ms=1000.0, stage=Stage.PROVISIONAL)
    ...     lane.take(beat)
    >>> alone = lane.numbers(40 * 10**9)
    >>> alone.windows.w30.hr_bpm, alone.windows.w60.rmssd_ms
    (60.0, None)
    >>> fleet.tick([lane], [40 * 10**9]).of(0) == alone
    True
    """

    def __init__(self, capacity: int = 1) -> None:
        self._lanes = 0
        self._free: list[int] = []
        self._allocate(max(1, capacity))

    def open(self) -> Lane:
        """Return a new, empty lane; give it back with :meth:`close`."""
        if not self._free and self._lanes == len(self.state):
            self._grow()
        if self._free:
            row = self._free.pop()
        else:
            row, self._lanes = self._lanes, self._lanes + 1
        self.welch[row], self.welch_end[row] = _NO_WELCH, 0
        return Lane(self, row)

    def close(self, lane: Lane) -> None:
        """Take a lane back; nothing may be asked of it any more."""
        self._free.append(lane.row)

    def tick(self, lanes: Sequence[Lane], now_ns: Sequence[int]) -> FleetNumbers:
        """Return what is known of each lane at its own time.

        Parameters
        ----------
        lanes
            Of this fleet, S of them.
        now_ns
            The time of each, on its own session's clock.
        """
        rows = np.array([lane.row for lane in lanes], np.int64)
        return self.tick_rows(rows, np.array(now_ns, np.int64))

    def tick_rows(self, rows: Ints, now_ns: Ints) -> FleetNumbers:
        """Do :meth:`tick` for the lanes in these rows, shape (S,)."""
        state = self.state[rows]
        stop, clock, last = state[:, STOP], state[:, CLOCK], state[:, LAST]
        stale = now_ns - state[:, HEARD] > MAX_AGE_NS
        silence = (now_ns - state[:, NEWEST]) * 16 // 25_000  # ns in units
        end = np.where(stale, clock + silence, clock)
        starts = np.empty((len(rows), len(LENGTHS) + 1), np.int64)
        starts[:, :-1] = end[:, None] - _LENGTHS
        starts[:, -1] = (last - SAMPLES) * STEP
        first = self._tails(rows, starts, stop)
        at = rows[:, None] * (BEATS + 1)
        prefix = self.prefix.reshape(-1, sums.COLUMNS)
        now = prefix[at[:, 0] + stop][:, None]
        held = now - prefix[at + first]
        # The first beat of a window has no difference inside it.
        behind = at + np.minimum(first + 1, stop[:, None])
        held[..., sums.DIFFERENCES] = (
            now[..., sums.DIFFERENCES] - prefix[:, sums.DIFFERENCES][behind]
        )
        metrics = many_metrics(
            held[:, :-1],
            length=_LENGTHS,
            overhang=self._overhang(rows, first[:, :-1], starts[:, :-1], stop),
            whole=starts[:, :-1] >= 0,
        )
        n_beats, n_abrupt = (
            held[:, MINUTE, sums.N_BEATS],
            held[:, MINUTE, sums.N_ABRUPT],
        )
        unsuitable = (n_beats >= MIN_BEATS_TO_REFUSE) & (
            n_abrupt > MAX_ABRUPT_SHARE * n_beats
        )
        n, n_nn = held[:, -1, sums.N_BEATS], held[:, -1, sums.N_NN]
        enough = (last > 0) & (last - state[:, FIRST] + 1 >= SAMPLES) & ~stale
        enough &= (clock - last * STEP <= MAX_SAMPLE_AGE) & ~unsuitable
        few = n - n_nn <= MAX_FLAGGED_SHARE * n
        seen = enough & few
        density, spectra, breaths = self._spectra(rows, last - state[:, BASE], seen)
        welch = self.welch[rows]
        welch[end - self.welch_end[rows] > MAX_WELCH_AGE] = _NO_WELCH
        return FleetNumbers(
            metrics=metrics,
            provisional=state[:, SETTLED] < stop,
            unsuitable=unsuitable,
            spectra=spectra,
            density=density,
            breaths=breaths,
            seen=seen,
            flagged=enough & ~few,
            welch=welch,
        )

    # --- Where the windows begin ---------------------------------------------------

    def _tails(self, rows: Ints, starts: Ints, stop: Ints) -> Ints:
        """Return the first beat behind each start, shape (S, 4): one search for all.

        The tails stand where the last tick left them, a beat or two away.
        """
        first = self.tails[rows]
        clock, at = self.clock.reshape(-1), rows[:, None] * BEATS
        stop = stop[:, None]
        back = (first > 0) & (clock[at + np.maximum(first - 1, 0)] > starts)
        for _ in range(STRIDES):
            behind = clock[at + np.minimum(first, BEATS - 1)] <= starts
            behind &= first < stop
            if not behind.any():
                break
            first += behind
        else:
            back |= behind
        if back.any():
            for k, window in zip(*(i.tolist() for i in np.nonzero(back)), strict=True):
                line = self.clock[rows[k], : stop[k, 0]]
                first[k, window] = np.searchsorted(line, starts[k, window], "right")
        self.tails[rows] = first
        return first

    def _overhang(self, rows: Ints, first: Ints, starts: Ints, stop: Ints) -> Ints:
        """Return how much of the first NN of each window lies before it."""
        at = rows[:, None] * BEATS + np.minimum(first, BEATS - 1)
        normal = self.label.reshape(-1)[at] == NORMAL
        began = self.clock.reshape(-1)[at] - self.rr.reshape(-1)[at]
        inside = normal & (first < stop[:, None])
        return np.where(inside, np.maximum(starts - began, 0), 0)

    # --- Spectra --------------------------------------------------------------------

    def _spectra(
        self, rows: Ints, n_held: Ints, seen: Flags
    ) -> tuple[Floats, Floats, Floats]:
        """Return densities and what is read off them; NaN where not ``seen``."""
        density = np.full((len(rows), BINS), np.nan)
        found = np.full((len(rows), 4), np.nan)
        breaths = np.full((len(rows), 3), np.nan)
        chosen = np.flatnonzero(seen)
        begin = (rows * ROOM + n_held - SAMPLES)[chosen]
        segments = sliding_window_view(self.samples.reshape(-1), SAMPLES)
        parts = [
            psd_64(segments[begin[start : start + TOGETHER]])
            for start in range(0, len(chosen), TOGETHER)
        ]
        if parts:
            density[chosen] = seen_density = np.concatenate(parts)
            found[chosen] = describe(seen_density)
            breaths[chosen] = rr_breathing_peaks(seen_density)
        return density, found, breaths

    # --- Memory -----------------------------------------------------------------------

    def _allocate(self, capacity: int) -> None:
        self.prefix: Ints = np.zeros((capacity, BEATS + 1, sums.COLUMNS), np.int64)
        self.clock: Ints = np.zeros((capacity, BEATS), np.int64)
        self.t_ns: Ints = np.zeros((capacity, BEATS), np.int64)
        self.rr: Ints = np.zeros((capacity, BEATS), np.int64)
        self.label = np.zeros((capacity, BEATS), np.int8)
        self.joined: Flags = np.zeros((capacity, BEATS), np.bool_)
        self.abrupt: Flags = np.zeros((capacity, BEATS), np.bool_)
        self.samples: Floats = np.zeros((capacity, ROOM))
        self.state: Ints = np.zeros((capacity, 8), np.int64)
        self.tails: Ints = np.zeros((capacity, len(LENGTHS) + 1), np.int64)
        self.welch: Floats = np.full((capacity, 5), np.nan)
        self.welch_end: Ints = np.zeros(capacity, np.int64)

    def _grow(self) -> None:
        held = {name: column for name, column in vars(self).items() if name[0] != "_"}
        self._allocate(2 * len(self.state))
        for name, column in held.items():
            getattr(self, name)[: len(column)] = column


_NO_WELCH = (np.nan, np.nan, np.nan, np.nan, 0.0)
