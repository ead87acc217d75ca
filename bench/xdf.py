"""A small writer of XDF 1.0 files, as LabRecorder would make them.

Source: "XDF Specifications", version 1.0, in the repository sccn/xdf.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import BinaryIO
from xml.sax.saxutils import escape

FILE_HEADER, STREAM_HEADER, SAMPLES, BOUNDARY, STREAM_FOOTER = 1, 2, 3, 5, 6
_BOUNDARY = bytes.fromhex("43A546DCCBF5410FB30ED5467383CBE4")
BOUNDARY_EVERY_S = 10.0


class XdfWriter:
    """Writes streams of text and of int32 numbers as they come."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._streams: dict[str, int] = {}
        self._seen: dict[int, tuple[float, float, int]] = {}
        self._boundary_s = 0.0
        file.write(b"XDF:")
        self._chunk(
            FILE_HEADER, b'<?xml version="1.0"?><info><version>1.0</version></info>'
        )

    def text(self, name: str, value: str, t_s: float) -> None:
        """Write one sample of text with its stamp."""
        stream = self._stream(name, 1, "string", 0.0)
        data = value.encode()
        sample = b"\x08" + struct.pack("<d", t_s) + _length(len(data)) + data
        self._samples(stream, 1, sample, t_s, t_s)

    def numbers(
        self,
        name: str,
        values: Sequence[int],
        channels: int,
        last_s: float,
        step_s: float,
    ) -> None:
        """Write samples whose last one has this stamp; only the first is stamped."""
        stream = self._stream(name, channels, "int32", round(1 / step_s))
        n = len(values) // channels
        first_s = last_s - (n - 1) * step_s
        row = struct.Struct(f"<{channels}i")
        parts = [b"\x08" + struct.pack("<d", first_s)]
        for k in range(n):
            parts.append(row.pack(*values[k * channels : (k + 1) * channels]))
            parts.append(b"\x00")
        self._samples(stream, n, b"".join(parts[:-1]), first_s, last_s)

    def close(self) -> None:
        """Write the footers."""
        for stream, (first_s, last_s, n) in self._seen.items():
            footer = (
                f'<?xml version="1.0"?><info><first_timestamp>{first_s!r}'
                f"</first_timestamp><last_timestamp>{last_s!r}</last_timestamp>"
                f"<sample_count>{n}</sample_count></info>"
            )
            self._chunk(STREAM_FOOTER, struct.pack("<I", stream) + footer.encode())

    def _stream(self, name: str, channels: int, format: str, rate_hz: float) -> int:
        if (stream := self._streams.get(name)) is not None:
            return stream
        stream = self._streams[name] = len(self._streams) + 1
        header = (
            f'<?xml version="1.0"?><info><name>{escape(name)}</name><type>{format}'
            f"</type><channel_count>{channels}</channel_count><nominal_srate>{rate_hz}"
            f"</nominal_srate><channel_format>{format}</channel_format></info>"
        )
        self._chunk(STREAM_HEADER, struct.pack("<I", stream) + header.encode())
        return stream

    def _samples(
        self, stream: int, n: int, data: bytes, first_s: float, last_s: float
    ) -> None:
        head = struct.pack("<I", stream) + _length(n)
        self._chunk(SAMPLES, head + data)
        began_s, _, before = self._seen.get(stream, (first_s, 0.0, 0))
        self._seen[stream] = began_s, last_s, before + n
        if last_s >= self._boundary_s + BOUNDARY_EVERY_S:
            self._boundary_s = last_s
            self._chunk(BOUNDARY, _BOUNDARY)

    def _chunk(self, tag: int, content: bytes) -> None:
        self._file.write(_length(len(content) + 2) + struct.pack("<H", tag) + content)


def _length(n: int) -> bytes:
    if n < 256:
        return struct.pack("<BB", 1, n)
    return struct.pack("<BI", 4, n) if n < 1 << 32 else struct.pack("<BQ", 8, n)
