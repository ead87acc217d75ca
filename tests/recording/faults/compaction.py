"""`kill -9` of a process that closes a recording, before each thing it does to files.

Python tells a hook of every file that is opened, renamed or removed before it is; the
hook kills its own process at the n-th. So nothing in the program knows of it.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from biofeedback.errors import RecordingError
from biofeedback.model import Value
from biofeedback.recording.compaction import compact
from biofeedback.recording.reader import Survey, open_recording
from biofeedback.recording.recover import recover_all
from tests.recording.faults.nursery import Nursery, say

ME = __name__
SUMMARY = b'{"hr_bpm": 61}'
FILE_EVENTS = frozenset({"open", "os.rename", "os.remove", "os.truncate", "os.mkdir"})


class Interrupted(Value, frozen=True, kw_only=True):
    """What a kill before the n-th event left, and what the next start made of it."""

    before: str
    n_good: int
    n_wrong: int
    names: tuple[str, ...]
    names_after: tuple[str, ...]
    same_after: bool


def interrupt(
    nursery: Nursery, folder: Path, n: int, truth: Survey
) -> Interrupted | None:
    """Close ``a.mcap.part``, and be killed before the ``n``-th thing it does.

    Returns ``None`` when it is done before.
    """
    said, status = nursery.start(ME, folder, n).wait()
    if status == 0:
        return None
    assert status == -signal.SIGKILL, (status, said)
    names = _names(folder)
    good = wrong = 0
    for name in names:
        if name.endswith(".tmp"):
            continue  # nobody takes it for a recording
        try:
            whole = open_recording(folder / name).survey() == truth
        except RecordingError:
            whole = False
        good += whole
        wrong += not whole
    recover_all(folder)
    final = open_recording(folder / "a.mcap")
    return Interrupted(
        before=said[-1],
        n_good=good,
        n_wrong=wrong,
        names=names,
        names_after=_names(folder),
        same_after=final.complete and final.survey() == truth,
    )


def main(folder: str, n: str) -> None:
    part = Path(folder) / "a.mcap.part"
    left = int(n)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event not in FILE_EVENTS or not str(arguments[0]).startswith(folder):
            return
        left -= 1
        if not left:
            say(f"{event} {Path(str(arguments[0])).name or 'the folder'}")
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    compact(part, part.with_suffix(""), SUMMARY)


def _names(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(path.name for path in folder.iterdir()))
