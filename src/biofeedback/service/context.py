"""What every route may need, and who is asking."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, Protocol

import msgspec
from fastapi import Depends
from starlette.requests import HTTPConnection

from biofeedback.bus import Bus
from biofeedback.bus.presence import Presence
from biofeedback.service.answering import Answering
from biofeedback.service.at_home.home import AtHome
from biofeedback.service.audit import Audit
from biofeedback.service.conductor import Conductor
from biofeedback.service.consenting import Consents
from biofeedback.service.elsewhere.neighbours import Neighbours
from biofeedback.service.elsewhere.steering import Steering
from biofeedback.service.guard import SAFE_METHODS
from biofeedback.service.leaving import Leaving
from biofeedback.service.limits import Limits
from biofeedback.service.passkeys import Challenges
from biofeedback.service.passwords import Passwords
from biofeedback.service.problems import Problem
from biofeedback.service.readiness import BusLink, Readiness
from biofeedback.service.rooms import Rooms
from biofeedback.service.seats import Seats
from biofeedback.service.sign_ins import Caller, SignIns, cookie_name
from biofeedback.service.straps import Straps
from biofeedback.service.together import Together
from biofeedback.service.watching import Watching
from biofeedback.settings import DEFAULT_PORT, Settings
from biofeedback.store import Store


class Beside(Protocol):
    """Something that goes on beside the requests, for as long as the service runs."""

    async def open(self) -> None:
        """Begin."""
        ...

    async def close(self) -> None:
        """End in order; may be called without having begun."""
        ...


@dataclass(frozen=True)
class Context:
    """The parts of one running service.

    ``origin`` is its name on the ``bus``; ``presence`` knows who else is there.
    ``neighbours`` knows the sessions that others run. ``beside`` are opened in their
    order, and closed in reverse.
    """

    settings: Settings
    store: Store
    sign_ins: SignIns
    straps: Straps
    conductor: Conductor
    consents: Consents
    audit: Audit
    passwords: Passwords
    limits: Limits
    challenges: Challenges
    leaving: Leaving
    rooms: Rooms
    together: Together
    watching: Watching
    steering: Steering
    neighbours: Neighbours
    bus: Bus
    presence: Presence
    origin: str
    answering: Answering
    readiness: Readiness
    at_home: AtHome
    beside: tuple[Beside, ...] = ()
    seats: Seats = field(default_factory=Seats)

    @property
    def parts(self) -> tuple[object, ...]:
        """Return all that may have figures, or say whether it can be used."""
        link = () if self.settings.bus is None else (BusLink(self.bus),)
        counts = (self.conductor.counts, self.store.times, self.readiness)
        return (*counts, self.bus, *link, *self.beside)

    @property
    def cookie(self) -> str:
        """Return the name of this service's cookie: one for all nodes of a clinic."""
        port = DEFAULT_PORT if self.store.is_shared else self.settings.port
        return cookie_name(port, https=self.settings.https)


def context_of(connection: HTTPConnection) -> Context:
    """Return the service this request reached."""
    context: Context = connection.app.state.context
    return context


async def identify(connection: HTTPConnection) -> Caller | None:
    """Return who sent the cookie or the token, if anybody is known by it."""
    here = context_of(connection)
    caller = await asyncio.to_thread(
        here.sign_ins.caller,
        cookie=connection.cookies.get(here.cookie),
        authorization=connection.headers.get("authorization"),
    )
    if caller is None or connection.client is None:
        return caller
    return msgspec.structs.replace(caller, origin=connection.client.host)


async def signed_in(connection: HTTPConnection) -> Caller:
    """Return who is asking.

    Raises
    ------
    Problem
        With status 401, when nobody is known by what they sent; with 403, when it is
        a token that may not do this.
    """
    caller = await identify(connection)
    if caller is None:
        raise Problem(401)
    if caller.operates:
        raise Problem(
            403,
            "Where there are accounts, this token only reads the service's figures.",
            "Make an access token with 'biofeedback token add'.",
        )
    if not caller.writes and connection.scope["method"] not in SAFE_METHODS:
        raise Problem(
            403,
            "This access token may only read.",
            "Make one of scope 'all' with 'biofeedback token add'.",
        )
    return caller


Here = Annotated[Context, Depends(context_of)]
SignedIn = Annotated[Caller, Depends(signed_in)]
