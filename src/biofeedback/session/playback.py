"""A recording as a live session that can be held, stepped and moved about in.

Its records go through the very same pipeline as they did the first time. To jump is to
do everything up to there again, told to nobody, and then to go on: so what is shown
behind a jump is what would have been shown without one.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Literal, TypeAlias

from biofeedback.errors import NotSoError, SettingsError
from biofeedback.model import (
    AnyEvent,
    AnyRecord,
    BeatEvent,
    Entry,
    EntryEvent,
    LinkEvent,
    PacerEvent,
    SamplesEvent,
    Signal,
    SignalsEvent,
    Tick,
)
from biofeedback.pipeline import Pipeline
from biofeedback.session.clock import NS_PER_MS, NS_PER_S, Clock
from biofeedback.session.driver import Emit, Watch
from biofeedback.session.replay_clock import ReplayClock
from biofeedback.session.replay_state import Loop, state_message
from biofeedback.session.runner import LiveSession
from biofeedback.session.transcript import Message, Transcript

_LOGGER = logging.getLogger(__name__)

To: TypeAlias = Literal["beat", "tick", "event"]
"""What a step goes to: the next heartbeat, second, or thing that a person did."""

SHOWN_BEFORE_NS = 60 * NS_PER_S
"""So much of what lies before a jump's end is told, so that traces are not empty."""


FED_AT_ONCE = 64
"""Records processed before others have their turn, should this have fallen behind."""


class Playback:
    """The source of a replayed session: emits its records when they are due.

    Parameters
    ----------
    records
        The inputs of a recording, all of them.
    clock
        Says where it is; the commands below move it.
    """

    def __init__(self, records: Sequence[AnyRecord], clock: ReplayClock) -> None:
        self._clock = clock
        self._records = records
        self._next = 0
        self._loop: Loop | None = None
        self._turn = asyncio.Lock()
        self._session: LiveSession | None = None
        self._jumping: set[asyncio.Task[None]] = set()
        self._ended = False

    def attach(self, session: LiveSession) -> None:
        """Say whose source this is; before it starts."""
        self._session = session

    async def run(self, *, clock: Clock, emit: Emit, watch: Watch) -> None:
        """Emit until the recording ends; returns then, unless it is held or loops."""
        self._clock.set(at_ns=0)
        self._tell()
        try:
            await self._play()
        finally:
            self._ended = True
            self._records = ()  # a session that has ended is remembered for a while

    async def _play(self) -> None:
        while True:
            if self._looped():
                assert self._loop is not None
                await self._jump(round(self._loop.from_ms * NS_PER_MS))
            elif self._next < len(self._records):
                await self._play_on()
            elif self._clock.playing:
                self._ended = True
                self._tell()
                return
            else:
                await self._clock.sleep_until(self._clock.now_ns())

    async def _play_on(self) -> None:
        due_ns = self._records[self._next].t_ns
        if self._loop is not None:
            due_ns = min(due_ns, round(self._loop.to_ms * NS_PER_MS))
        await self._clock.sleep_until(due_ns)
        async with self._turn:
            for _ in range(FED_AT_ONCE):
                if not self._is_due():
                    break
                self._feed()
        await asyncio.sleep(0)

    def _is_due(self) -> bool:
        return (
            self._clock.playing
            and self._next < len(self._records)
            and self._records[self._next].t_ns <= self._clock.now_ns()
            and not self._looped()
        )

    def _looped(self) -> bool:
        if self._loop is None or not self._clock.playing:
            return False
        return self._clock.now_ns() >= self._loop.to_ms * NS_PER_MS

    def _feed(self) -> tuple[AnyRecord, tuple[Message, ...]]:
        assert self._session is not None
        record = self._records[self._next]
        self._next += 1
        return record, self._session.feed(record)

    # --- What a viewer may ask for --------------------------------------------------

    @property
    def duration_ms(self) -> float:
        """How long the recording is."""
        return self._records[-1].t_ns / NS_PER_MS if self._records else 0.0

    async def set(
        self, *, playing: bool | None = None, speed: float | None = None
    ) -> None:
        """Let time pass or hold it, and say how fast.

        Raises
        ------
        SettingsError
            When the speed is not from 0.25 to 64.
        """
        async with self._ready():
            self._clock.set(playing=playing, speed=speed)
            self._tell()

    async def step(self, to: To) -> None:
        """Hold the replay behind the next beat, tick or event."""
        async with self._ready():
            self._clock.set(playing=False)
            try:
                await self._feed_until(to)
            finally:  # whoever asked may go away meanwhile
                if self._next and self._records:
                    self._clock.set(at_ns=self._records[self._next - 1].t_ns)
                self._tell()

    async def _feed_until(self, to: To) -> None:
        n_fed = 0
        while self._next < len(self._records):
            record, messages = self._feed()
            if _is_there(to, record, messages):
                return
            n_fed += 1
            if n_fed % FED_AT_ONCE == 0:
                await asyncio.sleep(0)

    async def seek(self, t_ms: float | None = None, event: str | None = None) -> None:
        """Go to a time, or to the event with this id.

        Raises
        ------
        SettingsError
            When there is no such event, or no such time.
        """
        async with self._ready():
            if event is not None:
                found = (
                    r.t_ns
                    for r in self._records
                    if isinstance(r, Entry) and r.id == event
                )
                at_ns = next(found, None)
                if at_ns is None:
                    raise SettingsError(
                        "This recording holds no event of that id.",
                        "Choose one that it has told.",
                    )
            elif t_ms is not None and 0 <= t_ms <= self.duration_ms:
                at_ns = round(t_ms * NS_PER_MS)
            else:
                raise SettingsError(
                    "There is nothing at that time.",
                    f"Choose one from 0 to {self.duration_ms / 1000:.0f} s.",
                )
        await self._jump(at_ns)

    async def loop(self, from_ms: float | None, to_ms: float | None) -> None:
        """Go round between two times; ``None`` for both goes straight on.

        Raises
        ------
        SettingsError
            When they are not in order, or not in the recording.
        """
        async with self._ready():
            if from_ms is None and to_ms is None:
                self._loop = None
            elif (
                from_ms is not None
                and to_ms is not None
                and 0 <= from_ms
                and from_ms + 1000 <= to_ms <= self.duration_ms
            ):
                self._loop = Loop(from_ms=from_ms, to_ms=to_ms)
            else:
                raise SettingsError(
                    "A replay cannot go round between these times.",
                    "Give two times of the recording, a second apart or more.",
                )
            self._clock.set()
            self._tell()

    def _ready(self) -> AbstractAsyncContextManager[None]:
        if self._ended:
            raise NotSoError("This replay has ended.", "Begin it again.")
        return self._turn

    # --- Jumping ----------------------------------------------------------------------

    async def _jump(self, to_ns: int) -> None:
        # In a task of its own: whoever asked may go away, and must not leave it half.
        task = asyncio.create_task(self._go_to(to_ns))
        self._jumping.add(task)
        task.add_done_callback(self._jumping.discard)
        await asyncio.shield(task)

    async def _go_to(self, to_ns: int) -> None:
        async with self._ready():
            assert self._session is not None
            playing = self._clock.playing
            self._clock.set(playing=False)
            try:
                end = bisect_right(self._records, to_ns, key=lambda record: record.t_ns)
                pipeline, events, frames = await asyncio.to_thread(
                    _done_again, self._records[:end], to_ns
                )
            except BaseException:
                self._clock.set(playing=playing)
                self._tell()
                raise
            hub = self._session.hub
            transcript = Transcript(pipeline, last_seq=hub.last_seq, frames=frames)
            self._session.go_on_with(pipeline, transcript)
            self._next = end
            self._clock.set(at_ns=to_ns, playing=playing)
            told = [transcript.say(event) for event in events]
            hub.restart(self._state(jumped=True), told)

    def _tell(self) -> None:
        if self._session is not None:
            self._session.hub.announce(self._state())

    def _state(self, *, jumped: bool = False) -> Message:
        assert self._session is not None
        state: Literal["playing", "paused", "ended"]
        state = "playing" if self._clock.playing else "paused"
        return state_message(
            seq=self._session.hub.last_seq,
            state="ended" if self._ended else state,
            speed=self._clock.speed,
            position_ms=min(self._clock.now_ns() / NS_PER_MS, self.duration_ms),
            duration_ms=self.duration_ms,
            loop=self._loop,
            jumped=jumped,
        )


