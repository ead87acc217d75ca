"""`kill -9` of a process that records."""

from __future__ import annotations

import random
import time
from itertools import takewhile
from pathlib import Path

from biofeedback.model import Value
from biofeedback.recording.format import as_stored
from biofeedback.recording.reader import open_recording
from biofeedback.recording.recover import Recovered, recover_all
from tests.recording.faults.nursery import Nursery
from tests.recording.faults.outcome import Outcome
from tests.session.kill_writer import simulated_records

WRITER = "tests.session.kill_writer"
LONGEST_S = 0.1
"""The writer does some dozen seconds of a session in that time."""


class Killed(Value, frozen=True, kw_only=True):
    """What one kill left, and what was made of it."""

    outcome: Outcome
    part_names: tuple[str, ...]
    last_before: int
    report: Recovered
    sha256_before: str


def kill_once(
    nursery: Nursery, folder: Path, seed: int, *, longest_s: float = LONGEST_S
) -> Killed:
    """Kill a writer at a random moment, and recover as the next start does."""
    part = folder / "a.mcap.part"
    writer = nursery.start(WRITER, part, seed)
    acknowledged = int(writer.read_line())  # it is recording by now
    time.sleep(random.Random(seed).uniform(0, longest_s))
    words, _ = writer.kill()
    acknowledged = max([acknowledged, *map(int, words)])
    names = tuple(path.name for path in folder.iterdir())
    left = open_recording(part).survey()
    (report,) = recover_all(folder)
    return Killed(
        outcome=compared(report.path, seed, acknowledged),
        part_names=names,
        last_before=left.last or 0,
        report=report,
        sha256_before=left.content_sha256,
    )


def compared(path: Path, seed: int, acknowledged: int) -> Outcome:
    """Compare a recording with what the writer of this seed was given.

    Inputs are compared one by one; that the messages follow from them is for
    ``verify`` to say.
    """
    recording = open_recording(path)
    there = {stored.sequence for stored in recording.all()}
    inputs = [record for _, record in recording.inputs()]
    last_s = max((record.t_ns for record in inputs), default=0) // 1_000_000_000
    given = map(as_stored, simulated_records(seed, last_s + 2))
    wrong = sum(a != b for a, b in zip(inputs, given, strict=False))
    kept = len(list(takewhile(lambda s: s in there, range(1, acknowledged + 1))))
    return Outcome(acknowledged=acknowledged, lost=acknowledged - kept, wrong=wrong)
