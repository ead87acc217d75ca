"""Who watches a session now, from whichever node: told to the person, and recorded."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

from biofeedback.errors import BiofeedbackError
from biofeedback.service.entries import Entries
from biofeedback.service.problems import Problem
from biofeedback.session.runner import LiveSession


class Watchers:
    """Enters the first coming and the last going of everybody who watches.

    Parameters
    ----------
    entries
        Where events go.
    """

    def __init__(self, entries: Entries) -> None:
        self._entries = entries
        self._here: WeakKeyDictionary[LiveSession, dict[str, set[str]]] = (
            WeakKeyDictionary()
        )
        self._turns: WeakKeyDictionary[LiveSession, asyncio.Lock] = WeakKeyDictionary()

    async def come(self, live: LiveSession, code: str, *, at: str = "") -> None:
        """Be told of as watching at a node; here, where ``at`` names none."""
        async with self._turn(live):
            places = self._here.setdefault(live, {}).setdefault(code, set())
            is_first = not places
            places.add(at)
            if is_first:
                await self._say(live, code, "on")

    async def go(self, live: LiveSession, code: str, *, at: str = "") -> None:
        """Be told of no longer, if this was the last place."""
        async with self._turn(live):
            here = self._here.setdefault(live, {})
            places = here.get(code, set())
            if at not in places:
                return
            places.remove(at)
            if not places:
                del here[code]
                await self._say(live, code, "off")

    def _turn(self, live: LiveSession) -> asyncio.Lock:
        # Who comes back at once must not be told of before their going is.
        return self._turns.setdefault(live, asyncio.Lock())

    async def _say(self, live: LiveSession, code: str, text: str) -> None:
        try:
            await self._entries.enter(live.info.id, by=code, type="watching", text=text)
        except (BiofeedbackError, Problem):
            return  # it has just ended: nobody is told any more
