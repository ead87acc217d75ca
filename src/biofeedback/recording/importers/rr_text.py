"""RR intervals as text: one a line, or a column of a table.

Intervals are the truth here as everywhere: a column of times only shows where beats
are missing, because many apps write down when a value arrived, not when a heart beat.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biofeedback.errors import RecordingError
from biofeedback.model import Beat, Value
from biofeedback.recording.importers.civil import CivilClock, civil_clock
from biofeedback.recording.importers.imported import LINE_END, decoded, read_bytes
from biofeedback.recording.importers.rr_time import numeric_clock, place
from biofeedback.recording.importers.text_table import drop_cut

RR_NAMES = frozenset(
    "rr rri nn nni ibi iibi rr_interval rr_intervals nn_interval nn_intervals "
    "interbeat_interval interval rr_int".split()
)
TIME_NAMES = (
    "timestamp", "phone_timestamp", "r_peak_time", "datetime", "date_time", "t",
    "time", "elapsed", "since_start",
)  # fmt: skip
"""Best first: a clock says more than a sum of intervals."""

UNITS = {"ms": "ms", "msec": "ms", "milliseconds": "ms"} | {
    "s": "s", "sec": "s", "secs": "s", "seconds": "s",
}  # fmt: skip

HEADER_LINES = 10
LONGEST = 86_400_000.0
"""A day in milliseconds."""

PLAUSIBLE_MS = (250.0, 3000.0)

ADVICE = (
    "Give one RR interval a line in milliseconds or seconds, or a table whose header "
    "names the column 'rr_ms'."
)

Floats = NDArray[np.float64]


class RrText(Value, frozen=True):
    """What a text file holds.

    ``unit_from`` says how the unit was known: ``header``, ``values`` or ``declared``.
    ``clock`` names the column that gaps were found with. ``started_at`` is ISO 8601,
    where the file knows its date.
    """

    beats: tuple[Beat, ...]
    duration_s: float
    unit: str
    unit_from: str
    clock: str | None
    started_at: str | None
    n_gaps: int
    n_unreadable: int
    civil: CivilClock | None = None
    """The clock, where it tells times of day."""


def read_rr_text(
    path: Path,
    *,
    rr_column: str | None = None,
    time_column: str | None = None,
    unit: str | None = None,
) -> RrText:
    """Read ``path``; columns and unit are found, or taken as declared.

    ``rr_column`` is a name of the header or a number from 1; ``unit`` is ms or s.

    Raises
    ------
    RecordingError
        When the file cannot be read or does not hold RR intervals.
    """
    lines, finished = _lines(path)
    names, rows = _table(lines)
    if not finished:
        drop_cut(rows)
    rr_at, time_at, time_name = _columns(names, rows, rr_column, time_column, path)
    values = np.array([_number(row, rr_at) for row in rows], np.float64)
    # What is longer than a day is a damaged cell.
    values[values > LONGEST] = np.nan
    n_unreadable = int(np.count_nonzero(np.isnan(values)))
    if not len(values) or n_unreadable > 0.2 * len(values):
        raise _refused(path, "holds no column of RR intervals")
    header = names[rr_at] if names is not None else ""
    unit, unit_from = _unit(values, header, unit, path)
    rr_ms = values * (1000.0 if unit == "s" else 1.0)
    low, high = PLAUSIBLE_MS
    if np.count_nonzero((rr_ms >= low) & (rr_ms <= high)) < 0.5 * len(rr_ms):
        raise _refused(path, "holds numbers that cannot be RR intervals")
    cells = None if time_at is None else [_cell(row, time_at) for row in rows]
    clock_s, started_at, civil = _clock(cells, rr_ms, time_name)
    beats, duration_s, n_gaps = place(rr_ms, clock_s)
    return RrText(
        beats=beats,
        duration_s=duration_s,
        unit=unit,
        unit_from=unit_from,
        clock=time_name if clock_s is not None else None,
        started_at=started_at,
        n_gaps=n_gaps,
        n_unreadable=n_unreadable,
        civil=civil,
    )


# --- From bytes to a table ------------------------------------------------------


def _refused(path: Path, what: str) -> RecordingError:
    return RecordingError(f"{path.name} {what}.", ADVICE)


def _lines(path: Path) -> tuple[list[str], bool]:
    """Return lines that are not empty, and whether the last one has an end."""
    text = decoded(read_bytes(path))
    if text is None:
        raise _refused(path, "is not a text file")
    lines = [line for line in LINE_END.split(text) if line.strip()]
    if not lines:
        raise _refused(path, "is empty")
    return lines, text[-1] in "\r\n"


def _table(lines: list[str]) -> tuple[list[str] | None, list[list[str]]]:
    """Return column names, if a header has any, and the rows below them."""
    for i, line in enumerate(lines[:HEADER_LINES]):
        cells = _split(line)
        names = [_name(cell) for cell in cells]
        if any(_stem(name) in RR_NAMES for name in names):
            return names, [_split(line) for line in lines[i + 1 :]]
    lines = [line for line in lines if not line.startswith("#")]
    if _decimal_commas(lines):
        lines = [line.replace(",", ".") for line in lines]
    first = _split(lines[0]) if lines else []
    if len(first) > 1 and all(_as_float(cell) is None for cell in first):
        return [_name(cell) for cell in first], [_split(line) for line in lines[1:]]
    return None, [_split(line) for line in lines]


def _decimal_commas(lines: list[str]) -> bool:
    """Whether each line is one number with a comma, not a time and an interval.

    Read as numbers they are intervals; read as two columns, the first would be seconds
    that do not pass or milliseconds that run back.
    """
    cells = [line.strip().split(",") for line in lines]
    if len(cells) < 3 or any(
        len(each) != 2 or not all(part.isdecimal() for part in each) for each in cells
    ):
        return False
    values = np.array([float(".".join(each)) for each in cells])
    median = float(np.median(values))
    if 0.25 <= median <= 2.5:
        runs_on = float(values[-1] - values[0]) >= 0.5 * len(values) - 1
        return bool(values.max() < 3) and not runs_on
    return 250 <= median <= 2500 and bool((np.diff(np.floor(values)) < 0).any())


def _split(line: str) -> list[str]:
    for separator in (";", "\t", ","):
        if separator in line:
            cells = line.rstrip("\r\n").split(separator)
            if separator != ",":
                cells = [cell.replace(",", ".") for cell in cells]
            return [cell.strip().strip('"') for cell in cells]
    return [cell.strip('"') for cell in line.split()]


def _name(cell: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", cell.lower()).strip("_")


def _stem(name: str) -> str:
    head, _, last = name.rpartition("_")
    return head if head and last in UNITS else name


def _cell(row: list[str], column: int) -> str:
    return row[column] if column < len(row) else ""


def _number(row: list[str], column: int) -> float:
    value = _as_float(_cell(row, column))
    return np.nan if value is None else value


def _as_float(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if np.isfinite(value) and "_" not in cell else None


# --- Which column is what ---------------------------------------------------------


def _columns(
    names: list[str] | None,
    rows: list[list[str]],
    rr_column: str | None,
    time_column: str | None,
    path: Path,
) -> tuple[int, int | None, str | None]:
    if names is not None:
        return _named_columns(names, rr_column, time_column, path)
    width = len(rows[0]) if rows else 0
    if rr_column is not None:
        return _numbered(rr_column, width, path), None, None
    if width == 1:
        return 0, None, None
    if width == 2:
        for time_at in (0, 1):
            times = np.array([_number(row, time_at) for row in rows])
            if len(times) > 1 and bool((np.diff(times) >= 0).all()):
                return 1 - time_at, time_at, f"column {time_at + 1}"
    raise _refused(path, "does not say which column holds RR intervals")


def _named_columns(
    names: list[str], rr_column: str | None, time_column: str | None, path: Path
) -> tuple[int, int | None, str | None]:
    if rr_column is not None:
        found = [i for i, name in enumerate(names) if name == _name(rr_column)]
        found = found or [_numbered(rr_column, len(names), path)]
    else:
        found = [i for i, name in enumerate(names) if _stem(name) in RR_NAMES]
    if not found:
        raise _refused(path, "has no column of RR intervals")
    stems = [_stem(name) for name in names]
    if time_column is not None:
        if _name(time_column) not in names:
            raise _refused(path, f"has no column '{time_column}'")
        return found[0], names.index(_name(time_column)), time_column
    for name in TIME_NAMES:
        if name in stems and stems.index(name) != found[0]:
            return found[0], stems.index(name), names[stems.index(name)]
    return found[0], None, None


def _numbered(column: str, width: int, path: Path) -> int:
    if column.isdecimal() and 1 <= int(column) <= width:
        return int(column) - 1
    raise _refused(path, f"has no column '{column}'")


def _unit(
    values: Floats, header: str, declared: str | None, path: Path
) -> tuple[str, str]:
    if declared is not None:
        if declared not in UNITS:
            raise _refused(path, f"cannot be read in '{declared}'")
        return UNITS[declared], "declared"
    last = header.rpartition("_")[2]
    if header != last and last in UNITS:
        return UNITS[last], "header"
    median = float(np.nanmedian(values))
    if 250 <= median <= 2500:
        return "ms", "values"
    if 0.25 <= median <= 2.5:
        return "s", "values"
    raise _refused(path, "holds numbers that cannot be RR intervals")


# --- The clock beside them ---------------------------------------------------------


def _clock(
    cells: list[str] | None, rr_ms: Floats, name: str | None
) -> tuple[Floats | None, str | None, CivilClock | None]:
    """Return the clock in seconds from its first row, if it fits the intervals."""
    if cells is None or name is None:
        return None, None, None
    ticks = numeric_clock(cells, rr_ms)
    if ticks is not None:
        clock_s, epoch_s = ticks
        if epoch_s is None:
            return clock_s, None, None
        return clock_s, datetime.fromtimestamp(epoch_s, UTC).isoformat(), None
    clock = civil_clock(cells, np.maximum(np.nan_to_num(rr_ms), 0) / 1000)
    if clock is None:
        return None, None, None
    # Without a time zone clock times do not date a recording.
    at_ns = clock.start.at_utc_ns
    if at_ns is None or clock.start.zone == "local-unknown":
        return clock.seconds, None, clock
    return clock.seconds, datetime.fromtimestamp(at_ns / 1e9, UTC).isoformat(), clock
