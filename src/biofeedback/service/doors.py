"""Signing in and out, who is here, and whether the service lives."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response

from biofeedback import __version__
from biofeedback.service.context import Here, SignedIn
from biofeedback.service.problems import Problem
from biofeedback.service.shapes import (
    HealthShape,
    MeShape,
    PeopleShape,
    PersonShape,
    SignInBody,
)
from biofeedback.service.sign_ins import ABSOLUTE_LIMIT_S

health = APIRouter()
router = APIRouter(tags=["signing in"])


@health.get("/healthz")
async def healthz() -> HealthShape:
    """Say that the service lives."""
    return HealthShape(status="ok", version=__version__)


@router.post("/sign-in")
async def sign_in(body: SignInBody, response: Response, here: Here) -> MeShape:
    """Exchange the token of the printed link for a cookie; it works once."""
    exchanged = await asyncio.to_thread(here.sign_ins.exchange, body.token)
    if exchanged is None:
        raise Problem(
            401,
            "This sign-in link has been used already, or is not one of this service.",
            "Start 'biofeedback run' again: it prints a new link.",
        )
    person, cookie = exchanged
    response.set_cookie(
        here.cookie,
        cookie,
        max_age=ABSOLUTE_LIMIT_S,
        path="/",
        httponly=True,
        samesite="strict",
        secure=here.settings.https,
    )
    return MeShape(person=PersonShape.of(person))


@router.post("/sign-out", status_code=204)
async def sign_out(caller: SignedIn, response: Response, here: Here) -> None:
    """Make the cookie void and close this browser's live websockets."""
    if caller.sign_in is not None:
        await asyncio.to_thread(here.sign_ins.revoke, caller.sign_in)
        here.sign_ins.dismiss(caller.sign_in)
    response.delete_cookie(here.cookie, path="/", httponly=True, samesite="strict")


@router.get("/me")
async def me(caller: SignedIn) -> MeShape:
    """Say who is signed in."""
    return MeShape(person=PersonShape.of(caller.person))


@router.get("/people")
async def people(_caller: SignedIn, here: Here) -> PeopleShape:
    """List everyone, under their pseudonyms."""
    everyone = await asyncio.to_thread(here.store.people)
    return PeopleShape(people=[PersonShape.of(person) for person in everyone])
