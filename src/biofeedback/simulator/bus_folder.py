"""The temporary folder of a private bus, and those that killed programs left behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

PREFIX = "biofeedback-bus-"
_LOCK = "lock"


class BusFolder:
    """A new temporary folder, held for as long as this process lives.

    A killed process cannot tidy up. So each folder holds a file that its owner has
    locked: the system lets the lock go however the owner ends, and the next folder
    that is made takes away those that nobody holds.
    """

    def __init__(self) -> None:
        remove_abandoned()
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        # Locked before it has its name: nobody sees it without an owner.
        unnamed = self.path / "new"
        with contextlib.ExitStack() as stack:
            stack.enter_context(_held(unnamed, os.O_CREAT))
            unnamed.rename(self.path / _LOCK)
            self._hold = stack.pop_all()

    def remove(self) -> None:
        """Take it away; nothing happens if it is gone already."""
        self._hold.close()
        shutil.rmtree(self.path, ignore_errors=True)


def remove_abandoned() -> None:
    """Remove the folders whose owners are dead."""
    for lock in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{_LOCK}"):
        # It may be held, belong to somebody else, or be gone by now.
        with contextlib.suppress(OSError), _held(lock, os.O_NOFOLLOW):
            shutil.rmtree(lock.parent, ignore_errors=True)


@contextlib.contextmanager
def _held(path: Path, flags: int) -> Iterator[None]:
    """Hold the lock on a file; ``OSError`` if somebody else does, or it cannot be."""
    if sys.platform == "win32":
        raise OSError("Windows has no D-Bus, and no such locks.")
    import fcntl

    descriptor = os.open(path, os.O_RDWR | flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
