"""Who watches a session now: told to the person, recorded, and in the audit."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TypeAlias
from weakref import WeakKeyDictionary

from biofeedback.errors import BiofeedbackError
from biofeedback.service.audit import Audit
from biofeedback.service.entries import Entries
from biofeedback.service.problems import Problem
from biofeedback.service.rooms import Rooms
from biofeedback.service.sign_ins import Caller
from biofeedback.service.tasks import Tasks
from biofeedback.session.clock import NS_PER_S
from biofeedback.session.runner import LiveSession
from biofeedback.store import AccountRow

_LOGGER = logging.getLogger(__name__)

BACK_WITHIN_S = 5
"""Who is back within so long, on the session's clock, has not been away."""

Key: TypeAlias = tuple[str, str]


class Watching:
    """Counts the views of each therapist on each session, of the room and in detail.

    Parameters
    ----------
    rooms, entries, audit
        What is shared, where events go, and where reads of others are written down.
    """

    def __init__(self, rooms: Rooms, entries: Entries, audit: Audit) -> None:
        self._rooms = rooms
        self._entries = entries
        self._audit = audit
        self._views: Counter[Key] = Counter()
        self._here: dict[Key, asyncio.Task[None]] = {}
        self._goings: Counter[Key] = Counter()
        self._turns: WeakKeyDictionary[LiveSession, asyncio.Lock] = WeakKeyDictionary()
        self._tasks = Tasks()

    @asynccontextmanager
    async def watch(
        self, live: LiveSession, caller: Caller, account: AccountRow
    ) -> AsyncIterator[None]:
        """Be told of as watching while this lasts.

        Raises
        ------
        StoreError
            When the audit could not be written: then nothing may be seen.
        """
        key = (live.info.id, account.code)
        self._views[key] += 1
        try:
            if key not in self._here:
                coming = self._came(key, live, caller)
                self._here[key] = self._tasks.spawn(coming)
            await asyncio.shield(self._here[key])
            yield
        finally:
            self._views[key] -= 1
            if not self._views[key]:
                del self._views[key]
                self._goings[key] += 1
                self._tasks.spawn(self._away(key, live, caller, account))

    async def close(self) -> None:
        """Forget who is away: the service ends."""
        await self._tasks.cancel()

    async def _came(self, key: Key, live: LiveSession, caller: Caller) -> None:
        async with self._turn(live):
            try:
                await self._note(live, caller, "watch.begin")
            except BaseException:
                self._here.pop(key, None)
                raise
            await self._say(live, key, "on")

    async def _away(
        self, key: Key, live: LiveSession, caller: Caller, account: AccountRow
    ) -> None:
        going = self._goings[key]
        if self._rooms.refusal(account, live) is None:
            await self._wait(live)
        async with self._turn(live):
            if key in self._views or self._goings[key] != going:
                return  # back again, and perhaps away again since
            del self._goings[key]
            if self._here.pop(key, None) is None:
                return  # never let in
            await self._say(live, key, "off")
            with suppress(BiofeedbackError):
                await self._note(live, caller, "watch.end")

    def _turn(self, live: LiveSession) -> asyncio.Lock:
        # Who comes back at once must not be told of before their going is.
        return self._turns.setdefault(live, asyncio.Lock())

    async def _wait(self, live: LiveSession) -> None:
        until_ns = live.clock.now_ns() + BACK_WITHIN_S * NS_PER_S
        waits = {
            asyncio.ensure_future(live.clock.sleep_until(until_ns)),
            asyncio.ensure_future(live.ended.wait()),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()

    async def _say(self, live: LiveSession, key: Key, text: str) -> None:
        id, code = key
        try:
            await self._entries.enter(id, by=code, type="watching", text=text)
        except (BiofeedbackError, Problem):
            return  # it has just ended: nobody is told any more

    async def _note(self, live: LiveSession, caller: Caller, action: str) -> None:
        person_id = self._rooms.person_id(live)
        await self._audit.note(
            caller, action, person_id=person_id or None, object_id=live.info.id
        )
