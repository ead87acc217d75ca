"""MCAP records as frames on disk: bounded in memory, every checksum checked.

:class:`DamageError` never leaves this package: the reader turns it into a sentence,
or into the end of an unfinished file.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import BinaryIO, NamedTuple, TypeAlias, TypeVar

import zstandard
from mcap.data_stream import ReadDataStream
from mcap.opcode import Opcode
from mcap.records import Attachment, Channel, Chunk, Header, Metadata

from biofeedback.recording.format import MAX_FRAME_BYTES
from biofeedback.recording.metadata import unsealed

MAGIC = b"\x89MCAP0\r\n"

_HEAD = struct.Struct("<BQ")
_MESSAGE = struct.Struct("<HIQQ")
_DATA_SECTION = frozenset(
    {
        Opcode.HEADER,
        Opcode.METADATA,
        Opcode.ATTACHMENT,
        Opcode.CHUNK,
        Opcode.MESSAGE_INDEX,
        Opcode.DATA_END,
    }
)
_SCAN_BYTES = 1 << 20

# An opcode and a length below 16 MiB: where a whole record may begin. It looks ahead,
# so that what only looks like a beginning does not hide a true one right behind it.
_HEADS = {
    opcode: re.compile(rb"%b(?=...\x00{5})" % re.escape(bytes([opcode])), re.DOTALL)
    for opcode in (Opcode.CHUNK, Opcode.METADATA)
}

_T = TypeVar("_T")


class DamageError(Exception):
    """The bytes are not what they should be."""


class Frame(NamedTuple):
    """One record: its code, where it begins and ends, its head and its body."""

    opcode: int
    start: int
    end: int
    head: bytes
    body: bytes


class MessagePart(NamedTuple):
    """One message of a chunk."""

    channel_id: int
    sequence: int
    log_time: int
    payload: bytes


Part: TypeAlias = MessagePart | Channel


def frame_at(file: BinaryIO, offset: int, size: int) -> Frame:
    """Return the frame at ``offset`` of a file of ``size`` bytes."""
    file.seek(offset)
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise DamageError("it ends in the middle of a record")
    opcode, length = _HEAD.unpack(head)
    start = offset + _HEAD.size
    if opcode not in _DATA_SECTION:
        raise DamageError("there is a record that does not belong there")
    if length > min(MAX_FRAME_BYTES, size - start):
        raise DamageError("it ends in the middle of a record")
    body = file.read(length)
    if len(body) < length:
        raise DamageError("it ends in the middle of a record")
    if opcode == Opcode.MESSAGE_INDEX and (
        length < 6 or struct.unpack_from("<I", body, 2)[0] != length - 6
    ):
        raise DamageError("an index is damaged")
    return Frame(opcode, offset, start + length, head, body)


def next_chunk(file: BinaryIO, offset: int, size: int) -> int | None:
    """Return where the next whole chunk begins, at or after ``offset``."""
    for frame in _candidates(file, offset, size, Opcode.CHUNK):
        try:
            parse_chunk(frame.body)
        except DamageError:
            continue
        return frame.start
    return None


def any_metadata(file: BinaryIO, size: int) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield name and pairs of each whole metadata record, wherever it is."""
    for frame in _candidates(file, 0, size, Opcode.METADATA):
        try:
            found = parse_metadata(frame.body)
        except DamageError:
            continue
        yield found


def _candidates(
    file: BinaryIO, offset: int, size: int, opcode: Opcode
) -> Iterator[Frame]:
    while offset < size:
        file.seek(offset)
        window = file.read(_SCAN_BYTES)
        for match in _HEADS[opcode].finditer(window):
            try:
                yield frame_at(file, offset + match.start(), size)
            except DamageError:
                continue
        if len(window) < _SCAN_BYTES:
            return
        offset += len(window) - _HEAD.size + 1


def parse_chunk(body: bytes) -> list[Part]:
    """Return messages and channels of a chunk, once its CRC has been checked."""
    return _whole(lambda: _parts(_uncompressed(body)), "a chunk is damaged")


