"""Runs the sessions: begins them, keeps what people enter, and sees them to their end.

A session's life in one process::

    start ─> live ─> stop, or its source ends ─> closing ─> finished in the background
                                                            (analysis, compaction)

What a process that was killed left behind is finished by :meth:`Conductor.open`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from ulid import ULID

from biofeedback.errors import BiofeedbackError, RecordingError
from biofeedback.model import Ask, FoundStrap, LinkReason, SessionInfo
from biofeedback.recording.reader import Recording, open_recording
from biofeedback.service.browser_radio import BrowserSource
from biofeedback.service.finishing import Finisher, LeftBehind
from biofeedback.service.problems import Problem
from biofeedback.service.rating_book import RatingBook
from biofeedback.service.ratings import Rating
from biofeedback.service.replays import open_replay
from biofeedback.service.straps import Straps, same_strap
from biofeedback.session.clock import Clock, WallClock
from biofeedback.session.driver import Driver
from biofeedback.session.opening import open_session
from biofeedback.session.referee import Referee
from biofeedback.session.runner import LiveSession
from biofeedback.store import (
    RecordingRow,
    SessionRow,
    SessionState,
    Store,
    StoreError,
)

_LOGGER = logging.getLogger(__name__)

T = TypeVar("T")

KEPT_ENDED = 8
"""Ended sessions whose last messages a viewer that comes back can still have."""

FINISH_LIMIT_S = 10.0
"""How long a service that ends waits for summaries; the rest the next start does."""

RETRY_AFTER_S = (1.0, 5.0, 30.0, 120.0, 600.0)
"""When finishing a session is tried again, for someone may free the disk meanwhile.
After that, the next start tries."""


class Conductor:
    """The live sessions of one service.

    Parameters
    ----------
    store, straps, referee
        The parts it works with; all outlive it.
    new_clock
        The clock of a new session; a test hands in its own.
    """

    def __init__(
        self,
        *,
        store: Store,
        straps: Straps,
        referee: Referee,
        new_clock: Callable[[float], Clock] = WallClock,
    ) -> None:
        self._store = store
        self._straps = straps
        self._referee = referee
        self._new_clock = new_clock
        self._finisher = Finisher(store, referee)
        self._book = RatingBook(store)
        self._live: dict[str, LiveSession] = {}
        self._ended: OrderedDict[str, LiveSession] = OrderedDict()
        self._ended_utc_ns: dict[str, int] = {}
        self._worn: dict[str, FoundStrap] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._replays: set[asyncio.Task[Any]] = set()
        self._closing = asyncio.Event()

    # --- Beginning --------------------------------------------------------------

    async def start(
        self,
        *,
        strap: str,
        plan: str,
        person: str | None = None,
        profile: str | None = None,
        seed: int | None = None,
        strap_name: str | None = None,
        signals: tuple[Ask, ...] = (),
    ) -> SessionRow:
        """Begin a session with the strap of this id; recorded from its first record.

        Raises
        ------
        Problem
            When the strap is not known, or worn in another session.
        RecordingError, StoreError
            When nothing could be recorded: then there is no session.
        """
        self._refuse_when_closing()
        driver, found = self._straps.choose(
            strap, profile=profile, seed=seed, name=strap_name
        )
        worn = self._worn.values()
        if not found.simulated and any(same_strap(found, one) for one in worn):
            raise Problem(
                409,
                "This strap is already in a session.",
                "End that session first, or choose another strap.",
                reason=LinkReason.BUSY.value,
            )
        id = str(ULID())
        if not found.simulated:  # there are as many of those as are wanted
            self._worn[id] = found
        return await self._kept(self._start(id, driver, found, plan, person, signals))

    async def _start(
        self,
        id: str,
        driver: Driver,
        strap: FoundStrap,
        plan: str,
        person_id: str | None,
        signals: tuple[Ask, ...],
    ) -> SessionRow:
        try:
            return await self._started(id, driver, strap, plan, person_id, signals)
        except BaseException:
            self._worn.pop(id, None)
            raise

    async def _started(
        self,
        id: str,
        driver: Driver,
        strap: FoundStrap,
        plan: str,
        person_id: str | None,
        signals: tuple[Ask, ...],
    ) -> SessionRow:
        person = await asyncio.to_thread(self._store.person, person_id)
        part = self._finisher.new_part(id)
        live = await asyncio.to_thread(
            open_session,
            driver,
            strap,
            part=part,
            session_id=id,
            person=person.pseudonym,
            plan=plan,
            clock=self._new_clock(1.0),
            referee=self._referee,
            signals=signals,
        )
        row = _row(live.info, person.id)
        live.start()
        try:
            await asyncio.to_thread(
                self._store.add_session, row, self._finisher.relative(part)
            )
        except StoreError:
            await live.stop()
            part.unlink(missing_ok=True)
            raise
        self._see_to(live)
        return row

    async def replay(self, id: str, speed: float) -> SessionRow:
        """Show a recorded session again, as a session of its own.

        Raises
        ------
        NotSoError
            When there is no such session, or it has no finished recording.
        """
        self._refuse_when_closing()
        path = await asyncio.to_thread(self._finisher.recording_path, id)
        original = await asyncio.to_thread(self._store.session, id)
        return await self.replay_file(path, speed, person_id=original.person_id)

    async def replay_file(
        self, path: Path, speed: float, *, person_id: str | None = None
    ) -> SessionRow:
        """Show a recording again, whoever made it."""
        recording = await asyncio.to_thread(open_recording, path)
        return await self._kept(self._start_replay(recording, speed, person_id))

    async def _start_replay(
        self, recording: Recording, speed: float, person_id: str | None
    ) -> SessionRow:
        person = await asyncio.to_thread(self._store.person, person_id)
        live = open_replay(
            recording,
            speed=speed,
            person=person.pseudonym,
            clock=self._new_clock(speed),
        )
        row = _row(live.info, person.id)
        await asyncio.to_thread(self._store.add_session, row)
        live.start()
        self._see_to(live)
        return row

    def _see_to(self, live: LiveSession) -> None:
        self._live[live.info.id] = live
        task = self._spawn(self._attend(live))
        if live.info.source == "replay":
            self._replays.add(task)
            task.add_done_callback(self._replays.discard)
        if self._closing.is_set():  # it began while the service was ending
            self._spawn(live.stop())
        _LOGGER.info("Session %s began (%s)", live.info.id, live.info.source)

    def _refuse_when_closing(self) -> None:
        if self._closing.is_set():
            raise Problem(
                503, "The service is ending.", "Start it again, then begin a session."
            )

    # --- While it goes on ---------------------------------------------------------

    def session(self, id: str) -> LiveSession | None:
        """Return a session that is live, or that ended a short while ago."""
        return self._live.get(id) or self._ended.get(id)

    def signals(self, id: str) -> tuple[Ask, ...]:
        """Return what is asked of the strap now, beside its heart rate."""
        live = self._live.get(id)
        return () if live is None else live.watched().signals

    def browser_source(self, id: str) -> BrowserSource | None:
        """Return the source of a live session whose radio is a browser."""
        worn = self._worn.get(id) if id in self._live else None
        return None if worn is None else self._straps.browser.source(worn)

    def live(self, id: str) -> LiveSession:
        """Return a live session that can be added to.

        Raises
        ------
        Problem
            With status 409, when it has ended, never was, or is a replay.
        """
        live = self._live.get(id)
        if live is None or live.ended.is_set():
            raise Problem(409, "This session is not live.", "Begin a new one.")
        if live.info.source == "replay":
            raise Problem(
                409, "A replay shows what was; it takes nothing new.", "Just watch it."
            )
        return live

    async def rate(self, id: str, rating: Rating, *, by: str) -> str:
        """Keep a rating; return its id once it is safe on disk.

        It stands in the recording and in the store. After the session has ended, or
        should the recording have stopped, in the store alone, marked so.
        """
        row = await self._session_row(id)
        # A browser that goes away in between must not tear the two apart.
        keep = self._book.keep(row, self._live.get(id), rating, by=by)
        return await self._kept(keep)

    async def enter(
        self,
        id: str,
        *,
        by: str,
        type: str,
        value: float | None = None,
        unit: str | None = None,
        text: str | None = None,
    ) -> str:
        """Log a mark, a phase or a note; return its id once it is safe on disk.

        Should the recording have stopped, it is shown and counts, but is not kept.
        """
        live = self.live(id)
        try:
            return await self._kept(
                live.enter(type=type, by=by, value=value, unit=unit, text=text)
            )
        except RecordingError as error:
            # Viewers have it already; trying again would only repeat it.
            _LOGGER.warning("An event was shown but not kept: %s", error)
            told = (type, by, value, unit, text)
            shown = (
                e.id
                for e in reversed(live.pipeline.entries)
                if (e.type, e.by, e.value, e.unit, e.text) == told
            )
            return next(shown, str(ULID()))

    # --- Ending ---------------------------------------------------------------------

    async def stop(self, id: str) -> SessionRow:
        """End a session; return when its last record is safe on disk."""
        live = self.session(id)
        if live is not None:
            await live.stop()
            try:
                await self._close(live)
            except StoreError as error:  # it has ended all the same: _attend goes on
                _LOGGER.error("The end of session %s is not kept yet: %s", id, error)
        return await self._session_row(id)

    async def _session_row(self, id: str) -> SessionRow:
        # With its end, even while the store cannot keep that.
        ended_ns = self._ended_utc_ns.get(id)
        row = await asyncio.to_thread(self._store.session, id)
        if row.state is not SessionState.LIVE or ended_ns is None:
            return row
        return msgspec.structs.replace(
            row, state=SessionState.CLOSING, ended_at_utc_ns=ended_ns
        )

    async def _attend(self, live: LiveSession) -> None:
        await live.ended.wait()
        id = live.info.id
        for wait_s in (*RETRY_AFTER_S, None):
            try:
                await self._close(live)
                await self._finisher.finish(live)
            except BiofeedbackError as error:
                self._finisher.trouble[id] = error
                _LOGGER.error("Session %s could not be finished: %s", id, error)
            except Exception:
                _LOGGER.exception("Session %s could not be finished", id)
                return
            else:
                self._finisher.trouble.pop(id, None)
                return
            if wait_s is None or self._closing.is_set():
                return  # the next start tries again
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._closing.wait()

    async def _close(self, live: LiveSession) -> None:
        id = live.info.id
        if id not in self._live and id not in self._ended_utc_ns:
            return  # done before
        ended_ns = self._ended_utc_ns.setdefault(id, self._store.now_ns())
        try:
            await asyncio.to_thread(
                self._store.close_session, id, ended_at_utc_ns=ended_ns
            )
            self._ended_utc_ns.pop(id, None)
        finally:
            if (worn := self._worn.pop(id, None)) is not None:
                self._straps.browser.forget(worn)
            if self._live.pop(id, None) is not None:
                self._ended[id] = live
                while len(self._ended) > KEPT_ENDED:
                    self._ended.popitem(last=False)

    async def summary(self, id: str) -> bytes:
        """Return a session's summary as JSON text.

        Raises
        ------
        Problem
            With status 404, while it is being written, or when it cannot be.
        """
        return await self._finisher.summary(id)

    def summary_ready(
        self, session: SessionRow, recording: RecordingRow | None
    ) -> bool:
        """Say whether :meth:`summary` would return one. Blocks."""
        return self._finisher.summary_ready(session, recording)

    async def recording_path(self, id: str) -> Path:
        """Return where a session's finished recording lies.

        Raises
        ------
        Problem
            With status 404, when there is none (yet).
        """
        return await asyncio.to_thread(self._finisher.recording_path, id)

    async def open(self) -> None:
        """See what an earlier process left behind, and finish it in the background.

        Raises
        ------
        StoreError
            When the store cannot be read or written.
        """
        left = await asyncio.to_thread(self._finisher.left_behind)
        self._spawn(self._recover(left))

    async def _recover(self, left: LeftBehind) -> None:
        try:
            await asyncio.to_thread(self._finisher.recover, left)
        except Exception:
            _LOGGER.exception("What was left unfinished could not be recovered")

    @property
    def n_unfinished(self) -> int:
        """How many recordings go on or are being finished; a replay makes none."""
        return len(self._tasks - self._replays)

    async def close(self) -> None:
        """End all sessions in order, and finish them within a bound."""
        self._closing.set()
        await asyncio.gather(
            *(live.stop() for live in tuple(self._live.values())),
            return_exceptions=True,
        )
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=FINISH_LIMIT_S)
        # Whoever still waits for NeuroKit2 goes on without it.
        await self._referee.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=FINISH_LIMIT_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- Tasks that nobody may tear ---------------------------------------------------

    def _spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _kept(self, work: Coroutine[Any, Any, T]) -> T:
        # Goes on to its end even when the one who asked for it goes away.
        return await asyncio.shield(self._spawn(work))


def _row(info: SessionInfo, person_id: str) -> SessionRow:
    return SessionRow(
        id=info.id,
        person_id=person_id,
        plan=info.plan,
        source=info.source,
        simulated=info.simulated,
        strap_name=info.strap_name,
        started_at_utc_ns=info.started_at_utc_ns,
        replay_of=info.replay_of,
        speed=info.speed,
        state=SessionState.LIVE,
    )
