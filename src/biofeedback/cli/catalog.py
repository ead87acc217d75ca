"""The list of recordings: `catalog rebuild`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from biofeedback.cli.terminal import notice

catalog = typer.Typer(
    help="The list of recordings, which can be made anew from the files.",
    no_args_is_help=True,
)


@catalog.callback()
def about() -> None:
    """Look after the list of recordings."""


@catalog.command()
def rebuild(
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where everything is kept.")
    ] = None,
) -> None:
    """Make the list of recordings anew from the recordings themselves."""
    from biofeedback.service.cataloguing import rebuild as rebuilt_from
    from biofeedback.settings import Settings
    from biofeedback.store import DataLock, Store

    folder = Settings.of(data=data).data
    with DataLock(folder):
        store = Store(folder)
        try:
            found = rebuilt_from(store, notice)
        finally:
            store.close()
    print(f"{found.n_recordings} recordings with {found.n_ratings} ratings are listed.")
    if found.n_unfinished:
        print(
            f"{found.n_unfinished} unfinished: they are recovered when 'biofeedback "
            "run' starts next."
        )
    if found.missing:
        print(f"{len(found.missing)} were listed, but their files are gone.")
    raise typer.Exit(1 if found.refused else 0)
