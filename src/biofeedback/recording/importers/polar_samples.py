"""Samples in Polar Sensor Logger's files: how far apart they are, where holes lie."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from biofeedback.errors import RecordingError
from biofeedback.model import Signal
from biofeedback.recording.importers.civil import CivilClock, civil_clock
from biofeedback.recording.importers.imported import ImportedSignal
from biofeedback.recording.importers.parts import Start, rows_note, whole
from biofeedback.recording.importers.text_table import TextTable

Floats = NDArray[np.float64]

AXES = (("x_mg", "x_g"), ("y_mg", "y_g"), ("z_mg", "z_g"))
PER_UNIT = {"ecg_uv": 1.0, "ecg_mv": 1000.0, "x_mg": 1.0, "x_g": 1000.0}

HOLE_STEPS = 1.5
"""Further apart than this many usual steps, a sample is missing."""

HOLE_S = 0.05
"""But nothing shorter: stamps of some firmware waver by some milliseconds."""

RATES_HZ = (1.0, 2000.0)
LONGEST_S = 31 * 86_400.0


def samples_of(
    table: TextTable, stamps: Sequence[str]
) -> tuple[list[ImportedSignal], Start, list[str]]:
    """Read ECG (µV) or acceleration (mG), a signal for each stretch without a hole.

    ``stamps`` are the phone's times: the first one is when the samples began, and the
    only clock where the strap's own does not run.

    Raises
    ------
    RecordingError
        When no time could be read, or no samples.
    """
    columns, signal = _columns(table)
    values = np.column_stack([table.numbers(at) for at in columns])
    values *= PER_UNIT[table.names[columns[0]]]
    good = np.isfinite(values).all(axis=1)
    rows = np.flatnonzero(good)
    if len(rows) < 2:
        raise _refused(table, "holds no samples that could be read")
    kept = [stamps[row] for row in rows.tolist()]
    own_s = _strap_s(table, rows)
    # Where the strap's clock runs, the phone's only tells when it began.
    looked = kept if own_s is None else kept[:1]
    clock = civil_clock(looked, np.zeros(len(looked)))
    notes = [rows_note(int(np.count_nonzero(~good)))]
    start = Start()
    if clock is not None:
        start = clock.start
        notes += clock.notes
    if own_s is not None:
        t_s = own_s
        notes.append("Samples are placed by the strap's own clock.")
    else:
        t_s = _spread(table, clock, len(kept))
        notes.append("The strap's clock could not be read: samples are spread evenly.")
    signals = []
    for segment, (first, stop) in enumerate(_stretches(t_s)):
        samples = whole(values[rows[first:stop]])
        if samples is None:
            raise _refused(table, "holds numbers that cannot be samples")
        rate_hz = (stop - first - 1) / float(t_s[stop - 1] - t_s[first])
        signals.append(
            ImportedSignal(
                signal=signal,
                rate_hz=rate_hz,
                t0_ns=round(float(t_s[first]) * 1e9),
                segment=segment,
                values=samples,
            )
        )
    if not signals:
        raise _refused(table, "holds no samples at a rate that makes sense")
    if len(signals) > 1:
        notes.append(f"Samples are missing in {len(signals) - 1} places.")
    return signals, start, [note for note in notes if note]


def _refused(table: TextTable, what: str) -> RecordingError:
    return RecordingError(
        f"{table.path.name} {what}.", "Export it again from Polar Sensor Logger."
    )


def _columns(table: TextTable) -> tuple[list[int], Signal]:
    ecg_at = table.at("ecg_uv", "ecg_mv")
    if ecg_at is not None:
        return [ecg_at], Signal.ECG
    found = [table.at(*axis) for axis in AXES]
    at = [each for each in found if each is not None]
    if len(at) < 3 or len({table.names[each][2:] for each in at}) > 1:
        raise _refused(table, "does not have all three axes")
    return at, Signal.ACC


def _strap_s(table: TextTable, rows: NDArray[np.intp]) -> Floats | None:
    """Return seconds from the first sample on the strap's clock, if it runs."""
    for name, per_s in (("sensor_timestamp_ns", 1e9), ("timestamp_ms", 1e3)):
        at = table.at(name)
        if at is None:
            continue
        ticks = _ticks(table, at)[rows]
        if np.isfinite(ticks).all() and bool((np.diff(ticks) > 0).all()):
            seconds: Floats = (ticks - ticks[0]) / per_s
            if float(seconds[-1]) <= LONGEST_S:
                return seconds
    return None


def _spread(table: TextTable, clock: CivilClock | None, n: int) -> Floats:
    """Return even seconds: the phone stamps packets, not samples."""
    length_s = 0.0 if clock is None else float(clock.seconds[-1])
    if not 0 < length_s <= LONGEST_S:
        raise _refused(table, "has no times that could be read")
    return np.linspace(0.0, length_s, n)


def _ticks(table: TextTable, at: int) -> Floats:
    """Return a column from its first number on: 19 digits do not fit a float."""
    cells = table.cells(at)
    first = next((cell for cell in cells if cell.isascii() and cell.isdecimal()), "")
    if len(first) < 10 or len(first) > 19:
        numbers = table.numbers(at)
        return numbers - numbers[np.isfinite(numbers)][0] if len(first) else numbers
    zero = int(first)
    return np.array(
        [
            float(int(cell) - zero)
            if cell.isascii() and cell.isdecimal() and len(cell) <= 19
            else np.nan
            for cell in cells
        ],
        np.float64,
    )


def _stretches(t_s: Floats) -> list[tuple[int, int]]:
    """Return first and last-but-one of each stretch at a rate that makes sense."""
    steps = np.diff(t_s)
    usual = float(np.median(steps))
    holes = np.flatnonzero(steps > max(HOLE_STEPS * usual, usual + HOLE_S)) + 1
    bounds = [0, *holes.tolist(), len(t_s)]
    return [
        (first, stop)
        for first, stop in pairwise(bounds)
        if stop - first > 1
        and RATES_HZ[0]
        <= (stop - first - 1) / float(t_s[stop - 1] - t_s[first])
        <= RATES_HZ[1]
    ]
