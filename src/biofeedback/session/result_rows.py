"""An analysis as rows of tables: which columns there are, and what stands in them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from biofeedback.session.batch import Outcome, Parameters
from biofeedback.session.parquet import arrow

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = "biofeedback-results/1"

Row = dict[str, Any]

TEXT, REAL, WHOLE, TRUTH = "string", "double", "int64", "bool"

KEY = {"sha256": TEXT, "algorithm": TEXT, "parameters_sha256": TEXT}
"""One content, analyzed one way: there is one row of each."""

NUMBERS = {
    "hr_bpm": REAL,
    "rmssd_ms": REAL,
    "sdnn_ms": REAL,
    "pnn50_pct": REAL,
    "lf_ms2": REAL,
    "hf_ms2": REAL,
    "lf_peak_hz": REAL,
    "power_s": WHOLE,
    "coherence_ratio": REAL,
    "rsa_bpm": REAL,
    "rsa_ms": REAL,
    "phase_deg": REAL,
    "in_phase_pct": REAL,
    "breathing_breaths_per_min": REAL,
    "breathing_confidence": REAL,
    "breathing_source": TEXT,
}

SUMMARY = {
    "file": TEXT,
    **KEY,
    "bytes": WHOLE,
    "software": TEXT,
    "parameters": TEXT,
    "python": TEXT,
    "libraries": TEXT,
    "machine": TEXT,
    "session": TEXT,
    "person": TEXT,
    "plan": TEXT,
    "started_at": TEXT,
    "source_format": TEXT,
    "source_simulated": TRUTH,
    "source_complete": TRUTH,
    "source": TEXT,
    "duration_s": REAL,
    "coverage": REAL,
    "n_beats": WHOLE,
    "n_nn": WHOLE,
    "artefact_pct": REAL,
    "suitable": TRUTH,
    "reason": TEXT,
    **NUMBERS,
    "raw_rmssd_ms": REAL,
    "raw_sdnn_ms": REAL,
    "raw_pnn50_pct": REAL,
    "practice_rate_bpm": REAL,
    "practice_inhale_pct": REAL,
    "practice_followed_pct": REAL,
    "practice_followed_known_pct": REAL,
    "ecg": TEXT,
    "ratings": "ratings",
}
"""A row for each file. ``ratings`` is a list; the rest that is nested is JSON."""

WINDOWS = {
    "file": TEXT,
    **KEY,
    "person": TEXT,
    "source_simulated": TRUTH,
    "start_s": REAL,
    "end_s": REAL,
    "begins_ms": REAL,
    "coverage": REAL,
    "n_nn": WHOLE,
    "artefact_pct": REAL,
    "suitable": TRUTH,
    "reason": TEXT,
    "provisional": TRUTH,
    **NUMBERS,
}
"""A row for each window of each file."""

REFUSED = {
    "file": TEXT,
    **KEY,
    "software": TEXT,
    "parameters": TEXT,
    "message": TEXT,
    "advice": TEXT,
}
"""A row for each file that holds nothing to analyze, with the sentence that says so."""

PLACES = {"place": TEXT, "sha256": TEXT, "version": TEXT}
"""A row for each content that a place held; the last one counts.

``place`` does not tell where that is: it is the SHA-256 of its path or URL.
"""

TABLES = {
    "summary": SUMMARY,
    "windows": WINDOWS,
    "refused": REFUSED,
    "places": PLACES,
}

AS_JSON = frozenset({"source", "ecg", "libraries", "parameters"})


def schema_of(table: str) -> pa.Schema:
    """Return the Arrow schema of ``summary``, ``windows`` or ``refused``."""
    pa = arrow()
    rating = {
        "t_ms": pa.float64(),
        "type": pa.string(),
        "value": pa.float64(),
        "unit": pa.string(),
        "moment": pa.string(),
        "by": pa.string(),
    }
    types = {
        TEXT: pa.string(),
        REAL: pa.float64(),
        WHOLE: pa.int64(),
        TRUTH: pa.bool_(),
        "ratings": pa.list_(pa.struct(list(rating.items()))),
    }
    fields = [(name, types[type]) for name, type in TABLES[table].items()]
    return pa.schema(fields)


def rows_of(outcome: Outcome, parameters: Parameters) -> dict[str, list[Row]]:
    """Return the rows of one outcome for each table that gets any."""
    if outcome.analysis is None:
        return {"refused": [_refused(outcome, parameters)]}
    flat = _flat(outcome.analysis)
    provenance = outcome.analysis["provenance"]
    head = {
        "sha256": outcome.sha256,
        "parameters_sha256": parameters.sha256,
        **{name: provenance[name] for name in ("algorithm", "software", "python")},
        "machine": provenance["machine"],
        "libraries": provenance["libraries"],
        "parameters": parameters.text,
        "bytes": provenance["input"]["bytes"],
    }
    session = outcome.session or {}
    head |= {"session": session.get("id"), "person": session.get("person")}
    head["plan"] = session.get("plan")
    head |= {name: flat.get(name) for name in ("file", "source_simulated")}
    windows = outcome.analysis.get("windows", [])
    return {
        "summary": [_fitting("summary", {**flat, **head})],
        # Nothing of the whole file but its head: what a window lacks is unknown.
        "windows": [_fitting("windows", {**_flat(one), **head}) for one in windows],
    }


def _refused(outcome: Outcome, parameters: Parameters) -> Row:
    from biofeedback import __version__
    from biofeedback.pipeline import ALGORITHM

    return {
        "file": outcome.path.name,
        "sha256": outcome.sha256,
        "algorithm": ALGORITHM,
        "parameters_sha256": parameters.sha256,
        "software": f"biofeedback {__version__}",
        "parameters": parameters.text,
        "message": outcome.error.message,
        "advice": outcome.error.advice,
    }


def _flat(fields: Mapping[str, Any]) -> Row:
    return dict(_pairs(fields, ""))


def _pairs(fields: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in fields.items():
        name = prefix + key
        if isinstance(value, Mapping):
            yield name, value
            yield from _pairs(value, f"{name}_")
        else:
            yield name, value


def _fitting(table: str, row: Mapping[str, Any]) -> Row:
    return {name: _cell(name, row.get(name)) for name in TABLES[table]}


def _cell(name: str, value: object) -> object:
    if name in AS_JSON and isinstance(value, Mapping):
        return json.dumps(value, sort_keys=True)
    return value
