"""Copies that have ended: compared with what was recorded, then finished."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from biofeedback.clinic import fates
from biofeedback.clinic.copy_writer import CopyWriter
from biofeedback.clinic.fates import Arrived, Fate
from biofeedback.clinic.hub.asking import Asking
from biofeedback.clinic.hub.copy import Copy
from biofeedback.clinic.hub.counted import Counted
from biofeedback.clinic.hub.shelf import Shelf
from biofeedback.clinic.hub.trouble import RefusedError
from biofeedback.clinic.threads import Threads
from biofeedback.errors import BiofeedbackError, RecordingError
from biofeedback.recording import durable
from biofeedback.recording.reader import open_recording

_LOGGER = logging.getLogger(__name__)

Finish = Callable[[Arrived], Awaitable[None]]
"""Makes the finished recording and says so in the store; may be called again."""


class Ending:
    """Finishes one copy after the other; one that failed is tried again.

    Parameters
    ----------
    data
        The data folder: finished recordings lie in it.
    shelf, asking
        Where copies are, and who asks for one that disagrees.
    finish
        Makes the finished recording.
    threads
        For all that blocks.
    counted
        Where what was finished is counted.
    """

    def __init__(
        self,
        data: Path,
        *,
        shelf: Shelf,
        asking: Asking,
        finish: Finish,
        threads: Threads,
        counted: Counted,
    ) -> None:
        self._data = data
        self._shelf = shelf
        self._asking = asking
        self._finish = finish
        self._threads = threads
        self._counted = counted
        self._ended: dict[Copy, None] = {}
        self._any_ended = asyncio.Event()

    async def end(self, copy: Copy, writer: CopyWriter, fate: Fate) -> None:
        """Write down how a copy ended, once all of it is on the disk; its turn is ours.

        Raises
        ------
        RefusedError
            When it cannot be brought there.
        WaitsError, OSError
            When nothing can be.
        """
        try:
            await self._threads.ask(writer.sync)
        except RecordingError as error:
            self._shelf.failed(copy, error)
            raise RefusedError("blocked", error.message) from error
        self._shelf.unsynced.drop(copy)
        await self._threads.ask(fates.keep, copy.folder, copy.session, fate)
        copy.fate = fate
        self.finish_soon(copy)

    def finish_soon(self, copy: Copy) -> None:
        """Let a copy that has ended be finished when those before it are."""
        self._ended[copy] = None
        self._any_ended.set()

    async def run(self) -> None:
        """Finish what had ended before this hub began, and then what ends."""
        for home_id, session in await self._threads.ask(self._unfinished):
            copy = self._shelf.copy(home_id, session)
            async with copy.turn:
                await self._shelf.look(copy)
            self.finish_soon(copy)
        while True:
            await self._any_ended.wait()
            self._any_ended.clear()
            while self._ended:
                copy = next(iter(self._ended))
                await self._try(copy)
                self._ended.pop(copy, None)

    def _unfinished(self) -> list[tuple[str, str]]:
        return [
            (folder.name, session)
            for folder in sorted(self._shelf.folder.glob("H-*"))
            for session, fate in fates.all_in(folder)
            if not fate.done
        ]

    async def _try(self, copy: Copy) -> None:
        if copy.fate is None or copy.fate.done:
            return
        try:
            await self._finish_one(copy, copy.fate)
        except (BiofeedbackError, OSError) as error:  # tried again soon
            _LOGGER.warning("A copy could not be finished: %s", error)
        except Exception:
            _LOGGER.exception("A copy could not be finished")

    async def _finish_one(self, copy: Copy, fate: Fate) -> None:
        async with copy.turn:
            await self._shelf.close(copy)
            if not await self._threads.ask(_agrees, copy, fate):
                await self._threads.ask(fates.forget, copy.folder, copy.session)
                copy.fate = None
                await self._asking.all_of(copy)
                return
        await self._finish(
            Arrived(
                home=copy.home,
                session=copy.session,
                part=copy.journal,
                final=self._data / fate.path,
                recovery=fate.recovery,
                has_gaps=fate.has_gaps,
                silent=fate.silent,
            )
        )
        done = msgspec.structs.replace(fate, done=True)
        await self._threads.ask(fates.keep, copy.folder, copy.session, done)
        copy.fate = done
        self._counted.count("finished", "silent" if fate.silent else "complete")


def _agrees(copy: Copy, fate: Fate) -> bool:
    path = copy.anew if copy.anew.exists() else copy.journal
    if not path.exists():
        return True  # it was finished before a crash: that looked at it too
    survey = open_recording(path, salvage=True).survey(salvage=True)
    if (survey.last or 0, survey.content_sha256) != (fate.last, fate.content_sha256):
        return False
    if path == copy.anew:
        os.replace(path, copy.journal)
        durable.sync_folder(copy.folder)
    copy.is_anew = False
    return True
