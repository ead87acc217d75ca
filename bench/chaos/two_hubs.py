"""Two hubs of one share: one dies for good, and comes back later with an old disk."""

from __future__ import annotations

import asyncio
import random
import shutil
from functools import partial

from bench.chaos.clinic import Clinic, until
from bench.chaos.comparing import compare
from bench.chaos.kills import PRACTICE_S
from bench.chaos.result import Notes, Result

N_LATER = 2


async def one_dies(clinic: Clinic, times: int, seed: int) -> Result:
    """Kill one of two hubs in the middle; later start it on the disk it had earlier."""
    what = "two hubs of one share; one dies, and comes back with an old disk"
    notes = Notes("two hubs", what, seed)
    chance = random.Random(f"two hubs {seed}")
    (home,) = clinic.homes
    first = clinic.hub
    second = clinic.nodes.get("hub2") or clinic.node("hub2", "--hub", "all")
    await asyncio.to_thread(second.start)
    old = clinic.folder / "old-disk"
    try:
        for number in range(max(times // 5, 1)):
            at_s = chance.uniform(1.0, PRACTICE_S)
            with notes.attempt(f"{number}, at {at_s:.2f} s"):
                begun = await asyncio.to_thread(home.begin)
                await asyncio.sleep(at_s / 2)
                # The disk as it was: what a backup of a moment ago would be.
                await asyncio.to_thread(first.kill)
                await asyncio.to_thread(shutil.copytree, first.data, old)
                await asyncio.to_thread(first.start)
                await asyncio.sleep(at_s / 2)
                await asyncio.to_thread(first.kill)
                await asyncio.sleep(PRACTICE_S / 2)
                await asyncio.to_thread(home.stop, begun)
                ids = [begun]
                for _ in range(N_LATER):
                    ids.append(await asyncio.to_thread(home.begin))
                    await asyncio.sleep(PRACTICE_S / 2)
                    await asyncio.to_thread(home.stop, ids[-1])
                for id in ids:
                    await until(
                        partial(clinic.is_copied, id, second), "the other has it"
                    )
                await asyncio.to_thread(shutil.rmtree, first.data)
                await asyncio.to_thread(old.rename, first.data)
                await asyncio.to_thread(first.start)
                for id in ids:
                    await until(partial(clinic.is_copied, id), "both have it")
                    for hub in (first, second):
                        notes.same(
                            await asyncio.to_thread(compare, clinic, home, id, hub)
                        )
            shutil.rmtree(old, ignore_errors=True)
            if not first.is_running:
                await asyncio.to_thread(first.start)
    finally:
        await asyncio.to_thread(second.kill)
    return notes.result()
