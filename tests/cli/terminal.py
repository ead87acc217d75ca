"""What a person has in front of them: a terminal, and Bluetooth or not."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from biofeedback.cli import main

PATIENCE_S = 60.0
"""How long a command may take on a busy machine; it usually takes a second."""

NO_DBUS = {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent/bus"}

TRACEBACK = "Traceback (most recent call last)"


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The one line that tells what is wrong, and nothing beside it."""
        assert self.out == ""
        assert TRACEBACK not in self.err
        (line,) = self.err.splitlines()
        assert line.endswith("."), line
        assert line.count(". ") >= 1 or len(line) > 60, f"no advice: {line}"
        return line


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "biofeedback.cli", *map(str, arguments)]


def begin(
    *arguments: str | Path, env: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start the real command as a process."""
    return subprocess.Popen(
        command(*arguments),
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> Said:
    out, err = process.communicate(timeout=PATIENCE_S)
    return Said(process.returncode, out, err)


def typed(*arguments: str | Path, env: Mapping[str, str] | None = None) -> Said:
    """Run the real command as a process, to its end."""
    return ended(begin(*arguments, env=env))


class Terminal:
    """Runs commands in this process, which is quicker."""

    def __init__(self, captured: pytest.CaptureFixture[str]) -> None:
        self._captured = captured

    def __call__(self, *arguments: str | Path) -> Said:
        self._captured.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        assert isinstance(end.value.code, int)
        return Said(end.value.code, *self._captured.readouterr())


@contextlib.contextmanager
def bluetooth(mode: str = "plain", *options: str) -> Iterator[dict[str, str]]:
    """Run a virtual Bluetooth; gives the environment in which it is the system's."""
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "biofeedback.simulator"),
            *("--profile", "calm", "--mode", mode, *options),
        ],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            address = json.loads(process.stdout.readline())["address"]
            yield {"DBUS_SYSTEM_BUS_ADDRESS": address}
        finally:
            process.terminate()
            process.wait(PATIENCE_S)
