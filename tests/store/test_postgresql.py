"""What a server does that a file does not: it is away, full, held, or killed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, event

from biofeedback.errors import BiofeedbackError, NotSoError, SettingsError
from biofeedback.store import RatingRow, Role, SessionRow, Store, StoreError
from biofeedback.store.engine import open_engine, reading, rewriting
from biofeedback.store.postgresql import WRITER_LOCK
from biofeedback.store.tables import HEAD
from biofeedback.store.upgrade import MIGRATIONS, current_version
from tests.postgres import PostgresServer, a_server

NOW_NS = 1_800_000_000_123_456_789
SESSION = "A" * 26
SOON = 60.0
"""Seconds: the patience of a test, on a machine that is busy."""


@pytest.fixture(scope="module")
def killable() -> Iterator[PostgresServer]:
    """A server of this file's own."""
    with a_server(max_connections="12") as server:
        yield server


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[str], Store]]:
    """Open stores that are closed in the end."""
    stores = []

    def open_at(database: str) -> Store:
        stores.append(Store(tmp_path / "data", database, now_ns=lambda: NOW_NS))
        return stores[-1]

    yield open_at
    for store in stores:
        store.close()


Opened = Callable[[str], Store]


def with_a_session(store: Store) -> Store:
    store.add_session(
        SessionRow(
            id=SESSION,
            person_id=store.person().id,
            plan="practice",
            source="simulated",
            simulated=True,
            strap_name="Simulated heart",
            started_at_utc_ns=NOW_NS,
        )
    )
    return store


def a_rating(id: str) -> RatingRow:
    return RatingRow(
        id=id,
        session_id=SESSION,
        type="mood",
        value=4.0,
        unit="nrs_0_10",
        moment="after",
        at_utc_ns=NOW_NS,
        in_recording=False,
    )


def hasty(database: str) -> str:
    """Return the URL of one who waits for no lock."""
    return f"{database}&options=-c%20lock_timeout%3D20ms"


@contextmanager
def held(database: str) -> Iterator[Connection]:
    """Be the one who decides, for as long as the block lasts."""
    engine = open_engine(Path(), database)
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")
            yield connection
    finally:
        engine.dispose()


