"""Looks into a database that is not opened as a store: it may be old, or a copy."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from biofeedback.model import Value
from biofeedback.store.engine import StoreError


def opened_database(path: Path) -> sqlite3.Connection:
    """Open the database ``path``, which must be there."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=5)


def check_database(connection: sqlite3.Connection) -> None:
    """Check every page and every reference.

    Raises
    ------
    sqlite3.DatabaseError
        When it is damaged.
    """
    for check in ("integrity_check(1)", "foreign_key_check"):
        for row in connection.execute(f"PRAGMA {check}"):
            if row != ("ok",):
                raise sqlite3.DatabaseError(f"{check} finds {row[0]}")


def schema_of(connection: sqlite3.Connection) -> str:
    """Return the migration a database is at.

    Raises
    ------
    sqlite3.DatabaseError
        When it is none of ours.
    """
    found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if found is None:
        raise sqlite3.DatabaseError("it does not say its version")
    return str(found[0])


def tombstones_in(connection: sqlite3.Connection) -> frozenset[str]:
    """Return the ids of all erasures."""
    if not _has(connection, "tombstones"):  # from before anybody could be erased
        return frozenset()
    return frozenset(id for (id,) in connection.execute("SELECT id FROM tombstones"))


def people_in(connection: sqlite3.Connection) -> frozenset[str]:
    """Return the ids of all people."""
    return frozenset(id for (id,) in connection.execute("SELECT id FROM people"))


class Door(Value, frozen=True):
    """What became of an account."""

    password_hash: str | None
    revoked_at_utc_ns: int | None


def doors_in(connection: sqlite3.Connection) -> dict[str, Door]:
    """Return every account by its id."""
    if not _has(connection, "accounts"):
        return {}
    query = "SELECT id, password_hash, revoked_at_utc_ns FROM accounts"
    return {
        id: Door(password_hash=password_hash, revoked_at_utc_ns=revoked_at_utc_ns)
        for id, password_hash, revoked_at_utc_ns in connection.execute(query)
    }


def passkeys_in(connection: sqlite3.Connection) -> frozenset[str]:
    """Return the ids of all passkeys."""
    if not _has(connection, "passkeys"):
        return frozenset()
    query = "SELECT credential_id FROM passkeys"
    return frozenset(id for (id,) in connection.execute(query))


def _has(connection: sqlite3.Connection, table: str) -> bool:
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    return connection.execute(query, (table,)).fetchone() is not None


def unreadable(path: Path, error: sqlite3.Error) -> StoreError:
    """Return what to say of a database that cannot be read."""
    return StoreError(
        f"The database {path.name} cannot be read: {error}.",
        "Close other programs that use it, then try again. If it is damaged, move it "
        "away: 'biofeedback catalog rebuild' lists the recordings anew.",
    )
