"""RR intervals as plain text: one a line, or a column of a table."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from biofeedback.recording.importers.civil import LOCAL
from biofeedback.recording.importers.imported import Head, Imported, Options
from biofeedback.recording.importers.parts import Start, assembled, rows_note
from biofeedback.recording.importers.rr_text import RrText, read_rr_text

NAME = "rr-text"
TITLE = "RR intervals as text"


def matches(head: Head) -> bool:
    """Whether it is text: what it means is for :func:`read` to say."""
    return head.text is not None


def read(path: Path, options: Options) -> Imported:
    """Read it; columns and unit are found, or taken as declared.

    Raises
    ------
    RecordingError
        When it does not hold RR intervals.
    """
    text = read_rr_text(path, rr_column=options.column, unit=options.unit)
    start = _start(text)
    notes = [f"RR in {text.unit} (from the {text.unit_from})."]
    if text.clock is not None:
        notes.append(f"{text.n_gaps} gaps were found with the column '{text.clock}'.")
    notes.append(rows_note(text.n_unreadable))
    if text.civil is not None:
        notes += [note for note in text.civil.notes if note != LOCAL]
        notes.append(LOCAL if start.zone == "local-unknown" else "")
    return assembled(
        path,
        name=NAME,
        title=TITLE,
        start=start,
        options=options,
        anchored=True,
        beats=text.beats,
        notes=notes,
    )


def _start(text: RrText) -> Start:
    """Return when the first interval began: its row was written when it ended."""
    if not text.beats:
        return Start()
    start = Start()
    if text.civil is not None:
        start = text.civil.start
    elif text.started_at is not None:
        start = Start.civil(datetime.fromisoformat(text.started_at))
    if start.at_utc_ns is None:
        return start
    return Start(
        at_utc_ns=start.at_utc_ns - text.beats[0].t_ns,
        zone=start.zone,
        known_from=start.known_from,
    )
