"""A clinic and its homes, set up as their people would: by what they type and press."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bench.chaos.relay import Relay
from bench.chaos.service import Service, typed
from biofeedback.clinic import nats_config
from biofeedback.errors import BiofeedbackError
from biofeedback.service.sign_ins import cookie_name
from biofeedback.session.simulated import SIMULATED_ID
from biofeedback.settings import DEFAULT_PORT
from biofeedback.store import HomeRow, SessionState, Store
from tests.clinic.clinic_server import ClinicServer
from tests.postgres import PostgresServer, a_server
from tests.session.clusters import free_port

LOGS_VARIABLE = "CHAOS_LOGS"
"""Names a folder where what the processes logged is left."""

PATIENCE_S = 240.0
LOOK_S = 0.05
PASSWORD = "much too long to be guessed"
THERAPIST = "kim"
STREAMS = ("heart", "breathing", "ratings", "notes")
ENDED = ("complete", "recovered")


async def until(
    holds: Callable[[], object], what: str, *, limit_s: float = PATIENCE_S
) -> None:
    """Wait until something holds, asking in a thread; parts may be down meanwhile.

    Raises
    ------
    AssertionError
        When it never does.
    """
    until_s = time.monotonic() + limit_s
    why: Exception | None = None
    while time.monotonic() < until_s:
        try:
            if await asyncio.to_thread(holds):
                return
            why = None
        except (httpx.HTTPError, BiofeedbackError, OSError) as error:
            why = error
        await asyncio.sleep(LOOK_S)
    raise AssertionError(f"never came true: {what} ({why})")


@dataclass
class Home:
    """A patient's own machine, and whose it is at the clinic."""

    service: Service
    row: HomeRow

    async def linked(self) -> None:
        """Wait until it has reached its clinic and knows its people."""
        await until(lambda: self.clinic()["connected"], "the home reaches its clinic")
        await until(self._grantee, "the home knows who is at the clinic")

    def clinic(self) -> dict[str, Any]:
        """Return how things stand with the clinic, as its page says."""
        told: dict[str, Any] = self.service.done("GET", "clinic")["clinic"]
        return told

    def allow_copies(self, days: int | None = 30) -> None:
        """Let the clinic keep copies, or no longer."""
        self.service.done("PUT", "clinic/copy", {"days": days})

    def consent(self) -> str:
        """Let the therapist watch everything; return the id of one of the consents."""
        grantee = self._grantee()
        assert grantee is not None
        body = {
            "account": grantee,
            "grants": [{"stream": one, "purpose": "live"} for one in STREAMS],
            "days": 30,
        }
        given = self.service.done("POST", "consents", body)
        return str(given["consents"][0]["id"])

    def begin(self, *, shared: bool = False, samples: bool = False) -> str:
        """Begin to practise, with ``samples`` as well; return the session."""
        signals = [{"signal": "ecg"}, {"signal": "acc"}] if samples else []
        body = {"strap": SIMULATED_ID, "plan": "practice", "signals": signals}
        id = str(self.service.done("POST", "sessions", body)["id"])
        if shared:
            self.share(id, "on")
        return id

    def share(self, id: str, state: str) -> None:
        """Let others watch, or no longer."""
        self.service.done("PUT", f"sessions/{id}/sharing", {"state": state})

    def rate(self, id: str, value: int) -> None:
        """Answer how much it hurts."""
        body = {"type": "pain_intensity", "value": value, "moment": "during"}
        self.service.done("POST", f"sessions/{id}/ratings", body)

    def stop(self, id: str) -> None:
        """End the practice."""
        self.service.done("POST", f"sessions/{id}/stop")

    def state(self, id: str) -> str:
        """Return what has become of a session."""
        return str(self.service.done("GET", f"sessions/{id}")["state"])

    def recording(self, id: str) -> Path:
        """Return where its finished recording lies."""
        (path,) = self.service.data.glob(f"recordings/*/*/{id}.mcap")
        return path

    def _grantee(self) -> str | None:
        told = self.service.done("GET", "consents/grantees")["grantees"]
        return next((str(one["account"]) for one in told), None)


