"""Open mHealth: data points for platforms that speak its JSON schemas.

A data point has a ``header`` (1.2) and a ``body``, here of ``rr-interval`` 1.0
and ``heart-rate`` 2.0 (the project's repository ``schemas``). There is no schema
for heart rate variability, and none is made up: metrics are not in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from biofeedback.recording.exporters.options import (
    Exported,
    ExportOptions,
    iso_utc,
    staged,
    written,
)
from biofeedback.recording.exporters.provenance import (
    PROVENANCE_NAME,
    privacy_notes,
    provenance_of,
    write_provenance,
)

if TYPE_CHECKING:
    from biofeedback.recording.tables import Tables

NAME = "omh"
TITLE = "Open mHealth data points"
FOLDER = True

RR, HEART_RATE = "rr-interval", "heart-rate"
VERSIONS = {RR: "1.0", HEART_RATE: "2.0"}

SPACE = UUID("5f9d5d4e-6a0c-4f0b-9a7e-0d2c4b1e7a11")
"""Namespace of the data points' ids: the same recording gives the same ids."""

Point = dict[str, Any]


def write(tables: Tables, out: Path, options: ExportOptions) -> Exported:
    """Write the folder ``out``: a JSON array of data points for each schema.

    Parameters
    ----------
    tables, options
        The recording, and what may be told of it.
    out
        A folder that is not there yet, or empty.

    Raises
    ------
    RecordingError
        When ``out`` is there already or cannot be written.
    """
    maker = Maker(tables, options)
    with staged(out, folder=True) as folder:
        _array(folder / f"{RR}.json", maker.intervals())
        _array(folder / f"{HEART_RATE}.json", maker.rates())
        write_provenance(folder / PROVENANCE_NAME, provenance_of(tables, options, NAME))
    notes = (
        "Metrics are not in it: Open mHealth has no schema for heart rate variability. "
        "'--to csv' or '--to fhir' have them.",
        "Nor are ratings, notes, signals and the judgement of each interval: all "
        "intervals are as measured.",
    )
    return Exported(paths=written(out), notes=(*notes, *privacy_notes(options)))


class Maker:
    """Makes the data points of one recording."""

    def __init__(self, tables: Tables, options: ExportOptions) -> None:
        self._tables = tables
        self._session = options.session_id(tables)
        self._started_ns = options.started_utc_ns(tables)
        self._created = iso_utc(options.created_utc_ns(tables))
        info = tables.info
        source: dict[str, str] = {"source_name": info.strap_name}
        if not info.simulated:
            source["modality"] = "sensed"  # a simulated heart is neither
        self._source = source

    def intervals(self) -> Iterator[Point]:
        """Yield a data point an interval, over the time from beat to beat."""
        beats = self._tables.beats
        for index, t_ns, rr_ms in zip(
            beats.index.tolist(), beats.t_ns.tolist(), beats.rr_ms.tolist(), strict=True
        ):
            body = {
                "rr_interval": {"value": rr_ms, "unit": "ms"},
                "effective_time_frame": {
                    "time_interval": {
                        "start_date_time": self._time(t_ns - round(rr_ms * 1e6)),
                        "end_date_time": self._time(t_ns),
                    }
                },
            }
            yield self._point(RR, index, body)

    def rates(self) -> Iterator[Point]:
        """Yield a data point a rate that the strap reported."""
        heart = self._tables.heart
        for k, (t_ns, hr_bpm) in enumerate(
            zip(heart.t_ns.tolist(), heart.hr_bpm.tolist(), strict=True)
        ):
            if hr_bpm != hr_bpm:
                continue
            body = {
                "heart_rate": {"value": hr_bpm, "unit": "beats/min"},
                "effective_time_frame": {"date_time": self._time(t_ns)},
            }
            yield self._point(HEART_RATE, k, body)

    def _time(self, t_ns: int) -> str:
        return iso_utc(self._started_ns + t_ns, digits=6)

    def _point(self, schema: str, number: int, body: dict[str, Any]) -> Point:
        return {
            "header": {
                "id": str(uuid5(SPACE, f"{self._session}/{schema}/{number}")),
                "creation_date_time": self._created,
                "schema_id": {
                    "namespace": "omh",
                    "name": schema,
                    "version": VERSIONS[schema],
                },
                "acquisition_provenance": self._source,
                "user_id": self._tables.info.person,
            },
            "body": body,
        }


def _array(path: Path, points: Iterable[Point]) -> None:
    # One point a line: a day holds 100 000 of them, and they need not be in memory.
    with path.open("w", encoding="utf-8") as file:
        comma = "[\n"
        for point in points:
            file.write(comma + json.dumps(point, ensure_ascii=False, allow_nan=False))
            comma = ",\n"
        file.write("[]\n" if comma == "[\n" else "\n]\n")
