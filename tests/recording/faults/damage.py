"""Bytes that are no longer what was written."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from typing import NamedTuple

MAGIC_BYTES = 8
HOLE_BYTES = 4 << 10
MESSAGE = 5
CHUNK = 6
DATA_END = 15


def cuts(whole: bytes, n: int, seed: int) -> Iterator[bytes]:
    """Yield ``whole`` cut off at ``n`` random places."""
    rng = random.Random(seed)
    for _ in range(n):
        yield whole[: rng.randrange(len(whole))]


def flips(whole: bytes, n: int, seed: int) -> Iterator[tuple[int, bytes]]:
    """Yield the number of a random bit, and ``whole`` with that bit turned over."""
    rng = random.Random(seed)
    for _ in range(n):
        bit = rng.randrange(len(whole) * 8)
        yield bit, flipped(whole, bit)


def flipped(whole: bytes, bit: int) -> bytes:
    """Return ``whole`` with one bit turned over."""
    damaged = bytearray(whole)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


def zero_tail(whole: bytes, n_bytes: int = 8 << 10) -> bytes:
    """Return a file whose length was on the disk when the power went, not its end."""
    return whole[: len(whole) - n_bytes] + bytes(n_bytes)


def zero_appended(whole: bytes, n_bytes: int = 8 << 10) -> bytes:
    """Return a file that was made longer, with nothing written there yet."""
    return whole + bytes(n_bytes)


def holes(whole: bytes, n: int, seed: int) -> Iterator[tuple[int, bytes]]:
    """Yield where a block was never written, and ``whole`` with zeros there."""
    rng = random.Random(seed)
    for _ in range(n):
        start = rng.randrange(len(whole) // HOLE_BYTES) * HOLE_BYTES
        yield start, whole[:start] + bytes(HOLE_BYTES) + whole[start + HOLE_BYTES :]


class Span(NamedTuple):
    """Where a chunk and its index lie."""

    start: int
    end: int


def chunks(whole: bytes) -> list[Span]:
    """Find the chunks as the specification of MCAP has them: u8 code, u64 length."""
    spans: list[Span] = []
    offset = MAGIC_BYTES
    while offset + 9 <= len(whole):
        code, length = struct.unpack_from("<BQ", whole, offset)
        if code == DATA_END:
            break
        end = offset + 9 + length
        if code == CHUNK:
            spans.append(Span(offset, end))
        offset = end
    return spans


def doubled(whole: bytes, at: int) -> bytes:
    """Return ``whole`` with one of its chunks a second time after itself."""
    start, end = chunks(whole)[at]
    return whole[:end] + whole[start:end] + whole[end:]


def swapped(whole: bytes, at: int) -> bytes:
    """Return ``whole`` with one chunk and the next in each other's place."""
    one, two = chunks(whole)[at : at + 2]
    between = whole[one.end : two.start]
    return (
        whole[: one.start]
        + whole[two.start : two.end]
        + between
        + whole[one.start : one.end]
        + whole[two.end :]
    )
