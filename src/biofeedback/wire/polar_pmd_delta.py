"""Samples packed as differences, as the Verity Sense sends its acceleration.

First one whole sample, then blocks: one byte with the bits of a difference, one byte
with the number of samples, and the differences, channel after channel, packed from the
least significant bit on and padded to whole bytes (polar-ble-sdk, ``BlePMDClient.kt``,
``parseDeltaFramesAll``).

Deviations: a block of zero bits holds no samples, as in the SDK; decoding stops, with
an anomaly, at a block that is cut off (the SDK throws), that is wider than 32 bits, or
whose sums leave the sensor's range. So the samples never outgrow the bytes, and always
fit ``resolution_bits``.
"""

from __future__ import annotations

from collections.abc import Sequence

from biofeedback.wire.polar_pmd_settings import PmdAnomaly

MAX_WIDTH = 32
_MAX_COUNT = 0xFF

Sample = tuple[int, ...]


def unpack(
    data: bytes, channels: int, resolution_bits: int
) -> tuple[tuple[Sample, ...], tuple[PmdAnomaly, ...]]:
    """Return the samples, oldest first, and what was odd. Never raises."""
    size = (resolution_bits + 7) // 8
    at = channels * size
    if not data:
        return (), (PmdAnomaly.EMPTY,)
    if len(data) < at:
        return (), (PmdAnomaly.SHORT,)
    last = [
        int.from_bytes(data[start : start + size], "little", signed=True)
        for start in range(0, at, size)
    ]
    samples = [tuple(last)]
    odd: dict[PmdAnomaly, None] = {}
    low, high = -(1 << resolution_bits - 1), (1 << resolution_bits - 1) - 1
    while at < len(data):
        if at + 2 > len(data):
            odd[PmdAnomaly.ODD_TAIL] = None
            break
        width, count = data[at], data[at + 1]
        at += 2
        if not 0 < width <= MAX_WIDTH:
            odd[PmdAnomaly.DELTA_WIDTH] = None
            if width:
                break
            continue
        length = (width * count * channels + 7) // 8
        if at + length > len(data):
            odd[PmdAnomaly.SHORT] = None
            break
        packed = int.from_bytes(data[at : at + length], "little")
        at += length
        mask, sign = (1 << width) - 1, 1 << (width - 1)
        for _ in range(count):
            for channel in range(channels):
                # Flipping the sign bit and taking it off again extends the sign.
                last[channel] += ((packed & mask) ^ sign) - sign
                packed >>= width
            if min(last) < low or max(last) > high:
                return tuple(samples), (*odd, PmdAnomaly.OUT_OF_RANGE)
            samples.append(tuple(last))
    return tuple(samples), tuple(odd)


def pack(samples: Sequence[Sample], resolution_bits: int) -> bytes:
    """Write samples as differences: the inverse of :func:`unpack`.

    Raises
    ------
    ValueError
        If a sample does not fit ``resolution_bits``.
    """
    if not samples:
        return b""
    size = (resolution_bits + 7) // 8
    try:
        out = bytearray().join(
            value.to_bytes(size, "little", signed=True) for value in samples[0]
        )
    except OverflowError as error:
        raise ValueError(f"a sample does not fit {resolution_bits} bits") from error
    limit = 1 << resolution_bits - 1
    if any(not -limit <= value < limit for sample in samples for value in sample):
        raise ValueError(f"a sample does not fit {resolution_bits} bits")
    for start in range(1, len(samples), _MAX_COUNT):
        block = samples[start : start + _MAX_COUNT]
        before = samples[start - 1 : start - 1 + len(block)]
        deltas = [
            new - old
            for this, previous in zip(block, before, strict=True)
            for new, old in zip(this, previous, strict=True)
        ]
        width = max(2, *((d if d >= 0 else ~d).bit_length() + 1 for d in deltas))
        packed = 0
        for place, delta in enumerate(deltas):
            packed |= (delta & (1 << width) - 1) << place * width
        out += bytes((width, len(block)))
        out += packed.to_bytes((width * len(deltas) + 7) // 8, "little")
    return bytes(out)
