"""Sends a file that is open already: it may be renamed or sealed meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

CHUNK_BYTES = 256 << 10


def sent(file: BinaryIO, *, name: str, media_type: str) -> StreamingResponse:
    """Return an answer that hands out ``file`` from its beginning, and closes it."""
    size_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    return _FileResponse(
        file,
        media_type=media_type,
        headers={
            "content-length": str(size_bytes),
            "content-disposition": f'attachment; filename="{name}"',
        },
    )


class _FileResponse(StreamingResponse):
    """Closes its file also where whoever asked has gone before its end."""

    def __init__(
        self, file: BinaryIO, *, media_type: str, headers: dict[str, str]
    ) -> None:
        super().__init__(_chunks(file), media_type=media_type, headers=headers)
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._file.close()


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        yield chunk
