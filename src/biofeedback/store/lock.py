"""One process per data folder: a lock that the system itself lets go of."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType

from biofeedback.store.engine import StoreError

LOCK_NAME = "biofeedback.lock"


class DataLock:
    """Holds a data folder for as long as it is open.

    The operating system releases it when the process ends, however it ends, so a
    crash never leaves a folder locked.

    Raises
    ------
    StoreError
        On entering, when another process holds the folder.
    """

    def __init__(self, data: Path) -> None:
        self._path = data / LOCK_NAME
        self._file: int | None = None

    def __enter__(self) -> DataLock:
        """Take the folder, or say who has it."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreError(
                f"The data folder cannot be used ({error.strerror}).",
                "Choose another folder with --data.",
            ) from error
        try:
            _take(file)
        except OSError as error:
            os.close(file)
            raise StoreError(
                "Another biofeedback service is already using this data folder.",
                "Use the one that is running, stop it first, or choose another "
                "folder with --data.",
            ) from error
        self._file = file
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let the folder go. The file stays: removing it could race a new holder."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


if sys.platform == "win32":
    import msvcrt

    def _take(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
