"""Elite HRV: one RR interval a line, in ms; when it was, only the file's name says.

Format: no header, no times; the app names the file ``YYYY-MM-DD HH-MM-SS.txt`` after
the local time at which it began (as the readers of chriotte/EliteHRV_to_dataframe and
bale-go/parseHRV expect it).
"""

from __future__ import annotations

from pathlib import Path

from biofeedback.recording.importers.civil import LOCAL, named_start
from biofeedback.recording.importers.imported import Head, Imported, Options
from biofeedback.recording.importers.parts import assembled, gaps_note, rows_note
from biofeedback.recording.importers.rr_text import read_rr_text

NAME = "elite-hrv"
TITLE = "Elite HRV"

LOOK_LINES = 200


def matches(head: Head) -> bool:
    """Whether it is a column of whole milliseconds whose name is a date and time."""
    if head.text is None or named_start(head.name).at_utc_ns is None:
        return False
    lines = [line.strip() for line in head.lines if line.strip()][:LOOK_LINES]
    whole = [line for line in lines if line.isascii() and line.isdecimal()]
    return len(whole) >= 0.9 * len(lines) > 0 and lines[0] in whole


def read(path: Path, options: Options) -> Imported:
    """Read it.

    Raises
    ------
    RecordingError
        When it does not hold RR intervals.
    """
    text = read_rr_text(path, rr_column=options.column, unit=options.unit)
    start = named_start(path.name)
    return assembled(
        path,
        name=NAME,
        title=TITLE,
        start=start,
        options=options,
        anchored=True,
        beats=text.beats,
        notes=(
            f"RR in {text.unit} (from the {text.unit_from}).",
            "The file's name says when it began." if start.at_utc_ns else "",
            LOCAL if start.zone == "local-unknown" else "",
            rows_note(text.n_unreadable),
            gaps_note(text.n_gaps),
        ),
    )
