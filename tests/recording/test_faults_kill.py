"""kill -9 of the recording process: no acknowledged record is ever lost."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from biofeedback.recording.reader import open_recording
from biofeedback.session.replay import verify
from tests.recording.faults import kill
from tests.recording.faults.nursery import Nursery

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no kill -9, and no fork."
)

N_KILLS = 20
N_VERIFIED = 2


def test_a_killed_recording_keeps_all_that_was_safe(tmp_path: Path) -> None:
    lengths = set()
    with Nursery(kill.WRITER) as nursery:
        for seed in range(N_KILLS):
            folder = tmp_path / str(seed)
            folder.mkdir()
            killed = kill.kill_once(nursery, folder, seed)
            assert killed.part_names == ("a.mcap.part",), seed
            assert (killed.outcome.lost, killed.outcome.wrong) == (0, 0), seed
            report = killed.report
            assert report.n_records == killed.last_before, seed
            assert report.missing == (), seed
            assert "was not closed properly and has been recovered" in report.sentence
            assert [path.name for path in folder.iterdir()] == ["a.mcap"], seed
            recording = open_recording(report.path)
            assert recording.complete, seed
            assert recording.survey().content_sha256 == killed.sha256_before, seed
            assert recording.recovery is not None, seed
            assert recording.recovery["records_kept"] == str(report.n_records), seed
            assert recording.recovery["bytes_lost"] == str(report.lost_bytes), seed
            if seed < N_VERIFIED:
                verdict = verify(report.path)
                assert verdict.ok, verdict
                assert verdict.n_records + verdict.n_messages == report.n_records
            lengths.add(report.n_records)
    assert len(lengths) > N_KILLS / 2  # they were killed at different moments
