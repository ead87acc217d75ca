"""A real PostgreSQL for the tests: one cluster, thrown away in the end.

PostgreSQL refuses to run as root, so as root it runs as ``postgres`` or ``nobody``. It
listens on a socket in a folder of its own: no port can be taken by somebody else.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tests.machine import HOW_TO_POSTGRES, in_ci, postgres_programs

STARTS_WITHIN_S = 60.0
LOOKS_EVERY_S = 0.02
ROOM_BYTES = 2 << 30
USER = "biofeedback"
"""Whose the databases are: no administrator of the server, as in a clinic."""
ADMINISTRATOR = "postgres"

SETTINGS = {
    "listen_addresses": "",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "max_wal_size": "128MB",
    "log_min_messages": "fatal",  # what is refused is a test's business
}


class PostgresServer:
    """A cluster in ``folder``; ``settings`` are put over those of the tests.

    Everybody on this machine may sign in without a password but ``asked``, who has one
    (``secret``).
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        programs = postgres_programs()
        if programs is None:
            raise FileNotFoundError(HOW_TO_POSTGRES)
        self._programs = programs
        self._folder = folder
        self._settings = SETTINGS | settings
        self._process: subprocess.Popen[bytes] | None = None
        self._templates: dict[str, str] = {}

    @property
    def is_running(self) -> bool:
        """Say whether it is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Make the cluster and start it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if (owner := _owner()) is not None:
            shutil.chown(self._folder, owner)
        self._run(
            *("initdb", "--pgdata", str(self._data), "--username", ADMINISTRATOR),
            *("--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8"),
            # Sorts words as people do, and not as SQLite does: as clinics have it.
            *("--locale-provider", "icu", "--icu-locale", "en", "--no-sync"),
        )
        hba = self._data / "pg_hba.conf"
        hba.write_text(f"local all asked scram-sha-256\n{hba.read_text()}")
        self.start_again()
        self.execute(f"CREATE ROLE {USER} LOGIN")
        self.execute("CREATE ROLE asked LOGIN PASSWORD 'secret'")

    def start_again(self) -> None:
        """Start it where it was stopped or killed; returns when it answers."""
        import psycopg

        assert not self.is_running
        given = [part for kv in self._settings.items() for part in ("-c", "=".join(kv))]
        log = (self._folder / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [
                    *(str(self._programs / "postgres"), "-D", str(self._data)),
                    *("-k", str(self._folder), *given),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=_owner(),
                start_new_session=True,  # Ctrl-C is for the tests
            )
        until = time.monotonic() + STARTS_WITHIN_S
        while True:
            try:
                psycopg.connect(self.url("postgres", user=ADMINISTRATOR)).close()
            except psycopg.OperationalError:
                if not self.is_running or time.monotonic() > until:
                    raise RuntimeError((self._folder / "log").read_text()) from None
                time.sleep(LOOKS_EVERY_S)
            else:
                return

    def stop(self) -> None:
        """Stop it in order."""
        if self.is_running:
            assert self._process is not None
            self._process.send_signal(signal.SIGINT)
            self._process.wait()

    def kill(self) -> None:
        """Kill every process of it with ``SIGKILL``, all at one moment."""
        assert self._process is not None
        head = self._process.pid
        os.kill(head, signal.SIGSTOP)  # makes no more children
        children = [pid for pid, parent in _processes() if parent == head]
        for pid in (*children, head):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self._process.wait()
        while {pid for pid, _ in _processes()} & {*children}:
            time.sleep(LOOKS_EVERY_S)

    def url(self, database: str, *, user: str = USER, password: str = "") -> str:
        """Return the URL of a database in it."""
        colon = ":" if password else ""
        return f"postgresql://{user}{colon}{password}@/{database}?host={self._folder}"

    def execute(self, query: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Return what one statement of the administrator, who may all, says."""
        import psycopg

        url = self.url(database, user=ADMINISTRATOR)
        with psycopg.connect(url, autocommit=True) as connection:
            # The statements are those of the tests.
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []

    def empty(self) -> str:
        """Return the URL of a new database with nothing in it."""
        return self.url(self._created("template0"))

    def fresh(self) -> str:
        """Return the URL of a new database that is up to date."""
        from biofeedback.store import Store

        if "fresh" not in self._templates:
            name = self._created("template0")
            Store(self._folder / "nowhere", self.url(name)).close()
            self._templates["fresh"] = name
        return self.url(self._created(self._templates["fresh"]))

    def drop(self, url: str) -> None:
        """Remove a database, whoever uses it."""
        name = urlsplit(url).path.removeprefix("/")
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def copy(self, url: str) -> str:
        """Return the URL of a copy of a database, which nobody may be using."""
        return self.url(self._created(urlsplit(url).path.removeprefix("/")))

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _created(self, template: str) -> str:
        name = f"t{uuid4().hex}"
        self.execute(f"CREATE DATABASE {name} OWNER {USER} TEMPLATE {template}")
        return name

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._programs / program), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            user=_owner(),
            check=False,
            cwd=self._folder,
        )
        if done.returncode != 0:
            raise RuntimeError(done.stderr.decode())


@contextmanager
def a_server(where: Path | None = None, **settings: str) -> Iterator[PostgresServer]:
    """Give a cluster of one's own, for what kills it, fills its disk or measures it.

    It lies in a folder of ``where``; else in memory, if there is room.

    Skips the test where PostgreSQL is not installed; in CI it must not be missing.
    """
    if postgres_programs() is None:
        if in_ci():
            pytest.fail(f"A skipped database would read as green. {HOW_TO_POSTGRES}")
        pytest.skip(HOW_TO_POSTGRES)
    # Not in pytest's own folder, which nobody else may enter; and short: the name of a
    # socket has 107 signs at most.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=where or _memory()))
    folder.chmod(0o755)
    server = PostgresServer(folder, **settings)
    try:
        server.start()
        yield server
    finally:
        if server.is_running:
            server.kill()  # what is thrown away need not end in order
        shutil.rmtree(folder)


def _memory() -> Path | None:
    """Return a folder in memory with room, where there is one.

    Databases by the dozen wait for the disk otherwise; what is killed is processes,
    and what they gave to the system stays there as well.
    """
    memory = Path("/dev/shm")
    there = memory.is_dir() and shutil.disk_usage(memory).free > ROOM_BYTES
    return memory if there else None


def _owner() -> str | None:
    """Return who it runs as; ``None`` is whoever runs the tests."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return None
    import pwd

    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in names)


def _processes() -> list[tuple[int, int]]:
    """Return every process that runs, and whose child it is."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, check=True
    )
    rows = (line.split() for line in listed.stdout.decode().splitlines())
    return [(int(pid), int(parent)) for pid, parent, state in rows if state[0] != "Z"]
