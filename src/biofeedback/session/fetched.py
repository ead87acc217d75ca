"""Files of a storage, for as long as they are read: private, and gone afterwards.

Each lies in a folder of its own below the temporary folder of this computer, under its
own name. A folder whose program was killed is removed by the next that fetches: nobody
holds the lock beside it any more.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from biofeedback.errors import RecordingError, SettingsError
from biofeedback.model import Value
from biofeedback.recording import durable
from biofeedback.session.places import Place, opened_storage, trouble, version_of

LOCK = ".lock"
TRIES = 3
"""How often a file is fetched that changes meanwhile."""


class Fetched(Value, frozen=True):
    """Where a file lies now, and what the storage calls this content of it."""

    path: Path
    version: str | None


@contextmanager
def fetched(place: Place) -> Iterator[Fetched]:
    """Fetch a file, and remove it at the end.

    Parts that a WFDB header names lie beside it: all files that are called as it is.

    Raises
    ------
    RecordingError
        When it cannot be fetched, or changes all the time.
    SettingsError
        When a package is missing.
    """
    with private_folder() as folder:
        path = folder / (place.file_name or "file")
        try:
            system, there = opened_storage(place)
            version = _fetch(system, there, path, place.name)
            if path.suffix.lower() == ".hea":
                _fetch_parts(system, there, folder)
        except (RecordingError, SettingsError):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno in (
                errno.ENOSPC,
                errno.EDQUOT,
            ):
                raise RecordingError(
                    f"There is no room to fetch '{place.name}'.",
                    f"Free some space in '{folder.parent}', or set TMPDIR to another "
                    "folder.",
                ) from None
            raise trouble(place.name, error) from None
        yield Fetched(path=path, version=version)


def current_version(place: Place) -> str | None:
    """Ask the storage what it calls the content that is there now.

    Raises
    ------
    RecordingError
        When it cannot be asked.
    SettingsError
        When a package is missing.
    """
    system, path = opened_storage(place)
    try:
        return version_of(_info(system, path))
    except Exception as error:
        raise trouble(place.name, error) from None


def _fetch(system: Any, there: str, path: Path, name: str) -> str | None:  # noqa: ANN401
    """Fetch one content, not half of one and half of the next."""
    before = _info(system, there)
    for _ in range(TRIES):
        system.get_file(there, str(path))
        after = _info(system, there)
        size = path.stat().st_size
        same = version_of(before) == version_of(after)
        if same and after.get("size") in (None, size):
            return version_of(after)
        before = after
    raise RecordingError(
        f"'{name}' changes while it is fetched.", "Start again when it is whole."
    )


def _fetch_parts(system: Any, there: str, folder: Path) -> None:  # noqa: ANN401
    parent, _, header = there.rpartition("/")
    stem = header.rpartition(".")[0]
    for part in system.ls(parent, detail=False):
        name = str(part).rpartition("/")[2]
        if name.startswith(f"{stem}.") and name != header:
            system.get_file(part, str(folder / name))


def _info(system: Any, path: str) -> dict[str, Any]:  # noqa: ANN401
    system.invalidate_cache()  # what it was when it was listed is not asked
    found: dict[str, Any] = system.info(path)
    return found


@contextmanager
def private_folder() -> Iterator[Path]:
    """Make a folder for this user only, and remove it at the end.

    Raises
    ------
    RecordingError
        When it cannot be made.
    """
    try:
        root = _root()
        _sweep(root)
        lock, folder = _locked(root)
    except OSError as error:
        raise durable.explained(
            "There is no temporary folder to fetch files into.", error
        ) from error
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_suffix(LOCK).unlink(missing_ok=True)
        os.close(lock)


def _root() -> Path:
    user = os.getuid() if hasattr(os, "getuid") else os.getpid()
    root = Path(tempfile.gettempdir()) / f"biofeedback-{user}"
    root.mkdir(mode=0o700, exist_ok=True)
    if hasattr(os, "getuid"):
        held = root.lstat()  # made by somebody else, it would be theirs to look into
        if held.st_uid != os.getuid() or held.st_mode & 0o077 or root.is_symlink():
            raise PermissionError(errno.EACCES, "not private", str(root))
    return root


def _locked(root: Path) -> tuple[int, Path]:
    """Make a lock that is ours, and the name of the folder beside it."""
    while True:
        descriptor, name = tempfile.mkstemp(LOCK, "", root)
        # Between its making and its locking somebody may have swept it away.
        if durable.lock(descriptor) and os.fstat(descriptor).st_nlink:
            return descriptor, Path(name).with_suffix("")
        os.close(descriptor)


def _sweep(root: Path) -> None:
    """Remove what killed programs left."""
    if sys.platform == "win32":  # there are no such locks: nobody knows whose it is
        return
    for path in root.glob(f"*{LOCK}"):
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDWR)
            try:
                if durable.lock(descriptor):
                    shutil.rmtree(path.with_suffix(""), ignore_errors=True)
                    path.unlink(missing_ok=True)
            finally:
                os.close(descriptor)
