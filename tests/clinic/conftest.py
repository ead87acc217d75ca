"""A clinic whose hubs can be opened and closed again on the same folder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from biofeedback.bus.in_process import InProcessBus
from biofeedback.clinic.copies import Copies
from biofeedback.clinic.fates import Arrived
from biofeedback.recording.compaction import Compaction
from biofeedback.recording.reader import open_recording
from biofeedback.session.clock import WallClock
from biofeedback.settings import Share
from biofeedback.store import RecordingRow, SessionState, Store
from tests.bus.conditions import eventually
from tests.clinic.pair import Pair, join_as
from tests.clinic.paper_clinic import paper_clinic
from tests.clinic.small_home import MemoryLog, SmallHome, sha256_of
from tests.service.conftest import Start, new_database, start_house

__all__ = ["new_database", "start_house"]

FAST = 50.0
"""Of the hub's clock: a round a second is one each 20 ms."""


@dataclass
class Clinic:
    """One store, a log and a bus in memory, and a hub that may be closed and opened."""

    store: Store
    log: MemoryLog = field(default_factory=MemoryLog)
    bus: InProcessBus = field(default_factory=InProcessBus)
    utc_ns: list[int] = field(default_factory=list)
    hubs: list[Copies] = field(default_factory=list)
    finished: list[Arrived] = field(default_factory=list)

    async def open_hub(
        self, store: Store | None = None, *, speed: float = FAST
    ) -> Copies:
        store = store or self.store

        async def finish(arrived: Arrived) -> None:
            await self.finish(store, arrived)

        hub = Copies(
            store=store,
            log=self.log,
            bus=self.bus.another(),
            share=Share(),
            finish=finish,
            clock=WallClock(speed),
            min_free_bytes=0,
        )
        await hub.open()
        self.hubs.append(hub)
        return hub

    async def finish(self, store: Store, arrived: Arrived) -> None:
        self.finished.append(arrived)

        def do() -> None:
            if arrived.part.exists():
                Compaction(arrived.part, arrived.final, recovery=arrived.recovery).run()
            recording = RecordingRow(
                session_id=arrived.session,
                path=arrived.final.relative_to(store.data).as_posix(),
                state=SessionState.COMPLETE,
            )
            store.homes.finish_session(
                arrived.session, recording, (), ended_at_utc_ns=1
            )

        await asyncio.to_thread(do)

    async def home(self, number: int = 0) -> SmallHome:
        return await SmallHome.join(self.store, self.log, self.bus.another(), number)

    def copy_of(self, session: str, store: Store | None = None) -> Path:
        """Return where the finished copy of a session lies."""
        store = store or self.store
        (path,) = store.data.glob(f"recordings/*/*/{session}.mcap")
        return path

    def counted(self, what: str, reason: str) -> float:
        """Return what the newest hub counted."""
        for figure in self.hubs[-1].figures():
            labels = getattr(figure, "labels", ())
            if figure.name == what and reason in {value for _, value in labels}:
                return getattr(figure, "value", 0.0)
        return 0.0

    async def counts(self, reason: str, n: int = 1) -> None:
        """Wait until so many parcels had this outcome."""
        await eventually(
            lambda: self.counted("copy_parcels", reason) >= n, f"{n} {reason}"
        )

    async def gets(self, home: SmallHome, session: str) -> None:
        """Wait for the finished copy of a session, which is as it was at home."""
        await home.until(session, "complete")
        copy = open_recording(self.copy_of(session))
        assert copy.complete
        assert sha256_of(copy.path) == sha256_of(home.sessions[session])


@pytest.fixture
async def clinic(
    tmp_path: Path, fresh_store: Callable[[Path], Store]
) -> AsyncIterator[Clinic]:
    store = fresh_store(tmp_path / "clinic")
    store.homes.name_clinic("Pain clinic")
    clinic = Clinic(store)
    yield clinic
    for hub in clinic.hubs:
        await hub.close()
    clinic.store.close()


@pytest.fixture
async def pair(
    tmp_path: Path, new_database: Path, start_house: Start
) -> AsyncIterator[Pair]:
    """Give a home that has joined its clinic, and is linked to it."""
    async with paper_clinic(tmp_path / "clinic") as clinic:
        join_as(tmp_path, new_database, clinic)
        async with start_house() as house:
            pair = Pair(house, clinic)
            await pair.linked()
            yield pair


@pytest.fixture(scope="session")
def fresh_store(new_database: Path) -> Callable[[Path], Store]:
    """Return what makes a store; migrating takes longer than most tests."""
    database = new_database.read_bytes()

    def make(data: Path) -> Store:
        data.mkdir(parents=True)
        (data / new_database.name).write_bytes(database)
        return Store(data)

    return make
