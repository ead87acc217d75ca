"""The whole data folder in one file, and back: `backup` and `restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from biofeedback.cli.nodes import Database
from biofeedback.cli.shared import Data
from biofeedback.cli.terminal import notice

PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        metavar="FILE",
        help="Sealed with the passphrase that stands in this file.",
    ),
]

SHORTEST_PASSPHRASE = 12
"""A backup can be tried at leisure; the first twelve signs are the floor."""


def backup(
    out: Annotated[Path, typer.Argument(metavar="OUT", show_default=False)],
    data: Data = None,
    database: Database = None,
    passphrase_file: PassphraseFile = None,
    recipient: Annotated[
        str | None,
        typer.Option(
            metavar="age1...", help="Sealed for this public key ('keys create')."
        ),
    ] = None,
) -> None:
    """Write everything that is kept into one file; a running service may go on."""
    from biofeedback.errors import SettingsError
    from biofeedback.settings import Settings
    from biofeedback.store.backup import back_up

    if passphrase_file is not None and recipient is not None:
        raise SettingsError(
            "A backup is sealed in one way.",
            "Give either --passphrase-file or --recipient.",
        )
    done = back_up(
        Settings.of(data=data).data,
        out,
        database=database or None,
        recipient=recipient,
        passphrase=_passphrase(passphrase_file),
    )
    print(
        f"{out}: {done.n_recordings} recordings, {done.n_files} files, "
        f"{done.size_bytes / 1e6:.1f} MB."
    )
    for name in done.left_out:
        notice(f"Left out: {name}")
    if any(name.endswith(".part") for name in done.left_out):
        notice("A session goes on. Its recording will be in the next backup.")
    if done.n_sealed:
        notice(
            f"{done.n_sealed} recordings in it are sealed. Their key is not in it: "
            "keep a copy of the key file elsewhere."
        )
    if passphrase_file is None and recipient is None:
        notice("Whoever has this file can read all of it. Keep it where nobody can.")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", show_default=False)],
    data: Annotated[
        Path,
        typer.Option(
            metavar="NEWDIR", show_default=False, help="A folder that is new or empty."
        ),
    ],
    database: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="An empty PostgreSQL that people and sessions go into."
        ),
    ] = None,
    passphrase_file: PassphraseFile = None,
    key_file: Annotated[
        Path | None,
        typer.Option("--seal-key", metavar="FILE", help="Opens what is sealed for it."),
    ] = None,
    erased_in: Annotated[
        str | None,
        typer.Option(
            "--erased-in",
            metavar="DIR|URL",
            help="The old folder or database: who was erased there since is erased "
            "again, and accounts that were ended are ended again.",
        ),
    ] = None,
) -> None:
    """Bring a backup back into a new folder, once every byte of it is checked."""
    from contextlib import suppress
    from datetime import UTC, datetime

    from biofeedback.errors import SettingsError
    from biofeedback.recording.keys import Key, key_in_use, read_key
    from biofeedback.settings import Settings
    from biofeedback.store.restoring import restore as restored

    key: Key | None = None
    if key_file is not None:
        key = read_key(key_file)
    else:
        with suppress(SettingsError):  # it is lost, and not needed for this backup
            key = key_in_use()
    folder = Settings.of(data=data).data
    done = restored(
        file,
        folder,
        key=key,
        passphrase=_passphrase(passphrase_file),
        erased_in=_place(erased_in),
        database=database,
    )
    made = datetime.fromtimestamp(done.manifest.made_at_utc_ns / 1e9, UTC)
    print(
        f"{folder}: {done.n_people} people and {done.n_sessions} sessions, as they "
        f"were on {made:%Y-%m-%d at %H:%M} UTC. Everyone signs in anew."
        + (" Consents are asked anew." if done.n_consents else "")
    )
    if done.n_erased:
        print(f"{done.n_erased} people who were erased since are erased again.")
    if done.n_ended:
        print(f"{done.n_ended} accounts that were ended since are ended again.")
    if done.lacks_admin:
        notice(
            "No administrator is left. Make one before anything else: 'biofeedback "
            "user add --role admin NAME'."
        )
    for name in done.manifest.left_out:
        notice(f"Not in the backup: {name}")
    if not done.audit_whole:
        notice(
            "The audit in it is not whole: 'biofeedback audit verify' says from where."
        )
    if erased_in is None:
        notice(
            f"Whoever was erased after {made:%Y-%m-%d at %H:%M} UTC is here again. "
            "Erase them with 'biofeedback person erase'."
        )
        if done.n_accounts:
            notice(
                "Accounts that were ended since are good again, and so are the "
                "passwords and passkeys of then. End accounts with 'biofeedback user "
                "revoke'; 'biofeedback user invite --for NAME' makes what lets "
                "somebody in anew."
            )


def _place(text: str | None) -> Path | str | None:
    from biofeedback.store.engine import is_url

    return text if text is None or is_url(text) else Path(text)


def _passphrase(path: Path | None) -> str | None:
    from biofeedback.errors import SettingsError

    if path is None:
        return None
    try:
        text = path.read_text("utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(
            f"The passphrase file '{path.name}' cannot be read ({why}).",
            "Give a text file whose first line is the passphrase.",
        ) from error
    if len(text) < SHORTEST_PASSPHRASE:
        raise SettingsError(
            f"The passphrase in '{path.name}' is too short to be safe.",
            f"Give it at least {SHORTEST_PASSPHRASE} signs; four words that do not "
            "belong together are good.",
        )
    return text
