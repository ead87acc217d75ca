"""Fixtures for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from biofeedback.simulator.bus import NoDBusError, dbus_daemon
from tests.machine import in_ci
from tests.postgres import PostgresServer, a_server

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real recordings, read where they lie."""
    if not DATA.is_dir():
        pytest.skip(
            "The real recordings are not here: they belong in ../shared/data beside "
            "the checkout."
        )
    return DATA


@pytest.fixture(scope="session")
def has_dbus() -> None:
    """Whoever uses this needs ``dbus-daemon``; in CI it must not be missing."""
    try:
        dbus_daemon()
    except NoDBusError as error:
        if in_ci():
            pytest.fail(f"A skipped radio would read as green in CI. {error}")
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL that is shared by all tests of this process: nobody may kill it."""
    with a_server() as server:
        yield server
