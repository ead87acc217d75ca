"""Erasing leaves a date behind and nothing else, wherever it was cut off."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from biofeedback.errors import NotSoError
from biofeedback.recording.names import KEY_NAME, device_key
from biofeedback.recording.reader import open_recording
from biofeedback.service.cataloguing import rebuild
from biofeedback.store import (
    DiaryRow,
    EstimateRow,
    Person,
    PractisedRow,
    RatingRow,
    SessionRow,
    SignInRow,
    Store,
    StoreError,
    erasing,
)
from biofeedback.store.engine import DATABASE_NAME
from biofeedback.store.erasing import MARKER_NAME, erase, finish_erasing
from biofeedback.store.lock import LOCK_NAME
from tests.postgres import PostgresServer
from tests.store.conftest import Place

EXAMPLES = Path(__file__).parents[2] / "recordings/examples"
NOW_NS = 1_795_800_000_000_000_000
NOTE = "Mother rang; my back burnt like a Wednesday"
TABLES = (
    *("people", "sessions", "recordings", "ratings", "practised", "diary"),
    *("estimates", "sign_ins"),
)


@pytest.fixture(scope="module")
def practised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with two sessions; reading them takes a while."""
    data = tmp_path_factory.mktemp("practised")
    folder = data / "recordings/2026/11"
    folder.mkdir(parents=True)
    for name in ("calm", "ectopic"):
        id = open_recording(EXAMPLES / f"{name}.mcap").info.id
        shutil.copy(EXAMPLES / f"{name}.mcap", folder / f"{id}.mcap")
    store = Store(data, now_ns=lambda: NOW_NS)
    rebuild(store)
    store.close()
    return data


