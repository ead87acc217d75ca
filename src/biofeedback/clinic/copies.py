"""What a hub does: it keeps a copy of what its share of the homes record.

It reads the log from where it had got to, writes each session's entries into a journal
of its own as they came, and forces each to the disk once a second, a few at a time.
Only then it remembers how far it has read, and tells homes what it has::

    log ─> memory ─> journals on the disk ─> position remembered
                           │
                           └─ Ended, and the hash agrees ─> finished recording

So it may be killed at any moment: what it had not remembered it reads again, and what
it knows already it skips. What is missing it asks the home for. Without room on the
disk, or without the database, it stops reading: the log keeps for days.

The steps are in ``hub/``: ``taking``, ``rounds`` and ``ending`` in the order of the
picture, beside them ``asking``, ``answering`` and ``tidying``; the ``shelf`` has the
copies.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from contextlib import aclosing

from biofeedback.bus.interface import Bus, Delivery, Subscription
from biofeedback.bus.log import Log
from biofeedback.clinic.admission import Admission
from biofeedback.clinic.hub.answering import Answering
from biofeedback.clinic.hub.asking import Asking
from biofeedback.clinic.hub.counted import Counted
from biofeedback.clinic.hub.ending import Ending, Finish
from biofeedback.clinic.hub.rounds import TOGETHER, Rounds
from biofeedback.clinic.hub.shelf import FOLDER, Shelf
from biofeedback.clinic.hub.taking import Taking
from biofeedback.clinic.hub.tidying import Tidying
from biofeedback.clinic.hub.trouble import FULL, WaitsError, no_room
from biofeedback.clinic.positions import Positions
from biofeedback.clinic.threads import Threads
from biofeedback.errors import BiofeedbackError, SettingsError
from biofeedback.figures import AnyFigure, Check
from biofeedback.recording import durable
from biofeedback.recording.writer import MIN_FREE_BYTES
from biofeedback.session.clock import NS_PER_S, Clock, WallClock
from biofeedback.settings import Share
from biofeedback.store import Store

_LOGGER = logging.getLogger(__name__)

CLINIC_NAME = "clinic"

RETRY_S = 5.0
"""How soon the hub looks whether there is room, or a database, again."""


class Copies:
    """Keeps the copies of a share of the homes, for as long as it is open.

    Parameters
    ----------
    store
        The clinic's store; copies lie in its data folder.
    log, bus
        Where parcels come from, and where homes are answered.
    share
        Whose parcels.
    finish
        Makes a finished recording of a copy that has ended.
    clock
        For all waiting.
    min_free_bytes
        With less free space nothing more is read.
    retry_s
        How soon it is looked again whether it goes on.
    """

    def __init__(
        self,
        *,
        store: Store,
        log: Log,
        bus: Bus,
        share: Share,
        finish: Finish,
        clock: Clock | None = None,
        min_free_bytes: int = MIN_FREE_BYTES,
        retry_s: float = RETRY_S,
    ) -> None:
        self._store = store
        self._log = log
        self._bus = bus
        self._partitions = share.partitions
        self._clock = clock = clock or WallClock()
        self._retry_s = retry_s
        folder = store.data / FOLDER
        self._admission = Admission(store.homes, now_utc_ns=store.now_ns, clock=clock)
        self._positions = Positions(folder)
        self._threads = threads = Threads(TOGETHER, "copies")
        self._counted = counted = Counted()
        self._shelf = shelf = Shelf(
            folder,
            threads=threads,
            counted=counted,
            clock=clock,
            min_free_bytes=min_free_bytes,
        )
        asking = Asking(
            bus=bus, shelf=shelf, threads=threads, counted=counted, clock=clock
        )
        self._rounds = Rounds(
            shelf=shelf,
            positions=self._positions,
            threads=threads,
            counted=counted,
            clock=clock,
        )
        self._ending = Ending(
            store.data,
            shelf=shelf,
            asking=asking,
            finish=finish,
            threads=threads,
            counted=counted,
        )
        self._taking = Taking(
            store,
            admission=self._admission,
            shelf=shelf,
            asking=asking,
            ending=self._ending,
            threads=threads,
            counted=counted,
            clock=clock,
        )
        self._tidying = Tidying(
            store,
            shelf=shelf,
            asking=asking,
            ending=self._ending,
            threads=threads,
            clock=clock,
        )
        self._answering = Answering(self._admission, shelf, self._taking)
        self._tasks: list[asyncio.Task[None]] = []
        self._subscriptions: list[Subscription] = []
        self._trouble: str | None = "The hub has not begun to read."

    async def open(self) -> None:
        """Begin to read, to answer and to finish; what is in the way it waits for."""
        for partition in self._partitions:
            self._subscriptions.append(
                await self._bus.answer(f"hub.have.{partition}.*", self._answering.have)
            )
        for changes in ("consents.changed", "homes.changed"):
            self._subscriptions.append(
                await self._bus.subscribe(changes, self._changed)
            )
        self._tasks = [
            asyncio.create_task(self._run()),
            asyncio.create_task(self._ending.run()),
            asyncio.create_task(self._tidying.run()),
        ]

    async def close(self) -> None:
        """Bring what came in to the disk, remember how far that is, and end."""
        for subscription in self._subscriptions:
            await subscription.close()
        self._subscriptions.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        if self._trouble is None:
            with contextlib.suppress(WaitsError):
                await self._rounds.make()
        await self._shelf.close_all()
        self._threads.close()
        self._trouble = "The hub has ended."

    def check(self) -> Check:
        """Say whether parcels are taken now."""
        said = self._trouble or "Copies are kept."
        return Check(name="copies", ok=self._trouble is None, sentence=said)

    def figures(self) -> Iterator[AnyFigure]:
        """Return what came in, what was not taken, and how long the disk takes."""
        return self._counted.figures(self._shelf.copies())

    def _changed(self, _delivery: Delivery) -> None:
        self._admission.forget()

    # --- Reading the log --------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            try:
                await self._threads.ask(self._begin)
                self._shelf.check_room()
                self._go_on()
                async with asyncio.TaskGroup() as group:
                    for partition in self._partitions:
                        group.create_task(self._read(partition))
                    group.create_task(self._rounds.run())
            except* Exception as errors:
                self._wait_because(_first(errors))
            retry_ns = self._clock.now_ns() + round(self._retry_s * NS_PER_S)
            await self._clock.sleep_until(retry_ns)

    def _begin(self) -> None:
        # Copies of one clinic never get among those of another, whatever database
        # the hub is started with.
        clinic = self._store.homes.clinic()
        if clinic is None:
            raise SettingsError(
                "This clinic has no name, and so no homes.",
                "Type 'biofeedback hub config --clinic NAME'.",
            )
        mark = self._shelf.folder / CLINIC_NAME
        if not mark.exists():
            durable.replace(mark, clinic.id.encode())
        if mark.read_text() != clinic.id:
            raise SettingsError(
                "The copies in this data folder are another clinic's.",
                "Name another folder with --data.",
            )
        self._positions.open()

    async def _read(self, partition: int) -> None:
        after = self._positions.of(partition)
        pattern = f"records.{partition}.>"
        async with aclosing(self._log.read(pattern, after=after)) as messages:
            async for logged in messages:
                await self._taking.take(partition, logged)
                self._rounds.note(partition, logged.position)
                await self._shelf.unsynced.room()

    def _go_on(self) -> None:
        if self._trouble is not None:
            _LOGGER.info("Copies of homes are kept.")
        self._trouble = None
        self._rounds.begin()

    def _wait_because(self, error: BaseException) -> None:
        if not isinstance(error, BiofeedbackError | OSError):
            _LOGGER.error("What reads the log failed", exc_info=error)
        if isinstance(error, OSError) and error.errno in FULL:
            error = no_room()
        elif isinstance(error, OSError):
            error = durable.explained("The disk cannot be used.", error)
        said = error.message if isinstance(error, BiofeedbackError) else str(error)
        sentence = f"No copies are kept now; the log keeps what comes. {said}"
        if sentence != self._trouble:
            _LOGGER.warning("%s", sentence)
        self._trouble = sentence


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    found: BaseException = errors
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
