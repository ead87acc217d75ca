"""A full or failing disk: the recording stops loudly, the session goes on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from biofeedback.model import Entry
from biofeedback.recording.reader import open_recording
from biofeedback.recording.recover import recover_all

if sys.platform != "linux":
    pytest.skip("These limits and mounts are Linux's.", allow_module_level=True)

from tests.recording.faults import disk
from tests.recording.faults.kernel import CannotError
from tests.recording.faults.nursery import Nursery


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery(disk.ME) as nursery:
        yield nursery


ADVICE = {
    "file size limit": "The file may not grow further. Raise the limit on file sizes.",
    "small disk": "The disk is full. Free some space.",
    "failing fsync": "The disk reports an error. Copy your recordings elsewhere.",
}


@pytest.mark.parametrize("fault", disk.FAULTS)
def test_the_recording_stops_loudly_and_the_session_goes_on(
    nursery: Nursery, tmp_path: Path, fault: disk.Fault
) -> None:
    try:
        stopped = disk.stopped(nursery, fault, tmp_path)
    except CannotError as error:
        pytest.skip(str(error))
    assert "a.mcap.part could not be written any further." in stopped.error
    assert ADVICE[fault] in stopped.error
    assert "can be recovered" in stopped.error
    assert stopped.notices == (stopped.error,)  # told once, to everybody
    assert stopped.ticks_after == disk.MORE_S
    assert len(stopped.marks) >= disk.SOUND_S
    # After a failed fsync nothing was tried again: the kernel would have killed it.
    assert stopped.refused_again == (3 if fault == "failing fsync" else 0)

    left = open_recording(tmp_path / "a.mcap.part").survey()
    assert left.lost_bytes == 0  # what was half written has been taken back
    assert left.last is not None
    assert left.last >= stopped.last_safe
    (report,) = recover_all(tmp_path)
    recording = open_recording(report.path)
    assert recording.complete
    assert recording.survey().n_records == left.last
    inputs = [record for _, record in recording.inputs()]
    kept = [record.id for record in inputs if isinstance(record, Entry)]
    assert tuple(kept[: len(stopped.marks)]) == stopped.marks


@pytest.mark.parametrize("fault", disk.FAULTS)
def test_a_recording_that_cannot_be_closed_is_kept_and_closed_later(
    nursery: Nursery, tmp_path: Path, fault: disk.Fault
) -> None:
    try:
        unclosed = disk.unclosed(nursery, fault, tmp_path)
    except CannotError as error:
        pytest.skip(str(error))
    said = "a.mcap could not be finished; a.mcap.part still holds everything."
    assert unclosed.error == f"The recording {said} {ADVICE[fault]}"
    assert unclosed.same
    assert unclosed.names == unclosed.names_at_start == ("a.mcap.part",)
    assert said in unclosed.at_start
    if fault == "failing fsync":  # such a disk does not recover
        assert unclosed.names_with_room == ("a.mcap.part",)
        assert open_recording(tmp_path / "a.mcap.part").survey().n_records == 180
    else:
        assert unclosed.names_with_room == ("a.mcap",)
        assert "nothing that was safe is lost" in unclosed.with_room
        assert open_recording(tmp_path / "a.mcap").survey().n_records == 180
