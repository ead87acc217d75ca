"""The audit: `audit verify` and `audit list`. Both only read, also while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from biofeedback.cli.nodes import Database
from biofeedback.cli.shared import Data, check_version

if TYPE_CHECKING:
    from biofeedback.store.audit import Audit

audit = typer.Typer(
    help="Who did and saw what: is the list whole, and what does it say?",
    no_args_is_help=True,
)


@audit.callback()
def about() -> None:
    """Look into the audit."""


@audit.command()
def verify(
    head: Annotated[
        str | None,
        typer.Option(
            metavar="SHA256", help="A hash that this command printed: still in it?"
        ),
    ] = None,
    data: Data = None,
    database: Database = None,
) -> None:
    """Check that no row was changed, removed or put in between."""
    with _kept(data, database) as rows:
        verdict = rows.verify(head)
    if verdict.broken_seq is not None:
        print(
            f"Row {verdict.broken_seq} is not as it was written, or one before it is "
            "missing."
        )
        print("Keep this data folder as it is, and compare it with a backup.")
        raise typer.Exit(1)
    print(f"{verdict.n_rows} rows, whole.")
    print(f"The newest is {verdict.head}")
    if not verdict.holds:
        print(f"{head} is not in it: rows were cut off, or it is of another folder.")
        raise typer.Exit(1)
    if head is None and verdict.n_rows:
        print(
            "Write this down elsewhere: 'biofeedback audit verify --head ...' then "
            "tells whether rows were cut off at the end."
        )


@audit.command("list")
def show(
    limit: Annotated[
        int, typer.Option(min=1, max=100_000, help="How many of the newest.")
    ] = 50,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = (
        False
    ),
    data: Data = None,
    database: Database = None,
) -> None:
    """Show the newest rows. People stand in them by keyed hashes alone."""
    import msgspec

    with _kept(data, database) as kept:
        rows = kept.newest(limit)
    if json:
        for row in rows:
            print(msgspec.json.encode(row).decode())
        return
    from datetime import UTC, datetime

    for row in rows:
        at = datetime.fromtimestamp(row.at_utc_ns // 1_000_000_000, UTC)
        refused = "" if row.outcome == "ok" else " (refused)"
        about = "" if row.subject is None else f" about {row.subject[:8]}"
        print(
            f"{row.seq:>7} {at:%Y-%m-%d %H:%M:%S}Z {row.actor[:10]:<10} {row.role:<10} "
            f"{row.action}{about}{refused}"
        )


@contextmanager
def _kept(data: Path | None, database: str | None) -> Iterator[Audit]:
    """Give the audit of a database as it is: looking at it brings none up to date.

    Raises
    ------
    NotSoError
        When there is none, or another version wrote it.
    """
    import time

    from biofeedback.errors import NotSoError
    from biofeedback.settings import Settings
    from biofeedback.store.audit import Audit
    from biofeedback.store.engine import DATABASE_NAME, open_engine
    from biofeedback.store.tables import HEAD
    from biofeedback.store.upgrade import current_version

    folder = Settings.of(data=data).data
    if database:
        check_version(database)
    elif not (folder / DATABASE_NAME).is_file():
        raise NotSoError(
            f"There is no database in {folder}.", "Check --data; nothing was made."
        )
    engine = open_engine(folder, database or None)
    try:
        if current_version(engine) != HEAD:
            raise NotSoError(
                "Another version of biofeedback wrote this database.",
                "Use that one. Or start 'biofeedback run' once: it brings the "
                "database up to date.",
            )
        yield Audit(engine, time.time_ns)
    finally:
        engine.dispose()
