"""A patient's machine whose clock is an hour wrong, the one way and the other."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from bench.chaos.clinic import Clinic, Home, until
from bench.chaos.comparing import compare
from bench.chaos.kills import PRACTICE_S, practise_through
from bench.chaos.result import Notes, Result
from bench.chaos.service import Service
from tests.recording.faults.clock import HOUR_NS, built

OFF_NS = {"behind": -HOUR_NS, "ahead": HOUR_NS}
DAY_NS = 24 * HOUR_NS
LEFT_NS = 25_000_000_000
"""So much is left of the consent when everybody is started again a day later."""

SETTLE_S = 5.0


def _clock(library: Path, off_ns: int) -> dict[str, str]:
    return {"LD_PRELOAD": str(library), "WALL_NS": str(off_ns)}


async def hour_off(clinic: Clinic, times: int, seed: int) -> Result:
    """Let homes whose clocks are wrong join and practise, watched and copied."""
    notes = Notes("skew", "a home's clock an hour behind, an hour ahead", seed)
    library = await asyncio.to_thread(built, clinic.folder)
    for said, off_ns in OFF_NS.items():
        home: Home | None = None
        for number in range(max(times // 10, 1)):
            with notes.attempt(f"{said}, {number}"):
                if home is None:
                    home = await clinic.home(environment=_clock(library, off_ns))
                await _practise(clinic, home, off_ns, notes)
        if home is not None:
            await asyncio.to_thread(home.service.kill)
    return notes.result()


async def _practise(clinic: Clinic, home: Home, off_ns: int, notes: Notes) -> None:
    async def nothing() -> None:
        await asyncio.sleep(PRACTICE_S)

    before = {row.id for row in clinic.store.sessions()}
    await practise_through(clinic, home, nothing, notes)
    (id,) = {row.id for row in clinic.store.sessions()} - before
    wrong_ns = clinic.store.session(id).started_at_utc_ns - time.time_ns()
    assert abs(wrong_ns - off_ns) < HOUR_NS // 2, "its clock was right"
    sessions = [
        row for row in clinic.store.sessions() if row.node == f"home.{home.row.id}"
    ]
    assert sessions[0].id == id, "the newest practice does not come first"


async def runs_out(clinic: Clinic, times: int, seed: int) -> Result:
    """Let a consent for a day run out, by a home's clock that is an hour wrong."""
    what = "a consent of a day runs out, by a home's clock that is an hour wrong"
    notes = Notes("ends", what, seed)
    library = await asyncio.to_thread(built, clinic.folder)
    for said, off_ns in OFF_NS.items():
        with notes.attempt(said):
            await _runs_out(clinic, library, off_ns, notes)
        await _restart(clinic.hub, {})
    return notes.result()


async def _runs_out(clinic: Clinic, library: Path, off_ns: int, notes: Notes) -> None:
    home = await clinic.home(days=1, environment=_clock(library, off_ns))
    given_ns = time.time_ns()
    try:
        later_ns = DAY_NS - LEFT_NS - (time.time_ns() - given_ns)
        await _restart(clinic.hub, _clock(library, later_ns))
        await _restart(home.service, _clock(library, off_ns + later_ns))
        await home.linked()
        copied = await _begin_and_stop(home, PRACTICE_S)
        await clinic.wait_for_copy(home, copied)
        notes.same(await asyncio.to_thread(compare, clinic, home, copied))
        going_on = await asyncio.to_thread(home.begin)
        await until(lambda: home.clinic()["copies"] is None, "it is over")
        await asyncio.sleep(SETTLE_S)
        await asyncio.to_thread(home.stop, going_on)
        after = await _begin_and_stop(home, SETTLE_S)
        await until(lambda: home.state(after) == "complete", "it is finished")
        await asyncio.sleep(SETTLE_S)
        assert clinic.store.find_session(after) is None, "sent after it was over"
        assert not clinic.is_copied(going_on), "sent on after it was over"
    finally:
        await asyncio.to_thread(home.service.kill)


async def _begin_and_stop(home: Home, seconds: float) -> str:
    id = await asyncio.to_thread(home.begin)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(home.stop, id)
    return id


async def _restart(service: Service, environment: dict[str, str]) -> None:
    await asyncio.to_thread(service.kill)
    service.environment = environment
    await asyncio.to_thread(service.start)
