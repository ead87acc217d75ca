"""Opens the database and says in sentences what it says in codes.

Here is SQLite, one file in the data folder; :mod:`biofeedback.store.postgresql` is the
database that several nodes share, and imported only where one is asked for. What stands
below ``reading`` and ``writing`` knows nothing of the difference.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from weakref import WeakKeyDictionary

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, TimeoutError
from sqlalchemy.pool import QueuePool, StaticPool

from biofeedback.errors import BiofeedbackError

_LOGGER = logging.getLogger(__name__)

DATABASE_NAME = "biofeedback.db"
DATABASE_FILES = tuple(f"{DATABASE_NAME}{suffix}" for suffix in ("", "-wal", "-shm"))

PRAGMAS = (
    "journal_mode=WAL",  # readers never wait for the writer
    "synchronous=FULL",  # a rating is given once: it survives a power cut
    "foreign_keys=ON",
    "busy_timeout=5000",
    "secure_delete=ON",  # what is deleted is overwritten
    "trusted_schema=OFF",  # SQLite's own advice for files from elsewhere
)

WRITES = "biofeedback_writes"
LOCKS = "biofeedback_locks"
READS = "biofeedback_reads"

ANSWERED_WITHIN_S = 35.0
"""No statement takes longer: PostgreSQL ends it, SQLite lets nobody wait so long."""


def is_url(text: str) -> bool:
    """Say whether ``text`` names a PostgreSQL rather than a folder."""
    return text.startswith(("postgresql:", "postgres:"))


class StoreError(BiofeedbackError):
    """The database cannot be opened, read or written."""


def open_engine(data: Path, database: str | None = None) -> Engine:
    """Return an engine on the database in ``data``, private to its owner.

    ``database`` is the URL of a PostgreSQL that is used in its place.

    Raises
    ------
    SettingsError
        When there can be no such URL, or what speaks to PostgreSQL is not installed.
    StoreError
        When the folder or the file cannot be made or opened.
    """
    if database is not None:
        from biofeedback.store import postgresql

        return postgresql.open_engine(database)
    path = data / DATABASE_NAME
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made here and not by SQLite, so that nobody else can read it even for a
        # moment; the -wal and -shm files take over the mode of the database.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        os.chmod(path, 0o600)
    except PermissionError as error:
        raise _read_only(path) from error
    except OSError as error:
        raise StoreError(
            f"The data folder cannot be used ({error.strerror}).",
            "Choose another folder with --data.",
        ) from error
    # Made of its parts: in a URL as text, a "?" in a folder's name would end it.
    # What somebody wrote, and hashes of what lets them in, stand in no error's text.
    url = URL.create("sqlite", database=str(path))
    return _prepared(create_engine(url, hide_parameters=True))


def memory_engine() -> Engine:
    """Return an engine on a new database that is nowhere but in memory.

    It has one connection, and is gone with it.
    """
    return _prepared(
        create_engine("sqlite://", hide_parameters=True, poolclass=StaticPool)
    )


# Whoever waits for SQLite's lock looks again every tenth of a second, and may find
# another there each time: on a slow disk one of eight threads was refused after five
# seconds. So those of one process take turns before they ask for it.
_TURNS: WeakKeyDictionary[Engine, threading.Lock] = WeakKeyDictionary()


def _prepared(engine: Engine) -> Engine:
    _TURNS[engine] = threading.Lock()
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    # SQLAlchemy, not the sqlite3 module, decides when a transaction begins.
    connection.isolation_level = None
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    # A writer takes its lock at once: a read that turns into a write later would
    # fail at once when another has written in between, whatever busy_timeout says.
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def let_go(engine: Engine, *, within_s: float = ANSWERED_WITHIN_S) -> None:
    """Close all connections, when those that are in use have been given back.

    A thread may still ask for somebody who does not wait any more: its connection would
    come back to a pool that nobody closes.
    """
    until_s = time.monotonic() + within_s
    pool = engine.pool
    while isinstance(pool, QueuePool) and pool.checkedout():
        if time.monotonic() > until_s:
            _LOGGER.warning("The database was let go while it was still asked.")
            break
        time.sleep(0.01)
    engine.dispose()


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection whose reads all see the same state."""
    with told_in_sentences(engine), engine.connect() as connection:
        connection = connection.execution_options(**{READS: True})
        with connection.begin():
            yield connection


