"""An XDF file, chunk by chunk.

Source: the XDF specification 1.0 (sccn/xdf): after the magic, chunks of a length, a tag
and a body; all numbers are little-endian.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

import msgspec
import numpy as np
from numpy.typing import NDArray

from biofeedback.model import Value

FILE_HEADER, STREAM_HEADER, SAMPLES, CLOCK_OFFSET, BOUNDARY, STREAM_FOOTER = range(1, 7)
"""Tags of chunks (XDF 1.0, "Chunks")."""

BOUNDARY_ID = bytes.fromhex("43a546dccbf5410fb30ed5467383cbe4")

BLOCK_S = 10.0
"""A boundary about every 10 s lets a reader go on behind damage."""

_FORMATS = {"double64": "<f8", "int32": "<i4"}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Stream(Value, frozen=True, kw_only=True):
    """One stream: ``values`` is (n, channels), or n texts if ``format`` is string."""

    name: str
    type: str
    format: str
    rate_hz: float
    channels: tuple[tuple[str, str], ...]
    """Label and unit of each."""
    stamps_s: Any
    values: Any
    about: dict[str, Any] = msgspec.field(default_factory=dict)

    @property
    def reached_s(self) -> NDArray[np.float64]:
        """The latest stamp so far: rises even where a stamp lies before another."""
        return np.maximum.accumulate(self.stamps_s)


def xdf_chunks(
    streams: Sequence[Stream], provenance: Mapping[str, Any]
) -> Iterator[bytes]:
    """Yield an XDF file piece by piece: headers, blocks of 10 s, footers."""
    yield b"XDF:"
    about = {"version": "1.0", "datetime": provenance.get("started_at_utc")}
    desc = {"provenance": provenance}
    yield chunk(FILE_HEADER, _xml({**about, "desc": desc}))
    for number, stream in enumerate(streams, 1):
        yield chunk(STREAM_HEADER, _id(number) + _xml(_header(stream, provenance)))
    offsets: list[float] = []
    for start_s, end_s in _blocks(streams):
        offsets.append(start_s)
        for number, stream in enumerate(streams, 1):
            # One clock for all: the stamps are those of the session.
            yield chunk(CLOCK_OFFSET, _id(number) + struct.pack("<dd", start_s, 0.0))
            for first, last in _within(stream, start_s, end_s):
                yield chunk(SAMPLES, _id(number) + _samples(stream, first, last))
        yield chunk(BOUNDARY, BOUNDARY_ID)
    for number, stream in enumerate(streams, 1):
        yield chunk(STREAM_FOOTER, _id(number) + _xml(_footer(stream, offsets)))


def varlen(value: int) -> bytes:
    """Return a length as XDF has it: how many bytes (1, 4 or 8), then these.

    >>> varlen(255).hex(), varlen(256).hex()
    ('01ff', '0400010000')
    """
    if value < 1 << 8:
        return struct.pack("<BB", 1, value)
    if value < 1 << 32:
        return struct.pack("<BI", 4, value)
    return struct.pack("<BQ", 8, value)


def chunk(tag: int, content: bytes) -> bytes:
    """Return a chunk; its length counts the tag as well."""
    return varlen(len(content) + 2) + struct.pack("<H", tag) + content


def _id(number: int) -> bytes:
    return struct.pack("<I", number)


def _blocks(streams: Sequence[Stream]) -> Iterator[tuple[float, float]]:
    if not streams:
        return
    first = min(float(stream.reached_s[0]) for stream in streams)
    last = max(float(stream.reached_s[-1]) for stream in streams)
    for k in range(math.floor(first / BLOCK_S), math.floor(last / BLOCK_S) + 1):
        yield k * BLOCK_S, (k + 1) * BLOCK_S


def _within(stream: Stream, start_s: float, end_s: float) -> Iterable[tuple[int, int]]:
    """Return first and one past the last sample of a block, if it has any."""
    first, last = np.searchsorted(stream.reached_s, (start_s, end_s), side="left")
    return [(int(first), int(last))] if last > first else []


def _samples(stream: Stream, first: int, last: int) -> bytes:
    """Return samples, each with a stamp of 8 bytes."""
    stamps: NDArray[np.float64] = stream.stamps_s[first:last]
    head = varlen(last - first)
    if stream.format == "string":
        parts = [head]
        for stamp_s, text in zip(
            stamps.tolist(), stream.values[first:last], strict=True
        ):
            data = text.encode()
            parts.append(struct.pack("<Bd", 8, stamp_s) + varlen(len(data)) + data)
        return b"".join(parts)
    n_channels = len(stream.channels)
    layout = np.dtype(
        [("n", "u1"), ("t", "<f8"), ("v", _FORMATS[stream.format], (n_channels,))]
    )
    packed = np.empty(last - first, layout)
    packed["n"], packed["t"], packed["v"] = 8, stamps, stream.values[first:last]
    return head + packed.tobytes()


def _header(stream: Stream, provenance: Mapping[str, Any]) -> dict[str, Any]:
    channels = [
        {"channel": {"label": label, "unit": unit, "type": stream.type}}
        for label, unit in stream.channels
    ]
    return {
        "name": stream.name,
        "type": stream.type,
        "channel_count": len(stream.channels),
        "nominal_srate": stream.rate_hz,
        "channel_format": stream.format,
        "source_id": f"{provenance.get('session_id')}-{stream.name.replace(' ', '')}",
        "version": "1.1",
        "created_at": repr(float(stream.stamps_s[0])),
        "desc": {
            "channels": channels,
            "acquisition": {"model": provenance.get("strap")},
            **stream.about,
            "provenance": provenance,
        },
    }


def _footer(stream: Stream, offsets: Sequence[float]) -> dict[str, Any]:
    return {
        "first_timestamp": repr(float(stream.stamps_s[0])),
        "last_timestamp": repr(float(stream.stamps_s[-1])),
        "sample_count": len(stream.stamps_s),
        "clock_offsets": [{"offset": {"time": at, "value": 0}} for at in offsets],
    }


def _xml(info: Mapping[str, Any]) -> bytes:
    return f'<?xml version="1.0"?>{_element("info", info)}'.encode()


def _element(name: str, value: object) -> str:
    if isinstance(value, Mapping):
        inner = "".join(_element(key, each) for key, each in value.items())
    elif isinstance(value, list):
        # Elements of their own names, or plain values as items.
        named = [
            each if isinstance(each, Mapping) else {"item": each} for each in value
        ]
        inner = "".join(_element(k, v) for each in named for k, v in each.items())
    else:
        inner = "" if value is None else escape(_NOT_XML.sub(" ", str(value)))
    return f"<{name}>{inner}</{name}>"
