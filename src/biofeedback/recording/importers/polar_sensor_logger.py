"""Polar Sensor Logger: a file each for RR, HR, ECG, acceleration and pulse intervals.

Format (tsteven4/ecg-analysis; obss/BIOBSS; headers of many exports seen in public
parsers), ``;`` between cells, in other apps' copies ``,``:

- RR: ``Phone timestamp;RR-interval [ms]``
- HR: ``Phone timestamp;HR [bpm];HRV [ms];Breathing interval [rpm];``, HRV empty
- ECG: ``Phone timestamp;sensor timestamp [ns];timestamp [ms];ecg [uV]``
- ACC: ``Phone timestamp;sensor timestamp [ns];X [mg];Y [mg];Z [mg]``
- PPI: ``Phone Data RX timestamp;PP-interval [ms];error estimate [ms];blocker;contact;
  contact;hr [bpm]`` in this order or another one

The phone's timestamp is a local time without a zone. The strap's is in nanoseconds
since any moment: it tells how far samples are apart, never when they were.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from biofeedback.errors import RecordingError
from biofeedback.model import Beat
from biofeedback.recording.importers.civil import CivilClock, civil_clock
from biofeedback.recording.importers.imported import (
    Head,
    Imported,
    ImportedSignal,
    Options,
)
from biofeedback.recording.importers.interval_rows import Rows, beats_of
from biofeedback.recording.importers.parts import Start, assembled, rows_note
from biofeedback.recording.importers.polar_samples import AXES, samples_of
from biofeedback.recording.importers.text_table import (
    TextTable,
    find_header,
    number,
    read_table,
)

NAME = "polar-sensor-logger"
TITLE = "Polar Sensor Logger"

STAMPS = ("phone_timestamp", "phone_data_rx_timestamp")
RR = ("rr_interval_ms", "rr_ms")
PPI = ("pp_interval_ms", "ppi_ms")
HR = ("hr_bpm",)
ECG = ("ecg_uv", "ecg_mv")

DEVICE = re.compile(
    r"(?i)\bPolar[ _](H10|H9|H7|OH1|Verity[ _]Sense|Sense|360)(?![0-9])"
)
"""What stands behind it in the file's name is the serial number: not kept."""

LIGHT = "Intervals are of a light sensor: they are pulse intervals, not RR."


def matches(head: Head) -> bool:
    """Whether a header has the phone's timestamp and a signal's column."""
    return find_header(head.lines, _is_header) is not None


def read(path: Path, options: Options) -> Imported:
    """Read one file of a session, whichever signal it holds.

    Raises
    ------
    RecordingError
        When it holds a signal that is not read here, or no row that can be read.
    """
    table = read_table(path, _is_header)
    if (rr_at := table.rr_at(options.column, *RR)) is not None:
        return _intervals(table, rr_at, options)
    if (ppi_at := table.at(*PPI)) is not None:
        return _pulse(table, ppi_at, options)
    if table.at(*ECG) is not None or table.at(*AXES[0]) is not None:
        signals, start, notes = samples_of(table, _stamps(table))
        return _assembled(table, options, start=start, signals=signals, notes=notes)
    if (hr_at := table.at(*HR)) is not None:
        return _rates(table, hr_at, options)
    raise RecordingError(
        f"{path.name} holds a signal of Polar Sensor Logger that is not read here.",
        "Give the file of RR, HR, ECG, ACC or PPI of the same session.",
    )


def _is_header(names: set[str]) -> bool:
    return any(stamp in names for stamp in STAMPS) and len(names) > 1


def _stamps(table: TextTable) -> list[str]:
    at = table.at(*STAMPS)
    return table.cells(at) if at is not None else []


def _intervals(table: TextTable, rr_at: int, options: Options) -> Imported:
    """Read RR; a row without one is a heart rate that came alone."""
    cells, stamps = table.cells(rr_at), _stamps(table)
    kept = [row for row, cell in enumerate(cells) if cell.strip()]
    found = beats_of(
        table.path,
        np.array([number(cells[row]) for row in kept], np.float64),
        [stamps[row] for row in kept],
        unit=options.unit or "ms",
    )
    return _of_rows(table, found, list(found.notes), options)


