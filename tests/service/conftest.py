"""A whole service on loopback: real sockets, real files, a heart that is simulated."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import sqlite3
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest
from sqlalchemy import event
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from biofeedback.bus import Bus
from biofeedback.service.composition import create_context
from biofeedback.service.connections import ConnectionLimits
from biofeedback.service.context import Context
from biofeedback.service.passwords import Cost, Passwords
from biofeedback.service.server import _Server, listen
from biofeedback.service.tls import CA_CERTIFICATE, FOLDER
from biofeedback.session.clock import Clock, ManualClock
from biofeedback.session.driver import Driver
from biofeedback.session.referee import Referee
from biofeedback.session.simulated import SIMULATED_ID, SimulatedDriver
from biofeedback.settings import Lan, Settings, Share
from biofeedback.store import Store
from biofeedback.store.engine import DATABASE_NAME

CHEAP = Cost(memory_kib=8, passes=1)
"""Passwords cost 20 ms in earnest; test_passwords.py looks at that."""

if TYPE_CHECKING:
    from tests.service.ward import Ward

PROGRAM_TOKEN = "a-token-for-programs-0123456789"
BEARER = {"Authorization": f"Bearer {PROGRAM_TOKEN}"}


@dataclass
class House:
    """A running service, someone who is signed in, and the clocks of its sessions."""

    context: Context
    server: _Server
    ready: str
    browser: httpx.AsyncClient
    anyone: httpx.AsyncClient
    clocks: list[ManualClock]
    notices: list[str]
    utc_ns: list[int]
    link_token: str = field(default="")

    @property
    def address(self) -> str:
        return self.context.settings.authority

    @property
    def store(self) -> Store:
        return self.context.store

    async def begin(self, **more: object) -> dict[str, Any]:
        body = {"strap": SIMULATED_ID, "plan": "practice", **more}
        answer = await self.browser.post("/api/v1/sessions", json=body)
        assert answer.status_code == 201, answer.text
        session: dict[str, Any] = answer.json()
        return session

    async def pass_time(self, seconds: float) -> None:
        # In small steps, the sessions' clocks before the one that ticks for all.
        while seconds > 0:
            step = min(seconds, 0.25)
            for clock in (*self.clocks[1:], self.clocks[0]):
                await clock.advance(step)
            seconds -= step

    @contextlib.asynccontextmanager
    async def watch(
        self,
        id: str,
        *,
        since: int | str | None = None,
        headers: Mapping[str, str] = BEARER,
        origin: str | None = None,
    ) -> AsyncIterator[ClientConnection]:
        query = "" if since is None else f"?since={since}"
        uri = f"ws://{self.address}/api/v1/live/{id}{query}"
        async with connect(
            uri,
            compression=None,
            max_queue=None,
            additional_headers=headers,
            origin=None if origin is None else Origin(origin),
        ) as socket:
            yield socket


OpenStore = Callable[[Path, Callable[[], int]], Store]
Start = Callable[..., contextlib.AbstractAsyncContextManager[House]]


def _client(settings: Settings) -> httpx.AsyncClient:
    # Reading all certificates of the system would take 50 ms a test: at most our own.
    trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if settings.https:
        trusted.load_verify_locations(settings.data / FOLDER / CA_CERTIFICATE)
    return httpx.AsyncClient(base_url=settings.url, timeout=30, verify=trusted)


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty database: migrating takes longer than most tests."""
    data = tmp_path_factory.mktemp("new")
    Store(data).close()
    return data / DATABASE_NAME


@pytest.fixture
def shared_store(new_database: Path, tmp_path: Path) -> Path:
    """Return the folder of a new database that several nodes may share."""
    folder = tmp_path / "shared"
    shutil.copytree(new_database.parent, folder)
    return folder


@pytest.fixture
def start_house(tmp_path: Path, new_database: Path) -> Start:
    """Return what starts a service on ``tmp_path``; several times if need be."""
    return starter(tmp_path, new_database)


