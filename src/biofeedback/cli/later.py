"""Commands and options that are promised and not there yet."""

from __future__ import annotations

from typing import Annotated, NoReturn

import typer

NOT_THERE_YET = {
    "user": "Accounts of a shared installation (not there yet).",
    "token": "Access tokens for programs (not there yet).",
}


def later(what: str) -> NoReturn:
    """Say that this is not there yet.

    Raises
    ------
    NotSoError
        Always.
    """
    from biofeedback.errors import NotSoError

    raise NotSoError(f"'{what}' is not there yet.", "See CHANGELOG.md for what is.")


def not_there_yet(
    context: typer.Context,
    _arguments: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
) -> None:
    """Stand in for a command that is promised."""
    later(str(context.info_name))
