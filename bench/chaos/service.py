"""One ``biofeedback run`` as a process, that can be killed and started where it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Timer
from typing import Any

import httpx

from tests.nats_server import bound_to_us
from tests.session.clusters import free_port

TOKEN = "a-token-for-programs-0123456789"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
START_S = 120.0
END_S = 60.0
ASK_S = 60.0


def typed(*arguments: str | Path, line: str = "") -> str:
    """Type a command of ``biofeedback``, and ``line`` where it asks; return its answer.

    Raises
    ------
    AssertionError
        When it does not end well.
    """
    done = subprocess.run(
        [sys.executable, "-m", "biofeedback.cli", *map(str, arguments)],
        input=line,
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
    )
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    return done.stdout


class Service:
    """A process of the product, always on the same port and data folder.

    Parameters
    ----------
    data
        Its data folder.
    options
        What is typed behind ``biofeedback run``.
    environment
        More of its environment.
    inside
        What it is run by: a command that puts it where it is to be.
    disk
        The data folder as it is seen from here.
    """

    def __init__(
        self,
        data: Path,
        *options: str | Path,
        environment: Mapping[str, str] | None = None,
        inside: Sequence[str] = (),
        disk: Path | None = None,
    ) -> None:
        self.data = data
        self.options = options
        self.port = free_port()
        self.environment = dict(environment or {})
        self.n_starts = 0
        self.disk = disk or data
        self._inside = tuple(inside)
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Where it is reached; ends with a slash."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def is_running(self) -> bool:
        """Say whether it is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """What it has logged, in all its lives."""
        path = self._log
        return path.read_text() if path.exists() else ""

    @property
    def _log(self) -> Path:
        return self.data.with_name(f"{self.data.name}.log")

    def start(self) -> None:
        """Start it, and return when it is ready."""
        assert not self.is_running
        self.data.mkdir(parents=True, exist_ok=True)
        self.n_starts += 1
        command = ["run", "--no-browser", "--port", str(self.port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *self._inside,
                    *bound_to_us(),
                    *(sys.executable, "-m", "biofeedback.cli", *command),
                    *("--data", str(self.data), *map(str, self.options)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "BIOFEEDBACK_TOKEN": TOKEN, **self.environment},
            )
        assert self._process.stdout is not None
        late = Timer(START_S, self._process.kill)
        late.start()
        try:
            line = self._process.stdout.readline()
        finally:
            late.cancel()
        if not line.startswith("ready: "):
            self.kill()
            raise AssertionError(f"{self.data.name} did not start:\n{self.log[-4000:]}")

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL)."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as its owner would (SIGTERM); after a while, harder."""
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(number)
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Ask it over HTTP as its owner, or as whoever ``headers`` say."""
        return httpx.request(
            method,
            f"{self.url}{path}",
            json=body,
            headers=dict(headers or BEARER),
            timeout=ASK_S,
        )

    def done(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Ask it for something it must do; return what it says."""
        answer = self.ask(method, f"api/v1/{path}", body, headers)
        assert answer.is_success, f"{method} {path}: {answer.text}"
        told: dict[str, Any] = answer.json() if answer.content else {}
        return told

    def checks(self) -> dict[str, dict[str, Any]]:
        """Return what ``/readyz`` says of each part."""
        told: dict[str, dict[str, Any]] = self.ask("GET", "readyz").json()["checks"]
        return told
