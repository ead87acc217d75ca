"""From a laptop's SQLite to PostgreSQL and back, as somebody types it."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from biofeedback.cli.nodes import DATABASE_VARIABLE
from biofeedback.recording.reader import open_recording
from biofeedback.service.cataloguing import rebuild
from biofeedback.store import DataLock, Role, Store
from biofeedback.store.engine import DATABASE_NAME, open_engine
from biofeedback.store.tables import HEAD
from tests.cli.terminal import Terminal
from tests.postgres import PostgresServer
from tests.shelf import EXAMPLES

PASSWORD = "horse-battery-7"


@pytest.fixture
def laptop(tmp_path: Path) -> Path:
    """Return a data folder with a session and an account."""
    data = tmp_path / "laptop"
    folder = data / "recordings/2026/11"
    folder.mkdir(parents=True)
    id = open_recording(EXAMPLES / "calm.mcap").info.id
    shutil.copy(EXAMPLES / "calm.mcap", folder / f"{id}.mcap")
    store = Store(data)
    rebuild(store)
    store.accounts.add(name="ada", display="Ada", role=Role.ADMIN)
    store.audit.add(actor="console", role="console", action="account.add")
    store.close()
    return data


@pytest.fixture
def empty(postgres: PostgresServer) -> str:
    return postgres.empty()


def rows_of(data: Path) -> list[str]:
    database = sqlite3.connect(data / DATABASE_NAME)
    try:
        return list(database.iterdump())
    finally:
        database.close()


def test_a_laptop_becomes_a_clinic_and_a_laptop_again(
    laptop: Path,
    empty: str,
    tmp_path: Path,
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = rows_of(laptop)
    said = terminal("migrate", "--from", laptop, "--database", empty)
    assert (said.code, "2 people, 1 sessions, 1 accounts" in said.out) == (0, True)
    assert "The audit is whole." in said.out
    assert "the recordings stay in that folder" in said.out
    assert rows_of(laptop) == before
    head = said.out.partition("that was moved is ")[2].split()[0]

    said = terminal("audit", "verify", "--head", head, "--database", empty)
    assert (said.code, said.out.startswith("2 rows, whole.")) == (0, True)
    with monkeypatch.context() as patch:
        patch.setenv(DATABASE_VARIABLE, empty)
        said = terminal("user", "list")
    assert (said.code, "  ada  " in said.out) == (0, True)

    said = terminal("migrate", "--from", laptop, "--database", empty)
    assert (said.code, "something in that database" in said.sentence) == (1, True)

    back = tmp_path / "back"
    said = terminal("migrate", "--to", back, "--database", empty)
    assert (said.code, "1 sessions" in said.out) == (0, True)
    assert "copy what is in its 'recordings'" in said.err
    said = terminal("audit", "verify", "--head", head, "--data", back)
    assert said.code == 0
    said = terminal("migrate", "--to", back, "--database", empty)
    assert (said.code, "a database in" in said.sentence) == (1, True)


def test_it_brings_up_to_date_and_says_from_where(
    empty: str, tmp_path: Path, terminal: Terminal
) -> None:
    said = terminal("user", "list", "--database", empty)
    assert (said.code, "nothing in this database yet" in said.sentence) == (1, True)
    said = terminal("migrate", "--database", empty)
    assert (said.code, said.out) == (
        0,
        f"The database was empty. Now it has its tables ({HEAD}).\n",
    )
    said = terminal("migrate", "--database", empty)
    assert said.out == f"The database is up to date ({HEAD}).\n"
    for version, sentence, code in (
        ("0000", "Another version", 1),
        ("9999", "Another version", 1),
    ):
        engine = open_engine(tmp_path, empty)
        with engine.begin() as connection:
            connection.exec_driver_sql(
                f"UPDATE alembic_version SET version_num = '{version}'"
            )
        engine.dispose()
        for command in (("user", "list"), ("audit", "list"), ("token", "list")):
            said = terminal(*command, "--database", empty)
            assert (said.code, sentence in said.sentence) == (code, True)
    said = terminal("migrate", "--database", empty)
    assert (said.code, "newer version" in said.sentence) == (1, True)
    said = terminal("migrate", "--data", tmp_path)
    assert (said.code, "no database in" in said.sentence) == (1, True)


def test_what_was_mistyped_is_told(
    laptop: Path, empty: str, terminal: Terminal
) -> None:
    assert terminal("migrate", "--from", laptop).code == 2
    both = ("--from", laptop, "--to", laptop, "--database", empty)
    assert terminal("migrate", *both).code == 2
    for url in ("mysql://a:hunter2@b/c", "postgresql://a:hunter2@b:x/c", "hunter2"):
        said = terminal("migrate", "--database", url)
        assert (said.code, "no address of a PostgreSQL" in said.sentence) == (2, True)
        assert "hunter2" not in said.sentence


def test_nothing_moves_under_a_service(
    laptop: Path, empty: str, tmp_path: Path, terminal: Terminal
) -> None:
    with DataLock(laptop):
        said = terminal("migrate", "--from", laptop, "--database", empty)
        assert (said.code, "already using" in said.sentence) == (1, True)
    assert terminal("migrate", "--from", laptop, "--database", empty).code == 0
    service = Store(tmp_path / "node", empty)
    service.people()
    said = terminal("migrate", "--to", tmp_path / "back", "--database", empty)
    assert (said.code, "Something else is using" in said.sentence) == (1, True)
    service.close()


@pytest.fixture
def alone(tmp_path: Path, empty: str) -> Iterator[Store]:
    """A service for one person, on a PostgreSQL."""
    store = Store(tmp_path / "node", empty)
    store.person()
    yield store
    store.close()


def test_the_first_account_waits_for_the_service(
    alone: Store, empty: str, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = ("user", "add", "ada", "--role", "admin", "--password-stdin")
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\n"))
    said = terminal(*add, "--database", empty)
    assert (said.code, "Stop every service" in said.sentence) == (1, True)
    alone.close()
    said = terminal(*add, "--database", empty)
    assert said.code == 0
    alone.people()  # another service begins
    invite = ("user", "invite", "--role", "patient")
    assert terminal(*invite, "--database", empty).code == 0


def test_a_person_elsewhere_is_not_half_erased(
    laptop: Path, empty: str, tmp_path: Path, terminal: Terminal
) -> None:
    terminal("migrate", "--from", laptop, "--database", empty)
    store = Store(laptop, empty)
    person = store.person()
    with store._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE sessions SET node = 'node.N-7Q2M9K'")
    erase = (
        *("person", "erase", "--yes", "--person", person.pseudonym),
        *("--data", laptop, "--database", empty),
    )
    said = terminal(*erase)
    assert (said.code, "lie elsewhere, at node.N-7Q2M9K" in said.sentence) == (1, True)
    with store._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE sessions SET node = NULL")
    store.close()
    said = terminal(*erase)
    assert (said.code, "1 sessions and 1 files are erased" in said.out) == (0, True)


def test_the_doctor_looks_at_it(
    postgres: PostgresServer, empty: str, terminal: Terminal
) -> None:
    said = terminal("doctor", "--json", "--database", empty)
    *_, found = json.loads(said.out)
    assert (found["name"], found["ok"]) == ("Database", True)
    assert "no tables yet" in found["text"]
    wrong = postgres.url("postgres", user="asked", password="hunter2")
    said = terminal("doctor", "--json", "--database", wrong)
    *_, found = json.loads(said.out)
    assert not found["ok"]
    assert "does not know this user or password" in found["text"]
    assert "hunter2" not in said.out + said.err
