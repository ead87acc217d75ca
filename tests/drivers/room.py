"""A person's room: a virtual strap, our driver, and the records it emits."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections.abc import Callable
from types import TracebackType

import msgspec

from biofeedback.model import (
    AnyRecord,
    FoundStrap,
    LinkChange,
    LinkReason,
    LinkState,
    LinkStep,
    Notification,
)
from biofeedback.session.clock import WallClock
from biofeedback.session.driver import Watch, Watched
from biofeedback.simulator.bluez import VirtualBlueZ
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.wire import HeartRateMeasurement
from biofeedback_drivers.ble import BleDriver
from biofeedback_drivers.timing import Timing

PATIENCE_S = 8.0
"""How long a test waits for what must come; it usually takes milliseconds."""

QUICK = Timing(
    scan_window_s=0.15,
    connect_s=5.0,
    backoff_min_s=0.02,
    backoff_max_s=0.1,
    disconnect_s=1.0,
)
"""The usual waits, but back at once; silence counts from 5 s on as in life."""

HASTY = msgspec.structs.replace(QUICK, silence_s=0.3, connect_s=0.3)
"""Gives up after a third of a second, for tests of giving up."""

Change = tuple[LinkState, LinkReason | None]


def driver(timing: Timing = QUICK, *, use_start_notify: bool = True) -> BleDriver:
    return BleDriver(
        timing=timing, chance=random.Random(1), use_start_notify=use_start_notify
    )


def packet(*rr_1024: int) -> bytes:
    return bytes(HeartRateMeasurement(hr_bpm=60, rr_1024=rr_1024 or None))


async def eventually(holds: Callable[[], bool], what: str) -> None:
    """Wait for what nobody announces."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not holds():  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(0.005)
    except TimeoutError:
        if holds():  # while the loop was busy beyond the bound
            return
        raise AssertionError(f"never happened: {what}") from None


async def no_tasks_left() -> None:
    """Bleak's own connection ends with the bus; nothing of ours may remain."""
    await eventually(
        lambda: asyncio.all_tasks() == {asyncio.current_task()},
        f"an end of {asyncio.all_tasks()}",
    )


class Room:
    """Runs one source and keeps what it emits."""

    def __init__(self, bluez: VirtualBlueZ, strap: VirtualStrap) -> None:
        self.bluez = bluez
        self.strap = strap
        self.records: list[AnyRecord] = []
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def found(self) -> FoundStrap:
        address = self.strap.address
        return FoundStrap(id=f"ble:{address}", name=self.strap.name, address=address)

    def begin(
        self,
        ble: BleDriver | None = None,
        wanted: FoundStrap | None = None,
        watch: Watch = Watched,
    ) -> None:
        source = (ble or driver()).open(wanted or self.found)
        self._task = asyncio.create_task(
            source.run(clock=WallClock(), emit=self._emit, watch=watch)
        )

    async def end(self) -> None:
        """Cancel the source, as the end of a session does."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def _emit(self, record: AnyRecord) -> None:
        self.records.append(record)
        self._news.set()

    # --- What came ---

    @property
    def links(self) -> list[LinkChange]:
        return [each for each in self.records if isinstance(each, LinkChange)]

    @property
    def steps(self) -> list[LinkStep | None]:
        return [each.step for each in self.links]

    @property
    def changes(self) -> list[Change]:
        """What a person reads: steps that say the same are one."""
        told = [(each.state, each.reason) for each in self.links]
        return [each for each, _ in itertools.groupby(told)]

    def sent(self, characteristic: str = "2a37") -> list[bytes]:
        return [
            each.data
            for each in self.records
            if isinstance(each, Notification) and each.characteristic == characteristic
        ]

    async def until(self, happened: Callable[[], bool], what: str) -> None:
        """Wait until something happened; fail with the whole story if it does not."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not happened():
                    self._news.clear()
                    if self._task is not None and self._task.done():
                        self._task.result()
                    await self._news.wait()
        except TimeoutError:
            story = "\n".join(msgspec.json.encode(r).decode() for r in self.records)
            raise AssertionError(f"never happened: {what}\n{story}") from None

    async def change(self, state: LinkState, reason: LinkReason | None = None) -> None:
        await self.until(
            lambda: (state, reason) in self.changes, f"{state} because of {reason}"
        )

    async def streams(self, *rr_1024: int) -> None:
        """Have the strap send one packet and see it arrive."""
        data = packet(*rr_1024)
        count = self.sent().count(data)
        async with asyncio.timeout(PATIENCE_S):
            await self.strap.subscribed.wait()
            while not await self.strap.notify(data):  # the link went meanwhile
                await self.strap.subscribed.wait()
        await self.until(lambda: self.sent().count(data) > count, f"packet {rr_1024}")

    async def __aenter__(self) -> Room:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.end()
