"""Minutes and days without each other, by clocks that are handed in.

Home and clinic are whole services in this process, on a real NATS server with a wire
between that is cut. Only their clocks are not real: so that three days take a moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.chaos.comparing import Compared, same
from bench.chaos.relay import Relay
from bench.chaos.result import Notes, Result
from bench.chaos.service import typed
from biofeedback.clinic import nats_config
from biofeedback.model import Value
from biofeedback.service.at_home.home import AtHome
from biofeedback.service.at_home.joining import join
from biofeedback.settings import Share
from biofeedback.store import Role, SessionState, Store
from biofeedback.store.engine import DATABASE_NAME
from tests.clinic.clinic_server import ClinicServer
from tests.service.conftest import House, starter
from tests.session.clusters import free_port

DAY_S = 86_400.0
NS_PER_S = 1_000_000_000
PRACTICE_S = 4.0
STEP_S = 0.5
MOST_STEPS = 4000
LOOK_S = 0.01
REAL_LIMIT_S = 60.0


class Wait(Value, frozen=True):
    """So long they are apart; the log may lose all it has meanwhile."""

    said: str
    seconds: float
    log_is_lost: bool = False


WAITS = (
    Wait(said="5 min", seconds=300.0),
    Wait(said="5 min, and NATS lost its disk", seconds=300.0, log_is_lost=True),
    Wait(said="3 days", seconds=3 * DAY_S),
)


@dataclass
class Pair:
    """A home and its clinic, whose clocks go on when they are told to."""

    home: House
    clinic: House
    nats: ClinicServer
    wire: Relay

    async def ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Ask the page of the home."""
        answer = await self.home.browser.request(method, f"/api/v1{path}", json=body)
        assert answer.is_success, f"{path}: {answer.text}"
        told: dict[str, Any] = answer.json()
        return told

    async def pass_time(self, seconds: float) -> None:
        """Let time pass for both, by every clock."""
        for house in (self.home, self.clinic):
            house.utc_ns[0] += round(seconds * NS_PER_S)
        if seconds <= STEP_S:
            await self.home.pass_time(seconds)
            await self.clinic.pass_time(seconds)
            return
        for house in (self.home, self.clinic):
            for clock in (*house.clocks[1:], house.clocks[0]):
                await clock.advance(seconds)

    async def until(self, holds: Callable[[], object], what: str) -> None:
        """Let time pass until something holds."""
        until_s = time.monotonic() + REAL_LIMIT_S
        for _ in range(MOST_STEPS):
            if holds():
                return
            await self.pass_time(STEP_S)
            await asyncio.sleep(LOOK_S)
            if time.monotonic() > until_s:
                break
        raise AssertionError(f"never came true: {what}")

    async def practise(self) -> str:
        """Practise for a while."""
        id = str((await self.home.begin())["id"])
        for _ in range(round(PRACTICE_S / STEP_S)):
            await self.pass_time(STEP_S)
        await self.ask("POST", f"/sessions/{id}/stop")
        await self.until(lambda: self.is_finished(id), f"{id} is finished at home")
        return id

    def is_finished(self, id: str) -> bool:
        """Say whether a practice is finished at home."""
        return self.home.store.session(id).state is SessionState.COMPLETE

    def is_copied(self, id: str) -> bool:
        """Say whether the hub has finished its copy."""
        row = self.clinic.store.find_session(id)
        return row is not None and row.state is SessionState.COMPLETE

    async def allow_copies(self, days: int) -> str:
        """Let the clinic keep copies, and know it."""
        told = await self.ask("PUT", "/clinic/copy", {"days": days})
        id = str(told["clinic"]["copies"]["id"])
        homes = self.clinic.store.homes
        await self.until(
            lambda: id in {row.id for row in homes.copy_consents()}, "it is known"
        )
        return id

    async def same(self, id: str) -> Compared:
        """Wait for the copy of a practice, and compare it."""
        await self.until(lambda: self.is_copied(id), f"{id} is copied")
        at_home = self.home.store.recording(id)
        copy = self.clinic.store.recording(id)
        assert at_home is not None
        assert copy is not None
        assert copy.n_records == at_home.n_records
        return await asyncio.to_thread(
            same,
            self.home.store.data / at_home.path,
            self.clinic.store.data / copy.path,
        )


