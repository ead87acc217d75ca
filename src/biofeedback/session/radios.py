"""All installed drivers as one: everyone searches, whoever finds the strap opens it."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Sequence

from biofeedback.errors import ADVICE, BiofeedbackError, LinkError, SettingsError
from biofeedback.model import (
    FoundStrap,
    LinkChange,
    LinkReason,
    LinkState,
    LinkStep,
    Value,
)
from biofeedback.session.clock import Clock
from biofeedback.session.driver import (
    Driver,
    Emit,
    RadioStatus,
    Seen,
    Source,
    Watch,
    named,
)
from biofeedback.wire.profiles import PLAIN, profile_of

_LOGGER = logging.getLogger(__name__)

SEARCH_S = 5.0
"""How long all drivers look for a strap before the first is left to it."""

PATIENCE_S = 10.0
"""How much longer than asked for a driver may search, or take to say how it is."""


_ID = re.compile(r"[a-z_]{3,}:.+")
"""A driver's name, a colon, an id: no address, and no 'HRM-Dual:123456'."""


class Trouble(Value, frozen=True):
    """A driver that could not search; ``advice`` is a sentence for a person."""

    driver: str
    reason: LinkReason
    advice: str
    detail: str = ""


class Search(Value, frozen=True):
    """What a search by all drivers gave."""

    straps: tuple[FoundStrap, ...]
    troubles: tuple[Trouble, ...]


async def search(
    drivers: Sequence[Driver],
    seconds: float,
    seen: Seen | None = None,
    *,
    patience_s: float = PATIENCE_S,
) -> Search:
    """Let all drivers search at the same time; the failure of one ends no other.

    One that takes ``patience_s`` longer than it was told to is given up.
    """
    outcomes = await asyncio.gather(
        *(_searched(driver, seconds, seen, patience_s) for driver in drivers)
    )
    return Search(
        straps=tuple(strap for found, _ in outcomes for strap in found),
        troubles=tuple(trouble for _, trouble in outcomes if trouble is not None),
    )


async def _searched(
    driver: Driver, seconds: float, seen: Seen | None, patience_s: float
) -> tuple[tuple[FoundStrap, ...], Trouble | None]:
    try:
        async with asyncio.timeout(seconds + patience_s):
            return await driver.scan(seconds, seen), None
    except Exception as error:  # a third party's mistake ends nothing else
        return (), _trouble(driver, error)


async def close(drivers: Sequence[Driver], *, patience_s: float = PATIENCE_S) -> None:
    """Release what the drivers hold, all at a time; one that fails to is logged."""
    await asyncio.gather(*(_closed(driver, patience_s) for driver in drivers))


async def _closed(driver: Driver, patience_s: float) -> None:
    try:
        async with asyncio.timeout(patience_s):
            await driver.close()
    except Exception:
        _LOGGER.exception("The driver %s did not close", driver.name)


def sought(wanted: str, drivers: Sequence[Driver]) -> tuple[Driver, FoundStrap]:
    """Return the strap that a person asked for, not yet found, and who will find it.

    Parameters
    ----------
    wanted
        A name, the beginning of one, an address, or an id: the name of a driver, a
        colon, and what that driver calls the strap.
    drivers
        In the order in which they are preferred.

    Raises
    ------
    SettingsError
        When the driver that an id names is not installed.
    """
    name, _, rest = wanted.partition(":")
    for driver in drivers:
        if rest and driver.name == name:
            address = named(rest).address
            return driver, FoundStrap(id=wanted, name=rest, address=address)
    if _ID.fullmatch(wanted) and profile_of(wanted) is PLAIN:
        there = ", ".join(f"'{driver.name}'" for driver in drivers) or "none"
        raise SettingsError(
            f"There is no driver '{name}'.", f"Those installed here: {there}."
        )
    only = drivers[0] if len(drivers) == 1 else Radios(drivers)
    return only, named(wanted)


def matches(strap: FoundStrap, wanted: FoundStrap) -> bool:
    """Say whether ``strap`` is the one that was asked for."""
    if strap.id.casefold() == wanted.id.casefold():
        return True
    if wanted.address:
        return strap.address.casefold() == wanted.address.casefold()
    return strap.name.casefold().startswith(wanted.name.casefold())


