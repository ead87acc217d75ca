"""Runs one live session: the one place where its records are put in order.

Sources, buttons and timers drop records into an inbox. A single consumer takes them
out, stamps and numbers each once, logs it, feeds it to the pipeline, logs what the
pipeline says and tells the viewers. Log order is processing order, which is why a
replay gives the same bytes.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Callable

import msgspec
from ulid import ULID

from biofeedback.errors import ADVICE, NotSoError, RecordingError
from biofeedback.model import (
    AdaptCommand,
    AnyRecord,
    Ask,
    Config,
    Entry,
    LinkChange,
    LinkReason,
    LinkState,
    Notification,
    PacerCommand,
    RefereeReport,
    SessionInfo,
    SignalsCommand,
    Tick,
)
from biofeedback.pipeline import Pipeline
from biofeedback.practice import pacer
from biofeedback.recording.format import as_stored
from biofeedback.recording.writer import RecordingWriter
from biofeedback.session import asking
from biofeedback.session.civil_clock import LOOK_EVERY_S, Civil, CivilWatch
from biofeedback.session.clock import NS_PER_S, Clock
from biofeedback.session.counts import SessionCounts
from biofeedback.session.driver import Source, Watched
from biofeedback.session.hub import Hub
from biofeedback.session.journal import Journal
from biofeedback.session.referee import Referee
from biofeedback.session.ticker import Ticker
from biofeedback.session.transcript import Message, Transcript
from biofeedback.signal.lane import Numbers

_LOGGER = logging.getLogger(__name__)

INBOX_SIZE = 20_000
"""Records that may wait: hours of notifications. Beyond, the newest are counted."""

REFEREE_EVERY_S = 5
REFEREE_WINDOWS_S = (60, 300)
"""Asked about in turn, once the session has filled them."""

SOURCE_GOODBYE_S = 12.0
"""A strap that does not answer is given this long to be let go of."""

SOURCE_AGAIN_S = (1, 2, 5, 10, 30)
"""Waits before a source that failed is run again; the last one repeats."""


class LiveSession:
    """One sitting, from the first record to the last.

    Parameters
    ----------
    info
        What recording and screen must know of the session.
    config
        The session's first record.
    source
        Where the notifications come from.
    clock
        The session's time.
    writer
        Where everything is recorded; ``None`` for a replay.
    referee
        NeuroKit2's worker; ``None`` runs without.
    own_ticks
        A replay brings the ticks (and the end) with it, so it says ``False``.
    ticker
        Who ticks this session together with others; ``None``: it ticks by itself.
    civil
        The civil clock, whose steps are recorded; ``None``: nobody looks.
    """

    def __init__(
        self,
        *,
        info: SessionInfo,
        config: Config | None,
        source: Source,
        clock: Clock,
        writer: RecordingWriter | None = None,
        referee: Referee | None = None,
        own_ticks: bool = True,
        ticker: Ticker | None = None,
        civil: Callable[[], Civil] | None = None,
    ) -> None:
        self.info = info
        self.clock = clock
        self.hub = Hub()
        self.pipeline = Pipeline(fleet=None if ticker is None else ticker.fleet)
        self.ended = asyncio.Event()
        self._config = config
        self._source = source
        self._journal = Journal(writer, self._recording_stopped)
        self._referee = referee
        self._own_ticks = own_ticks
        self._ticker = ticker
        self._civil = civil
        self._transcript = Transcript(self.pipeline)
        self._inbox: deque[AnyRecord] = deque()
        self._arrived = asyncio.Event()
        self._lost = 0
        self._last_ns = 0
        self._sequence = 0
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    # --- What others may do ---------------------------------------------------

    @property
    def recording_error(self) -> RecordingError | None:
        """Why the recording has stopped; ``None`` while it goes on."""
        return self._journal.error

    def count_in(self, counts: SessionCounts) -> None:
        """Count what happens here together with what happens in other sessions."""
        self.hub.counts = self._journal.counts = counts

    @property
    def on_disk(self) -> int:
        """The last sequence that is safe in the recording (0: none yet)."""
        return self._journal.on_disk

    def start(self) -> None:
        """Begin; returns at once."""
        if self._config is not None:
            self._put(self._config)
        self._task = asyncio.create_task(self._run(), name=f"session {self.info.id}")

    async def enter(
        self,
        *,
        type: str,
        by: str,
        value: float | None = None,
        unit: str | None = None,
        text: str | None = None,
        moment: str | None = None,
        prompt: str | None = None,
        latency_ms: int | None = None,
        device: str | None = None,
        corrects: str | None = None,
        at_ms: float | None = None,
    ) -> str:
        """Log what a person did; return its id once it is safe on disk.

        Raises
        ------
        RecordingError
            When the recording has stopped: the entry was shown but not kept.
        NotSoError
            When the session has ended.
        """
        self._refuse_if_ended()
        entry = Entry(
            t_ns=self.clock.now_ns(),
            id=str(ULID()),
            type=type,
            by=by,
            value=value,
            unit=unit,
            text=text,
            moment=moment,
            prompt=prompt,
            latency_ms=latency_ms,
            device=device,
            corrects=corrects,
            at_ms=at_ms,
        )
        self._put(entry)
        self._drain()  # gives the entry its number now
        await self._journal.safe()
        return entry.id

    async def pace(
        self,
        *,
        by: str,
        rate_bpm: float,
        inhale_pct: float,
        hold_in_ms: int = 0,
        hold_out_ms: int = 0,
        ease_s: float = 0.0,
        ramp_minutes: float | None = None,
        from_rate_bpm: float | None = None,
        origin_ms: float | None = None,
    ) -> None:
        """Ask for another pace, from the next breath on.

        Parameters
        ----------
        ease_s
            How long each half breath a minute of the change takes; a breath at least.
        ramp_minutes
            A practice of this length begins: come from the person's own rate.
        from_rate_bpm
            Come from this rate instead: a page that went ahead by itself says which.
        origin_ms
            Begin a breath at this instant: the person's tap.

        Raises
        ------
        SettingsError
            When the pace is not one that is offered.
        """
        self._refuse_if_ended()
        pacer.check(
            rate_bpm=rate_bpm,
            inhale_pct=inhale_pct,
            hold_in_ms=hold_in_ms,
            hold_out_ms=hold_out_ms,
        )
        if from_rate_bpm is not None:
            pacer.check(
                rate_bpm=from_rate_bpm,
                inhale_pct=inhale_pct,
                hold_in_ms=hold_in_ms,
                hold_out_ms=hold_out_ms,
            )
        elif ramp_minutes is not None:
            natural_bpm = self.pipeline.metrics.natural_bpm
            from_rate_bpm = pacer.ramp_from(natural_bpm, rate_bpm, ramp_minutes)
            ease_s = max(ease_s, pacer.RAMP_EASE_S)
        self._put(
            PacerCommand(
                t_ns=self.clock.now_ns(),
                by=by,
                rate_bpm=rate_bpm,
                inhale_pct=inhale_pct,
                hold_in_ms=hold_in_ms,
                hold_out_ms=hold_out_ms,
                ease_s=ease_s,
                from_rate_bpm=from_rate_bpm,
                origin_ms=origin_ms,
            )
        )

    async def adapt(self, *, by: str, on: bool) -> None:
        """Let the pace follow the heart's answer, or no longer.

        Raises
        ------
        NotSoError
            When the session has ended.
        """
        self._refuse_if_ended()
        self._put(AdaptCommand(t_ns=self.clock.now_ns(), by=by, on=on))

    async def stop(self) -> None:
        """End the session; returns when its last record is on disk."""
        self._stop.set()
        await self.ended.wait()

    async def ask_for(self, *, by: str, signals: tuple[Ask, ...]) -> None:
        """Ask the strap for exactly these signals beside its heart rate.

        Raises
        ------
        SettingsError
            When one is asked for twice, or at a rate that no strap has.
        NotSoError
            When the session has ended.
        """
        self._refuse_if_ended()
        asking.check(signals)
        self._put(SignalsCommand(t_ns=self.clock.now_ns(), by=by, signals=signals))

    def tick(self, t_ns: int, numbers: Numbers) -> None:
        """Let a second pass, whose numbers were found together with those of others."""
        self.pipeline.windows.prepare(t_ns, numbers)
        self._put(Tick(t_ns=t_ns))
        self._drain()

    def feed(self, record: AnyRecord) -> tuple[Message, ...]:
        """Process a record of a replay now, and return what was told of it."""
        return self._process(record)

    def go_on_with(self, pipeline: Pipeline, transcript: Transcript) -> None:
        """Go on from another place of the recording that is replayed."""
        self.pipeline.windows.close()
        self.pipeline, self._transcript = pipeline, transcript
        self._last_ns = 0

    @property
    def config(self) -> Config | None:
        """What the session runs with; ``None`` for a replay, which brings its own."""
        return self._config

    def watched(self) -> Watched:
        """Return what the source may know of this session now."""
        return Watched(schedule=self.pipeline.schedule, signals=self.pipeline.signals)

    def _refuse_if_ended(self) -> None:
        if self._stop.is_set():
            raise NotSoError("This session has ended.", "Begin a new one.")

    # --- The session's own tasks ------------------------------------------------

    async def _run(self) -> None:
        consumer = asyncio.create_task(self._consume())
        syncer = asyncio.create_task(self._journal.keep_synced())
        helpers = [asyncio.create_task(self._read_source())]
        if self._own_ticks:
            if self._ticker is None:
                helpers.append(asyncio.create_task(self._tick()))
            else:
                self._ticker.join(self)
            if self._civil is not None:
                helpers.append(asyncio.create_task(self._watch_civil(self._civil)))
            if self._referee is not None:
                helpers.append(asyncio.create_task(self._ask_referee(self._referee)))
        try:
            await self._stop.wait()
        finally:
            if self._own_ticks and self._ticker is not None:
                self._ticker.leave(self)
            for task in helpers:
                task.cancel()
            await asyncio.wait(helpers, timeout=SOURCE_GOODBYE_S)
            for task in helpers:
                if task.done() and not task.cancelled() and task.exception():
                    _LOGGER.error("A task failed", exc_info=task.exception())
            if self._own_ticks:
                self._put(
                    LinkChange(
                        t_ns=self.clock.now_ns(),
                        source="strap",
                        state=LinkState.ENDED,
                        reason=LinkReason.STOPPED,
                        advice=ADVICE[LinkReason.STOPPED],
                    )
                )
            consumer.cancel()
            syncer.cancel()
            await asyncio.gather(consumer, syncer, return_exceptions=True)
            self._drain()
            await self._journal.close()
            self._drain()  # that it failed, perhaps
            self.hub.end()
            self.ended.set()
            self.pipeline.windows.close()
            await self._journal.release()

    async def _read_source(self) -> None:
        for failures in itertools.count():
            try:
                await self._source.run(
                    clock=self.clock, emit=self._put, watch=self.watched
                )
            except Exception:
                # The session goes on meanwhile: ratings and pacer still count.
                _LOGGER.exception("The source of session %s failed", self.info.id)
                self._put(
                    LinkChange(
                        t_ns=self.clock.now_ns(),
                        source="strap",
                        state=LinkState.RECONNECTING,
                        reason=LinkReason.INTERNAL,
                        advice=ADVICE[LinkReason.INTERNAL],
                    )
                )
            else:
                self._stop.set()  # a replay has come to its end
                return
            wait_s = SOURCE_AGAIN_S[min(failures, len(SOURCE_AGAIN_S) - 1)]
            await self.clock.sleep_until(self.clock.now_ns() + wait_s * NS_PER_S)

    async def _tick(self) -> None:
        second = 0
        while True:
            # After a suspend the ticks missed meanwhile are not made up for.
            second = max(second, self.clock.now_ns() // NS_PER_S) + 1
            await self.clock.sleep_until(second * NS_PER_S)
            self._put(Tick(t_ns=self.clock.now_ns()))

    async def _watch_civil(self, civil: Callable[[], Civil]) -> None:
        watch = CivilWatch(self.info.started_at_utc_ns, civil().utc_offset_s)
        while True:
            now_ns = self.clock.now_ns()
            if (reading := watch.look(now_ns, civil())) is not None:
                self._put(reading)
            await self.clock.sleep_until(now_ns + LOOK_EVERY_S * NS_PER_S)

    async def _ask_referee(self, referee: Referee) -> None:
        second = 0
        for window_s in itertools.cycle(REFEREE_WINDOWS_S):
            second += REFEREE_EVERY_S
            await self.clock.sleep_until(second * NS_PER_S)
            second = max(second, self.clock.now_ns() // NS_PER_S)
            window = self.pipeline.referee_window(window_s)
            verdict = await referee.judge(window) if window is not None else None
            if verdict is None:
                continue
            self._put(
                RefereeReport(
                    t_ns=self.clock.now_ns(),
                    window_s=verdict.window_s,
                    neurokit=verdict.neurokit,
                    max_difference=verdict.max_difference,
                )
            )

    # --- In order: stamp, number, log, process, log, tell -----------------------

    def _put(self, record: AnyRecord) -> None:
        if len(self._inbox) >= INBOX_SIZE and isinstance(record, Notification):
            self._lost += 1
            return
        self._inbox.append(record)
        self._arrived.set()

    async def _consume(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            self._drain()

    def _drain(self) -> None:
        while self._inbox:
            self._process(self._inbox.popleft())
        if self._lost:
            lost, self._lost = self._lost, 0
            self.hub.counts.notifications_lost += lost
            self._process(
                self._notice(
                    "records_lost",
                    f"{lost} notifications were lost because this computer was too "
                    "busy. Close other programs.",
                )
            )

    def _process(self, record: AnyRecord) -> tuple[Message, ...]:
        self._last_ns = max(self._last_ns, record.t_ns)
        if record.t_ns != self._last_ns:
            record = msgspec.structs.replace(record, t_ns=self._last_ns)
        record = as_stored(record)  # what a replay will read, no less and no more
        self._sequence += 1
        self._journal.record(self._sequence, record)
        messages = self._transcript.feed(record)
        for message in messages:
            self._sequence += 1
            self._journal.message(self._sequence, self._last_ns, message)
            self.hub.publish(message)
        if isinstance(record, Tick | Entry):
            self._journal.sync_soon()
        return messages

    def _notice(self, type: str, text: str) -> Entry:
        return Entry(
            t_ns=self._last_ns, id=str(ULID()), type=type, by="system", text=text
        )

    def _recording_stopped(self, error: RecordingError) -> None:
        _LOGGER.error("The recording of session %s stopped: %s", self.info.id, error)
        self._inbox.append(self._notice("recording_stopped", str(error)))
        self._arrived.set()
