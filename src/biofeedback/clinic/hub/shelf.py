"""Where the copies of a hub lie, and which of them it holds in memory."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path

from biofeedback.clinic import fates
from biofeedback.clinic.copy_writer import CopyWriter
from biofeedback.clinic.hub.copy import ASK_AGAIN_AFTER_S, Copy
from biofeedback.clinic.hub.counted import Counted
from biofeedback.clinic.hub.trouble import FULL, check_room, no_room
from biofeedback.clinic.hub.unsynced import Unsynced
from biofeedback.clinic.threads import Threads
from biofeedback.errors import RecordingError
from biofeedback.recording import durable
from biofeedback.recording.recover import DAMAGED_SUFFIX
from biofeedback.session.clock import NS_PER_S, Clock

_LOGGER = logging.getLogger(__name__)

FOLDER = "copies"

MOST_AWAKE = 400
"""So many journals are held open between two rounds; the others are opened for each."""


class Shelf:
    """The copies that this hub touched lately, by home and session.

    Parameters
    ----------
    folder
        Where they lie: ``HOME/SESSION.mcap.part`` each.
    threads
        For all that blocks.
    counted
        Where damage is counted.
    clock
        By which copies grow idle.
    min_free_bytes
        With less free space there is no room.
    """

    def __init__(
        self,
        folder: Path,
        *,
        threads: Threads,
        counted: Counted,
        clock: Clock,
        min_free_bytes: int,
    ) -> None:
        self.folder = folder
        self.unsynced = Unsynced()
        self._threads = threads
        self._counted = counted
        self._clock = clock
        self._min_free_bytes = min_free_bytes
        self._copies: dict[tuple[str, str], Copy] = {}

    def check_room(self) -> None:
        """Look whether there is room for more.

        Raises
        ------
        WaitsError
            When there is not.
        """
        check_room(self.folder, self._min_free_bytes)

    def copies(self) -> tuple[Copy, ...]:
        """Return those that are held in memory."""
        return tuple(self._copies.values())

    def copy(self, home_id: str, session: str) -> Copy:
        """Return one; what the disk has of it :meth:`look` sees."""
        key = home_id, session
        if (copy := self._copies.get(key)) is None:
            copy = Copy(home_id, session, self.folder / home_id)
            self._copies[key] = copy
        copy.touched_ns = self._clock.now_ns()
        return copy

    def holds(self, copy: Copy) -> bool:
        """Say whether this is the copy of its session that is held in memory."""
        return self._copies.get((copy.home, copy.session)) is copy

    def forget(self, copy: Copy) -> None:
        """Hold it in memory no longer."""
        self._copies.pop((copy.home, copy.session), None)

    async def look(self, copy: Copy) -> None:
        """See what is on the disk of a copy, the first time; its turn is ours.

        Raises
        ------
        WaitsError
            When the disk is full.
        """
        if copy.looked:
            return
        try:
            await self._threads.ask(self._look, copy)
        except (RecordingError, OSError) as error:
            self.failed(copy, error)

    def failed(self, copy: Copy, error: Exception) -> None:
        """Let go of a copy that cannot be written now.

        Raises
        ------
        WaitsError
            When none can be.
        """
        writer, copy.looked = self._taken_from(copy), False
        if writer is not None:
            with contextlib.suppress(RecordingError, OSError):
                writer.close()  # after a failure it only lets the file go
        cause = error if isinstance(error, OSError) else error.__cause__
        if isinstance(cause, OSError) and cause.errno in FULL:
            if writer is not None:
                self.unsynced.lose()
            raise no_room() from error
        _LOGGER.warning("A copy of home %s cannot be kept now: %s", copy.home, error)
        wait_ns = round(ASK_AGAIN_AFTER_S[0] * NS_PER_S)
        copy.blocked_until_ns = self._clock.now_ns() + wait_ns

    async def close(self, copy: Copy) -> None:
        """Bring the last of a copy to the disk and let its journal go.

        Raises
        ------
        RecordingError
            When that fails; it is let go all the same.
        """
        writer = self._taken_from(copy)
        if writer is not None:
            await self._threads.ask(writer.close)

    async def close_all(self) -> None:
        """Let everything go."""
        for copy in self.copies():
            with contextlib.suppress(RecordingError):
                await self.close(copy)
        self._copies.clear()

    def rest(self) -> None:
        """Hold no more files open than there may be."""
        awake = [copy for copy in self._copies.values() if copy.writer is not None]
        if len(awake) > MOST_AWAKE:
            awake.sort(key=lambda copy: copy.touched_ns)
            for copy in awake[: len(awake) - MOST_AWAKE]:
                assert copy.writer is not None
                copy.writer.rest()

    def _taken_from(self, copy: Copy) -> CopyWriter | None:
        self.unsynced.drop(copy)
        writer, copy.writer = copy.writer, None
        return writer

    def _look(self, copy: Copy) -> None:
        copy.fate = fates.read(copy.folder, copy.session)
        if copy.fate is None:
            copy.is_anew = copy.anew.exists()
            path = copy.anew if copy.is_anew else copy.journal
            if path.exists():
                copy.writer = self._gone_on(path, copy)
        copy.looked = True

    def _gone_on(self, path: Path, copy: Copy) -> CopyWriter | None:
        try:
            return CopyWriter.going_on(path)
        except RecordingError as error:
            if isinstance(error.__cause__, OSError):
                raise  # the disk, not what is on it
            self._counted.count("damaged", "journal")
            _LOGGER.warning("%s; home %s is asked for it again.", error, copy.home)
            path.replace(path.with_name(path.name + DAMAGED_SUFFIX))
            durable.sync_folder(path.parent)
            return None
