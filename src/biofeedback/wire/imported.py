"""Beats that another program measured, as bytes: how an imported session enters.

A strap's intervals are counts of 1/1024 s; other programs write milliseconds, seconds,
or samples of an ECG. To keep every one as it was they have a layout of their own, which
``recordings/README.md`` describes: little-endian, one byte of version, then 28 bytes a
beat.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from biofeedback.model import Beat

VERSION = 1

_BEAT = struct.Struct("<qddI")


def encode_beats(beats: Iterable[Beat]) -> bytes:
    """Return ``beats`` as the payload of an ``imported_beats`` notification.

    Their ``index`` is not kept: it is the number of beats before.
    """
    return bytes([VERSION]) + b"".join(
        _BEAT.pack(beat.t_ns, beat.rr_ms, beat.uncertainty_ms, beat.segment)
        for beat in beats
    )


def decode_beats(data: bytes, first_index: int = 0) -> tuple[Beat, ...]:
    """Return the beats that :func:`encode_beats` wrote.

    Raises
    ------
    ValueError
        When ``data`` is nothing of the kind.
    """
    if not data or data[0] != VERSION:
        raise ValueError("these imported beats are of a version that is not known")
    if (len(data) - 1) % _BEAT.size:
        raise ValueError(f"{len(data)} bytes do not hold whole beats")
    return tuple(
        Beat(
            index=first_index + number,
            segment=segment,
            t_ns=t_ns,
            rr_ms=rr_ms,
            uncertainty_ms=uncertainty_ms,
        )
        for number, (t_ns, rr_ms, uncertainty_ms, segment) in enumerate(
            _BEAT.iter_unpack(memoryview(data)[1:])
        )
    )
