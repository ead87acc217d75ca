"""Two nodes of one clinic: two real services, one database, one bus."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import event

from biofeedback.bus import Bus
from biofeedback.bus.in_process import InProcessBus
from biofeedback.service.nodes import nodes_here
from biofeedback.session.simulated import SIMULATED_ID
from biofeedback.store import AccountRow, Store
from tests.service.conftest import House, OpenStore, Start, comes_true
from tests.service.lossy_bus import LossyBus
from tests.service.ward import PEOPLE


def in_postgres(url: str) -> OpenStore:
    """Return what opens the store of a node on a PostgreSQL."""

    def opened(data: Path, now_ns: Callable[[], int]) -> Store:
        return Store(data, url, now_ns=now_ns)

    return opened


def in_one_file(folder: Path) -> OpenStore:
    """Return what opens the store of a node on a file that the others use too."""

    def opened(data: Path, now_ns: Callable[[], int]) -> Store:
        data.mkdir(exist_ok=True)
        store = Store(folder, now_ns=now_ns)
        store.data, store.is_shared = data, True
        return store

    return opened


@dataclass
class Nodes:
    """The nodes that run, and everybody who is signed in on all of them."""

    start_house: Start
    open_store: OpenStore
    wires: InProcessBus = field(default_factory=InProcessBus)
    new_bus: Callable[[], Bus] | None = None
    running: dict[str, House] = field(default_factory=dict)
    accounts: dict[str, AccountRow] = field(default_factory=dict)
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def a(self) -> House:
        return self.running["a"]

    @property
    def b(self) -> House:
        return self.running["b"]

    @contextlib.asynccontextmanager
    async def node(self, name: str) -> AsyncIterator[House]:
        """Run one more node; it knows all others when this begins."""
        bus = self.wires.another() if self.new_bus is None else self.new_bus()
        async with self.start_house(
            data=name, open_store=self.open_store, bus=bus
        ) as house:
            self.running[name] = house
            try:
                await comes_true(self._all_know_each_other)
                yield house
            finally:
                del self.running[name]

    def _all_know_each_other(self) -> bool:
        n = len(self.running)
        return all(
            len(nodes_here(one.context)) == n - 1 for one in self.running.values()
        )

    def let_in(self) -> None:
        """Make everybody's account, and sign them in."""
        house = next(iter(self.running.values()))
        add = house.store.accounts.add
        self.accounts = {
            name: add(name=name, display=name.title(), role=role)
            for name, role in PEOPLE.items()
        }
        for one in self.running.values():
            one.context.sign_ins.become_shared()
            one.anyone.cookies.clear()
        for name in self.accounts:
            self.sign_in(name)

    def sign_in(self, name: str) -> str:
        """Give somebody a new cookie; return its value."""
        here = next(iter(self.running.values())).context
        token = here.sign_ins.enter(self.accounts[name])
        self.cookies[name] = {"Cookie": f"{here.cookie}={token}"}
        return token

    async def ask(
        self, node: House, who: str, method: str, path: str, body: object = None
    ) -> httpx.Response:
        return await node.anyone.request(
            method, f"/api/v1{path}", json=body, headers=self.cookies[who]
        )

    async def done(
        self, node: House, who: str, method: str, path: str, body: object = None
    ) -> dict[str, Any]:
        answer = await self.ask(node, who, method, path, body)
        assert answer.status_code < 300, answer.text
        told: dict[str, Any] = answer.json() if answer.content else {}
        return told

    async def begin(self, node: House, who: str = "mira") -> str:
        body = {"strap": SIMULATED_ID}
        id: str = (await self.done(node, who, "POST", "/sessions", body))["id"]
        return id

    async def ended(self, node: House, who: str = "mira") -> str:
        """Run a session of a few seconds on a node; return its id."""
        id = await self.begin(node, who)
        await self.pass_time(4)
        await self.done(node, who, "POST", f"/sessions/{id}/stop")
        await self.finished(node, who)
        return id

    async def finished(self, node: House, who: str = "mira") -> None:
        """Wait until no session of somebody goes on or is being finished there."""
        finishing = node.context.conductor._finishing
        person_id = self.accounts[who].person_id
        await comes_true(lambda: person_id not in finishing.values())

    async def pass_time(self, seconds: float) -> None:
        while seconds > 0:
            step = min(seconds, 0.5)
            await asyncio.gather(
                *(one.pass_time(step) for one in self.running.values())
            )
            seconds -= step

    async def consent(
        self,
        node: House,
        *,
        by: str = "mira",
        to: str = "kim",
        purpose: str = "live",
    ) -> None:
        grants = [
            {"stream": stream, "purpose": purpose}
            for stream in ("heart", "breathing", "ratings", "notes")
        ]
        body = {"account": self.accounts[to].id, "grants": grants, "days": 30}
        await self.done(node, by, "POST", "/consents", body)

    def file_of(self, node: House, id: str) -> Path:
        row = node.store.recording(id)
        assert row is not None
        return node.store.data / row.path


@contextlib.contextmanager
def is_away(store: Store) -> Iterator[None]:
    """Let no query of one node through, as if its database were away."""

    def refuse(*_: object) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorname = "SQLITE_IOERR"
        raise error

    event.listen(store._engine, "before_cursor_execute", refuse)
    try:
        yield
    finally:
        event.remove(store._engine, "before_cursor_execute", refuse)


@contextlib.contextmanager
def stands_still(store: Store) -> Iterator[None]:
    """Let no query of one node end, as if its database's disk stood still."""
    goes_on = threading.Event()

    def wait(*_: object) -> None:
        goes_on.wait()

    event.listen(store._engine, "before_cursor_execute", wait)
    try:
        yield
    finally:
        event.remove(store._engine, "before_cursor_execute", wait)
        goes_on.set()


@contextlib.asynccontextmanager
async def two_nodes(
    start_house: Start,
    open_store: OpenStore,
    *,
    new_bus: Callable[[], Bus] | None = None,
) -> AsyncIterator[Nodes]:
    """Give two nodes with everybody's accounts."""
    nodes = Nodes(start_house, open_store, new_bus=new_bus)
    async with nodes.node("a"), nodes.node("b"):
        nodes.let_in()
        yield nodes


@contextlib.asynccontextmanager
async def lossy(
    start_house: Start, shared_store: Path
) -> AsyncIterator[tuple[Nodes, list[LossyBus]]]:
    """Give two nodes, and what is between them and their bus."""
    wires, buses = InProcessBus(), list[LossyBus]()

    def new_bus() -> Bus:
        buses.append(LossyBus(wires.another()))
        return buses[-1]

    opened = two_nodes(start_house, in_one_file(shared_store), new_bus=new_bus)
    async with opened as nodes:
        yield nodes, buses
