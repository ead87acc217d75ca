"""Sends a file that is open already: it may be renamed or sealed meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

from fastapi.responses import StreamingResponse

CHUNK_BYTES = 256 << 10


def sent(file: BinaryIO, *, name: str, media_type: str) -> StreamingResponse:
    """Return an answer that hands out ``file`` from its beginning, and closes it."""
    size_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    return StreamingResponse(
        _chunks(file),
        media_type=media_type,
        headers={
            "content-length": str(size_bytes),
            "content-disposition": f'attachment; filename="{name}"',
        },
    )


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
