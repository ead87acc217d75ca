"""Beats of rows that give an RR interval and the time at which it was written down."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biofeedback.errors import RecordingError
from biofeedback.model import Beat, Value
from biofeedback.recording.importers.civil import civil_clock
from biofeedback.recording.importers.parts import (
    Start,
    gaps_note,
    interval_unit,
    per_ms,
    rows_note,
)
from biofeedback.recording.importers.rr_time import numeric_clock, place

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

PLAUSIBLE_MS = (250.0, 3000.0)
LONGEST_MS = 86_400_000.0
"""A pause of more than a day is a damaged cell."""

ADVICE = "Check that the column of RR intervals is the one you mean."


class Rows(Value, frozen=True):
    """Beats of rows, where the file began, and how it was read."""

    beats: tuple[Beat, ...]
    start: Start
    notes: tuple[str, ...]


def beats_of(
    path: Path,
    rr: Floats,
    cells: Sequence[str] | None,
    *,
    unit: str | None = None,
    usable: Bools | None = None,
) -> Rows:
    """Place intervals in time; the times beside them only find what is missing.

    Parameters
    ----------
    rr
        Intervals as in the file; NaN where a row could not be read. Shape (N,).
    cells
        A clock time or a number of ticks a row, or ``None``.
    unit
        ``ms`` or ``s``; found from the values without it.
    usable
        Rows whose interval the file says may be used; time passes in the others.

    Raises
    ------
    RecordingError
        When most of it cannot be RR intervals.
    """
    rr = np.where((rr > 0) & (rr <= LONGEST_MS), rr, np.nan)
    n_unreadable = int(np.count_nonzero(np.isnan(rr)))
    if not len(rr) or n_unreadable == len(rr):
        raise RecordingError(f"{path.name} holds no RR intervals.", ADVICE)
    per = per_ms(unit) if unit else interval_unit(rr)
    known = rr[~np.isnan(rr)] * (per or 1.0)
    within = (known >= PLAUSIBLE_MS[0]) & (known <= PLAUSIBLE_MS[1])
    if per is None or np.count_nonzero(within) < 0.5 * len(known):
        raise RecordingError(
            f"{path.name} holds numbers that cannot be RR intervals.", ADVICE
        )
    rr_ms = rr * per
    notes = [] if unit else [f"RR in {'s' if per == 1000 else 'ms'} (from the values)."]
    start, clock_s = Start(), None
    if cells is not None:
        clock_s, start, said = _clock(cells, rr_ms)
        notes += said
    beats, _, n_gaps = place(rr_ms, clock_s, usable)
    notes += [rows_note(n_unreadable), gaps_note(n_gaps)]
    return Rows(beats=beats, start=start, notes=tuple(note for note in notes if note))


def _clock(
    cells: Sequence[str], rr_ms: Floats
) -> tuple[Floats | None, Start, list[str]]:
    """Return the clock, and the start: the first interval began before its row."""
    whole_ms = np.nan_to_num(rr_ms)
    ticks = numeric_clock(cells, rr_ms)
    start, notes = Start(), []
    if ticks is not None:
        clock_s, epoch_s = ticks
        if epoch_s is not None:
            at_ns = round(epoch_s * 1e6) * 1000
            start = Start(at_utc_ns=at_ns, zone="utc", known_from="file")
    else:
        civil = civil_clock(cells, whole_ms / 1000)
        if civil is None:
            return (
                None,
                Start(),
                ["The times beside the intervals were not understood."],
            )
        clock_s, start, notes = civil.seconds, civil.start, list(civil.notes)
    if start.at_utc_ns is not None:
        first = int(np.flatnonzero(whole_ms > 0)[0])
        lead_ms = 1000 * float(clock_s[first]) - float(whole_ms[first])
        start = Start(
            at_utc_ns=start.at_utc_ns + round(lead_ms * 1e6),
            zone=start.zone,
            known_from=start.known_from,
        )
    return clock_s, start, notes
