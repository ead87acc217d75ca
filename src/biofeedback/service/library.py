"""Reads finished recordings for the researcher's page: one at a time, a few kept.

Reading a day takes seconds. All of it happens in one thread of its own, so that neither
the live sessions' writes nor a second reader wait for a third; whoever comes when many
wait already is told so.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias, TypeVar

import msgspec
from starlette.requests import HTTPConnection

from biofeedback.errors import BiofeedbackError
from biofeedback.recording.sealed import lies_at
from biofeedback.recording.tables import Tables, read_tables
from biofeedback.service.cataloguing import quality_of
from biofeedback.service.problems import Problem
from biofeedback.store import Quality

_LOGGER = logging.getLogger(__name__)
T = TypeVar("T")

MOST_WAITING = 8
KEPT_TABLES = 3
KEPT_QUALITIES = 2000
LOOKED_INTO_AT_ONCE = 25

_Key: TypeAlias = tuple[str, int, int]


class Library:
    """The finished recordings of one service, as far as they were looked into."""

    def __init__(self) -> None:
        self._desk = ThreadPoolExecutor(1, thread_name_prefix="library")
        self._waiting = 0
        self._tables: OrderedDict[_Key, Tables] = OrderedDict()
        self._qualities: OrderedDict[_Key, Quality | str] = OrderedDict()
        self._looking: set[asyncio.Task[None]] = set()

    async def read(self, work: Callable[[], T]) -> T:
        """Return what ``work`` does, done in the one thread.

        Raises
        ------
        Problem
            With status 503, when too many wait already.
        """
        if self._waiting >= MOST_WAITING:
            raise Problem(
                503,
                "Many recordings are being read just now.",
                "Try again in a minute.",
            )
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._desk, work)
        finally:
            self._waiting -= 1

    def tables(self, path: Path) -> Tables:
        """Return a recording as arrays, without its ECG and acceleration. Blocks.

        Call it through :meth:`read`.

        Raises
        ------
        RecordingError
            When the file is damaged.
        """
        key = _key(path)
        if key not in self._tables:
            self._tables[key] = msgspec.structs.replace(read_tables(path), traces=())
            while len(self._tables) > KEPT_TABLES:
                self._tables.popitem(last=False)
        self._tables.move_to_end(key)
        return self._tables[key]

    def forget(self) -> None:
        """Forget all that was read: whose it was is erased."""
        self._tables.clear()
        self._qualities.clear()

    def quality(self, path: Path) -> Quality | str | None:
        """Return what a recording is worth, or a sentence why that is not known.

        ``None``: ask for it with :meth:`look_into`, and come again. Blocks.
        """
        try:
            return self._qualities.get(_key(path))
        except OSError:
            return "Its file is not there any more."

    def look_into(self, paths: list[Path]) -> None:
        """Find out what the first of ``paths`` are worth, in the background."""
        if not self._looking:
            task = asyncio.create_task(self._look_into(paths[:LOOKED_INTO_AT_ONCE]))
            self._looking.add(task)
            task.add_done_callback(self._looking.discard)

    async def _look_into(self, paths: list[Path]) -> None:
        loop = asyncio.get_running_loop()
        for path in paths:
            try:
                key = _key(path)
                found = await loop.run_in_executor(self._desk, _quality_or_why, path)
            except OSError:  # removed meanwhile
                continue
            self._qualities[key] = found
            while len(self._qualities) > KEPT_QUALITIES:
                self._qualities.popitem(last=False)


async def library_of(connection: HTTPConnection) -> Library:
    """Return the library of this service; made when it is first asked for."""
    state = connection.app.state
    if not hasattr(state, "library"):
        state.library = Library()
    library: Library = state.library
    return library


def _quality_or_why(path: Path) -> Quality | str:
    try:
        return quality_of(path)
    except BiofeedbackError as error:
        return str(error)
    except Exception:
        _LOGGER.exception("A recording could not be looked into")
        return "It could not be looked into."


def _key(path: Path) -> _Key:
    found = lies_at(path).stat()
    return (str(path), found.st_size, found.st_mtime_ns)
