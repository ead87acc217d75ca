"""The store on SQLite and PostgreSQL: what it keeps, and says when it cannot."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
import threading
from pathlib import Path

import msgspec
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event, inspect
from sqlalchemy.exc import IntegrityError

from biofeedback.errors import NotSoError, SettingsError
from biofeedback.store import (
    LossReport,
    RatingRow,
    RecordingRow,
    SessionRow,
    SessionState,
    SignInRow,
    Store,
    StoreError,
)
from biofeedback.store.engine import DATABASE_NAME, rewriting
from biofeedback.store.tables import HEAD, metadata
from biofeedback.store.upgrade import MIGRATIONS
from tests.store.conftest import Place

STARTED_NS = 1_800_000_000_123_456_789


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def a_session(store: Store, id: str, *, started_ns: int = STARTED_NS) -> SessionRow:
    return SessionRow(
        id=id,
        person_id=store.person().id,
        plan="practice",
        source="simulated",
        simulated=True,
        strap_name="Simulated heart",
        started_at_utc_ns=started_ns,
    )


def a_rating(id: str, session_id: str, **changes: object) -> RatingRow:
    values: dict[str, object] = {
        "id": id,
        "session_id": session_id,
        "type": "pain_intensity",
        "value": 6.0,
        "unit": "nrs_0_10",
        "moment": "before",
        "prompt": "How intense is your pain right now?",
        "latency_ms": 2100,
        "device": "phone",
        "at_utc_ns": STARTED_NS + 1,
        "in_recording": True,
        "t_ms": 1234.5,
        **changes,
    }
    return RatingRow(**values)  # type: ignore[arg-type]


class TestFile:
    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
    def test_nobody_else_can_read_it(self, data: Path) -> None:
        store = Store(data)
        store.person()
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        for file in data.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name
        store.close()

    def test_every_connection_is_durable_and_strict(self, data: Path) -> None:
        store = Store(data)
        wanted = {
            "journal_mode": "wal",
            "synchronous": 2,
            "foreign_keys": 1,
            "busy_timeout": 5000,
            "trusted_schema": 0,
        }
        with store._engine.connect() as one, store._engine.connect() as two:
            for connection in (one, two):
                for pragma, value in wanted.items():
                    got = connection.exec_driver_sql(f"PRAGMA {pragma}").scalar()
                    assert got == value, pragma
        store.close()

    def test_it_is_where_it_was_asked_for(self, tmp_path: Path) -> None:
        data = tmp_path / "what? 100% & #1"
        store = Store(data)
        assert store.person() in store.people()
        store.close()
        assert (data / DATABASE_NAME).stat().st_size > 0
        assert [path.name for path in tmp_path.iterdir()] == [data.name]

    def test_what_was_kept_is_there_after_reopening(self, place: Place) -> None:
        first = place.store()
        person = first.person()
        first.close()
        assert place.store().people() == (person,)


class TestMigrations:
    def test_head_is_the_newest_migration(self) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.set_main_option("path_separator", "os")
        assert ScriptDirectory.from_config(config).get_current_head() == HEAD

    def test_migrations_lead_to_the_tables(self, store: Store) -> None:
        with store._engine.connect() as connection:
            context = MigrationContext.configure(connection)
            assert compare_metadata(context, metadata) == []

    def test_a_fresh_database_takes_imported_sessions(self, store: Store) -> None:
        session = a_session(store, "A" * 26)
        imported = msgspec.structs.replace(session, source="imported")
        store.add_session(imported)
        assert store.session(session.id) == imported

    def test_an_older_database_keeps_what_it_holds(self, place: Place) -> None:
        store = place.store()
        session = a_session(store, "A" * 26)
        store.add_session(session, "recordings/2027/01/A.mcap")
        store.close()
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.set_main_option("path_separator", "os")
        with rewriting(place.engine()) as connection:
            config.attributes["connection"] = connection
            command.downgrade(config, "0001")
            columns = {c["name"] for c in inspect(connection).get_columns("recordings")}
            assert "quality" not in columns
        again = place.store()
        assert again.session(session.id) == session
        assert again.recording(session.id) is not None
        imported = msgspec.structs.replace(session, id="B" * 26, source="imported")
        again.add_session(imported)
        assert again.session("B" * 26).source == "imported"
        with pytest.raises(IntegrityError):  # references are checked as before
            again.add_session(
                msgspec.structs.replace(session, id="C" * 26, person_id="nobody")
            )
        with again._engine.connect() as connection:
            context = MigrationContext.configure(connection)
            assert compare_metadata(context, metadata) == []

    def test_a_newer_database_is_refused(self, place: Place) -> None:
        place.store().close()
        place.run("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(StoreError, match="newer version") as told:
            place.store()
        assert "Update" in told.value.advice


class TestPeople:
    def test_the_first_person_is_made_once(self, store: Store) -> None:
        found: list[str] = []
        ask = threading.Barrier(8)

        def first() -> None:
            ask.wait()
            found.append(store.person().id)

        threads = [threading.Thread(target=first) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 8
        assert len(set(found)) == 1
        assert len(store.people()) == 1

    def test_an_unknown_person_is_said_to_be_so(self, store: Store) -> None:
        with pytest.raises(NotSoError, match="Nobody"):
            store.person("01J0000000000000000000000X")


class TestSessions:
    def test_a_life(self, store: Store) -> None:
        session = a_session(store, "A" * 26)
        store.add_session(session, "recordings/2027/01/A.mcap")
        assert store.session(session.id) == session
        assert store.recording(session.id) == RecordingRow(
            session_id=session.id,
            path="recordings/2027/01/A.mcap",
            state=SessionState.LIVE,
        )
        store.close_session(session.id, ended_at_utc_ns=STARTED_NS + 60)
        store.close_session(session.id, ended_at_utc_ns=STARTED_NS + 90)
        closing = store.session(session.id)
        assert closing.state is SessionState.CLOSING
        assert closing.ended_at_utc_ns == STARTED_NS + 60, "the first end counts"
        recording = RecordingRow(
            session_id=session.id,
            path="recordings/2027/01/A.mcap",
            state=SessionState.RECOVERED,
            size_bytes=4096,
            n_records=99,
            sha256="0" * 64,
            loss=LossReport(sentence="The last second is lost.", lost_bytes=17),
        )
        store.finish_session(session.id, SessionState.RECOVERED, recording=recording)
        assert store.session(session.id).state is SessionState.RECOVERED
        assert store.recording(session.id) == recording

    def test_newest_first_and_by_state(self, store: Store) -> None:
        for n, letter in enumerate("ABC"):
            session = a_session(store, letter * 26, started_ns=STARTED_NS + n)
            store.add_session(session)
        store.close_session("B" * 26, ended_at_utc_ns=STARTED_NS + 9)
        assert [s.id[0] for s in store.sessions()] == ["C", "B", "A"]
        assert [s.id[0] for s in store.sessions(SessionState.LIVE)] == ["C", "A"]
        assert {s.id[0] for s in store.unfinished()} == {"A", "B", "C"}
        store.finish_session("A" * 26, SessionState.COMPLETE)
        assert {s.id[0] for s in store.unfinished()} == {"B", "C"}

    def test_an_unknown_session(self, store: Store) -> None:
        with pytest.raises(NotSoError, match="no such session"):
            store.session("Z" * 26)
        assert store.find_session("Z" * 26) is None


class TestRatings:
    def test_they_come_back_as_given_and_in_order(self, store: Store) -> None:
        store.add_session(a_session(store, "A" * 26))
        early = a_rating("R1", "A" * 26)
        late = a_rating(
            "R0",
            "A" * 26,
            type="arousal",
            value=3.0,
            unit="sam_1_9",
            moment="after",
            at_utc_ns=STARTED_NS + 2,
            in_recording=False,
            t_ms=None,
            prompt=None,
            latency_ms=None,
            device=None,
        )
        store.add_rating(late)
        store.add_rating(early)
        assert store.ratings("A" * 26) == (early, late)

    def test_a_rating_needs_its_session(self, store: Store) -> None:
        from sqlalchemy.exc import IntegrityError

        with pytest.raises(IntegrityError):
            store.add_rating(a_rating("R", "Z" * 26))


class TestSignIns:
    def test_seen_and_revoked(self, place: Place) -> None:
        now_ns = [STARTED_NS]
        store = place.store(lambda: now_ns[0])
        row = SignInRow(
            token_sha256="f" * 64,
            person_id=store.person().id,
            created_at_utc_ns=STARTED_NS,
            last_seen_utc_ns=STARTED_NS,
            expires_at_utc_ns=STARTED_NS + 10,
        )
        store.add_sign_in(row)
        assert store.sign_in("f" * 64) == row
        assert store.sign_in("e" * 64) is None
        now_ns[0] += 5
        store.see_sign_in("f" * 64)
        store.revoke_sign_in("f" * 64)
        seen = store.sign_in("f" * 64)
        assert seen is not None
        assert seen.last_seen_utc_ns == STARTED_NS + 5
        assert seen.revoked_at_utc_ns == STARTED_NS + 5


class TestText:
    @pytest.mark.parametrize("sign", ["\0", "\ud83d"], ids=["nul", "half-a-sign"])
    def test_what_no_database_can_hold_is_told(self, store: Store, sign: str) -> None:
        store.add_session(a_session(store, "A" * 26))
        rating = a_rating("R", "A" * 26, prompt=f"How{sign} intense?")
        with pytest.raises(SettingsError, match="cannot be kept"):
            store.add_rating(rating)
        assert store.ratings("A" * 26) == ()

    def test_nobody_is_called_so(self, store: Store) -> None:
        assert store.accounts.named("a\0b") is None

    def test_every_other_sign_comes_back(self, store: Store) -> None:
        store.add_session(a_session(store, "A" * 26))
        text = "Grüße, שלום, 心拍変動, 🫁\n\t\x01'\"%s:a\\"
        rating = a_rating("R", "A" * 26, prompt=text, value=0.1 + 0.2)
        store.add_rating(rating)
        assert store.ratings("A" * 26) == (rating,)

    def test_numbers_are_not_rounded(self, place: Place) -> None:
        store = place.store(lambda: 2**63 - 1)
        person = store.person()
        assert place.store().person() == person
        assert person.created_at_utc_ns == 2**63 - 1


class TestTrouble:
    def test_a_full_disk_is_a_sentence_and_loses_nothing(self, data: Path) -> None:
        Store(data).close()
        store = Store(data)
        store.add_session(a_session(store, "A" * 26))

        def no_room(connection: sqlite3.Connection, _record: object) -> None:
            # SQLite's own way to say how large the file may grow.
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {pages}")

        event.listen(store._engine, "connect", no_room)
        store._engine.dispose()
        kept: list[RatingRow] = []

        def fill() -> None:
            while len(kept) < 10_000:
                prompt = "How intense is your pain right now? " * 20
                rating = a_rating(f"R{len(kept)}", "A" * 26, prompt=prompt)
                store.add_rating(rating)
                kept.append(rating)

        with pytest.raises(StoreError, match="disk is full") as told:
            fill()
        assert "Free some space" in told.value.advice
        assert told.value.exit_code == 1
        assert len(store.ratings("A" * 26)) == len(kept) > 0
        store.close()

    def test_a_damaged_database(self, data: Path) -> None:
        data.mkdir()
        (data / DATABASE_NAME).write_bytes(b"this is no database, alas" * 200)
        with pytest.raises(StoreError, match="damaged") as told:
            Store(data)
        assert "recordings" in told.value.advice

    def test_held_by_another_program(self, data: Path) -> None:
        store = Store(data)
        other = sqlite3.connect(data / DATABASE_NAME, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")

        def impatient(connection: sqlite3.Connection, _record: object) -> None:
            connection.execute("PRAGMA busy_timeout = 10")

        event.listen(store._engine, "connect", impatient)
        store._engine.dispose()
        with pytest.raises(StoreError, match="held by another program"):
            store.add_session(a_session(store, "A" * 26))
        other.execute("ROLLBACK")
        other.close()
        store.close()

    @pytest.mark.skipif(
        sys.platform == "win32" or os.geteuid() == 0,
        reason="Nothing is read-only for root, and modes differ on Windows.",
    )
    def test_a_folder_that_cannot_be_written(self, data: Path) -> None:
        data.mkdir(mode=0o500)
        with pytest.raises(StoreError, match="cannot be written"):
            Store(data)

    def test_a_file_in_place_of_the_folder(self, data: Path) -> None:
        data.write_text("not a folder")
        with pytest.raises(StoreError, match="data folder cannot be used"):
            Store(data)

    def test_a_write_that_comes_second_waits(self, store: Store) -> None:
        # Four threads read, then write: none may fail because another was first.
        store.add_session(a_session(store, "A" * 26))
        failed: list[BaseException] = []

        def rate(n: int) -> None:
            try:
                for k in range(5):
                    store.ratings("A" * 26)
                    store.add_rating(a_rating(f"R{n}-{k}", "A" * 26))
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=rate, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        assert len(store.ratings("A" * 26)) == 20
