"""Several drivers as one: who searches, who opens, and whose failure is whose."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import pytest

from biofeedback.errors import ADVICE, LinkError, SettingsError
from biofeedback.model import (
    AnyRecord,
    FoundStrap,
    LinkChange,
    LinkReason,
    LinkState,
    LinkStep,
)
from biofeedback.session.clock import Clock, ManualClock
from biofeedback.session.driver import (
    Driver,
    Emit,
    RadioStatus,
    Seen,
    Watch,
    Watched,
)
from biofeedback.session.radios import Radios, search, sought, status_of

PATIENCE_S = 5.0
LONG_S = 3600.0


class Shelf:
    """A driver of straps that lie on a shelf; it keeps what it was asked to open."""

    def __init__(
        self,
        name: str,
        *straps: str,
        error: Exception | None = None,
        at_once: bool = True,
    ) -> None:
        self.name = name
        self.straps = tuple(self.strap(each) for each in straps)
        self.error = error
        self.at_once = at_once
        self.opened: list[FoundStrap] = []
        self.cancelled = self.closed = False

    def strap(self, name: str) -> FoundStrap:
        return FoundStrap(id=f"{self.name}:{name}", name=name, address=name.upper())

    async def status(self) -> RadioStatus:
        if isinstance(self.error, LinkError):
            return RadioStatus(available=False, reason=self.error.reason)
        return RadioStatus(available=True)

    async def scan(
        self, seconds: float, seen: Seen | None = None
    ) -> tuple[FoundStrap, ...]:
        if self.error is not None:
            raise self.error
        for each in self.straps:
            if seen is not None:
                seen(each)
        if not self.at_once:  # a radio listens for as long as it was told to
            try:
                await asyncio.sleep(seconds)
            except asyncio.CancelledError:
                self.cancelled = True
                raise
        return self.straps

    def open(self, strap: FoundStrap) -> Shelf:
        self.opened.append(strap)
        return self

    async def run(self, *, clock: Clock, emit: Emit, watch: Watch) -> None:
        emit(LinkChange(t_ns=0, source="strap", state=LinkState.STREAMING))
        await asyncio.Event().wait()

    async def close(self) -> None:
        self.closed = True
        if self.error is not None:
            raise self.error


async def test_all_search_at_the_same_time_and_the_rest_goes_on_without_one() -> None:
    told: list[FoundStrap] = []
    first = Shelf("first", "H10", at_once=False)
    second = Shelf("second", "TICKR", at_once=False)
    drivers: list[Driver] = [
        first,
        Shelf("off", error=LinkError(LinkReason.ADAPTER_OFF)),
        Shelf("angry", error=RuntimeError("a bug of theirs")),
        Shelf("strict", error=SettingsError("No folder.", "Make one.")),
        second,
    ]
    async with asyncio.timeout(PATIENCE_S):
        found = await search(drivers, 0.05, told.append)
    assert found.straps == (*first.straps, *second.straps)
    assert told == [*first.straps, *second.straps]
    assert [(one.driver, one.reason) for one in found.troubles] == [
        ("off", LinkReason.ADAPTER_OFF),
        ("angry", LinkReason.INTERNAL),
        ("strict", LinkReason.INTERNAL),
    ]
    off, angry, strict = (one.advice for one in found.troubles)
    assert off == ADVICE[LinkReason.ADAPTER_OFF]
    assert angry == (
        "The driver 'angry' broke (RuntimeError: a bug of theirs). Its makers can help."
    )
    assert strict == "No folder. Make one."


@pytest.mark.parametrize(
    ("wanted", "driver", "id", "address"),
    [
        ("line:rr.txt", "line", "line:rr.txt", ""),
        ("ble:A0:9E:1A:00:00:01", "ble", "ble:A0:9E:1A:00:00:01", "A0:9E:1A:00:00:01"),
        ("A0:9E:1A:00:00:01", "any", "asked:A0:9E:1A:00:00:01", "A0:9E:1A:00:00:01"),
        ("Polar H10", "any", "asked:Polar H10", ""),
        ("HRM-Dual:123456", "any", "asked:HRM-Dual:123456", ""),
        ("tickr:12", "any", "asked:tickr:12", ""),
        ("de:ad:be", "any", "asked:de:ad:be", ""),
        ("line:", "any", "asked:line:", ""),
    ],
)
def test_who_is_asked(wanted: str, driver: str, id: str, address: str) -> None:
    owner, strap = sought(wanted, [Shelf("ble"), Shelf("line")])
    assert (owner.name, strap.id, strap.address) == (driver, id, address)


def test_a_driver_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(SettingsError) as told:
        sought("usb:H10", [Shelf("ble"), Shelf("line")])
    assert str(told.value) == (
        "There is no driver 'usb'. Those installed here: 'ble', 'line'."
    )


def test_a_single_driver_searches_by_itself() -> None:
    only = Shelf("ble")
    assert sought("Polar H10", [only])[0] is only


async def opened(
    wanted: str, *drivers: Shelf, search_s: float = LONG_S
) -> list[AnyRecord]:
    """Run the strap that is wanted until somebody opened it; return what was told."""
    records: list[AnyRecord] = []
    _, strap = sought(wanted, drivers)
    source = Radios(drivers, search_s).open(strap)
    running = asyncio.create_task(
        source.run(clock=ManualClock(), emit=records.append, watch=Watched)
    )
    await until(lambda: any(driver.opened for driver in drivers) or running.done())
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    return records


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("wanted", ["Wahoo TICKR 12", "tickr", "TICKR 12", "wahoo ti"])
async def test_whoever_finds_it_opens_it_at_once(wanted: str) -> None:
    slow = Shelf("ble", "Polar H10", at_once=False)
    finder = Shelf("usb", "Polar H10", "Wahoo TICKR 12")
    finder.straps = (
        finder.straps[0],
        FoundStrap(id="usb:1", name="Wahoo TICKR 12", address="tickr"),
        FoundStrap(id="usb:2", name="TICKR 12", address=""),
    )
    broken = Shelf("angry", error=RuntimeError("a bug of theirs"))
    records = await opened(wanted, slow, broken, finder)
    (strap,) = finder.opened
    assert strap in finder.straps[1:]
    assert slow.opened == broken.opened == []
    assert slow.cancelled, "the radio is free again"
    searching, streaming = records
    assert isinstance(searching, LinkChange)
    assert isinstance(streaming, LinkChange)
    assert (searching.state, searching.step) == (
        LinkState.SEARCHING,
        LinkStep.SCANNING,
    )
    assert streaming.state is LinkState.STREAMING


async def test_what_nobody_finds_is_left_to_the_first() -> None:
    ble, usb = Shelf("ble", "Polar H9"), Shelf("usb", "TICKR")
    await opened("Polar H10", ble, usb, search_s=0.01)
    assert [strap.name for strap in ble.opened] == ["Polar H10"]
    assert usb.opened == []


async def test_the_end_of_a_session_ends_the_search() -> None:
    slow = Shelf("ble", at_once=False), Shelf("usb", at_once=False)
    before = asyncio.all_tasks()
    _, strap = sought("Polar H10", slow)
    running = asyncio.create_task(
        Radios(slow)
        .open(strap)
        .run(clock=ManualClock(), emit=lambda record: None, watch=Watched)
    )
    await until(lambda: len(asyncio.all_tasks()) > len(before) + 3)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert [driver.cancelled for driver in slow] == [True, True]
    assert asyncio.all_tasks() == before


async def test_a_driver_that_hangs_is_given_up() -> None:
    class Stuck(Shelf):
        async def status(self) -> RadioStatus:
            await asyncio.Event().wait()
            raise AssertionError

        async def scan(
            self, seconds: float, seen: Seen | None = None
        ) -> tuple[FoundStrap, ...]:
            await asyncio.Event().wait()
            raise AssertionError

    usb = Shelf("usb", "TICKR")
    async with asyncio.timeout(PATIENCE_S):
        found = await search([Stuck("stuck"), usb], 0.01, patience_s=0.05)
        status = await status_of(Stuck("stuck"), patience_s=0.05)
    assert found.straps == usb.straps
    (trouble,) = found.troubles
    assert (trouble.driver, trouble.reason) == ("stuck", LinkReason.TIMEOUT)
    assert trouble.advice == "The driver 'stuck' did not answer in time. Try again."
    assert (status.available, status.reason) == (False, LinkReason.TIMEOUT)


async def test_the_status_is_that_of_any_that_can_be_used() -> None:
    off = Shelf("ble", error=LinkError(LinkReason.ADAPTER_OFF))
    assert (await Radios([off, Shelf("usb")]).status()).available
    assert (await Radios([off]).status()).reason is LinkReason.ADAPTER_OFF
    assert (await Radios([]).status()).reason is LinkReason.NO_ADAPTER


async def test_a_scan_fails_only_if_all_do() -> None:
    off = Shelf("ble", error=LinkError(LinkReason.ADAPTER_OFF))
    usb = Shelf("usb", "TICKR")
    assert await Radios([off, usb]).scan(0.01) == usb.straps
    with pytest.raises(LinkError) as caught:
        await Radios([off]).scan(0.01)
    assert caught.value.reason is LinkReason.ADAPTER_OFF


async def test_every_driver_is_closed_though_one_fails_to() -> None:
    drivers = [Shelf("angry", error=RuntimeError("no end")), Shelf("usb")]
    await Radios(drivers).close()
    assert [driver.closed for driver in drivers] == [True, True]
