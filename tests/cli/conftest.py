"""A terminal, and one recording that was made at one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.terminal import Said, Terminal, typed


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(capsys)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Said]:
    """Three seconds of the simulated heart, and what was said while recording."""
    path = tmp_path_factory.mktemp("made") / "calm.mcap"
    said = typed("record", "--simulate", "--seconds", "3", "--out", path)
    return path, said


@pytest.fixture
def recording(made: tuple[Path, Said], tmp_path: Path) -> Path:
    """A copy of that recording, to be damaged at will."""
    return Path(shutil.copy(made[0], tmp_path / "calm.mcap"))
