"""The way between a home and its clinic is gone for a while, in every manner."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping

from bench.chaos.clinic import Clinic, until
from bench.chaos.comparing import compare
from bench.chaos.kills import PRACTICE_S, practise_through
from bench.chaos.relay import Relay
from bench.chaos.result import Notes, Result

CUT_S = 5.0
FLAP_S = 0.4
N_OFFLINE = 3
OFFLINE_S = 2.0

Way = tuple[Callable[[], None], Callable[[], None]]


class Flapping:
    """Breaks every connection again and again, as soon as they are made."""

    def __init__(self, wire: Relay) -> None:
        self._wire = wire
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Begin to."""
        self._task = asyncio.create_task(self._flap())

    def end(self) -> None:
        """Let connections be."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _flap(self) -> None:
        while True:
            self._wire.break_off()
            await asyncio.sleep(FLAP_S)


def _ways(clinic: Clinic) -> Mapping[str, Way]:
    (wire,) = clinic.relays
    nats = clinic.nats

    flaps = Flapping(wire)

    def half() -> None:
        wire.half_close()
        wire.stall()

    return {
        "cut": (wire.cut, wire.mend),
        "stalled": (wire.stall, wire.mend),
        "half closed": (half, wire.mend),
        "flapping": (flaps.begin, flaps.end),
        "NATS stopped (SIGSTOP)": (nats.pause, nats.resume),
    }


async def cut_off(clinic: Clinic, times: int, seed: int) -> Result:
    """Cut, stall, half close the wire; freeze the server; five seconds each."""
    what = f"a partition of {CUT_S:.0f} s between home and clinic"
    notes = Notes("partitions", what, seed)
    chance = random.Random(f"partitions {seed}")
    ways = _ways(clinic)
    for number in range(times):
        name = list(ways)[number % len(ways)]
        begin, end = ways[name]
        at_s = chance.uniform(0.0, PRACTICE_S)

        async def fault(
            at_s: float = at_s,
            begin: Callable[[], None] = begin,
            end: Callable[[], None] = end,
        ) -> None:
            await asyncio.sleep(at_s)
            begin()
            try:
                await asyncio.sleep(CUT_S)
            finally:
                end()

        notes.count(name)
        with notes.attempt(f"{number}, {name} at {at_s:.2f} s"):
            await practise_through(clinic, clinic.homes[0], fault, notes)
    return notes.result()


async def offline(clinic: Clinic, times: int, seed: int) -> Result:
    """Practise several times without the clinic; then it is back."""
    notes = Notes("offline", f"{N_OFFLINE} practices without the clinic", seed)
    (home,), (wire,) = clinic.homes, clinic.relays
    for number in range(max(times // 10, 1)):
        with notes.attempt(str(number)):
            wire.cut()
            try:
                await until(lambda: not home.clinic()["connected"], "it is cut off")
                ids = []
                for _ in range(N_OFFLINE):
                    ids.append(await asyncio.to_thread(home.begin))
                    await asyncio.sleep(OFFLINE_S)
                    await asyncio.to_thread(home.rate, ids[-1], 2)
                    await asyncio.to_thread(home.stop, ids[-1])
                assert not any(clinic.store.find_session(id) for id in ids)
                if number % 2:  # and its power goes as well
                    await asyncio.to_thread(home.service.kill)
                    await asyncio.to_thread(home.service.start)
                    notes.count("kills of the home meanwhile")
            finally:
                wire.mend()
            for id in ids:
                await clinic.wait_for_copy(home, id)
                notes.same(await asyncio.to_thread(compare, clinic, home, id))
    return notes.result()
