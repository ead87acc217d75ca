"""Writes a whole data folder into one file, while a service uses it or not.

In it are the database as it was at one moment, every file of the folder, and last a
list of all of them with their sizes and SHA-256. Recordings that still go on are not in
it. Whatever opens a door is void in it: sign-ins, invites and access tokens.
"""

from __future__ import annotations

import errno
import hashlib
import io
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from biofeedback import __version__
from biofeedback.errors import NotSoError, RecordingError, SettingsError
from biofeedback.model import Value
from biofeedback.recording import durable
from biofeedback.recording.compaction import PART_SUFFIX, BusyError, Locked
from biofeedback.recording.keys import encrypt_for
from biofeedback.recording.sealed import SUFFIX, lies_at, plain_name
from biofeedback.store.archive import CHUNK_BYTES, ArchiveWriter, Pieces, archived
from biofeedback.store.audit import Audit
from biofeedback.store.clinics import TICKET
from biofeedback.store.engine import (
    DATABASE_FILES,
    DATABASE_NAME,
    StoreError,
    open_engine,
)
from biofeedback.store.erasing import MARKER_NAME
from biofeedback.store.homes import NATS_FOLDER
from biofeedback.store.lock import LOCK_NAME
from biofeedback.store.looking import (
    check_database,
    opened_database,
    schema_of,
    tombstones_in,
    unreadable,
)
from biofeedback.store.moving import copied_to_memory, erasures_in
from biofeedback.store.tables import HEAD
from biofeedback.store.upgrade import current_version

_LOGGER = logging.getLogger(__name__)

FORMAT = "biofeedback-backup/1"
MANIFEST_NAME = "manifest.json"
KEY_NAME = "key.age"
SEALED_NAME = "backup.zip.age"
UNFINISHED = ".unfinished"

DOORS = {
    "sign_ins": "revoked_at_utc_ns IS NULL",
    "access_tokens": "revoked_at_utc_ns IS NULL",
    "invites": "revoked_at_utc_ns IS NULL AND used_at_utc_ns IS NULL",
}
"""What lets somebody in, and which of it still does: in a backup, none."""

NOT_COPIED = frozenset(
    # The ticket: one that is restored elsewhere must not be a second home by it. The
    # NATS server's secret neither, and its log holds what is on the homes' disks.
    {*DATABASE_FILES, LOCK_NAME, TICKET, NATS_FOLDER}
)
WORTHLESS = (".tmp", ".new", UNFINISHED)

READ_ME = """\
This is a backup of Biofeedback, sealed with a passphrase.

'biofeedback restore' unpacks it. So does the program age (https://age-encryption.org):

    age --decrypt -o key.txt key.age
    age --decrypt -i key.txt -o backup.zip backup.zip.age
"""


class Listed(Value, frozen=True):
    """One file of a backup; ``name`` is relative to the data folder."""

    name: str
    bytes: int
    sha256: str


class Manifest(Value, frozen=True):
    """What is in a backup; ``schema`` is the migration its database is at."""

    format: str
    made_at_utc_ns: int
    software: str
    schema: str
    left_out: tuple[str, ...]
    files: tuple[Listed, ...]


class BackedUp(Value, frozen=True):
    """What a backup holds; ``left_out`` are names of files that are not in it."""

    size_bytes: int
    n_files: int
    n_recordings: int
    n_sealed: int
    left_out: tuple[str, ...]


