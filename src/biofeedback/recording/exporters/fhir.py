"""FHIR R4B: one Bundle (``collection``) for clinical systems.

It holds the pseudonymous Patient, the strap and the program as Devices, an Observation
for each metric of each window, the RR intervals, ratings and marks, and a Provenance.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from biofeedback.recording.exporters import fhir_codes as codes
from biofeedback.recording.exporters.fhir_observations import Observations, Resource
from biofeedback.recording.exporters.options import (
    Exported,
    ExportOptions,
    staged,
    written,
)
from biofeedback.recording.exporters.provenance import (
    privacy_notes,
    provenance_of,
    statement,
    version,
    write_json,
)

if TYPE_CHECKING:
    from biofeedback.recording.tables import Tables

NAME = "fhir"
TITLE = "FHIR R4B Bundle"
FOLDER = False


def write(tables: Tables, out: Path, options: ExportOptions) -> Exported:
    """Write the file ``out``: a Bundle as JSON.

    Parameters
    ----------
    tables, options
        The recording, and what may be told of it.
    out
        A file that is not there yet.

    Raises
    ------
    RecordingError
        When ``out`` is there already or cannot be written.
    """
    maker = Maker(tables, options)
    with staged(out, folder=False) as file:
        write_json(file, maker.bundle())
    return Exported(paths=written(out), notes=(*maker.notes, *privacy_notes(options)))


class Maker(Observations):
    """Makes the Bundle of one recording."""

    def bundle(self) -> Resource:
        """Return the whole Bundle."""
        observations = self.all()
        resources = [
            self._person(),
            self._device(),
            self._software(),
            codes.code_system(self.id("codes")),
            *observations,
            self._provenance([one["id"] for one in observations]),
        ]
        return {
            "resourceType": "Bundle",
            "id": self.id("bundle"),
            "meta": {"security": self.labels()},
            "type": "collection",
            "timestamp": self.instant(self._created_ns()),
            "entry": [
                {"fullUrl": f"urn:uuid:{one['id']}", "resource": one}
                for one in resources
            ],
        }

    def _person(self) -> Resource:
        return {
            "resourceType": "Patient",
            "id": self.id("patient"),
            "meta": {"security": self.labels()},
            "identifier": [{"system": codes.PERSONS, "value": self.tables.info.person}],
        }

    def _device(self) -> Resource:
        info = self.tables.info
        device: Resource = {
            "resourceType": "Device",
            "id": self.id("strap"),
            "deviceName": [{"name": info.strap_name, "type": "user-friendly-name"}],
            "type": {
                "text": "Simulated heart" if info.simulated else "Chest strap",
            },
        }
        if strap := self.strap():
            if strap.manufacturer:
                device["manufacturer"] = strap.manufacturer
            if strap.model:
                device["modelNumber"] = strap.model
            if strap.firmware:
                device["version"] = [{"value": strap.firmware}]
        return device

    def _software(self) -> Resource:
        return {
            "resourceType": "Device",
            "id": self.id("program"),
            "deviceName": [{"name": "biofeedback", "type": "other"}],
            "type": {"text": "Software"},
            "version": [{"value": version()}],
        }

    def _provenance(self, targets: list[str]) -> Resource:
        block = provenance_of(self.tables, self.options, NAME)
        items = "".join(
            f"<li>{escape(key)}: {escape(str(value))}</li>"
            for key, value in block.items()
            if value is not None
        )
        return {
            "resourceType": "Provenance",
            "id": self.id("provenance"),
            "text": {
                "status": "generated",
                "div": (
                    '<div xmlns="http://www.w3.org/1999/xhtml">'
                    f"<p>{escape(statement(self.tables))}</p><ul>{items}</ul></div>"
                ),
            },
            "target": [{"reference": f"urn:uuid:{one}"} for one in targets]
            or [self.reference("patient")],
            "recorded": self.instant(self._created_ns()),
            "agent": [
                {
                    "type": {
                        "coding": [{"system": codes.PARTICIPANT, "code": "assembler"}]
                    },
                    "who": self.reference("program"),
                }
            ],
            "entity": [
                {
                    "role": "source",
                    "what": {
                        "identifier": {
                            "type": {"text": "SHA-256 of the recording"},
                            "value": self.tables.sha256,
                        },
                        "display": f"Recording of session {self.session}",
                    },
                }
            ],
        }

    def _created_ns(self) -> int:
        created_ns = self.options.created_utc_ns(self.tables)
        return created_ns - self.options.started_utc_ns(self.tables)
