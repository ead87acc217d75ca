"""The store of a shared installation, whether or not its service is running.

SQLite lets two processes write by turns, and the service asks the store anew for each
request, so accounts can be looked after while it runs. Two things need it stopped:
making the first account (it would go on serving the owner), and a database that another
version wrote (it would be changed under its hands).

Whether a service runs is known by the lock of its data folder. Of PostgreSQL that tells
nothing: services are on other machines. There the server knows who is connected; and
nothing but `migrate`, `run` and the first account ever changes its tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from biofeedback.store import AccountRow, Person, Store

Data = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Where everything is kept.")
]


@contextmanager
def shared_store(
    data: Path | None,
    database: str | None = None,
    *,
    makes_accounts: bool = False,
    may_be_new: bool = False,
) -> Iterator[Store]:
    """Open the store of a data folder or ``database``; ``may_be_new`` makes it.

    Raises
    ------
    NotSoError
        When a service is running that must be stopped first.
    """
    from biofeedback.errors import NotSoError
    from biofeedback.settings import Settings
    from biofeedback.store import DataLock, Store, StoreError
    from biofeedback.store.engine import DATABASE_NAME, open_engine
    from biofeedback.store.tables import HEAD
    from biofeedback.store.upgrade import current_version

    folder = Settings.of(data=data).data
    may_be_new = may_be_new or makes_accounts
    if database:
        with _in_postgresql(
            folder, database, makes_accounts=makes_accounts, may_be_new=may_be_new
        ) as store:
            yield store
        return
    if not may_be_new and not (folder / DATABASE_NAME).is_file():
        raise NotSoError(
            f"There is no database in {folder}.", "Check --data; nothing was made."
        )
    stop_it = "Stop the service with Ctrl-C, do this again, then start it."
    with ExitStack() as held:
        try:
            held.enter_context(DataLock(folder))
            is_running = False
        except StoreError:
            is_running = True
            engine = open_engine(folder)
            try:
                version = current_version(engine)
            finally:
                engine.dispose()
            if version != HEAD:
                raise NotSoError(
                    "The service that is running is of another version.", stop_it
                ) from None
        store = Store(folder)
        held.callback(store.close)
        if is_running and makes_accounts and not store.accounts.any():
            raise NotSoError(
                "A service is running here for one person alone, and the first "
                "account would end that.",
                stop_it,
            )
        yield store


@contextmanager
def _in_postgresql(
    folder: Path, database: str, *, makes_accounts: bool, may_be_new: bool
) -> Iterator[Store]:
    from biofeedback.errors import NotSoError
    from biofeedback.store import Store
    from biofeedback.store.postgresql import others_on

    check_version(database, may_be_new=may_be_new)
    store = Store(folder, database)
    try:
        if makes_accounts and not store.accounts.any() and others_on(store._engine):
            raise NotSoError(
                "Something else is using this database, and the first account may "
                "end what a service does for one person alone.",
                "Stop every service on it, do this again, then start them.",
            )
        yield store
    finally:
        store.close()


def check_version(database: str, *, may_be_new: bool = False) -> None:
    """Check that the tables in PostgreSQL are of this version.

    Raises
    ------
    NotSoError
        When they are not, or there are none.
    """
    from biofeedback.errors import NotSoError
    from biofeedback.store.engine import open_engine
    from biofeedback.store.tables import HEAD
    from biofeedback.store.upgrade import current_version

    engine = open_engine(Path(), database)
    try:
        version = current_version(engine)
    finally:
        engine.dispose()
    if version is None and not may_be_new:
        raise NotSoError(
            "There is nothing in this database yet.",
            "Check --database; nothing was made.",
        )
    if version not in (None, HEAD):
        raise NotSoError(
            "Another version of biofeedback wrote this database.",
            "Use that one. Or bring it up to date with 'biofeedback migrate'.",
        )


@contextmanager
def held_store(data: Path | None, database: str | None = None) -> Iterator[Store]:
    """Open the store of a data folder that no service holds meanwhile.

    Of a PostgreSQL other nodes may go on using what is theirs.

    Raises
    ------
    StoreError
        When a service is running here.
    """
    from biofeedback.settings import Settings
    from biofeedback.store import DataLock, Store

    folder = Settings.of(data=data).data
    with DataLock(folder):
        if database:
            check_version(database, may_be_new=True)
        store = Store(folder, database or None)
        try:
            yield store
        finally:
            store.close()


def account_named(store: Store, name: str) -> AccountRow:
    """Return the account of this name or code.

    Raises
    ------
    NotSoError
        When there is none.
    """
    from biofeedback.errors import NotSoError
    from biofeedback.service.inviting import typed_name

    found = store.accounts.named(typed_name(name)) or store.accounts.coded(name.upper())
    if found is None:
        raise NotSoError(
            f"There is no account '{name}'.", "'biofeedback user list' shows them."
        )
    return found


def person_called(store: Store, pseudonym: str | None) -> Person | None:
    """Return the person of this pseudonym; ``None`` is nobody.

    Raises
    ------
    NotSoError
        When there is none.
    """
    from biofeedback.errors import NotSoError

    if pseudonym is None:
        return None
    everyone = store.people()
    for one in everyone:
        if one.pseudonym == pseudonym:
            return one
    known = ", ".join(one.pseudonym for one in everyone)
    raise NotSoError(
        f"There is no person '{pseudonym}' here.",
        f"Known here: {known}." if known else "Nobody has practised here yet.",
    )


def audited(store: Store, action: str, account: AccountRow | None = None) -> None:
    """Write down what was done at the command line."""
    from biofeedback.service.inviting import about

    store.audit.add(actor="console", role="console", action=action, **about(account))


def day(utc_ns: int | None) -> str:
    """Return the date of an instant."""
    from datetime import UTC, datetime

    if utc_ns is None:
        return "-"
    return f"{datetime.fromtimestamp(utc_ns // 1_000_000_000, UTC):%Y-%m-%d}"
