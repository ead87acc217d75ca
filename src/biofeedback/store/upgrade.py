"""Brings a database to the newest migration."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, inspect, text

from biofeedback.store.engine import StoreError, reading, rewriting
from biofeedback.store.tables import HEAD

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(engine: Engine) -> None:
    """Run the migrations that are missing; at HEAD this is one small query.

    Raises
    ------
    StoreError
        When a newer version of this program has written the database.
    """
    version = current_version(engine)
    if version == HEAD:
        return
    if version is not None and version > HEAD:
        raise StoreError(
            "This data folder was written by a newer version of biofeedback.",
            "Update this program, or choose another folder with --data.",
        )
    # Half a second to import, and hardly ever needed.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with rewriting(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def current_version(engine: Engine) -> str | None:
    """Return the migration a database is at, or ``None`` when it is new."""
    with reading(engine) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        version: str | None = connection.scalar(
            text("SELECT version_num FROM alembic_version")
        )
        return version
