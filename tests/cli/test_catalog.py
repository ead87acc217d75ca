"""The catalogue can be made anew from the files, and then says the same."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from biofeedback.recording.reader import open_recording
from biofeedback.service.cataloguing import quality_of, rebuild
from biofeedback.session.analysis import analyze_file
from biofeedback.session.importing import import_file
from biofeedback.store import SessionState, Store
from biofeedback.store.engine import DATABASE_NAME
from tests.cli.terminal import Terminal

EXAMPLES = Path(__file__).parents[2] / "recordings/examples"
NAMES = ("calm", "dropouts", "ectopic")
NOW_NS = 1_795_000_000_000_000_000


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "recordings/2026/11"
    folder.mkdir(parents=True)
    for name in NAMES:
        id = open_recording(EXAMPLES / f"{name}.mcap").info.id
        shutil.copy(EXAMPLES / f"{name}.mcap", folder / f"{id}.mcap")
    return tmp_path


@pytest.fixture
def store(data: Path) -> Iterator[Store]:
    store = Store(data, now_ns=lambda: NOW_NS)
    yield store
    store.close()


def listed(store: Store) -> tuple[object, ...]:
    sessions = store.sessions()
    ratings = [store.ratings(session.id) for session in sessions]
    return sessions, store.recordings(), ratings, store.people()


def test_what_the_files_say_is_listed(store: Store) -> None:
    found = rebuild(store)
    assert (found.n_recordings, found.n_ratings, found.refused) == (3, 21, ())
    for path in sorted((store.data / "recordings").rglob("*.mcap")):
        id = path.stem
        session, recording = store.session(id), store.recording(id)
        assert recording is not None
        assert session.simulated
        assert session.state is recording.state is SessionState.COMPLETE
        assert recording.size_bytes == path.stat().st_size
        assert recording.quality is not None
        analysis = analyze_file(path)
        for key in ("duration_s", "n_beats", "coverage", "artefact_pct", "suitable"):
            assert getattr(recording.quality, key) == analysis[key], key
        assert recording.quality.n_ratings == 7
        given = [rating.value for rating in store.ratings(id)]
        assert given == [entry["value"] for entry in analysis["ratings"]]
    (person,) = store.people()
    assert person.pseudonym == "example"


def test_a_second_time_changes_nothing(store: Store) -> None:
    rebuild(store)
    before = listed(store)
    rebuild(store)
    assert listed(store) == before


def test_gaps_are_counted(store: Store) -> None:
    qualities = {name: quality_of(EXAMPLES / f"{name}.mcap") for name in NAMES}
    assert qualities["calm"].n_gaps == 0
    assert qualities["dropouts"].n_gaps > 0


def test_a_lost_database_comes_back_from_the_files(
    data: Path, terminal: Terminal
) -> None:
    first = Store(data, now_ns=lambda: NOW_NS)
    rebuild(first)
    sessions, recordings = first.sessions(), first.recordings()
    first.close()
    for path in data.glob(f"{DATABASE_NAME}*"):
        path.unlink()
    said = terminal("catalog", "rebuild", "--data", data)
    assert (said.code, said.err) == (0, "")
    assert said.out == "3 recordings with 21 ratings are listed.\n"
    again = Store(data)
    assert [(s.id, s.started_at_utc_ns, s.ended_at_utc_ns) for s in sessions] == [
        (s.id, s.started_at_utc_ns, s.ended_at_utc_ns) for s in again.sessions()
    ]
    assert again.recordings() == recordings
    again.close()


def test_damage_and_what_is_gone_are_told(
    data: Path, store: Store, terminal: Terminal
) -> None:
    rebuild(store)
    damaged, gone, whole = sorted((data / "recordings").rglob("*.mcap"))
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    gone.unlink()
    (data / "recordings/notes.mcap").write_text("not a recording")
    store.close()
    said = terminal("catalog", "rebuild", "--data", data)
    assert said.code == 1
    assert said.out.startswith("1 recordings")
    assert "1 were listed, but their files are gone." in said.out
    assert damaged.name in said.err
    assert "notes.mcap" in said.err
    again = Store(data)
    assert again.session(whole.stem).state is SessionState.COMPLETE
    assert again.session(gone.stem).state is SessionState.FAILED
    again.close()


def test_files_may_have_changed_places(store: Store) -> None:
    rebuild(store)
    before = {s.id for s in store.sessions()}
    one, two, _ = sorted((store.data / "recordings").rglob("*.mcap"))
    other = one.with_name("other")
    one.rename(other)
    two.rename(one)
    other.rename(two)
    assert rebuild(store).refused == ()
    paths = {id: row.path for id, row in store.recordings().items()}
    assert set(paths) == before
    for id, path in paths.items():
        assert open_recording(store.data / path).info.id == id


def test_an_imported_session_is_listed_and_is_not_whose_computer_this_is(
    data: Path,
) -> None:
    text = data / "rr.txt"
    text.write_text("".join(f"{800 + 37 * k % 90}\n" for k in range(90)))
    import_file(text, data / "recordings/2026/01")
    store = Store(data)
    found = rebuild(store)
    assert (found.n_recordings, found.refused) == (4, ())
    assert store.person().pseudonym == "example"
    assert {session.source for session in store.sessions()} == {
        "simulated",
        "imported",
    }
    store.close()
