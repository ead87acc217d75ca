"""The chunks of an XDF file that are whole.

pyxdf trusts the counts it reads: one damaged byte can make it ask for gigabytes. So the
file is walked first, and pyxdf is given the chunks that hold together. Source: the XDF
specification 1.0 (sccn/xdf).
"""

from __future__ import annotations

import struct
from xml.etree import ElementTree

from biofeedback.model import Value

MAGIC = b"XDF:"
BOUNDARY = bytes.fromhex("43a546dccbf5410fb30ed5467383cbe4")

FILE_HEADER, STREAM_HEADER, SAMPLES, CLOCK_OFFSET, BOUNDARY_TAG, STREAM_FOOTER = range(
    1, 7
)
TAGS = range(1, 7)
LENGTHS = {1: "<B", 4: "<I", 8: "<Q"}
ITEM_BYTES = {
    "int8": 1, "int16": 2, "int32": 4, "int64": 8, "float32": 4, "double64": 8,
    "string": 1,
}  # fmt: skip
MOST_CHANNELS = 4096


class Whole(Value, frozen=True):
    """``data`` is a file of the whole chunks; ``n_lost_bytes`` is what was not."""

    data: bytes
    n_lost_bytes: int
    n_streams: int


def whole_chunks(data: bytes) -> Whole:
    """Return what can be read of a file that begins with the magic bytes.

    Damage within a chunk costs that chunk. Where its length is damaged, too, it goes on
    behind the next boundary, which recorders write every few seconds for this.
    """
    kept = [MAGIC]
    streams: dict[int, tuple[int, int]] = {}
    at, lost = len(MAGIC), 0
    while at < len(data):
        end = _end_of(data, at, streams)
        if end is None:
            resume = _behind(data, at)
            lost += resume - at
            at = resume
            continue
        kept.append(data[at:end])
        at = end
    return Whole(data=b"".join(kept), n_lost_bytes=lost, n_streams=len(streams))


def _behind(data: bytes, at: int) -> int:
    """Return where to go on after a chunk that does not hold together."""
    frame = _frame(data, at)
    if frame is not None and (
        frame[2] == len(data) or _frame(data, frame[2]) is not None
    ):
        return frame[2]
    boundary = data.find(BOUNDARY, at + 1)
    return len(data) if boundary < 0 else boundary + len(BOUNDARY)


def _frame(data: bytes, at: int) -> tuple[int, int, int] | None:
    """Return a chunk's tag, where its content begins and where it ends."""
    length = _number(data, at)
    if length is None:
        return None
    size, begin = length
    if size < 2 or begin + size > len(data):
        return None
    (tag,) = struct.unpack_from("<H", data, begin)
    return (tag, begin + 2, begin + size) if tag in TAGS else None


def _number(data: bytes, at: int) -> tuple[int, int] | None:
    """Return a number of variable length, and where it ends."""
    form = LENGTHS.get(data[at]) if at < len(data) else None
    if form is None or at + 1 + struct.calcsize(form) > len(data):
        return None
    return struct.unpack_from(form, data, at + 1)[0], at + 1 + struct.calcsize(form)


def _end_of(data: bytes, at: int, streams: dict[int, tuple[int, int]]) -> int | None:
    """Return where the chunk ends; ``None`` if it does not hold together."""
    frame = _frame(data, at)
    if frame is None:
        return None
    tag, body, end = frame
    if tag == FILE_HEADER:
        return end if _xml(data[body:end]) is not None else None
    if tag == BOUNDARY_TAG:
        return end if data[body:end] == BOUNDARY else None
    if end - body < 4:
        return None
    (stream,) = struct.unpack_from("<I", data, body)
    body += 4
    if tag == STREAM_HEADER:
        described = _described(data[body:end])
        if described is None or stream in streams:
            return None
        streams[stream] = described
        return end
    if stream not in streams:
        return None
    if tag == SAMPLES:
        return end if _samples_fit(data, body, end, *streams[stream]) else None
    if tag == CLOCK_OFFSET:
        return end if end - body == 16 else None
    return end if _xml(data[body:end]) is not None else None


def _xml(data: bytes) -> ElementTree.Element | None:
    # Entities could expand without end, and no recorder writes any.
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        return None
    try:
        return ElementTree.fromstring(data.decode("utf-8", "replace"))
    except (ElementTree.ParseError, ValueError):
        return None


def _described(data: bytes) -> tuple[int, int] | None:
    """Return the number of channels and the bytes of a value (strings: at least)."""
    root = _xml(data)
    if root is None or root.tag != "info":
        return None
    try:
        n_channels = int(root.findtext("channel_count", ""))
        rate_hz = float(root.findtext("nominal_srate", ""))
    except ValueError:
        return None
    form = root.findtext("channel_format", "")
    if not 0 < n_channels <= MOST_CHANNELS or form not in ITEM_BYTES:
        return None
    if not 0 <= rate_hz < 1e6 or root.find("name") is None:
        return None
    return n_channels, -1 if form == "string" else ITEM_BYTES[form]


def _samples_fit(
    data: bytes, at: int, end: int, n_channels: int, item_bytes: int
) -> bool:
    """Whether the chunk has as many samples as it says, to the byte."""
    count = _number(data, at)
    if count is None:
        return False
    n_samples, at = count
    for _ in range(n_samples):
        if at >= end or data[at] not in (0, 8):
            return False
        at += 1 + data[at]
        if item_bytes > 0:
            at += n_channels * item_bytes
        else:
            for _ in range(n_channels):
                length = _number(data, at)
                if length is None:
                    return False
                at = length[1] + length[0]
        if at > end:
            return False
    return at == end
