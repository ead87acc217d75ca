"""What keeps a hub from keeping: everything for a while, or one parcel for good."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from biofeedback.errors import BiofeedbackError

FULL = (errno.ENOSPC, errno.EDQUOT)


class WaitsError(BiofeedbackError):
    """Nothing can be kept now: the log waits."""


class RefusedError(Exception):
    """A parcel that is not taken: ``reason`` is a word for the figures."""

    def __init__(self, reason: str, why: str) -> None:
        super().__init__(reason, why)
        self.reason = reason
        self.why = why


def no_room() -> WaitsError:
    """Return what to raise when the disk is full."""
    return WaitsError(
        "There is too little room on the disk.",
        "Free some space: then it goes on by itself.",
    )


def check_room(folder: Path, min_free_bytes: int) -> None:
    """Look whether there is room for more.

    Raises
    ------
    WaitsError
        When there is not.
    """
    if shutil.disk_usage(folder).free < min_free_bytes:
        raise no_room()
