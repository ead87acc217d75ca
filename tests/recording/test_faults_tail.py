"""A second process reads a journal while it grows, and nothing ever raises."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from biofeedback.recording.reader import open_recording
from tests.recording.faults import kill
from tests.recording.faults.nursery import Nursery
from tests.recording.faults.outcome import Truth

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no kill -9, and no fork."
)

N_READS = 12


def test_a_growing_journal_can_be_read_at_any_moment(tmp_path: Path) -> None:
    part = tmp_path / "a.mcap.part"
    reads = []
    with Nursery(kill.WRITER) as nursery:
        writer = nursery.start(kill.WRITER, part, 7)
        safe = int(writer.read_line())
        for _ in range(N_READS):
            recording = open_recording(part)
            found = list(recording.all())
            assert not recording.complete
            assert len(found) >= safe  # what was acknowledged before can be read
            reads.append(found)
            safe = int(writer.read_line())
        writer.kill()
    last = reads[-1]
    assert [stored.sequence for stored in last] == list(range(1, len(last) + 1))
    assert all(found == last[: len(found)] for found in reads)
    assert len(last) > len(reads[0])  # it did grow


def test_a_copy_of_a_growing_journal_is_a_recording(tmp_path: Path) -> None:
    """Of whatever length: a copy may end in the middle of a record."""
    part, copy = tmp_path / "a.mcap.part", tmp_path / "copy.mcap.part"
    rng = random.Random(5)
    with Nursery(kill.WRITER) as nursery:
        writer = nursery.start(kill.WRITER, part, 8)
        for _ in range(10):
            safe = int(writer.read_line())
        taken = part.read_bytes()
        writer.kill()
    truth = Truth.of(part)
    for data in (taken, *(taken[: -rng.randrange(1, 2000)] for _ in range(10))):
        copy.write_bytes(data)
        found = list(open_recording(copy).all())
        assert found == truth.entries[: len(found)]
        assert len(found) >= safe or data is not taken
