"""The key that recordings are sealed with: `keys create`, and how it is chosen."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from biofeedback.cli.terminal import notice

if TYPE_CHECKING:
    from biofeedback.recording.keys import Key

keys = typer.Typer(
    help="The key that closed recordings are sealed with.", no_args_is_help=True
)

KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--seal-key",
        metavar="FILE",
        help="Seal closed recordings with this key; else BIOFEEDBACK_KEY_FILE.",
    ),
]


@keys.callback()
def about() -> None:
    """Look after the key of sealed recordings."""


@keys.command()
def create(
    file: Annotated[Path, typer.Argument(metavar="FILE", show_default=False)],
) -> None:
    """Make a new key, in a file that belongs outside of the data folder."""
    from datetime import UTC, datetime

    from biofeedback.recording.keys import create_key

    key = create_key(file, at=datetime.now(UTC).isoformat(timespec="seconds"))
    print(f"{file}: {key.public}")
    notice(
        "Keep a copy of this file elsewhere. Whoever loses it loses every recording "
        "that is sealed with it: nobody can open them without."
    )


def chosen_key(file: Path | None, data: Path) -> Key:
    """Return the key that is to seal what lies in ``data``.

    Raises
    ------
    SettingsError
        When none was given, it cannot be read, or lies in ``data``.
    """
    from biofeedback.errors import SettingsError
    from biofeedback.recording.keys import KEY_VARIABLE, read_key

    if file is None and (named := os.environ.get(KEY_VARIABLE)):
        file = Path(named)
    if file is None:
        raise SettingsError(
            "No key was given.",
            f"Give its file with --seal-key or in {KEY_VARIABLE}; 'biofeedback keys "
            "create' makes one.",
        )
    file = file.expanduser()
    if file.resolve().is_relative_to(data.resolve()):
        raise SettingsError(
            "The key file lies in the data folder: whoever had the one would have the "
            "other.",
            "Move it elsewhere, such as to a stick that you keep apart.",
        )
    return read_key(file)


def use_key(file: Path | None, data: Path) -> None:
    """Seal recordings in ``data`` from now on, if a key is given.

    Raises
    ------
    SettingsError
        When it cannot be used.
    """
    from biofeedback.recording.keys import KEY_VARIABLE

    if file is not None:  # the processes that are started from here need it too
        os.environ[KEY_VARIABLE] = str(file.expanduser().absolute())
    if os.environ.get(KEY_VARIABLE):
        chosen_key(None, data)
