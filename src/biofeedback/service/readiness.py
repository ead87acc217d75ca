"""Whether the service should be sent anybody: its store, its disk, its bus, and more.

It is found out once a second at most, however many ask, and what hangs is not waited
for.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from biofeedback.bus import Bus
from biofeedback.errors import BiofeedbackError
from biofeedback.figures import AnyFigure, Check, Checked, Figure
from biofeedback.recording.writer import MIN_FREE_BYTES
from biofeedback.store import Store

_LOGGER = logging.getLogger(__name__)

LIMIT_S = 2.0
"""What has not answered by then counts as away."""

KEPT_S = 1.0
"""So long an answer is good for everybody who asks."""

ENDING = Check(name="running", ok=False, sentence="The service is ending.")


class Look:
    """Asks something that may hang, in a thread of its own, one at a time.

    Not one of the service's threads: these all wait when the store hangs, and a disk
    must be asked even then. It keeps no process from ending.
    """

    def __init__(
        self, name: str, ask: Callable[[], str], *, limit_s: float = LIMIT_S
    ) -> None:
        self.name = name
        self._ask = ask
        self._limit_s = limit_s
        self._asked: asyncio.Future[Check] | None = None

    async def check(self) -> Check:
        """Return how it is; at the latest when the limit is over."""
        if self._asked is None or self._asked.done():
            self._asked = self._begin()
        try:
            return await asyncio.wait_for(asyncio.shield(self._asked), self._limit_s)
        except TimeoutError:
            late = f"There was no answer within {self._limit_s:g} seconds."
            return Check(name=self.name, ok=False, sentence=late)

    def _begin(self) -> asyncio.Future[Check]:
        loop = asyncio.get_running_loop()
        told: asyncio.Future[Check] = loop.create_future()

        def ask() -> None:
            try:
                check = Check(name=self.name, ok=True, sentence=self._ask())
            except BiofeedbackError as error:
                check = Check(name=self.name, ok=False, sentence=error.message)
            except Exception as error:  # what is wrong must not end the thread unsaid
                said = f"It cannot be used ({type(error).__name__})."
                check = Check(name=self.name, ok=False, sentence=said)
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(told.set_result, check)

        threading.Thread(target=ask, name=f"look {self.name}", daemon=True).start()
        return told


class Readiness:
    """Whether the service should be sent anybody now.

    Parameters
    ----------
    looks
        What is asked, and may hang.
    now_s
        Seconds of a clock that never goes back.
    """

    def __init__(
        self,
        looks: Sequence[Look],
        *,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._looks = looks
        self._now_s = now_s
        self._ending = False
        self._looking: asyncio.Task[tuple[Check, ...]] | None = None
        self._looked_s = 0.0
        self._last: tuple[Check, ...] = ()

    def end(self) -> None:
        """Say no from now on: the service is going to end."""
        self._ending = True

    async def look(self, parts: Iterable[object] = ()) -> tuple[Check, ...]:
        """Return how everything is; what may hang as it was a moment ago.

        Whatever of ``parts`` can be checked is asked as well, now.
        """
        if self._ending:
            return (ENDING,)
        looked = await self._looked()
        asked = (part.check() for part in parts if isinstance(part, Checked))
        checks = (*looked, *asked)
        self._tell_changes(checks)
        self._last = checks
        return checks

    async def _looked(self) -> tuple[Check, ...]:
        if self._looking is None or (
            self._looking.done() and self._now_s() - self._looked_s >= KEPT_S
        ):
            self._looking = asyncio.create_task(self._look())
        return await asyncio.shield(self._looking)

    def figures(self) -> Iterator[AnyFigure]:
        """Return what was found out last."""
        for check in (ENDING,) if self._ending else self._last:
            yield Figure(
                name="ready",
                text="Whether each part could be used when it was last looked at.",
                value=float(check.ok),
                labels=(("check", check.name),),
            )

    async def _look(self) -> tuple[Check, ...]:
        looked = await asyncio.gather(*(look.check() for look in self._looks))
        self._looked_s = self._now_s()
        return tuple(looked)

    def _tell_changes(self, checks: tuple[Check, ...]) -> None:
        before = {check.name: check.ok for check in self._last}
        for check in checks:
            if check.ok is before.get(check.name, True):
                continue
            if check.ok:
                _LOGGER.warning("Ready again (%s): %s", check.name, check.sentence)
            else:
                _LOGGER.warning("Not ready (%s): %s", check.name, check.sentence)


def is_ready(checks: Iterable[Check]) -> bool:
    """Say whether anybody should be sent here."""
    return all(check.ok or not check.needed for check in checks)


def looks_of(store: Store, *, min_free_bytes: int = MIN_FREE_BYTES) -> tuple[Look, ...]:
    """Return what every service looks at: its store and its data folder."""

    def ask_store() -> str:
        store.accounts.any()
        return "The database answers."

    def ask_disk() -> str:
        return _room(store.data, min_free_bytes)

    return Look("store", ask_store), Look("disk", ask_disk)


def _room(data: Path, min_free_bytes: int) -> str:
    if not os.access(data, os.W_OK | os.X_OK):
        raise BiofeedbackError("The data folder cannot be written.")
    free_bytes = shutil.disk_usage(data).free
    said = f"{free_bytes / 1e6:.0f} MB are free for recordings"
    if free_bytes < min_free_bytes:
        raise BiofeedbackError(
            f"Only {said}; one needs {min_free_bytes / 1e6:.0f} MB to begin."
        )
    return f"{said}."


class BusLink:
    """Whether the other nodes can be reached."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def check(self) -> Check:
        """Say how it is now."""
        connected = self._bus.connected
        said = "is connected" if connected else "cannot be reached"
        # All nodes lose it at once: were it needed, there would be nowhere to go.
        sentence = f"The bus {said}."
        return Check(name="bus", ok=connected, sentence=sentence, needed=False)
