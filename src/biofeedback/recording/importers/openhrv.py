"""OpenHRV: a line an event, with the time at which it was written.

Format (JanCBrammer/OpenHRV, openhrv/logger.py and model.py): ``event,value,timestamp``,
the last a local time without a zone. Of a list only the last value was written, so of
two intervals in one message one is missing: the clock shows it only if it adds up.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from biofeedback.errors import RecordingError
from biofeedback.recording.importers.civil import civil_clock
from biofeedback.recording.importers.imported import Head, Imported, Mark, Options
from biofeedback.recording.importers.interval_rows import beats_of
from biofeedback.recording.importers.parts import Start, assembled, rows_note
from biofeedback.recording.importers.text_table import (
    find_header,
    name_of,
    number,
    read_lines,
)

NAME = "openhrv"
TITLE = "OpenHRV"

INTERVALS = frozenset({"interbeatinterval", "inter_beat_interval", "ibi", "ibis", "rr"})
ANNOTATIONS = frozenset({"annotation", "marker", "event"})
COMPUTED = frozenset({"meanhrv", "hrv", "hrvtarget", "pacerrate", "sensors"})
"""What the app worked out or had set: not measured, so not read."""

ONLY_LAST = "OpenHRV writes one interval a message: single beats may be missing."


def matches(head: Head) -> bool:
    """Whether a header has exactly the app's columns."""
    return find_header(head.lines[:1], _is_header) is not None


def read(path: Path, options: Options) -> Imported:
    """Read intervals and annotations.

    Raises
    ------
    RecordingError
        When it holds no intervals.
    """
    lines, _ = read_lines(path)
    found = find_header(lines, _is_header)
    if found is None:
        raise RecordingError(
            f"{path.name} has no header 'event,value,timestamp'.",
            "Give a file that OpenHRV wrote.",
        )
    at, names, separator = found
    order = [names.index(name) for name in ("event", "value", "timestamp")]
    events, n_cut = [], 0
    for line in lines[at + 1 :]:
        cells = line.split(separator)
        if len(cells) > 3 and order == [0, 1, 2]:  # a comma within an annotation
            cells = [cells[0], separator.join(cells[1:-1]), cells[-1]]
        if len(cells) != 3:
            n_cut += 1
            continue
        event, value, stamp = (cells[i].strip() for i in order)
        events.append((name_of(event), value, stamp))
    rows = [each for each in events if each[0] in INTERVALS]
    if not rows:
        raise RecordingError(
            f"{path.name} holds no intervals between beats.",
            "Only events were recorded in it, or the strap was not connected.",
        )
    beats = beats_of(
        path,
        np.array([number(value) for _, value, _ in rows]),
        [stamp for _, _, stamp in rows],
        unit=options.unit,
    )
    return assembled(
        path,
        name=NAME,
        title=TITLE,
        start=beats.start,
        options=options,
        anchored=True,
        beats=beats.beats,
        marks=_marks(events, beats.start),
        notes=(*beats.notes, ONLY_LAST, rows_note(n_cut)),
    )


def _marks(events: list[tuple[str, str, str]], start: Start) -> list[Mark]:
    """Return annotations on the clock of all rows, so that its steps are taken out."""
    clock = civil_clock([stamp for _, _, stamp in events], np.zeros(len(events)))
    if clock is None or clock.start.at_utc_ns is None or start.at_utc_ns is None:
        return []
    lead_ns = clock.start.at_utc_ns - start.at_utc_ns
    return [
        Mark(
            t_ns=max(lead_ns + round(float(clock.seconds[row]) * 1e9), 0),
            type="annotation",
            text=value,
        )
        for row, (event, value, _) in enumerate(events)
        if event in ANNOTATIONS
    ]


def _is_header(names: set[str]) -> bool:
    return {"event", "value", "timestamp"} == names