def back_up(
    data: Path,
    out: Path,
    *,
    database: str | None = None,
    recipient: str | None = None,
    passphrase: str | None = None,
    now_ns: Callable[[], int] = time.time_ns,
) -> BackedUp:
    """Write everything in ``data`` into the new file ``out``. Blocks.

    Parameters
    ----------
    data
        The data folder; a service may be using it.
    out
        Where the backup goes; never over another file, and not into ``data``.
    database
        The URL of a PostgreSQL that is used in place of the one in ``data``; in the
        backup it is SQLite all the same.
    recipient, passphrase
        What it is sealed for: a public key of age, or a passphrase. Neither: it is not.
    now_ns
        The UTC time in nanoseconds.

    Raises
    ------
    NotSoError
        When there is nothing to back up.
    SettingsError
        When ``out`` or ``recipient`` cannot be used.
    RecordingError, StoreError
        When it cannot be written, or the folder changed meanwhile: nothing is left.
    """
    _check(data, out, database)
    _note(data, database, now_ns)
    snapshot = _snapshot(data, database, now_ns())
    paths, left_out = _files(data)
    manifest = Manifest(
        format=FORMAT,
        made_at_utc_ns=now_ns(),
        software=f"biofeedback {__version__}",
        schema=snapshot.schema,
        left_out=left_out,
        files=(),
    )
    new = out.with_name(out.name + UNFINISHED)
    try:
        new.unlink(missing_ok=True)  # of one that was killed
        try:
            with os.fdopen(durable.create(new), "wb") as file:
                files = _contents(data, snapshot.content, paths, manifest)
                _write(file, archived(files), recipient, passphrase)
                file.flush()
                durable.sync(file.fileno())
                size_bytes = file.tell()
            if _tombstones(data, database) != snapshot.tombstones:
                raise _changed("somebody was erased")
            _publish(new, out)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise durable.explained(
            f"The backup {out.name} could not be written.", error
        ) from error
    recordings = [path for path in paths if plain_name(path).suffix == ".mcap"]
    return BackedUp(
        size_bytes=size_bytes,
        n_files=len(paths) + 1,
        n_recordings=len(recordings),
        n_sealed=sum(path.suffix == SUFFIX for path in recordings),
        left_out=left_out,
    )


def _check(data: Path, out: Path, database: str | None) -> None:
    if not (data.is_dir() if database else (data / DATABASE_NAME).is_file()):
        raise NotSoError(
            f"There is nothing to back up in '{data}'.",
            "Check --data: it is the folder that 'biofeedback run' uses.",
        )
    if out.resolve().is_relative_to(data.resolve()):
        raise SettingsError(
            "A backup inside of the data folder would be lost with it.",
            "Give a place on another disk.",
        )
    if out.exists():
        raise RecordingError(
            f"The backup {out.name} could not be written. There is one already.",
            "Choose another name, such as one with the date.",
        )
    if (data / MARKER_NAME).exists():
        raise StoreError(
            "Somebody's data is being erased.",
            "Try again in a minute; if that does not help, start 'biofeedback run' "
            "once: it finishes what was cut off.",
        )


def _note(data: Path, database: str | None, now_ns: Callable[[], int]) -> None:
    """Write down that everything was copied, where there is room to."""
    try:
        engine = open_engine(data, database)
        try:
            if current_version(engine) == HEAD:
                audit = Audit(engine, now_ns)
                audit.add(actor="console", role="console", action="backup")
        finally:
            engine.dispose()
    except StoreError as error:  # a full disk is when a backup is needed most
        _LOGGER.warning("The audit does not say that a backup was made: %s", error)


# --- The database ---------------------------------------------------------------------


class _Snapshot(Value, frozen=True):
    content: bytes
    schema: str
    tombstones: frozenset[str]


def _snapshot(data: Path, database: str | None, now_ns: int) -> _Snapshot:
    """Return the database as it is at this moment, with every door in it closed.

    It is copied within memory: nothing of it lies about on a disk.
    """
    path = data / DATABASE_NAME
    try:
        with _copied(path, database) as copy:
            return _closed(copy, now_ns)
    except sqlite3.Error as error:
        raise unreadable(path, error) from error


@contextmanager
def _copied(path: Path, database: str | None) -> Iterator[sqlite3.Connection]:
    if database is not None:
        with copied_to_memory(database) as copy:
            yield copy
        return
    with closing(sqlite3.connect(":memory:")) as copy:
        with closing(opened_database(path)) as source:
            source.backup(copy)
        yield copy


def _closed(copy: sqlite3.Connection, now_ns: int) -> _Snapshot:
    check_database(copy)
    there = {name for (name,) in copy.execute("SELECT name FROM sqlite_master")}
    for table in there & DOORS.keys():
        query = f"UPDATE {table} SET revoked_at_utc_ns = ? WHERE {DOORS[table]}"
        copy.execute(query, (now_ns,))
    copy.commit()
    return _Snapshot(
        content=copy.serialize(),
        schema=schema_of(copy),
        tombstones=tombstones_in(copy),
    )


