"""Where a store can be: every test that asks for a ``place`` runs on both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from biofeedback.store import Store
from biofeedback.store.engine import open_engine
from biofeedback.store.tables import metadata
from tests.postgres import PostgresServer


@dataclass(frozen=True)
class Place:
    """A data folder, and the database that belongs to it."""

    data: Path
    database: str | None
    _opened: list[Store] = field(default_factory=list)
    _engines: list[Engine] = field(default_factory=list)

    @property
    def is_shared(self) -> bool:
        """Say whether it is PostgreSQL."""
        return self.database is not None

    def store(self, now_ns: Callable[[], int] | None = None) -> Store:
        """Open the store there; whoever forgets to close it is helped."""
        given: dict[str, Any] = {} if now_ns is None else {"now_ns": now_ns}
        store = Store(self.data, self.database, **given)
        self._opened.append(store)
        return store

    def engine(self) -> Engine:
        """Return the database itself, as somebody else has it who may write it."""
        if not self._engines:
            self._engines.append(open_engine(self.data, self.database))
        return self._engines[0]

    def run(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        """Return what one statement says, as somebody else would ask it."""
        with self.engine().begin() as connection:
            result = connection.execute(text(query), values)
            return [tuple(row) for row in result] if result.returns_rows else []

    def everything(self) -> bytes:
        """Return every byte of the folder, and of the database all that it shows."""
        found = [path.read_bytes() for path in self.data.rglob("*") if path.is_file()]
        return b"\n".join((*found, self.shown()))

    def shown(self) -> bytes:
        """Return what PostgreSQL shows of all its tables; nothing where it is not."""
        if not self.is_shared:
            return b""
        # What its planner remembers of the values stands in pg_stats.
        tables = [f"{table.name} t" for table in metadata.sorted_tables]
        rows = [
            str(row)
            for table in (*tables, "pg_stats t WHERE schemaname = 'public'")
            for (row,) in self.run(f"SELECT t::text FROM {table}")
        ]
        return "\n".join(rows).encode()

    def without_triggers(self) -> None:
        """Take away what guards the audit, as whoever owns the database can."""
        for verb in ("update", "delete", "truncate"):
            on = " ON audit" if self.is_shared else ""
            self.run(f"DROP TRIGGER IF EXISTS audit_no_{verb}{on}")

    def close(self) -> None:
        """Close all that was opened."""
        for store in self._opened:
            store.close()
        for engine in self._engines:
            engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A place of each kind, with nothing in it."""
    if request.param == "sqlite":
        place = Place(tmp_path / "data", None)
        yield place
        place.close()
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    database = server.fresh()
    place = Place(tmp_path / "data", database)
    yield place
    place.close()
    server.drop(database)


@pytest.fixture
def store(place: Place) -> Store:
    """A new store in each kind of place."""
    return place.store()
