"""What `analyze` writes for people: lines of text, and CSV for spreadsheets."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from biofeedback.errors import NotSoError, SettingsError

Analysis = Mapping[str, Any]
"""One object of ``analyze --json``."""

LINES = (
    ("Heart rate", "hr_bpm", "bpm"),
    ("RMSSD", "rmssd_ms", "ms"),
    ("SDNN", "sdnn_ms", "ms"),
    ("pNN50", "pnn50_pct", "%"),
    ("RSA", "rsa_bpm", "bpm"),
    ("Phase", "phase_deg", "°"),
    ("In phase", "in_phase_pct", "%"),
    ("LF", "lf_ms2", "ms²"),
    ("HF", "hf_ms2", "ms²"),
    ("Peak", "lf_peak_hz", "Hz"),
    ("Coherence ratio", "coherence_ratio", ""),
)


SOURCES = {"rr": "the heart", "acc": "the chest"}


def lines(analysis: Analysis) -> Iterator[str]:
    """Yield what a person reads of one analysis."""
    source = analysis["source"]
    labels = ["simulated"] if source.get("simulated") else []
    if not source.get("complete", True):
        labels.append("unfinished or cut off")
    label = f" ({', '.join(labels)})" if labels else ""
    yield (
        f"{analysis['file']}{label}: {analysis['n_beats']} beats in "
        f"{analysis['duration_s']:.0f} s, {100 * analysis['coverage']:.0f} % covered, "
        f"{analysis['artefact_pct']:.1f} % flagged"
    )
    if analysis["reason"]:
        yield f"  {analysis['reason']}"
    for name, key, unit in LINES:
        if (value := analysis[key]) is not None:
            yield f"  {name:<16}{value:>10.2f} {unit}".rstrip()
    if (breathing := analysis["breathing"]) is not None:
        yield (
            f"  {'Breathing':<16}{breathing['breaths_per_min']:>10.2f} a minute, by "
            f"{SOURCES[breathing['source']]}, confidence {breathing['confidence']:.2f}"
        )
    practice = analysis["practice"]
    if practice is not None and practice["followed_pct"] is not None:
        yield (
            f"  {'Followed':<16}{practice['followed_pct']:>10.2f} % of the pacer at "
            f"{practice['rate_bpm']:g} a minute, where it could be told "
            f"({practice['followed_known_pct']:.0f} % of the time)"
        )
    ecg = analysis["ecg"]
    if ecg is not None and ecg["agreement"] is not None:
        beats = ecg["agreement"]
        differ = ""
        if beats["rr_bias_ms"] is not None and beats["rr_sd_ms"] is not None:
            differ = (
                f"; RR differ by {beats['rr_bias_ms']:.2f} ± {beats['rr_sd_ms']:.2f} ms"
            )
        yield (
            f"  {'ECG':<16}{beats['n_matched']:>10d} of {beats['n_ecg']} R peaks are "
            f"the strap's beats{differ}"
        )
    raw = analysis["raw"]
    if raw["rmssd_ms"] is not None and raw["sdnn_ms"] is not None:
        yield (
            f"  {'raw':<16}{raw['rmssd_ms']:>10.2f} ms RMSSD, "
            f"{raw['sdnn_ms']:.2f} ms SDNN"
        )


def check_target(path: Path, inputs: Iterable[Path]) -> None:
    """Refuse early to write where nothing can be, or over what is being read.

    Raises
    ------
    SettingsError
        With the reason.
    """
    if path.is_dir():
        raise SettingsError(f"'{path}' is a folder.", "Give the name of a file.")
    if not path.parent.is_dir():
        raise SettingsError(
            f"There is no folder '{path.parent}'.", "Create it, or choose another."
        )
    if path.exists() and any(path.samefile(one) for one in inputs if one.exists()):
        raise SettingsError(
            f"'{path}' is itself to be read, and is not overwritten.",
            "Choose another name.",
        )


def write_csv(path: Path, analyses: Sequence[Analysis]) -> None:
    """Write one row per file, or per window where there are windows.

    Nested fields get dotted names; lists other than windows are left out.

    Raises
    ------
    NotSoError
        When the file cannot be written.
    """
    rows = [row for analysis in analyses for row in _rows(analysis)]
    names = list(dict.fromkeys(name for row in rows for name in row))
    try:
        with path.open("w", newline="", encoding="utf-8") as out:
            writer = csv.DictWriter(out, names)
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise NotSoError(
            f"'{path}' cannot be written: {error.strerror}.", "Choose another place."
        ) from error


def _rows(analysis: Analysis) -> Iterator[dict[str, Any]]:
    if "windows" not in analysis:
        yield _flat(analysis)
        return
    simulated = analysis["source"].get("simulated")
    for window in analysis["windows"]:
        yield {
            "file": _safe(analysis["file"]),
            "source.simulated": simulated,
            **_flat(window),
        }


def _flat(fields: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in fields.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        elif not isinstance(value, list):
            flat[prefix + key] = _safe(value)
    return flat


def _safe(value: object) -> object:
    # A spreadsheet would take a cell that begins so for a formula.
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value
