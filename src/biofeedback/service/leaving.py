"""Who has left: what they share rests on every node, as soon as that can be told."""

from __future__ import annotations

import msgspec

from biofeedback.bus import Bus, BusError
from biofeedback.model import Value

RESTS = "sharing.rests"
"""The subject on which nodes of one clinic say who has left."""


class Left(Value, frozen=True):
    """Who has left, and as what: what they share rests on every node."""

    person_id: str
    by: str


class Leaving:
    """Tells the other nodes who has left; later, where they cannot be reached now."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._untold: dict[str, Left] = {}

    async def tell(self, left: Left) -> None:
        """Tell that somebody has left."""
        self._untold[left.person_id] = left
        await self.tell_all()

    async def tell_all(self) -> None:
        """Tell what could not be told before, if the others can be reached."""
        for left in tuple(self._untold.values()):
            try:
                await self._bus.publish(RESTS, msgspec.msgpack.encode(left))
            except BusError:  # told once the link is back
                return
            self._untold.pop(left.person_id, None)
