"""BIDS: one dataset of one participant and one session, for neuroimaging tools.

Beats stand as rows in ``_events.tsv``: RR intervals are not evenly spaced, so they are
no ``_physio`` signal. Evenly spaced samples (ECG, acceleration) are ``_physio.tsv.gz``
without a header, one file for each piece without a gap, at the rate that fits it best.
Facts: Brain Imaging Data Structure 1.10, "Behavioral experiments" and "Physiological
recordings"; checked with ``bids-validator-deno`` in the tests.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from biofeedback.model import Signal, Value
from biofeedback.recording.exporters.columns import DESCRIPTIONS, KINDS, LABELS
from biofeedback.recording.exporters.entries import number, rows_of, seconds
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
    from biofeedback.recording.tables import Tables, Trace

NAME = "bids"
TITLE = "BIDS dataset"
FOLDER = True

VERSION = "1.10.0"
UNKNOWN = "n/a"
BEAT = "beat"
TASK = "Mindful breathing with a chest strap."

EVENTS = (
    *("onset", "duration", "trial_type", "value", "scale", "by", "moment"),
    *("superseded", "rr_ms", "nn_ms", "label", "segment", "uncertainty_ms"),
)
CHANNELS = {Signal.ECG: ("cardiac",), Signal.ACC: ("x", "y", "z")}
CHANNEL_TEXT = {
    "cardiac": ("uV", "Electrocardiogram from a chest strap."),
    "x": ("mG", "Acceleration of the strap along x, in thousandths of g."),
    "y": ("mG", "Acceleration of the strap along y, in thousandths of g."),
    "z": ("mG", "Acceleration of the strap along z, in thousandths of g."),
}


class Names(Value, frozen=True, kw_only=True):
    """Labels of the dataset: letters and digits only, as BIDS wants them."""

    subject: str
    session: str
    task: str

    @property
    def folder(self) -> str:
        """Where the data lie."""
        return f"sub-{self.subject}/ses-{self.session}/beh"

    @property
    def stem(self) -> str:
        """How every data file begins."""
        return f"sub-{self.subject}_ses-{self.session}_task-{self.task}"


def names_of(tables: Tables) -> Names:
    """Return the labels of a recording.

    The session's is a hash of its id, so that datasets of one person can be merged.
    """
    info = tables.info
    return Names(
        subject=_label(info.person) or "unknown",
        session=hashlib.sha256(f"bids {info.id}".encode()).hexdigest()[:8],
        task=_label(info.plan) or "practice",
    )


def write(tables: Tables, out: Path, options: ExportOptions) -> Exported:
    """Write the folder ``out`` as a BIDS dataset.

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
    names = names_of(tables)
    provenance = provenance_of(tables, options, NAME)
    # BIDS wants dates that were changed to lie before 1925; better to give none.
    if not options.dates:
        provenance["started_at_utc"] = None
    notes = [
        "Metrics and the strap's own heart rate are left out: a raw dataset holds what "
        "was measured. '--to csv' has them.",
    ]
    with staged(out, folder=True) as root:
        _dataset(root, tables, names, provenance)
        folder = root / names.folder
        folder.mkdir(parents=True)
        _events(folder / f"{names.stem}_events", tables, names, options)
        for label, trace in _recordings(tables):
            if len(trace) < 2:
                notes.append(
                    f"A piece of {trace.signal.value} of {len(trace)} sample is left "
                    "out: it has no rate."
                )
                continue
            _physio(
                folder / f"{names.stem}_recording-{label}_physio", tables, names, trace
            )
    return Exported(
        paths=written(out), notes=(*notes, *privacy_notes(options, civil=options.dates))
    )


def _label(text: str) -> str:
    return re.sub(r"[^0-9A-Za-z]", "", text)


def _dataset(
    root: Path, tables: Tables, names: Names, provenance: dict[str, Any]
) -> None:
    simulated = tables.info.simulated
    kind = "Simulated practice" if simulated else "Practice"
    write_json(
        root / "dataset_description.json",
        {
            "Name": f"{kind} with a chest strap, {provenance['session_id']}",
            "BIDSVersion": VERSION,
            "DatasetType": "raw",
            "GeneratedBy": [
                {
                    "Name": "biofeedback",
                    "Version": version(),
                    "Description": "Export of a recording; see Provenance.",
                }
            ],
            "Provenance": provenance,
        },
    )
    (root / "README").write_text(_readme(tables, names), encoding="utf-8")
    yes = "yes" if simulated else "no"
    (root / "participants.tsv").write_text(
        f"participant_id\tsimulated\nsub-{names.subject}\t{yes}\n", encoding="utf-8"
    )
    write_json(
        root / "participants.json",
        {
            "simulated": {
                "Description": "Whether the heart is simulated, not a person's.",
                "Levels": {"yes": "A simulated heart.", "no": "A person."},
            }
        },
    )


def _readme(tables: Tables, names: Names) -> str:
    return (
        "# Practice with a chest strap\n\n"
        f"{statement(tables)}\n\n"
        f"`{names.folder}/{names.stem}_events.tsv` holds every heartbeat (trial_type "
        "`beat`, `rr_ms` is the interval that ends at onset), ratings, the pacer and "
        "gaps. No difference of intervals may be taken between two values of `segment`."
        "\n`nn_ms` is `n/a` where an interval was not judged normal; `rr_ms` is what "
        "was measured.\nTimes are seconds since the session started.\n\n"
        "`_physio.tsv.gz` files, if any, hold ECG and acceleration, a file for each "
        "piece without a gap.\n"
    )


