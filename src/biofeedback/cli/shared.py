"""The store of a shared installation, whether or not its service is running.

SQLite lets two processes write by turns, and the service asks the store anew for each
request, so accounts can be looked after while it runs. Two things need it stopped:
making the first account (it would go on serving the owner), and a database that another
version wrote (it would be changed under its hands).
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
def shared_store(data: Path | None, *, makes_accounts: bool = False) -> Iterator[Store]:
    """Open the store in a data folder.

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
    if not makes_accounts and not (folder / DATABASE_NAME).is_file():
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