@dataclass
class Clinic:
    """Servers, nodes, and what is known of the homes."""

    folder: Path
    postgres: PostgresServer
    database: str
    nats: ClinicServer
    store: Store
    nodes: dict[str, Service] = field(default_factory=dict)
    homes: list[Home] = field(default_factory=list)
    relays: list[Relay] = field(default_factory=list)
    therapist: dict[str, str] = field(default_factory=dict)

    @property
    def hub(self) -> Service:
        """The first node that keeps copies."""
        return self.nodes["hub"]

    def node(
        self,
        name: str,
        *options: str | Path,
        data: str = "",
        inside: Sequence[str] = (),
        disk: Path | None = None,
    ) -> Service:
        """Return a node of this clinic, not started."""
        service = Service(
            self.folder / (data or name),
            *("--database", self.database, "--bus", self.nats.url),
            *("--bus-credentials", self.nats.folder / nats_config.NODES_SEED),
            *("--bus-ca", self.nats.ca),
            *options,
            inside=inside,
            disk=disk,
        )
        self.nodes[name] = service
        return service

    async def home(
        self,
        *,
        relay: bool = False,
        days: int = 30,
        environment: Mapping[str, str] | None = None,
    ) -> Home:
        """Let a patient's machine in, and start it; copies and watching are allowed."""
        number = len(self.homes)
        server = self.nats.url
        if relay:
            wire = Relay(self.nats.port)
            await wire.open()
            self.relays.append(wire)
            server = f"tls://localhost:{wire.port}"
        person = f"P-ANNA{number:02d}"
        self.store.person_called(person)
        ticket = self.folder / f"ticket-{number}.json"
        await asyncio.to_thread(
            typed,
            *("home", "add", "--person", person, "--label", f"Kitchen {number}"),
            *("--out", ticket, "--servers", server, "--ca", self.nats.ca),
            *("--data", self.folder / "clinic", "--database", self.database),
        )
        row = self.store.homes.all()[-1]
        data = self.folder / f"home-{number}"
        await asyncio.to_thread(typed, "join", ticket, "--data", data)
        home = Home(
            Service(data, "--seed", str(number + 1), environment=environment), row
        )
        self.homes.append(home)
        await asyncio.to_thread(home.service.start)
        await home.linked()
        await asyncio.to_thread(home.consent)
        await asyncio.to_thread(home.allow_copies, days)
        await until(lambda: self.copies_allowed(row), "copies are allowed")
        return home

    def copies_allowed(self, row: HomeRow) -> bool:
        """Say whether the clinic knows that it may keep copies of a home."""
        now_ns = time.time_ns()
        return any(
            one.home_id == row.id and one.holds(now_ns)
            for one in self.store.homes.copy_consents()
        )

    def copy_of(self, id: str, hub: Service | None = None) -> Path:
        """Return where the finished copy of a session lies."""
        (path,) = (hub or self.hub).disk.glob(f"recordings/*/*/{id}.mcap")
        return path

    def is_copied(self, id: str, hub: Service | None = None) -> bool:
        """Say whether a hub has finished its copy of a session."""
        hub = hub or self.hub
        row = self.store.find_session(id)
        return (
            row is not None
            and row.state in (SessionState.COMPLETE, SessionState.RECOVERED)
            and any(hub.disk.glob(f"recordings/*/*/{id}.mcap"))
            and not any(hub.disk.glob(f"copies/*/{id}*.part"))
        )

    def signed_in(self, name: str) -> dict[str, str]:
        """Let somebody sign in at a node; return the header all nodes know them by."""
        node = self.nodes["b"]
        answer = node.ask(
            "POST",
            "api/v1/sign-in/password",
            {"name": name, "password": PASSWORD},
            {"Origin": node.url.rstrip("/")},
        )
        assert answer.is_success, answer.text
        cookie = cookie_name(DEFAULT_PORT)
        return {"Cookie": f"{cookie}={answer.cookies[cookie]}"}

    async def wait_for_copy(self, home: Home, id: str) -> None:
        """Wait until a practice is finished at home, and so is its copy."""
        await until(lambda: home.state(id) in ENDED, f"{id} is finished at home")
        await until(lambda: self.is_copied(id), f"{id} is copied")


@contextlib.asynccontextmanager
async def a_clinic(*, nodes: tuple[str, ...] = ("b",)) -> AsyncIterator[Clinic]:
    """Set up a clinic: PostgreSQL, NATS, a hub, and other nodes; none stays behind."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        postgres = await asyncio.to_thread(stack.enter_context, a_server())
        database = postgres.fresh()
        data = folder / "clinic"
        port = free_port()
        await asyncio.to_thread(
            typed,
            *("hub", "config", "--clinic", "By the lake"),
            *("--host", "127.0.0.1", "--port", str(port)),
            *("--data", data, "--database", database),
        )
        for name, role in (("root", "admin"), (THERAPIST, "therapist")):
            await asyncio.to_thread(
                typed,
                *("user", "add", name, "--role", role, "--password-stdin"),
                *("--data", data, "--database", database),
                line=f"{PASSWORD}\n",
            )
        nats = ClinicServer(data / nats_config.FOLDER, data / "tls" / "ca.crt")
        nats.port = port
        await asyncio.to_thread(nats.start)
        stack.callback(nats.kill)
        store = Store(folder / "looking", database)
        stack.callback(store.close)
        clinic = Clinic(folder, postgres, database, nats, store)
        clinic.node("hub", "--hub", "all")
        for name in nodes:
            clinic.node(name)
        stack.push_async_callback(_end, clinic)
        await asyncio.gather(
            *(asyncio.to_thread(node.start) for node in clinic.nodes.values())
        )
        clinic.therapist = await asyncio.to_thread(clinic.signed_in, THERAPIST)
        yield clinic


async def _end(clinic: Clinic) -> None:
    services = [*(home.service for home in clinic.homes), *clinic.nodes.values()]
    for service in services:
        await asyncio.to_thread(service.kill)
    for relay in clinic.relays:
        await relay.close()
    if kept := os.environ.get(LOGS_VARIABLE):
        await asyncio.to_thread(_keep_logs, clinic.folder, Path(kept))


def _keep_logs(folder: Path, kept: Path) -> None:
    kept.mkdir(parents=True, exist_ok=True)
    for log in folder.glob("*.log"):
        shutil.copy(log, kept)