def _events(stem: Path, tables: Tables, names: Names, options: ExportOptions) -> None:
    columns = (*EVENTS, "text")
    rows = sorted([*_beats(tables), *_rows(tables, options)], key=lambda pair: pair[0])
    lines = ["\t".join(columns)]
    lines += ["\t".join(row[: len(columns)]) for _, row in rows]
    _path(stem, ".tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    kinds = {row[2] for _, row in rows}
    write_json(_path(stem, ".json"), _events_sidecar(tables, names, columns, kinds))


def _beats(tables: Tables) -> Iterator[tuple[int, Sequence[str]]]:
    beats = tables.beats
    for t_ns, rr_ms, nn_ms, label, segment, uncertainty_ms in zip(
        beats.t_ns.tolist(),
        beats.rr_ms.tolist(),
        beats.nn_ms.tolist(),
        beats.label.tolist(),
        beats.segment.tolist(),
        beats.uncertainty_ms.tolist(),
        strict=True,
    ):
        yield (
            t_ns,
            (
                *(seconds(t_ns), "0", BEAT),
                *(UNKNOWN,) * 5,
                *(number(rr_ms), number(nn_ms) or UNKNOWN, label, str(segment)),
                *(number(uncertainty_ms), UNKNOWN),
            ),
        )


def _rows(
    tables: Tables, options: ExportOptions
) -> Iterator[tuple[int, Sequence[str]]]:
    for row in rows_of(tables, options):
        yield (
            row.onset_ns,
            (
                *(seconds(row.onset_ns), seconds(row.duration_ns), row.kind),
                *(number(row.value) or UNKNOWN, _cell(row.scale), _cell(row.by)),
                *(_cell(row.moment), "yes" if row.superseded else "no"),
                *(UNKNOWN,) * 5,
                _cell(row.text),
            ),
        )


def _cell(text: str | None) -> str:
    # TSV has no quotes: whatever would end a cell or a line becomes a space.
    return " ".join(text.split()) or UNKNOWN if text else UNKNOWN


def _events_sidecar(
    tables: Tables, names: Names, columns: Sequence[str], kinds: set[str]
) -> dict[str, Any]:
    levels = {kind: KINDS.get(kind, _level(kind)) for kind in sorted(kinds)}
    described: dict[str, Any] = {
        "onset": {"Description": DESCRIPTIONS["onset_s"], "Units": "s"},
        "duration": {"Description": DESCRIPTIONS["duration_s"], "Units": "s"},
        "trial_type": {"Description": DESCRIPTIONS["kind"], "Levels": levels},
        "superseded": {
            "Description": "Whether a later row replaces this one.",
            "Levels": {"yes": "It does.", "no": "It does not."},
        },
        "label": {"Description": DESCRIPTIONS["label"], "Levels": LABELS},
    }
    for name in columns:
        if name not in described:
            described[name] = {"Description": DESCRIPTIONS[name]}
            if name.endswith("_ms"):
                described[name]["Units"] = "ms"
    return {
        "TaskName": names.task,
        "TaskDescription": TASK,
        **described,
        "StimulusPresentation": {
            "SoftwareName": "biofeedback",
            "SoftwareVersion": tables.info.software,
        },
    }


def _level(kind: str) -> str:
    if kind.startswith("link."):
        return f"The link to the strap became '{kind.removeprefix('link.')}'."
    return f"An entry of the type '{kind}'."


def _recordings(tables: Tables) -> Iterator[tuple[str, Trace]]:
    for signal in CHANNELS:
        traces = [one for one in tables.traces if one.signal is signal]
        for number_, trace in enumerate(traces, 1):
            yield f"{signal.value}{number_ if len(traces) > 1 else ''}", trace


def grid_of(trace: Trace) -> tuple[float, float]:
    """Return start and step in ms of the even grid that fits a trace best."""
    step_ms = trace.step_ms
    return float(np.median(trace.t_ms - np.arange(len(trace)) * step_ms)), step_ms


def _physio(stem: Path, tables: Tables, names: Names, trace: Trace) -> None:
    start_ms, step_ms = grid_of(trace)
    fitted_ms = start_ms + np.arange(len(trace)) * step_ms
    columns = CHANNELS[trace.signal]
    text = "".join("\t".join(map(str, row)) + "\n" for row in trace.values.tolist())
    # No name and no time in the file's head: they would tell when it was made.
    with (
        _path(stem, ".tsv.gz").open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as file,
    ):
        file.write(text.encode("ascii"))
    strap = next((one.strap for one in tables.links if one.strap is not None), None)
    told: dict[str, Any] = {
        "TaskName": names.task,
        "TaskDescription": TASK,
        "SamplingFrequency": 1000 / step_ms,
        "StartTime": start_ms / 1000,
        "Columns": list(columns),
        "PhysioType": "generic",
        "SoftwareVersions": tables.info.software,
        **{
            name: {"Units": CHANNEL_TEXT[name][0], "Description": CHANNEL_TEXT[name][1]}
            for name in columns
        },
        "MaximumTimingDeviationMs": float(np.abs(fitted_ms - trace.t_ms).max()),
    }
    if strap is not None:
        known = {
            "Manufacturer": strap.manufacturer,
            "ManufacturersModelName": strap.model,
        }
        told |= {key: value for key, value in known.items() if value}
    write_json(_path(stem, ".json"), told)


def _path(stem: Path, suffix: str) -> Path:
    return stem.with_name(stem.name + suffix)
