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
from biofeedback.service.elsewhere.mirror import Mirror, Unreachable, unreachable
from biofeedback.service.ongoing import Ongoing
from biofeedback.service.problems import Problem
from biofeedback.service.rooms import Rooms
from biofeedback.service.sign_ins import Caller
from biofeedback.service.tasks import Tasks
from biofeedback.service.watchers import Watchers
from biofeedback.session.resting import rest
from biofeedback.session.runner import LiveSession
from biofeedback.store import AccountRow

_LOGGER = logging.getLogger(__name__)

BACK_WITHIN_S = 5
"""Who is back within so long, on the session's clock, has not been away."""

Key: TypeAlias = tuple[Ongoing, str]
"""A session, as this node has it now, and who watches it."""


class Watching:
    """Counts the views of each therapist on each session, of the room and in detail.

    Parameters
    ----------
    rooms, watchers, audit
        What is shared, who tells the person, and where reads of others are written
        down: at the node where they are read.
    """

    def __init__(self, rooms: Rooms, watchers: Watchers, audit: Audit) -> None:
        self._rooms = rooms
        self._watchers = watchers
        self._audit = audit
        self._views: Counter[Key] = Counter()
        self._here: dict[Key, asyncio.Task[None]] = {}
        self._goings: Counter[Key] = Counter()
        self._turns: WeakKeyDictionary[Ongoing, asyncio.Lock] = WeakKeyDictionary()
        self._tasks = Tasks()

    @asynccontextmanager
    async def watch(
        self, live: Ongoing, caller: Caller, account: AccountRow
    ) -> AsyncIterator[None]:
        """Be told of as watching while this lasts.

        Raises
        ------
        StoreError
            When the audit could not be written: then nothing may be seen.
        Problem
            When the person could not be told, or says no: then neither.
        """
        key = (live, account.code)
        self._views[key] += 1
        try:
            if key not in self._here:
                coming = self._came(key, live, caller, account)
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

    async def _came(
        self, key: Key, live: Ongoing, caller: Caller, account: AccountRow
    ) -> None:
        async with self._turn(live):
            try:
                await self._note(live, caller, "watch.begin")
                await self._tell_coming(live, account)
            except BaseException:
                self._here.pop(key, None)
                raise

    async def _away(
        self, key: Key, live: Ongoing, caller: Caller, account: AccountRow
    ) -> None:
        going = self._goings[key]
        if self._rooms.refusal(account, live) is None:
            await rest(live.ended, live.clock, BACK_WITHIN_S)
        async with self._turn(live):
            if key in self._views or self._goings[key] != going:
                return  # back again, and perhaps away again since
            del self._goings[key]
            if self._here.pop(key, None) is None:
                return  # never let in
            await self._tell_going(live, account)
            with suppress(BiofeedbackError):
                await self._note(live, caller, "watch.end")

    def _turn(self, live: Ongoing) -> asyncio.Lock:
        # Who comes back at once must not be told of before their going is.
        return self._turns.setdefault(live, asyncio.Lock())

    async def _tell_coming(self, live: Ongoing, account: AccountRow) -> None:
        if isinstance(live, LiveSession):
            await self._watchers.come(live, account.code)
        elif isinstance(live, Mirror):
            try:
                why = await live.come(account.id)
            except Unreachable as error:
                raise unreachable() from error
            if why is not None:
                raise Problem(403, why, "Ask the person to share it again.")

    async def _tell_going(self, live: Ongoing, account: AccountRow) -> None:
        if isinstance(live, LiveSession):
            await self._watchers.go(live, account.code)
        elif isinstance(live, Mirror):
            live.go(account.id)

    async def _note(self, live: Ongoing, caller: Caller, action: str) -> None:
        person_id = self._rooms.person_id(live)
        await self._audit.note(
            caller, action, person_id=person_id or None, object_id=live.info.id
        )
