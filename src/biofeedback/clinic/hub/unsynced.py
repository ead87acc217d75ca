"""What came in and is in memory only: which copies, and whether it is too much."""

from __future__ import annotations

import asyncio

from biofeedback.clinic.hub.copy import Copy

UNSYNCED_BYTES = 64 << 20
"""With so much in memory the log is not read any further until it is on the disk."""


class Unsynced:
    """The copies of which something is not on the disk yet."""

    def __init__(self) -> None:
        self._copies: dict[Copy, None] = {}
        self._n_bytes = 0
        self._lost = False
        self._room = asyncio.Event()
        self._room.set()

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
        self._copies[copy] = None
        self._n_bytes += n_bytes
        if self._n_bytes > UNSYNCED_BYTES:
            self._room.clear()

    def drop(self, copy: Copy) -> None:
        """Forget a copy: all of it is on the disk, or it is let go."""
        self._copies.pop(copy, None)

    def take(self) -> tuple[Copy, ...]:
        """Return them all: whoever takes them brings them to the disk."""
        taken = tuple(self._copies)
        self._copies.clear()
        self._n_bytes = 0
        self._room.set()
        return taken

    def go_on(self) -> None:
        """Let the log be read, from where all was on the disk."""
        self._lost = False
        self._room.set()

    async def room(self) -> None:
        """Wait until more may come in."""
        if not self._room.is_set():
            await self._room.wait()
