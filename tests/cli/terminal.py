"""What a person has in front of them: a terminal, and Bluetooth or not."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from biofeedback.cli import main
from biofeedback.errors import RecordingError
from biofeedback.model import Notification
from biofeedback.recording.reader import Recording, open_recording

PATIENCE_S = 60.0
"""How long a command may take on a busy machine; it usually takes a second."""

NO_DBUS = {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent/bus"}

HEART_RATE = "2a37"
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
    *arguments: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[str]:
    """Start the real command as a process."""
    return subprocess.Popen(
        command(*arguments),
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> Said:
    out, err = process.communicate(timeout=PATIENCE_S)
    return Said(process.returncode, out, err)


def typed(
    *arguments: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Said:
    """Run the real command as a process, to its end."""
    return ended(begin(*arguments, env=env, cwd=cwd))


def on_a_terminal(*arguments: str | Path, env: Mapping[str, str] | None = None) -> str:
    """Run the real command with a terminal before it; return all that it wrote."""
    ours, theirs = os.openpty()
    with subprocess.Popen(
        command(*arguments),
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120", **(env or {})},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        written = bytearray()
        # The end of a terminal is an error to read, on Linux.
        with contextlib.suppress(OSError):
            while block := os.read(ours, 65536):
                written += block
        os.close(ours)
        assert process.wait(PATIENCE_S) == 0
    return written.decode()


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


def beating(recording: Recording) -> bool:
    return any(
        isinstance(one, Notification) and one.characteristic == HEART_RATE
        for _, one in recording.inputs()
    )


def reached(
    part: Path,
    process: subprocess.Popen[str],
    enough: Callable[[Recording], bool] = beating,
) -> Recording:
    """Wait until the journal on the disk holds enough."""
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        assert process.poll() is None, ended(process)
        try:
            recording = open_recording(part)
            if enough(recording):
                return recording
        except RecordingError:
            pass  # it has just begun
        time.sleep(0.02)
    raise AssertionError("the recording never got that far")


def hurried(process: subprocess.Popen[str]) -> tuple[list[str], Said]:
    """Ask `record` to end, and then once more, not to wait for the summary."""
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    told = [process.stderr.readline()]
    while told[-1] and not told[-1].startswith("Finishing"):
        told.append(process.stderr.readline())
    process.send_signal(signal.SIGTERM)
    return told, ended(process)
