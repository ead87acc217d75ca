"""The samples of a WFDB record: an ECG and acceleration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from biofeedback.errors import RecordingError
from biofeedback.model import Signal
from biofeedback.recording.importers.imported import ImportedSignal
from biofeedback.recording.importers.parts import (
    axis_of,
    guarded,
    is_ecg,
    per_unit,
    whole,
)

Header: TypeAlias = Any
"""A ``wfdb.Record``, of a library without types."""

TITLE = "WFDB"


def read_signals(
    wfdb: ModuleType, record: Path, header: Header | None, notes: list[str]
) -> tuple[ImportedSignal, ...]:
    """Read the samples that a header describes, as far as they are there.

    Parameters
    ----------
    wfdb
        The package.
    record
        The path of the record, without a suffix.
    notes
        Sentences are added about what was not read.
    """
    if header is None or not header.n_sig:
        return ()
    told = getattr(header, "sig_name", None)
    if told is None:
        notes.append("The samples of a record of several segments are not read.")
        return ()
    names = [str(name or "") for name in told]
    ecg = next((i for i, name in enumerate(names) if is_ecg(name, leads=True)), None)
    axes = {
        axis: i for i, name in enumerate(names) if (axis := axis_of(name)) in (0, 1, 2)
    }
    wanted: list[tuple[Signal, list[int]]] = []
    if ecg is not None:
        wanted.append((Signal.ECG, [ecg]))
    if len(axes) == 3:
        wanted.append((Signal.ACC, [axes[0], axes[1], axes[2]]))
    found: list[ImportedSignal] = []
    for signal, channels in wanted:
        files = getattr(header, "file_name", None)
        missing = _missing_file(record, files, channels)
        if missing is not None:
            notes.append(missing)
            continue
        try:
            found.extend(_channels(wfdb, record, header, signal, channels, notes))
        except RecordingError as error:
            notes.append(error.message)
    return tuple(found)


def _missing_file(
    record: Path, files: Sequence[str] | None, channels: list[int]
) -> str | None:
    """Return why samples cannot be read: a sentence."""
    if files is None:  # a record of several segments names no files of its own
        return None
    for channel in channels:
        name = str(files[channel])
        # A header may name any path; only what lies beside it belongs to the record.
        if name != Path(name).name or name in ("~", "-"):
            return f"The samples of {record.name} lie elsewhere and were not read."
        if not record.with_name(name).is_file():
            return f"The samples of {record.name} ({name}) are not beside it."
    return None


def _channels(
    wfdb: ModuleType,
    record: Path,
    header: Header,
    signal: Signal,
    channels: list[int],
    notes: list[str],
) -> list[ImportedSignal]:
    with guarded(record.with_suffix(".dat"), TITLE):
        length = _shorter(record, header, channels)
        found = wfdb.rdrecord(
            str(record), channels=channels, smooth_frames=False, sampto=length
        )
        units = [str(unit or "mV") for unit in found.units]
        per = [per_unit(signal, unit) for unit in units]
        if any(each is None for each in per):
            notes.append(f"The unit '{units[0]}' of {signal} is not known: not read.")
            return []
        if length is not None:
            notes.append(f"The samples of {record.name} end early.")
        frames = [int(each or 1) for each in found.samps_per_frame]
        columns = [
            np.asarray(each, np.float64) * (scale or 1.0)
            for each, scale in zip(found.e_p_signal, per, strict=True)
        ]
        if len({len(each) for each in columns}) > 1:
            return []
        rate_hz = float(found.fs) * frames[0]
        return _stretches(signal, np.column_stack(columns), rate_hz)


def _shorter(record: Path, header: Header, channels: list[int]) -> int | None:
    """Return how many frames there are where the file is shorter than its header."""
    if getattr(header, "file_name", None) is None or header.sig_len is None:
        return None
    bits = {"8": 8, "16": 16, "24": 24, "32": 32, "61": 16, "80": 8, "160": 16,
            "212": 12, "310": 32 / 3, "311": 32 / 3}  # fmt: skip
    name = header.file_name[channels[0]]
    sizes = [
        bits.get(str(header.fmt[i]), 0) * int(header.samps_per_frame[i] or 1)
        for i, each in enumerate(header.file_name)
        if each == name
    ]
    if 0 in sizes:
        return None
    skipped = int((header.byte_offset or [0])[channels[0]] or 0)
    held = (record.with_name(name).stat().st_size - skipped) * 8
    there = int(held / sum(sizes))
    if there >= int(header.sig_len):
        return None
    if there < 1:
        raise RecordingError(f"{name} has no samples.", "Copy it once more.")
    return there


def _stretches(
    signal: Signal, values: NDArray[np.float64], rate_hz: float
) -> list[ImportedSignal]:
    """Cut at samples that the record says are not valid (NaN)."""
    valid = np.isfinite(values).all(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], valid, [False]))))
    found: list[ImportedSignal] = []
    for first, stop in edges.reshape(-1, 2).tolist():
        samples = whole(values[first:stop])
        if samples is not None:
            found.append(
                ImportedSignal(
                    signal=signal,
                    rate_hz=rate_hz,
                    t0_ns=round(first / rate_hz * 1e9),
                    segment=len(found),
                    values=samples,
                )
            )
    return found
