"""The signals of an EDF: an ECG, acceleration, a heart rate."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from biofeedback.errors import RecordingError
from biofeedback.model import Signal
from biofeedback.recording.importers.edf_layout import Layout
from biofeedback.recording.importers.imported import ImportedSignal, Options
from biofeedback.recording.importers.parts import axis_of, is_ecg, per_unit, whole

if TYPE_CHECKING:
    from edfio import Bdf, BdfSignal, Edf, EdfSignal

    File: TypeAlias = Edf | Bdf
    EdfChannel: TypeAlias = EdfSignal | BdfSignal

MOST_HZ = 100_000.0

_MISSING = re.compile(r"(-?\d+) means no sample")


def read_signals(
    edf: File,
    layout: Layout,
    starts_ms: NDArray[np.float64],
    cuts: list[tuple[int, int]],
    skips: list[tuple[str, float, float]],
    options: Options,
    notes: list[str],
) -> list[ImportedSignal]:
    """Read an ECG in µV and acceleration in mG, where there is any.

    Parameters
    ----------
    edf, layout
        The file.
    starts_ms
        When each record begins, since the first.
    cuts
        Unbroken runs of records: first, stop.
    skips
        Stretches that are annotated to have no samples: label or "", onset, length.
    options
        ``column`` is the label of the ECG, ``unit`` its unit.
    notes
        Sentences are added about what was not read.
    """
    if layout.record_s <= 0:
        return []
    found: list[ImportedSignal] = []
    for signal, channels in _wanted(edf, options):
        scales = [_scale(signal, each, options, notes) for each in channels]
        n = {each.samples_per_data_record for each in channels}
        if any(scale is None for scale in scales) or len(n) != 1 or 0 in n:
            continue
        per_record = int(n.pop())
        rate_hz = per_record / layout.record_s
        values = np.column_stack(
            [
                np.asarray(each.data, np.float64) * (scale or 1.0)
                for each, scale in zip(channels, scales, strict=True)
            ]
        )
        samples = whole(values) if rate_hz <= MOST_HZ else None
        if samples is None:
            notes.append(f"The channel '{channels[0].label}' holds no signal.")
            continue
        told = _MISSING.search(channels[0].transducer_type)
        if signal is Signal.ECG and told is None and _clipped(channels[0]):
            notes.append("Some of the ECG is clipped at the limit of its range.")
        step_ms = 1000 / rate_hz
        at_ms = (starts_ms[:, None] + step_ms * np.arange(per_record)).ravel()
        samples = samples[: len(at_ms)]
        there = _there(channels, at_ms, step_ms, skips)
        segment = 0
        for cut in cuts:
            first, stop = (per_record * number for number in cut)
            for begin, end in _runs(there[first:stop]):
                found.append(
                    ImportedSignal(
                        signal=signal,
                        rate_hz=rate_hz,
                        t0_ns=round(float(at_ms[first + begin]) * 1e6),
                        segment=segment,
                        values=samples[first + begin : first + end],
                    )
                )
                segment += 1
    return found


def _there(
    channels: list[EdfChannel],
    at_ms: NDArray[np.float64],
    step_ms: float,
    skips: list[tuple[str, float, float]],
) -> NDArray[np.bool_]:
    """Return which samples there are: a format without gaps has to say so in words."""
    there = np.ones(len(at_ms), np.bool_)
    label = channels[0].label
    for name, onset_ms, lasts_ms in skips:
        if not name or label.startswith(name):
            middle_ms = at_ms + step_ms / 2
            there &= (middle_ms < onset_ms) | (middle_ms >= onset_ms + lasts_ms)
    for channel in channels:
        if (told := _MISSING.search(channel.transducer_type)) is not None:
            there &= channel.digital[: len(there)] != int(told[1])
    return there


def _runs(there: NDArray[np.bool_]) -> list[list[int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], there, [False]))))
    pairs: list[list[int]] = edges.reshape(-1, 2).tolist()
    return pairs


def _wanted(edf: File, options: Options) -> list[tuple[Signal, list[EdfChannel]]]:
    """Return the channels to read: an ECG, and acceleration along three axes."""
    channels: list[EdfChannel] = list(edf.signals)
    wanted: list[tuple[Signal, list[EdfChannel]]] = []
    if options.column is not None:
        named = [each for each in channels if each.label == options.column.strip()]
        if not named:
            there = ", ".join(f"'{each.label}'" for each in channels)
            raise RecordingError(
                f"There is no channel '{options.column}'.", f"There are {there}."
            )
        wanted.append((Signal.ECG, named[:1]))
    else:
        ecg = [each for each in channels if is_ecg(each.label)]
        ecg = ecg or [each for each in channels if is_ecg(each.label, leads=True)]
        if ecg:
            wanted.append((Signal.ECG, ecg[:1]))
    axes = {axis_of(each.label): each for each in reversed(channels)}
    if {0, 1, 2} <= axes.keys():
        wanted.append((Signal.ACC, [axes[0], axes[1], axes[2]]))
    return wanted


def _scale(
    signal: Signal, channel: EdfChannel, options: Options, notes: list[str]
) -> float | None:
    unit = str(channel.physical_dimension)
    declared = options.unit if signal is Signal.ECG else None
    scale = per_unit(signal, unit if declared is None else declared)
    if scale is None:
        said = f"the unit '{unit}'" if unit else "no unit"
        notes.append(f"The channel '{channel.label}' has {said}: it was not read.")
    return scale


def _clipped(channel: EdfChannel) -> bool:
    digital = channel.digital
    low, high = channel.digital_range
    return bool(len(digital) and ((digital == low) | (digital == high)).any())


def read_rates(
    edf: File, layout: Layout, starts_ms: NDArray[np.float64]
) -> list[tuple[int, float]]:
    """Return a channel of heart rate; what is not a rate is where it was not known."""
    for channel in edf.signals:
        unit = channel.physical_dimension.lower().replace(" ", "")
        if channel.label.strip().upper() in ("HR", "HEART RATE", "HEARTRATE") and (
            unit in ("bpm", "1/min", "/min", "beats/min")
        ):
            n = int(channel.samples_per_data_record)
            if not n or layout.record_s <= 0 or n / layout.record_s > 100:
                return []
            step_ms = 1000 * layout.record_s / n
            at_ms = (starts_ms[:, None] + step_ms * np.arange(n)).ravel()
            values = np.asarray(channel.data, np.float64)
            return [
                (round(t * 1e6), v)
                for t, v in zip(at_ms.tolist(), values.tolist(), strict=False)
                if v > 0
            ]
    return []
