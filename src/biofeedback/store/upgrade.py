"""Brings a database to the newest migration."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from biofeedback.store.engine import StoreError, reading, rewriting
from biofeedback.store.tables import HEAD

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(engine: Engine) -> str | None:
    """Run the migrations that are missing; at HEAD this is one small query.

    Returns the migration it was at before, ``None`` for a new database.

    Raises
    ------
    StoreError
        When a newer version of this program has written the database.
    """
    version = current_version(engine)
    if version == HEAD:
        return version
    _check(version)
    # Half a second to import, and hardly ever needed.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with rewriting(engine) as connection:
        # Another node may have been first, and of a newer version.
        version = _version(connection)
        _check(version)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return version


def current_version(engine: Engine) -> str | None:
    """Return the migration a database is at, or ``None`` when it is new."""
    with reading(engine) as connection:
        return _version(connection)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(
        text("SELECT version_num FROM alembic_version")
    )
    return version


def _check(version: str | None) -> None:
    if version is not None and version > HEAD:
        raise StoreError(
            "This database was written by a newer version of biofeedback.",
            "Update this program, or choose another with --data or --database.",
        )
