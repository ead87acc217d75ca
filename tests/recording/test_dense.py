"""The finished file's writer: the same file as the library's own, only smaller."""

from __future__ import annotations

import io
import random
from pathlib import Path
from typing import Any

from mcap.reader import make_reader
from mcap.records import ChunkIndex
from mcap.writer import CompressionType, Writer

from biofeedback.recording.dense import DenseWriter

CHUNK_BYTES = 4096
TOPICS = ("/tick", "/metrics", "/event")


def write(mcap: Any) -> None:  # noqa: ANN401 (two writers with the same methods)
    rng = random.Random(3)
    mcap.start(profile="biofeedback/1", library="test")
    mcap.add_metadata("session", {"id": "1"})
    mcap.add_attachment(5, 6, "README.txt", "text/plain", b"read me")
    schema = mcap.register_schema("Tick", "jsonschema", b"{}")
    ids = []
    for topic in TOPICS:
        ids.append(mcap.register_channel(topic, "json", schema, {"role": "input"}))
        mcap.add_metadata("topic", {"topic": topic})
    for sequence in range(1, 500):
        mcap.add_message(
            channel_id=rng.choice(ids),
            log_time=1000 * sequence,
            publish_time=1000 * sequence,
            data=b'{"value":%d}' % rng.randrange(10_000) * 3,
            sequence=sequence,
        )
    mcap.add_attachment(7, 8, "summary.json", "application/json", b"{}")
    mcap.finish()


def both() -> tuple[bytes, bytes]:
    ours, theirs = io.BytesIO(), io.BytesIO()
    write(DenseWriter(ours, CHUNK_BYTES))
    write(
        Writer(
            theirs,
            chunk_size=CHUNK_BYTES,
            compression=CompressionType.ZSTD,
            enable_data_crcs=True,
        )
    )
    return ours.getvalue(), theirs.getvalue()


def test_other_peoples_readers_find_the_same_in_it() -> None:
    ours, theirs = (
        make_reader(io.BytesIO(data), validate_crcs=True) for data in both()
    )
    assert ours.get_header() == theirs.get_header()
    for topics in (None, ["/metrics"]):
        got = [list(reader.iter_messages(topics)) for reader in (ours, theirs)]
        assert got[0] == got[1]
    backwards = [list(reader.iter_messages(reverse=True)) for reader in (ours, theirs)]
    assert backwards[0] == backwards[1]
    assert len(backwards[0]) == 499
    assert list(ours.iter_attachments()) == list(theirs.iter_attachments())
    assert list(ours.iter_metadata()) == list(theirs.iter_metadata())
    one, two = ours.get_summary(), theirs.get_summary()
    assert one is not None
    assert two is not None
    assert one.statistics == two.statistics
    assert (one.schemas, one.channels) == (two.schemas, two.channels)
    assert [extent(c) for c in one.chunk_indexes] == [
        extent(c) for c in two.chunk_indexes
    ]
    assert len(one.chunk_indexes) > 5
    assert [a.data_size for a in one.attachment_indexes] == [7, 2]
    assert len(one.metadata_indexes) == 4


def extent(chunk: ChunkIndex) -> tuple[int, int, int, list[int]]:
    """What does not depend on how well a chunk was compressed."""
    return (
        chunk.message_start_time,
        chunk.message_end_time,
        chunk.uncompressed_size,
        list(chunk.message_index_offsets),
    )


def test_it_is_smaller() -> None:
    ours, theirs = both()
    assert len(ours) < len(theirs)


def test_nothing_at_all_is_a_whole_file_too(tmp_path: Path) -> None:
    path = tmp_path / "empty.mcap"
    with path.open("wb") as file:
        mcap = DenseWriter(file, CHUNK_BYTES)
        mcap.start(profile="biofeedback/1", library="test")
        mcap.finish()
    with path.open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        assert list(reader.iter_messages()) == []
        summary = reader.get_summary()
    assert summary is not None
    assert summary.statistics is not None
    assert summary.statistics.message_count == 0