@contextmanager
def writing(engine: Engine, *, decides: bool = True) -> Iterator[Connection]:
    """Give a connection whose writes are on disk together when the block ends.

    One that ``decides`` by what it reads there is alone with it: no other of its kind,
    of whatever node, is under way meanwhile. A single statement needs no such thing,
    and then nobody waits (SQLite has one writer in any case).
    """
    with (
        _TURNS.get(engine, nullcontext()),
        told_in_sentences(engine),
        engine.connect() as connection,
    ):
        connection = connection.execution_options(**{WRITES: True, LOCKS: decides})
        with connection.begin():
            yield connection


@contextmanager
def rewriting(engine: Engine) -> Iterator[Connection]:
    """Give a connection for migrations, which may write whole tables anew.

    Nobody else migrates meanwhile: ask there once more what is to be done.
    """
    if engine.dialect.name == "postgresql":
        from biofeedback.store import postgresql

        with told_in_sentences(engine), postgresql.migrating(engine) as connection:
            yield connection
        return
    # SQLite would take a table that is dropped to be written anew for one that others
    # miss; so references are not checked on the way, but all at the end.
    with told_in_sentences(engine), engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        assert raw is not None
        raw.execute("PRAGMA foreign_keys=OFF")
        connection = connection.execution_options(**{WRITES: True})
        try:
            with connection.begin():
                yield connection
                if connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                    raise StoreError(
                        "The database could not be brought up to date: rows in it "
                        "refer to others that are not there.",
                        "Nothing was changed. Use the version that wrote it, or move "
                        "it away and run 'biofeedback catalog rebuild'.",
                    )
        finally:
            raw.execute("PRAGMA foreign_keys=ON")


@contextmanager
def told_in_sentences(engine: Engine) -> Iterator[None]:
    """Turn what the database raises into a :class:`BiofeedbackError`."""
    try:
        yield
    except TimeoutError as error:
        raise StoreError(
            "Too much is asked of the database at once.", "Try again in a moment."
        ) from error
    except DBAPIError as error:
        told: BiofeedbackError | None
        if engine.dialect.name == "postgresql":
            from biofeedback.store import postgresql

            told = postgresql.sentence(error.orig)
        else:
            told = _sentence(error.orig, Path(engine.url.database or DATABASE_NAME))
        if told is None:
            raise
        raise told from error


def _sentence(error: BaseException | None, path: Path) -> StoreError | None:
    code: str = getattr(error, "sqlite_errorname", "") or ""
    if code.startswith("SQLITE_FULL"):
        return StoreError(
            "The disk is full, so nothing more could be saved.",
            "Free some space; what was saved before is safe.",
        )
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreError(
            "The database is held by another program.",
            "Close other programs that use this data folder, then try again.",
        )
    if code.startswith(("SQLITE_READONLY", "SQLITE_PERM", "SQLITE_CANTOPEN")):
        return _read_only(path)
    if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StoreError(
            f"The database {path.name} is damaged.",
            "Move it out of the data folder and start again: the recordings are "
            "files of their own and stay readable.",
        )
    if code.startswith("SQLITE_IOERR"):
        return StoreError(
            "The disk could not be read or written.",
            "Check the disk and its cable; what was saved before is safe.",
        )
    return None


def _read_only(path: Path) -> StoreError:
    return StoreError(
        f"The database {path.name} cannot be written.",
        "Give yourself permission to write in the data folder, or choose another "
        "folder with --data.",
    )
