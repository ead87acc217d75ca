"""HRV Logger: RR intervals with the time at which the phone got them, and events.

Format (saiko-psych/RRational, docs/user-guide/data-formats and io/generic_rr): the RR
file is ``date,rr,since start`` (a clock time, ms, ms) or, newer, ``timestamp, rr,
since_start`` (Unix ms); events are ``date,timestamp,annotation,manual`` in a file whose
name has ``Events`` where this one has ``RR``, ``timestamp`` in ms since the start.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from biofeedback.errors import RecordingError
from biofeedback.recording.importers.civil import moment
from biofeedback.recording.importers.imported import Head, Imported, Mark, Options
from biofeedback.recording.importers.interval_rows import beats_of
from biofeedback.recording.importers.parts import Start, assembled
from biofeedback.recording.importers.text_table import (
    TextTable,
    find_header,
    number,
    read_table,
)

NAME = "hrv-logger"
TITLE = "HRV Logger"

EPOCH_MS = 1e11
"""More than any recording lasts: a Unix time."""

WITHIN_MS = 86_400_000.0

_RR_PART = re.compile(r"(?i)(?<![a-z])RR(_?Intervals)?(?![a-z])")


def matches(head: Head) -> bool:
    """Whether a header has the app's columns."""
    found = find_header(head.lines, _either)
    return found is not None and not _is_polar(set(found[1]))


def read(path: Path, options: Options) -> Imported:
    """Read the RR file, and the events if they lie beside it.

    Raises
    ------
    RecordingError
        When it does not hold RR intervals.
    """
    table = read_table(path, _either)
    rr_at = table.rr_at(options.column, "rr", "rr_ms")
    if rr_at is None:
        raise RecordingError(
            f"{path.name} holds the events of an HRV Logger recording, not its beats.",
            "Give the RR file: events are read with it if they lie beside it.",
        )
    clock_at = table.at("timestamp", "date", "since_start")
    rows = beats_of(
        path,
        table.numbers(rr_at),
        None if clock_at is None else table.cells(clock_at),
        unit=options.unit or ("ms" if table.names[rr_at] == "rr_ms" else None),
    )
    marks, said = _marks(path, rows.start)
    return assembled(
        path,
        name=NAME,
        title=TITLE,
        start=rows.start,
        options=options,
        anchored=True,
        beats=rows.beats,
        marks=marks,
        notes=(*rows.notes, said),
    )


def _either(names: set[str]) -> bool:
    return _is_rr(names) or _is_events(names)


def _is_rr(names: set[str]) -> bool:
    return bool({"rr", "rr_ms"} & names) and (
        ("date" in names or "timestamp" in names) and "since_start" in names
    )


def _is_events(names: set[str]) -> bool:
    return {"timestamp", "annotation"} <= names


def _is_polar(names: set[str]) -> bool:
    return "phone_timestamp" in names


# --- Events -----------------------------------------------------------------------


def _marks(path: Path, start: Start) -> tuple[list[Mark], str]:
    beside = _events_of(path)
    if beside is None:
        return [], ""
    try:
        table = read_table(beside, _is_events)
    except RecordingError:
        return [], f"The events in {beside.name} could not be read."
    marks = [mark for row in table.rows if (mark := _mark(table, row, start))]
    return marks, f"{len(marks)} annotations are from {beside.name}."


def _events_of(path: Path) -> Path | None:
    for part in _RR_PART.finditer(path.stem):
        name = path.stem[: part.start()] + "Events" + path.stem[part.end() :]
        beside = path.with_name(name + path.suffix)
        if beside.is_file():
            return beside
    return None


def _mark(table: TextTable, row: list[str], start: Start) -> Mark | None:
    def cell(name: str) -> str:
        at = table.at(name)
        return row[at] if at is not None and at < len(row) else ""

    since_ms = number(cell("timestamp"))
    if since_ms >= EPOCH_MS and start.at_utc_ns is not None:
        since_ms -= start.at_utc_ns / 1e6
    elif np.isnan(since_ms):
        when = moment(cell("timestamp")) or moment(cell("date"))
        at_ns = Start.civil(when).at_utc_ns
        if at_ns is None or start.at_utc_ns is None:
            return None
        since_ms = (at_ns - start.at_utc_ns) / 1e6
    if not -WITHIN_MS <= since_ms <= WITHIN_MS:
        return None
    return Mark(
        t_ns=max(round(since_ms * 1e6), 0), type="annotation", text=cell("annotation")
    )
