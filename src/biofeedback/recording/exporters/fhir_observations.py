"""What a recording says, as FHIR Observations.

RR intervals are not evenly spaced, but SampledData (R4B, datatypes) demands ``period``,
the time between samples. Any number there would be untrue, so the element carries the
standard's own ``data-absent-reason`` (``not-applicable``) in place of a value, and each
sample brings its time with it (:mod:`.fhir_codes`, ``rr-series``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import numpy as np

from biofeedback.model import Signal, Strap, Value
from biofeedback.recording.exporters import fhir_codes as codes
from biofeedback.recording.exporters.entries import (
    LINK,
    PACER,
    Row,
    number,
    rows_of,
)
from biofeedback.recording.exporters.options import NS_PER_S, ExportOptions, iso_utc

if TYPE_CHECKING:
    from biofeedback.recording.tables import Tables

SPACE = UUID("c1a5d3a2-6d53-4f39-8a8e-0f6b9f6b8e2d")
WINDOWS_S = (300, 60, 30)

Resource = dict[str, Any]


class Window(Value, frozen=True, kw_only=True):
    """A row of the metrics whose window does not overlap the one before."""

    length_s: int
    end_ns: int
    row: int


def windows_of(tables: Tables) -> tuple[Window, ...]:
    """Return rows of the metrics that do not overlap.

    They are five minutes long, the field's short-term standard (Task Force 1996), or
    the longest of 60 and 30 s that a shorter session holds.
    """
    t_ns = tables.metrics.t_ns
    last_s = int(t_ns[-1]) / NS_PER_S if len(t_ns) else 0
    length_s = next((one for one in WINDOWS_S if one <= last_s), WINDOWS_S[-1])
    ends = np.arange(length_s, last_s + 1e-9, length_s) * NS_PER_S
    rows = np.searchsorted(t_ns, ends.astype(np.int64))
    return tuple(
        Window(length_s=length_s, end_ns=int(t_ns[row]), row=int(row))
        for row in dict.fromkeys(rows.tolist())
        if row < len(t_ns)
    )


class Scribe:
    """Knows a recording, and gives its resources ids, times and labels.

    ``notes`` tells what could not be said.
    """

    def __init__(self, tables: Tables, options: ExportOptions) -> None:
        self.notes: list[str] = []
        self.tables = tables
        self.options = options
        self.session = options.session_id(tables)
        self._started_ns = options.started_utc_ns(tables)

    def id(self, key: str) -> str:
        """Return the id of a resource: the same recording gives the same."""
        return str(uuid5(SPACE, f"{self.session}/{key}"))

    def reference(self, key: str) -> dict[str, str]:
        """Return a reference to a resource of the same Bundle."""
        return {"reference": f"urn:uuid:{self.id(key)}"}

    def instant(self, t_ns: int) -> str:
        """Return a time of the session, to the microsecond."""
        return iso_utc(self._started_ns + t_ns, digits=6)

    def period(self, start_ns: int, end_ns: int) -> dict[str, str]:
        """Return a Period."""
        return {"start": self.instant(start_ns), "end": self.instant(end_ns)}

    def labels(self) -> list[dict[str, str]]:
        """Return the security labels: pseudonymous, and test data if simulated."""
        labels = [{"system": codes.OBSERVATION_VALUE, "code": "PSEUDED"}]
        if self.tables.info.simulated:
            # "Test health data": the label that keeps it out of a real record.
            labels.append({"system": codes.ACT_REASON, "code": "HTEST"})
        return labels

    def strap(self) -> Strap | None:
        """Return what the strap said of itself at last."""
        straps = [one.strap for one in self.tables.links if one.strap is not None]
        return straps[-1] if straps else None


class Observations(Scribe):
    """Makes the Observations of one recording."""

    def all(self) -> list[Resource]:
        """Return metrics, intervals, ratings and marks, in this order."""
        return [*self._metrics(), *self._intervals(), *self._happenings()]

    def _metrics(self) -> Iterator[Resource]:
        unknown = 0
        for window in windows_of(self.tables):
            for name, (concept, category, unit) in codes.METRICS.items():
                column = self.tables.metrics.columns[f"{name}_{window.length_s}s"]
                value = float(column[window.row])
                if value != value:
                    unknown += 1
                    continue
                yield {
                    **self._observation(f"{name}/{window.end_ns}", concept, category),
                    "effectivePeriod": self.period(
                        window.end_ns - window.length_s * NS_PER_S, window.end_ns
                    ),
                    "valueQuantity": codes.quantity(value, unit),
                }
        if unknown:
            self.notes.append(
                f"{unknown} values of windows were not known and are left out."
            )
        self.notes.append(
            "RMSSD and pNN50 bear codes of our own, which the Bundle explains: LOINC "
            "has none that we found."
        )

    def _intervals(self) -> Iterator[Resource]:
        beats = self.tables.beats
        strap = self.strap()
        by_ekg = strap is not None and Signal.ECG in strap.signals
        codings = [codes.own("rr-series"), *([codes.RR_BY_EKG] if by_ekg else [])]
        for segment in dict.fromkeys(beats.segment.tolist()):
            where = np.flatnonzero(beats.segment == segment)
            start_ns = int(beats.t_ns[where[0]]) - round(beats.rr_ms[where[0]] * 1e6)
            samples = (
                f"{_ms(t_ns - start_ns)} {number(rr_ms)} {number(nn_ms) or 'E'}"
                for t_ns, rr_ms, nn_ms in zip(
                    beats.t_ns[where].tolist(),
                    beats.rr_ms[where].tolist(),
                    beats.nn_ms[where].tolist(),
                    strict=True,
                )
            )
            yield {
                **self._observation(
                    f"rr/{segment}", codes.concept(*codings), "procedure"
                ),
                "effectivePeriod": self.period(start_ns, int(beats.t_ns[where[-1]])),
                "valueSampledData": {
                    "origin": codes.quantity(0, "ms"),
                    "_period": {
                        "extension": [
                            {"url": codes.ABSENT, "valueCode": "not-applicable"}
                        ]
                    },
                    "dimensions": 3,
                    "data": " ".join(samples),
                },
            }
        self.notes.append(
            "RR intervals are an Observation for each piece without a gap; a sample is "
            "its time, the interval, and the interval if normal (E if not)."
        )

    def _happenings(self) -> Iterator[Resource]:
        replaced = 0
        for k, row in enumerate(rows_of(self.tables, self.options)):
            if row.superseded:
                replaced += 1
            elif not row.kind.startswith(LINK):
                yield self._happening(k, row)
        if replaced:
            self.notes.append(
                f"{replaced} ratings that were corrected later are left out; the "
                "corrected ones have the status 'corrected'."
            )

    def _happening(self, k: int, row: Row) -> Resource:
        key, value = f"event/{k}", row.value
        end_ns = row.onset_ns + row.duration_ns
        when: Resource = (
            {"effectivePeriod": self.period(row.onset_ns, end_ns)}
            if row.duration_ns
            else {"effectiveDateTime": self.instant(row.onset_ns)}
        )
        if row.kind == PACER and value is not None:
            return {
                **self._observation(
                    key, codes.concept(codes.own("pacer-rate")), "procedure"
                ),
                **when,
                "valueQuantity": codes.quantity(value, "/min"),
            }
        concept = codes.RATINGS.get(row.kind)
        rated = concept is not None and value is not None and value.is_integer()
        found = self._observation(
            key,
            concept if concept is not None and rated else _event(row.kind),
            "survey" if rated else "procedure",
        )
        del found["device"]  # said by a person, not measured
        found |= when
        if row.corrects:
            found["status"] = "corrected"
        if rated and value is not None:
            found["valueInteger"] = int(value)
        elif value is not None:
            found["valueQuantity"] = {"value": value} | (
                {"unit": row.scale} if row.scale else {}
            )
        else:
            found["valueString"] = row.kind
        if row.moment:
            found["component"] = [
                {
                    "code": codes.concept(codes.own("moment")),
                    "valueString": row.moment,
                }
            ]
        if row.text:
            found["note"] = [{"text": row.text}]
        return found

    def _observation(
        self, key: str, concept: dict[str, Any], category: str
    ) -> Resource:
        return {
            "resourceType": "Observation",
            "id": self.id(key),
            "meta": {"security": self.labels()},
            "status": ("final" if self.tables.complete else "preliminary"),
            "category": codes.category(category),
            "code": concept,
            "subject": self.reference("patient"),
            "device": self.reference("strap"),
        }


def _event(kind: str) -> dict[str, Any]:
    return codes.concept(codes.own("event"), text=kind)


def _ms(t_ns: int) -> str:
    return f"{t_ns // 1_000_000}.{t_ns % 1_000_000:06d}".rstrip("0").rstrip(".")
