"""Closing is killed before each thing it does to files: one good copy is left."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from biofeedback.recording.reader import open_recording
from tests.recording.faults import compaction
from tests.recording.faults.nursery import Nursery
from tests.recording.samples import write_part

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no kill -9, and no fork."
)


def test_a_killed_compaction_leaves_one_good_copy_and_is_finished_later(
    tmp_path: Path,
) -> None:
    whole = tmp_path / "whole.part"
    write_part(whole, seconds=20)
    truth = open_recording(whole).survey()
    moments = []
    with Nursery(compaction.ME) as nursery:
        for n in range(1, 100):
            folder = tmp_path / str(n)
            folder.mkdir()
            shutil.copy(whole, folder / "a.mcap.part")
            left = compaction.interrupt(nursery, folder, n, truth)
            if left is None:
                break
            assert left.n_wrong == 0, left
            # Two only for the moment between the new name and the end of the old.
            assert left.n_good == len(set(left.names) - {"a.mcap.tmp"}), left
            assert left.n_good >= 1, left
            assert left.same_after, left
            assert left.names_after == ("a.mcap",), left
            moments.append(left.before)
    assert (tmp_path / str(n)).joinpath("a.mcap").exists()
    # It was killed in each step: before writing, checking, publishing and tidying.
    assert "open a.mcap.tmp" in moments
    assert "os.rename a.mcap.tmp" in moments
    assert "os.remove a.mcap.part" in moments
    assert len(moments) > 10
