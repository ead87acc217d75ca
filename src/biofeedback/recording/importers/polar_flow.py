r"""Polar Flow: RR intervals of a training session, or its heart rate every second.

Format: RR intervals are lines without a header, the time since the start in seconds, a
tab, and the interval in ms (saiko-psych/RRational, docs/user-guide/data-formats). The
session as CSV is a header ``Name,Sport,Date,Start time,Duration,…`` with one row, then
``Sample rate,Time,HR (bpm),…`` with a row a second, ``Time`` as ``HH:MM:SS`` since the
start and the date as day-month-year (hanakysela/Polar reads them). The person's name
is not kept.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import numpy as np

from biofeedback.errors import RecordingError
from biofeedback.recording.importers.civil import LOCAL
from biofeedback.recording.importers.imported import Head, Imported, Options
from biofeedback.recording.importers.interval_rows import beats_of
from biofeedback.recording.importers.parts import Start, assembled, rows_note
from biofeedback.recording.importers.text_table import (
    TextTable,
    drop_cut,
    find_header,
    name_of,
    number,
    read_lines,
    read_table,
    split,
)

NAME = "polar-flow"
TITLE = "Polar Flow"

LOOK_ROWS = 20
DATES = ("%d-%m-%Y", "%Y-%m-%d", "%d.%m.%Y")
SUMMARY = {"date", "start_time", "duration"}

_ELAPSED = re.compile(r"(\d{1,3}):([0-5]\d):([0-5]\d)(?:[.,](\d{1,3}))?")


def matches(head: Head) -> bool:
    """Whether it has the CSV's second header, or rows of rising seconds and ms."""
    if find_header(head.lines, _is_samples) is not None:
        return True
    lines = [line for line in head.lines if line.strip()][:LOOK_ROWS]
    return len(lines) > 1 and _is_rr(lines)


def read(path: Path, options: Options) -> Imported:
    """Read intervals or heart rates, whichever it holds.

    Raises
    ------
    RecordingError
        When it holds neither.
    """
    lines, finished = read_lines(path)
    if find_header(lines, _is_samples) is not None:
        return _session(path, options)
    rows = [split(line, "\t") for line in lines]
    if not finished:
        drop_cut(rows)
    if not _is_rr(lines[:LOOK_ROWS]):
        raise RecordingError(
            f"{path.name} holds neither RR intervals nor a session of Polar Flow.",
            "Export the RR intervals of a session, or the session as CSV.",
        )
    rr = np.array([number(row[1]) if len(row) == 2 else np.nan for row in rows])
    seconds = [str(number(row[0])) for row in rows]
    found = beats_of(path, rr, seconds, unit=options.unit)
    return assembled(
        path,
        name=NAME,
        title=TITLE,
        start=Start(),
        options=options,
        anchored=True,
        beats=found.beats,
        notes=found.notes,
    )


def _is_rr(lines: list[str]) -> bool:
    rows = [split(line, "\t") for line in lines if "\t" in line]
    if len(rows) < 0.9 * len(lines) or any(len(row) != 2 for row in rows):
        return False
    pairs = np.array([[number(cell) for cell in row] for row in rows])
    if not len(pairs) or np.isnan(pairs).any():
        return False
    rises = bool((np.diff(pairs[:, 0]) >= 0).all())
    return rises and 250 <= float(np.median(pairs[:, 1])) <= 2500


# --- The session as CSV -------------------------------------------------------------


def _is_samples(names: set[str]) -> bool:
    return {"sample_rate", "time", "hr_bpm"} <= names


def _session(path: Path, options: Options) -> Imported:
    table = read_table(path, _is_samples)
    time_at, hr_at = table.at("time"), table.at("hr_bpm")
    assert time_at is not None and hr_at is not None  # noqa: PT018 (of the header)
    hr_bpm = table.numbers(hr_at)
    rates, n_unreadable = [], 0
    for cell, rate in zip(table.cells(time_at), hr_bpm.tolist(), strict=True):
        elapsed_ms = _elapsed_ms(cell)
        if elapsed_ms is None:
            n_unreadable += 1
        elif not np.isnan(rate):
            rates.append((elapsed_ms * 1_000_000, rate))
    start = _start(table)
    return assembled(
        path,
        name=NAME,
        title=TITLE,
        start=start,
        options=options,
        anchored=True,
        rates=rates,
        device="Polar",
        notes=(
            "It holds a heart rate every second and no RR intervals.",
            rows_note(n_unreadable),
            LOCAL if start.zone == "local-unknown" else "",
        ),
    )


def _elapsed_ms(cell: str) -> int | None:
    found = _ELAPSED.fullmatch(cell)
    if found is None:
        return None
    hours, minutes, seconds = (int(part) for part in found.groups()[:3])
    part = int((found[4] or "0").ljust(3, "0"))
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + part


def _start(table: TextTable) -> Start:
    """Return the start of the row about the whole session, above the samples."""
    for line, below in zip(table.above, table.above[1:], strict=False):
        separator = next((each for each in ("\t", ";") if each in line), ",")
        names = [name_of(cell) for cell in split(line, separator)]
        if not set(names) >= SUMMARY:
            continue
        cells = dict(zip(names, split(below, separator), strict=False))
        for form in DATES:
            try:
                when = datetime.strptime(  # noqa: DTZ007 (its zone is not known)
                    f"{cells.get('date', '')} {cells.get('start_time', '')}",
                    f"{form} %H:%M:%S",
                )
            except ValueError:
                continue
            return Start.civil(when)
    return Start()
