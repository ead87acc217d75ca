"""Samples as bytes: one layout for the recording, the live websocket and the replay.

It is described byte by byte in ``docs/protocol.md`` under "Traces". Little-endian:
56 bytes of head, then the values, sample by sample, the oldest first.
"""

from __future__ import annotations

import math
import struct

from biofeedback.model import SamplesEvent, Signal

VERSION = 1

_HEAD = struct.Struct("<BBBBIIddQIdd")
HEAD_BYTES = _HEAD.size

_NUMBERS = {Signal.ECG: 1, Signal.ACC: 2, Signal.PPI: 3}
_SIGNALS = {number: signal for signal, number in _NUMBERS.items()}
WIDTHS = (2, 3, 4)
"""Bytes of a value. An ECG begins with 3, since straps send int24: the same bytes a
second time cost a compressed recording 0.6 MB an hour less than fewer would."""

_LEAST = {Signal.ECG: 3}


def encode_samples(event: SamplesEvent, frame: int) -> bytes:
    """Return ``event`` as the binary frame with this number.

    ``frame`` counts the frames of one signal from 1, so that whoever misses one sees
    it. It starts again from 0 after 2³² of them.

    Raises
    ------
    ValueError
        When the values do not fill whole samples, or one does not fit 32 bits.
    """
    values, channels = event.values, event.channels
    if not 0 < channels < 256 or len(values) % channels:
        raise ValueError(f"{len(values)} values do not fill {channels} channels")
    width = max(_width(values), _LEAST.get(event.signal, WIDTHS[0]))
    head = (
        VERSION,
        _NUMBERS[event.signal],
        channels,
        width,
        frame & 0xFFFF_FFFF,
        len(values) // channels,
        event.t_ms,
        event.interval_ms,
        event.device_ns,
        event.segment,
        event.uncertainty_ms,
        math.nan if event.drift_ppm is None else event.drift_ppm,
    )
    try:
        return _HEAD.pack(*head) + _packed(values, width)
    except struct.error as error:
        raise ValueError(f"these samples do not fit a frame: {error}") from error


def decode_samples(data: bytes, source: str = "strap") -> tuple[int, SamplesEvent]:
    """Return the number of a frame, and the samples in it.

    ``source`` is not in the frame: the recording's topic names it.

    Raises
    ------
    ValueError
        When ``data`` is no such frame.
    """
    if len(data) < HEAD_BYTES:
        raise ValueError(f"{len(data)} bytes are too few for a frame of samples")
    version, _, channels, width, frame, n, *time = _HEAD.unpack_from(data)
    t_ms, interval_ms, device_ns, segment, uncertainty_ms, drift_ppm = time
    if version != VERSION:
        raise ValueError(f"version {version} of sample frames is not known")
    signal = signal_of(data)
    if width not in WIDTHS or not channels:
        raise ValueError(f"{channels} channels of {width} bytes make no sense")
    if len(data) != HEAD_BYTES + n * channels * width:
        raise ValueError(f"{len(data)} bytes do not hold {n} samples")
    event = SamplesEvent(
        t_ms=t_ms,
        source=source,
        signal=signal,
        channels=channels,
        interval_ms=interval_ms,
        device_ns=device_ns,
        segment=segment,
        uncertainty_ms=uncertainty_ms,
        drift_ppm=None if math.isnan(drift_ppm) else drift_ppm,
        values=_unpacked(data[HEAD_BYTES:], width),
    )
    return frame, event


def signal_of(data: bytes) -> Signal:
    """Return which signal a frame holds.

    Raises
    ------
    ValueError
        When it is none that is known.
    """
    signal = _SIGNALS.get(data[1]) if len(data) > 1 else None
    if signal is None:
        raise ValueError("a frame of samples names no signal that is known")
    return signal


def _width(values: tuple[int, ...]) -> int:
    if not values:
        return WIDTHS[0]
    low, high = min(values), max(values)
    bits = max((low if low >= 0 else ~low).bit_length(), high.bit_length()) + 1
    width = next((width for width in WIDTHS if bits <= 8 * width), None)
    if width is None:
        raise ValueError("a sample does not fit 32 bits")
    return width


def _packed(values: tuple[int, ...], width: int) -> bytes:
    if width == 3:
        return b"".join(value.to_bytes(3, "little", signed=True) for value in values)
    return struct.pack(f"<{len(values)}{'h' if width == 2 else 'i'}", *values)


def _unpacked(data: bytes, width: int) -> tuple[int, ...]:
    n = len(data) // width
    if width == 3:
        return tuple(
            int.from_bytes(data[at : at + 3], "little", signed=True)
            for at in range(0, len(data), 3)
        )
    return struct.unpack(f"<{n}{'h' if width == 2 else 'i'}", data)
