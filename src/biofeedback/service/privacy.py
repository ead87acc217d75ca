"""Nobody else on this computer may look into the data folder."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

from biofeedback.store import StoreError

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def keep_private(data: Path) -> bool:
    """Close the data folder to everybody else; say whether it was open.

    It may have been made by hand, or come out of a backup. Nobody who may not enter it
    reaches anything below, whatever the modes are there.

    Raises
    ------
    StoreError
        When it cannot be closed.
    """
    if sys.platform == "win32":
        return False  # a profile's folder is closed to others by itself
    try:
        mode = stat.S_IMODE(data.stat().st_mode)
        if not mode & OTHERS:
            return False
        data.chmod(mode & ~OTHERS)
    except OSError as error:
        raise StoreError(
            f"The data folder is open to others on this computer ({error.strerror}).",
            "Choose a folder of your own with --data.",
        ) from error
    return True
