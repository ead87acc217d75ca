"""Files that survive: created once, written whole, forced to the disk."""

from __future__ import annotations

import errno
import hashlib
import os
import sys
from pathlib import Path

from biofeedback.errors import RecordingError

if sys.platform != "win32":
    import fcntl


def create(path: Path) -> int:
    """Create ``path`` for this user only and return its descriptor.

    The folder is made if need be, and forced to the disk with its new entry.

    Raises
    ------
    FileExistsError
        When there is such a file already: nothing is ever overwritten.
    """
    folder = path.parent
    missing = [p for p in (folder, *folder.parents) if not p.exists()]
    for part in reversed(missing):  # 'parents' would leave them open to others
        part.mkdir(mode=0o700, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    flags |= getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(path, flags, 0o600)
    try:
        for changed in (folder, *(p.parent for p in missing)):
            sync_folder(changed)
    except OSError:  # nobody may take it for a recording
        os.close(descriptor)
        path.unlink(missing_ok=True)
        raise
    return descriptor


def lock(descriptor: int) -> bool:
    """Mark the file as in use; ``False`` when another program holds it.

    The mark goes when the descriptor is closed or its process ends. (Windows keeps
    open files from being removed by itself.)
    """
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte of ``data``, however many calls that takes."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def sync(descriptor: int) -> None:
    """Force the file to the disk."""
    if sys.platform == "darwin":  # fsync there leaves it in the drive's cache
        try:
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
        except OSError:  # not every file system can
            pass
    os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Force the entries of ``folder`` to the disk (Windows does so by itself)."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_new(path: Path, data: bytes) -> None:
    """Create ``path`` with all of ``data`` in it; it is on the disk when this returns.

    Raises
    ------
    OSError
        When there is such a file already, which stays as it is, or it cannot be
        written: then there is none.
    """
    descriptor = create(path)
    try:
        write_all(descriptor, data)
        sync(descriptor)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def replace(path: Path, data: bytes) -> None:
    """Put ``data`` in the place of what ``path`` held: all of it, or nothing.

    It is on the disk when this returns.

    Raises
    ------
    OSError
        When it cannot be written; ``path`` is then as it was.
    """
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    write_new(new, data)
    os.replace(new, path)
    sync_folder(path.parent)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex digits.

    Raises
    ------
    OSError
        When it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


_ADVICE = {
    errno.ENOSPC: "The disk is full. Free some space.",
    errno.EDQUOT: "Your share of the disk is full. Free some space.",
    errno.EFBIG: "The file may not grow further. Raise the limit on file sizes.",
    errno.EACCES: "Permission was denied. Choose a folder you may write to.",
    errno.EPERM: "Permission was denied. Choose a folder you may write to.",
    errno.EROFS: "The disk is read-only. Choose another folder.",
    errno.EEXIST: "There is one already. Choose another name.",
    errno.ENOENT: "It is not there. Check the path.",
    errno.EISDIR: "It is a folder. Choose a file.",
    errno.ENOTDIR: "A part of the path is a file, not a folder. Check the path.",
    errno.EIO: "The disk reports an error. Copy your recordings elsewhere.",
}


def explained(what: str, error: OSError) -> RecordingError:
    """Return ``error`` as a sentence that begins with ``what``, with advice."""
    advice = _ADVICE.get(
        error.errno or 0, f"The system says: {error.strerror or error}."
    )
    return RecordingError(what, advice)
