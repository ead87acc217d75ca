"""Access tokens for programs: `token add`, `list` and `revoke`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from biofeedback.cli.nodes import Database
from biofeedback.cli.options import AsJson
from biofeedback.cli.shared import Data
from biofeedback.cli.terminal import notice, print_json

token = typer.Typer(
    help="Access tokens, by which programs act for an account.", no_args_is_help=True
)


class Scope(StrEnum):
    """How much a program may."""

    READ = "read"
    ALL = "all"


@token.callback()
def about() -> None:
    """Look after access tokens, while the service runs or not."""


@token.command()
def add(
    account: Annotated[
        str, typer.Argument(metavar="NAME", show_default=False, help="Whose account.")
    ],
    label: Annotated[
        str, typer.Option(metavar="TEXT", show_default=False, help="What it is for.")
    ],
    scope: Annotated[Scope, typer.Option(help="Whether it may change things.")] = (
        Scope.READ
    ),
    days: Annotated[
        int, typer.Option(min=1, max=366, help="How long it is good.")
    ] = 90,
    data: Data = None,
    database: Database = None,
) -> None:
    """Print a new access token, this once: only its hash is kept."""
    import secrets

    from ulid import ULID

    from biofeedback.cli.shared import account_named, audited, day, shared_store
    from biofeedback.errors import NotSoError
    from biofeedback.service.sign_ins import NS_PER_S, TOKEN_PREFIX, sha256
    from biofeedback.store import AccessTokenRow

    with shared_store(data, database) as store:
        row = account_named(store, account)
        if row.revoked_at_utc_ns is not None:
            raise NotSoError(f"The account '{account}' is revoked.", "Choose another.")
        secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
        now_ns = store.now_ns()
        made = AccessTokenRow(
            id=str(ULID()),
            token_sha256=sha256(secret),
            account_id=row.id,
            label=" ".join(label.split())[:60],
            scope=scope.value,
            created_at_utc_ns=now_ns,
            expires_at_utc_ns=now_ns + days * 24 * 3600 * NS_PER_S,
        )
        store.accounts.add_token(made)
        audited(store, "token.add", row)
    print(secret)
    notice(
        f"Send it as 'Authorization: Bearer TOKEN'. It is good until "
        f"{day(made.expires_at_utc_ns)} and is not shown again."
    )


@token.command("list")
def list_(json: AsJson = False, data: Data = None, database: Database = None) -> None:
    """List the access tokens that were made, without what is secret of them."""
    from biofeedback.cli.shared import day, shared_store

    with shared_store(data, database) as store:
        rows = store.accounts.tokens()
        names = {one.id: one.name for one in store.accounts.all()}
        now_ns = store.now_ns()
    told = [
        {
            "id": row.id,
            "account": names[row.account_id],
            "label": row.label,
            "scope": row.scope,
            "expires": day(row.expires_at_utc_ns),
            "state": "revoked"
            if row.revoked_at_utc_ns is not None
            else ("expired" if now_ns >= row.expires_at_utc_ns else "good"),
        }
        for row in rows
    ]
    if json:
        print_json(told)
        return
    for one in told:
        print(
            f"{one['id']}  {one['account']}  {one['scope']:<4}  until "
            f"{one['expires']}  {one['state']:<7}  {one['label']}"
        )


@token.command()
def revoke(
    id: Annotated[str, typer.Argument(metavar="ID", show_default=False)],
    data: Data = None,
    database: Database = None,
) -> None:
    """Make an access token void; what is open by it ends within five seconds."""
    from biofeedback.cli.shared import audited, shared_store
    from biofeedback.errors import NotSoError

    with shared_store(data, database) as store:
        found = next((one for one in store.accounts.tokens() if one.id == id), None)
        if found is None:
            raise NotSoError(
                "There is no such access token.", "'biofeedback token list' shows them."
            )
        store.accounts.revoke_token(id)
        audited(store, "token.revoke", store.accounts.get(found.account_id))
    print(f"{id} is revoked.")
