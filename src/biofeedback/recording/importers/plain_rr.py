"""RR intervals as plain text: one a line, or a column of a table."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from biofeedback.recording.importers.imported import Head, Imported, Options
from biofeedback.recording.importers.rr_text import read_rr_text

NAME = "rr-text"
TITLE = "RR intervals as text"

NS_PER_S = 1_000_000_000


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
    notes = [f"RR in {text.unit} (from the {text.unit_from})."]
    if text.clock is not None:
        notes.append(f"{text.n_gaps} gaps were found with the column '{text.clock}'.")
    if text.n_unreadable:
        notes.append(f"{text.n_unreadable} rows could not be read.")
    started_ns = options.start_utc_ns
    if started_ns is None and text.started_at is not None:
        began = datetime.fromisoformat(text.started_at)
        started_ns = round(began.timestamp() * 1_000_000) * 1000
    return Imported(
        format=NAME,
        beats=text.beats,
        duration_ns=round(text.duration_s * NS_PER_S),
        started_at_utc_ns=started_ns,
        started_from=(
            "declared"
            if options.start_utc_ns is not None
            else "unknown"
            if started_ns is None
            else "file"
        ),
        zone="utc" if started_ns is not None else "unknown",
        notes=tuple(notes),
    )
