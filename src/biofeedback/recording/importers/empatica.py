"""Empatica E4: inter-beat intervals of its light sensor (``IBI.csv``).

Format (Empatica's own info.txt, as kept in im-ethz/flirt, test/wearable-data): the
first line is the start in Unix seconds, UTC, and ``IBI``; each row is the time of a
beat in seconds since then and its interval in seconds. Beats that the sensor was not
sure of are left out of the file, so rows that do not follow each other are a gap.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biofeedback.errors import RecordingError
from biofeedback.model import Beat
from biofeedback.recording.importers.imported import Head, Imported, Options
from biofeedback.recording.importers.parts import (
    Start,
    assembled,
    gaps_note,
    rows_note,
)
from biofeedback.recording.importers.rr_time import GAP_MS
from biofeedback.recording.importers.text_table import number, read_lines, split

NAME = "empatica"
TITLE = "Empatica IBI"

TICK_MS = 1000 / 64
"""The light sensor is read 64 times a second."""

APART_MS = 100.0
"""Rows that do not follow each other differ by an interval, not by ticks."""

SINCE_1990_S = 6.3e8
LONGEST_S = 31 * 86_400.0

_FIRST = re.compile(r"\s*\"?(\d+(?:\.\d*)?)\"?\s*[,;]\s*\"?IBI\"?\s*", re.IGNORECASE)


def matches(head: Head) -> bool:
    """Whether the first line is a Unix time and the word IBI."""
    return bool(head.lines) and _FIRST.fullmatch(head.lines[0]) is not None


def read(path: Path, options: Options) -> Imported:
    """Read it.

    Raises
    ------
    RecordingError
        When it does not begin as such a file does, or holds no intervals.
    """
    lines, _ = read_lines(path)
    first = _FIRST.fullmatch(lines[0])
    if first is None:
        raise RecordingError(
            f"{path.name} does not begin with a time and the word IBI.",
            "Give the IBI.csv of an Empatica session.",
        )
    began_s = float(first[1])
    rows = [split(line, ";" if ";" in line else ",") for line in lines[1:]]
    pairs = np.array(
        [(number(row[0]), number(row[1])) for row in rows if len(row) == 2], np.float64
    ).reshape(-1, 2)
    good = (
        np.isfinite(pairs).all(axis=1)
        & (pairs[:, 0] >= 0)
        & (pairs[:, 0] < LONGEST_S)
        & (pairs[:, 1] > 0)
        & (pairs[:, 1] < LONGEST_S)
    )
    t_ms, ibi_ms = 1000 * pairs[good].T
    if not len(t_ms):
        raise RecordingError(
            f"{path.name} holds no intervals.",
            "The wristband was not sure of a single one in this session.",
        )
    beats, n_gaps = _placed(t_ms, ibi_ms)
    start = Start()
    if SINCE_1990_S < began_s < 4.1e9:
        start = Start(
            at_utc_ns=round(began_s * 1e6) * 1000, zone="utc", known_from="file"
        )
    return assembled(
        path,
        name=NAME,
        title=TITLE,
        start=start,
        options=options,
        anchored=True,
        beats=beats,
        device="Empatica",
        notes=(
            "Intervals are of a light sensor at the wrist, in steps of 1/64 s.",
            rows_note(len(rows) - len(beats)),
            gaps_note(n_gaps),
        ),
    )


def _placed(
    t_ms: NDArray[np.float64], ibi_ms: NDArray[np.float64]
) -> tuple[tuple[Beat, ...], int]:
    """Return beats where the file puts them, and how many gaps lie between them."""
    beats: list[Beat] = []
    last_ms, segment = -np.inf, -1
    for row in np.argsort(t_ms, kind="stable").tolist():
        t, ibi = float(t_ms[row]), float(ibi_ms[row])
        if ibi > GAP_MS or t <= last_ms:
            continue
        segment += abs(t - last_ms - ibi) > APART_MS
        last_ms = t
        beats.append(
            Beat(
                index=len(beats),
                segment=segment,
                t_ns=round(t * 1e6),
                rr_ms=ibi,
                uncertainty_ms=TICK_MS,
            )
        )
    return tuple(beats), max(segment, 0)