@pytest.fixture(scope="module")
def practised_elsewhere(
    practised: Path, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Return the same in PostgreSQL, to make others of."""
    data = tmp_path_factory.mktemp("elsewhere")
    shutil.copytree(practised, data, dirs_exist_ok=True)
    database = postgres.fresh()
    store = Store(data, database, now_ns=lambda: NOW_NS)
    rebuild(store)
    store.close()
    return database


@pytest.fixture
def practising(place: Place, practised: Path, request: pytest.FixtureRequest) -> Place:
    """Return a place of each kind where somebody practised twice."""
    shutil.copytree(practised, place.data, dirs_exist_ok=True)
    if not place.is_shared:
        return place
    (place.data / DATABASE_NAME).unlink()
    server: PostgresServer = request.getfixturevalue("postgres")
    template = request.getfixturevalue("practised_elsewhere")
    return replace(place, database=server.copy(template))


@pytest.fixture
def store(practising: Place) -> Store:
    return practising.store(lambda: NOW_NS)


def filled(store: Store) -> tuple[Person, list[bytes]]:
    """Put something of a person into every table and beside every recording.

    Returns them and every word that must be gone in the end.
    """
    person = store.person()
    ids = [session.id for session in store.sessions_of(person.id)]
    store.add_to_diary(
        [
            DiaryRow(
                id=f"{number:026d}",
                person_id=person.id,
                occasion="day",
                group_id=f"{number:026d}",
                type="note",
                text=f"{NOTE} {number}",
                at_utc_ns=NOW_NS,
                utc_offset_s=0,
                kept_at_utc_ns=NOW_NS,
            )
            for number in range(300)  # enough for several pages
        ]
    )
    store.add_rating(
        RatingRow(
            id="R" * 26,
            session_id=ids[0],
            type="mood",
            value=4.0,
            unit="nrs_0_10",
            moment="after",
            at_utc_ns=NOW_NS,
            in_recording=False,
            prompt="How is your mood?",
        )
    )
    store.keep_practised(PractisedRow(session_id=ids[0], practice="zoom", minutes=3.0))
    store.keep_estimate(
        EstimateRow(
            session_id=ids[1],
            person_id=person.id,
            at_utc_ns=NOW_NS,
            rate_bpm=5.5,
            probability=0.8,
            rest_rr_ms=900.0,
            report="{}",
        )
    )
    store.add_sign_in(
        SignInRow(
            token_sha256="c0ffee" * 10,
            person_id=person.id,
            created_at_utc_ns=NOW_NS,
            last_seen_utc_ns=NOW_NS,
            expires_at_utc_ns=NOW_NS,
        )
    )
    folder = store.data / "recordings/2026/11"
    (folder / f"{ids[0]}.labels.jsonl").write_text("a later judgement\n")
    (folder / f"{'0' * 26}.mcap.part").write_text(f"half a journal of {ids[0]}")
    device_key(store.data)
    words = [person.id, person.pseudonym, *ids, NOTE, "R" * 26, "c0ffee", "zoom"]
    return person, [word.encode() for word in words]


def left_of(data: Path, words: list[bytes]) -> list[tuple[str, bytes]]:
    """Return which words are found in which file: in its bytes or in its name."""
    found = []
    for path in data.rglob("*"):
        name = path.relative_to(data).as_posix().encode()
        content = path.read_bytes() if path.is_file() else b""
        found += [
            (path.name, word) for word in words if word in content or word in name
        ]
    return found


def left_in(place: Place, words: list[bytes]) -> list[tuple[str, bytes]]:
    """Return which words are found in which file, or in PostgreSQL."""
    shown = place.shown()
    there = [("PostgreSQL", word) for word in words if word in shown]
    return left_of(place.data, words) + there


def tombstones(place: Place) -> list[tuple[Any, ...]]:
    return place.run("SELECT id, erased_at_utc_ns FROM tombstones")


def test_no_byte_of_the_folder_tells_of_the_person(
    store: Store, practising: Place
) -> None:
    person, words = filled(store)
    assert len({word for _, word in left_in(practising, words)}) == len(words)
    done = erase(store, person.id)
    assert (done.n_sessions, done.n_files) == (2, 4)
    assert left_in(practising, words) == []
    ((id, erased_at),) = tombstones(practising)
    assert erased_at == NOW_NS
    assert len(id) == 64
    left = {path.name for path in store.data.iterdir()} - {LOCK_NAME}
    wal = f"{DATABASE_NAME}-wal"
    files = {DATABASE_NAME, wal, f"{DATABASE_NAME}-shm"}
    assert left == {"recordings"} | (set() if practising.is_shared else files)
    assert practising.is_shared or (store.data / wal).stat().st_size == 0
    assert list((store.data / "recordings").iterdir()) == []
    for table in TABLES:
        assert practising.run(f"SELECT count(*) FROM {table}") == [(0,)]


def test_erasing_twice_and_rebuilding_bring_nothing_back(
    store: Store, practising: Place
) -> None:
    person, words = filled(store)
    erase(store, person.id)
    with pytest.raises(NotSoError):
        erase(store, person.id)
    assert not finish_erasing(store)
    assert rebuild(store).n_recordings == 0
    assert left_in(practising, words) == []
    assert len(tombstones(practising)) == 1
    assert store.person().id != person.id  # somebody new may begin


Cut = Callable[..., object]


@pytest.mark.parametrize(
    "step", ["_remove_files", "_remove_rows", "_rewrite", "is_dir", "unlink"]
)
def test_what_was_cut_off_is_finished_by_the_next_start(
    store: Store, practising: Place, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is killed at each step: nothing after that line happens."""
    person, words = filled(store)

    class KilledError(BaseException):
        pass

    def killed(*_: object, **__: object) -> object:
        raise KilledError

    with monkeypatch.context() as patch:
        if step == "is_dir":  # between two files
            whole, seen = Path.unlink, []

            def second(path: Path, missing_ok: bool = False) -> None:
                seen.append(path)
                if len(seen) == 4:
                    raise KilledError
                whole(path, missing_ok=missing_ok)

            patch.setattr(Path, "unlink", second)
        elif step == "unlink":  # all is done but for the marker
            whole_unlink = Path.unlink

            def marker(path: Path, missing_ok: bool = False) -> None:
                if path.name == MARKER_NAME:
                    raise KilledError
                whole_unlink(path, missing_ok=missing_ok)

            patch.setattr(Path, "unlink", marker)
        else:
            patch.setattr(erasing, step, killed)
        with pytest.raises(KilledError):
            erase(store, person.id)
    marker_file = store.data / MARKER_NAME
    assert marker_file.exists()
    marked = marker_file.read_bytes()
    assert not any(word in marked for word in words)
    store.close()
    again = practising.store(lambda: NOW_NS)
    assert finish_erasing(again)
    assert left_in(practising, words) == []
    assert not marker_file.exists()
    assert len(tombstones(practising)) == 1
    again.close()


KILLED = """
import os, signal, sys
from pathlib import Path
from biofeedback.store import Store, erasing

step = getattr(erasing, sys.argv[2])

def then_killed(*arguments):
    step(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(erasing, sys.argv[2], then_killed)
erasing.erase(Store(Path(sys.argv[1]), *sys.argv[4:]), sys.argv[3])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_process_that_is_killed_within_the_transaction_loses_nothing_of_it(
    store: Store, practising: Place
) -> None:
    person, words = filled(store)
    store.close()
    arguments = [str(store.data), "_remove_rows", person.id]
    arguments += [practising.database] if practising.database else []
    child = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False)
    assert child.returncode == -signal.SIGKILL
    again = practising.store(lambda: NOW_NS)
    assert again.people() == (person,)  # the files are gone, the rows not yet
    assert list(store.data.rglob("*.mcap")) == []
    assert finish_erasing(again)
    assert left_in(practising, words) == []
    assert len(tombstones(practising)) == 1
    again.close()


def test_a_rebuild_after_a_cut_finishes_erasing_first(
    store: Store, practising: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, words = filled(store)
    with monkeypatch.context() as patch:
        patch.setattr(erasing, "_remove_files", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            erase(store, person.id)
    assert rebuild(store).n_recordings == 0
    assert left_in(practising, words) == []


def test_others_keep_all_that_is_theirs(store: Store, practising: Place) -> None:
    person, words = filled(store)
    other = store.person_called("somebody-else")
    folder = store.data / "recordings/2026/11"
    shutil.copy(EXAMPLES / "dropouts.mcap", folder / "theirs.mcap")
    theirs = SessionRow(
        id="S" * 26,
        person_id=other.id,
        plan="practice",
        source="simulated",
        simulated=True,
        strap_name="Simulated heart",
        started_at_utc_ns=NOW_NS,
    )
    store.add_session(theirs, "recordings/2026/11/theirs.mcap")
    erase(store, person.id)
    assert store.people() == (other,)
    assert store.session(theirs.id) == theirs
    assert (folder / "theirs.mcap").exists()
    assert (store.data / KEY_NAME).exists()  # it knows their strap again
    # The example's own pseudonym stands in it; of the person's own words none is left.
    mine = [word for word in words if word != person.pseudonym.encode()]
    assert left_in(practising, mine) == []


def test_what_only_sounds_like_the_person_is_not_theirs(
    store: Store, practising: Place
) -> None:
    person, _ = filled(store)
    folder = store.data / "recordings/2026/11"
    other = store.person_called("somebody-else")
    theirs = SessionRow(
        id="S" * 26,
        person_id=other.id,
        plan="practice",
        source="simulated",
        simulated=True,
        strap_name="Simulated heart",
        started_at_utc_ns=NOW_NS,
    )
    store.add_session(theirs)
    called = person.pseudonym
    kept = {
        folder / f"{theirs.id}.labels.jsonl": f"compared with {called}",
        folder / "unlisted.mcap.part": f'"{called}1", "{called}-2", "x_{called}"',
    }
    gone = {folder / "torn.mcap.part": f'"{called}1", "{called}"'}
    for path, content in (kept | gone).items():
        path.write_text(content)
    # A recording that only its content tells to be theirs, judged later.
    shutil.copy(EXAMPLES / "calm.mcap", folder / "copy.mcap")
    assert open_recording(folder / "copy.mcap").info.person == called
    (folder / "copy.labels.jsonl").write_text("a later judgement")
    # Two of the examples, one layer and half a journal of them; a copy and its layer.
    assert erase(store, person.id).n_files == 4 + 1 + 2
    assert {*folder.iterdir()} == {*kept}


def test_a_database_that_is_held_is_told_and_finished_later(
    practising: Place,
) -> None:
    if practising.is_shared:
        hasty = f"{practising.database}&options=-c%20lock_timeout%3D50ms"
        practising = replace(practising, database=hasty)
    store = practising.store(lambda: NOW_NS)
    person, words = filled(store)

    if not practising.is_shared:

        @event.listens_for(store._engine, "checkout")
        def hurry(connection: sqlite3.Connection, *_: object) -> None:
            connection.execute("PRAGMA busy_timeout=50")

    with practising.engine().connect() as reader:
        # Of what is not written here: whoever writes would wait for it.
        reader.exec_driver_sql("SELECT count(*) FROM clinics").all()
        with pytest.raises(StoreError, match="could not be written anew"):
            erase(store, person.id)
    assert finish_erasing(store)
    assert left_in(practising, words) == []