def _pulse(table: TextTable, ppi_at: int, options: Options) -> Imported:
    """Read pulse intervals; those the sensor says not to use are gaps."""
    intervals = table.numbers(ppi_at)
    usable = np.ones(len(intervals), np.bool_)
    blocker_at = table.at("blocker")
    if blocker_at is not None:
        usable &= ~(table.numbers(blocker_at) == 1)
    contact_at, supported_at = _contact(table)
    if contact_at is not None and supported_at is not None:
        feels = table.numbers(contact_at) != 0
        usable &= feels | ~(table.numbers(supported_at) == 1)
    n_blocked = int(np.count_nonzero(~usable & (intervals > 0)))
    if not usable.any():
        raise RecordingError(
            f"{table.path.name} holds no pulse interval that may be used.",
            "The band was moving, or off the skin, for all of it.",
        )
    found = beats_of(
        table.path,
        intervals,
        _stamps(table),
        unit=options.unit or "ms",
        usable=usable,
    )
    notes = [*found.notes, LIGHT]
    if n_blocked:
        notes.append(
            f"{n_blocked} intervals were left out: the sensor said not to use them."
        )
    error_at = table.at("error_estimate_ms")
    if error_at is not None:
        errors_ms = table.numbers(error_at)[usable]
        errors_ms = errors_ms[np.isfinite(errors_ms)]
        if len(errors_ms):
            half = float(np.median(errors_ms))
            notes.append(f"The sensor says that half are wrong by {half:g} ms or less.")
    return _of_rows(table, found, notes, options)


def _contact(table: TextTable) -> tuple[int | None, int | None]:
    """Return the columns of contact and of whether it is felt at all.

    The app heads both ``contact``: the first is the contact.
    """
    if "skin_contact" in table.names:
        return table.at("skin_contact"), table.at("skin_contact_supported")
    both = [i for i, name in enumerate(table.names) if name in ("contact", "contact_1")]
    return (both[0], both[1]) if len(both) == 2 else (None, None)


def _rates(table: TextTable, hr_at: int, options: Options) -> Imported:
    hr_bpm = table.numbers(hr_at)
    clock = _clock(table)
    rates = [
        (round(float(second) * 1e9), rate)
        for second, rate in zip(clock.seconds, hr_bpm.tolist(), strict=True)
        if not np.isnan(rate)
    ]
    n_unreadable = int(np.count_nonzero(np.isnan(hr_bpm)))
    return _assembled(
        table,
        options,
        start=clock.start,
        rates=rates,
        notes=[
            *clock.notes,
            rows_note(n_unreadable),
            "It holds a heart rate and no RR intervals.",
        ],
    )


def _clock(table: TextTable) -> CivilClock:
    """Return the phone's clock; heart rates come once a second."""
    stamps = _stamps(table)
    clock = civil_clock(stamps, np.ones(len(stamps)))
    if clock is None:
        raise RecordingError(
            f"{table.path.name} has no times that could be read.",
            "Export it again from Polar Sensor Logger.",
        )
    return clock


def _of_rows(
    table: TextTable, found: Rows, notes: list[str], options: Options
) -> Imported:
    return _assembled(table, options, start=found.start, beats=found.beats, notes=notes)


def _assembled(
    table: TextTable,
    options: Options,
    *,
    start: Start,
    notes: list[str],
    beats: Sequence[Beat] = (),
    rates: Sequence[tuple[int, float]] = (),
    signals: Sequence[ImportedSignal] = (),
) -> Imported:
    device = DEVICE.search(table.path.name)
    return assembled(
        table.path,
        name=NAME,
        title=TITLE,
        start=start,
        options=options,
        anchored=True,
        beats=beats,
        rates=rates,
        signals=signals,
        device=f"Polar {device[1]}" if device else "Polar",
        notes=notes,
    )
