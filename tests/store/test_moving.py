"""All rows go from a laptop's SQLite into PostgreSQL, and back: all, or none."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from biofeedback.errors import NotSoError
from biofeedback.store import SessionRow, Store, StoreError
from biofeedback.store.engine import DATABASE_NAME, memory_engine, open_engine
from biofeedback.store.erasing import erase
from biofeedback.store.moving import TABLES, move
from tests.postgres import PostgresServer
from tests.store.everything import CHANGES, NOW_NS, answers, fill, methods


@pytest.fixture
def laptop(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "laptop", now_ns=lambda: NOW_NS)
    fill(store)
    erase(store, store.person_called("gone").id)
    yield store
    store.close()


@pytest.fixture
def empty(postgres: PostgresServer) -> str:
    return postgres.empty()


@pytest.fixture
def target(empty: str) -> Iterator[Engine]:
    engine = open_engine(Path(), empty)
    yield engine
    engine.dispose()


def dump_of(engine: Engine) -> list[str]:
    raw = engine.raw_connection()
    try:
        assert isinstance(raw.dbapi_connection, sqlite3.Connection)
        return list(raw.dbapi_connection.iterdump())
    finally:
        raw.close()


def test_everything_is_asked_and_everything_is_there(laptop: Store) -> None:
    """Whoever adds a method to the store says here which of both it is."""
    assert methods() == CHANGES | answers(laptop).keys()
    with laptop._engine.connect() as connection:
        for table in TABLES:
            assert connection.execute(table.select()).first() is not None, table


def test_both_stores_answer_alike(
    laptop: Store, empty: str, target: Engine, tmp_path: Path
) -> None:
    before, said = dump_of(laptop._engine), answers(laptop)
    done = move(laptop._engine, target)
    assert done.audit == laptop.audit.verify()
    with laptop._engine.connect() as connection:
        people = connection.exec_driver_sql("SELECT count(*) FROM people").scalar()
    assert done.n_rows["people"] == people
    assert done.n_replaced == 0
    assert dump_of(laptop._engine) == before
    clinic = Store(tmp_path / "node", empty, now_ns=lambda: NOW_NS)
    assert answers(clinic) == said
    # It goes on: the chain, the triggers, whom the first rows belong to.
    clinic.audit.add(actor="a", role="admin", action="look")
    assert clinic.audit.verify(done.audit.head).whole
    assert clinic.person() == laptop.person()

    back = Store(tmp_path / "back", now_ns=lambda: NOW_NS)
    said = answers(clinic)
    move(clinic._engine, back._engine)
    assert answers(back) == said
    clinic.close()
    back.close()


def test_nothing_goes_where_something_is(
    laptop: Store, empty: str, target: Engine
) -> None:
    move(laptop._engine, target)
    with pytest.raises(NotSoError, match="something in that database") as told:
        move(laptop._engine, target)
    assert "left nothing behind" in told.value.advice


def test_a_session_that_goes_on_stays(
    laptop: Store, empty: str, target: Engine
) -> None:
    laptop.add_session(
        SessionRow(
            id="L" * 26,
            person_id=laptop.person().id,
            plan="practice",
            source="strap",
            simulated=False,
            strap_name="strap",
            started_at_utc_ns=NOW_NS,
        )
    )
    with pytest.raises(NotSoError, match="not finished"):
        move(laptop._engine, target)


def test_what_postgresql_cannot_hold_is_replaced_and_told(
    laptop: Store, target: Engine
) -> None:
    raw = sqlite3.connect(laptop.data / DATABASE_NAME)
    raw.execute("UPDATE notes SET text = ?", ("before\0after",))
    raw.commit()
    raw.close()
    assert move(laptop._engine, target).n_replaced == 1
    with target.connect() as connection:
        text = connection.exec_driver_sql("SELECT text FROM notes").scalar()
    assert text == "before\ufffdafter"


def test_a_row_that_arrives_otherwise_undoes_all(
    laptop: Store, empty: str, target: Engine
) -> None:
    Store(laptop.data, empty).close()
    with target.begin() as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS "
            "$$BEGIN NEW.value := NEW.value + 1e-15; RETURN NEW; END$$"
        )
        connection.exec_driver_sql(
            "CREATE TRIGGER spoil BEFORE INSERT ON ratings FOR EACH ROW "
            "EXECUTE FUNCTION spoil()"
        )
    with pytest.raises(StoreError, match="'ratings' arrived as it was, so nothing"):
        move(laptop._engine, target)
    with target.connect() as connection:
        for table in TABLES:
            assert connection.execute(table.select()).first() is None, table


def test_nobody_writes_there_meanwhile(
    laptop: Store, empty: str, target: Engine
) -> None:
    Store(laptop.data, empty).close()
    other = Store(laptop.data / "other", f"{empty}&options=-c%20lock_timeout%3D50ms")
    refused: list[StoreError] = []

    @event.listens_for(target, "before_cursor_execute")
    def try_to(_: object, __: object, statement: str, *___: object) -> None:
        if statement.startswith("INSERT INTO audit") and not refused:
            with pytest.raises(StoreError, match="held by another program") as told:
                other.person_called("somebody")
            refused.append(told.value)

    move(laptop._engine, target)
    assert len(refused) == 1
    other.close()


KILLED = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import event
from biofeedback.store import moving
from biofeedback.store.engine import open_engine

def killed(connection):
    os.kill(os.getpid(), signal.SIGKILL)

source, target = open_engine(Path(sys.argv[1])), open_engine(Path(), sys.argv[2])
moving.upgrade(target)
event.listen(target, "commit", killed)
moving.move(source, target)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_one_that_is_killed_left_nothing_behind(
    laptop: Store, empty: str, target: Engine
) -> None:
    child = subprocess.run(
        [sys.executable, "-c", KILLED, str(laptop.data), empty], check=False
    )
    assert child.returncode == -signal.SIGKILL
    assert move(laptop._engine, target).audit == laptop.audit.verify()


def test_a_copy_in_memory(laptop: Store) -> None:
    memory = memory_engine()
    assert move(laptop._engine, memory).audit == laptop.audit.verify()
    memory.dispose()


def test_the_one_waits_however_long_the_other_takes(laptop: Store, empty: str) -> None:
    impatient = f"{empty}&options=-c%20idle_in_transaction_session_timeout%3D1000"
    engine = open_engine(Path(), impatient)

    def takes_its_time(_: object, __: object, statement: str, *___: object) -> None:
        if "FROM audit ORDER BY" in statement:  # the whole chain
            time.sleep(1.5)

    event.listen(laptop._engine, "before_cursor_execute", takes_its_time)
    try:
        assert move(laptop._engine, engine).audit.whole
    finally:
        event.remove(laptop._engine, "before_cursor_execute", takes_its_time)
        engine.dispose()
