"""Recordings that several tests read, made once."""

from pathlib import Path

import pytest

from biofeedback.recording.tables import Tables, read_tables
from tests.recording.exporting import EXAMPLES, make


@pytest.fixture(scope="session")
def sitting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session with ECG, acceleration, ratings, and a name in its notes."""
    return make(tmp_path_factory.mktemp("sitting") / "sitting.mcap")


@pytest.fixture(scope="session")
def tables(sitting: Path) -> Tables:
    return read_tables(sitting)


@pytest.fixture(scope="session")
def interrupted() -> Tables:
    """A session with gaps."""
    return read_tables(EXAMPLES / "dropouts.mcap")