def _is_there(to: To, record: AnyRecord, messages: tuple[Message, ...]) -> bool:
    match to:
        case "beat":
            return any(message.kind == "beat" for message in messages)
        case "tick":
            return isinstance(record, Tick)
        case "event":
            return isinstance(record, Entry)


def _done_again(
    records: Sequence[AnyRecord], to_ns: int
) -> tuple[Pipeline, list[AnyEvent], dict[tuple[str, Signal], int]]:
    """Return the pipeline as it is at ``to_ns``, and what a screen needs to know."""
    pipeline = Pipeline()
    kept: list[AnyEvent] = []
    link: LinkEvent | None = None
    signals: SignalsEvent | None = None
    newest: list[AnyEvent] = []
    frames: dict[tuple[str, Signal], int] = {}
    for record in records:
        try:
            told = pipeline.receive(record)
        except Exception:  # as in a transcript: it costs this record's events
            _LOGGER.exception("A %s could not be processed", type(record).__name__)
            continue
        for event in told:
            match event:
                case SamplesEvent():
                    trace = (event.source, event.signal)
                    frames[trace] = frames.get(trace, 0) + 1
                case LinkEvent():
                    link = event
                case SignalsEvent():
                    signals = event
                case PacerEvent() | EntryEvent():
                    kept.append(event)
                case _ if event.t_ms * NS_PER_MS > to_ns - SHOWN_BEFORE_NS or (
                    isinstance(event, BeatEvent)
                    and record.t_ns > to_ns - SHOWN_BEFORE_NS
                ):
                    newest.append(event)
    state: list[AnyEvent] = [e for e in (link, signals) if e is not None]
    return pipeline, [*state, *kept, *newest], frames
