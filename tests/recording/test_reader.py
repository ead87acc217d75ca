"""Reading: finished, running, foreign and torn files."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from mcap.opcode import Opcode
from mcap.writer import Writer

from biofeedback.errors import RecordingError
from biofeedback.recording.reader import Recording, open_recording
from tests.recording.samples import INFO, new_writer, write_final, write_part


def content(recording: Recording) -> list[object]:
    return [*recording.inputs(), *recording.outputs()]


def test_a_finished_file_says_all(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    records = write_final(path)
    recording = open_recording(path)
    assert recording.complete
    assert recording.info == INFO
    assert [record for _, record in recording.inputs()] == records
    assert recording.summary() == b'{"hr_bpm": 61}'
    survey = recording.survey()
    assert (survey.n_inputs, survey.n_messages) == (60, 30)
    assert (survey.last, survey.lost_bytes, survey.missing) == (90, 0, ())


def test_files_that_are_no_recordings(tmp_path: Path) -> None:
    empty = tmp_path / "empty.mcap"
    empty.touch()
    text = tmp_path / "notes.txt"
    text.write_text("rr\n812\n")
    other = tmp_path / "other.mcap"
    with other.open("wb") as file:
        mcap = Writer(file)
        mcap.start(profile="ros2")
        mcap.finish()  # type: ignore[no-untyped-call]
    newer = tmp_path / "newer.mcap"
    with newer.open("wb") as file:
        mcap = Writer(file)
        mcap.start(profile="biofeedback/2")
        mcap.finish()  # type: ignore[no-untyped-call]
    nameless = tmp_path / "nameless.mcap"
    with nameless.open("wb") as file:
        mcap = Writer(file)
        mcap.start(profile="biofeedback/1")
        mcap.finish()  # type: ignore[no-untyped-call]
    for path, sentence in (
        (empty, "empty.mcap is empty."),
        (text, "notes.txt is not a recording."),
        (other, "of another program"),
        (newer, "newer version"),
        (nameless, "which session"),
        (tmp_path, "It is a folder."),
        (tmp_path / "absent.mcap", "It is not there."),
    ):
        with pytest.raises(RecordingError) as caught:
            open_recording(path)
        assert sentence in str(caught.value)
        assert caught.value.advice


def test_a_tail_of_zeros_is_no_data(tmp_path: Path) -> None:
    # What a power cut leaves: the size was written, the blocks were not.
    part = tmp_path / "a.mcap.part"
    write_part(part)
    truth = list(open_recording(part).all())
    with part.open("ab") as file:
        file.write(bytes(8192))
    recording = open_recording(part)
    assert list(recording.all()) == truth
    assert recording.survey().lost_bytes == 8192


def test_a_hole_costs_only_what_was_in_it(tmp_path: Path) -> None:
    part = tmp_path / "a.mcap.part"
    write_part(part, seconds=60)
    whole = bytearray(part.read_bytes())
    truth = list(open_recording(part).all())
    middle = len(whole) * 3 // 4
    whole[middle : middle + 400] = bytes(400)
    part.write_bytes(whole)
    recording = open_recording(part)
    assert len(list(recording.all())) < len(truth)
    salvaged = list(recording.salvage())
    survey = recording.survey(salvage=True)
    (gap,) = survey.missing
    assert [s for s in truth if not gap[0] <= s.sequence <= gap[1]] == salvaged
    assert 0 < len(truth) - len(salvaged) < 20


def test_a_length_that_takes_in_what_follows_costs_one_record_only(
    tmp_path: Path,
) -> None:
    part = tmp_path / "a.mcap.part"
    write_part(part)
    whole = part.read_bytes()
    truth = list(open_recording(part).all())
    offset, swallowing = 8, 0
    while offset < len(whole):
        opcode, length = struct.unpack_from("<BQ", whole, offset)
        damaged = bytearray(whole)
        damaged[offset + 2] ^= 2  # longer by 512 bytes: several chunks
        offset += 9 + length
        if opcode not in (Opcode.METADATA, Opcode.CHUNK) or damaged == whole:
            continue
        part.write_bytes(damaged)
        try:
            salvaged = list(open_recording(part).salvage())
        except RecordingError:
            continue  # the metadata of the session: nothing can be said without
        swallowing += 1
        assert len(truth) - len(salvaged) <= 3
    assert swallowing > 20


def test_a_running_file_can_be_read_at_any_moment(tmp_path: Path) -> None:
    part = tmp_path / "a.mcap.part"
    writer = new_writer(part)
    assert content(open_recording(part)) == []
    for sequence in range(1, 50):
        writer.message(sequence, sequence, "event", b"{}")
        if sequence % 7 == 0:
            writer.sync()
        assert open_recording(part).survey().n_records == sequence // 7 * 7
    writer.close()
