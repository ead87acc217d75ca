"""Records without a dashboard: `biofeedback record`."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import msgspec

from biofeedback.errors import ADVICE, LinkError, NotSoError, SettingsError
from biofeedback.model import Ask, FoundStrap, LinkReason, LinkState, Value
from biofeedback.recording.compaction import PART_SUFFIX, Compacted
from biofeedback.session.clock import NS_PER_MS, NS_PER_S
from biofeedback.session.driver import Driver
from biofeedback.session.finishing import finish
from biofeedback.session.hub import ViewerEnded, ViewerTooSlow
from biofeedback.session.news import News
from biofeedback.session.opening import open_session
from biofeedback.session.referee import Referee
from biofeedback.session.runner import LiveSession

Tell = Callable[[str], None]
"""Says one line to the person at the terminal."""

LAST_TICK_NS = 50 * NS_PER_MS
"""How late the tick of the last second may be and still belongs to the recording."""

SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # not all on each system
    if hasattr(signal, name)
)


Beside: TypeAlias = Callable[[LiveSession], Awaitable[object]]


class Recorded(Value, frozen=True):
    """A finished recording, how long it is, and how many heartbeats are in it."""

    file: Compacted
    duration_s: float
    n_beats: int


async def record_to(
    out: Path,
    *,
    driver: Driver,
    strap: FoundStrap,
    seconds: float | None,
    tell: Tell,
    signals: tuple[Ask, ...] = (),
    beside: Beside | None = None,
) -> Recorded:
    """Record ``strap`` into ``out`` for ``seconds``, or until interrupted.

    ``signals`` are asked of it beside its heart rate; ``beside`` is what else is done
    with the session, such as to send it elsewhere: should it fail, that is told, and
    the recording goes on.

    Raises
    ------
    SettingsError
        When ``out`` cannot be used, or no strap could give these signals.
    LinkError
        When the radio cannot be used; nothing is written then.
    NotSoError
        When no heartbeat came; no file is left behind then.
    RecordingError
        When writing stopped; what was written so far is kept in ``out``.part.
    """
    part = _part_of(out)
    referee = Referee()
    try:
        status = await driver.status()
        if not status.available:
            raise LinkError(status.reason or LinkReason.INTERNAL)
        with _interrupted() as interrupted:
            session = open_session(driver, strap, part=part, signals=signals)
            heard = await _run(session, seconds, interrupted, tell, beside)
            if not heard.heart:
                part.unlink()
                raise NotSoError(
                    "Nothing was recorded, because no heartbeat came.",
                    heard.advice,
                )
            interrupted.clear()
            hurry = asyncio.create_task(_hurry(interrupted, referee))
            try:
                tell("Finishing the recording. This takes a few seconds.")
                return Recorded(
                    file=await finish(part, out, referee),
                    duration_s=heard.duration_s,
                    n_beats=heard.n_beats,
                )
            finally:
                hurry.cancel()
    finally:
        await referee.close()
        await driver.close()


def _part_of(out: Path) -> Path:
    if out.suffix != ".mcap":
        raise SettingsError(
            f"'{out.name}' is not a recording's name.", "End it with '.mcap'."
        )
    if not out.parent.is_dir():
        raise SettingsError(
            f"There is no folder '{out.parent}'.", "Create it, or choose another."
        )
    part = out.with_name(out.name + PART_SUFFIX)
    if out.exists():
        raise SettingsError(
            f"'{out.name}' exists already and is not overwritten.",
            "Choose another name.",
        )
    if part.exists():
        raise SettingsError(
            f"'{part.name}' is an unfinished recording of that name.",
            f"Finish it with 'biofeedback recover {part}', or choose another name.",
        )
    return part


async def _run(
    session: LiveSession,
    seconds: float | None,
    interrupted: asyncio.Event,
    tell: Tell,
    beside: Beside | None,
) -> _Heard:
    heard = _Heard()
    session.start()
    sending = None if beside is None else asyncio.ensure_future(beside(session))
    try:
        listening = asyncio.create_task(heard.listen(session, tell))
        await _until(session, seconds, interrupted, listening)
        await session.stop()
        await listening
    finally:
        await session.stop()
        if sending is not None:
            (failure,) = await asyncio.gather(sending, return_exceptions=True)
            if isinstance(failure, Exception):
                tell(str(failure))
    if session.recording_error is not None:
        raise session.recording_error
    return heard


async def _until(
    session: LiveSession,
    seconds: float | None,
    interrupted: asyncio.Event,
    listening: asyncio.Task[None],
) -> None:
    waiting: list[asyncio.Task[object]] = [
        asyncio.create_task(interrupted.wait()),
        asyncio.create_task(session.ended.wait()),
    ]
    if seconds is not None:
        end_ns = round(seconds * NS_PER_S) + LAST_TICK_NS
        waiting.append(asyncio.create_task(session.clock.sleep_until(end_ns)))
    await asyncio.wait([*waiting, listening], return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()


async def _hurry(interrupted: asyncio.Event, referee: Referee) -> None:
    # Asked a second time to end: without the summary, which can be had at any time.
    await interrupted.wait()
    await referee.close()


@contextlib.contextmanager
def _interrupted() -> Iterator[asyncio.Event]:
    # Ctrl-C, a polite kill and a closed terminal end the recording; they must not
    # tear it. Whoever started this with a signal ignored (nohup) meant it.
    event = asyncio.Event()
    loop = asyncio.get_running_loop()
    previous = {
        number: signal.signal(number, lambda *_: loop.call_soon_threadsafe(event.set))
        for number in SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield event
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class _Heard:
    # What the session said: whether a heartbeat came, and if not, why.

    def __init__(self) -> None:
        self.heart = False
        self.n_beats = 0
        self.duration_s = 0.0
        self.reason = LinkReason.NOT_FOUND
        self.advice = ADVICE[LinkReason.NOT_FOUND]
        self._news = News()

    async def listen(self, session: LiveSession, tell: Tell) -> None:
        """Pass on what a person should know, until nothing more is recorded."""
        viewer = session.hub.subscribe()
        with contextlib.suppress(ViewerEnded):
            while True:
                try:
                    message = msgspec.json.decode(await viewer.next())
                except ViewerTooSlow:
                    viewer.close()
                    viewer = session.hub.subscribe(viewer.last_seq)
                    continue
                match message["kind"]:
                    case "heart":
                        self.heart = True
                    case "beat":
                        self.n_beats += 1
                    case "link" if message["state"] == LinkState.ENDED:
                        self.duration_s = message["t_ms"] / 1000
                    case "link":
                        self._link(message["reason"], message["advice"])
                        if line := self._news.of(message):
                            tell(line)
                    case "event" if message["type"] == "recording_stopped":
                        return  # raised, and so told, by who runs the session
                    case "event" if message["by"] == "system":
                        tell(message["text"])

    def _link(self, reason: str | None, advice: str | None) -> None:
        # A strap that somebody holds hides from a search; so it is still held when
        # one finds nothing.
        hidden = reason == LinkReason.NOT_FOUND and self.reason is LinkReason.BUSY
        if reason is not None and not hidden:
            self.reason = LinkReason(reason)
            self.advice = advice or ADVICE[self.reason]
