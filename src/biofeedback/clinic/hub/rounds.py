"""Bringing what came in to the disk: each copy once a second, a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TypeAlias

from biofeedback.clinic.copy_writer import CopyWriter
from biofeedback.clinic.hub.copy import Copy
from biofeedback.clinic.hub.counted import Counted
from biofeedback.clinic.hub.shelf import Shelf
from biofeedback.clinic.hub.trouble import WaitsError, no_room
from biofeedback.clinic.positions import Positions
from biofeedback.clinic.threads import Threads
from biofeedback.session.clock import NS_PER_S, Clock

SYNC_EVERY_S = 1.0

TOGETHER = 16
"""So many journals are forced to the disk side by side; it takes them together."""

_Syncing: TypeAlias = tuple[Copy, CopyWriter, asyncio.Future[int]]


class Rounds:
    """Forces journals to the disk; then, and only then, remembers how far that is."""

    def __init__(
        self,
        *,
        shelf: Shelf,
        positions: Positions,
        threads: Threads,
        counted: Counted,
        clock: Clock,
    ) -> None:
        self._shelf = shelf
        self._positions = positions
        self._threads = threads
        self._counted = counted
        self._clock = clock
        self._reached: dict[int, int] = {}
        self._wanted = asyncio.Event()

    def begin(self) -> None:
        """Forget how far it was read: the reading begins anew."""
        self._reached = {}
        self._shelf.unsynced.go_on()
        self._wanted.set()

    def note(self, partition: int, position: int) -> None:
        """Take note of how far a partition was read."""
        self._reached[partition] = position
        self._wanted.set()

    async def run(self) -> None:
        """Make rounds for as long as something comes.

        Raises
        ------
        WaitsError, RecordingError, OSError
            When nothing can be brought to the disk now.
        """
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            due_ns = self._clock.now_ns() + round(SYNC_EVERY_S * NS_PER_S)
            await self.make(spread_s=SYNC_EVERY_S)
            await self._clock.sleep_until(due_ns)

    async def make(self, *, spread_s: float = 0.0) -> None:
        """Bring all that came in to the disk; then remember how far that is.

        Parameters
        ----------
        spread_s
            Over how long. Threads that encode and force hundreds of journals at once
            leave the loop hardly a turn, and what it has to tell to viewers waits.

        Raises
        ------
        WaitsError, RecordingError, OSError
            When that cannot be.
        """
        self._shelf.check_room()
        began_ns, busy_ns = self._clock.now_ns(), 0
        reached = dict(self._reached)
        unsynced = self._shelf.unsynced
        n_groups = -(-len(unsynced) // TOGETHER)
        for i in range(n_groups):
            if not unsynced.is_too_much:
                due_ns = began_ns + round(i * spread_s / n_groups * NS_PER_S)
                await self._clock.sleep_until(due_ns)
            at_ns = self._clock.now_ns()
            await self._sync(unsynced.take(TOGETHER))
            busy_ns += self._clock.now_ns() - at_ns
        if unsynced.lost:
            # Whoever took parcels let go of a copy before this round saw why.
            raise no_room()
        await self._threads.ask(self._positions.keep, reached)
        self._shelf.rest()
        self._counted.rounds.take(busy_ns / NS_PER_S)

    async def _sync(self, copies: Sequence[Copy]) -> None:
        syncing: list[_Syncing] = [
            (copy, writer, self._threads.begin(writer.sync))
            for copy in copies
            if (writer := copy.writer) is not None
        ]
        if not syncing:
            return
        asked = {asked for *_, asked in syncing}
        try:
            await asyncio.shield(asyncio.wait(asked))
        except asyncio.CancelledError:
            await asyncio.wait(asked)
            self._settle(syncing)
            raise
        self._settle(syncing)

    def _settle(self, syncing: list[_Syncing]) -> None:
        full: WaitsError | None = None
        for copy, writer, asked in syncing:
            error = asked.exception()
            # One that has ended meanwhile has all of it on the disk.
            if isinstance(error, Exception) and copy.writer is writer:
                try:
                    self._shelf.failed(copy, error)
                except WaitsError as waits:
                    full = waits
        if full is not None:
            raise full
