"""`kill -9` of a process that seals or unseals, before each thing it does to files."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from biofeedback.model import Value
from biofeedback.recording.keys import key_in_use
from biofeedback.recording.reader import Survey, open_recording
from biofeedback.recording.sealed import seal, unseal
from tests.recording.faults.compaction import FILE_EVENTS
from tests.recording.faults.nursery import Nursery, say

ME = __name__
TURNS = {"seal": seal, "unseal": unseal}


class Interrupted(Value, frozen=True, kw_only=True):
    """What a kill left: the files, and whether the recording reads the same."""

    before: str
    names: tuple[str, ...]
    same: bool


def interrupt(
    nursery: Nursery, turn: str, path: Path, n: int, truth: Survey
) -> Interrupted | None:
    """Seal or unseal ``path``, and be killed before the ``n``-th thing that is done.

    Returns ``None`` when it is done before.
    """
    said, status = nursery.start(ME, turn, path, n).wait()
    if status == 0:
        return None
    assert status == -signal.SIGKILL, (status, said)
    return Interrupted(
        before=said[-1],
        names=tuple(sorted(one.name for one in path.parent.iterdir())),
        same=open_recording(path).survey() == truth,
    )


def main(turn: str, path: str, n: str) -> None:
    left = int(n)
    key = key_in_use()
    assert key is not None

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        folder = str(Path(path).parent)
        if event not in FILE_EVENTS or not str(arguments[0]).startswith(folder):
            return
        left -= 1
        if not left:
            say(f"{event} {Path(str(arguments[0])).name or 'the folder'}")
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    TURNS[turn](Path(path), key)
