"""The straps that can be chosen, whatever third parties' drivers do."""

from __future__ import annotations

import asyncio
import logging
import time

import httpx
import pytest

from biofeedback.errors import ADVICE, LinkError
from biofeedback.model import FoundStrap, LinkReason
from biofeedback.service.straps import Straps
from biofeedback.session.driver import RadioStatus, Seen, Source
from biofeedback.session.simulated import SIMULATED_ID, SimulatedDriver
from tests.service.conftest import Start, comes_true

PATIENCE_S = 0.2
AT_ONCE_S = 5.0
"""For what takes no time: far below the hours that a driver here may hang."""


class ThirdParty:
    """A driver as somebody wrote it, with what is wrong with it."""

    def __init__(
        self,
        name: str,
        *straps: str,
        hangs_in: str = "",
        error: Exception | None = None,
        scan_s: float = 0,
    ) -> None:
        self.name = name
        self.straps = tuple(
            FoundStrap(id=f"{name}:{each}", name=each, address=each.upper())
            for each in straps
        )
        self.hangs_in = hangs_in
        self.error = error
        self.scan_s = scan_s
        self.log: list[str] = []

    async def _does(self, what: str) -> None:
        self.log.append(what)
        if self.error is not None:
            raise self.error
        if self.hangs_in == what:
            try:
                await asyncio.Event().wait()
            finally:
                self.log.append(f"{what} is over")

    async def status(self) -> RadioStatus:
        await self._does("status")
        return RadioStatus(available=True)

    async def scan(
        self, seconds: float, seen: Seen | None = None
    ) -> tuple[FoundStrap, ...]:
        for strap in self.straps:
            if seen is not None:
                seen(strap)
        await self._does("scan")
        await asyncio.sleep(self.scan_s)
        return self.straps

    def open(self, strap: FoundStrap) -> Source:
        raise NotImplementedError

    async def close(self) -> None:
        await self._does("close")


def ids(straps: tuple[FoundStrap, ...]) -> list[str]:
    return [strap.id for strap in straps]


async def test_one_that_hangs_in_its_search_ends_nobody_elses() -> None:
    good = ThirdParty("good", "H10")
    stuck = ThirdParty("stuck", hangs_in="scan")
    straps = Straps((SimulatedDriver(), stuck, good), patience_s=PATIENCE_S)
    async with asyncio.timeout(AT_ONCE_S):
        found = await straps.look(0.01)
        assert ids(found.straps) == [SIMULATED_ID, "good:H10"]
        assert found.radio.available
        assert stuck.log == ["scan", "scan is over", "status"]
        await straps.look(0.01)  # and the next search is one of its own
        assert good.log.count("scan") == 2
        await straps.close()


async def test_when_all_fail_the_first_one_says_why() -> None:
    off = ThirdParty("off", error=LinkError(LinkReason.ADAPTER_OFF))
    angry = ThirdParty("angry", error=RuntimeError("a bug of theirs"))
    straps = Straps((off, angry), patience_s=PATIENCE_S)
    found = await straps.look(0.01)
    assert found.radio == RadioStatus(
        available=False,
        reason=LinkReason.ADAPTER_OFF,
        advice=ADVICE[LinkReason.ADAPTER_OFF],
    )


async def test_one_that_cannot_say_how_it_is_is_answered_for() -> None:
    stuck = ThirdParty("stuck", hangs_in="status")
    angry = ThirdParty("angry", error=RuntimeError("a bug of theirs"))
    straps = Straps((stuck, angry), patience_s=PATIENCE_S)
    async with asyncio.timeout(AT_ONCE_S):
        status = await straps.radio()
    assert (status.available, status.reason) == (False, LinkReason.TIMEOUT)
    assert "'stuck' did not answer in time" in (status.advice or "")


async def test_nobody_waits_for_one_that_hangs_when_another_is_ready() -> None:
    stuck = ThirdParty("stuck", hangs_in="status")
    straps = Straps((stuck, ThirdParty("good")), patience_s=3600)
    async with asyncio.timeout(AT_ONCE_S):
        assert (await straps.radio()).available
    assert stuck.log == ["status", "status is over"]


async def test_all_search_at_the_same_time() -> None:
    radios = [ThirdParty(f"r{n}", "H10", scan_s=0.3) for n in range(8)]
    straps = Straps(radios)
    began_s = time.monotonic()
    found = await straps.look(0.3)
    assert time.monotonic() - began_s < 8 * 0.3
    assert len(found.straps) == 8


async def test_what_is_seen_can_be_chosen_while_the_search_goes_on() -> None:
    slow = ThirdParty("slow", "H10", hangs_in="scan")
    straps = Straps((slow,), patience_s=3600)
    looking = asyncio.create_task(straps.look(1))
    await comes_true(lambda: "scan" in slow.log)
    assert ids((await straps.look()).straps) == ["slow:H10"]
    assert straps.choose("slow:H10") == (slow, slow.straps[0])
    await straps.close()
    with pytest.raises(asyncio.CancelledError):
        await looking


async def test_a_search_is_over_before_the_drivers_close() -> None:
    searching = ThirdParty("searching", hangs_in="scan")
    straps = Straps((searching,), patience_s=3600)
    looking = asyncio.create_task(straps.look(1))
    await comes_true(lambda: "scan" in searching.log)
    async with asyncio.timeout(AT_ONCE_S):
        await straps.close()
    assert searching.log[-2:] == ["scan is over", "close"]
    with pytest.raises(asyncio.CancelledError):
        await looking


async def test_one_that_does_not_close_holds_up_no_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stuck = ThirdParty("stuck", hangs_in="close")
    angry = ThirdParty("angry", error=RuntimeError("a bug of theirs"))
    good = ThirdParty("good")
    straps = Straps((stuck, angry, good), patience_s=PATIENCE_S)
    with caplog.at_level(logging.ERROR):
        async with asyncio.timeout(AT_ONCE_S):
            await straps.close()
    assert good.log == ["close"]
    assert "The driver stuck did not close" in caplog.text
    assert "The driver angry did not close" in caplog.text


async def test_a_driver_that_raises_is_no_error_of_the_service(
    start_house: Start,
) -> None:
    angry = ThirdParty("angry", error=RuntimeError("a bug of theirs"))
    async with start_house(drivers=(SimulatedDriver(), angry)) as house:
        answers: list[httpx.Response] = [
            await house.browser.get("/api/v1/straps", params={"scan": scan})
            for scan in (0, 0.01)
        ]
    for answer in answers:
        assert answer.status_code == 200
        radio = answer.json()["radio"]
        assert (radio["available"], radio["reason"]) == (False, "internal")
        assert "'angry' broke" in radio["advice"]
