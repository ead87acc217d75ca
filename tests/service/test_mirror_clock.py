"""What time it is in a session of elsewhere: whatever anybody's time of day says."""

from __future__ import annotations

import asyncio

import pytest

from biofeedback.service.elsewhere.envelopes import Held, Table
from biofeedback.service.elsewhere.mirror_clock import GOOD_FOR_NS, MirrorClock
from biofeedback.session.clock import NS_PER_MS, NS_PER_S, ManualClock
from tests.service.test_merging import AD


def says(now_ns: int, *, rate: float = 1.0, utc_ns: int = 0) -> Held:
    return Held(
        ad=AD,
        n=1,
        edition=1,
        messages=(),
        more=False,
        table=Table(),
        now_ns=now_ns,
        rate=rate,
        utc_ns=utc_ns,
    )


async def at(clock: ManualClock, t_ns: int) -> int:
    await clock.advance((t_ns - clock.now_ns()) / NS_PER_S)
    return t_ns


async def test_the_middle_of_the_shortest_way_counts() -> None:
    base = ManualClock()
    clock = MirrorClock(base)
    ms = NS_PER_MS
    await at(base, 10 * ms)
    clock.hear(says(500 * ms), asked_ns=6 * ms, now_ns=10 * ms)  # true at 8 ms
    assert clock.now_ns() == 502 * ms
    await at(base, 1000 * ms)
    clock.hear(
        says(1495 * ms), asked_ns=980 * ms, now_ns=1000 * ms
    )  # a long way: 5 off
    assert clock.now_ns() == 1492 * ms, "what is known is more exact"
    clock.hear(says(1491 * ms), asked_ns=999 * ms, now_ns=1000 * ms)
    assert clock.now_ns() == 1491 * ms + ms // 2, "this is more exact"
    late = await at(base, 1000 * ms + 2 * GOOD_FOR_NS)
    clock.hear(says(70_000 * ms), asked_ns=late - 20 * ms, now_ns=late)
    assert clock.now_ns() == 70_010 * ms, "what is old has drifted"


async def test_a_machine_that_slept_is_believed() -> None:
    base = ManualClock()
    clock = MirrorClock(base)
    clock.hear(says(1000), asked_ns=0, now_ns=0)
    now_ns = await at(base, NS_PER_S)
    clock.hear(says(NS_PER_S // 2), asked_ns=now_ns - 100, now_ns=now_ns)
    assert abs(clock.now_ns() - NS_PER_S // 2) <= 50


@pytest.mark.parametrize("hours", [-1, 0, 1])
async def test_an_hour_of_skew_moves_nothing(hours: int) -> None:
    base = ManualClock()
    clock = MirrorClock(base)
    utc_ns = 1_700_000_000 * NS_PER_S + hours * 3600 * NS_PER_S
    clock.hear(says(0, utc_ns=utc_ns), asked_ns=0, now_ns=0)
    await base.advance(5)
    assert clock.now_ns() == 5 * NS_PER_S
    assert clock.utc_ns() == utc_ns + 5 * NS_PER_S, "the origin's, not ours"


async def test_a_replay_that_is_held_or_fast() -> None:
    base = ManualClock()
    clock = MirrorClock(base)
    clock.hear(says(NS_PER_S, rate=4.0), asked_ns=0, now_ns=0)
    waits = asyncio.create_task(clock.sleep_until(9 * NS_PER_S))
    await base.advance(1.9)
    assert clock.now_ns() == pytest.approx(8.6 * NS_PER_S)
    assert not waits.done()
    await base.advance(0.2)
    assert waits.done()
    now_ns = base.now_ns()
    clock.hear(says(NS_PER_S, rate=0.0), asked_ns=now_ns, now_ns=now_ns)
    await base.advance(5)
    assert clock.now_ns() == NS_PER_S
