"""The straps that can be chosen: all drivers together, remembered between searches."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from biofeedback.errors import LinkError
from biofeedback.model import FoundStrap, LinkReason, Value
from biofeedback.service.browser_radio import PREFIX, BrowserRadio
from biofeedback.service.problems import Problem
from biofeedback.session import radios
from biofeedback.session.driver import Driver, RadioStatus, named
from biofeedback.session.simulated import SimulatedDriver


class Straps:
    """Finds straps through every driver and hands over the one that was chosen.

    Parameters
    ----------
    drivers
        The simulated one and all radios.
    begin
        The strap that the command line asked for: its id, name or address.
    patience_s
        How much longer than it should a driver may take for anything.

    Attributes
    ----------
    browser
        Opens the straps that pages have paired; they stand in no list.
    """

    def __init__(
        self,
        drivers: Sequence[Driver],
        begin: str | None = None,
        *,
        patience_s: float = radios.PATIENCE_S,
    ) -> None:
        self._simulated = [d for d in drivers if isinstance(d, SimulatedDriver)]
        self._radios = [d for d in drivers if not isinstance(d, SimulatedDriver)]
        self._begin = begin
        self._patience_s = patience_s
        self.browser = BrowserRadio()
        # All that were ever found can be chosen; the last search's are listed.
        self._known: dict[str, tuple[Driver, FoundStrap]] = {}
        self._listed: dict[str, tuple[FoundStrap, ...]] = {}
        self._search: asyncio.Task[RadioStatus | None] | None = None

    async def look(self, seconds: float = 0) -> StrapList:
        """Search for ``seconds``; 0 tells what is known at once."""
        for driver in self._simulated:
            self._learn(driver, await driver.scan(0))
        trouble = await self._searched(seconds) if seconds > 0 else None
        return StrapList(
            straps=tuple(self._list()),
            radio=trouble or await self.radio(),
            preferred=self._preferred(),
        )

    async def radio(self) -> RadioStatus:
        """Say whether any radio can be used, and if not, why."""
        every = radios.Radios(self._radios, patience_s=self._patience_s)
        return await every.status()

    def asked(self) -> str | None:
        """Return the id of the strap that the command line asked for, if any.

        One that has not been found yet is looked for by its driver.
        """
        if self._begin is None:
            return None
        if (found := self._preferred()) is not None:
            return found
        if not self._radios:
            raise LinkError(LinkReason.NO_ADAPTER)
        driver, strap = radios.sought(self._begin, self._radios)
        self._known[strap.id] = (driver, strap)
        return strap.id

    def choose(
        self,
        id: str,
        *,
        profile: str | None = None,
        seed: int | None = None,
        name: str | None = None,
    ) -> tuple[Driver, FoundStrap]:
        """Return the strap with this id and the driver that opens it.

        ``name`` is what a browser calls a strap of its own.

        Raises
        ------
        Problem
            When the strap is not known, or is real and cannot play a profile.
        SettingsError
            When the simulated heart has no such profile.
        """
        if id.startswith(PREFIX):
            known: tuple[Driver, FoundStrap] | None = (
                self.browser,
                self.browser.strap(id, name),
            )
        else:
            known = self._known.get(id)
        if known is None:
            raise Problem(
                404,
                "This strap is not known here.",
                "Search for straps again, then choose one from the list.",
                reason=LinkReason.NOT_FOUND.value,
            )
        driver, strap = known
        if profile is None and seed is None:
            return driver, strap
        if not isinstance(driver, SimulatedDriver):
            raise Problem(
                422,
                "Only the simulated strap has a profile and a seed.",
                "Leave both out.",
            )
        chosen = SimulatedDriver(
            profile or driver.profile.name, driver.seed if seed is None else seed
        )
        return chosen, strap

    async def close(self) -> None:
        """End a search that is under way, then release what the drivers hold."""
        if self._search is not None:
            self._search.cancel()
            await asyncio.wait((self._search,), timeout=self._patience_s)
        drivers = (*self._simulated, *self._radios, self.browser)
        await radios.close(drivers, patience_s=self._patience_s)

    async def _searched(self, seconds: float) -> RadioStatus | None:
        # Radios do not search twice at once: whoever comes meanwhile waits for the
        # search that is under way and gets its result.
        if self._search is None or self._search.done():
            self._search = asyncio.create_task(self._scan_radios(seconds))
        return await asyncio.shield(self._search)

    async def _scan_radios(self, seconds: float) -> RadioStatus | None:
        searches = await asyncio.gather(
            *(self._scan(driver, seconds) for driver in self._radios)
        )
        troubles = [trouble for search in searches for trouble in search.troubles]
        if not troubles or len(troubles) < len(searches):
            return None
        return RadioStatus(
            available=False, reason=troubles[0].reason, advice=troubles[0].advice
        )

    async def _scan(self, driver: Driver, seconds: float) -> radios.Search:
        def seen(strap: FoundStrap) -> None:
            others = (s for s in self._listed.get(driver.name, ()) if s.id != strap.id)
            self._learn(driver, (*others, strap))

        search = await radios.search(
            (driver,), seconds, seen, patience_s=self._patience_s
        )
        if not search.troubles:
            self._learn(driver, search.straps)
        return search

    def _list(self) -> list[FoundStrap]:
        return [strap for straps in self._listed.values() for strap in straps]

    def _learn(self, driver: Driver, straps: Sequence[FoundStrap]) -> None:
        self._listed[driver.name] = tuple(straps)
        for strap in straps:
            self._known[strap.id] = (driver, strap)

    def _preferred(self) -> str | None:
        if self._begin is None:
            return None
        wanted = self._begin.casefold()
        for matches in (
            lambda s: s.id.casefold() == wanted,
            lambda s: s.address.casefold() == wanted,
            lambda s: s.name.casefold() == wanted,
            lambda s: wanted in s.name.casefold(),
        ):
            for strap in self._list():
                if matches(strap):
                    return strap.id
        return None


def same_strap(one: FoundStrap, other: FoundStrap) -> bool:
    """Say whether these may be one strap: by id, by address, or by the name asked for.

    One that the command line named has no address until its driver has found it.
    """
    if one.id == other.id:
        return True
    if one.address and other.address:
        return one.address.casefold() == other.address.casefold()
    return _may_be(one, other) or _may_be(other, one)


def _may_be(asked: FoundStrap, found: FoundStrap) -> bool:
    # As the driver looks for it: by how its name begins.
    if asked != named(asked.name):
        return False
    return found.name.casefold().startswith(asked.name.casefold())


class StrapList(Value, frozen=True):
    """What can be chosen, and how the radio is."""

    straps: tuple[FoundStrap, ...]
    radio: RadioStatus
    preferred: str | None
