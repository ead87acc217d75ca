"""kill -9 of the recording process: no acknowledged record is ever lost."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from biofeedback.recording.reader import open_recording
from biofeedback.recording.recover import recover_all
from biofeedback.session.replay import verify


@pytest.mark.parametrize("seed", range(6))
def test_a_killed_recording_keeps_all_that_was_safe(tmp_path: Path, seed: int) -> None:
    part = tmp_path / "recordings" / "a.mcap.part"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.session.kill_writer", str(part), str(seed)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    safe = int(process.stdout.readline())  # it is running by now
    time.sleep(random.Random(seed).uniform(0, 0.8))
    process.kill()
    safe = max([safe, *map(int, whole_lines(process.stdout.read()))])
    process.stdout.close()
    process.wait(timeout=10)

    left = open_recording(part).survey()
    assert left.last is not None
    assert left.last >= safe
    (report,) = recover_all(tmp_path)
    assert report.n_records == left.last
    assert report.missing == ()
    survey = open_recording(report.path).survey()
    assert survey.content_sha256 == left.content_sha256
    verdict = verify(report.path)
    assert verdict.ok, verdict
    assert verdict.n_records + verdict.n_messages == left.last
    assert [p.name for p in report.path.parent.iterdir()] == ["a.mcap"]


def whole_lines(text: str) -> list[str]:
    """The last line may have been cut by the kill."""
    return text.split("\n")[:-1]