def starter(tmp_path: Path, new_database: Path) -> Start:
    """Return what starts a service in this process, on folders in ``tmp_path``."""

    @contextlib.asynccontextmanager
    async def start(
        *,
        drivers: Sequence[Driver] | None = None,
        referee: Referee | None = None,
        begin: str | None = None,
        limits: ConnectionLimits | None = None,
        lan: Lan | None = None,
        data: str = "data",
        open_store: OpenStore | None = None,
        bus: Bus | None = None,
        hub: Share | None = None,
    ) -> AsyncIterator[House]:
        settings = Settings.of(
            data=tmp_path / data,
            port=0,
            token=PROGRAM_TOKEN,
            begin=begin,
            lan=lan,
            bus=None if hub is None else "nats://as.the.test.says",
            hub=hub,
        )
        listener = listen(settings)
        port = listener.getsockname()[1]
        settings = msgspec.structs.replace(settings, port=port)
        utc_ns = [time.time_ns()]
        clocks: list[ManualClock] = []

        def new_clock(_speed: float) -> Clock:
            clocks.append(ManualClock())
            return clocks[-1]

        if referee is None:  # one that never answers: NeuroKit2 takes seconds
            referee = Referee()
            await referee.close()
        if open_store is not None:
            store = open_store(settings.data, lambda: utc_ns[0])
        else:
            if not (settings.data / DATABASE_NAME).exists():
                settings.data.mkdir()
                shutil.copy(new_database, settings.data)
            store = Store(settings.data, now_ns=lambda: utc_ns[0])
        context = create_context(
            settings,
            store=store,
            drivers=(SimulatedDriver(),) if drivers is None else drivers,
            referee=referee,
            new_clock=new_clock,
            passwords=Passwords(CHEAP),
            bus=bus,
        )
        ready: asyncio.Queue[str] = asyncio.Queue()
        notices: list[str] = []
        server = _Server(
            context,
            on_ready=ready.put_nowait,
            on_notice=notices.append,
            limits=limits,
        )
        serving = asyncio.create_task(server.serve_all(listener))
        try:
            link = await asyncio.wait_for(ready.get(), 20)
            async with (
                _client(settings) as browser,
                _client(settings) as anyone,
            ):
                house = House(
                    context=context,
                    server=server,
                    ready=link,
                    browser=browser,
                    anyone=anyone,
                    clocks=clocks,
                    notices=notices,
                    utc_ns=utc_ns,
                    link_token=link.partition("#token=")[2],
                )
                if not context.sign_ins.shared:
                    answer = await browser.post(
                        "/api/v1/sign-in",
                        json={"token": context.sign_ins.new_link_token()},
                    )
                    assert answer.status_code == 200, answer.text
                yield house
        finally:
            server.end()
            await asyncio.wait_for(serving, 30)
            store.close()

    return start


@pytest.fixture
async def house(start_house: Start) -> AsyncIterator[House]:
    async with start_house() as house:
        yield house


@pytest.fixture
async def ward(start_house: Start) -> AsyncIterator[Ward]:
    """Give a shared house with people in it."""
    from tests.service.ward import opened

    async with opened(start_house) as ward:
        yield ward


@contextlib.contextmanager
def nothing_can_be_written(store: Store) -> Iterator[None]:
    """Let SQLite refuse every write, as it does on a disk that is full or failing."""

    def refuse(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA query_only = {refused}")

    refused = "ON"
    event.listen(store._engine, "checkout", refuse)
    try:
        yield
    finally:
        refused = "OFF"


async def message(socket: ClientConnection) -> dict[str, Any]:
    """Return the next message."""
    async with asyncio.timeout(20):
        received: dict[str, Any] = json.loads(await socket.recv())
    return received


async def until(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """Return the next message of this kind."""
    while (received := await message(socket))["kind"] != kind:
        pass
    return received


async def comes_true(question: Callable[[], object], *, seconds: float = 20) -> None:
    """Ask until the answer is true; fail when it is not in time."""
    async with asyncio.timeout(seconds):
        while not question():  # noqa: ASYNC110 - files and rows have no event
            await asyncio.sleep(0.02)