class Radios:
    """Several drivers behind the protocol of one.

    Parameters
    ----------
    drivers
        In the order in which they are preferred: the first goes on looking for a
        strap that no driver has found.
    search_s
        How long all of them look for a strap that was asked for by name.
    patience_s
        How long one may take to say how it is.
    """

    name = "any"

    def __init__(
        self,
        drivers: Sequence[Driver],
        search_s: float = SEARCH_S,
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._drivers = tuple(drivers)
        self._search_s = search_s
        self._patience_s = patience_s

    async def status(self) -> RadioStatus:
        """Say whether any driver can be used, and if not, what the first says."""
        asked = [
            asyncio.create_task(status_of(driver, patience_s=self._patience_s))
            for driver in self._drivers
        ]
        try:
            for answer in asyncio.as_completed(asked):
                if (status := await answer).available:
                    return status  # whoever takes long is not waited for
            return asked[0].result() if asked else _unavailable(LinkReason.NO_ADAPTER)
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)

    async def scan(
        self, seconds: float, seen: Seen | None = None
    ) -> tuple[FoundStrap, ...]:
        """List what all drivers find.

        Raises
        ------
        LinkError
            When none of them could search, with the first one's reason.
        """
        found = await search(self._drivers, seconds, seen)
        if len(found.troubles) == len(self._drivers):
            first = next(iter(found.troubles), None)
            raise LinkError(first.reason if first else LinkReason.NO_ADAPTER)
        return found.straps

    def open(self, strap: FoundStrap) -> Source:
        """Return a source for ``strap``, found or only asked for."""
        for driver in self._drivers:
            if strap.id.startswith(f"{driver.name}:"):
                return driver.open(strap)
        return _Sought(strap, self._drivers, self._search_s)

    async def close(self) -> None:
        """Release what all drivers hold."""
        await close(self._drivers)


class _Sought:
    # A strap that some driver will find. Whoever sees it first opens it.

    def __init__(
        self, wanted: FoundStrap, drivers: Sequence[Driver], search_s: float
    ) -> None:
        self._wanted = wanted
        self._drivers = drivers
        self._search_s = search_s

    async def run(self, *, clock: Clock, emit: Emit, watch: Watch) -> None:
        emit(
            LinkChange(
                t_ns=clock.now_ns(),
                source="strap",
                state=LinkState.SEARCHING,
                step=LinkStep.SCANNING,
            )
        )
        if not self._drivers:
            raise LinkError(LinkReason.NO_ADAPTER)
        driver, strap = await self._find()
        await driver.open(strap).run(clock=clock, emit=emit, watch=watch)

    async def _find(self) -> tuple[Driver, FoundStrap]:
        found: list[tuple[Driver, FoundStrap]] = []
        enough = asyncio.Event()

        def sees(driver: Driver) -> Callable[[FoundStrap], None]:
            def seen(strap: FoundStrap) -> None:
                if matches(strap, self._wanted):
                    found.append((driver, strap))
                    enough.set()

            return seen

        async def look(driver: Driver) -> None:
            seen = sees(driver)
            straps, trouble = await _searched(driver, self._search_s, seen, PATIENCE_S)
            if trouble is not None:
                _LOGGER.info("The driver %s cannot search: %s", driver.name, trouble)
            for strap in straps:
                seen(strap)

        someone = asyncio.create_task(enough.wait())
        searches = {asyncio.create_task(look(driver)) for driver in self._drivers}
        looking = set(searches)
        try:
            while looking and not found:
                await asyncio.wait(
                    {someone, *looking}, return_when=asyncio.FIRST_COMPLETED
                )
                looking = {task for task in looking if not task.done()}
        finally:
            # The radio must be free again before the strap is opened.
            for task in (someone, *searches):
                task.cancel()
            await asyncio.gather(someone, *searches, return_exceptions=True)
        return found[0] if found else (self._drivers[0], self._wanted)


async def status_of(driver: Driver, *, patience_s: float = PATIENCE_S) -> RadioStatus:
    """Say how a driver is; never raises, and never takes long."""
    try:
        async with asyncio.timeout(patience_s):
            return await driver.status()
    except Exception as error:  # the protocol forbids it, and yet
        trouble = _trouble(driver, error)
        return RadioStatus(
            available=False, reason=trouble.reason, advice=trouble.advice
        )


def _trouble(driver: Driver, error: Exception) -> Trouble:
    if isinstance(error, LinkError):
        return Trouble(
            driver=driver.name,
            reason=error.reason,
            advice=error.advice,
            detail=error.detail,
        )
    detail = f"{type(error).__name__}: {error}"
    if isinstance(error, TimeoutError):
        return Trouble(
            driver=driver.name,
            reason=LinkReason.TIMEOUT,
            advice=f"The driver '{driver.name}' did not answer in time. Try again.",
            detail=detail,
        )
    if not isinstance(error, BiofeedbackError):
        _LOGGER.info("The driver %s failed", driver.name, exc_info=error)
    return Trouble(
        driver=driver.name,
        reason=LinkReason.INTERNAL,
        advice=(
            str(error)
            if isinstance(error, BiofeedbackError)
            else f"The driver '{driver.name}' broke ({detail}). Its makers can help."
        ),
        detail=detail,
    )


def _unavailable(reason: LinkReason) -> RadioStatus:
    return RadioStatus(available=False, reason=reason, advice=ADVICE[reason])
