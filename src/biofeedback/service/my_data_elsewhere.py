"""What other nodes of a clinic keep of a person, for the archive of all their data."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import IO

from starlette.requests import HTTPConnection

from biofeedback.bus import BusError
from biofeedback.service.answering import has_file
from biofeedback.service.asking import GOES_ON, Asking, unreachable
from biofeedback.service.context import Context
from biofeedback.service.my_data_files import File
from biofeedback.store import Person, SessionRow


async def kept_elsewhere(here: Context, person: Person) -> dict[str, str]:
    """Return which node keeps what: the origin, by the session.

    What no node that is there has is not among them: the archive says so.
    """
    if not here.store.is_shared:
        return {}
    rows = await asyncio.to_thread(_not_here, here, person)
    return await Asking(here).holders(rows)


def _not_here(here: Context, person: Person) -> list[SessionRow]:
    return [
        row
        for row in here.store.sessions_of(person.id)
        if row.node != here.origin
        and row.state not in GOES_ON
        and not has_file(here.store, row.id)
    ]


def files_from(
    here: Context,
    connection: HTTPConnection,
    kept: dict[str, str],
    loop: asyncio.AbstractEventLoop,
) -> Iterator[File]:
    """Yield the files of these sessions, one session after the other. Blocks.

    Raises
    ------
    Problem
        When a node is gone meanwhile: what was yielded until then is not all.
    """
    for id, origin in kept.items():
        fetching = asyncio.run_coroutine_threadsafe(
            _fetched(here, connection, id, origin), loop
        )
        with fetching.result() as packed, zipfile.ZipFile(packed) as archive:
            for info in archive.infolist():
                with _unpacked(archive, info, here.store.data) as file:
                    yield info.filename, file


def _unpacked(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, folder: Path
) -> IO[bytes]:
    file = tempfile.TemporaryFile(dir=folder)
    with archive.open(info) as source:
        shutil.copyfileobj(source, file)  # checks the CRC at its end
    return file


async def _fetched(
    here: Context, connection: HTTPConnection, id: str, origin: str
) -> IO[bytes]:
    """Return what a node keeps of a session; the file has no name, and goes with it.

    It lies where recordings lie: the system's own folder may be another's disk, or
    memory.
    """
    asking = Asking(here)
    ask = asking.about(connection, path=f"/api/v1/sessions/{id}/files")
    packed = tempfile.TemporaryFile(dir=here.store.data)
    try:
        status: int | None = None
        async with aclosing(asking.pieces(origin, ask)) as pieces:
            async for piece in pieces:
                status = piece.status or status
                await asyncio.to_thread(packed.write, piece.data)
        if status != 200:
            raise unreachable()
        packed.seek(0)
    except BusError as error:
        packed.close()
        raise unreachable() from error
    except BaseException:
        packed.close()
        raise
    return packed
