"""One recording as columns for a page: everything on one time axis.

Nothing is measured here. Times are milliseconds since the session's start, unknown
values are null, and where a column would be too long only every n-th instant is sent,
with the step beside it.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from biofeedback.model import Entry
from biofeedback.recording.relabelling import Layer, relabelled
from biofeedback.recording.tables import Beats, Metrics, Tables
from biofeedback.service.recording_shapes import LayerShape
from biofeedback.signal.frequency_domain import BIN_HZ, BINS, SEGMENT_S
from biofeedback.signal.history import spectra
from biofeedback.signal.series import NUMBERS, Series
from biofeedback.signal.time_domain import Variability, judged_variability

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000

MOST_INSTANTS = 21_600
"""Six hours of metrics, one a second; of more every second, third, ... is sent."""

MOST_SPECTRA = 600
LEAST_STEP_S = 2
NEWEST_BEAT_WITHIN_NS = 5 * NS_PER_S

LABELS = {str(label): label for label in NUMBERS}


def series_of(tables: Tables, layer: Layer) -> bytes:
    """Return a recording as JSON text; ``docs/protocol.md`` names the columns."""
    info, beats = tables.info, tables.beats
    now = relabelled(beats, layer)
    found: dict[str, Any] = {
        "id": info.id,
        "started_at_utc_ms": info.started_at_utc_ns // NS_PER_MS,
        "duration_ms": tables.duration_ns / NS_PER_MS,
        "source": info.source,
        "simulated": info.simulated,
        "strap_name": info.strap_name,
        "person": info.person,
        "complete": tables.complete,
        "sha256": tables.sha256,
        "software": info.software,
        "algorithm": None if tables.config is None else tables.config.algorithm,
        "beats": _beats(beats, now),
        "heart": {
            "t_ms": _ms(tables.heart.t_ns),
            "hr_bpm": tables.heart.hr_bpm.tolist(),
            "contact": tables.heart.contact.tolist(),
        },
        "metrics": _metrics(tables.metrics),
        "spectra": _spectra(tables),
        "pacer": [msgspec.to_builtins(part, str_keys=True) for part in tables.pacer],
        "links": [
            {"t_ms": link.t_ms, "state": str(link.state)} for link in tables.links
        ],
        "entries": [_entry(entry) for entry in tables.entries],
        "layer": LayerShape.of(layer).model_dump(mode="json"),
        "numbers": {
            "recorded": _numbers(beats, tables.duration_ns),
            "relabelled": _numbers(now, tables.duration_ns)
            if bool((now.label != beats.label).any())
            else None,
        },
    }
    return msgspec.json.encode(found)  # NaN becomes null


def _beats(beats: Beats, now: Beats) -> dict[str, Any]:
    return {
        "index": beats.index.tolist(),
        "segment": beats.segment.tolist(),
        "t_ms": _ms(beats.t_ns),
        "rr_ms": _short(beats.rr_ms, 3),
        "uncertainty_ms": _short(beats.uncertainty_ms, 1),
        "label": beats.label.tolist(),
        "label_now": now.label.tolist(),
    }


def _metrics(metrics: Metrics) -> dict[str, Any]:
    step = max(1, -(-len(metrics) // MOST_INSTANTS))
    return {
        "step": step,
        "t_ms": _ms(metrics.t_ns[::step]),
        **{name: _short(c[::step], 4) for name, c in metrics.columns.items()},
    }


def _spectra(tables: Tables) -> dict[str, Any]:
    """Return the densities (ms²/Hz) of the 64 s up to each instant; null: not known."""
    step_s = max(LEAST_STEP_S, -(-tables.duration_ns // NS_PER_S // MOST_SPECTRA))
    t_ns = np.arange(step_s * NS_PER_S, tables.duration_ns + 1, step_s * NS_PER_S)
    series = _series(tables.beats)
    density = np.full((len(t_ns), BINS), np.nan)
    if len(series):
        newest = np.searchsorted(series.t_ns, t_ns, side="right") - 1
        at = np.maximum(newest, 0)
        density, _ = spectra(series, series.clock[at])
        # Each is told at its newest beat; without beats the last one must not go on.
        density[(newest < 0) | (t_ns - series.t_ns[at] > NEWEST_BEAT_WITHIN_NS)] = (
            np.nan
        )
    return {
        "step_ms": step_s * 1000,
        "length_s": SEGMENT_S,
        "t_ms": _ms(t_ns),
        "hz": (np.arange(BINS) * BIN_HZ).tolist(),
        "ms2_per_hz": [None if np.isnan(row[0]) else _short(row, 1) for row in density],
    }


def _series(beats: Beats) -> Series:
    joined = np.zeros(len(beats), np.bool_)
    joined[1:] = (np.diff(beats.segment) == 0) & (np.diff(beats.index) == 1)
    label = [NUMBERS[LABELS[name]] for name in beats.label.tolist()]
    numbers = np.array(label, np.int64)
    return Series(beats.t_ns, beats.rr_ms, numbers, joined).timed()


def _numbers(beats: Beats, duration_ns: int) -> dict[str, Any]:
    """Return the numbers of all NN as they are labelled, gaps respected."""
    series = _series(beats)
    normal = series.normal
    found = (
        judged_variability(series)
        if normal.any()
        else Variability(hr_bpm=None, rmssd_ms=None, sdnn_ms=None, pnn50_pct=None)
    )
    nn_ns = float(series.rr_ms[normal].sum()) * NS_PER_MS
    n_flagged = int(np.count_nonzero(beats.label != "normal"))
    return {
        **msgspec.structs.asdict(found),
        "n_nn": int(np.count_nonzero(normal)),
        "artefact_pct": 100 * n_flagged / len(beats) if len(beats) else 0.0,
        "coverage": min(1.0, nn_ns / duration_ns) if duration_ns else 0.0,
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "t_ms": entry.t_ns / NS_PER_MS,
        "id": entry.id,
        "type": entry.type,
        "by": entry.by,
        "value": entry.value,
        "unit": entry.unit,
        "text": entry.text,
        "moment": entry.moment,
    }


def _ms(t_ns: NDArray[np.int64]) -> list[float]:
    return _short(t_ns / NS_PER_MS, 3)


def _short(values: NDArray[np.float64], digits: int) -> list[float]:
    rounded: list[float] = np.round(values, digits).tolist()
    return rounded
