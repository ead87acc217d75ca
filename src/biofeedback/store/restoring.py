"""Brings a backup back into a new data folder: all of it, or nothing.

Everything is unpacked beside the folder and checked there: each byte of the archive,
each file against the list in it, the database page by page. Only then does it get its
name::

    BACKUP ─> .NAME.restoring (checked, brought up to date) ─> NAME

A backup knows nothing of what was taken back after it was made. So no consent in it
holds any more: each is asked anew. Where the folder it was made of is still there, who
was erased since is erased again, and accounts, passwords and passkeys that were ended
since are ended again, before anything gets its name.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

import msgspec
from sqlalchemy import delete, update

from biofeedback.errors import BiofeedbackError, RecordingError, SettingsError
from biofeedback.model import Value
from biofeedback.recording import durable
from biofeedback.recording.keys import Key
from biofeedback.store import tables as t
from biofeedback.store.archive import CHUNK_BYTES, damaged, whole_archive
from biofeedback.store.backup import (
    FORMAT,
    KEY_NAME,
    MANIFEST_NAME,
    SEALED_NAME,
    Listed,
    Manifest,
)
from biofeedback.store.catalogue import Store
from biofeedback.store.engine import (
    DATABASE_FILES,
    DATABASE_NAME,
    StoreError,
    open_engine,
    writing,
)
from biofeedback.store.erasing import erase
from biofeedback.store.looking import (
    check_database,
    doors_in,
    opened_database,
    passkeys_in,
    people_in,
    schema_of,
    tombstones_in,
    unreadable,
)
from biofeedback.store.moving import check_empty, copied_to_memory
from biofeedback.store.moving import move as move_rows
from biofeedback.store.rows import Role
from biofeedback.store.tables import HEAD

AGE_MAGIC = b"age-encryption.org/"
MANIFEST_BYTES = 256 << 20


class Restored(Value, frozen=True):
    """What came back.

    ``n_erased`` people were erased again, ``n_ended`` accounts ended again, and
    ``n_consents`` held when the backup was made; ``lacks_admin``: there are accounts,
    and nobody may look after them. ``audit_whole``: its chain is unbroken.
    """

    manifest: Manifest
    n_people: int
    n_sessions: int
    n_erased: int
    n_accounts: int
    n_ended: int
    n_consents: int
    lacks_admin: bool
    audit_whole: bool


def restore(
    path: Path,
    data: Path,
    *,
    key: Key | None = None,
    passphrase: str | None = None,
    erased_in: Path | str | None = None,
    database: str | None = None,
    now_ns: Callable[[], int] = time.time_ns,
) -> Restored:
    """Make the new data folder ``data`` of the backup ``path``. Blocks.

    Parameters
    ----------
    path
        What :func:`~biofeedback.store.backup.back_up` wrote.
    data
        The folder; it must not be there, or be empty.
    key, passphrase
        What a sealed backup opens with.
    erased_in
        The folder the backup was made of, or the URL of the PostgreSQL that was used in
        its place, where it is still there: who was erased in it since is erased again,
        and what let somebody in and does not any more there does not here either.
    database
        The URL of an empty PostgreSQL that the rows go into.
    now_ns
        The UTC time in nanoseconds.

    Raises
    ------
    SettingsError
        When ``data`` is not empty, or ``erased_in`` is another folder.
    RecordingError, StoreError
        When the backup does not open, is damaged or too new, or cannot be unpacked:
        then nothing is put in place.
    """
    _check_empty(data)
    if database is not None:
        _check_empty_database(database)
    data = data.absolute()
    try:
        data.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _cleared(data.with_name(f".{data.name}.restoring")) as staging:
            with _opened(path, data.parent, key, passphrase) as archive:
                manifest = _manifest(archive, path.name)
                for listed in manifest.files:
                    _unpack(archive, listed, staging, path.name)
            _check_database(staging / DATABASE_NAME, manifest, path.name)
            done = _brought_up_to_date(staging, manifest, erased_in, now_ns)
            if data.is_dir():
                data.rmdir()  # Windows renames over nothing
            os.rename(staging, data)
            durable.sync_folder(data.parent)
        if database is not None:
            _move_rows(data, database)
    except OSError as error:
        raise durable.explained(f"{path.name} could not be restored.", error) from error
    return done


def _check_empty_database(database: str) -> None:
    engine = open_engine(Path(), database)
    try:
        check_empty(engine)
    finally:
        engine.dispose()


def _move_rows(data: Path, database: str) -> None:
    """Move the rows of a restored folder; where that fails, they are still in it."""
    source, target = open_engine(data), open_engine(data, database)
    try:
        move_rows(source, target, with_unfinished=True)
    except BiofeedbackError as error:
        raise StoreError(
            f"{data.name} is restored, but its rows are still in it: {error.message}",
            f"{error.advice} Then move them with 'biofeedback migrate --from'.",
        ) from error
    finally:
        source.dispose()
        target.dispose()
    for name in DATABASE_FILES:
        (data / name).unlink(missing_ok=True)


def _check_empty(data: Path) -> None:
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise SettingsError(
            f"'{data}' is not empty, and nothing is restored over what is there.",
            "Give a new folder with --data.",
        )


@contextmanager
def _cleared(staging: Path) -> Iterator[Path]:
    """Give an empty folder that is gone in the end, unless it got another name."""
    if staging.exists():  # of a restore that was killed
        shutil.rmtree(staging)
    staging.mkdir(mode=0o700)
    try:
        yield staging
    finally:
        if staging.exists():
            shutil.rmtree(staging)


# --- The archive ----------------------------------------------------------------------


@contextmanager
def _opened(
    path: Path, folder: Path, key: Key | None, passphrase: str | None
) -> Iterator[zipfile.ZipFile]:
    """Give the archive of the backup ``path``, opened and whole.

    A sealed one is opened into a file without a name in ``folder``.
    """
    with path.open("rb") as file:
        if file.read(len(AGE_MAGIC)) == AGE_MAGIC:
            if key is None:
                raise SettingsError(
                    f"{path.name} is sealed for a key.",
                    "Give the key file with --seal-key.",
                )
            file.seek(0)
            with _unsealed(file, folder, key, path.name) as archive:
                yield archive
            return
        with whole_archive(file, path.name) as archive:
            if KEY_NAME not in archive.namelist():
                yield archive
                return
            inner = _key(archive.read(KEY_NAME), passphrase, path.name)
            with (
                archive.open(SEALED_NAME) as sealed,
                _unsealed(sealed, folder, inner, path.name) as opened,
            ):
                yield opened


@contextmanager
def _unsealed(
    source: IO[bytes], folder: Path, key: Key, name: str
) -> Iterator[zipfile.ZipFile]:
    with tempfile.TemporaryFile(dir=folder) as file:
        key.decrypt(source, file, name)
        with whole_archive(file, name) as archive:
            yield archive


def _key(sealed: bytes, passphrase: str | None, name: str) -> Key:
    import pyrage

    if passphrase is None:
        raise SettingsError(
            f"{name} is sealed with a passphrase.",
            "Give it in a file with --passphrase-file.",
        )
    try:
        text = pyrage.passphrase.decrypt(sealed, passphrase).decode().strip()
    except pyrage.DecryptError as error:
        raise RecordingError(
            f"{name} does not open with this passphrase.",
            "Check its capital letters and spaces: each sign counts.",
        ) from error
    return Key([pyrage.x25519.Identity.from_str(text)])


def _manifest(archive: zipfile.ZipFile, name: str) -> Manifest:
    """Return the list of files, which must be that of what is there."""
    try:
        info = archive.getinfo(MANIFEST_NAME)
    except KeyError:
        raise RecordingError(
            f"{name} is no backup.", "Give a file that 'biofeedback backup' wrote."
        ) from None
    if info.file_size > MANIFEST_BYTES:
        raise damaged(name)
    try:
        manifest = msgspec.json.decode(archive.read(info), type=Manifest)
    except msgspec.MsgspecError as error:
        raise damaged(name) from error
    if manifest.format != FORMAT or manifest.schema > HEAD:
        raise StoreError(
            f"{name} was made by a newer version of biofeedback ({manifest.software}).",
            "Update this program and try again.",
        )
    names = [listed.name for listed in manifest.files]
    if sorted([*names, MANIFEST_NAME]) != sorted(archive.namelist()):
        raise damaged(name)
    if DATABASE_NAME not in names or not all(map(_stays_inside, names)):
        raise RecordingError(
            f"{name} holds files that do not belong into a data folder.",
            "Nothing was restored. Use a backup that you made yourself.",
        )
    return manifest


def _stays_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return (
        path.as_posix() == name
        and not path.is_absolute()
        and ".." not in path.parts
        and not any(sign in name for sign in ("\\", ":", "\0"))
    )


def _unpack(archive: zipfile.ZipFile, listed: Listed, folder: Path, name: str) -> None:
    target = folder.joinpath(*PurePosixPath(listed.name).parts)
    digest = hashlib.sha256()
    n_bytes = 0
    with (
        archive.open(listed.name) as source,
        os.fdopen(durable.create(target), "wb") as file,
    ):
        # Never more than is listed: a few bytes may unpack to more than a disk holds.
        while n_bytes <= listed.bytes and (chunk := source.read(CHUNK_BYTES)):
            digest.update(chunk)
            n_bytes += len(chunk)
            file.write(chunk)
        file.flush()
        durable.sync(file.fileno())
    if (n_bytes, digest.hexdigest()) != (listed.bytes, listed.sha256):
        raise damaged(name)


# --- The database ---------------------------------------------------------------------


def _check_database(path: Path, manifest: Manifest, name: str) -> None:
    try:
        with closing(opened_database(path)) as database:
            check_database(database)
            if schema_of(database) != manifest.schema:
                raise damaged(name)
    except sqlite3.Error as error:
        raise unreadable(path, error) from error


def _brought_up_to_date(
    folder: Path,
    manifest: Manifest,
    erased_in: Path | str | None,
    now_ns: Callable[[], int],
) -> Restored:
    """Migrate, take back what was taken back since, and write down what was done."""
    store = Store(folder, now_ns=now_ns)
    try:
        gone, n_ended = frozenset[str](), 0
        if erased_in is not None:
            with _looked_into(erased_in) as other:
                gone = _erased_since(store, folder, other)
                n_ended = _end_doors(store, other)
        for id in gone:
            erase(store, id)
        whole = store.audit.verify().whole
        store.audit.add(actor="console", role="console", action="restore")
        n_consents = _take_back_consents(store)
        people, accounts = store.people(), store.accounts
        here = [one for one in accounts.all() if one.clinic is None]
        return Restored(
            manifest=manifest,
            n_people=len(people),
            n_sessions=sum(len(store.sessions_of(person.id)) for person in people),
            n_erased=len(gone),
            n_accounts=len(here),
            n_ended=n_ended,
            n_consents=n_consents,
            lacks_admin=bool(here) and not accounts.any(Role.ADMIN),
            audit_whole=whole,
        )
    finally:
        store.close()


@contextmanager
def _looked_into(other: Path | str) -> Iterator[sqlite3.Connection]:
    if isinstance(other, str):
        with copied_to_memory(other) as database:
            yield database
        return
    path = other / DATABASE_NAME
    if not path.is_file():
        raise SettingsError(
            f"There is no data in '{other}'.",
            "Give the folder that the backup was made of.",
        )
    try:
        with closing(opened_database(path)) as database:
            yield database
    except sqlite3.Error as error:
        raise unreadable(path, error) from error


def _erased_since(
    store: Store, folder: Path, other: sqlite3.Connection
) -> frozenset[str]:
    """Return who is here and was erased in the database ``other`` since.

    A tombstone does not say whose it is. But people go in no other way than by being
    erased, so those who are not there any more are meant; and there must be a new
    tombstone for each of them, or it is another folder.
    """
    path = folder / DATABASE_NAME
    there = people_in(other)
    try:
        with closing(opened_database(path)) as database:
            since = tombstones_in(other) - tombstones_in(database)
    except sqlite3.Error as error:
        raise unreadable(path, error) from error
    gone = frozenset(person.id for person in store.people()) - there
    if len(gone) > len(since):
        raise SettingsError(
            "The backup was not made of what --erased-in names: there are people in it "
            "who were never known there.",
            "Give the folder it was made of, or leave out --erased-in.",
        )
    return gone


def _take_back_consents(store: Store) -> int:
    """End all consents: which of them were taken back since, nobody knows here."""
    held = store.consents.holding()
    store.clinics.end_all_copies()
    for person_id in sorted({row.person_id for row in held}):
        store.consents.revoke(person_id)
        store.audit.add(
            actor="console",
            role="console",
            action="consent.revoke",
            person_id=person_id,
        )
    return len(held)


def _end_doors(store: Store, other: sqlite3.Connection) -> int:
    """End what lets nobody in any more in ``other``; count the accounts."""
    doors, passkeys = doors_in(other), passkeys_in(other)
    n_ended = 0
    mine = store.accounts.all()
    with writing(store._engine) as connection:
        for account in mine:
            door = doors.get(account.id)
            if door is None:  # it goes with its person
                continue
            was_ns, is_ns = account.revoked_at_utc_ns, door.revoked_at_utc_ns
            n_ended += was_ns is None and is_ns is not None
            connection.execute(
                update(t.accounts)
                .where(t.accounts.c.id == account.id)
                .values(
                    password_hash=door.password_hash,
                    revoked_at_utc_ns=is_ns if was_ns is None else was_ns,
                )
            )
        connection.execute(
            delete(t.passkeys).where(t.passkeys.c.credential_id.not_in(passkeys))
        )
    return n_ended
