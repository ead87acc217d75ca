"""What a recording says, as arrays: for exports, notebooks and pages.

Read from the messages as they were recorded, so nothing is computed anew: whoever wants
today's numbers of yesterday's bytes replays or analyses the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from biofeedback.errors import RecordingError
from biofeedback.model import (
    BeatEvent,
    Config,
    Entry,
    Event,
    HeartEvent,
    LinkEvent,
    MetricsEvent,
    PacerEvent,
    SamplesEvent,
    SessionInfo,
    Signal,
    Value,
)
from biofeedback.recording.format import SAMPLES_KIND, Role, Stored, decode
from biofeedback.recording.reader import Recording, open_recording
from biofeedback.recording.sealed import sha256_of
from biofeedback.wire.samples import decode_samples

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NS_PER_MS = 1_000_000

UNITS = {Signal.ECG: "uV", Signal.ACC: "mG", Signal.PPI: "ms"}

WINDOW_NAMES = (
    "hr_bpm",
    "rmssd_ms",
    "sdnn_ms",
    "pnn50_pct",
    "coverage",
    "artefact_pct",
)
PLAIN_NAMES = (
    "lf_ms2",
    "hf_ms2",
    "lf_peak_hz",
    "rsa_bpm",
    "rsa_ms",
    "coherence_ratio",
    "phase_deg",
    "in_phase_pct",
)
WINDOWS = {30: "w30", 60: "w60", 300: "w300"}


class Beats(Value, frozen=True):
    """Every beat with its last judgement, by ``index``; arrays of one length.

    ``t_ns`` is the end of the interval ``rr_ms``; ``nn_ms`` is NaN for whatever is
    not normal. No difference may be taken between two segments.
    """

    index: Ints
    segment: Ints
    t_ns: Ints
    rr_ms: Floats
    nn_ms: Floats
    label: NDArray[np.str_]
    uncertainty_ms: Floats
    final: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.index)


class Heart(Value, frozen=True):
    """The rates the strap itself reported; ``contact`` is 1, 0 or NaN (not told)."""

    t_ns: Ints
    hr_bpm: Floats
    contact: Floats

    def __len__(self) -> int:
        return len(self.t_ns)


class Metrics(Value, frozen=True):
    """What was shown once a second, one array a name; NaN where nothing was known.

    Windows have their length as a suffix (``rmssd_ms_60s``).
    """

    t_ns: Ints
    columns: dict[str, Floats]

    def __len__(self) -> int:
        return len(self.t_ns)


class Trace(Value, frozen=True):
    """Samples of one signal of one device without a gap.

    ``t_ms`` has shape (n,), on the session's clock; ``values`` (n, channels).
    """

    signal: Signal
    source: str
    segment: int
    t_ms: Floats
    values: NDArray[np.int32]

    @property
    def unit(self) -> str:
        """Unit of the values."""
        return UNITS[self.signal]

    @property
    def rate_hz(self) -> float:
        """The rate that fits it best (NaN below two samples)."""
        return 1000 / self.step_ms

    @property
    def step_ms(self) -> float:
        """From sample to sample, as fits best (NaN below two samples).

        The median of slopes over half of the trace (Theil 1950, Sen 1968): the first
        seconds, in which the strap's clock is still being learned, would pull a
        least-squares line away from all that follows.
        """
        half = len(self.t_ms) // 2
        if not half:
            return float("nan")
        spans_ms = self.t_ms[half : 2 * half] - self.t_ms[:half]
        return float(np.median(spans_ms)) / half

    def __len__(self) -> int:
        return len(self.t_ms)


class Tables(Value, frozen=True):
    """A recording as arrays; ``sha256`` is that of the whole file.

    ``entries`` are ratings, marks and phases as they entered, ``pacer`` and ``links``
    what was told of the pace and the strap. ``t_ns`` counts from the session's start.
    """

    info: SessionInfo
    practice: Mapping[str, str]
    software: Mapping[str, str]
    recovery: Mapping[str, str] | None
    complete: bool
    duration_ns: int
    config: Config | None
    beats: Beats
    heart: Heart
    metrics: Metrics
    traces: tuple[Trace, ...]
    entries: tuple[Entry, ...]
    pacer: tuple[PacerEvent, ...]
    links: tuple[LinkEvent, ...]
    sha256: str
    n_records: int


_TYPES: dict[str, type[Event]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (BeatEvent, HeartEvent, MetricsEvent, PacerEvent, LinkEvent)
}
_DECODERS = {kind: msgspec.json.Decoder(type) for kind, type in _TYPES.items()}
_WANTED_INPUTS = frozenset({Entry.__name__, Config.__name__})


def read_tables(recording: Recording | Path | str) -> Tables:
    """Read a recording, finished or not, as arrays.

    Raises
    ------
    RecordingError
        When it is not there, foreign or damaged.
    """
    if not isinstance(recording, Recording):
        recording = open_recording(recording)
    told: dict[str, list[Any]] = {kind: [] for kind in _TYPES}
    entries: list[Entry] = []
    frames: list[SamplesEvent] = []
    config: Config | None = None
    duration_ns = n_records = 0
    for stored in recording.all():
        duration_ns = max(duration_ns, stored.t_ns)
        n_records += 1
        channel = stored.channel
        if channel.kind == SAMPLES_KIND:
            frames.append(_frame(stored))
        elif channel.role is not Role.INPUT:
            if channel.kind in _DECODERS:
                told[channel.kind].append(_message(stored))
        elif channel.type in _WANTED_INPUTS:
            record = decode(stored)
            if isinstance(record, Entry):
                entries.append(record)
            elif isinstance(record, Config):
                config = record
    return Tables(
        info=recording.info,
        practice=recording.practice,
        software={k: v for k, v in recording.software.items() if k != "crc32"},
        recovery=recording.recovery,
        complete=recording.complete,
        duration_ns=duration_ns,
        config=config,
        beats=_beats(told["beat"], _settled(told["metrics"])),
        heart=_heart(told["heart"]),
        metrics=_metrics(told["metrics"]),
        traces=_traces(frames),
        entries=tuple(entries),
        pacer=tuple(told["pacer"]),
        links=tuple(told["link"]),
        sha256=sha256_of(recording.path),
        n_records=n_records,
    )


def _message(stored: Stored) -> Event:
    try:
        event: Event = _DECODERS[stored.channel.kind].decode(stored.data)
    except msgspec.MsgspecError as error:
        raise _unknown(stored, error) from error
    return event


def _frame(stored: Stored) -> SamplesEvent:
    try:
        return decode_samples(stored.data, stored.channel.source)[1]
    except ValueError as error:
        raise _unknown(stored, error) from error


def _unknown(stored: Stored, error: Exception) -> RecordingError:
    return RecordingError(
        f"Record {stored.sequence} on {stored.channel.topic} cannot be understood "
        f"({error}).",
        "It may come from a newer version: update this program and try again.",
    )


def _settled(events: list[MetricsEvent]) -> int:
    """Return up to which beat all judgements are for good."""
    # A judgement that turns out to hold is not told a second time.
    last = events[-1].settled_index if events else None
    return -1 if last is None else last


def _beats(events: Iterable[BeatEvent], settled: int) -> Beats:
    last = {event.index: event for event in events}  # the newest judgement of each
    beats = [last[index] for index in sorted(last)]
    return Beats(
        index=np.array([beat.index for beat in beats], np.int64),
        segment=np.array([beat.segment for beat in beats], np.int64),
        t_ns=_ns(beats),
        rr_ms=np.array([beat.rr_ms for beat in beats], np.float64),
        nn_ms=_known(beat.nn_ms for beat in beats),
        label=np.array([str(beat.label) for beat in beats], "U10"),
        uncertainty_ms=np.array([beat.uncertainty_ms for beat in beats], np.float64),
        final=np.array(
            [not beat.provisional or beat.index <= settled for beat in beats], np.bool_
        ),
    )


def _heart(events: list[HeartEvent]) -> Heart:
    return Heart(
        t_ns=_ns(events),
        hr_bpm=_known(event.hr_bpm for event in events),
        contact=_known(event.contact for event in events),
    )


def _metrics(events: list[MetricsEvent]) -> Metrics:
    columns: dict[str, Floats] = {}
    for seconds, field in WINDOWS.items():
        windows = [getattr(event.window_s, field) for event in events]
        for name in WINDOW_NAMES:
            values = (getattr(window, name) for window in windows)
            columns[f"{name}_{seconds}s"] = _known(values)
    for name in PLAIN_NAMES:
        columns[name] = _known(getattr(event, name) for event in events)
    columns["breathing_bpm"] = _known(
        event.breathing.breaths_per_min if event.breathing else None for event in events
    )
    columns["followed"] = _known(event.followed for event in events)
    columns["suitable"] = _known(event.suitable for event in events)
    return Metrics(t_ns=_ns(events), columns=columns)


def _traces(frames: list[SamplesEvent]) -> tuple[Trace, ...]:
    groups: dict[tuple[Signal, str, int, int], list[SamplesEvent]] = {}
    for frame in frames:
        key = (frame.signal, frame.source, frame.segment, frame.channels)
        groups.setdefault(key, []).append(frame)
    return tuple(
        Trace(
            signal=signal,
            source=source,
            segment=segment,
            t_ms=np.concatenate([_times(frame) for frame in group]),
            values=np.array(
                [value for frame in group for value in frame.values], np.int32
            ).reshape(-1, channels),
        )
        for (signal, source, segment, channels), group in groups.items()
    )


def _times(frame: SamplesEvent) -> Floats:
    n = len(frame.values) // frame.channels
    before = np.arange(n - 1, -1, -1, dtype=np.float64)
    return np.asarray(frame.t_ms - frame.interval_ms * before)


def _ns(events: Iterable[Event]) -> Ints:
    return np.array([round(event.t_ms * NS_PER_MS) for event in events], np.int64)


def _known(values: Iterable[float | None]) -> Floats:
    found = [np.nan if value is None else float(value) for value in values]
    return np.array(found, np.float64)
