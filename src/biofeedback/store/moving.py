"""Moves all rows from one database into another that is empty: all of them, or none.

It goes from SQLite to PostgreSQL and back by the same lines. Both sides are counted and
hashed row by row before anything counts, and the audit must be the same chain.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, insert, select

from biofeedback.errors import NotSoError
from biofeedback.model import Value
from biofeedback.store import tables as t
from biofeedback.store.audit import Verdict, verified
from biofeedback.store.catalogue import UNFINISHED
from biofeedback.store.engine import (
    StoreError,
    memory_engine,
    open_engine,
    reading,
    writing,
)
from biofeedback.store.tables import HEAD
from biofeedback.store.upgrade import current_version, upgrade

AT_ONCE = 1000
REPLACEMENT = "\ufffd"
TABLES: tuple[Table, ...] = tuple(t.metadata.sorted_tables)
"""Those that others refer to come first."""


class Moved(Value, frozen=True):
    """What was moved: how many rows of which table, and what the audit is.

    ``n_replaced`` texts had a NUL in them, which PostgreSQL cannot hold.
    """

    n_rows: dict[str, int]
    n_replaced: int
    audit: Verdict


class _Content(Value, frozen=True):
    """What a table holds, in whatever order.

    ``sum`` adds up the SHA-256 of all rows: nothing need be sorted, which databases do
    each in their own way.
    """

    n: int = 0
    sum: int = 0

    def plus(self, row: tuple[Any, ...]) -> _Content:
        digest = hashlib.sha256(repr(row).encode()).digest()
        total = (self.sum + int.from_bytes(digest)) % (1 << 256)
        return _Content(n=self.n + 1, sum=total)


def move(source: Engine, target: Engine, *, with_unfinished: bool = False) -> Moved:
    """Copy all rows of ``source`` into ``target``, in one transaction. Blocks.

    ``source`` is only read. What has no tables yet gets them first. Sessions that went
    on move only ``with_unfinished``; their node finds at its start what became of them.

    Raises
    ------
    NotSoError
        When there is something in ``target`` already, ``source`` is of another version,
        or a session in it is not finished and may not move.
    StoreError
        When not every row arrived as it was: then none did.
    """
    if with_unfinished:
        _check_version(source)
    else:
        check_movable(source)
    upgrade(target)
    with reading(source) as given, writing(target) as taken:
        _be_alone(taken)
        _check_empty(taken)
        return copied(given, taken)


def check_movable(source: Engine) -> None:
    """Check that a database is up to date, and nothing in it unfinished. Blocks.

    Raises
    ------
    NotSoError
        When it is not so.
    """
    _check_version(source)
    query = select(t.sessions.c.id).where(t.sessions.c.state.in_(UNFINISHED))
    with reading(source) as connection:
        if connection.execute(query.limit(1)).first() is not None:
            raise NotSoError(
                "A session in it is not finished.",
                "End it, or start 'biofeedback run' once more: it saves what was cut "
                "off. Then move.",
            )


def _check_version(source: Engine) -> None:
    if current_version(source) != HEAD:
        raise NotSoError(
            "Another version of biofeedback wrote the database.",
            "Bring it up to date first: 'biofeedback migrate' with its --data or "
            "--database alone.",
        )


def check_empty(target: Engine) -> None:
    """Check that there is nothing in a database, be there tables or not. Blocks.

    Raises
    ------
    NotSoError
        When there is.
    """
    if current_version(target) is not None:
        upgrade(target)
        with reading(target) as connection:
            _check_empty(connection)


def copied(source: Connection, target: Connection) -> Moved:
    """Copy all rows over these connections, and compare what is there then.

    Raises
    ------
    StoreError
        When it is not the same.
    """
    for connection in (source, target):
        if connection.dialect.name == "postgresql":
            # The one waits within its transaction while the other is written and read.
            connection.exec_driver_sql(
                "SET LOCAL idle_in_transaction_session_timeout = 0"
            )
    n_rows, n_replaced = {}, 0
    for table in TABLES:
        content = _Content()
        for rows in _in_parts(source, table):
            if target.dialect.name == "postgresql" and table is not t.audit:
                n_replaced += sum(_has_nul(value) for row in rows for value in row)
                rows = [tuple(map(_without_nul, row)) for row in rows]
            names = table.c.keys()
            target.execute(
                insert(table), [dict(zip(names, row, strict=True)) for row in rows]
            )
            for row in rows:
                content = content.plus(row)
        if content != _content(target, table):
            raise _differs(table.name)
        n_rows[table.name] = content.n
    audit = verified(target)
    if audit != verified(source):
        raise _differs(t.audit.name)
    return Moved(n_rows=n_rows, n_replaced=n_replaced, audit=audit)


@contextmanager
def copied_to_memory(database: str) -> Iterator[sqlite3.Connection]:
    """Give a PostgreSQL database as it is at one moment, as SQLite in memory. Blocks.

    Raises
    ------
    NotSoError
        When it is of another version.
    """
    source, memory = open_engine(Path(), database), memory_engine()
    try:
        _check_version(source)
        upgrade(memory)
        with reading(source) as given, writing(memory) as taken:
            copied(given, taken)
        raw = memory.raw_connection()
        assert isinstance(raw.dbapi_connection, sqlite3.Connection)
        yield raw.dbapi_connection
    finally:
        source.dispose()
        memory.dispose()


def erasures_in(database: str) -> frozenset[str]:
    """Return the ids of all erasures in a PostgreSQL database. Blocks."""
    engine = open_engine(Path(), database)
    try:
        with reading(engine) as connection:
            return frozenset(connection.scalars(select(t.tombstones.c.id)))
    finally:
        engine.dispose()


def _content(connection: Connection, table: Table) -> _Content:
    content = _Content()
    for rows in _in_parts(connection, table):
        for row in rows:
            content = content.plus(row)
    return content


def _in_parts(connection: Connection, table: Table) -> Iterator[list[tuple[Any, ...]]]:
    in_parts = {"yield_per": AT_ONCE}
    with connection.execute(select(table), execution_options=in_parts) as found:
        for part in found.partitions():
            yield [tuple(row) for row in part]


def _has_nul(value: object) -> bool:
    return isinstance(value, str) and "\0" in value


def _without_nul(value: Any) -> Any:  # noqa: ANN401 - whatever stands in a column
    return value.replace("\0", REPLACEMENT) if _has_nul(value) else value


def _be_alone(target: Connection) -> None:
    if target.dialect.name == "postgresql":
        names = ", ".join(table.name for table in TABLES)
        target.exec_driver_sql(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE")


def _check_empty(connection: Connection) -> None:
    for table in TABLES:
        if connection.execute(select(table).limit(1)).first() is not None:
            raise NotSoError(
                "There is something in that database already.",
                "Give an empty one, such as one that 'createdb' makes. A move that was "
                "cut off left nothing behind.",
            )


def _differs(table: str) -> StoreError:
    return StoreError(
        f"Not every row of '{table}' arrived as it was, so nothing was moved.",
        "Try again; if that does not help, keep both as they are and report it.",
    )
