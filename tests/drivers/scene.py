"""One scene of the fault list: a strap, our driver, and nothing left behind.

Every scene ends with the same proof. Each RR interval that the strap was seen to
deliver stands in the records once and in order, and this process holds as many tasks,
descriptors, bus connections and match rules as before the driver began.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec
import pytest
from bleak.backends.bluezdbus import manager as bleak_manager
from dbus_fast import Message
from dbus_fast.aio import MessageBus

from biofeedback.model import (
    AnyRecord,
    Ask,
    FoundStrap,
    LinkChange,
    LinkReason,
    LinkStep,
    Notification,
)
from biofeedback.session.clock import Clock, WallClock
from biofeedback.session.driver import Watched
from biofeedback.simulator.bluez import VirtualBlueZ
from biofeedback.simulator.bluez_objects import Adapter
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.bus import PrivateBus
from biofeedback.wire import HeartRateMeasurement
from biofeedback_drivers.ble import BleDriver
from biofeedback_drivers.options import Options
from biofeedback_drivers.timing import Timing
from tests.drivers.room import HASTY, PATIENCE_S, QUICK, eventually

__all__ = ["BRISK", "HASTY", "MODES", "QUICK", "UNHURRIED", "Held", "Scene", "scene"]

MODES = pytest.mark.parametrize("start", [True, False], ids=["start", "acquire"])
"""StartNotify and AcquireNotify."""

BRISK = msgspec.structs.replace(QUICK, connect_s=0.5, disconnect_s=0.3, stop_s=0.3)
"""Gives up a connect after half a second, and silence only after five."""

UNHURRIED = msgspec.structs.replace(QUICK, connect_s=60.0)
"""Would wait for a connect for longer than any test does."""

FIRST_RR = 800
STREAMING = LinkStep.STREAMING
DBUS = "org.freedesktop.DBus"

Told = tuple[LinkStep | None, LinkReason | None]


@dataclass(frozen=True)
class Held:
    """What this process and its bus hold at one moment."""

    tasks: int
    descriptors: int
    connections: int = 0
    match_rules: int = 0


def our_tasks() -> list[asyncio.Task[object]]:
    """List the tasks but for those of the virtual Bluetooth, which may hang."""

    def where(task: asyncio.Task[object]) -> str:
        path: str = getattr(task.get_coro(), "cr_code").co_filename  # noqa: B009
        return path

    return [task for task in asyncio.all_tasks() if "/simulator/" not in where(task)]


async def held(bus: PrivateBus) -> Held:
    """Count, leaving out the connection that does the counting."""
    here = Held(len(our_tasks()), len(os.listdir("/proc/self/fd")))
    try:
        counter = await MessageBus(bus_address=bus.address).connect()
    except OSError:
        return here  # no bus, hence nothing on it
    try:
        names = await _ask(counter, DBUS, "ListNames")
        rules = await _ask(counter, f"{DBUS}.Debug.Stats", "GetAllMatchRules")
    finally:
        counter.disconnect()
        await counter.wait_for_disconnect()  # type: ignore[no-untyped-call]
    assert isinstance(names, list)
    assert isinstance(rules, dict)
    others = [name for name in names if name[0] == ":" and name != counter.unique_name]
    return Held(
        here.tasks,
        here.descriptors,
        len(others),
        sum(len(rules.get(name, ())) for name in others),
    )


async def _ask(bus: MessageBus, interface: str, member: str) -> object:
    path = "/org/freedesktop/DBus"
    answer = await bus.call(
        Message(destination=DBUS, path=path, interface=interface, member=member)
    )
    assert answer is not None
    assert answer.body, f"{member}: {answer.error_name}"
    body: object = answer.body[0]
    return body


async def bleak_lets_go() -> None:
    """Close the one connection that Bleak keeps for as long as its loop runs."""
    manager = bleak_manager._global_instances.pop(asyncio.get_running_loop(), None)
    if manager is not None and manager._bus is not None:
        manager._bus.disconnect()
        with contextlib.suppress(Exception):  # it tells why the bus had died
            await manager._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]


class Scene:
    """Runs one source, and tells what became of it."""

    def __init__(
        self,
        bus: PrivateBus,
        bluez: VirtualBlueZ,
        strap: VirtualStrap,
        ble: BleDriver,
        clock: Clock,
    ) -> None:
        self.bus = bus
        self.bluez = bluez
        self.strap = strap
        self.ble = ble
        self.clock = clock
        self.records: list[AnyRecord] = []
        self.delivered: list[int] = []
        self.signals: tuple[Ask, ...] = ()
        self.patience_s = PATIENCE_S
        self.emitted: Callable[[AnyRecord], None] | None = None
        self._numbers = itertools.count(FIRST_RR)
        self._mark = 0
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def found(self) -> FoundStrap:
        """The strap as a scan would show it."""
        address = self.strap.address
        return FoundStrap(id=f"ble:{address}", name=self.strap.name, address=address)

    def begin(self, wanted: FoundStrap | None = None) -> None:
        """Run a source for the strap."""
        source = self.ble.open(wanted or self.found)
        self._task = asyncio.create_task(
            source.run(clock=self.clock, emit=self.take, watch=self._watch)
        )

    async def end(self) -> None:
        """Cancel the source, as the end of a session does."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def take(self, record: AnyRecord) -> None:
        """Keep a record."""
        self.records.append(record)
        self._news.set()
        if self.emitted is not None:
            self.emitted(record)

    def _watch(self) -> Watched:
        return Watched(signals=self.signals)

    # --- What was told ---

    @property
    def changes(self) -> list[LinkChange]:
        """Every change of the link."""
        return [each for each in self.records if isinstance(each, LinkChange)]

    @property
    def story(self) -> list[Told]:
        """The steps, and why."""
        return [(each.step, each.reason) for each in self.changes]

    @property
    def steps(self) -> list[LinkStep | None]:
        """The steps."""
        return [each.step for each in self.changes]

    def sent(self, characteristic: str = "2a37") -> list[bytes]:
        """Return what arrived from a characteristic."""
        return [
            each.data
            for each in self.records
            if isinstance(each, Notification) and each.characteristic == characteristic
        ]

    @property
    def received(self) -> list[int]:
        """Every RR interval that arrived, in order."""
        return [
            rr
            for data in self.sent()
            for rr in HeartRateMeasurement.from_bytes(data).rr_1024 or ()
        ]

    async def until(self, happened: Callable[[], bool], what: str) -> None:
        """Wait until something happened; fail with the whole story if it does not."""
        try:
            async with asyncio.timeout(self.patience_s):
                while not happened():
                    self._news.clear()
                    if self._task is not None and self._task.done():
                        self._task.result()
                    await self._news.wait()
        except TimeoutError:
            told = "; ".join(f"{step} ({reason})" for step, reason in self.story[-30:])
            raise AssertionError(
                f"never happened: {what}; received {self.received[-9:]}; {told}"
            ) from None

    async def reached(
        self, step: LinkStep, reason: LinkReason | None = None
    ) -> LinkChange:
        """Wait for a step that is told after the last one waited for."""

        def at() -> int | None:
            for index, each in enumerate(self.changes[self._mark :], self._mark):
                if each.step is step and reason in (None, each.reason):
                    return index
            return None

        await self.until(lambda: at() is not None, f"{step} because of {reason}")
        index = at()
        assert index is not None
        self._mark = index + 1
        return self.changes[index]

    # --- Beats, each with its own number ---

    async def beats(self, count: int = 3) -> None:
        """Have the strap deliver so many numbered RR intervals, one a packet."""
        # What a strap sends while its lost link is cleared away reaches nobody.
        await self.until(lambda: self.steps[-1:] != [LinkStep.LOST], "a goodbye")
        for _ in range(count):
            rr = next(self._numbers)
            data = bytes(HeartRateMeasurement(hr_bpm=60, rr_1024=(rr,)))
            try:
                async with asyncio.timeout(self.patience_s):
                    await self.strap.subscribed.wait()
                    while not await self.strap.notify(data):  # the link went meanwhile
                        await self.strap.subscribed.wait()
            except TimeoutError:
                told = "; ".join(f"{step} ({why})" for step, why in self.story[-30:])
                raise AssertionError(f"nobody took RR {rr}: {told}") from None
            self.delivered.append(rr)
            await self.arrived(rr)

    async def arrived(self, rr: int) -> None:
        """Wait until this interval stands in the records."""
        await self.until(lambda: rr in self.received, f"RR {rr}")

    async def subscribed(self) -> None:
        """Wait until the heart rate is listened to."""
        async with asyncio.timeout(PATIENCE_S):
            await self.strap.subscribed.wait()

    async def streams_again(self, reason: LinkReason | None = None) -> None:
        """See the link lost (for ``reason``), then restored, then in use."""
        await self.reached(LinkStep.LOST, reason)
        await self.beats()
        await self.reached(STREAMING)


