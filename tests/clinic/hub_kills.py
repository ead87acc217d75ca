"""A hub is killed again and again while homes send: is each copy what was recorded?

Importable, so that a longer run does the same more often (``kill_hub``).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass
from pathlib import Path

from biofeedback.bus import BusError
from biofeedback.bus.jetstream import JetStreamLog
from biofeedback.bus.nats import NatsBus
from biofeedback.store import Store
from tests.clinic import hub_process
from tests.clinic.small_home import (
    SmallHome,
    parcels_of,
    sha256_of,
    write_session,
)
from tests.nats_server import NatsServer
from tests.recording.faults.nursery import Nursery


@dataclass(frozen=True)
class Killed:
    """What became of it: pairs of hashes, and how often a home was asked again."""

    hashes: tuple[tuple[str, str], ...]
    n_kills: int
    n_asked_again: int

    @property
    def same(self) -> bool:
        """Say whether each copy is what was recorded."""
        return all(home == copy for home, copy in self.hashes)


async def kill_hub(
    nursery: Nursery,
    server: NatsServer,
    store: Store,
    folder: Path,
    *,
    seed: int,
    n_kills: int,
    n_homes: int = 3,
    seconds: int = 150,
) -> Killed:
    """Kill a hub at ``n_kills`` random moments while homes send; then let it finish."""
    chance = random.Random(seed)
    bus = NatsBus(server.url, name="homes")
    await bus.open()
    log = JetStreamLog(bus)
    await log.open(create=True)
    homes = [await SmallHome.join(store, log, bus, n) for n in range(n_homes)]
    ended = asyncio.Event()

    async def send(home: SmallHome, number: int) -> str:
        path = write_session(folder, seconds, number=number)
        these = parcels_of(path, home.consent.id, size=5)
        home.sessions[these[0].session] = path
        for parcel in these[:-1]:
            await home.post([parcel])
            if not ended.is_set():  # as long as hubs are killed there is more to come
                await asyncio.sleep(0.01)
        await home.post(these[-1:])
        return these[0].session

    sending = [asyncio.create_task(send(home, n)) for n, home in enumerate(homes)]
    data = str(store.data)
    try:
        for _ in range(n_kills):
            child = nursery.start(hub_process.ME, data, server.url)
            said = await asyncio.to_thread(child.read_line)
            assert said == "ready", said
            await asyncio.sleep(chance.uniform(0.0, 0.4))
            await asyncio.to_thread(child.kill)
        ended.set()
        sessions = await asyncio.gather(*sending)
        child = nursery.start(hub_process.ME, data, server.url)
        hashes = await asyncio.gather(
            *(
                _compared(store, home, session)
                for home, session in zip(homes, sessions, strict=True)
            )
        )
        hub_process.tell(store.data, "end")
        await asyncio.to_thread(child.wait)
    finally:
        for task in sending:
            task.cancel()
        await log.close()
        await bus.close()
    n_asked = sum(len(home.asked) for home in homes)
    return Killed(hashes=tuple(hashes), n_kills=n_kills, n_asked_again=n_asked)


async def _compared(store: Store, home: SmallHome, session: str) -> tuple[str, str]:
    await _until_complete(home, session)
    (copy,) = store.data.glob(f"recordings/*/*/{session}.mcap")
    return sha256_of(home.sessions[session]), sha256_of(copy)


async def _until_complete(home: SmallHome, session: str) -> None:
    # A hub may be coming up meanwhile.
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(BusError):
                if (await home.kept(session)).state == "complete":
                    return
            await asyncio.sleep(0.02)
