"""Who is here: by a clock that a test moves, on every bus."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import pytest

from biofeedback.bus import Bus, Delivery
from biofeedback.bus.presence import Presence
from biofeedback.session.clock import NS_PER_S, ManualClock
from tests.bus.conditions import eventually
from tests.bus.conftest import Join, Link
from tests.nats_server import NatsServer

NODE, OTHER = "node.N-7Q2M9K", "node.N-3F8T1B"


class Changes:
    """Counts how often somebody was told of a change."""

    def __init__(self, presence: Presence) -> None:
        self.count = 0
        presence.on_change(self._told)

    def _told(self) -> None:
        self.count += 1


Appear = Callable[[ManualClock], Awaitable[Presence]]


@pytest.fixture
async def appear(join: Join) -> AsyncIterator[Appear]:
    """Open a presence of another party, closed after the test."""
    opened: list[Presence] = []

    async def new(clock: ManualClock) -> Presence:
        presence = Presence(await join(), clock)
        opened.append(presence)
        await presence.open()
        return presence

    yield new
    for presence in opened:
        await presence.close()


async def test_whoever_comes_is_here_at_once_for_others(appear: Appear) -> None:
    one, other = await appear(ManualClock()), await appear(ManualClock())
    changes = Changes(other)
    await one.announce(NODE, b"1")
    assert one.here() == {NODE: b"1"}
    await eventually(lambda: other.here() == {NODE: b"1"}, "the other knows")
    assert changes.count == 1


async def test_data_that_changes_is_told(appear: Appear) -> None:
    one, other = await appear(ManualClock()), await appear(ManualClock())
    changes = Changes(other)
    await one.announce(NODE, b"1")
    await one.announce(NODE, b"1")
    await one.announce(NODE, b"2")
    await eventually(lambda: other.here() == {NODE: b"2"}, "the other knows")
    assert changes.count == 2


async def test_what_is_withdrawn_is_gone_at_once(appear: Appear) -> None:
    one, other = await appear(ManualClock()), await appear(ManualClock())
    session = f"{NODE}.session.s1"
    await one.announce(NODE, b"1")
    await one.announce(session, b"2")
    await eventually(lambda: len(other.here()) == 2, "the other knows both")
    changes = Changes(other)
    await one.withdraw(session)
    await one.withdraw(session)
    assert one.here() == {NODE: b"1"}
    await eventually(lambda: other.here() == {NODE: b"1"}, "the session is gone")
    assert changes.count == 1


async def test_whoever_closes_says_goodbye_for_all_of_theirs(appear: Appear) -> None:
    one, other = await appear(ManualClock()), await appear(ManualClock())
    await one.announce(NODE, b"1")
    await one.announce(f"{NODE}.session.s1", b"2")
    await eventually(lambda: len(other.here()) == 2, "the other knows both")
    await one.close()
    await eventually(lambda: not other.here(), "both are gone")


async def test_prefixes(appear: Appear) -> None:
    one = await appear(ManualClock())
    await one.announce(f"{NODE}.session.s1", b"1")
    await one.announce("home.H-1", b"2")
    assert one.here("home.") == {"home.H-1": b"2"}
    assert one.here(f"{NODE}.session.") == {f"{NODE}.session.s1": b"1"}


async def test_a_newcomer_learns_at_once_who_is_here(appear: Appear) -> None:
    one, other = await appear(ManualClock()), await appear(ManualClock())
    await one.announce(NODE, b"1")
    await other.announce(OTHER, b"2")
    newcomer = await appear(ManualClock())
    await eventually(
        lambda: newcomer.here() == {NODE: b"1", OTHER: b"2"}, "the newcomer knows"
    )


async def test_what_was_announced_before_opening_is_said_then(join: Join) -> None:
    other = Presence(await join(), ManualClock())
    await other.open()
    early = Presence(await join(), ManualClock())
    await early.announce(NODE, b"1")
    await early.open()
    await eventually(lambda: NODE in other.here(), "the other knows")
    await early.close()
    await other.close()


async def test_silence_is_judged_by_ones_own_clock_alone(appear: Appear) -> None:
    silent, mine = ManualClock(), ManualClock()
    await silent.advance(3600)  # an hour ahead: nobody looks at it
    one, other = await appear(silent), await appear(mine)
    await one.announce(NODE, b"1")
    await eventually(lambda: NODE in other.here(), "the other knows")
    changes = Changes(other)
    await silent.advance(1.9)  # not yet time to say it again
    await mine.advance(6.9)
    assert NODE in other.here()
    await mine.advance(0.2)
    assert NODE not in other.here()
    assert changes.count == 1
    await silent.advance(0.2)
    await eventually(lambda: NODE in other.here(), "it is heard again")
    assert changes.count == 2


async def test_whoever_is_heard_now_and_then_stays(join: Join) -> None:
    theirs, mine = ManualClock(), ManualClock()
    bus = await join()
    one, other = Presence(await join(), theirs), Presence(bus, mine)
    await one.open()
    await other.open()
    said: list[Delivery] = []
    await bus.subscribe(f"presence.{NODE}", said.append)
    await one.announce(NODE, b"1")
    for count in range(1, 10):
        await eventually(partial(_at_least, said, count), "it was said again")
        await mine.advance(2.0)
        assert NODE in other.here()
        await theirs.advance(2.0)
    await one.close()
    await other.close()


async def test_a_listener_that_stood_still_blames_nobody(join: Join) -> None:
    clock = _LateClock()
    presence, other = (
        Presence(await join(), clock),
        Presence(await join(), ManualClock()),
    )
    await presence.open()
    await other.open()
    await other.announce(NODE, b"1")
    await eventually(lambda: NODE in presence.here(), "it is known")
    clock.wake_at_s(60)  # the first tick was due after two seconds
    await eventually(lambda: clock.waits, "the tick is over")
    assert NODE in presence.here()
    await presence.close()
    await other.close()


async def test_whoever_was_replaced_ends_nobody_with_their_goodbye(
    appear: Appear,
) -> None:
    old, new, other = [await appear(ManualClock()) for _ in range(3)]
    await old.announce(NODE, b"old")
    await eventually(lambda: other.here() == {NODE: b"old"}, "the old one is known")
    await new.announce(NODE, b"new")
    await eventually(lambda: other.here() == {NODE: b"new"}, "the new one is known")
    await old.close()
    await new.announce("node.N-last", b"")
    await eventually(lambda: other.here("node.N-last"), "what came after was heard")
    assert other.here(NODE) == {NODE: b"new"}


async def test_two_who_say_the_same_key_are_told(
    appear: Appear, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = await appear(ManualClock()), await appear(ManualClock())
    await one.announce(NODE, b"1")
    await other.announce(NODE, b"2")
    await other.announce(NODE, b"3")
    await eventually(lambda: "share a data folder" in caplog.text, "a warning")
    assert one.here() == {NODE: b"1"}


async def test_what_cannot_be_read_is_left_out(
    join: Join, appear: Appear, caplog: pytest.LogCaptureFixture
) -> None:
    one, bus = await appear(ManualClock()), await join()
    await bus.publish("presence.node.N-1", b"nonsense")
    await eventually(lambda: "cannot be read" in caplog.text, "a warning")
    assert one.here() == {}


async def test_whoever_is_told_may_fail(
    appear: Appear, caplog: pytest.LogCaptureFixture
) -> None:
    one = await appear(ManualClock())

    def fails() -> None:
        raise RuntimeError("broken")

    one.on_change(fails)
    changes = Changes(one)
    await one.announce(NODE, b"1")
    assert changes.count == 1
    assert "failed" in caplog.text


async def test_a_home_hears_only_the_nodes(join: Join) -> None:
    home = Presence(await join(), ManualClock(), hears=("node.>",))
    other = Presence(await join(), ManualClock())
    await home.open()
    await other.open()
    await other.announce("home.H-2", b"1")
    await other.announce(NODE, b"2")
    await eventually(lambda: home.here() == {NODE: b"2"}, "the node is known")
    await home.close()
    await other.close()


async def test_a_lost_link_loses_nobody_before_their_time(
    own_server: NatsServer, link: Link
) -> None:
    clocks = ManualClock(), ManualClock()
    buses: tuple[Bus, Bus] = (await link(), await link())
    one, other = Presence(buses[0], clocks[0]), Presence(buses[1], clocks[1])
    await one.open()
    await other.open()
    await one.announce(NODE, b"1")
    await other.announce(OTHER, b"2")
    await eventually(lambda: len(one.here()) == len(other.here()) == 2, "both know")
    own_server.kill()
    await eventually(lambda: not any(bus.connected for bus in buses), "links lost")
    for clock in clocks:
        await clock.advance(6.9)
    assert OTHER in one.here()
    assert NODE in other.here()
    await clocks[0].advance(0.2)
    assert one.here() == {NODE: b"1"}
    changed = Changes(one)
    await other.announce(OTHER, b"said to nobody")
    own_server.start_again()
    await eventually(lambda: one.here(OTHER), "it is known again, without any tick")
    assert one.here() == {NODE: b"1", OTHER: b"said to nobody"}
    assert changed.count == 1
    await one.close()
    await other.close()


def _at_least(said: list[Delivery], count: int) -> bool:
    return len(said) >= count


class _LateClock:
    """A clock whose sleeper wakes as late as a test says."""

    def __init__(self) -> None:
        self._now_ns = 0
        self._woken = asyncio.Event()
        self._sleeps = 0

    @property
    def waits(self) -> bool:
        return self._sleeps > 1

    def now_ns(self) -> int:
        return self._now_ns

    def wake_at_s(self, second: int) -> None:
        self._now_ns = second * NS_PER_S
        self._woken.set()

    async def sleep_until(self, t_ns: int) -> None:
        self._sleeps += 1
        while self._now_ns < t_ns:
            self._woken.clear()
            await self._woken.wait()