@contextlib.asynccontextmanager
async def a_pair() -> AsyncIterator[Pair]:
    """Set up a home and its clinic in this process."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="waits-")))
        Store(folder / "new").close()
        data = {name: folder / name for name in ("clinic", "home")}
        for one in data.values():
            one.mkdir()
            shutil.copy(folder / "new" / DATABASE_NAME, one)
        port = free_port()
        await asyncio.to_thread(
            typed,
            *("hub", "config", "--clinic", "By the lake", "--port", str(port)),
            *("--host", "127.0.0.1", "--data", data["clinic"]),
        )
        nats = ClinicServer(
            data["clinic"] / nats_config.FOLDER, data["clinic"] / "tls" / "ca.crt"
        )
        nats.port = port
        nats.start()
        stack.callback(nats.kill)
        wire = await stack.enter_async_context(Relay(port))
        store = Store(data["clinic"])
        store.person_called("P-ANNA01")
        store.accounts.add(name="root", display="Root", role=Role.ADMIN)
        store.accounts.add(name="kim", display="Kim", role=Role.THERAPIST)
        store.close()
        ticket = folder / "ticket.json"
        await asyncio.to_thread(
            typed,
            *("home", "add", "--person", "P-ANNA01", "--label", "Kitchen"),
            *("--out", ticket, "--servers", f"tls://localhost:{wire.port}"),
            *("--ca", nats.ca, "--data", data["clinic"]),
        )
        home_store = Store(data["home"])
        join(home_store, ticket)
        home_store.close()
        start = starter(folder, folder / "new" / DATABASE_NAME)
        clinic = await stack.enter_async_context(
            start(data="clinic", bus=nats.node(), hub=Share())
        )
        home = await stack.enter_async_context(start(data="home"))
        pair = Pair(home, clinic, nats, wire)
        await pair.until(
            lambda: any(one.clinic for one in home.store.accounts.all()),
            "the home knows its clinic",
        )
        yield pair


async def long_waits(times: int, seed: int) -> Result:
    """Be without each other for minutes and days, by both clocks."""
    notes = Notes("waits", "5 min and 3 days apart (handed-in clocks)", seed)
    chance = random.Random(f"waits {seed}")
    async with a_pair() as pair:
        pair.home.utc_ns[0] = time.time_ns()  # sessions begin by this clock
        await pair.allow_copies(300)
        for wait in WAITS[: 2 if times == 1 else None]:
            with notes.attempt(wait.said):
                await _apart(pair, wait, chance, notes)
            notes.count(wait.said)
    return notes.result()


async def _apart(pair: Pair, wait: Wait, chance: random.Random, notes: Notes) -> None:
    begun = str((await pair.home.begin())["id"])
    await pair.pass_time(STEP_S)
    for _ in range(chance.randrange(1, 8)):
        await pair.pass_time(STEP_S)
    pair.wire.cut()
    try:
        at_home = pair.home.context.at_home
        await pair.until(lambda: not _connected(at_home), "it is cut off")
        for _ in range(4):
            await pair.pass_time(STEP_S)
        await pair.ask("POST", f"/sessions/{begun}/stop")
        await pair.until(lambda: pair.is_finished(begun), "it is finished")
        await pair.pass_time(wait.seconds / 2)
        between = await pair.practise()
        if wait.log_is_lost:
            await asyncio.to_thread(pair.nats.kill)
            await asyncio.to_thread(shutil.rmtree, pair.nats.folder / "log")
            await asyncio.to_thread(pair.nats.start)
        await pair.pass_time(wait.seconds / 2)
    finally:
        pair.wire.mend()
    for id in (begun, between):
        notes.same(await pair.same(id))


def _connected(at_home: AtHome) -> bool:
    return at_home.now is not None and at_home.now.connected
