"""Runs the sessions: begins them, keeps what people enter, and sees them to their end.

A session's life in one process::

    start ─> live ─> stop, or its source ends ─> closing ─> finished in the background
                                                            (analysis, compaction)

What a process that was killed left behind is finished by :meth:`Conductor.open`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ulid import ULID

from biofeedback.errors import BiofeedbackError
from biofeedback.model import Ask, FoundStrap
from biofeedback.practice.plans import Chosen, Plan, allocate
from biofeedback.recording.names import device_key
from biofeedback.recording.reader import Recording, open_recording
from biofeedback.service.baselines import todays_baseline
from biofeedback.service.browser_radio import BrowserSource, check_signals
from biofeedback.service.endings import Endings
from biofeedback.service.entries import Entries
from biofeedback.service.finishing import Finisher, LeftBehind
from biofeedback.service.problems import Problem
from biofeedback.service.replays import open_replay
from biofeedback.service.roster import Roster
from biofeedback.service.straps import Straps
from biofeedback.service.tasks import Tasks
from biofeedback.session.clock import Clock, WallClock
from biofeedback.session.counts import SessionCounts
from biofeedback.session.driver import Driver
from biofeedback.session.opening import open_session
from biofeedback.session.playback import Playback
from biofeedback.session.referee import Referee
from biofeedback.session.replay_clock import ReplayClock
from biofeedback.session.runner import LiveSession
from biofeedback.session.simulated import SimulatedDriver
from biofeedback.session.tally import Tally
from biofeedback.session.ticker import Ticker
from biofeedback.store import (
    RecordingRow,
    SessionRow,
    Store,
    StoreError,
)

_LOGGER = logging.getLogger(__name__)

FINISH_LIMIT_S = 10.0
"""How long a service that ends waits for summaries; the rest the next start does."""


class Conductor:
    """The live sessions of one service.

    Parameters
    ----------
    store, straps, referee
        The parts it works with; all outlive it.
    new_clock
        The clock of a new session; a test hands in its own.
    lsl
        Whether sessions go out by the Lab Streaming Layer as well.
    node
        What this node is called, beside the others that share the store.

    Attributes
    ----------
    entries
        Keeps what people enter while a session goes on.
    counts
        What happened in its sessions.
    """

    def __init__(
        self,
        *,
        store: Store,
        straps: Straps,
        referee: Referee,
        new_clock: Callable[[float], Clock] = WallClock,
        lsl: bool = False,
        node: str | None = None,
    ) -> None:
        self._store = store
        self._straps = straps
        self._referee = referee
        self._new_clock = new_clock
        self._ticker = Ticker(new_clock(1.0))
        self._lsl = lsl
        self.counts = SessionCounts()
        self._closing = asyncio.Event()
        self._erasing = False
        self._n_starting = 0
        self._recovered = asyncio.Event()
        self._recovered.set()
        self._finishing: dict[asyncio.Task[Any], str] = {}
        self._tasks = Tasks()
        self._unrecorded: set[asyncio.Task[Any]] = set()
        self._playbacks: dict[str, Playback] = {}
        self._node = node
        self._finisher = Finisher(store, referee, node=node)
        self._roster = Roster(straps.browser)
        self._endings = Endings(store, self._finisher, self._roster, self._closing)
        self.entries = Entries(store, self._roster, self._endings, self._tasks)

    # --- Beginning --------------------------------------------------------------

    async def start(
        self,
        *,
        strap: str,
        plan: str,
        protocol: Plan | None = None,
        arm: str | None = None,
        person: str | None = None,
        profile: str | None = None,
        seed: int | None = None,
        strap_name: str | None = None,
        signals: tuple[Ask, ...] = (),
    ) -> SessionRow:
        """Begin a session with the strap of this id; recorded from its first record.

        ``protocol`` is the plan called ``plan``, where its steps are to be followed, in
        ``arm``: by default the one that the person is allocated to.

        Raises
        ------
        Problem
            When the strap is not known, is worn in another session, or cannot send
            these signals.
        RecordingError, StoreError
            When nothing could be recorded: then there is no session.
        """
        self._refuse_when_closing()
        driver, found = self._straps.choose(
            strap, profile=profile, seed=seed, name=strap_name
        )
        check_signals(found, signals)
        id = str(ULID())
        self._roster.wear(id, found)
        return await self._tasks.kept(
            self._start(id, driver, found, plan, person, signals, protocol, arm)
        )

    async def _start(
        self,
        id: str,
        driver: Driver,
        strap: FoundStrap,
        plan: str,
        person_id: str | None,
        signals: tuple[Ask, ...],
        protocol: Plan | None,
        arm: str | None,
    ) -> SessionRow:
        self._n_starting += 1
        try:
            return await self._started(
                id, driver, strap, plan, person_id, signals, protocol, arm
            )
        except BaseException:
            self._roster.take_off(id)
            raise
        finally:
            self._n_starting -= 1

    async def _started(
        self,
        id: str,
        driver: Driver,
        strap: FoundStrap,
        plan: str,
        person_id: str | None,
        signals: tuple[Ask, ...],
        protocol: Plan | None,
        arm: str | None,
    ) -> SessionRow:
        person = await asyncio.to_thread(self._store.person, person_id)
        chosen = None
        if protocol is not None:
            arm = allocate(protocol, person.pseudonym) if arm is None else arm
            protocol.arm(arm)  # refused before anything is written
            chosen = Chosen(plan=protocol, arm_id=arm)
        part = self._finisher.new_part(id)
        baseline = await asyncio.to_thread(
            todays_baseline,
            self._store,
            person.id,
            simulated=isinstance(driver, SimulatedDriver),
            now_utc_ns=self._store.now_ns(),
        )
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
            ticker=self._ticker,
            baseline=baseline,
            device_key=await asyncio.to_thread(self._key),
            chosen=chosen,
        )
        row = SessionRow.of(live.info, person.id, node=self._node)
        live.start()
        try:
            await asyncio.to_thread(
                self._store.add_session, row, self._finisher.relative(part)
            )
        except StoreError:
            await live.stop()
            part.unlink(missing_ok=True)
            raise
        self._see_to(live, person.id)
        return row

    def _key(self) -> bytes | None:
        try:
            return device_key(self._store.data)
        except OSError:  # a session matters more than to know its strap again
            _LOGGER.exception("The key of this data folder cannot be used")
            return None

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
        return await self._tasks.kept(self._start_replay(recording, speed, person_id))

    async def _start_replay(
        self, recording: Recording, speed: float, person_id: str | None
    ) -> SessionRow:
        self._n_starting += 1
        try:
            return await self._replay_started(recording, speed, person_id)
        finally:
            self._n_starting -= 1

    async def _replay_started(
        self, recording: Recording, speed: float, person_id: str | None
    ) -> SessionRow:
        person = await asyncio.to_thread(self._store.person, person_id)
        clock = ReplayClock(self._new_clock(1.0), speed)
        live, playback = await asyncio.to_thread(
            open_replay, recording, person=person.pseudonym, clock=clock
        )
        row = SessionRow.of(live.info, person.id, node=self._node)
        await asyncio.to_thread(self._store.add_session, row)
        live.start()
        self._playbacks[row.id] = playback
        self._see_to(live, person.id)
        return row

    def _see_to(self, live: LiveSession, person_id: str) -> None:
        live.count_in(self.counts)
        self._roster.add(live, person_id)
        task = self._tasks.spawn(self._endings.attend(live))
        self._finishing[task] = person_id
        task.add_done_callback(self._finishing.pop)
        if live.info.source == "replay":
            self._unrecorded.add(task)
            task.add_done_callback(self._unrecorded.discard)
            id = live.info.id
            task.add_done_callback(lambda _: self._playbacks.pop(id, None))
        if self._lsl:
            self._unrecorded.add(task := self._tasks.spawn(_sent(live)))
            task.add_done_callback(self._unrecorded.discard)
        if self._closing.is_set():  # it began while the service was ending
            self._tasks.spawn(live.stop())
        _LOGGER.info("Session %s began (%s)", live.info.id, live.info.source)

    def _refuse_when_closing(self) -> None:
        if self._closing.is_set():
            raise Problem(
                503, "The service is ending.", "Start it again, then begin a session."
            )
        if self._erasing:
            raise Problem(
                409, "Somebody's data is being erased.", "Try again in a minute."
            )

    # --- While it goes on ---------------------------------------------------------

    def session(self, id: str) -> LiveSession | None:
        """Return a session that is live, or that ended a short while ago."""
        return self._roster.session(id)

    @property
    def going_on(self) -> tuple[LiveSession, ...]:
        """The live sessions, replays among them."""
        return self._roster.going_on

    def person_id(self, id: str) -> str | None:
        """Return whose session this is, live or ended a short while ago."""
        return self._roster.person_id(id)

    def on_change(self, told: Callable[[], None]) -> None:
        """Call ``told`` from now on when a session begins or ends."""
        self._roster.on_change(told)

    def live(self, id: str) -> LiveSession:
        """Return a live session that can be added to.

        Raises
        ------
        Problem
            With status 409, when it has ended, never was, or is a replay.
        """
        return self._roster.live(id)

    def playback(self, id: str) -> Playback:
        """Return what steers a session that is a replay.

        Raises
        ------
        Problem
            With status 409, when it is none, or has ended.
        """
        playback = self._playbacks.get(id)
        if playback is None:
            raise Problem(
                409,
                "This session is not a replay that goes on.",
                "Only replays can be held, stepped and moved about in.",
            )
        return playback

    def signals(self, id: str) -> tuple[Ask, ...]:
        """Return what is asked of the strap now, beside its heart rate."""
        return self._roster.signals(id)

    def browser_source(self, id: str) -> BrowserSource | None:
        """Return the source of a live session whose radio is a browser."""
        return self._roster.browser_source(id)

    # --- Ending ---------------------------------------------------------------------

    async def stop(self, id: str) -> SessionRow:
        """End a session; return when its last record is safe on disk."""
        live = self.session(id)
        if live is not None:
            await self._endings.stop(live)
        return await self._endings.row(id)

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

    def is_elsewhere(self, session: SessionRow) -> bool:
        """Say whether another node ran this session; a copy may lie here."""
        return self._finisher.is_elsewhere(session)

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
        self._recovered.clear()
        self._tasks.spawn(self._recover(left))

    async def _recover(self, left: LeftBehind) -> None:
        try:
            await asyncio.to_thread(self._finisher.recover, left)
        except Exception:
            _LOGGER.exception("What was left unfinished could not be recovered")
        finally:
            self._recovered.set()

    @property
    def tally(self) -> Tally:
        """How far the live numbers were from NeuroKit2's so far."""
        return self._referee.tally

    @property
    def n_unfinished(self) -> int:
        """How many recordings go on or are being finished; a replay makes none."""
        return len(self._tasks.going_on - self._unrecorded)

    @contextmanager
    def erasing(self, person_id: str) -> Iterator[None]:
        """Let nothing begin while somebody's data is erased, and forget it after.

        Sessions of others go on.

        Raises
        ------
        Problem
            With status 409, while a session of theirs goes on or is being finished.
        """
        going_on = {self._roster.person_id(one.info.id) for one in self.going_on}
        if person_id in going_on:
            raise Problem(
                409,
                "A session still goes on.",
                "End it first. Then erase.",
                reason="live",
            )
        if (
            self._erasing
            or self._n_starting
            or not self._recovered.is_set()
            or person_id in self._finishing.values()
        ):
            raise Problem(
                409,
                "A session is just being saved.",
                "Try again in a minute.",
                reason="saving",
            )
        self._erasing = True
        try:
            yield
            self._finisher.forget()
            self._roster.forget_ended()
        finally:
            self._erasing = False

    def refuse_new(self) -> None:
        """Let nothing begin any more; what goes on goes on until :meth:`close`."""
        self._closing.set()

    async def close(self) -> None:
        """End all sessions in order, and finish them within a bound."""
        self._closing.set()
        await asyncio.gather(
            *(live.stop() for live in self._roster.going_on), return_exceptions=True
        )
        await self._tasks.wait(FINISH_LIMIT_S)
        # Whoever still waits for NeuroKit2 goes on without it.
        await self._referee.close()
        await self._tasks.wait(FINISH_LIMIT_S)
        await self._tasks.cancel()


async def _sent(live: LiveSession) -> None:
    from biofeedback.session.lsl.sender import send

    try:
        await send(live)
    except BiofeedbackError as error:
        _LOGGER.warning("Session %s is not sent by LSL: %s", live.info.id, error)
