"""A disk that is full, or that fails: during a session, and while one is closed.

A process of its own meets it, since limits and mounts are a process's own. It says in
one line of JSON what happened, and the files are looked at from outside.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import shutil
from pathlib import Path
from typing import Literal

import msgspec

from biofeedback.errors import RecordingError
from biofeedback.model import Config, Tick, Value
from biofeedback.pipeline import ALGORITHM
from biofeedback.recording.compaction import compact
from biofeedback.recording.recover import recover_all
from biofeedback.recording.writer import RecordingWriter
from biofeedback.session.clock import ManualClock
from biofeedback.session.runner import LiveSession
from biofeedback.session.simulated import SimulatedSource
from biofeedback.simulator.heart import profile_named
from tests.recording.faults import kernel
from tests.recording.faults.nursery import Nursery, say
from tests.recording.samples import INFO, new_writer, write_part

ME = __name__

Fault = Literal["file size limit", "small disk", "failing fsync"]
FAULTS: tuple[Fault, ...] = ("file size limit", "small disk", "failing fsync")
LIMIT_BYTES = 48 << 10
SOUND_S = 10
"""A disk that will fail works so many seconds."""

MORE_S = 10
"""The session goes on so much longer."""


class Stopped(Value, frozen=True, kw_only=True):
    """What a session said whose recording could not go on.

    ``marks`` were answered, so they are safe; ``last_safe`` is the sequence of the
    last one. ``ticks_after`` are seconds the session lived on, with its numbers.
    """

    marks: tuple[str, ...]
    last_safe: int
    error: str
    notices: tuple[str, ...]
    ticks_after: int
    refused_again: int


class Unclosed(Value, frozen=True, kw_only=True):
    """What closing a recording said on a disk without room, and afterwards."""

    error: str
    names: tuple[str, ...]
    same: bool
    at_start: str
    names_at_start: tuple[str, ...]
    with_room: str
    names_with_room: tuple[str, ...]


def stopped(nursery: Nursery, fault: Fault, folder: Path) -> Stopped:
    """Have a session record into ``folder`` until that fails.

    Raises
    ------
    CannotError
        When this system does not allow it.
    """
    line = _told(nursery, "session", fault, folder)
    return msgspec.json.decode(line, type=Stopped)


def unclosed(nursery: Nursery, fault: Fault, folder: Path) -> Unclosed:
    """Have a recording closed on a disk where that fails; ``folder`` gets it after.

    Raises
    ------
    CannotError
        When this system does not allow it.
    """
    line = _told(nursery, "closing", fault, folder)
    return msgspec.json.decode(line, type=Unclosed)


def _told(nursery: Nursery, what: str, fault: Fault, folder: Path) -> str:
    child = nursery.start(ME, what, fault, folder)
    said, status = child.wait()
    if status == 0 and said and said[-1].startswith("cannot "):
        raise kernel.CannotError(said[-1])
    assert status == 0, (status, said)
    return said[-1]


def main(what: str, fault: Fault, folder: str) -> None:
    outside = Path(folder)
    work = outside
    try:
        if fault == "small disk":
            work = outside / "disk"
            work.mkdir()
            kernel.small_disk(work, LIMIT_BYTES)
        result: Value
        if what == "session":
            result = asyncio.run(_session(fault, work))
        else:
            result = _closing(fault, work)
        if work != outside:
            for path in work.iterdir():
                shutil.copy(path, outside)
        say(msgspec.json.encode(result).decode())
    except kernel.CannotError as error:
        say(f"cannot {error}")


async def _session(fault: Fault, work: Path) -> Stopped:
    writer = new_writer(work / "a.mcap.part")
    clock = ManualClock()
    session = LiveSession(
        info=INFO,
        config=Config(
            t_ns=0, algorithm=ALGORITHM, simulated=True, rate_bpm=6.0, inhale_pct=40.0
        ),
        source=SimulatedSource(profile_named("calm"), 1),
        clock=clock,
        writer=writer,
    )
    if fault == "file size limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT_BYTES, LIMIT_BYTES))
    session.start()
    marks: list[str] = []
    last_safe = 0
    error = ""
    for second in range(10_000):
        if fault == "failing fsync" and second == SOUND_S:
            kernel.fail_fsync()
        await clock.advance(1)
        try:
            marks.append(await session.enter(type="mark", by="patient"))
            last_safe = writer.sync()
        except RecordingError as stop:
            error = str(stop)
            break
    refused_again = _refused(writer) if fault == "failing fsync" else 0
    said = session.hub.last_seq
    for _ in range(MORE_S):
        await clock.advance(1)
    await session.stop()
    viewer = session.hub.subscribe()
    messages = [json.loads(await viewer.next()) for _ in range(session.hub.last_seq)]
    return Stopped(
        marks=tuple(marks),
        last_safe=last_safe,
        error=error,
        notices=tuple(
            message["text"]
            for message in messages
            if message.get("type") == "recording_stopped"
        ),
        ticks_after=sum(message["kind"] == "metrics" for message in messages[said:]),
        refused_again=refused_again,
    )


def _refused(writer: RecordingWriter) -> int:
    # From here on the kernel would end this process if it tried the file once more.
    for link in Path("/proc/self/fd").iterdir():
        if link.exists() and os.readlink(link).endswith(".part"):
            kernel.forbid_writing(int(link.name))
    refused = 0
    for again in (writer.sync, lambda: writer.record(1, Tick(t_ns=0)), writer.sync):
        try:
            again()
        except RecordingError:
            refused += 1
    return refused


def _closing(fault: Fault, work: Path) -> Unclosed:
    part = work / "a.mcap.part"
    write_part(part, seconds=60)
    before = part.read_bytes()
    ballast = work / "ballast"
    if fault == "small disk":
        ballast.write_bytes(bytes(LIMIT_BYTES - len(before) - (8 << 10)))
    elif fault == "file size limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    else:
        kernel.fail_fsync()
    error = ""
    try:
        compact(part, work / "a.mcap")
    except RecordingError as stop:
        error = str(stop)
    names = _names(work)
    same = part.read_bytes() == before
    (at_start,) = recover_all(work)
    names_at_start = _names(work)
    if fault == "small disk":
        ballast.unlink()
    elif fault == "file size limit":
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    (with_room,) = recover_all(work)
    return Unclosed(
        error=error,
        names=names,
        same=same and part.exists() is (with_room.session_id is None),
        at_start=at_start.sentence,
        names_at_start=names_at_start,
        with_room=with_room.sentence,
        names_with_room=_names(work),
    )


def _names(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(p.name for p in folder.iterdir() if p.name != "ballast"))
