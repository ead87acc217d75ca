"""The database: `migrate` brings it up to date, or moves it to PostgreSQL and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from biofeedback.cli.nodes import Database
from biofeedback.cli.shared import Data
from biofeedback.cli.terminal import notice

if TYPE_CHECKING:
    from biofeedback.store.moving import Moved


def migrate(
    data: Data = None,
    database: Database = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="DIR",
            show_default=False,
            help="Move what is in this data folder to --database, which is empty.",
        ),
    ] = None,
    target: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="DIR",
            show_default=False,
            help="Move what is in --database to this data folder, which has none.",
        ),
    ] = None,
) -> None:
    """Bring the database up to date, or move it."""
    if source is None and target is None:
        _bring_up_to_date(data, database)
        return
    if not database or (source is not None and target is not None):
        raise typer.BadParameter(
            "Give --from DIR or --to DIR, and --database URL beside it."
        )
    if data is not None:
        raise typer.BadParameter("--from and --to name the data folder; leave --data.")
    if source is not None:
        _move_out(source.expanduser().absolute(), database)
    elif target is not None:
        _move_in(target.expanduser().absolute(), database)


def _bring_up_to_date(data: Path | None, database: str | None) -> None:
    from contextlib import nullcontext

    from biofeedback.errors import NotSoError
    from biofeedback.settings import Settings
    from biofeedback.store import DataLock
    from biofeedback.store.engine import DATABASE_NAME, open_engine
    from biofeedback.store.tables import HEAD
    from biofeedback.store.upgrade import upgrade

    folder = Settings.of(data=data).data
    if not database and not (folder / DATABASE_NAME).is_file():
        raise NotSoError(
            f"There is no database in {folder}.", "Check --data; nothing was made."
        )
    with nullcontext() if database else DataLock(folder):
        engine = open_engine(folder, database or None)
        try:
            before = upgrade(engine)
        finally:
            engine.dispose()
    if before == HEAD:
        print(f"The database is up to date ({HEAD}).")
    elif before is None:
        print(f"The database was empty. Now it has its tables ({HEAD}).")
    else:
        print(f"The database is up to date: it was at {before}, and is at {HEAD} now.")


def _move_out(folder: Path, database: str) -> None:
    import time

    from biofeedback.errors import NotSoError
    from biofeedback.store import DataLock
    from biofeedback.store.audit import Audit
    from biofeedback.store.engine import DATABASE_NAME, open_engine
    from biofeedback.store.moving import move

    if not (folder / DATABASE_NAME).is_file():
        raise NotSoError(
            f"There is no database in {folder}.", "Check --from; nothing was moved."
        )
    with DataLock(folder):
        _check_erased(folder)
        source, target = open_engine(folder), open_engine(folder, database)
        try:
            done = move(source, target)
            audit = Audit(target, time.time_ns)
            audit.add(actor="console", role="console", action="migrate")
        finally:
            source.dispose()
            target.dispose()
    _tell(done)
    print(
        f"Start it with 'biofeedback run --data {folder}' and the same --database: the "
        "recordings stay in that folder."
    )
    notice(
        f"{folder / DATABASE_NAME} is as it was, and is not used any more. Remove it "
        "once you trust the new one."
    )


def _move_in(folder: Path, database: str) -> None:
    from biofeedback.errors import NotSoError
    from biofeedback.store import DataLock
    from biofeedback.store.engine import DATABASE_FILES, DATABASE_NAME, open_engine
    from biofeedback.store.moving import move
    from biofeedback.store.postgresql import others_on

    with DataLock(folder):
        if (folder / DATABASE_NAME).exists():
            raise NotSoError(
                f"There is a database in {folder} already.",
                "Move it away first, or give another folder with --to.",
            )
        source = open_engine(folder, database)
        try:
            if others_on(source):
                raise NotSoError(
                    "Something else is using this database, and what it changes from "
                    "now on would stay there.",
                    "Stop every service on it first.",
                )
            target = open_engine(folder)
            try:
                done = move(source, target)
            except BaseException:
                target.dispose()
                for name in DATABASE_FILES:
                    (folder / name).unlink(missing_ok=True)
                raise
            target.dispose()
        finally:
            source.dispose()
    _tell(done)
    notice(
        "The recordings of each node are still in its own folder: copy what is in its "
        f"'recordings' into {folder / 'recordings'}."
    )


def _check_erased(folder: Path) -> None:
    from biofeedback.errors import NotSoError
    from biofeedback.store.erasing import MARKER_NAME

    if (folder / MARKER_NAME).exists():
        raise NotSoError(
            "Somebody's data was being erased there, and that was cut off.",
            "Start 'biofeedback run' once: it finishes it. Then move.",
        )


def _tell(done: Moved) -> None:
    n = done.n_rows
    print(
        f"Moved: {n['people']} people, {n['sessions']} sessions, {n['accounts']} "
        f"accounts, {sum(n.values())} rows in all. Each of them is there as it was."
    )
    if n["audit"]:
        whole = "whole" if done.audit.whole else "not whole, as it was before"
        print(f"The audit is {whole}. The newest that was moved is {done.audit.head}")
    if done.n_replaced:
        notice(
            f"{done.n_replaced} texts had a sign in them that PostgreSQL cannot hold "
            "(NUL). A � stands there now."
        )
