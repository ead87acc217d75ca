"""Asking homes for what is missing, patiently."""

from __future__ import annotations

import contextlib
import logging

from biofeedback.bus.interface import Bus, BusError
from biofeedback.clinic import subjects
from biofeedback.clinic.hub.copy import ASK_AGAIN_AFTER_S, Copy
from biofeedback.clinic.hub.counted import Counted
from biofeedback.clinic.hub.shelf import Shelf
from biofeedback.clinic.messages import Again, to_json
from biofeedback.clinic.threads import Threads
from biofeedback.errors import RecordingError
from biofeedback.session.clock import NS_PER_S, Clock

_LOGGER = logging.getLogger(__name__)


class Asking:
    """Asks for the rest of a copy, or for all of it; whose turn it is calls it."""

    def __init__(
        self,
        *,
        bus: Bus,
        shelf: Shelf,
        threads: Threads,
        counted: Counted,
        clock: Clock,
    ) -> None:
        self._bus = bus
        self._shelf = shelf
        self._threads = threads
        self._counted = counted
        self._clock = clock

    async def rest_of(self, copy: Copy) -> None:
        """Ask a home for what follows what there is, unless it was asked just now."""
        now_ns = self._clock.now_ns()
        asked_ns = copy.asked_ns
        if asked_ns is not None and now_ns - asked_ns < copy.wait_s * NS_PER_S:
            return
        if asked_ns is not None:
            copy.wait_s = min(2 * copy.wait_s, ASK_AGAIN_AFTER_S[1])
        copy.asked_ns = now_ns
        self._counted.count("asked_again", "hole")
        start = 1 if copy.writer is None else copy.writer.last + 1
        again = Again(session=copy.session, start=start)
        with contextlib.suppress(BusError):
            await self._bus.publish(subjects.send_again(copy.home), to_json(again))

    async def all_of(self, copy: Copy) -> None:
        """Ask for all of a copy that is not what the home recorded.

        What there is stays until a whole new one agrees.
        """
        self._counted.count("disagreements", "hash")
        _LOGGER.warning(
            "A copy is not what home %s recorded; all of it is asked for again.",
            copy.home,
        )
        with contextlib.suppress(RecordingError):
            await self._shelf.close(copy)
        if copy.is_anew:
            await self._threads.ask(lambda: copy.anew.unlink(missing_ok=True))
        copy.is_anew = True
        await self.rest_of(copy)
