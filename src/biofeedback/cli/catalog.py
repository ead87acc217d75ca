"""The list of recordings: `catalog rebuild`, and how they lie: `seal`, `unseal`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from biofeedback.cli.keys import KeyFile
from biofeedback.cli.nodes import Database
from biofeedback.cli.shared import Data, held_store
from biofeedback.cli.terminal import notice

if TYPE_CHECKING:
    from biofeedback.recording.sealed import Turned

catalog = typer.Typer(
    help="The list of recordings, which can be made anew from the files.",
    no_args_is_help=True,
)


@catalog.callback()
def about() -> None:
    """Look after the list of recordings."""


@catalog.command()
def rebuild(data: Data = None, database: Database = None) -> None:
    """Make the list of recordings anew from the recordings themselves."""
    from biofeedback.service.cataloguing import rebuild as rebuilt_from

    with held_store(data, database) as store:
        found = rebuilt_from(store, notice)
    print(f"{found.n_recordings} recordings with {found.n_ratings} ratings are listed.")
    if found.n_unfinished:
        print(
            f"{found.n_unfinished} unfinished: they are recovered when 'biofeedback "
            "run' starts next."
        )
    if found.missing:
        print(f"{len(found.missing)} were listed, but their files are gone.")
    raise typer.Exit(1 if found.refused else 0)


@catalog.command()
def seal(data: Data = None, key_file: KeyFile = None) -> None:
    """Seal all recordings that are closed: they open with the key alone."""
    done = _turned(data, key_file, to_seal=True)
    print(f"{done.n} recordings are sealed.")
    raise typer.Exit(1 if done.refused else 0)


@catalog.command()
def unseal(data: Data = None, key_file: KeyFile = None) -> None:
    """Let all recordings lie unsealed again."""
    done = _turned(data, key_file, to_seal=False)
    print(f"{done.n} recordings are unsealed.")
    raise typer.Exit(1 if done.refused else 0)


def _turned(data: Path | None, key_file: Path | None, *, to_seal: bool) -> Turned:
    from biofeedback.cli.keys import chosen_key
    from biofeedback.recording.sealed import seal_all, unseal_all
    from biofeedback.settings import Settings
    from biofeedback.store import DataLock

    folder = Settings.of(data=data).data
    key = chosen_key(key_file, folder)
    with DataLock(folder):
        done = (seal_all if to_seal else unseal_all)(folder / "recordings", key)
    for refused in done.refused:
        notice(refused)
    return done
