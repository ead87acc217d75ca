"""XDF: streams of Lab Streaming Layer, as LabRecorder keeps them.

A stream is told by its type and name: RR (intervals in ms or s, at irregular times),
HR, ECG, ACC, markers. pyxdf reads the file and puts all streams on one clock.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from biofeedback.errors import PackageError, RecordingError
from biofeedback.model import Signal
from biofeedback.recording.importers.beat_runs import Placed, from_intervals
from biofeedback.recording.importers.imported import (
    Head,
    Imported,
    ImportedSignal,
    Mark,
    Options,
    read_bytes,
)
from biofeedback.recording.importers.parts import (
    Start,
    assembled,
    gaps_note,
    guarded,
    interval_unit,
    parse_iso,
    per_ms,
    per_unit,
    rows_note,
    whole,
)
from biofeedback.recording.importers.xdf_chunks import MAGIC, whole_chunks
from biofeedback.recording.importers.xdf_streams import (
    RR_NAME,
    Stream,
    by_kind,
    from_zero,
    stream_of,
    text_at,
)

NAME = "xdf"
TITLE = "XDF"

RR_UNCERTAINTY_MS = 1.0
BREAK_S = 0.25
"""Samples further apart than they should be by this are missing."""


Floats = NDArray[np.float64]


def matches(head: Head) -> bool:
    """Whether it begins as XDF does."""
    return head.data.startswith(MAGIC)


def read(path: Path, options: Options) -> Imported:
    """Read the streams that a heart rate strap could have sent.

    Parameters
    ----------
    options
        ``column`` is the name of the stream of RR intervals or ECG to take; ``unit``
        its unit, where the file gives none.

    Raises
    ------
    RecordingError
        When the file is no XDF or has no such stream.
    SettingsError
        When the package pyxdf is not installed.
    """
    try:
        import pyxdf
    except ImportError as error:
        raise PackageError("Reading XDF", "pyxdf", "formats") from error
    with (
        guarded(path, TITLE),
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
        _quiet(),
    ):
        warnings.simplefilter("ignore")
        return _read(pyxdf, path, options)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep pyxdf from logging to the terminal what the notes say."""
    logger = logging.getLogger("pyxdf")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)


def _read(pyxdf: ModuleType, path: Path, options: Options) -> Imported:
    data = read_bytes(path)
    if not data.startswith(MAGIC):
        raise RecordingError(f"{path.name} is not an XDF file.", "Check which it is.")
    sound = whole_chunks(data)
    notes: list[str] = []
    if sound.n_lost_bytes:
        notes.append(
            f"The file is damaged or ends early: {sound.n_lost_bytes} bytes of "
            f"{len(data)} were not read."
        )
    if not sound.n_streams:
        raise RecordingError(f"{path.name} has no streams.", "Record it once more.")
    # The least gap that is told from jitter; pyxdf's own would close four seconds.
    streams, header = pyxdf.load_xdf(
        io.BytesIO(sound.data),
        jitter_break_threshold_seconds=BREAK_S,
        jitter_break_threshold_samples=0,
    )
    found = from_zero([stream_of(each) for each in streams])
    kinds = by_kind(path, found, options, notes)
    placed, rr_device = _beats(kinds.get("rr", []), options, notes)
    signals = [
        piece
        for kind, signal in (("ecg", Signal.ECG), ("acc", Signal.ACC))
        for stream in kinds.get(kind, [])[:1]
        for piece in _pieces(signal, stream, options, notes)
    ]
    if placed.beats:
        notes += [gaps_note(placed.n_gaps), rows_note(placed.n_left_out, "intervals")]
    return assembled(
        path,
        name=NAME,
        title=TITLE,
        start=_start(header),
        options=options,
        anchored=False,
        beats=placed.beats,
        rates=_rates(kinds.get("hr", [])),
        signals=signals,
        marks=[mark for each in kinds.get("marker", []) for mark in _marks(each)],
        device=rr_device,
        notes=notes,
    )


