"""A ZIP whose comment is the SHA-256 of all its bytes: one that is flipped is found.

Everything else about it is plain ZIP, so any program opens it.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any, BinaryIO

from biofeedback.errors import RecordingError

MARK = b"sha256:"
DIGEST_BYTES = 64
CHUNK_BYTES = 1 << 20

DOS_EPOCH = (1980, 1, 1, 0, 0, 0)
PACKED = (".mcap", ".age")
"""What is packed or encrypted already gets no smaller."""

UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError),
    *(RuntimeError, NotImplementedError),  # encrypted, or packed in an unknown way
)


class ArchiveWriter:
    """Writes one archive to ``out``, which need not be able to go back."""

    def __init__(self, out: Any) -> None:  # noqa: ANN401 - whatever has write()
        self._out = _Hashed(out)
        self._zip = zipfile.ZipFile(self._out, "w")
        self._zip.comment = MARK + bytes(DIGEST_BYTES)

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Give what the file ``name`` is written to."""
        info = zipfile.ZipInfo(name, DOS_EPOCH)
        info.external_attr = 0o100600 << 16
        if not name.endswith(PACKED):
            info.compress_type = zipfile.ZIP_DEFLATED
        with self._zip.open(info, "w", force_zip64=True) as target:
            yield target

    def close(self) -> None:
        """End it; without this there is no archive."""
        self._zip.close()
        self._out.seal()


def archived(files: Iterable[tuple[str, Iterable[bytes]]]) -> Iterator[bytes]:
    """Yield an archive of ``files`` piece by piece; holds one piece in memory."""
    taken = _Taken()
    archive = ArchiveWriter(taken)
    for name, chunks in files:
        with archive.open(name) as target:
            for chunk in chunks:
                target.write(chunk)
                yield taken.take()
    archive.close()
    yield taken.take()


@contextmanager
def whole_archive(file: BinaryIO, name: str) -> Iterator[zipfile.ZipFile]:
    """Give the archive in ``file``, all of whose bytes are as they were written.

    Whatever it raises while it is read becomes a sentence.

    Raises
    ------
    RecordingError
        When it is no archive, cut off, or a byte of it is not as it was.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - DIGEST_BYTES - len(MARK), 0))
    end = file.read()
    if not end.startswith(MARK):
        raise RecordingError(
            f"{name} is no backup, or its end is missing.",
            "Give a file that 'biofeedback backup' wrote; copy it once more if it was "
            "copied.",
        )
    file.seek(0)
    digest = hashlib.sha256()
    left = size - DIGEST_BYTES
    while left and (chunk := file.read(min(CHUNK_BYTES, left))):
        digest.update(chunk)
        left -= len(chunk)
    if digest.hexdigest().encode() != end[len(MARK) :]:
        raise damaged(name)
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except UNREADABLE as error:
        raise damaged(name) from error


def damaged(name: str) -> RecordingError:
    """Return what to say of a backup that is not as it was written."""
    return RecordingError(
        f"{name} is damaged: its bytes are not those that were written.",
        "Nothing was restored. Use another backup, or copy it once more.",
    )


class Pieces(io.RawIOBase):
    """Pieces as a file to read from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._held = b""

    def readable(self) -> bool:
        """Say that it can be read from."""
        return True

    def readinto(self, target: Any) -> int:  # noqa: ANN401 - any buffer
        """Fill ``target`` as far as the next piece goes; 0 at the end."""
        while not self._held:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._held = piece
        n = min(len(target), len(self._held))
        target[:n] = self._held[:n]
        self._held = self._held[n:]
        return n


class _Hashed(io.RawIOBase):
    """Passes on what is written, but for its end: there the digest goes."""

    def __init__(self, out: Any) -> None:  # noqa: ANN401
        super().__init__()
        self._out = out
        self._held = b""
        self._digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer
        self._held += data
        ready, self._held = self._held[:-DIGEST_BYTES], self._held[-DIGEST_BYTES:]
        self._digest.update(ready)
        self._out.write(ready)
        return len(data)

    def seal(self) -> None:
        self._out.write(self._digest.hexdigest().encode())


class _Taken:
    """Holds what was written until it is taken."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, data: bytes) -> None:
        self._held += data

    def take(self) -> bytes:
        taken = bytes(self._held)
        self._held.clear()
        return taken
