"""Accounts of a shared installation: `user add`, `list`, `invite` and `revoke`."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from biofeedback.cli.nodes import Database
from biofeedback.cli.options import AsJson
from biofeedback.cli.shared import Data
from biofeedback.cli.terminal import notice, print_json

user = typer.Typer(
    help="Accounts of a shared installation: make, list, invite and revoke them.",
    no_args_is_help=True,
)


class For(StrEnum):
    """What an account is for."""

    PATIENT = "patient"
    THERAPIST = "therapist"
    RESEARCHER = "researcher"
    ADMIN = "admin"


Name = Annotated[
    str, typer.Argument(metavar="NAME", show_default=False, help="To sign in with.")
]
RoleOption = Annotated[For, typer.Option(show_default=False, help="What it is for.")]
Pseudonym = Annotated[
    str | None,
    typer.Option(
        "--person",
        metavar="PSEUDONYM",
        help="Whom it belongs to, who has practised here before.",
    ),
]


@user.callback()
def about() -> None:
    """Look after accounts. All but the first can be made while the service runs."""


@user.command()
def add(
    name: Name,
    role: RoleOption,
    display: Annotated[
        str | None, typer.Option(metavar="TEXT", help="How others see them.")
    ] = None,
    pseudonym: Pseudonym = None,
    password_stdin: Annotated[
        bool,
        typer.Option("--password-stdin", help="Read the password from one line."),
    ] = False,
    data: Data = None,
    database: Database = None,
) -> None:
    """Make an account with a password. The first one is an administrator's."""
    import asyncio

    from biofeedback.cli.shared import audited, person_called, shared_store
    from biofeedback.errors import NotSoError
    from biofeedback.service.inviting import checked_display, checked_name
    from biofeedback.service.passwords import Passwords, check_password
    from biofeedback.store import Role

    name = checked_name(name)
    display = checked_display(display or name)
    with shared_store(data, database, makes_accounts=True) as store:
        is_first = not store.accounts.any()
        if role is not For.ADMIN and not store.accounts.any(Role.ADMIN):
            raise NotSoError(
                "The first account is an administrator's, who looks after the others.",
                "Make it with --role admin.",
            )
        person = person_called(store, pseudonym)
        if store.accounts.named(name) is not None:
            raise NotSoError(f"The name '{name}' is taken.", "Choose another one.")
        password = _line_of_stdin() if password_stdin else _asked()
        check_password(password, name, display)
        account = store.accounts.add(
            name=name,
            display=display,
            role=Role(role.value),
            password_hash=asyncio.run(Passwords().hash(password)),
            person_id=None if person is None else person.id,
        )
        audited(store, "account.add", account)
        alone = [one for one in store.people() if one.id != account.person_id]
        left = alone if is_first else []
    print(f"{account.code}: '{name}' can sign in, as {role.value}.")
    if left:
        notice(
            f"Recordings of {', '.join(one.pseudonym for one in left)} are here from "
            "before. 'biofeedback user invite --role patient --person PSEUDONYM' lets "
            "their owner sign in to them."
        )


@user.command("list")
def list_(json: AsJson = False, data: Data = None, database: Database = None) -> None:
    """List the accounts."""
    from biofeedback.cli.shared import day, shared_store

    with shared_store(data, database) as store:
        rows = store.accounts.all()
        seen = store.accounts.last_seen()
        people = {one.id: one.pseudonym for one in store.people()}
    if json:
        print_json(
            [
                {
                    "code": row.code,
                    "name": row.name,
                    "display": row.display,
                    "role": row.role.value,
                    "person": people[row.person_id],
                    "revoked": row.revoked_at_utc_ns is not None,
                }
                for row in rows
            ]
        )
        return
    for row in rows:
        end = "" if row.revoked_at_utc_ns is None else "  revoked"
        print(
            f"{row.code}  {row.role.value:<10}  {row.name}  {people[row.person_id]}  "
            f"seen {day(seen.get(row.id))}{end}"
        )


@user.command()
def invite(
    role: Annotated[
        For | None, typer.Option(show_default=False, help="What it is for.")
    ] = None,
    renew: Annotated[
        str | None,
        typer.Option(
            "--for", metavar="NAME", help="New credentials for this account instead."
        ),
    ] = None,
    pseudonym: Pseudonym = None,
    url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The address 'biofeedback run' prints."),
    ] = None,
    data: Data = None,
    database: Database = None,
) -> None:
    """Print a link that makes one account, once, within 72 hours."""
    from biofeedback.cli.shared import (
        account_named,
        audited,
        person_called,
        shared_store,
    )
    from biofeedback.service.inviting import invite as invited
    from biofeedback.service.inviting import link, renewal
    from biofeedback.settings import Settings
    from biofeedback.store import Role

    if (role is None) == (renew is None):
        raise typer.BadParameter("Give either --role ROLE or --for NAME.")
    with shared_store(data, database, makes_accounts=True) as store:
        if renew is not None:
            account = account_named(store, renew)
            _, token = renewal(store, account)
            audited(store, "account.reset", account)
        else:
            assert role is not None
            person = person_called(store, pseudonym)
            _, token = invited(
                store,
                Role(role.value),
                person_id=None if person is None else person.id,
            )
            audited(store, "invite.make")
    print(link(url or Settings.of(data=data).url, token))
    if url is None:
        notice(
            "If the service has another address, put it in place of the one before "
            "'#', or give it with --url."
        )


@user.command()
def revoke(name: Name, data: Data = None, database: Database = None) -> None:
    """End an account for ever, and sign it out everywhere within five seconds."""
    from biofeedback.cli.shared import account_named, audited, shared_store

    with shared_store(data, database) as store:
        account = account_named(store, name)
        store.accounts.revoke(account.id)
        audited(store, "account.revoke", account)
    print(f"{account.code} is revoked; its recordings stay.")


def _line_of_stdin() -> str:
    return sys.stdin.readline().rstrip("\r\n")


def _asked() -> str:
    import getpass

    from biofeedback.errors import NotSoError, SettingsError

    if not sys.stdin.isatty():
        raise SettingsError(
            "There is no terminal to ask for the password at.",
            "Send it in one line with --password-stdin, or use 'user invite'.",
        )
    password = getpass.getpass("Password (10 signs or more): ")
    if getpass.getpass("The same again: ") != password:
        raise NotSoError("These were two different passwords.", "Try again.")
    return password
