"""Where an export comes from: a block that every one of them carries."""

from __future__ import annotations

import json
import re
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biofeedback.recording.exporters.options import ExportOptions, iso_utc

if TYPE_CHECKING:
    from biofeedback.recording.tables import Tables

PROVENANCE_NAME = "provenance.json"

_MACHINE = re.compile(r"unknown|paced on screen|preset pace|[0-9.]+:[0-9.]+")
"""What this program itself notes of a practice; anything else somebody has typed."""


def provenance_of(
    tables: Tables, options: ExportOptions, format: str
) -> dict[str, Any]:
    """Return what whoever gets the export should know of where it comes from.

    Parameters
    ----------
    tables
        The recording.
    options
        What the export may tell; the block says what was left out.
    format
        Name of the format, as in the registry.

    Returns
    -------
    dict
        Strings, numbers, booleans, ``None``, and ``practice``, a dict of strings.
    """
    info, config = tables.info, tables.config
    return {
        "format": format,
        "exported_by": f"biofeedback {version()}",
        "exported_at_utc": (
            iso_utc(options.created_at_utc_ns) if options.dates else None
        ),
        "recorded_by": info.software,
        "algorithm": config.algorithm if config is not None else None,
        "recording_sha256": tables.sha256,
        "session_id": options.session_id(tables),
        "person": info.person,
        "source": info.source,
        "simulated": info.simulated,
        "simulated_profile": config.profile if config is not None else None,
        "simulated_seed": config.seed if config is not None else None,
        "strap": info.strap_name,
        "practice": _practice(tables, options),
        "started_at_utc": iso_utc(options.started_utc_ns(tables)),
        "duration_s": tables.duration_ns / 1e9,
        "n_records": tables.n_records,
        "n_beats": len(tables.beats),
        "complete": tables.complete,
        "recovered": tables.recovery is not None,
        "dates": "kept" if options.dates else "removed",
        "free_text": "kept" if options.free_text else "removed",
        "statement": statement(tables),
    }


def version() -> str:
    """Return the version of this program."""
    try:
        return metadata.version("biofeedback")
    except metadata.PackageNotFoundError:
        return "unknown"  # run from a folder, without being installed


def _practice(tables: Tables, options: ExportOptions) -> dict[str, str]:
    return {
        key: value if options.free_text or _MACHINE.fullmatch(value) else "removed"
        for key, value in tables.practice.items()
    }


def statement(tables: Tables) -> str:
    """Return in a sentence or two what kind of data this is."""
    said = []
    if tables.info.simulated:
        said.append("Simulated heart: these are not measurements of a person.")
    elif tables.info.source != "strap":
        said.append(
            f"Not recorded live by this program (source: {tables.info.source})."
        )
    if not tables.complete:
        said.append("The recording was not finished or was cut off.")
    said.append("Practice and self-observation data; not of a medical device.")
    return " ".join(said)


def privacy_notes(options: ExportOptions, *, civil: bool = True) -> tuple[str, ...]:
    """Return what to tell whoever made the export: a sentence each.

    ``civil`` says whether the export holds civil times at all.
    """
    notes = []
    if options.dates:
        notes.append("Dates are kept: the export is not de-identified.")
    elif not civil:
        notes.append("Dates and times of day are left out. '--dates' keeps them.")
    else:
        notes.append(
            "Dates are removed: times of day are kept on 1985-01-01. '--dates' keeps "
            "them."
        )
    if options.free_text:
        notes.append("Free text is kept as it was typed: look for names in it.")
    else:
        notes.append("Free text is left out. '--free-text' keeps it.")
    return tuple(notes)


def write_provenance(path: Path, provenance: dict[str, Any]) -> None:
    """Write the block as JSON."""
    write_json(path, provenance)


def write_json(path: Path, value: object) -> None:
    """Write readable JSON in UTF-8; NaN is refused, since JSON has none."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
