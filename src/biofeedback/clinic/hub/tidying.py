"""Looking after copies: those that are idle, of homes that fell silent, or erased."""

from __future__ import annotations

import contextlib
import logging
from datetime import UTC, datetime
from pathlib import Path

from biofeedback.clinic import fates
from biofeedback.clinic.fates import SESSION_ID, SILENT_DAYS, Fate, final_path
from biofeedback.clinic.hub.asking import Asking
from biofeedback.clinic.hub.copy import JOURNAL, Copy
from biofeedback.clinic.hub.ending import Ending
from biofeedback.clinic.hub.shelf import FOLDER, Shelf
from biofeedback.clinic.threads import Threads
from biofeedback.errors import BiofeedbackError, RecordingError
from biofeedback.recording import durable
from biofeedback.recording.reader import open_recording
from biofeedback.session.clock import NS_PER_S, Clock
from biofeedback.store import Store

_LOGGER = logging.getLogger(__name__)

TIDY_EVERY_S = 60.0
SILENCE_EVERY_S = 3600.0
IDLE_S = 600.0
"""A copy of which nothing came for so long is not held in memory any longer."""

QUIET_S = 600.0
"""A copy that stands still for so long is asked for: the log may have lost the rest,
and the home may believe that it is complete, as another hub's is."""

NS_PER_DAY = 86_400 * NS_PER_S


class Tidying:
    """Looks after the copies of a shelf once a minute."""

    def __init__(
        self,
        store: Store,
        *,
        shelf: Shelf,
        asking: Asking,
        ending: Ending,
        threads: Threads,
        clock: Clock,
    ) -> None:
        self._store = store
        self._shelf = shelf
        self._asking = asking
        self._ending = ending
        self._threads = threads
        self._clock = clock
        self._silence_due_ns = 0
        # By then what is in the log was read.
        self._quiet_due_ns = clock.now_ns() + round(QUIET_S * NS_PER_S)

    async def run(self) -> None:
        """Look after them; what fails is tried again."""
        while True:
            try:
                await self._tidy()
            except (BiofeedbackError, OSError) as error:
                _LOGGER.warning("The copies could not be looked after: %s", error)
            except Exception:
                _LOGGER.exception("The copies could not be looked after")
            due_ns = self._clock.now_ns() + round(TIDY_EVERY_S * NS_PER_S)
            await self._clock.sleep_until(due_ns)

    async def _tidy(self) -> None:
        now_ns = self._clock.now_ns()
        for copy in self._shelf.copies():
            if copy.is_to_finish:
                self._ending.finish_soon(copy)
            elif now_ns - copy.touched_ns > IDLE_S * NS_PER_S:
                await let_go(self._shelf, copy, self._clock)
        await self._remove_erased()
        if now_ns >= self._silence_due_ns:
            self._silence_due_ns = now_ns + round(SILENCE_EVERY_S * NS_PER_S)
            silent_ns = SILENT_DAYS * NS_PER_DAY
            for home_id, session in await self._threads.ask(self._still, silent_ns):
                await self._give_up(self._shelf.copy(home_id, session), silent_ns)
        if now_ns >= self._quiet_due_ns:
            self._quiet_due_ns = now_ns + round(SILENCE_EVERY_S * NS_PER_S)
            quiet_ns = round(QUIET_S * NS_PER_S)
            for home_id, session in await self._threads.ask(self._still, quiet_ns):
                await self._ask(self._shelf.copy(home_id, session))

    async def _ask(self, copy: Copy) -> None:
        async with copy.turn:
            await self._shelf.look(copy)
            if copy.fate is None:
                await self._asking.rest_of(copy)

    def _still(self, for_ns: int) -> list[tuple[str, str]]:
        """Return the copies that have not ended, and of which nothing came so long."""
        if not self._shelf.folder.is_dir():
            return []
        return [
            (path.parent.name, path.name.removesuffix(JOURNAL))
            for path in sorted(self._shelf.folder.glob(f"H-*/*{JOURNAL}"))
            if self._stands_still(path, for_ns)
            and SESSION_ID.fullmatch(path.name.removesuffix(JOURNAL))
        ]

    def _stands_still(self, path: Path, for_ns: int) -> bool:
        return path.stat().st_mtime_ns < self._store.now_ns() - for_ns

    async def _give_up(self, copy: Copy, silent_ns: int) -> None:
        async with copy.turn:
            await self._shelf.look(copy)
            if copy.fate is not None or copy.writer is None:
                return
            path = copy.writer.path
            if not await self._threads.ask(self._stands_still, path, silent_ns):
                return  # a whole new one comes in beside the one that stands still
            survey = await self._threads.ask(
                lambda: open_recording(path, salvage=True).survey(salvage=True)
            )
            _LOGGER.warning(
                "Nothing came of a session of home %s for %d days; what there is of it "
                "is finished.",
                copy.home,
                SILENT_DAYS,
            )
            at = datetime.fromtimestamp(self._store.now_ns() / NS_PER_S, UTC)
            fate = Fate(
                last=survey.last or 0,
                content_sha256=survey.content_sha256,
                path=final_path(copy.writer.info),
                recovery={
                    "recovered_at": at.isoformat(),
                    "tool": "biofeedback hub",
                    "why": f"nothing came from the home for {SILENT_DAYS} days",
                },
                has_gaps=bool(survey.missing),
                silent=True,
            )
            await self._ending.end(copy, copy.writer, fate)

    async def _remove_erased(self) -> None:
        """Remove the copies of homes that were erased with their person."""
        there = await self._threads.ask(self._homes_with_copies)
        if not there:
            return
        for home_id in await self._threads.ask(self._store.homes.erased, there):
            for copy in self._shelf.copies():
                if copy.home == home_id:
                    async with copy.turn:
                        with contextlib.suppress(RecordingError):
                            await self._shelf.close(copy)
                        self._shelf.forget(copy)
            await self._threads.ask(remove_copies, self._store.data, home_id)

    def _homes_with_copies(self) -> list[str]:
        return [path.name for path in self._shelf.folder.glob("H-*") if path.is_dir()]


async def let_go(shelf: Shelf, copy: Copy, clock: Clock) -> None:
    """Close the journal of an idle copy, and forget it if it is still idle then."""
    async with copy.turn:
        if copy in shelf.unsynced or not shelf.holds(copy):
            return
        await shelf.close(copy)
        copy.looked = False  # whoever waits for its turn by now looks anew
        if clock.now_ns() - copy.touched_ns > IDLE_S * NS_PER_S:
            shelf.forget(copy)


def remove_copies(data: Path, home_id: str) -> int:
    """Remove all copies of one home, finished ones too; return how many files. Blocks.

    May be called again after it was cut off.

    Raises
    ------
    OSError
        When one cannot be removed.
    """
    folder = data / FOLDER / home_id
    if not folder.is_dir():
        return 0
    n_files = 0
    for _, fate in tuple(fates.all_in(folder)):
        final = data / fate.path
        for path in sorted(final.parent.glob(f"{final.stem}.*")):
            path.unlink(missing_ok=True)
            n_files += 1
    for path in sorted(folder.iterdir()):
        path.unlink()
        n_files += not path.name.endswith(".json")
    folder.rmdir()
    durable.sync_folder(folder.parent)
    return n_files
