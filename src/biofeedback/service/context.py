"""What every route may need, and who is asking."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from biofeedback.service.conductor import Conductor
from biofeedback.service.problems import Problem
from biofeedback.service.sign_ins import Caller, SignIns, cookie_name
from biofeedback.service.straps import Straps
from biofeedback.settings import Settings
from biofeedback.store import Store


@dataclass(frozen=True)
class Context:
    """The parts of one running service."""

    settings: Settings
    store: Store
    sign_ins: SignIns
    straps: Straps
    conductor: Conductor

    @property
    def cookie(self) -> str:
        """Return the name of this service's cookie."""
        return cookie_name(self.settings.port)


def context_of(connection: HTTPConnection) -> Context:
    """Return the service this request reached."""
    context: Context = connection.app.state.context
    return context


async def identify(connection: HTTPConnection) -> Caller | None:
    """Return who sent the cookie or the token, if anybody is known by it."""
    here = context_of(connection)
    return await asyncio.to_thread(
        here.sign_ins.caller,
        cookie=connection.cookies.get(here.cookie),
        authorization=connection.headers.get("authorization"),
    )


async def signed_in(connection: HTTPConnection) -> Caller:
    """Return who is asking.

    Raises
    ------
    Problem
        With status 401, when nobody is known by what they sent.
    """
    caller = await identify(connection)
    if caller is None:
        raise Problem(401)
    return caller


Here = Annotated[Context, Depends(context_of)]
SignedIn = Annotated[Caller, Depends(signed_in)]
