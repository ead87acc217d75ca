"""The recording of a running session: what is safe on disk, and since when it is not.

A recording that fails ends by itself. The session goes on without it: ratings and
pacer still count.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from biofeedback.errors import RecordingError
from biofeedback.model import AnyRecord
from biofeedback.recording.writer import RecordingWriter
from biofeedback.session.counts import SessionCounts
from biofeedback.session.transcript import Message

T = TypeVar("T")

N_SYNCING = 4
"""Recordings that are put on the disk side by side."""

# Of all sessions, and for nothing else: the threads of everybody else may all wait for
# a database that does not answer.
_DISK = ThreadPoolExecutor(N_SYNCING, thread_name_prefix="journal")


class Journal:
    """Hands everything to a writer, and syncs it beside the session.

    Parameters
    ----------
    writer
        Where it is recorded; ``None`` for a replay, of which all counts as safe.
    failed
        Called once, when the recording has stopped.

    Attributes
    ----------
    error
        Why the recording has stopped; ``None`` while it goes on.
    on_disk
        The last sequence that is in the file and safe on the disk.
    counts
        How long the disk takes, and whether it fails; several journals may share one.
    """

    def __init__(
        self,
        writer: RecordingWriter | None,
        failed: Callable[[RecordingError], None],
    ) -> None:
        self.writer = writer
        self.error: RecordingError | None = None
        self.counts = SessionCounts()
        self._failed = failed
        self._written = 0
        self._synced = 0
        self.on_disk = 0
        self._closed = False
        self._wanted = asyncio.Event()
        self._done = asyncio.Condition()

    def record(self, sequence: int, record: AnyRecord) -> None:
        """Write an input down."""
        self._written = sequence
        if (writer := self._working) is not None:
            self._try(lambda: writer.record(sequence, record))

    def message(self, sequence: int, t_ns: int, message: Message) -> None:
        """Write down what was sent."""
        self._written = sequence
        if (writer := self._working) is not None:
            self._try(
                lambda: writer.message(
                    sequence, t_ns, message.kind, message.data, message.source
                )
            )

    def sync_soon(self) -> None:
        """Have what is written put on the disk, as soon as that is free."""
        self._wanted.set()

    async def keep_synced(self) -> None:
        """Do what :meth:`sync_soon` asks for, until cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self._sync()

    async def safe(self) -> None:
        """Wait until everything that is written now is on the disk.

        Raises
        ------
        RecordingError
            When the recording has stopped.
        """
        wanted = self._written
        async with self._done:
            await self._done.wait_for(lambda: self._synced >= wanted or self._closed)
        if self.error is not None:
            raise self.error

    async def close(self) -> None:
        """Put the last on the disk and end the recording; never raises."""
        if (writer := self.writer) is not None:
            if self.error is None:
                await self._sync()  # says so if it fails; closing would not
            try:
                await _on_disk(writer.close)
            except RecordingError as error:
                self._fail(error)

    async def release(self) -> None:
        """Let nobody wait any longer: the session has ended."""
        self._closed = True
        async with self._done:
            self._done.notify_all()

    @property
    def _working(self) -> RecordingWriter | None:
        return self.writer if self.error is None else None

    async def _sync(self) -> None:
        reached = self._written
        if (writer := self._working) is not None:
            began_s = time.perf_counter()
            try:
                reached = self.on_disk = await _on_disk(writer.sync)
            except RecordingError as error:
                self._fail(error)
            self.counts.synced.take(time.perf_counter() - began_s)
        async with self._done:
            self._synced = max(self._synced, reached)
            self._done.notify_all()

    def _try(self, write: Callable[[], None]) -> None:
        try:
            write()
        except RecordingError as error:
            self._fail(error)

    def _fail(self, error: RecordingError) -> None:
        if self.error is None:
            self.error = error
            self.counts.recordings_failed += 1
            self._failed(error)


async def _on_disk(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(_DISK, work)