def _beats(
    streams: list[Stream], options: Options, notes: list[str]
) -> tuple[Placed, str]:
    if not streams:
        return Placed(beats=(), n_gaps=0, n_left_out=0), ""
    stream = streams[0]
    at = next((i for i, label in enumerate(stream.labels) if RR_NAME.search(label)), 0)
    rr = stream.values[:, min(at, stream.values.shape[1] - 1)]
    unit = options.unit or "".join(stream.units[at : at + 1])
    scale = per_ms(unit) if unit else None
    said = "the file" if scale is not None else "the values"
    scale = scale or interval_unit(rr)
    if scale is None:
        notes.append(f"The stream '{stream.name}' holds no RR intervals.")
        return Placed(beats=(), n_gaps=0, n_left_out=0), ""
    name = {1.0: "ms", 1000.0: "s"}.get(scale, unit)
    notes.append(f"RR in {name} (from {said}), of the stream '{stream.name}'.")
    breaks = np.zeros(len(rr), np.bool_)
    if "segment" in stream.labels:
        segment = stream.values[:, stream.labels.index("segment")]
        breaks[1:] = segment[1:] != segment[:-1]
    placed = from_intervals(
        1000 * stream.t_s,
        rr * scale,
        uncertainty_ms=RR_UNCERTAINTY_MS,
        breaks=breaks,
    )
    return placed, stream.device


def _rates(streams: list[Stream]) -> list[tuple[int, float]]:
    if not streams:
        return []
    stream = streams[0]
    return [
        (round(t_s * 1e9), hr_bpm)
        for t_s, hr_bpm in zip(
            stream.t_s.tolist(), stream.values[:, 0].tolist(), strict=True
        )
    ]


def _marks(stream: Stream) -> Iterator[Mark]:
    stamps = stream.t_s.tolist()
    if stream.is_text:
        for t_s, texts in zip(stamps, stream.values, strict=False):
            if np.isfinite(t_s):
                text = " ".join(str(each) for each in texts if each)
                yield _mark(round(t_s * 1e9), text)
        return
    for t_s, value in zip(stamps, stream.values[:, 0].tolist(), strict=True):
        if np.isfinite(value):
            yield Mark(t_ns=round(t_s * 1e9), type="marker", value=value)


def _mark(t_ns: int, text: str) -> Mark:
    """Return a marker: a text, or JSON that says its type and value."""
    if text.startswith("{"):
        with contextlib.suppress(ValueError, RecursionError):
            said = json.loads(text)
            value, words = said.get("value"), said.get("text")
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if isinstance(said.get("type"), str):
                return Mark(
                    t_ns=t_ns,
                    type=said["type"],
                    text=words if isinstance(words, str) else "",
                    value=float(value) if number else None,
                )
    return Mark(t_ns=t_ns, type="marker", text=text)


def _pieces(
    signal: Signal, stream: Stream, options: Options, notes: list[str]
) -> Iterator[ImportedSignal]:
    unit = next(iter(stream.units), "")
    if signal is Signal.ECG and options.unit:
        unit = options.unit
    scale = per_unit(signal, unit)
    if scale is None:
        said = f"the unit '{unit}'" if unit else "no unit"
        notes.append(f"The stream '{stream.name}' has {said}: it was not read.")
        return
    channels = 1 if signal is Signal.ECG else 3
    values = stream.values[:, :channels] * scale
    late_s = np.abs(np.diff(stream.t_s) - 1 / stream.rate_hz)
    gone = ~np.isfinite(values).all(axis=1)
    edges = {0, len(values)} | set((np.flatnonzero(late_s > BREAK_S) + 1).tolist())
    edges |= {i for row in np.flatnonzero(gone).tolist() for i in (row, row + 1)}
    segment = 0
    bounds = sorted(edges)
    for first, stop in pairwise(bounds):
        t_s = stream.t_s[first:stop]
        samples = whole(values[first:stop])
        if gone[first] or samples is None or len(samples) < 2:
            continue
        # What the stamps say: a strap is rarely at its nominal rate. Medians, for the
        # first stamps of a stream may not have settled.
        half = len(t_s) // 2
        step_s = float(np.median(t_s[half:] - t_s[: len(t_s) - half])) / half
        if step_s <= 0:
            continue
        yield ImportedSignal(
            signal=signal,
            rate_hz=1 / step_s,
            t0_ns=round(float(np.median(t_s - step_s * np.arange(len(t_s)))) * 1e9),
            segment=segment,
            values=samples,
        )
        segment += 1


def _start(header: object) -> Start:
    """Return what the file's header says: LabRecorder writes when it began."""
    info = header.get("info") if isinstance(header, dict) else None
    return Start.civil(parse_iso(text_at(info, "datetime")))
