"""A process that bears others, so that many can be killed within a second.

Each child is a real process of its own; only Python and NumPy are loaded once.
It is told on its input what to run, and passes on what its children say::

    python -m tests.recording.faults.nursery
    tests.session.kill_writer a.mcap.part 7
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType


class Child:
    """One process of a nursery."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery = nursery
        self.pid = pid

    def read_line(self) -> str:
        """Wait for a line that it says."""
        return self._nursery.read_line()

    def kill(self) -> tuple[list[str], int]:
        """Kill it at once, as `kill -9` does; return its last words and its end."""
        os.kill(self.pid, signal.SIGKILL)
        return self.wait()

    def wait(self) -> tuple[list[str], int]:
        """Return what else it says, and how it ended: a signal is negative."""
        said: list[str] = []
        while not (line := self.read_line()).startswith("gone "):
            said.append(line)
        return said, os.waitstatus_to_exitcode(int(line.split()[1]))


class Nursery:
    """Starts processes that run ``main(*arguments)`` of a module, one at a time."""

    def __init__(self, *preload: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, *preload],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Nursery:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=60)

    def start(self, module: str, *arguments: object) -> Child:
        """Start one; it has begun when this returns."""
        assert self._process.stdin is not None
        self._process.stdin.write("\t".join([module, *map(str, arguments)]) + "\n")
        self._process.stdin.flush()
        said, pid = self.read_line().split()
        assert said == "born"
        return Child(self, int(pid))

    def read_line(self) -> str:
        """Wait for a whole line."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.endswith("\n"):
            raise EOFError("the nursery has ended")
        return line[:-1]


def say(text: str) -> None:
    """Say one whole line: what is written at once cannot be torn by a kill."""
    os.write(1, f"{text}\n".encode())


def main(preload: Sequence[str]) -> None:
    for module in preload:
        importlib.import_module(module)
    for line in sys.stdin:
        module, *arguments = line.rstrip("\n").split("\t")
        pid = os.fork()
        if not pid:
            say(f"born {os.getpid()}")
            importlib.import_module(module).main(*arguments)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        say(f"gone {status}")


if __name__ == "__main__":
    main(sys.argv[1:])
