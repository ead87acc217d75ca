"""A hub with real servers and processes: killed, out of room, two of a kind."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from biofeedback.bus.jetstream import JetStreamLog
from biofeedback.bus.nats import NatsBus
from biofeedback.store import SessionState, Store
from biofeedback.store.engine import DATABASE_NAME
from tests.bus.conditions import eventually
from tests.clinic import hub_kills, hub_process
from tests.clinic.conftest import Clinic
from tests.clinic.small_home import SmallHome, sha256_of, write_session
from tests.nats_server import NatsServer
from tests.recording.faults.nursery import Child, Nursery

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no kill -9, and no fork."
)


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery(hub_process.ME) as nursery:
        yield nursery


@pytest.fixture
def store(tmp_path: Path, fresh_store: Callable[[Path], Store]) -> Iterator[Store]:
    store = fresh_store(tmp_path / "clinic")
    store.homes.name_clinic("Pain clinic")
    yield store
    store.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    with NatsServer(tmp_path / "nats") as server:
        yield server


async def test_a_hub_killed_at_any_moment_has_what_was_recorded(
    nursery: Nursery, server: NatsServer, store: Store, tmp_path: Path
) -> None:
    killed = await hub_kills.kill_hub(
        nursery, server, store, tmp_path, seed=8, n_kills=3
    )
    assert killed.same, killed
    assert killed.n_asked_again == 0  # what it had not remembered it read again
    for session in (row.id for row in store.sessions()):
        row = store.recording(session)
        assert row is not None
        assert row.state is SessionState.COMPLETE
        assert row.sha256 is not None
    assert not list(store.data.glob("copies/*/*.part"))


async def test_without_room_the_log_waits_and_nothing_is_lost(
    nursery: Nursery, server: NatsServer, store: Store, tmp_path: Path
) -> None:
    bus = NatsBus(server.url, name="homes")
    await bus.open()
    log = JetStreamLog(bus)
    await log.open(create=True)
    homes = [await SmallHome.join(store, log, bus, n) for n in range(2)]
    child = nursery.start(hub_process.ME, str(store.data), server.url, str(192 << 10))
    said = await asyncio.to_thread(child.read_line)
    if said.startswith("cannot "):
        await asyncio.to_thread(child.wait)
        await bus.close()
        pytest.skip(said)
    assert said == "ready"
    try:
        await _fill_and_make_room(child, store, homes, tmp_path)
    finally:
        hub_process.tell(store.data, "end")
        await asyncio.to_thread(child.wait)
        await bus.close()


async def _fill_and_make_room(
    child: Child, store: Store, homes: list[SmallHome], folder: Path
) -> None:
    paths = [write_session(folder, 1500, number=n) for n in range(2)]
    sessions = await asyncio.gather(
        *(home.send(path, size=40) for home, path in zip(homes, paths, strict=True))
    )
    said = await asyncio.to_thread(child.read_line)
    assert said.startswith("waits No copies are kept now; the log keeps what comes."), (
        said
    )
    assert "disk" in said
    for home, session in zip(homes, sessions, strict=True):
        assert (await home.kept(session)).state == "open"
    hub_process.tell(store.data, "room")
    assert await asyncio.to_thread(child.read_line) == "ready"
    for home, session in zip(homes, sessions, strict=True):
        await home.until(session, "complete", limit_s=60)
        (copy,) = store.data.glob(f"recordings/*/*/{session}.mcap")
        assert sha256_of(copy) == sha256_of(home.sessions[session])
        assert home.asked == []


@pytest.fixture(params=["sqlite", "postgresql"])
async def second(
    request: pytest.FixtureRequest, tmp_path: Path, clinic: Clinic
) -> AsyncIterator[Store]:
    """A second hub's store: another folder, and the same database as the clinic's."""
    data = tmp_path / "second"
    data.mkdir()
    url = None
    if request.param == "sqlite":
        (data / DATABASE_NAME).symlink_to(clinic.store.data / DATABASE_NAME)
    else:
        url = request.getfixturevalue("postgres").fresh()
        clinic.store.close()
        clinic.store = Store(clinic.store.data, url)
        clinic.store.homes.name_clinic("Pain clinic")
    store = Store(data, url)
    yield store
    for hub in clinic.hubs:
        await hub.close()
    store.close()


async def test_two_hubs_keep_two_copies_and_one_may_die(
    clinic: Clinic, second: Store, tmp_path: Path
) -> None:
    await clinic.open_hub()
    other = await clinic.open_hub(second)
    home = await clinic.home()
    both = await home.send(write_session(tmp_path, 30))
    await eventually(lambda: _copies(clinic, second, both) == 2, "both have it")
    assert sha256_of(clinic.copy_of(both)) == sha256_of(home.sessions[both])
    assert sha256_of(clinic.copy_of(both, second)) == sha256_of(home.sessions[both])
    assert len(clinic.store.sessions()) == 1

    await other.close()
    alone = await home.send(write_session(tmp_path, 30, number=1))
    await clinic.gets(home, alone)
    # It comes back after hours, and has everything as well: the log kept it.
    await clinic.open_hub(second)
    await eventually(lambda: _copies(clinic, second, alone) == 2, "both have it")
    assert sha256_of(clinic.copy_of(alone, second)) == sha256_of(home.sessions[alone])
    assert home.asked == []


def _copies(clinic: Clinic, second: Store, session: str) -> int:
    return sum(
        store.data.joinpath(path).is_file()
        for store in (clinic.store, second)
        for path in [_path(store, session)]
        if path is not None
    )


def _path(store: Store, session: str) -> str | None:
    row = store.recording(session)
    return None if row is None else row.path
