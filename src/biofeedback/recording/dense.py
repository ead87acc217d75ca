"""Writes the finished file: the MCAP of the library's own writer, packed tighter.

That one compresses at zstd's level 3 only, and at this the index, 16 bytes a message
that MCAP does not compress, leaves no room for chunks so small that damage to one
costs little. The records and their order are the same
(https://mcap.dev/spec, "File Structure").
"""

from __future__ import annotations

import struct
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import BinaryIO, Protocol

import zstandard
from mcap.data_stream import RecordBuilder
from mcap.opcode import Opcode
from mcap.records import (
    Attachment,
    AttachmentIndex,
    Channel,
    Chunk,
    ChunkIndex,
    DataEnd,
    Footer,
    Header,
    Message,
    MessageIndex,
    Metadata,
    MetadataIndex,
    Schema,
    Statistics,
    SummaryOffset,
)

from biofeedback.recording.frames import MAGIC

LEVEL = 15
"""An hour takes 0.5 s more than at level 3, and 0.1 MB less; above, 4 s for 1 %."""


class _Written(Protocol):
    def write(self, stream: RecordBuilder) -> None: ...


class DenseWriter:
    """Writes one file from its magic to its magic; has the methods of ``Writer``.

    Parameters
    ----------
    file
        Where to write; its position must be 0.
    chunk_size
        A chunk ends with the message that takes it past this many bytes.
    """

    def __init__(self, file: BinaryIO, chunk_size: int) -> None:
        self._file = file
        self._chunk_size = chunk_size
        self._zstd = zstandard.ZstdCompressor(level=LEVEL)
        self._crc = 0
        self._size = 0
        self._schemas: list[Schema] = []
        self._channels: list[Channel] = []
        self._chunks: list[ChunkIndex] = []
        self._attachments: list[AttachmentIndex] = []
        self._metadata: list[MetadataIndex] = []
        self._counts: dict[int, int] = defaultdict(int)
        self._first_ns: int | None = None
        self._last_ns = 0
        self._begin_chunk()

    def start(self, profile: str = "", library: str = "") -> None:
        """Write the magic and the header."""
        self._write(MAGIC)
        self._put(Header(profile=profile, library=library))

    def register_schema(self, name: str, encoding: str, data: bytes) -> int:
        """Announce a schema; return its number."""
        number = len(self._schemas) + 1
        schema = Schema(id=number, name=name, encoding=encoding, data=data)
        self._schemas.append(schema)
        schema.write(self._chunk)
        return number

    def register_channel(
        self,
        topic: str,
        message_encoding: str,
        schema_id: int,
        metadata: dict[str, str],
    ) -> int:
        """Announce a channel; return its number."""
        number = len(self._channels) + 1
        channel = Channel(
            id=number,
            topic=topic,
            message_encoding=message_encoding,
            metadata=metadata,
            schema_id=schema_id,
        )
        self._channels.append(channel)
        channel.write(self._chunk)
        return number

    def add_metadata(self, name: str, data: Mapping[str, str]) -> None:
        """Write a metadata record, before the chunk in progress."""
        offset = self._size
        length = self._put(Metadata(name=name, metadata=dict(data)))
        self._metadata.append(MetadataIndex(offset=offset, length=length, name=name))

    def add_attachment(
        self, create_time: int, log_time: int, name: str, media_type: str, data: bytes
    ) -> None:
        """Write an attachment."""
        self._end_chunk()
        offset = self._size
        attachment = Attachment(
            create_time=create_time,
            log_time=log_time,
            name=name,
            media_type=media_type,
            data=data,
        )
        self._attachments.append(
            AttachmentIndex(
                offset=offset,
                length=self._put(attachment),
                create_time=create_time,
                log_time=log_time,
                data_size=len(data),
                name=name,
                media_type=media_type,
            )
        )

    def add_message(
        self,
        channel_id: int,
        log_time: int,
        data: bytes,
        publish_time: int,
        sequence: int = 0,
    ) -> None:
        """Add a message to the chunk in progress."""
        index = self._indices.get(channel_id)
        if index is None:
            index = MessageIndex(channel_id=channel_id, records=[])
            self._indices[channel_id] = index
        index.records.append((log_time, self._chunk.count))
        self._counts[channel_id] += 1
        self._times.append(log_time)
        Message(
            channel_id=channel_id,
            log_time=log_time,
            data=data,
            publish_time=publish_time,
            sequence=sequence,
        ).write(self._chunk)
        if self._chunk.count > self._chunk_size:
            self._end_chunk()

    def finish(self) -> None:
        """Write index, footer and magic."""
        self._end_chunk()
        self._put(DataEnd(data_section_crc=self._crc))
        start = self._size
        groups: tuple[tuple[int, Sequence[_Written]], ...] = (
            (Opcode.SCHEMA, self._schemas),
            (Opcode.CHANNEL, self._channels),
            (Opcode.STATISTICS, [self._statistics()]),
            (Opcode.CHUNK_INDEX, self._chunks),
            (Opcode.ATTACHMENT_INDEX, self._attachments),
            (Opcode.METADATA_INDEX, self._metadata),
        )
        summary = RecordBuilder()
        offsets: list[SummaryOffset] = []
        for opcode, records in groups:
            begin = summary.count
            for record in records:
                record.write(summary)
            offsets.append(
                SummaryOffset(
                    group_opcode=opcode,
                    group_start=start + begin,
                    group_length=summary.count - begin,
                )
            )
        offset_start = start + summary.count
        for offset in offsets:
            offset.write(summary)
        data = _taken(summary)
        head = struct.pack("<BQQQ", Opcode.FOOTER, 20, start, offset_start)
        footer = Footer(
            summary_start=start,
            summary_offset_start=offset_start,
            summary_crc=zlib.crc32(head, zlib.crc32(data)),
        )
        self._write(data)
        self._put(footer)
        self._write(MAGIC)

    def _statistics(self) -> Statistics:
        return Statistics(
            attachment_count=len(self._attachments),
            channel_count=len(self._channels),
            channel_message_counts=self._counts,
            chunk_count=len(self._chunks),
            message_count=sum(self._counts.values()),
            message_start_time=self._first_ns or 0,
            message_end_time=self._last_ns,
            metadata_count=len(self._metadata),
            schema_count=len(self._schemas),
        )

    def _begin_chunk(self) -> None:
        self._chunk = RecordBuilder()
        self._indices: dict[int, MessageIndex] = {}
        self._times: list[int] = []

    def _end_chunk(self) -> None:
        if not self._times:
            return
        data = _taken(self._chunk)
        first_ns, last_ns = min(self._times), max(self._times)
        packed = self._zstd.compress(data)
        offset = self._size
        length = self._put(
            Chunk(
                compression="zstd",
                data=packed,
                message_start_time=first_ns,
                message_end_time=last_ns,
                uncompressed_crc=zlib.crc32(data),
                uncompressed_size=len(data),
            )
        )
        index_start = self._size
        offsets: dict[int, int] = {}
        for channel_id, index in self._indices.items():
            offsets[channel_id] = self._size
            self._put(index)
        self._chunks.append(
            ChunkIndex(
                message_start_time=first_ns,
                message_end_time=last_ns,
                chunk_start_offset=offset,
                chunk_length=length,
                message_index_offsets=offsets,
                message_index_length=self._size - index_start,
                compression="zstd",
                compressed_size=len(packed),
                uncompressed_size=len(data),
            )
        )
        self._first_ns = (
            first_ns if self._first_ns is None else min(self._first_ns, first_ns)
        )
        self._last_ns = max(self._last_ns, last_ns)
        self._begin_chunk()

    def _put(self, record: _Written) -> int:
        builder = RecordBuilder()
        record.write(builder)
        data = _taken(builder)
        self._write(data)
        return len(data)

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._crc = zlib.crc32(data, self._crc)
        self._size += len(data)


def _taken(builder: RecordBuilder) -> bytes:
    return bytes(builder.end())  # type: ignore[no-untyped-call]