def _tombstones(data: Path, database: str | None) -> frozenset[str]:
    path = data / DATABASE_NAME
    try:
        if database is not None:
            return erasures_in(database)
        with closing(opened_database(path)) as there:
            return tombstones_in(there)
    except sqlite3.Error as error:
        raise unreadable(path, error) from error


# --- Files ----------------------------------------------------------------------------


def _files(data: Path) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Return what goes into a backup of ``data``, and the names of what does not."""
    taken, left_out = [], []
    for path in sorted(data.rglob("*")):
        name = path.relative_to(data).as_posix()
        if path.is_symlink() or (path.name.endswith(PART_SUFFIX) and _goes_on(path)):
            left_out.append(name)  # where a link leads is not ours to know
        elif not path.is_dir() and NOT_COPIED.isdisjoint({name, name.split("/")[0]}):
            if not path.name.endswith(WORTHLESS):
                taken.append(path)
    return tuple(taken), tuple(left_out)


def _goes_on(part: Path) -> bool:
    try:
        with Locked(part):
            return False
    except (BusyError, FileNotFoundError):
        return True


def _contents(
    data: Path, database: bytes, paths: tuple[Path, ...], manifest: Manifest
) -> Iterator[tuple[str, Iterable[bytes]]]:
    """Yield every file with its bytes; the list of them is made on the way."""
    listed = []
    for name, file in _opened(data, database, paths):
        with file:
            seen = _Seen(file)
            yield name, seen
            listed.append(Listed(name=name, bytes=seen.n, sha256=seen.sha256))
    whole = msgspec.structs.replace(manifest, files=tuple(listed))
    yield MANIFEST_NAME, (msgspec.json.format(msgspec.json.encode(whole), indent=1),)


def _opened(
    data: Path, database: bytes, paths: tuple[Path, ...]
) -> Iterator[tuple[str, BinaryIO]]:
    yield DATABASE_NAME, io.BytesIO(database)
    given = set[str]()
    for path in paths:
        # It may have been sealed meanwhile, or unsealed.
        there = path if path.exists() else lies_at(plain_name(path))
        name = there.relative_to(data).as_posix()
        if name in given:  # both were there for a moment
            continue
        given.add(name)
        try:
            yield name, there.open("rb")
        except FileNotFoundError as error:
            raise _changed(f"{there.name} is gone") from error


class _Seen:
    """The chunks of a file; what passed is counted and hashed."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.n = 0

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self._file.read(CHUNK_BYTES):
            self._digest.update(chunk)
            self.n += len(chunk)
            yield chunk

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def _changed(what: str) -> StoreError:
    return StoreError(
        f"The data folder changed while it was copied: {what}.",
        "Nothing was kept of this backup. Start it again.",
    )


# --- The file that is written -----------------------------------------------------


def _write(
    out: BinaryIO,
    pieces: Iterator[bytes],
    recipient: str | None,
    passphrase: str | None,
) -> None:
    if recipient is not None:
        encrypt_for(recipient, io.BufferedReader(Pieces(pieces)), out)
    elif passphrase is not None:
        _write_sealed(out, pieces, passphrase)
    else:
        for piece in pieces:
            out.write(piece)


def _write_sealed(out: BinaryIO, pieces: Iterator[bytes], passphrase: str) -> None:
    # age seals whole files in memory for a passphrase, and streams for a key: so the
    # passphrase seals a key that is made for this backup alone.
    import pyrage

    key = pyrage.x25519.Identity.generate()
    outer = ArchiveWriter(out)
    with outer.open("README.txt") as target:
        target.write(READ_ME.encode())
    with outer.open(KEY_NAME) as target:
        target.write(pyrage.passphrase.encrypt(f"{key}\n".encode(), passphrase))
    with outer.open(SEALED_NAME) as target:
        encrypt_for(str(key.to_public()), io.BufferedReader(Pieces(pieces)), target)
    outer.close()


def _publish(new: Path, out: Path) -> None:
    try:
        os.link(new, out)  # whole, or not at all; and never over another file
    except FileExistsError:
        raise
    except OSError:  # not every stick knows links
        if out.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        os.rename(new, out)
    new.unlink(missing_ok=True)
    durable.sync_folder(out.parent)