@asynccontextmanager
async def scene(
    bus: PrivateBus,
    strap: VirtualStrap | None = None,
    *others: VirtualStrap,
    start: bool = True,
    timing: Timing = QUICK,
    adapter: Adapter | None = None,
    beside: tuple[Adapter, ...] = (),
    options: Options | None = None,
    clock: Clock | None = None,
    up: bool = True,
) -> AsyncIterator[Scene]:
    """Set a scene on ``bus``; at its end prove that nothing was lost or left.

    ``start`` chooses the way to subscribe; without ``up`` there is no Bluetooth
    service until the test starts it.
    """
    strap = strap or VirtualStrap()
    bluez = VirtualBlueZ(bus.address, strap, *others, adapter=adapter, others=beside)
    if up:
        await bluez.start()
    try:
        before = await held(bus)
        ble = BleDriver(
            timing=timing,
            chance=random.Random(1),
            use_start_notify=start,
            options=options or Options(),
        )
        set_up = Scene(bus, bluez, strap, ble, clock or WallClock())
        try:
            yield set_up
        finally:
            await set_up.end()
            await ble.close()
            await bleak_lets_go()
        assert set_up.received == set_up.delivered
        if up:
            await nothing_left(bus, before)
    finally:
        await bluez.stop()
    if not up:
        await nothing_left(bus, before)


async def nothing_left(bus: PrivateBus, before: Held) -> None:
    """Wait until as much is held as ``before``; sockets close a moment later."""
    now = before
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            while (now := await held(bus)) != before:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    tasks = "\n".join(str(task) for task in our_tasks())
    assert now == before, f"{now} instead of {before}\n{tasks}"


async def connected(strap: VirtualStrap) -> None:
    """Wait until a strap has a link."""
    await eventually(lambda: strap.connected, "a link")
