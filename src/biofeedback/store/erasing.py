"""Erases a person: files, rows, and what the database would still hold of them.

What stays is a tombstone: the date, and a hash whose salt is thrown away, which leads
to nobody. A marker in the data folder says that an erasure has begun; it holds the salt
and the hash, and no name. Whoever opens the folder next carries it to its end
(:func:`finish_erasing`), wherever it was cut off::

    marker ─> files gone ─> rows gone, tombstone ─> database rewritten ─> marker gone

Files are unlinked, not overwritten: on the disks of today that would reach nothing.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from biofeedback.errors import BiofeedbackError, NotSoError
from biofeedback.model import Value
from biofeedback.recording import durable
from biofeedback.recording.keys import WrongKeyError
from biofeedback.recording.names import KEY_NAME
from biofeedback.recording.reader import open_recording
from biofeedback.recording.relabelling import sidecar_of
from biofeedback.recording.sealed import (
    RECORDING_SUFFIX,
    SUFFIX,
    TEMPORARY,
    NoKeyError,
    plain_name,
)
from biofeedback.store import tables as t
from biofeedback.store.catalogue import Store
from biofeedback.store.clinics import AUTHORITY, TICKET
from biofeedback.store.engine import (
    StoreError,
    reading,
    told_in_sentences,
    writing,
)
from biofeedback.store.homes import tombstone_of
from biofeedback.store.rows import Person, Role

MARKER_NAME = "erasing"
RECORDINGS = "recordings"
COPIES = "copies"
"""Where a hub writes what comes from homes, a folder for each."""

SEARCHED_BYTES = 1 << 20
HOLD_PEOPLE = tuple(
    table.name
    for table in t.metadata.sorted_tables
    if table not in (t.audit, t.tombstones)  # by hashes alone, which stay
)


class _Intent(Value, frozen=True):
    salt: str
    person: str

    def means(self, person: Person) -> bool:
        return _hash(self.salt, person.id) == self.person


class Erased(Value, frozen=True):
    """What was erased: how many sessions were listed, and how many files lay there."""

    n_sessions: int
    n_files: int


def erase(store: Store, person_id: str) -> Erased:
    """Erase everything of one person. Blocks; no session may go on meanwhile.

    May be called again after it failed or was cut off.

    Raises
    ------
    NotSoError
        When nobody has this id.
    StoreError
        When something could not be removed: the next start tries again.
    RecordingError
        When a sealed file that nobody has listed does not open: nothing is erased then.
    """
    finish_erasing(store)
    person = store.person(person_id)
    salt = secrets.token_hex(32)
    intent = _Intent(salt=salt, person=_hash(salt, person.id))
    try:
        # Whose a sealed file is, only the key tells: asked before anything is gone.
        _files_of(store, person, [one.id for one in store.sessions_of(person.id)])
        _mark(store.data, intent)
        return _carry_out(store, intent)
    except OSError as error:
        raise _untouchable(error) from error


def erase_files(store: Store, person_id: str) -> int:
    """Erase what lies in this data folder of one person; return how many files. Blocks.

    For a node that shares the store with the one that erases the rows, afterwards.

    Raises
    ------
    NotSoError
        When nobody has this id.
    StoreError
        When something could not be removed.
    RecordingError
        When a sealed file that nobody has listed does not open.
    """
    person = store.person(person_id)
    ids = [one.id for one in store.sessions_of(person.id)]
    try:
        return _remove_files(store, person, ids)
    except OSError as error:
        raise _untouchable(error) from error


def check_erasable(store: Store, person_id: str) -> None:
    """Check that nobody else needs what would go with this person. Blocks.

    Raises
    ------
    NotSoError
        When others' consents name this person's account: the receipts would go with
        it. Or when it is the only administrator's.
    """
    account = store.accounts.of_person(person_id)
    if account is None:
        return
    if any(row.person_id != person_id for row in store.consents.naming(account.id)):
        raise NotSoError(
            "Others' consents name this account, and they keep their receipts.",
            "Instead, an administrator ends it: 'biofeedback user revoke "
            f"{account.code}'.",
        )
    admins = [
        one
        for one in store.accounts.all()
        if one.role is Role.ADMIN and one.revoked_at_utc_ns is None
    ]
    if admins == [account]:
        raise NotSoError("This is the only administrator.", "Make another one first.")


def finish_erasing(store: Store) -> bool:
    """Carry an erasure that was cut off to its end; say whether there was one. Blocks.

    Raises
    ------
    StoreError
        When something could not be removed.
    """
    try:
        intent = _marked(store.data)
        if intent is None:
            return False
        _carry_out(store, intent)
    except OSError as error:
        raise _untouchable(error) from error
    return True


def _carry_out(store: Store, intent: _Intent) -> Erased:
    person = next(filter(intent.means, store.people()), None)
    n_sessions = n_files = 0
    if person is not None:
        ids = [session.id for session in store.sessions_of(person.id)]
        n_sessions = len(ids)
        n_files = _remove_files(store, person, ids)
        with writing(store._engine) as connection:
            _remove_rows(connection, person.id, store.now_ns())
            connection.execute(
                insert(t.tombstones).values(
                    id=intent.person, erased_at_utc_ns=store.now_ns()
                )
            )
    if not store.people():
        # It tells one strap from another, and nobody is left whose strap that is.
        (store.data / KEY_NAME).unlink(missing_ok=True)
        # Whoever practises here next is somebody else to the clinic.
        for name in (TICKET, AUTHORITY):
            (store.data / name).unlink(missing_ok=True)
        for clinic in store.clinics.all():
            store.clinics.leave(clinic.id)
    _rewrite(store)
    (store.data / MARKER_NAME).unlink()
    durable.sync_folder(store.data)
    return Erased(n_sessions=n_sessions, n_files=n_files)


# --- The marker -------------------------------------------------------------------


def _mark(data: Path, intent: _Intent) -> None:
    new = data / f"{MARKER_NAME}.new"
    new.unlink(missing_ok=True)
    with os.fdopen(durable.create(new), "wb") as file:
        file.write(msgspec.json.encode(intent))
        file.flush()
        durable.sync(file.fileno())
    new.replace(data / MARKER_NAME)
    durable.sync_folder(data)


def _marked(data: Path) -> _Intent | None:
    # Of one that was cut off before it counted, nothing has been done.
    (data / f"{MARKER_NAME}.new").unlink(missing_ok=True)
    try:
        return msgspec.json.decode((data / MARKER_NAME).read_bytes(), type=_Intent)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise StoreError(
            "An erasure was begun, and its marker cannot be read.",
            f"Remove the file '{MARKER_NAME}' from the data folder, and erase again.",
        ) from error


def _hash(salt: str, person_id: str) -> str:
    return hashlib.sha256(f"{salt}:{person_id}".encode()).hexdigest()


# --- Files ------------------------------------------------------------------------


def _files_of(store: Store, person: Person, ids: Iterable[str]) -> list[Path]:
    """Return the files of this person; of what lies beside them, only what is there."""
    folder = store.data / RECORDINGS
    alone = store.people() == (person,)
    mine = {*ids}
    listed = {row.path for id, row in store.recordings().items() if id not in mine}
    theirs = tuple(
        session.id
        for other in store.people()
        if other != person
        for session in store.sessions_of(other.id)
    )
    names = _tokens((*mine, person.id, person.pseudonym))
    found = []
    for path in sorted(folder.rglob("*")):
        name = plain_name(path).relative_to(store.data).as_posix()
        if path.is_dir() or name in listed:
            continue
        if alone or _is_of(path, person, mine, theirs, names):
            found.append(path)
    return found


def _remove_files(store: Store, person: Person, ids: Iterable[str]) -> int:
    folder = store.data / RECORDINGS
    n_files = 0
    for path in _files_of(store, person, ids):
        beside = sidecar_of(path)
        # First what lies beside it: alone, it might not say whose it is.
        if plain_name(path).suffix == RECORDING_SUFFIX and beside.is_file():
            beside.unlink()
            n_files += 1
        if path.exists():
            path.unlink()
            n_files += 1
    for home in store.homes.all():
        if home.person_id == person.id:
            n_files += _remove_journals(store.data / COPIES / home.id)
    # Their names are months in which somebody practised.
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
            durable.sync_folder(path.parent)
    return n_files


def _remove_journals(folder: Path) -> int:
    """Remove what a hub keeps of one home beside the finished recordings."""
    if not folder.is_dir():
        return 0
    paths = sorted(folder.iterdir())
    for path in paths:
        path.unlink(missing_ok=True)
    with suppress(OSError):  # something came in this moment: the hub removes it
        folder.rmdir()
    durable.sync_folder(folder.parent)
    return len(paths)


def _tokens(words: Iterable[str]) -> re.Pattern[bytes]:
    """Return what finds any of these words, but not within a longer one."""
    either = b"|".join(re.escape(word.encode()) for word in words)
    return re.compile(rb"(?<![A-Za-z0-9_-])(?:" + either + rb")(?![A-Za-z0-9_-])")


def _is_of(
    path: Path,
    person: Person,
    mine: set[str],
    theirs: tuple[str, ...],
    names: re.Pattern[bytes],
) -> bool:
    """Say whether a file is of this person, though the store may not know it."""
    stem = path.name.split(".")[0]
    if stem in mine or path.name.endswith(SUFFIX + TEMPORARY):
        return True  # the latter is worth nothing, whose it may be
    if stem.startswith(theirs):
        return False
    try:
        return open_recording(path).info.person == person.pseudonym
    except (NoKeyError, WrongKeyError):
        raise
    except BiofeedbackError:
        with path.open("rb") as file:  # what says whose it is stands at its beginning
            head = file.read(SEARCHED_BYTES)
        return names.search(head) is not None


# --- Rows -------------------------------------------------------------------------


def _remove_rows(connection: Connection, person_id: str, now_ns: int) -> None:
    person = select(t.people.c.id).where(t.people.c.id == person_id)
    sessions = select(t.sessions.c.id).where(t.sessions.c.person_id == person_id)
    accounts = select(t.accounts.c.id).where(t.accounts.c.person_id == person_id)
    # Another node may be about to add to what goes: then it does so before, or not at
    # all. (SQLite has one writer, and knows no such thing.)
    for held in (person, sessions, accounts):
        connection.execute(held.with_for_update())
    for table in (t.practised, t.estimates, t.ratings, t.recordings):
        connection.execute(delete(table).where(table.c.session_id.in_(sessions)))
    invites = t.invites.c
    connection.execute(
        update(t.invites)
        .where(invites.created_by.in_(accounts))
        .values(created_by=None)
    )
    connection.execute(delete(t.invites).where(invites.became.in_(accounts)))
    for table in (t.passkeys, t.access_tokens, t.invites, t.consents, t.notes):
        connection.execute(delete(table).where(table.c.account_id.in_(accounts)))
    homes = select(t.homes.c.id).where(t.homes.c.person_id == person_id)
    for home_id in connection.scalars(homes).all():
        mark = tombstone_of(home_id)  # hubs that are away remove theirs later
        connection.execute(
            insert(t.tombstones).values(id=mark, erased_at_utc_ns=now_ns)
        )
    for table in (
        *(t.estimates, t.diary, t.consents, t.copy_consents, t.notes, t.invites),
        *(t.sessions, t.homes),
        *(t.sign_ins, t.accounts, t.audit_keys),
    ):
        connection.execute(delete(table).where(table.c.person_id == person_id))
    connection.execute(delete(t.people).where(t.people.c.id == person_id))


def _rewrite(store: Store) -> None:
    """Write the database anew, and empty its journal: deleted rows lie in both.

    What PostgreSQL's journal and backups still hold is for those who run it.
    """
    if store.is_shared:
        from biofeedback.store import postgresql

        try:
            with told_in_sentences(store._engine):
                postgresql.rewrite(store._engine, HOLD_PEOPLE)
        except StoreError as error:
            raise _unwritten() from error
        return
    with reading(store._engine):
        pass  # told in sentences where it cannot be opened
    raw = store._engine.raw_connection()
    try:
        connection = raw.dbapi_connection
        assert connection is not None
        cursor = connection.cursor()
        cursor.execute("PRAGMA secure_delete=ON")
        cursor.execute("VACUUM")
        busy = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        cursor.close()
    except sqlite3.Error as error:
        raise _unwritten() from error
    finally:
        raw.close()
    if busy:
        raise _unwritten()


def _unwritten() -> StoreError:
    return StoreError(
        "The rows are gone, but the database could not be written anew.",
        "Make some room on its disk and start again: that finishes it.",
    )


def _untouchable(error: OSError) -> StoreError:
    return StoreError(
        f"Not everything could be erased ({error.strerror or error}).",
        "Close other programs that use this data folder and start again: that "
        "finishes it.",
    )
