"""Open mHealth: data points as JSON, a list of them, one a line, or one alone.

``omh:rr-interval:1.x`` and ``omh:heart-rate:1.x|2.x`` are read; what has another schema
is counted. Source: the schemas at openmhealth.org, ``data-point``, ``header``,
``rr-interval``, ``heart-rate``, ``time-frame``.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from biofeedback.errors import RecordingError
from biofeedback.recording.importers.beat_runs import from_intervals
from biofeedback.recording.importers.imported import (
    Head,
    Imported,
    Options,
    decoded,
    read_bytes,
)
from biofeedback.recording.importers.parts import (
    Start,
    assembled,
    gaps_note,
    guarded,
    parse_iso,
    per_ms,
    rows_note,
)

NAME = "omh"
TITLE = "Open mHealth"

RR_UNCERTAINTY_MS = 1.0
NAMESPACES = ("omh", "ieee")
BPM = ("beats/min", "bpm", "/min")


def matches(head: Head) -> bool:
    """Whether it is JSON that speaks of schemas, or of a measure that it has."""
    text = (head.text or "").lstrip("\ufeff \t\r\n")
    return text[:1] in ("[", "{") and (
        ('"schema_id"' in text and '"namespace"' in text)
        or ('"effective_time_frame"' in text and _body_name(text) is not None)
    )


def _body_name(text: str) -> str | None:
    return next((name for name in ("rr_interval", "heart_rate") if name in text), None)


def read(path: Path, options: Options) -> Imported:
    """Read intervals and heart rates.

    Raises
    ------
    RecordingError
        When the file is not JSON, or has no data point of these kinds.
    """
    with guarded(path, TITLE):
        return _read(path, options)


def _read(path: Path, options: Options) -> Imported:
    text = (decoded(read_bytes(path)) or "").strip()
    if not text:
        raise RecordingError(
            f"{path.name} is not a text file.", "Open mHealth data are JSON."
        )
    notes: list[str] = []
    found = _Found()
    for point in _points(text, path, notes):
        found.add(point)
    if not found.rr and not found.hr:
        other = ", ".join(sorted(found.others)) or "no data points"
        raise RecordingError(
            f"{path.name} has no RR intervals or heart rates, but {other}.",
            "Open mHealth calls them rr-interval and heart-rate.",
        )
    zero = min(each[0] for each in (*found.rr, *found.hr))
    beats = np.array(
        [((when - zero) / timedelta(milliseconds=1), rr) for when, rr in found.rr],
        np.float64,
    ).reshape(-1, 2)
    placed = from_intervals(beats[:, 0], beats[:, 1], uncertainty_ms=RR_UNCERTAINTY_MS)
    n_others = sum(found.others.values())
    if n_others:
        notes.append(f"{n_others} data points of other kinds were not read.")
    notes += [rows_note(found.n_unreadable, "data points"), gaps_note(placed.n_gaps)]
    notes.append(rows_note(placed.n_left_out, "intervals"))
    if found.n_without_zone:
        notes.append("Times without a zone are read as UTC.")
    return assembled(
        path,
        name=NAME,
        title=TITLE,
        start=_start(zero, found),
        options=options,
        anchored=False,
        beats=placed.beats,
        rates=[(_ns(when - zero), hr_bpm) for when, hr_bpm in found.hr],
        device=found.device,
        notes=notes,
    )


def _start(zero: datetime, found: _Found) -> Start:
    if found.n_without_zone:
        return Start.civil(zero.replace(tzinfo=None))
    start = Start.civil(zero)
    if start.at_utc_ns is None:
        return start
    return Start(
        at_utc_ns=start.at_utc_ns,
        zone="offset" if found.n_offset else "utc",
        known_from="file",
    )


def _ns(span: timedelta) -> int:
    return (span // timedelta(microseconds=1)) * 1000


class _Found:
    """Data points by what they measure, each with its time in UTC."""

    def __init__(self) -> None:
        self.rr: list[tuple[datetime, float]] = []
        self.hr: list[tuple[datetime, float]] = []
        self.others: Counter[str] = Counter()
        self.n_unreadable = 0
        self.n_without_zone = 0
        self.n_offset = 0
        self.device = ""

    def add(self, point: object) -> None:
        """Take a data point, or count why not."""
        if not isinstance(point, dict):
            self.n_unreadable += 1
            return
        body = point.get("body", point)
        header = point.get("header")
        if isinstance(body, list):  # Shimmer answers with all its points in one
            for each in body:
                self.add(each if not isinstance(each, list) else None)
            return
        if not isinstance(body, dict):
            self.n_unreadable += 1
            return
        if "rr_interval" in body:
            value = _measure(body["rr_interval"], per_ms)
            into = self.rr
        elif "heart_rate" in body:
            value = _measure(body["heart_rate"], lambda u: 1.0 if u in BPM else None)
            into = self.hr
        else:
            self.others[_schema(header)] += 1
            return
        when = self._time(body)
        if value is None or when is None:
            self.n_unreadable += 1
            return
        into.append((when, value))
        self.device = self.device or _source(header)

    def _time(self, body: dict[str, Any]) -> datetime | None:
        """Return the instant, or the end of the interval of time."""
        frame = body.get("effective_time_frame")
        if not isinstance(frame, dict):
            return None
        when = _iso(frame.get("date_time"))
        if when is None and isinstance(interval := frame.get("time_interval"), dict):
            when = _iso(interval.get("end_date_time"))
            begun = _iso(interval.get("start_date_time"))
            if when is None and begun is not None:
                lasted_ms = _measure(interval.get("duration"), per_ms)
                when = begun + timedelta(milliseconds=lasted_ms or 0.0)
        if when is None:
            return None
        if when.tzinfo is None:
            self.n_without_zone += 1
            return when.replace(tzinfo=UTC)
        self.n_offset += bool(when.utcoffset())
        return when.astimezone(UTC)


def _iso(text: object) -> datetime | None:
    return parse_iso(text) if isinstance(text, str) else None


def _measure(value: object, unit_of: Callable[[str], float | None]) -> float | None:
    """Return a quantity in its base unit."""
    if not isinstance(value, dict):
        return None
    number, unit = value.get("value"), value.get("unit")
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    scale = unit_of(unit) if isinstance(unit, str) else None
    if scale is None or not math.isfinite(number) or not 0 < number < 1e9:
        return None
    return float(number) * float(scale)


def _schema(header: object) -> str:
    if isinstance(header, dict) and isinstance(header.get("schema_id"), dict):
        name = header["schema_id"].get("name")
        if isinstance(name, str):
            return name[:40]
    return "points of an unnamed schema"


def _source(header: object) -> str:
    """Return what measured it, never who."""
    if not isinstance(header, dict):
        return ""
    provenance = header.get("acquisition_provenance")
    name = provenance.get("source_name") if isinstance(provenance, dict) else None
    return name if isinstance(name, str) else ""


# --- JSON, as far as it goes --------------------------------------------------------


def _points(text: str, path: Path, notes: list[str]) -> Iterator[object]:
    """Yield the data points of a list, of lines, or the one that there is.

    A file that ends within a point gives those before it.
    """
    decoder = json.JSONDecoder()
    is_list = text.startswith("[")
    at = 1 if is_list else 0
    n_read = 0
    while True:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        if at >= len(text):
            if is_list:
                notes.append(f"The list ends early, after {n_read} data points.")
            return
        if is_list and text[at] == "]":
            return
        try:
            point, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            if not n_read:
                raise RecordingError(
                    f"{path.name} is not whole JSON.", "Export or copy it once more."
                ) from error
            notes.append(f"The file is damaged after {n_read} data points.")
            return
        n_read += 1
        yield point
