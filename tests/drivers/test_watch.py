"""The watch over BlueZ: verdicts at once, news of the return, and nothing left."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable

import pytest
from dbus_fast import Message
from dbus_fast.aio import MessageBus

from biofeedback.model import LinkReason, LinkState, LinkStep
from biofeedback.session.clock import ManualClock
from biofeedback.session.driver import Watched
from biofeedback.simulator.bluez import VirtualBlueZ
from biofeedback.simulator.bluez_objects import Adapter
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.bus import PrivateBus
from biofeedback_drivers.bluez_bus import is_below
from biofeedback_drivers.bluez_watch import EVERYTHING, BlueZWatch
from biofeedback_drivers.timing import Timing
from tests.drivers.room import PATIENCE_S, Room, driver, eventually

HCI0 = "/org/bluez/hci0"
HCI1 = "/org/bluez/hci1"
AT_ONCE_S = 2.0
"""Far below the five seconds of silence; usually it takes milliseconds."""


class Heard:
    def __init__(self) -> None:
        self.gone: list[tuple[str, LinkReason]] = []
        self.backs = 0
        self.watch = BlueZWatch(Timing(), self._gone, self._back)

    def _gone(self, path: str, reason: LinkReason) -> None:
        self.gone.append((path, reason))

    def _back(self) -> None:
        self.backs += 1

    async def until(self, holds: Callable[[], bool]) -> None:
        await eventually(holds, f"more than {self.gone} and {self.backs} returns")


@pytest.fixture
async def heard(bluez: VirtualBlueZ) -> AsyncIterator[Heard]:
    heard = Heard()
    heard.watch.start()
    await heard.until(lambda: heard.watch.listening)
    yield heard
    await heard.watch.stop()


async def names_on(bus: PrivateBus) -> int:
    """Count the connections to a bus, but for the one that counts."""
    counter = await MessageBus(bus_address=bus.address).connect()
    answer = await counter.call(
        Message(
            destination="org.freedesktop.DBus",
            path="/org/freedesktop/DBus",
            interface="org.freedesktop.DBus",
            member="ListNames",
        )
    )
    assert answer is not None
    count: int = sum(name.startswith(":") for name in answer.body[0]) - 1
    counter.disconnect()
    await counter.wait_for_disconnect()  # type: ignore[no-untyped-call]
    return count


def test_an_adapter_is_not_above_one_whose_name_begins_alike() -> None:
    assert is_below(f"{HCI1}/dev_A0", HCI1)
    assert is_below(HCI1, EVERYTHING)
    assert not is_below("/org/bluez/hci10", HCI1)


async def test_an_adapter_that_is_switched(heard: Heard, bluez: VirtualBlueZ) -> None:
    await bluez.power(False)
    await heard.until(lambda: (HCI0, LinkReason.ADAPTER_OFF) in heard.gone)
    assert heard.backs == 0
    await bluez.power(True)
    await heard.until(lambda: heard.backs == 1)


async def test_an_adapter_that_is_pulled_out(heard: Heard, bluez: VirtualBlueZ) -> None:
    await bluez.unplug()
    await heard.until(lambda: (HCI0, LinkReason.NO_ADAPTER) in heard.gone)
    await bluez.plug()
    await heard.until(lambda: heard.backs == 1)


async def test_a_service_that_crashes(heard: Heard, bluez: VirtualBlueZ) -> None:
    await bluez.stop()
    await heard.until(lambda: (EVERYTHING, LinkReason.NO_DAEMON) in heard.gone)
    assert heard.backs == 0
    await bluez.start()
    await heard.until(lambda: heard.backs == 1)


async def test_a_service_that_returns_with_its_adapter_off(
    heard: Heard, bluez: VirtualBlueZ
) -> None:
    await bluez.stop()
    bluez.adapter.powered = False
    await bluez.start()
    await heard.until(lambda: (HCI0, LinkReason.ADAPTER_OFF) in heard.gone)
    assert heard.backs == 0
    await bluez.power(True)
    await heard.until(lambda: heard.backs == 1)


async def test_a_bus_that_dies(
    heard: Heard, bus: PrivateBus, bluez: VirtualBlueZ
) -> None:
    await bus.stop_daemon()
    await heard.until(lambda: (EVERYTHING, LinkReason.NO_BUS) in heard.gone)
    await bluez.stop()
    await bus.start()
    await heard.until(lambda: heard.watch.listening)
    assert heard.backs == 0
    await bluez.start()
    await heard.until(lambda: heard.backs == 1)


async def test_a_device_that_is_removed(room: Room) -> None:
    room.begin()
    await room.streams(1000)
    await room.bluez.remove(room.strap)
    await room.change(LinkState.RECONNECTING, LinkReason.LINK_LOST)
    await room.streams(1001)


@pytest.mark.parametrize("use_start_notify", [True, False], ids=["start", "acquire"])
@pytest.mark.parametrize(
    ("fault", "reasons"),
    [
        ("stop", {LinkReason.NO_DAEMON}),
        # BlueZ takes the devices away before their adapter.
        ("unplug", {LinkReason.NO_ADAPTER, LinkReason.LINK_LOST}),
    ],
)
async def test_a_stream_hears_what_bleak_does_not_tell(
    room: Room, fault: str, reasons: set[LinkReason], use_start_notify: bool
) -> None:
    room.begin(driver(Timing(), use_start_notify=use_start_notify))
    await room.streams(1000)
    async with asyncio.timeout(AT_ONCE_S):
        await getattr(room.bluez, fault)()
        await room.until(lambda: LinkStep.BACKOFF in room.steps, "a verdict")
    lost = room.links[room.steps.index(LinkStep.LOST)]
    assert lost.reason in reasons
    assert LinkStep.STALE not in room.steps


async def test_another_adapter_is_no_concern_of_ours(bus: PrivateBus) -> None:
    other = Adapter(name="hci1", address="00:1A:7D:DA:71:14")
    strap = VirtualStrap()
    async with VirtualBlueZ(bus.address, strap, others=(other,)) as bluez:
        async with Room(bluez, strap) as room:
            ble = driver()
            room.begin(ble)
            await room.streams(1000)
            await eventually(lambda: ble.radio.watch.listening, "a watch")
            await bluez.unplug(other)
            await bluez.plug(other)
            await room.streams(1001)
            assert strap.links == 1


async def test_the_end_of_a_fault_ends_the_wait(room: Room) -> None:
    slow = Timing(backoff_min_s=60.0, backoff_max_s=60.0)
    room.begin(driver(slow))
    await room.streams(1000)
    await room.bluez.power(False)
    await room.until(
        lambda: room.links[-1].reason is LinkReason.ADAPTER_OFF, "the verdict"
    )
    waits_ms = [each.retry_in_ms for each in room.links if each.retry_in_ms]
    assert max(waits_ms) > PATIENCE_S * 1000
    async with asyncio.timeout(PATIENCE_S):
        await room.bluez.power(True)
        await room.streams(1001)


async def test_the_sight_of_the_strap_ends_the_wait(room: Room) -> None:
    slow = Timing(backoff_min_s=60.0, backoff_max_s=60.0, away_s=0.3)
    room.begin(driver(slow))
    await room.streams(1000)
    await room.bluez.hide(room.strap)
    await room.until(lambda: LinkStep.BACKOFF in room.steps, "a wait")
    await asyncio.sleep(0.5)  # longer than a strap is quiet by itself
    await room.bluez.show(room.strap)
    await room.streams(1001)


async def test_nothing_is_left_when_the_last_source_ends(
    bus: PrivateBus, room: Room
) -> None:
    ble = driver()
    await ble.scan(0.05)  # from now on Bleak keeps a connection for the loop
    tasks, fds = asyncio.all_tasks(), len(os.listdir("/proc/self/fd"))
    names = await names_on(bus)
    for round in range(3):
        room.begin(ble)
        await room.streams(round)
        assert await names_on(bus) == names + 2  # the watch, and Bleak's client
        await room.end()
        assert not ble.radio.watch.listening
        await eventually(lambda: asyncio.all_tasks() <= tasks, "an end of all tasks")
    assert await names_on(bus) == names  # match rules end with their connection
    await eventually(lambda: len(os.listdir("/proc/self/fd")) <= fds, "no descriptor")


async def test_a_watch_that_is_denied_leaves_the_watchdog(
    bus: PrivateBus, bluez: VirtualBlueZ
) -> None:
    await bus.deny("org.bluez")
    heard = Heard()
    heard.watch.start()
    await asyncio.sleep(0.1)
    assert heard.gone in ([], [(EVERYTHING, LinkReason.NO_BUS)])
    await heard.watch.stop()
    await bus.deny()


async def test_a_watch_that_ended_knows_nothing_any_more(
    heard: Heard, bluez: VirtualBlueZ
) -> None:
    await heard.until(lambda: heard.watch.adapters == (HCI0,))
    await heard.watch.stop()
    assert heard.watch.adapters == ()
    backs = heard.backs
    heard.watch.start()
    await heard.until(lambda: heard.watch.adapters == (HCI0,))
    assert heard.backs == backs  # what is on at the first look has not come back


async def test_a_watch_that_is_stopped_and_started_at_once_listens(
    heard: Heard, bluez: VirtualBlueZ
) -> None:
    for _ in range(5):
        stopping = asyncio.create_task(heard.watch.stop())
        await asyncio.sleep(0)
        heard.watch.start()
        await stopping
    await heard.until(lambda: heard.watch.adapters == (HCI0,))
    await bluez.power(False)
    await heard.until(lambda: (HCI0, LinkReason.ADAPTER_OFF) in heard.gone)


async def test_another_adapter_after_the_last_session_is_found(
    bus: PrivateBus,
) -> None:
    second = Adapter(name="hci1", address="00:1A:7D:DA:71:14", present=False)
    first, other = VirtualStrap(), VirtualStrap(address="C0:00:00:00:00:22", name="T")
    other.near = "hci1"
    async with VirtualBlueZ(bus.address, first, other, others=(second,)) as bluez:
        ble = driver()
        async with Room(bluez, first) as room:
            room.begin(ble)
            await room.streams(1000)
            await eventually(lambda: ble.radio.watch.adapters == (HCI0,), "a look")
        await bluez.unplug()
        await bluez.plug(second)
        assert [each.address for each in await ble.scan(0.3)] == [other.address]
        async with Room(bluez, other) as room:
            room.begin(ble)
            await room.streams(1001)


async def test_a_wait_for_the_strap_is_one_of_the_sessions_clock(
    bus: PrivateBus, room: Room
) -> None:
    clock = ManualClock()
    timing = Timing(backoff_min_s=0.3, backoff_max_s=0.3, away_s=0.0)
    source = driver(timing).open(room.found)
    running = asyncio.create_task(
        source.run(clock=clock, emit=room.records.append, watch=Watched)
    )
    async with asyncio.timeout(PATIENCE_S):
        await room.strap.subscribed.wait()
    await bus.deny("org.bluez")  # nobody can look out for it
    await room.bluez.drop(room.strap)
    await eventually(lambda: room.steps[-1] is LinkStep.BACKOFF, "a wait")
    told = len(room.links)
    await asyncio.sleep(0.6)
    assert len(room.links) == told  # no time has passed in the session
    await clock.advance(1.0)
    await eventually(lambda: len(room.links) > told, "the next attempt")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await bus.deny()
