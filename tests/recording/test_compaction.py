"""Closing and recovering: whatever stops it, one good copy is left."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from mcap.reader import make_reader

from biofeedback.errors import RecordingError
from biofeedback.recording import durable
from biofeedback.recording.compaction import Compaction, compact
from biofeedback.recording.reader import open_recording
from biofeedback.recording.recover import find_parts, recover_all, recover_parts
from tests.recording.faults.damage import chunks
from tests.recording.samples import (
    INFO,
    NS_PER_S,
    STARTED_UTC_NS,
    new_writer,
    write_final,
    write_part,
)

AT = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)


def test_the_finished_file_holds_the_same_and_is_smaller(tmp_path: Path) -> None:
    part, final = tmp_path / "a.mcap.part", tmp_path / "a.mcap"
    write_part(part, seconds=120)
    before = open_recording(part).survey()
    part_bytes = part.stat().st_size
    done = compact(part, final, b"{}")
    recording = open_recording(final)
    assert recording.complete
    assert recording.recovery is None
    assert recording.survey() == before
    assert recording.summary() == b"{}"
    assert done.path == final
    assert done.n_records == before.n_records == 360
    assert done.size_bytes == final.stat().st_size < part_bytes
    assert done.sha256 == hashlib.sha256(final.read_bytes()).hexdigest()
    assert [p.name for p in tmp_path.iterdir()] == ["a.mcap"]


def test_other_peoples_readers_can_read_it(tmp_path: Path) -> None:
    final = tmp_path / "a.mcap"
    write_final(final)
    with final.open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        assert reader.get_header().profile == "biofeedback/1"
        ticks = list(reader.iter_messages(topics=["/tick"]))
        assert len(ticks) == 30
        schema, channel, message = ticks[-1]
        assert schema is not None
        assert (schema.name, schema.encoding) == ("Tick", "jsonschema")
        assert channel.metadata["role"] == "input"
        assert message.log_time == STARTED_UTC_NS + 29 * NS_PER_S + 1
        assert message.data == b"{}"
        (_, raw, first), *_ = reader.iter_messages(topics=["/ble/strap/2a37"])
        assert raw.message_encoding == "x-ble-notification"
        assert first.data[:2] == b"\x10\x48"
        names = {attachment.name for attachment in reader.iter_attachments()}
        assert names == {"README.txt", "summary.json"}
        metadata = {record.name for record in reader.iter_metadata()}
        assert metadata == {"session", "software", "topic"}


@pytest.mark.parametrize("steps", range(5))
def test_a_kill_between_steps_leaves_one_good_copy(tmp_path: Path, steps: int) -> None:
    part, final = tmp_path / "a.mcap.part", tmp_path / "a.mcap"
    write_part(part)
    before = open_recording(part).survey()
    compaction = Compaction(part, final)
    for step in (
        compaction.write,
        compaction.check,
        compaction.publish,
        compaction.tidy,
    )[:steps]:
        step()
    good = [p for p in (part, final) if p.exists()]
    assert all(open_recording(p).survey() == before for p in good)
    reports = recover_all(tmp_path, at=AT)
    assert len(reports) == (steps < 4)
    assert [p.name for p in tmp_path.iterdir()] == ["a.mcap"]
    assert open_recording(final).survey() == before


def test_a_torn_temporary_file_is_written_anew(tmp_path: Path) -> None:
    part, final = tmp_path / "a.mcap.part", tmp_path / "a.mcap"
    write_part(part)
    (tmp_path / "a.mcap.tmp").write_bytes(b"\x89MCAP0\r\nhalf")
    compact(part, final)
    assert open_recording(final).complete
    assert [p.name for p in tmp_path.iterdir()] == ["a.mcap"]


def test_another_recording_is_never_replaced(tmp_path: Path) -> None:
    part, final = tmp_path / "a.mcap.part", tmp_path / "a.mcap"
    write_final(final, seconds=3)
    theirs = final.read_bytes()
    write_part(part, seconds=4)
    with pytest.raises(RecordingError, match="another recording named"):
        compact(part, final)
    assert final.read_bytes() == theirs
    assert open_recording(part).survey().n_records == 12


def test_a_running_recording_is_left_alone(tmp_path: Path) -> None:
    part, final = tmp_path / "a.mcap.part", tmp_path / "a.mcap"
    writer = new_writer(part)
    writer.message(1, 0, "event", b"{}")
    with pytest.raises(RecordingError, match="running session"):
        compact(part, final)
    assert recover_all(tmp_path, at=AT) == ()
    writer.message(2, 0, "event", b"{}")
    writer.close()
    assert compact(part, final).n_records == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps open files itself.")
def test_a_recording_that_just_begins_is_left_alone(tmp_path: Path) -> None:
    part = tmp_path / "a.mcap.part"
    with part.open("wb") as beginning:
        assert durable.lock(beginning.fileno())
        assert recover_all(tmp_path, at=AT) == ()
        assert part.exists()
    (report,) = recover_all(tmp_path, at=AT)
    assert report.path.name == "a.mcap.part.damaged"


def test_only_what_was_there_before_is_recovered(tmp_path: Path) -> None:
    old, new = tmp_path / "a.mcap.part", tmp_path / "b.mcap.part"
    write_part(old)
    parts = find_parts(tmp_path)
    new.touch()
    (tmp_path / "gone.mcap.part").touch()
    gone = find_parts(tmp_path)[-1]
    gone.unlink()
    (report,) = recover_parts((*parts, gone), at=AT)
    assert report.path.name == "a.mcap"
    assert new.exists()


def test_recovery_finishes_what_a_crash_left(tmp_path: Path) -> None:
    folder = tmp_path / "recordings" / "2026" / "11"
    part = folder / "a.mcap.part"
    write_part(part)
    whole = part.read_bytes()
    part.write_bytes(whole[:-20])
    write_final(folder / "closed.mcap", seconds=3)
    (report,) = recover_all(tmp_path, at=AT)
    assert report.path == folder / "a.mcap"
    assert report.session_id == INFO.id
    assert report.n_records == 87
    assert report.lost_bytes > 0
    assert "its last moment" in report.sentence
    recording = open_recording(report.path)
    assert recording.complete
    assert recording.recovery == {
        "recovered_at": "2026-11-22T20:00:00+00:00",
        "tool": "biofeedback recover",
        "records_kept": "87",
        "bytes_lost": str(report.lost_bytes),
        "sequences_missing": "",
    }
    assert recording.survey().last == 87
    assert recover_all(tmp_path, at=AT) == ()


def test_recovery_goes_on_after_damage_and_says_what_is_missing(tmp_path: Path) -> None:
    part = tmp_path / "a.mcap.part"
    write_part(part, seconds=60)
    whole = bytearray(part.read_bytes())
    whole[chunks(bytes(whole))[44].end - 20] ^= 0x10  # in what is compressed
    part.write_bytes(whole)
    (report,) = recover_all(tmp_path, at=AT)
    ((first, last),) = report.missing
    assert last - first == 2
    assert report.n_records == 180 - 3
    assert "3 records in it were damaged" in report.sentence
    assert report.path is not None
    recording = open_recording(report.path)
    assert recording.survey().missing == report.missing
    assert recording.recovery is not None
    assert recording.recovery["sequences_missing"] == f"{first}-{last}"


def test_what_cannot_be_read_is_set_aside_not_removed(tmp_path: Path) -> None:
    empty = tmp_path / "a.mcap.part"
    empty.touch()
    foreign = tmp_path / "b.mcap.part"
    foreign.write_bytes(b"something else entirely")
    reports = recover_all(tmp_path, at=AT)
    assert [r.session_id for r in reports] == [None, None]
    assert [r.path.name for r in reports] == [
        "a.mcap.part.damaged",
        "b.mcap.part.damaged",
    ]
    assert reports[1].path.read_bytes() == b"something else entirely"
    assert all("The file is kept as" in r.sentence for r in reports)
    assert recover_all(tmp_path, at=AT) == ()


def test_a_taken_name_leaves_the_journal_as_it_is(tmp_path: Path) -> None:
    part, final = tmp_path / "a.mcap.part", tmp_path / "a.mcap"
    write_final(final, seconds=3)
    write_part(part, seconds=4)
    (report,) = recover_all(tmp_path, at=AT)
    assert report.session_id is None
    assert report.path == part
    assert "another recording named" in report.sentence
    assert open_recording(part).survey().n_records == 12
    assert open_recording(final).survey().n_records == 9


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file size limit.")
def test_a_disk_too_full_to_close_keeps_the_journal(tmp_path: Path) -> None:
    part = tmp_path / "a.mcap.part"
    write_part(part)
    before = part.read_bytes()
    told = subprocess.run(
        [sys.executable, "-c", FULL, str(part)],
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    ).stdout
    assert "a.mcap could not be finished; a.mcap.part still holds everything" in told
    assert [p.name for p in tmp_path.iterdir()] == ["a.mcap.part"]
    assert part.read_bytes() == before


FULL = """
import resource, sys
from pathlib import Path
from biofeedback.errors import RecordingError
from biofeedback.recording.compaction import compact

resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))
part = Path(sys.argv[1])
try:
    compact(part, part.with_suffix(""))
except RecordingError as error:
    sys.stdout.write(str(error))
"""


def test_no_folder_no_recovery(tmp_path: Path) -> None:
    assert recover_all(tmp_path / "absent", at=AT) == ()
