"""Where a number comes from: what it was computed of, with what, and how.

The same file and the same versions give the same block, byte for byte: it holds no time
of day, and nothing of the machine but its kind.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from biofeedback import __version__
from biofeedback.errors import RecordingError
from biofeedback.recording import sealed

PARTS = ("numpy", "scipy", "neurokit2", "mcap")
"""Libraries that a number may depend on."""


def provenance(path: Path | None, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return what whoever repeats an analysis of ``path`` needs to know.

    Parameters
    ----------
    path
        The file, of which the name, the size and the SHA-256 are told; not the folder.
        ``None`` for a summary that is kept inside the very file.
    parameters
        What the analysis was asked for; kept as given.

    Raises
    ------
    RecordingError
        When the file cannot be read.
    """
    from biofeedback.pipeline import ALGORITHM

    found = None
    if path is not None:
        sha256 = sha256_of(path)
        with sealed.opened(path) as file:
            size = file.seek(0, os.SEEK_END)
        found = {"name": path.name, "bytes": size, "sha256": sha256}
    return {
        "software": f"biofeedback {__version__}",
        "algorithm": ALGORITHM,
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in PARTS},
        "machine": f"{platform.system()} {platform.machine()}",
        "parameters": dict(parameters),
        "input": found,
    }


def software() -> dict[str, str]:
    """Return the versions that a number may depend on, ours and those of others."""
    from biofeedback.pipeline import ALGORITHM

    parts = {name: _version(name) or "none" for name in PARTS}
    return {"biofeedback": __version__, "algorithm": ALGORITHM, **parts}


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of the content of ``path``; sealing does not change it.

    Raises
    ------
    RecordingError
        When it cannot be read.
    """
    try:
        return sealed.sha256_of(path)
    except OSError as error:
        raise RecordingError(
            f"'{path.name}' cannot be read: {error.strerror}.",
            "Check that it is there and that you may read it.",
        ) from error


@cache
def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
