"""Kubios HRV: its report as text, and the series it reads and writes.

Format (PGomes92/kubios; saiko-psych/RRational, docs/user-guide/data-formats): a series
is comment lines ``# ... KUBIOS`` and then a value a line, in s or ms. A report says
``Kubios HRV`` at its top; its intervals stand in a section or a column headed ``RR``,
often with the units in a row of their own below (Stefan Mendt's kubios2RHRV.r).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from biofeedback.errors import RecordingError
from biofeedback.model import Value
from biofeedback.recording.importers.imported import Head, Imported, Options
from biofeedback.recording.importers.interval_rows import beats_of
from biofeedback.recording.importers.parts import Start, assembled
from biofeedback.recording.importers.rr_text import RR_NAMES
from biofeedback.recording.importers.text_table import (
    drop_cut,
    name_of,
    number,
    read_lines,
    split,
)

NAME = "kubios"
TITLE = "Kubios HRV"

TOP_LINES = 12
BETWEEN_LINES = 3
"""Rows of units or dashes between a heading and its numbers."""

SERIES = re.compile(r"#.*\bKUBIOS\b", re.IGNORECASE)
REPORT = re.compile(r"\bkubios\b.*\b(hrv|report|version|ver)\b", re.IGNORECASE)
UNIT = re.compile(r"[(\[]\s*(ms|s|sec|msec)\s*[)\]]", re.IGNORECASE)
UNITS = {"ms": "ms", "msec": "ms", "s": "s", "sec": "s"}


class _Column(Value, frozen=True):
    """Intervals below a heading, the times beside them, and their unit."""

    rr: tuple[float, ...] = ()
    times: tuple[str, ...] = ()
    unit: str | None = None
    exact: bool = False
    """Headed RR, not as the title of a wider block."""


def matches(head: Head) -> bool:
    """Whether the program's name stands at the top."""
    top = [line for line in head.lines if line.strip()][:TOP_LINES]
    return any(SERIES.match(line) or REPORT.search(line) for line in top)


def read(path: Path, options: Options) -> Imported:
    """Read the intervals: of a report with several, the longest column.

    Raises
    ------
    RecordingError
        When there are none.
    """
    lines, finished = read_lines(path)
    if SERIES.match(lines[0]):
        cells = [[line.strip()] for line in lines if not line.startswith("#")]
        if not finished:
            drop_cut(cells)
        found = _Column(rr=tuple(number(row[0]) for row in cells))
        what = "a series"
    else:
        headings = [at for at in range(len(lines)) if "rr" in lines[at].lower()]
        found = max(
            (_below(lines, at, finished) for at in headings),
            key=lambda column: (bool(column.rr) and column.exact, len(column.rr)),
            default=_Column(),
        )
        what = "a report"
    if not found.rr:
        raise RecordingError(
            f"{path.name} is a Kubios file without RR intervals.",
            "Export the report with its RR data, or the RR series as text.",
        )
    rows = beats_of(
        path,
        np.array(found.rr),
        found.times or None,
        unit=options.unit or found.unit,
    )
    return assembled(
        path,
        name=NAME,
        title=TITLE,
        start=Start(),
        options=options,
        anchored=True,
        beats=rows.beats,
        notes=(
            f"It is {what} of Kubios HRV: intervals may have been corrected there.",
            *rows.notes,
        ),
    )


def _below(lines: Sequence[str], at: int, finished: bool) -> _Column:
    """Return the numbers below a heading, or nothing."""
    separator = next((each for each in ("\t", ";", ",") if each in lines[at]), "\t")
    cells = split(lines[at], separator)
    stems = [name_of(UNIT.sub("", cell)) for cell in cells]
    rr_at = next((i for i, stem in enumerate(stems) if _is_rr(stem)), None)
    if rr_at is None:
        return _Column()
    time_at = next((i for i, stem in enumerate(stems) if stem == "time"), None)
    unit = _unit(cells, rr_at)
    rows: list[list[str]] = []
    stop = at + 1
    for stop, line in enumerate(lines[at + 1 :], at + 1):
        cells = split(line, separator)
        if rr_at < len(cells) and not np.isnan(number(cells[rr_at])):
            rows.append(cells)
        elif rows or stop - at > BETWEEN_LINES:
            break
        else:
            unit = unit or _unit(cells, rr_at)
    if not finished and rows and stop == len(lines) - 1:
        drop_cut(rows)
    times = [row[time_at] for row in rows] if time_at is not None else []
    return _Column(
        rr=tuple(number(row[rr_at]) for row in rows),
        times=tuple(times),
        unit=unit,
        exact=stems[rr_at] in RR_NAMES,
    )


def _is_rr(stem: str) -> bool:
    return stem in RR_NAMES or stem in ("rr_interval_data", "rr_data")


def _unit(cells: Sequence[str], at: int) -> str | None:
    found = UNIT.search(cells[at]) if at < len(cells) else None
    return UNITS[found[1].lower()] if found else None
