"""``kill -9`` of every part at random moments of a practice's life."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import cycle

import httpx

from bench.chaos.clinic import Clinic, Home
from bench.chaos.comparing import compare
from bench.chaos.result import Notes, Result
from bench.chaos.watching import Viewer, check

PRACTICE_S = 4.0
AFTER_S = 4.0
"""The kill comes at any moment from the beginning until so long after the end: while
the recording and its copy are finished, too."""

DOWN_S = 1.5
LAST_SEEN_S = 60.0


async def kill_nats(clinic: Clinic, times: int, seed: int) -> Result:
    """Kill the NATS server."""
    nats = clinic.nats
    return await _kills(
        clinic, "nats", "`kill -9` of NATS", nats.kill, nats.start, times, seed
    )


async def kill_hub(clinic: Clinic, times: int, seed: int) -> Result:
    """Kill the hub."""
    hub = clinic.hub
    return await _kills(
        clinic, "hub", "`kill -9` of the hub", hub.kill, hub.start, times, seed
    )


async def kill_node(clinic: Clinic, times: int, seed: int) -> Result:
    """Kill the node at which the therapist watches; they go on at the other."""
    node = clinic.nodes["b"]
    what = "`kill -9` of the node a therapist watches at"
    return await _kills(clinic, "node", what, node.kill, node.start, times, seed)


async def kill_database(clinic: Clinic, times: int, seed: int) -> Result:
    """Kill every process of PostgreSQL."""
    database = clinic.postgres
    what = "`kill -9` of PostgreSQL"
    return await _kills(
        clinic, "database", what, database.kill, database.start_again, times, seed
    )


async def kill_home(clinic: Clinic, times: int, seed: int) -> Result:
    """Kill the patient's machine; what it recovers is what the hub has in the end."""
    home = clinic.homes[0].service
    what = "`kill -9` of the patient's machine"
    return await _kills(clinic, "home", what, home.kill, home.start, times, seed)


async def power_cut(clinic: Clinic, times: int, seed: int) -> Result:
    """Let NATS lose power: its log comes back without its last seconds.

    The hub is dead meanwhile, so that nobody has what was lost but the home.
    """
    notes = Notes("power cut", "NATS and hub killed; the log lost its last part", seed)
    chance = random.Random(f"power cut {seed}")
    nats, hub = clinic.nats, clinic.hub
    log, old = nats.folder / "log", nats.folder / "log-old"
    for number in range(max(times // 4, 1)):
        first_s, later_s = (chance.uniform(0.2, PRACTICE_S) for _ in range(2))

        async def fault(first_s: float = first_s, later_s: float = later_s) -> None:
            await asyncio.sleep(first_s)
            await asyncio.to_thread(nats.kill)
            await asyncio.to_thread(shutil.copytree, log, old)
            await asyncio.to_thread(nats.start)
            await asyncio.sleep(later_s)
            await asyncio.to_thread(hub.kill)
            await asyncio.to_thread(nats.kill)
            await asyncio.to_thread(shutil.rmtree, log)
            await asyncio.to_thread(old.rename, log)
            await asyncio.to_thread(nats.start)
            await asyncio.sleep(chance.uniform(0.0, 2 * DOWN_S))
            await asyncio.to_thread(hub.start)

        with notes.attempt(f"{number}, at {first_s:.2f} s and {later_s:.2f} s later"):
            await practise_through(clinic, clinic.homes[0], fault, notes)
    return notes.result()


async def kill_all(clinic: Clinic, times: int, seed: int) -> Result:
    """Go through as many kills of whatever part in one single practice."""
    notes = Notes("all", "kills of everything but the home in one practice", seed)
    chance = random.Random(f"all {seed}")
    parts = {
        "NATS": (clinic.nats.kill, clinic.nats.start),
        "hub": (clinic.hub.kill, clinic.hub.start),
        "node": (clinic.nodes["b"].kill, clinic.nodes["b"].start),
        "PostgreSQL": (clinic.postgres.kill, clinic.postgres.start_again),
    }

    order = [name for _, name in zip(range(times), cycle(parts), strict=False)]
    chance.shuffle(order)

    async def faults() -> None:
        for name in order:
            kill, start = parts[name]
            await asyncio.sleep(chance.uniform(0.0, DOWN_S))
            await asyncio.to_thread(kill)
            await asyncio.sleep(chance.uniform(0.0, DOWN_S))
            await asyncio.to_thread(start)
            notes.count(name)

    with notes.attempt("all"):
        await practise_through(clinic, clinic.homes[0], faults, notes, through=True)
    return notes.result()


async def _kills(
    clinic: Clinic,
    name: str,
    what: str,
    kill: Callable[[], None],
    start: Callable[[], None],
    times: int,
    seed: int,
) -> Result:
    notes = Notes(name, what, seed)
    chance = random.Random(f"{name} {seed}")
    for number in range(times):
        at_s = chance.uniform(0.0, PRACTICE_S + AFTER_S)
        down_s = chance.uniform(0.0, DOWN_S)

        async def fault(at_s: float = at_s, down_s: float = down_s) -> None:
            await asyncio.sleep(at_s)
            await asyncio.to_thread(kill)
            await asyncio.sleep(down_s)
            await asyncio.to_thread(start)

        said = f"{number}, at {at_s:.2f} s for {down_s:.2f} s"
        with notes.attempt(said):
            await practise_through(
                clinic, clinic.homes[0], fault, notes, samples=number % 2 == 1
            )
    return notes.result()


async def practise_through(
    clinic: Clinic,
    home: Home,
    fault: Callable[[], Awaitable[None]],
    notes: Notes,
    *,
    through: bool = False,
    samples: bool = False,
) -> None:
    """Practise, watched, while something happens; then compare everything.

    ``through``: the practice ends only after it. ``samples``: with ECG and
    acceleration.
    """
    id = await asyncio.to_thread(home.begin, shared=True, samples=samples)
    nodes = [clinic.nodes["b"], clinic.hub]
    viewer = Viewer(id, clinic.therapist, lambda: nodes)
    watching = asyncio.create_task(_watch(viewer))
    happening = asyncio.ensure_future(fault())
    try:
        await asyncio.sleep(PRACTICE_S / 2)
        await _pressed(lambda: home.rate(id, 4))
        await asyncio.sleep(PRACTICE_S / 2)
        if through:
            await happening
        await _pressed(lambda: home.stop(id))
        await happening
        await clinic.wait_for_copy(home, id)
        notes.same(await asyncio.to_thread(compare, clinic, home, id))
        if not viewer.found:  # it was over before anybody there heard of it
            notes.count("that nobody could watch")
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(watching), LAST_SEEN_S)
        assert watching.done(), f"a viewer was never told of the end: {viewer.codes}"
        watching.result()
        notes.saw(await asyncio.to_thread(check, viewer, home.recording(id)))
        if viewer.hops:
            notes.count("hops of the viewer to another node", viewer.hops)
    finally:
        watching.cancel()
        await asyncio.gather(watching, happening, return_exceptions=True)


async def _watch(viewer: Viewer) -> None:
    await viewer.find()
    await viewer.stay()


async def _pressed(press: Callable[[], None]) -> None:
    """Press something on the page of the home; whoever is dead does not answer."""
    with suppress(httpx.HTTPError, AssertionError):
        await asyncio.to_thread(press)
