"""Opens the database and says in sentences what SQLite says in codes."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from biofeedback.errors import BiofeedbackError

DATABASE_NAME = "biofeedback.db"

PRAGMAS = (
    "journal_mode=WAL",  # readers never wait for the writer
    "synchronous=FULL",  # a rating is given once: it survives a power cut
    "foreign_keys=ON",
    "busy_timeout=5000",
    "secure_delete=ON",  # what is deleted is overwritten
    "trusted_schema=OFF",  # SQLite's own advice for files from elsewhere
)

WRITES = "biofeedback_writes"


class StoreError(BiofeedbackError):
    """The database cannot be opened, read or written."""


def open_engine(data: Path) -> Engine:
    """Return an engine on the database in ``data``, private to its owner.

    Raises
    ------
    StoreError
        When the folder or the file cannot be made or opened.
    """
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
    engine = create_engine(url, hide_parameters=True)
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


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection whose reads all see the same state."""
    with told_in_sentences(engine), engine.connect() as connection:
        with connection.begin():
            yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Give a connection whose writes are on disk together when the block ends."""
    with told_in_sentences(engine), engine.connect() as connection:
        connection = connection.execution_options(**{WRITES: True})
        with connection.begin():
            yield connection


@contextmanager
def rewriting(engine: Engine) -> Iterator[Connection]:
    """Give a connection for migrations, which may write whole tables anew.

    SQLite would otherwise take a table that is dropped to be written anew for one that
    others miss; so references are not checked on the way, but all at the end.
    """
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
            connection.invalidate()  # the next one checks references again


@contextmanager
def told_in_sentences(engine: Engine) -> Iterator[None]:
    """Turn what the database raises into a :class:`StoreError`."""
    try:
        yield
    except DBAPIError as error:
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
