"""Recordings over HTTP: what there is, what is in one, labels, and exports."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated, BinaryIO, Literal, cast

import msgspec
from fastapi import APIRouter, Depends, Response
from fastapi.responses import StreamingResponse

from biofeedback.errors import RecordingError
from biofeedback.recording.exporters.options import ExportOptions
from biofeedback.recording.relabelling import Change, append, read_layer, relabelled
from biofeedback.service.context import Context, Here, SignedIn
from biofeedback.service.export_files import exported
from biofeedback.service.library import Library, library_of
from biofeedback.service.problems import Problem
from biofeedback.service.recording_series import series_of
from biofeedback.service.recording_shapes import (
    ChangeShape,
    LabelBody,
    QualityShape,
    RecordingShape,
    RecordingsShape,
)
from biofeedback.service.shapes import EPOCH, PersonShape
from biofeedback.store import Person, Quality, RecordingRow, SessionRow, SessionState

router = APIRouter(tags=["recordings"])

SHOWN = (SessionState.COMPLETE, SessionState.RECOVERED, SessionState.FAILED)

MAX_READ_BYTES = 256 << 20
"""Larger recordings (days with ECG) are for the command line."""

CHUNK_BYTES = 256 << 10

Books = Annotated[Library, Depends(library_of)]


@router.get("/recordings")
async def recordings(_caller: SignedIn, here: Here, books: Books) -> RecordingsShape:
    """List the recordings, newest first, with what each is worth."""
    pending: list[Path] = []

    def listed() -> list[RecordingShape]:
        people = {person.id: person for person in here.store.people()}
        rows = here.store.recordings()
        return [
            _shape(here, books, session, people[session.person_id], row, pending)
            for session in here.store.sessions()
            if session.state in SHOWN and (row := rows.get(session.id)) is not None
        ]

    found = await asyncio.to_thread(listed)
    if pending:
        books.look_into(pending)
    return RecordingsShape(recordings=found, n_pending=len(pending))


@router.get("/recordings/{id}/series", response_class=Response)
async def series(id: str, _caller: SignedIn, here: Here, books: Books) -> Response:
    """Hand out what a recording says, as columns on one time axis."""
    path = await _readable(here, id)
    text = await books.read(lambda: series_of(books.tables(path), read_layer(path)))
    return Response(text, media_type="application/json")


@router.post("/recordings/{id}/labels", status_code=201)
async def label(
    id: str, body: LabelBody, caller: SignedIn, here: Here, books: Books
) -> ChangeShape:
    """Judge a beat; answered once that is safe on disk, beside the recording."""
    path = await _readable(here, id)

    def keep() -> Change:
        beats = books.tables(path).beats
        now = relabelled(beats, read_layer(path))
        was = dict(zip(now.index.tolist(), now.label.tolist(), strict=True))
        change = Change(
            at_utc_ns=here.store.now_ns(),
            by=body.by or caller.role,
            index=body.index,
            label=body.label,
            was=was.get(body.index, body.label),
            comment=body.comment or None,
        )
        append(path, change, beats)
        return change

    # A browser that goes away must not leave half a line behind: the thread goes on.
    return ChangeShape.of(await books.read(keep))


@router.get("/recordings/{id}/exports/{format}", response_class=StreamingResponse)
async def export(
    id: str,
    format: str,
    _caller: SignedIn,
    here: Here,
    books: Books,
    free_text: bool = False,
    dates: bool = False,
) -> StreamingResponse:
    """Hand out a recording in another format: one file, or a ZIP of several.

    De-identified unless asked otherwise: ``free_text`` keeps what people typed,
    ``dates`` the date.
    """
    path = await _readable(here, id)
    options = ExportOptions(
        free_text=free_text, dates=dates, created_at_utc_ns=here.store.now_ns()
    )
    found = await books.read(lambda: exported(path, id, format, options))
    return StreamingResponse(
        _chunks(found.file),
        media_type=found.media_type,
        headers={
            "content-length": str(found.size_bytes),
            "content-disposition": f'attachment; filename="{found.name}"',
        },
    )


async def _readable(here: Context, id: str) -> Path:
    path = await here.conductor.recording_path(id)
    if path.stat().st_size > MAX_READ_BYTES:
        raise Problem(
            413,
            f"This recording is larger than {MAX_READ_BYTES >> 20} MiB.",
            "Download it, and use 'biofeedback analyze' and 'biofeedback export'.",
        )
    return path


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _shape(
    here: Context,
    books: Library,
    session: SessionRow,
    person: Person,
    row: RecordingRow,
    pending: list[Path],
) -> RecordingShape:
    path = here.store.data / row.path
    found: Quality | str | None = row.quality
    n_relabelled, trouble = 0, None
    if session.state is not SessionState.FAILED:
        if found is None and (found := books.quality(path)) is None:
            pending.append(path)
        try:
            layer = read_layer(path)
            n_relabelled, trouble = layer.n_relabelled, layer.trouble
        except RecordingError as error:
            trouble = str(error)
    quality = found if isinstance(found, Quality) else None
    return RecordingShape(
        id=session.id,
        state=cast(Literal["complete", "recovered", "failed"], session.state.value),
        started_at=EPOCH + timedelta(microseconds=session.started_at_utc_ns // 1000),
        source=cast(Literal["strap", "simulated", "imported"], session.source),
        simulated=session.simulated,
        strap_name=session.strap_name,
        person=PersonShape.of(person),
        quality=(
            None
            if quality is None
            else QualityShape.model_validate(msgspec.structs.asdict(quality))
        ),
        trouble=found if isinstance(found, str) else trouble,
        loss=None if row.loss is None else row.loss.sentence,
        n_relabelled=n_relabelled,
    )
