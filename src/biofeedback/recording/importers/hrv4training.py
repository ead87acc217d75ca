"""HRV4Training: a row a day of what the app computed, and no heartbeats.

Format: the columns ``timestamp_measurement, HR, AVNN, SDNN, rMSSD, pNN50, LF, HF,
HRV4T_Recovery_Points`` and many about the day (GoldenCheetah/GoldenCheetah,
src/Core/Measures, reads them). There is nothing in it to make beats of, and computed
numbers are not turned back into some. Where a file has a column of RR intervals, too,
that is read.
"""

from __future__ import annotations

from pathlib import Path

from biofeedback.errors import RecordingError
from biofeedback.recording.importers.imported import Head, Imported, Options
from biofeedback.recording.importers.interval_rows import beats_of
from biofeedback.recording.importers.parts import assembled
from biofeedback.recording.importers.text_table import find_header, read_table

NAME = "hrv4training"
TITLE = "HRV4Training"

RR_NAMES = ("rr", "rr_ms", "rr_s", "rr_interval", "rr_intervals", "rr_interval_ms")


def matches(head: Head) -> bool:
    """Whether a header has the app's columns."""
    return find_header(head.lines, _is_header) is not None


def read(path: Path, options: Options) -> Imported:
    """Read RR intervals if there are any.

    Raises
    ------
    RecordingError
        When there are none, as in the app's export of daily measures.
    """
    table = read_table(path, _is_header)
    rr_at = table.rr_at(options.column, *RR_NAMES)
    if rr_at is None:
        raise RecordingError(
            f"{path.name} holds HRV4Training's measures, one row a day, "
            "and no heartbeats.",
            "Export the RR intervals of a measurement; a recording cannot be made of "
            "computed numbers.",
        )
    clock_at = table.at("timestamp", "timestamp_measurement", "date")
    rows = beats_of(
        path,
        table.numbers(rr_at),
        None if clock_at is None else table.cells(clock_at),
        unit=options.unit,
    )
    return assembled(
        path,
        name=NAME,
        title=TITLE,
        start=rows.start,
        options=options,
        anchored=True,
        beats=rows.beats,
        notes=rows.notes,
    )


def _is_header(names: set[str]) -> bool:
    if any(name.startswith("hrv4t_") for name in names):
        return True
    return {"timestamp_measurement", "rmssd"} <= names
