"""The outbox: whatever fails at whatever moment, the clinic's copy becomes the same."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biofeedback.bus.in_process import InProcessBus
from biofeedback.clinic import parcels
from biofeedback.clinic.outbox import Outbox
from biofeedback.clinic.parcels import Entries
from biofeedback.recording.keys import KEY_VARIABLE, create_key
from biofeedback.recording.sealed import seal
from biofeedback.recording.tail import Tail
from biofeedback.session.clock import WallClock
from tests.clinic.home_disk import HOME, HomeDisk, PaperHub, PaperLog
from tests.clinic.small_home import sha256_of
from tests.service.conftest import comes_true

SPEED = 3000.0
"""Of the outbox's clock: what waits a minute waits 20 ms."""


@dataclass
class World:
    """A home, a clinic, and the outbox between them."""

    disk: HomeDisk
    log: PaperLog
    hub: PaperHub
    bus: InProcessBus
    outbox: Outbox
    running: asyncio.Task[None] | None = None

    @classmethod
    async def new(cls, folder: Path) -> World:
        disk = HomeDisk(folder)
        log = PaperLog(disk)
        hub = PaperHub(log)
        bus = InProcessBus()
        await hub.answer(bus.another())
        world = cls(disk, log, hub, bus, cls._outbox(disk, log, bus))
        world.start()
        return world

    @staticmethod
    def _outbox(disk: HomeDisk, log: PaperLog, bus: InProcessBus) -> Outbox:
        return Outbox(home=HOME, bus=bus, log=log, shelf=disk, clock=WallClock(SPEED))

    def start(self) -> None:
        self.running = asyncio.create_task(self.outbox.run())

    async def stop(self) -> None:
        if self.running is not None:
            self.running.cancel()
            await asyncio.gather(self.running, return_exceptions=True)

    async def restart(self) -> None:
        """Let the home's process be another one."""
        await self.stop()
        self.outbox = self._outbox(self.disk, self.log, self.bus)
        self.start()

    async def all_arrives(self) -> None:
        self.outbox.look()

        def arrived() -> bool:
            self.hub.read()
            return self.hub.whole(self.disk) and self.outbox.progress.n_waiting == 0

        await comes_true(arrived, seconds=60)
        for sitting, copy in zip(
            self.disk.sittings, self.hub.compared(self.disk), strict=True
        ):
            assert copy.sha256 == sha256_of(sitting.path)


@contextlib.asynccontextmanager
async def world_in(folder: Path) -> AsyncIterator[World]:
    world = await World.new(folder)
    try:
        yield world
    finally:
        await world.stop()


async def test_a_session_arrives_while_it_goes_on(tmp_path: Path) -> None:
    async with world_in(tmp_path) as world:
        world.disk.agree()
        live = world.disk.begin()
        world.outbox.look()
        live.write(3)
        live.sync()
        live.write(2)  # not on the disk yet: it must not be at the clinic before

        def has_what_is_safe() -> bool:
            world.hub.read()
            copy = world.hub.copies.get(live.id)
            return copy is not None and copy.last == live.on_disk

        await comes_true(has_what_is_safe, seconds=30)
        live.sync()
        await comes_true(has_what_is_safe, seconds=30)
        world.disk.end()
        await world.all_arrives()


async def test_nothing_is_sent_without_consent(tmp_path: Path) -> None:
    async with world_in(tmp_path) as world:
        world.disk.begin().write(5)
        world.disk.end()
        world.outbox.look()
        await asyncio.sleep(0)
        await world.stop()
        assert world.log.kept == []
        assert not world.outbox._sendings


async def test_taking_back_stops_between_two_parcels(tmp_path: Path) -> None:
    async with world_in(tmp_path) as world:
        world.disk.agree()
        live = world.disk.begin()
        live.write(2)
        live.sync()
        world.outbox.look()
        await comes_true(lambda: len(world.log.kept) == 2, seconds=30)
        world.disk.consent = None
        world.outbox.look()
        live.write(50)
        live.sync()
        world.disk.end()
        world.outbox.look()
        await comes_true(lambda: not world.outbox._sendings, seconds=30)
        assert len(world.log.kept) == 2
        world.disk.agree()  # another yes: it goes on from there
        await world.all_arrives()


async def test_what_goes_on_comes_before_earlier_days(tmp_path: Path) -> None:
    disk = HomeDisk(tmp_path)
    for _ in range(3):
        disk.begin().write(40)
        disk.end()
    disk.agree()
    live = disk.begin()
    live.write(1)
    live.sync()
    log = PaperLog(disk)
    hub = PaperHub(log)
    bus = InProcessBus()
    await hub.answer(bus.another())
    outbox = Outbox(home=HOME, bus=bus, log=log, shelf=disk, clock=WallClock(SPEED))
    running = asyncio.create_task(outbox.run())

    def sent() -> list[str]:
        hub.read()
        return list(dict.fromkeys(parcels.decode(one).session for one in log.kept))

    try:
        await comes_true(lambda: len(sent()) == len(disk.sittings), seconds=30)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    earlier = [one.id for one in reversed(disk.sittings[:-1])]
    assert sent() == [live.id, *earlier]


