"""A NATS server that runs by the configuration `biofeedback hub config` wrote."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from nats.aio.client import Client

from biofeedback.bus.nats import NatsBus
from biofeedback.clinic import nats_config, subjects
from biofeedback.clinic.ticket import Ticket
from tests.nats_server import START_S, nats_server

RELOADED = "Reloaded server configuration"


class ClinicServer:
    """One server on a port of its own choice, which it keeps.

    Parameters
    ----------
    folder
        Where its configuration is.
    ca
        The authority that vouches for it.
    """

    def __init__(self, folder: Path, ca: Path) -> None:
        self.folder = folder
        self.ca = ca
        self.port = -1
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"tls://localhost:{self.port}"

    @contextlib.contextmanager
    def reloaded(self) -> Iterator[None]:
        """Wait in the end until it has read its configuration again."""
        before = self.log.count(RELOADED)
        yield
        until = time.monotonic() + START_S
        while self.log.count(RELOADED) == before:
            if time.monotonic() > until:
                raise RuntimeError(f"nats-server did not reload:\n{self.log}")
            time.sleep(0.005)

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return (self.folder / "server.log").read_text()

    def start(self) -> None:
        """Start, and return when it listens."""
        for old in self.folder.glob("*.ports"):
            old.unlink()
        setpriv = shutil.which("setpriv")
        bound = (setpriv, "--pdeathsig", "KILL", "--") if setpriv else ()
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *bound,
                    *(nats_server(), "-c", str(self.folder / nats_config.SERVER)),
                    *("-a", "127.0.0.1", "-p", str(self.port)),
                    *("--ports_file_dir", str(self.folder)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        until = time.monotonic() + START_S
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"nats-server did not start:\n{self.log}")
            time.sleep(0.01)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Freeze it: links stay open and nothing moves (SIGSTOP)."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after :meth:`pause`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> ClinicServer:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def node(self, name: str = "node") -> NatsBus:
        """Return the bus of one of the clinic's own nodes."""
        seed = self.folder / nats_config.NODES_SEED
        return NatsBus(self.url, name=name, credentials=seed, tls_ca=self.ca)

    def bus_of(self, ticket: Ticket) -> NatsBus:
        """Return the bus of a home."""
        return NatsBus(
            self.url,
            name=ticket.home,
            nkey_seed=ticket.seed,
            inbox_prefix=subjects.inbox(ticket.home),
            tls_ca=self.ca,
        )

    async def client(self, seed: str, **options: object) -> Client:
        """Connect with the library itself, which does as it is told."""
        trusted = ssl.create_default_context(cafile=str(self.ca))
        client = Client()
        try:
            await client.connect(
                self.url,
                nkeys_seed_str=seed,
                tls=trusted,
                allow_reconnect=False,
                connect_timeout=10,
                **options,  # type: ignore[arg-type]
            )
        except BaseException:
            await client.close()  # it leaves its socket open otherwise
            raise
        return client

    def _listens(self) -> bool:
        for ports in self.folder.glob("*.ports"):
            with contextlib.suppress(ValueError, KeyError, IndexError):
                found = json.loads(ports.read_text())["nats"][0]
                self.port = int(found.rpartition(":")[2])
                return True
        return False