class TestKilled:
    def test_what_was_answered_is_there_and_the_rest_said_so(
        self, killable: PostgresServer, opened: Opened
    ) -> None:
        """``kill -9`` of the whole server while four threads write, four times."""
        store = with_a_session(opened(killable.fresh()))
        kept: set[str] = set()
        refused: list[tuple[str, StoreError]] = []
        ending = threading.Event()
        enough = threading.Condition()

        def write(who: int) -> None:
            n = 0
            while not ending.is_set():
                n += 1
                id = f"R{who}-{n}"
                try:
                    store.add_rating(a_rating(id))
                    store.audit.add(actor=id, role="patient", action="rate")
                except StoreError as error:
                    refused.append((id, error))
                    back.wait(SOON)
                else:
                    with enough:
                        kept.add(id)
                        enough.notify_all()

        back = threading.Event()
        back.set()
        with ThreadPoolExecutor(4) as pool:
            writers = [pool.submit(write, who) for who in range(4)]
            for _ in range(4):
                with enough:
                    wanted = len(kept) + 20
                    assert enough.wait_for(lambda: len(kept) >= wanted, SOON)  # noqa: B023
                back.clear()
                killable.kill()
                with pytest.raises(StoreError, match="cannot be reached") as told:
                    store.people()
                assert "goes on by itself" in told.value.advice
                killable.start_again()
                back.set()
            with enough:
                wanted = len(kept) + 20  # it goes on by itself
                assert enough.wait_for(lambda: len(kept) >= wanted, SOON)
            ending.set()
            for writer in writers:
                writer.result(SOON)
        there = {rating.id for rating in store.ratings(SESSION)}
        assert kept <= there
        # Whoever was not answered does not know; nobody else's is there.
        assert there - kept <= {id for id, _ in refused}
        assert {error.message for _, error in refused} == {
            "The database server cannot be reached."
        }
        verdict = store.audit.verify()
        assert verdict.whole
        assert kept <= {row.actor for row in store.audit.newest(verdict.n_rows)}


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of 110 MB, half of which an empty server takes."""
    folder = Path(tempfile.mkdtemp(prefix="disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", "size=110m,mode=755", "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("Only root can make a small disk, and not in every container.")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
    folder.rmdir()


def test_a_full_disk_loses_nothing_and_is_left_behind(
    small_disk: Path, opened: Opened
) -> None:
    with a_server(small_disk) as server:
        store = with_a_session(opened(server.fresh()))
        left = shutil.disk_usage(small_disk).free - 300_000
        filling = small_disk / "filling"
        filling.write_bytes(bytes(left))
        kept: list[RatingRow] = []

        def fill() -> None:
            while len(kept) < 10_000:
                words = os.urandom(3000).hex()  # which do not get smaller
                rating = msgspec.structs.replace(
                    a_rating(f"R{len(kept)}"), prompt=words
                )
                store.add_rating(rating)
                kept.append(rating)

        with pytest.raises(StoreError, match="disk of the database server is full"):
            fill()
        assert len(store.ratings(SESSION)) == len(kept) > 0
        filling.unlink()
        store.add_rating(a_rating("there is room again"[:26]))
        assert len(store.ratings(SESSION)) == len(kept) + 1
        store.close()


class TestTold:
    """Every refusal is a sentence with advice, and no password in it."""

    @pytest.mark.parametrize(
        ("user", "password", "name", "sentence"),
        [
            ("asked", "hunter2", "", "does not know this user or password"),
            ("asked", "", "", "does not know this user or password"),
            ("somebody", "hunter2", "", "does not know this user or password"),
            ("asked", "secret", "nowhere", "no such database"),
        ],
        ids=["wrong", "none", "nobody", "nowhere"],
    )
    def test_who_is_not_let_in(
        self,
        postgres: PostgresServer,
        tmp_path: Path,
        user: str,
        password: str,
        name: str,
        sentence: str,
    ) -> None:
        database = postgres.url(name or "postgres", user=user, password=password)
        with pytest.raises(StoreError, match=sentence) as told:
            Store(tmp_path, database)
        assert told.value.advice
        whole = "".join(traceback.format_exception(told.value))
        assert not password or f":{password}" not in whole

    @pytest.mark.parametrize("asked", ["sslmode=nonsense", "nonsense=1"])
    def test_the_address_asks_for_what_there_is_not(
        self, postgres: PostgresServer, tmp_path: Path, asked: str
    ) -> None:
        with pytest.raises(SettingsError, match="is not known") as told:
            Store(tmp_path, f"{postgres.empty()}&{asked}")
        assert "behind the '?'" in told.value.advice

    @pytest.mark.parametrize(
        ("said", "sentence"),
        [(b"N", "speaks no TLS"), (b"S", "not trusted")],
        ids=["no", "yes"],
    )
    def test_tls_that_is_not_to_be_had(
        self, tmp_path: Path, said: bytes, sentence: str
    ) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as server:
            port = server.getsockname()[1]

            def answer() -> None:
                while True:
                    try:
                        caller, _ = server.accept()
                    except OSError:  # it is over
                        return
                    with caller:
                        caller.recv(8)  # whether it speaks TLS
                        caller.sendall(said)

            threading.Thread(target=answer, daemon=True).start()
            where = f"sslmode=verify-full&sslrootcert={tmp_path / 'nowhere.crt'}"
            with pytest.raises(StoreError, match=sentence) as told:
                Store(tmp_path, f"postgresql://me@127.0.0.1:{port}/db?{where}")
            server.shutdown(socket.SHUT_RDWR)
        assert told.value.advice

    def test_nobody_answers(self, tmp_path: Path) -> None:
        password = "hunter2"
        for place in ("127.0.0.1:1", "nowhere.invalid"):
            with pytest.raises(StoreError, match="cannot be reached") as told:
                Store(tmp_path, f"postgresql://me:{password}@{place}/db")
            whole = "".join(traceback.format_exception(told.value))
            assert f":{password}" not in whole
            assert f"'{password}'" not in whole

    def test_too_many_ask(self, killable: PostgresServer, opened: Opened) -> None:
        store = opened(killable.fresh())
        store.close()  # with no connection of its own
        taken: list[psycopg.Connection] = []
        with pytest.raises(psycopg.OperationalError):
            while_there_is_room(killable, taken)
        with pytest.raises(StoreError, match="takes no more connections"):
            store.people()
        for connection in taken:
            connection.close()
        assert store.people() == ()

    def test_more_threads_than_connections(
        self, postgres: PostgresServer, opened: Opened
    ) -> None:
        store = with_a_session(opened(postgres.fresh()))
        with ThreadPoolExecutor(30) as pool:
            list(pool.map(lambda n: store.add_rating(a_rating(f"R{n}")), range(60)))
        assert len(store.ratings(SESSION)) == 60

    def test_a_server_that_only_follows(
        self, postgres: PostgresServer, opened: Opened
    ) -> None:
        database = postgres.fresh()
        option = "options=-c%20default_transaction_read_only%3Don"
        store = opened(f"{database}&{option}")
        assert store.people() == ()
        with pytest.raises(StoreError, match="only follows another"):
            store.person()

    @pytest.mark.parametrize(
        ("code", "sentence"),
        [
            ("53100", "disk of the database server is full"),
            ("53200", "no room"),
            ("42501", "not let this user"),
            ("42703", "not those of this version"),
            ("XX001", "cannot read its own disk"),
            ("57P01", "cannot be reached"),
            ("40P01", "held by another program"),
        ],
    )
    def test_what_the_server_says_in_codes(
        self, postgres: PostgresServer, opened: Opened, code: str, sentence: str
    ) -> None:
        database = postgres.fresh()
        store = with_a_session(opened(database))
        with store._engine.begin() as connection:
            connection.exec_driver_sql(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END$$"
            )
            connection.exec_driver_sql(
                "CREATE TRIGGER refuse BEFORE INSERT ON ratings "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse()"
            )
        with pytest.raises(StoreError, match=sentence) as told:
            store.add_rating(a_rating("R"))
        assert told.value.advice
        assert store.ratings(SESSION) == ()

    def test_what_is_too_long_or_too_large(
        self, postgres: PostgresServer, opened: Opened
    ) -> None:
        store = with_a_session(opened(postgres.fresh()))
        with pytest.raises(SettingsError, match="cannot be kept"):
            store.add_rating(a_rating("R" * 27))
        assert store.find_session("Z" * 99) is None
        with pytest.raises(SettingsError, match="cannot be kept"):
            store.find_session("Z\0")

    def test_a_database_that_cannot_hold_every_text(
        self, postgres: PostgresServer, tmp_path: Path
    ) -> None:
        postgres.execute(
            "CREATE DATABASE ascii OWNER biofeedback TEMPLATE template0 "
            "ENCODING SQL_ASCII LOCALE_PROVIDER libc LOCALE 'C'"
        )
        with pytest.raises(StoreError, match="encoding is SQL_ASCII") as told:
            Store(tmp_path, postgres.url("ascii"))
        assert "createdb --encoding=UTF8" in told.value.advice


def while_there_is_room(
    server: PostgresServer, taken: list[psycopg.Connection]
) -> None:
    while True:
        taken.append(psycopg.connect(server.url("postgres")))


class TestTogether:
    def test_only_who_decides_waits(
        self, postgres: PostgresServer, opened: Opened
    ) -> None:
        database = postgres.fresh()
        store = with_a_session(opened(hasty(database)))
        with held(database):
            store.add_rating(a_rating("R"))
            store.close_session(SESSION, ended_at_utc_ns=NOW_NS)
            assert store.ratings(SESSION)
            with pytest.raises(StoreError, match="held by another program"):
                store.audit.add(actor="a", role="admin", action="look")
        store.audit.add(actor="a", role="admin", action="look")

    def test_a_read_sees_one_moment(
        self, postgres: PostgresServer, opened: Opened
    ) -> None:
        store = with_a_session(opened(postgres.fresh()))
        with reading(store._engine) as connection:
            count = "SELECT count(*) FROM ratings"
            assert connection.exec_driver_sql(count).scalar() == 0
            store.add_rating(a_rating("R"))
            assert connection.exec_driver_sql(count).scalar() == 0
        assert len(store.ratings(SESSION)) == 1

    def test_an_admin_is_left_whoever_ends_whom(
        self, postgres: PostgresServer, opened: Opened
    ) -> None:
        """Each may see the other as the one who stays: one of them waits instead."""
        database = postgres.fresh()
        nodes = opened(database), opened(database)
        two = [
            nodes[0].accounts.add(name=name, display=name, role=Role.ADMIN)
            for name in ("ada", "eve")
        ]
        at_once = threading.Barrier(2)

        def end(n: int) -> bool:
            at_once.wait(SOON)
            try:
                nodes[n].accounts.revoke(two[n].id)
            except NotSoError:
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(end, range(2)))
        assert sorted(done) == [False, True]
        assert nodes[0].accounts.any(Role.ADMIN)

    @pytest.mark.parametrize("was", [None, "0001"], ids=["empty", "old"])
    def test_nodes_that_start_at_once_migrate_once(
        self, postgres: PostgresServer, opened: Opened, was: str | None
    ) -> None:
        database = postgres.empty()
        if was is not None:
            with_a_session(opened(database)).close()
            engine = open_engine(Path(), database)
            with rewriting(engine) as connection:
                config = Config()
                config.set_main_option("script_location", str(MIGRATIONS))
                config.set_main_option("path_separator", "os")
                config.attributes["connection"] = connection
                command.downgrade(config, was)
            assert current_version(engine) == was
            engine.dispose()
        at_once = threading.Barrier(4)

        def start(_: int) -> str:
            at_once.wait(SOON)
            return opened(database).person().id

        with ThreadPoolExecutor(4) as pool:
            people = set(pool.map(start, range(4)))
        assert len(people) == 1
        store = opened(database)
        assert current_version(store._engine) == HEAD
        assert len(store.sessions()) == (0 if was is None else 1)

    def test_what_is_added_while_somebody_is_erased_goes_too(
        self, postgres: PostgresServer, opened: Opened
    ) -> None:
        """Another node adds a rating in the middle of it: it is refused, or erased."""
        from biofeedback.store.erasing import erase

        database = postgres.fresh()
        here, there = opened(database), with_a_session(opened(database))
        person = here.person()
        added: list[BiofeedbackError | Exception | None] = []
        begun = threading.Event()

        def add() -> None:
            begun.set()
            try:
                there.add_rating(a_rating("R"))
                added.append(None)
            except Exception as error:
                added.append(error)

        adding = threading.Thread(target=add)

        @event.listens_for(here._engine, "before_cursor_execute")
        def in_between(_: object, __: object, statement: str, *___: object) -> None:
            if statement.startswith("DELETE FROM ratings") and not begun.is_set():
                adding.start()
                begun.wait(SOON)

        erase(here, person.id)
        adding.join(SOON)
        assert len(added) == 1
        assert here.people() == ()
        with reading(here._engine) as connection:
            left = connection.exec_driver_sql("SELECT count(*) FROM ratings").scalar()
        assert left == 0


def test_it_is_as_durable_and_as_strict_as_sqlite(
    postgres: PostgresServer, opened: Opened
) -> None:
    store = opened(postgres.fresh())
    wanted = {
        "synchronous_commit": "on",
        "lock_timeout": "5s",
        "statement_timeout": "30s",
        "idle_in_transaction_session_timeout": "30s",
        "client_encoding": "UTF8",
        "application_name": "biofeedback",
        "transaction_isolation": "repeatable read",
        "transaction_read_only": "on",
    }
    with reading(store._engine) as connection:
        for name, value in wanted.items():
            assert connection.exec_driver_sql(f"SHOW {name}").scalar() == value, name


def python(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_nobody_needs_its_package_who_does_not_use_it(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from biofeedback.store import Store; "
        "Store(pathlib.Path(sys.argv[1])).person(); print('psycopg' in sys.modules)"
    )
    assert python(code, str(tmp_path)) == "False\n"


def test_whoever_lacks_it_is_told_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; sys.modules['psycopg'] = None\n"
        "from biofeedback.store import Store\n"
        "try: Store(pathlib.Path(sys.argv[1]), 'postgresql://me@nowhere/db')\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    told = python(code, str(tmp_path))
    assert told.startswith("PackageError ")
    assert "pip install 'biofeedback[postgres]'" in told