async def test_a_refusal_is_taken_for_one(tmp_path: Path) -> None:
    async with world_in(tmp_path) as world:
        world.hub.refuses = True
        world.disk.agree()
        world.disk.begin().write(5)
        world.disk.end()
        world.outbox.look()
        await comes_true(
            lambda: [one.refused for one in world.outbox._sendings.values()] == [True],
            seconds=30,
        )
        # Another consent may be another matter: it is tried, and refused once more.
        n_tried = len(world.log.kept)
        world.disk.agree()
        world.outbox.look()
        await comes_true(lambda: len(world.log.kept) > n_tried, seconds=30)
        world.hub.refuses = False
        await world.all_arrives()


async def test_what_is_refused_does_not_wait(tmp_path: Path) -> None:
    async with world_in(tmp_path) as world:
        world.hub.refuses = True
        world.disk.agree()
        world.disk.begin().write(5)
        world.outbox.look()
        await comes_true(
            lambda: [one.refused for one in world.outbox._sendings.values()] == [True],
            seconds=30,
        )
        world.disk.end()
        assert world.outbox.progress.n_waiting == 0


async def test_the_clinic_asks_for_it_again(tmp_path: Path) -> None:
    async with world_in(tmp_path) as world:
        world.disk.agree()
        sitting = world.disk.begin()
        sitting.write(5)
        world.disk.end()
        await world.all_arrives()
        world.hub.copies.clear()
        world.outbox.again(sitting.id, 1)
        await world.all_arrives()


async def test_a_sealed_recording_arrives_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_file = tmp_path / "stick" / "biofeedback.key"
    monkeypatch.setenv(KEY_VARIABLE, str(key_file))
    key = create_key(key_file, at="2026-11-27")
    (home := tmp_path / "home").mkdir()
    async with world_in(home) as world:
        sitting = world.disk.begin()
        sitting.write(400)
        world.disk.end()
        seal(sitting.path, key)
        assert not sitting.path.exists()
        world.disk.agree()
        await world.all_arrives()


def test_a_parcel_is_small_and_says_each_topic_once(tmp_path: Path) -> None:
    disk = HomeDisk(tmp_path)
    sitting = disk.begin()
    sitting.write(600)
    disk.end()
    tail = Tail(sitting.path, started_ns=0)
    entries = tail.more(None, most_bytes=parcels.PARCEL_BYTES)
    parcel = Entries(session=sitting.id, consent="C", after=0, entries=entries)
    data = parcels.encode(parcel)
    assert parcels.decode(data) == parcel
    assert len(entries) == 1800
    assert len(data) < 30_000


ACTS = ("begin", "write", "sync", "end", "crash", "restart", "read", "wait")
FAULTS = ("before", "after", "twice", "down", "up", "forget", "renew", "revoke")


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    program=st.lists(
        st.tuples(st.sampled_from((*ACTS, *ACTS, *FAULTS)), st.integers(1, 9)),
        min_size=5,
        max_size=40,
    )
)
def test_whatever_happens_each_entry_arrives_once(
    program: list[tuple[str, int]],
) -> None:
    async def play() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with world_in(Path(folder)) as world:
                world.disk.agree()
                for act, n in program:
                    await _do(world, act, n)
                world.disk.end()
                world.log.down = False
                world.log.failures.clear()
                if world.disk.consent is None:
                    world.disk.agree()
                await world.all_arrives()

    asyncio.run(play())


async def _do(world: World, act: str, n: int) -> None:
    disk, log, live = world.disk, world.log, world.disk.live
    match act:
        case "begin" if live is None and len(disk.sittings) < 4:
            disk.begin()
        case "write" if live is not None:
            live.write(n)
        case "sync" if live is not None:
            live.sync()
        case "end":
            disk.end()
        case "crash":
            await world.stop()
            disk.crash()
            await world.restart()
        case "restart":
            if live is None:  # a session ends with its process
                await world.restart()
        case "read":
            world.hub.read(n)
        case "wait":
            await asyncio.sleep(n / 1000)  # let it do something, or not
        case "before" | "after" | "twice":
            log.failures.append(act)
        case "down" | "up":
            log.down = act == "down"
        case "forget":
            world.hub.forget(n)
        case "renew":
            disk.agree()
        case "revoke":
            disk.consent = None
    world.outbox.look()
