"""What came in and is in memory only: which copies, and whether it is too much."""

from __future__ import annotations

import asyncio
from itertools import islice

from biofeedback.clinic.hub.copy import Copy

UNSYNCED_BYTES = 64 << 20
"""With so much in memory the log is not read any further until it is on the disk."""


class Unsynced:
    """The copies of which something is not on the disk yet."""

    def __init__(self) -> None:
        self._copies: dict[Copy, int] = {}
        self._n_bytes = 0
        self._lost = False
        self._room = asyncio.Event()
        self._room.set()

    def __len__(self) -> int:
        """Return how many copies these are."""
        return len(self._copies)

    def __contains__(self, copy: Copy) -> bool:
        """Say whether something of this copy is not on the disk yet."""
        return copy in self._copies

    @property
    def lost(self) -> bool:
        """Whether some of it was let go, and is to be read from the log again."""
        return self._lost

    def lose(self) -> None:
        """Take note that some of it cannot be brought to the disk now."""
        self._lost = True

    def add(self, copy: Copy, n_bytes: int) -> None:
        """Take note that about so many bytes came in of a copy."""
        self._copies[copy] = self._copies.get(copy, 0) + n_bytes
        self._n_bytes += n_bytes
        if self._n_bytes > UNSYNCED_BYTES:
            self._room.clear()

    def drop(self, copy: Copy) -> None:
        """Forget a copy: all of it is on the disk, or it is let go."""
        self._n_bytes -= self._copies.pop(copy, 0)
        if self._n_bytes <= UNSYNCED_BYTES:
            self._room.set()

    def take(self, n: int) -> tuple[Copy, ...]:
        """Return the first ``n``: whoever takes them brings them to the disk."""
        taken = tuple(islice(self._copies, n))
        for copy in taken:
            self.drop(copy)
        return taken

    @property
    def is_too_much(self) -> bool:
        """Whether the log waits for the disk."""
        return not self._room.is_set()

    def go_on(self) -> None:
        """Let the log be read, from where all was on the disk."""
        self._lost = False
        self._room.set()

    async def room(self) -> None:
        """Wait until more may come in."""
        if not self._room.is_set():
            await self._room.wait()
