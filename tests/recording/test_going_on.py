"""A journal that was cut off is gone on with; entries are appended as they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biofeedback.errors import RecordingError
from biofeedback.model import AnyRecord, Notification, Tick
from biofeedback.recording.compaction import compact
from biofeedback.recording.format import Channel, Role, Stored
from biofeedback.recording.reader import open_recording
from biofeedback.recording.writer import RecordingWriter
from tests.recording.samples import INFO, new_writer, write_final, write_part


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("original") / "a.mcap.part"
    write_part(path, seconds=12)
    return path


def copied(path: Path, entries: list[Stored]) -> None:
    writer = new_writer(path)
    for stored in entries:
        writer.append(stored)
    writer.close()


def test_a_copy_of_the_entries_is_the_same_recording(
    original: Path, tmp_path: Path
) -> None:
    source = open_recording(original)
    copied(tmp_path / "b.mcap.part", list(source.all()))
    copy = open_recording(tmp_path / "b.mcap.part")
    assert copy.survey() == source.survey()
    assert list(copy.all()) == list(source.all())
    compact(tmp_path / "b.mcap.part", tmp_path / "b.mcap")
    finished = open_recording(tmp_path / "b.mcap")
    assert finished.survey().content_sha256 == source.survey().content_sha256


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(cut=st.floats(0, 1), times=st.integers(1, 3))
def test_wherever_it_was_cut_the_rest_makes_it_the_same(
    original: Path, tmp_path_factory: pytest.TempPathFactory, cut: float, times: int
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    path = folder / "a.mcap.part"
    whole = original.read_bytes()
    entries = list(open_recording(original).all())
    empty = folder / "empty.mcap.part"
    new_writer(empty).close()
    least = len(empty.read_bytes())  # without its beginning there is nothing to go on
    path.write_bytes(whole[: least + round(cut * (len(whole) - least))])
    for _ in range(times):
        met: list[Stored] = []
        writer = RecordingWriter.going_on(path, met.append)
        assert met == entries[: writer.last]
        assert writer.safe == writer.last == len(met)
        for stored in entries[writer.last : writer.last + 8]:
            writer.append(stored)
        writer.close()
        with path.open("ab") as file:
            file.write(b"\x06torn")
    writer = RecordingWriter.going_on(path)
    for stored in entries[writer.last :]:
        writer.append(stored)
    writer.close()
    copy = open_recording(path)
    assert copy.survey() == open_recording(original).survey()
    compact(path, folder / "a.mcap")
    sha256 = open_recording(folder / "a.mcap").survey().content_sha256
    assert sha256 == open_recording(original).survey().content_sha256


def test_it_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap.part"
    records = write_part(path, seconds=3)
    writer = RecordingWriter.going_on(path)
    assert writer.info == INFO
    strap = Notification(t_ns=9, source="strap", characteristic="2a37", data=b"\0")
    added: tuple[AnyRecord, ...] = (strap, Tick(t_ns=10))
    for number, record in enumerate(added, writer.last + 1):
        writer.record(number, record)
    writer.close()
    inputs = [record for _, record in open_recording(path).inputs()]
    assert inputs == [*records, *added]


def test_at_rest_it_holds_no_file_and_goes_on(original: Path, tmp_path: Path) -> None:
    entries = list(open_recording(original).all())
    path = tmp_path / "a.mcap.part"
    writer = new_writer(path)
    for stored in entries:
        writer.append(stored)
        writer.sync()
        writer.rest()
        assert not _is_open(path)
    writer.close()
    assert open_recording(path).survey() == open_recording(original).survey()


def test_one_that_is_being_synced_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap.part"
    writer = new_writer(path)
    with writer._syncing:  # a slow disk, in another thread
        writer.rest()
        assert _is_open(path) or not Path("/proc/self/fd").is_dir()
    writer.rest()
    assert not _is_open(path)
    writer.close()


def _is_open(path: Path) -> bool:
    files = Path("/proc/self/fd")
    if not files.is_dir():
        return False
    return any(one.is_symlink() and one.resolve() == path for one in files.iterdir())


def test_what_somebody_else_wrote_meanwhile_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap.part"
    writer = new_writer(path)
    writer.rest()
    with path.open("ab") as file:
        file.write(b"x")
    writer.record(1, Tick(t_ns=0))
    for _ in range(2):  # the second time too it is the disk that refused
        with pytest.raises(RecordingError, match="written any further") as refused:
            writer.sync()
        assert isinstance(refused.value.__cause__, OSError)


def test_gaps_of_the_original_are_gaps_of_the_copy(
    original: Path, tmp_path: Path
) -> None:
    entries = list(open_recording(original).all())
    path = tmp_path / "a.mcap.part"
    writer = new_writer(path)
    writer.append(entries[0])
    with pytest.raises(ValueError, match="does not follow"):
        writer.append(entries[4])
    writer.append(entries[4], after_gap=True)
    writer.close()
    writer = RecordingWriter.going_on(path)
    assert writer.last == 5
    writer.append(entries[5])
    writer.close()
    survey = open_recording(path).survey(salvage=True)
    assert (survey.n_records, survey.missing) == (3, ((2, 4),))


def test_a_topic_of_a_newer_version_is_kept(tmp_path: Path) -> None:
    newer = Channel(topic="/new", role=Role.INPUT, encoding="json", type="Newer")
    copied(tmp_path / "a.mcap.part", [Stored(1, newer, 0, b"{}")])
    compact(tmp_path / "a.mcap.part", tmp_path / "a.mcap")
    (stored,) = open_recording(tmp_path / "a.mcap").all()
    assert stored.channel == newer


def test_records_of_the_beginning_are_copied_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap.part"
    session = {**open_session(tmp_path), "practice.posture": "lying", "later": "yes"}
    software = {"biofeedback": "9.9", "platform": "Home"}
    RecordingWriter(
        path,
        INFO,
        metadata={"session": session, "software": software},
        min_free_bytes=0,
    ).close()
    RecordingWriter.going_on(path).close()
    compact(path, tmp_path / "a.mcap")
    finished = open_recording(tmp_path / "a.mcap")
    assert finished.session == session
    assert finished.software == software


def open_session(folder: Path) -> dict[str, str]:
    new_writer(folder / "session.mcap.part").close()
    return dict(open_recording(folder / "session.mcap.part").session)


def test_what_cannot_be_gone_on_with_is_left_as_it_is(tmp_path: Path) -> None:
    finished, damaged = tmp_path / "a.mcap", tmp_path / "b.mcap.part"
    write_final(finished)
    write_part(damaged)
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 0xFF
    damaged.write_bytes(data)
    empty, absent = tmp_path / "c.mcap.part", tmp_path / "d.mcap.part"
    empty.touch()
    running = new_writer(tmp_path / "e.mcap.part")
    for path, why in (
        (finished, "is finished"),
        (damaged, "is damaged before its end"),
        (empty, "is empty"),
        (absent, "could not be gone on with"),
        (running.path, "is being written"),
    ):
        before = path.read_bytes() if path.exists() else None
        with pytest.raises(RecordingError, match=why):
            RecordingWriter.going_on(path)
        assert (path.read_bytes() if path.exists() else None) == before
    running.close()
