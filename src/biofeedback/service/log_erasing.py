"""Takes what erased people sent out of the log, which would keep it for days.

Whose it was is known nowhere any more: a home that was erased with its person has left
a tombstone, and the log names the homes that it has parcels of. So it does not matter
which node, or command line, erased them, nor whether anybody was there.
"""

from __future__ import annotations

import asyncio
import logging

from biofeedback.bus import BusError
from biofeedback.bus.jetstream import JetStreamLog
from biofeedback.bus.nats import NatsBus
from biofeedback.clinic import subjects
from biofeedback.clinic.threads import in_thread
from biofeedback.errors import BiofeedbackError
from biofeedback.service.known_homes import KnownHomes
from biofeedback.service.tasks import Tasks
from biofeedback.session.clock import Clock
from biofeedback.session.resting import rest
from biofeedback.store import Store

_LOGGER = logging.getLogger(__name__)

LOOK_EVERY_S = 3600.0
"""How often it is looked for what a home sent just before it was cut off."""


class LogErasing:
    """Looks for parcels of erased homes, whenever homes or the link change, and hourly.

    Parameters
    ----------
    store
        Where tombstones are.
    bus
        A link to the servers that keep the log.
    known
        Says that homes have changed.
    clock
        For all waiting.
    """

    def __init__(
        self, *, store: Store, bus: NatsBus, known: KnownHomes, clock: Clock
    ) -> None:
        self._store = store
        self._bus = bus
        self._log = JetStreamLog(bus)
        self._clock = clock
        self._tasks = Tasks()
        self._changed = asyncio.Event()
        known.on_change(self._changed.set)

    async def open(self) -> None:
        """Begin to look."""
        self._bus.on_link(self._link_changed)
        self._tasks.spawn(self._run())

    async def close(self) -> None:
        """Look no more."""
        await self._tasks.cancel()
        await self._log.close()

    def _link_changed(self, connected: bool) -> None:
        if connected:
            self._changed.set()

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            if self._bus.connected:
                try:
                    await self._look()
                except BusError as error:
                    _LOGGER.info("The log could not be looked through: %s", error)
                except BiofeedbackError as error:
                    _LOGGER.warning("Who was erased is not known: %s", error)
            await rest(self._changed, self._clock, LOOK_EVERY_S)

    async def _look(self) -> None:
        homes = {name.split(".")[2] for name in await self._log.names("records.*.*.>")}
        for home in sorted(await in_thread(self._store.homes.erased, homes)):
            n = await self._log.erase(subjects.records(home, ">"))
            _LOGGER.info("%d parcels of an erased home were taken out of the log.", n)
