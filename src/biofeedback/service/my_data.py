"""My data over HTTP: take all of it along, or erase it."""

from __future__ import annotations

import asyncio
from itertools import chain
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict

from biofeedback.errors import NotSoError
from biofeedback.service.access import OwnSession
from biofeedback.service.context import Context, Here, SignedIn
from biofeedback.service.entering import drop_cookie
from biofeedback.service.erasing_all import others_held
from biofeedback.service.library import Library, library_of
from biofeedback.service.my_data_elsewhere import files_from, kept_elsewhere
from biofeedback.service.my_data_files import NAME, File, files_of, my_data, zipped
from biofeedback.service.problems import Problem
from biofeedback.service.sign_ins import Caller
from biofeedback.store.erasing import Erased, check_erasable, erase

router = APIRouter(tags=["my data"])


class EraseBody(BaseModel):
    """Says the word, so that nothing is erased by a slip."""

    model_config = ConfigDict(extra="forbid")

    confirm: Literal["erase"]


class ErasedShape(BaseModel):
    """What was erased: sessions that were listed, and files that lay there."""

    n_sessions: int
    n_files: int


@router.get("/my-data", response_class=StreamingResponse)
async def export(caller: SignedIn, here: Here, request: Request) -> StreamingResponse:
    """Hand out everything of this person as one ZIP.

    A session that still goes on is not in it.
    """
    kept = await kept_elsewhere(here, caller.person)
    files = await asyncio.to_thread(
        lambda: my_data(here.store, caller.person, elsewhere=kept)
    )
    others = files_from(here, request, kept, asyncio.get_running_loop())
    await here.audit.note(caller, "my_data.take", person_id=caller.person.id)
    return StreamingResponse(
        zipped(chain(files, others)),
        media_type="application/zip",
        headers={"content-disposition": f'attachment; filename="{NAME}"'},
    )


@router.get("/sessions/{id}/files", response_class=StreamingResponse)
async def files(row: OwnSession, here: Here) -> StreamingResponse:
    """Hand out all files of one session as a ZIP: its recording, and labels beside it.

    Of a session that still goes on there are none.
    """

    def found() -> tuple[File, ...]:
        recording = here.store.recording(row.id)
        return () if recording is None else files_of(here.store, row, recording)

    return StreamingResponse(
        zipped(await asyncio.to_thread(found)),
        media_type="application/zip",
        headers={"content-disposition": 'attachment; filename="biofeedback.zip"'},
    )


async def _erased(here: Context, caller: Caller) -> Erased:
    person_id = caller.person.id
    with here.conductor.erasing(person_id):
        try:
            await asyncio.to_thread(check_erasable, here.store, person_id)
        except NotSoError as error:
            raise Problem(409, error.message, error.advice) from error
        async with others_held(here, person_id) as others:
            await here.audit.note(caller, "my_data.erase", person_id=person_id)
            await here.at_home.take_back(person_id)
            sign_ins = await asyncio.to_thread(here.store.sign_ins_of, person_id)
            n_files = await others.erase_files()
            try:
                done = await asyncio.to_thread(erase, here.store, person_id)
            finally:  # the rows may be gone though the file could not be written anew
                here.sign_ins.dismiss(*(one.token_sha256 for one in sign_ins))
                await here.consents.reread()
    return msgspec.structs.replace(done, n_files=done.n_files + n_files)


@router.post("/my-data/erase")
async def erase_all(
    _body: EraseBody,
    caller: SignedIn,
    here: Here,
    books: Annotated[Library, Depends(library_of)],
    response: Response,
) -> ErasedShape:
    """Erase everything of this person, for ever; answered once it is gone.

    Refused while a session goes on, to access tokens, where others' consents name this
    account, and to the only administrator. Everyone who was signed in as them is
    signed out.
    """
    if caller.account is not None and caller.sign_in is None:
        raise Problem(403, "An access token erases nothing.", "Sign in with a browser.")
    # Once begun it goes on, whether or not anybody still waits for the answer.
    done = await asyncio.shield(asyncio.create_task(_erased(here, caller)))
    books.forget()
    drop_cookie(here, response)
    return ErasedShape(n_sessions=done.n_sessions, n_files=done.n_files)
