"""Records without a dashboard: `biofeedback record`."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from biofeedback.errors import SettingsError
from biofeedback.model import FoundStrap
from biofeedback.recording.compaction import Compacted
from biofeedback.session.clock import NS_PER_S
from biofeedback.session.driver import Driver
from biofeedback.session.finishing import finish
from biofeedback.session.hub import ViewerEnded, ViewerTooSlow
from biofeedback.session.opening import open_session
from biofeedback.session.referee import Referee
from biofeedback.session.runner import LiveSession

Tell = Callable[[str], None]
"""Says one line to the person at the terminal."""


async def record_to(
    out: Path,
    *,
    driver: Driver,
    strap: FoundStrap,
    seconds: float | None,
    tell: Tell,
) -> Compacted:
    """Record ``strap`` into ``out`` for ``seconds``, or until interrupted.

    Raises
    ------
    SettingsError
        When ``out`` cannot be used.
    RecordingError
        When writing stopped; what was written so far is kept in ``out``.part.
    """
    part = _part_of(out)
    referee = Referee()
    session = open_session(driver, strap, part=part)
    session.start()
    try:
        teller = asyncio.create_task(_tell(session, tell))
        with _interrupted() as interrupted:
            await _until(session, seconds, interrupted)
        await session.stop()
        await teller
        if session.recording_error is not None:
            raise session.recording_error
        return await finish(part, out, referee)
    finally:
        if not session.ended.is_set():
            await session.stop()
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
    part = out.with_name(out.name + ".part")
    for taken in (out, part):
        if taken.exists():
            raise SettingsError(
                f"'{taken.name}' exists already and is not overwritten.",
                "Choose another name.",
            )
    return part


async def _until(
    session: LiveSession, seconds: float | None, interrupted: asyncio.Event
) -> None:
    waiting: list[asyncio.Task[object]] = [
        asyncio.create_task(interrupted.wait()),
        asyncio.create_task(session.ended.wait()),
    ]
    if seconds is not None:
        # Up to and with the tick of the last second.
        end_ns = round(seconds * NS_PER_S)
        waiting.append(asyncio.create_task(session.clock.sleep_until(end_ns)))
    _, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()


@contextlib.contextmanager
def _interrupted() -> Iterator[asyncio.Event]:
    # Ctrl-C and a polite kill end the recording; they must not tear it.
    event = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    previous = {
        number: signal.signal(number, lambda *_: loop.call_soon_threadsafe(event.set))
        for number in signals
    }
    try:
        yield event
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


async def _tell(session: LiveSession, tell: Tell) -> None:
    viewer = session.hub.subscribe()
    with contextlib.suppress(ViewerEnded, ViewerTooSlow):
        while True:
            message = msgspec.json.decode(await viewer.next())
            if message["kind"] == "link":
                state, advice = message["state"], message["advice"]
                tell(f"{state}. {advice}" if advice else f"{state}.")
            elif message["kind"] == "event" and message["by"] == "system":
                tell(message["text"])
