"""Recordings over HTTP: what there is, what is in one, labels, and exports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, TypeVar, cast

import msgspec
from fastapi import APIRouter, Depends, Response
from fastapi.responses import StreamingResponse

from biofeedback.errors import RecordingError
from biofeedback.recording.exporters.options import ExportOptions
from biofeedback.recording.relabelling import Change, append, read_layer, relabelled
from biofeedback.recording.sealed import is_there, lies_at
from biofeedback.service.access import is_own, reachable_people
from biofeedback.service.context import Context, Here, SignedIn
from biofeedback.service.deidentified import (
    STRAP,
    Seen,
    SeenRecording,
    shown_to,
)
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
from biofeedback.service.sending import sent
from biofeedback.service.shapes import EPOCH, PersonShape
from biofeedback.service.sign_ins import Caller
from biofeedback.store import Person, Quality, RecordingRow, SessionState

router = APIRouter(tags=["recordings"])

SHOWN = (SessionState.COMPLETE, SessionState.RECOVERED, SessionState.FAILED)

MAX_READ_BYTES = 256 << 20
"""Larger recordings (days with ECG) are for the command line."""

T = TypeVar("T")
Books = Annotated[Library, Depends(library_of)]

ELSEWHERE = "It is kept on another machine."
UNREADABLE = "It cannot be read as it is."


@router.get("/recordings")
async def recordings(caller: SignedIn, here: Here, books: Books) -> RecordingsShape:
    """List the recordings, newest first, with what each is worth.

    A researcher sees those of who consented behind their own, in no order of time.
    """
    pending: list[Path] = []

    seen: list[Seen] = []
    known = {person.id for person in await reachable_people(here, caller)}

    def listed() -> list[RecordingShape]:
        people = {person.id: person for person in here.store.people()}
        rows = here.store.recordings()
        seen.extend(shown_to(here, caller, here.store.sessions(people=known)))
        return [
            _shape(here, books, one, people[one.row.person_id], row, pending)
            for one in seen
            if one.row.state in SHOWN and (row := rows.get(one.row.id)) is not None
        ]

    found = await asyncio.to_thread(listed)
    for person_id in sorted({one.row.person_id for one in seen if one.mask}):
        await here.audit.note(caller, "recordings.list", person_id=person_id)
    if pending:
        books.look_into(pending)
    return RecordingsShape(recordings=found, n_pending=len(pending))


@router.get("/recordings/{id}/series", response_class=Response)
async def series(
    seen: SeenRecording, caller: SignedIn, here: Here, books: Books
) -> Response:
    """Hand out what a recording says, as columns on one time axis."""
    path = await _readable(here, seen.row.id)
    await _noted(here, caller, "series", seen)

    def columns() -> bytes:
        tables, layer = books.tables(path), read_layer(path)
        if seen.mask is not None:
            tables, layer = seen.mask.tables(tables), seen.mask.layer(layer)
        return series_of(tables, layer)

    text = await _read(books, seen, columns)
    return Response(text, media_type="application/json")


@router.post("/recordings/{id}/labels", status_code=201)
async def label(
    seen: SeenRecording,
    body: LabelBody,
    caller: SignedIn,
    here: Here,
    books: Books,
) -> ChangeShape:
    """Judge a beat; answered once that is safe on disk, beside the recording.

    Beside somebody else's recording it stands under the code of who judged.
    """
    path = await _readable(here, seen.row.id)
    await _noted(here, caller, "label", seen)
    by = (body.by if seen.mask is None else None) or caller.by

    def keep() -> Change:
        beats = books.tables(path).beats
        now = relabelled(beats, read_layer(path))
        was = dict(zip(now.index.tolist(), now.label.tolist(), strict=True))
        change = Change(
            at_utc_ns=here.store.now_ns(),
            by=by,
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
    format: str,
    seen: SeenRecording,
    caller: SignedIn,
    here: Here,
    books: Books,
    free_text: bool = False,
    dates: bool = False,
) -> StreamingResponse:
    """Hand out a recording in another format: one file, or a ZIP of several.

    De-identified unless asked otherwise: ``free_text`` keeps what people typed,
    ``dates`` the date. A researcher gets no date of others, and what they typed only
    where they let their notes be used as well.
    """
    if seen.mask is not None and dates:
        raise Problem(
            403, "Dates of others are not given out.", "Ask again without 'dates'."
        )
    if free_text and not seen.typed:
        raise Problem(
            403,
            "This person does not share what they wrote.",
            "Ask again without 'free_text'.",
        )
    path = await _readable(here, seen.row.id)
    await _noted(here, caller, "export", seen)
    id = seen.row.id if seen.mask is None else seen.mask.session
    options = ExportOptions(
        free_text=free_text, dates=dates, created_at_utc_ns=here.store.now_ns()
    )
    found = await _read(
        books, seen, lambda: exported(path, id, format, options, mask=seen.mask)
    )
    return sent(found.file, name=found.name, media_type=found.media_type)


async def _noted(here: Context, caller: Caller, action: str, seen: Seen) -> None:
    """Write down that somebody sees what is not theirs."""
    row = seen.row
    if not is_own(caller, row.person_id):
        await here.audit.note(caller, action, person_id=row.person_id, object_id=row.id)


async def _read(books: Library, seen: Seen, work: Callable[[], T]) -> T:
    try:
        return await books.read(work)
    except RecordingError:
        if seen.mask is None:
            raise
        # The sentence may name the file, and so the session.
        raise Problem(500, UNREADABLE, "Choose another recording.") from None


async def _readable(here: Context, id: str) -> Path:
    path = await here.conductor.recording_path(id)
    if lies_at(path).stat().st_size > MAX_READ_BYTES:
        raise Problem(
            413,
            f"This recording is larger than {MAX_READ_BYTES >> 20} MiB.",
            "Download it, and use 'biofeedback analyze' and 'biofeedback export'.",
        )
    return path


def _shape(
    here: Context,
    books: Library,
    seen: Seen,
    person: Person,
    row: RecordingRow,
    pending: list[Path],
) -> RecordingShape:
    session, mask = seen.row, seen.mask
    path = here.store.data / row.path
    found: Quality | str | None = row.quality
    n_relabelled, trouble = 0, None
    if here.conductor.is_elsewhere(session) and not is_there(path):
        # What was judged there later is not counted here.
        trouble = None if found is not None else ELSEWHERE
    elif session.state is not SessionState.FAILED:
        if found is None and (found := books.quality(path)) is None:
            pending.append(path)
        try:
            layer = read_layer(path)
            n_relabelled, trouble = layer.n_relabelled, layer.trouble
        except RecordingError as error:
            trouble = str(error)
    quality = found if isinstance(found, Quality) else None
    why = found if isinstance(found, str) else trouble
    started_ns, shape = session.started_at_utc_ns, PersonShape.of(person)
    if mask is not None:
        started_ns = mask.utc_ns(started_ns)
        shape = PersonShape(id=mask.person, pseudonym=mask.person)
        why = None if why is None else UNREADABLE  # a sentence may name the file
    return RecordingShape(
        id=session.id if mask is None else mask.session,
        state=cast(Literal["complete", "recovered", "failed"], session.state.value),
        started_at=EPOCH + timedelta(microseconds=started_ns // 1000),
        source=cast(Literal["strap", "simulated", "imported"], session.source),
        simulated=session.simulated,
        strap_name=session.strap_name if mask is None else STRAP,
        person=shape,
        quality=(
            None
            if quality is None
            else QualityShape.model_validate(msgspec.structs.asdict(quality))
        ),
        trouble=why,
        loss=None if row.loss is None else row.loss.sentence,
        n_relabelled=n_relabelled,
    )