def _uncompressed(body: bytes) -> bytes:
    chunk = _read(Chunk.read, body)
    data: bytes = chunk.data
    # A length that is wrong would take what follows for a part of this one.
    if body[-len(data) - 8 :] != len(data).to_bytes(8, "little") + data:
        raise DamageError("a chunk is longer than it says")
    if chunk.compression == "zstd":
        size = zstandard.frame_content_size(data)
        if not 0 <= size <= MAX_FRAME_BYTES:
            raise DamageError("a chunk is too large")
        data = zstandard.decompress(data)
    # A CRC of 0 means "not checked" to MCAP: no chunk of ours is written without.
    if chunk.uncompressed_crc == 0 or zlib.crc32(data) != chunk.uncompressed_crc:
        raise DamageError("a chunk does not match its checksum")
    return data


def _parts(data: bytes) -> list[Part]:
    # The library's own loop takes 10 µs a message, a day of them is half a million.
    parts: list[Part] = []
    offset = 0
    while offset < len(data):
        opcode, length = _HEAD.unpack_from(data, offset)
        offset += _HEAD.size
        end = offset + length
        if opcode == Opcode.MESSAGE:
            channel_id, sequence, log_time, _ = _MESSAGE.unpack_from(data, offset)
            payload = data[offset + _MESSAGE.size : end]
            parts.append(MessagePart(channel_id, sequence, log_time, payload))
        elif opcode == Opcode.CHANNEL:
            parts.append(_read(Channel.read, data[offset:end]))
        offset = end
    return parts


def parse_header(body: bytes) -> str:
    """Return the profile."""
    return str(_whole(lambda: _read(Header.read, body).profile, "its head is damaged"))


def parse_metadata(body: bytes) -> tuple[str, dict[str, str]]:
    """Return name and pairs of a metadata record, once its seal has been checked."""

    def parse() -> tuple[str, dict[str, str]]:
        record = _read(Metadata.read, body)
        if len(body) != _metadata_bytes(record):
            raise DamageError("metadata are longer than they say")
        return record.name, unsealed(record.metadata)

    return _whole(parse, "its metadata is damaged")


def _metadata_bytes(record: Metadata) -> int:
    texts = (record.name, *(part for pair in record.metadata.items() for part in pair))
    return 4 + sum(4 + len(text.encode()) for text in texts)


def parse_attachment(body: bytes) -> tuple[str, bytes]:
    """Return name and bytes of an attachment, once its CRC has been checked."""

    def parse() -> tuple[str, bytes]:
        (crc,) = struct.unpack("<I", body[-4:])
        if crc != zlib.crc32(body[:-4]):  # the library's own reader skips this
            raise DamageError("an attachment is damaged")
        record = _read(Attachment.read, body)
        return record.name, record.data

    return _whole(parse, "an attachment is damaged")


def check_end(file: BinaryIO, data_end: Frame, data_crc: int, size: int) -> None:
    """Check the CRCs that close a finished file: of the data, and of the summary."""
    if data_end.body != struct.pack("<I", data_crc):
        raise DamageError("its data does not match its checksum")
    file.seek(data_end.end)
    left = size - data_end.end - 4 - len(MAGIC)
    crc = 0
    while left > 0 and (block := file.read(min(left, _SCAN_BYTES))):
        crc = zlib.crc32(block, crc)
        left -= len(block)
    if left != 0 or file.read(4) != struct.pack("<I", crc):
        raise DamageError("its index does not match its checksum")


def _read(read: Callable[[ReadDataStream], _T], body: bytes) -> _T:
    return read(ReadDataStream(BytesIO(body)))


def _whole(parse: Callable[[], _T], sentence: str) -> _T:
    # Damaged bytes can make the library fail in any way: struct.error, EndOfFile,
    # UnicodeDecodeError, ZstdError, OverflowError, MemoryError...
    try:
        return parse()
    except DamageError:
        raise
    except Exception as error:
        raise DamageError(sentence) from error
