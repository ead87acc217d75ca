"""The audit at the command line only looks."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from biofeedback.store import DataLock, Store
from biofeedback.store.engine import DATABASE_NAME
from tests.cli.terminal import Terminal


def test_it_is_read_while_a_service_runs(tmp_path: Path, terminal: Terminal) -> None:
    store = Store(tmp_path)
    row = store.audit.add(actor="console", role="console", action="token.add")
    store.close()
    with DataLock(tmp_path):
        listed = terminal("audit", "list", "--data", tmp_path)
        checked = terminal("audit", "verify", "--data", tmp_path)
    assert (listed.code, checked.code) == (0, 0)
    assert listed.out.split()[-1] == "token.add"
    assert f"The newest is {row.sha256}" in checked.out


def test_another_version_is_left_as_it_is(tmp_path: Path, terminal: Terminal) -> None:
    Store(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as database:
        database.execute("UPDATE alembic_version SET version_num = '0003'")
        database.execute("DROP TABLE audit")
        database.commit()
    for what in ("list", "verify"):
        said = terminal("audit", what, "--data", tmp_path)
        assert "Another version of biofeedback wrote this database." in said.sentence
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as database:
        found = database.execute("SELECT version_num FROM alembic_version").fetchall()
        names = database.execute("SELECT name FROM sqlite_master").fetchall()
    assert found == [("0003",)]
    assert ("audit",) not in names
