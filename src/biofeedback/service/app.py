"""Puts the routes together: one application for one service."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.routing import Route, WebSocketRoute

from biofeedback import __version__
from biofeedback.errors import SettingsError
from biofeedback.service import (
    accounts,
    assessments,
    changes,
    clinic,
    consents,
    credentials,
    diary,
    doors,
    gauges,
    health,
    history,
    invites,
    looks,
    my_data,
    notes,
    plans,
    practices,
    recordings,
    reports,
    sessions,
    sharing,
    usual,
)
from biofeedback.service.context import Beside, Context
from biofeedback.service.forwarding import Forwarding
from biofeedback.service.guard import Guard
from biofeedback.service.live import live
from biofeedback.service.pages import (
    Pages,
    PagesMount,
    ca_certificate,
    not_built,
)
from biofeedback.service.problems import add_problem_handlers
from biofeedback.service.radio import radio
from biofeedback.service.room import people as room_people
from biofeedback.service.room import room
from biofeedback.service.shapes import ProblemShape
from biofeedback.service.trusting import CA_PATH
from biofeedback.service.turning_out import sweep
from biofeedback.store import StoreError
from biofeedback.store.erasing import finish_erasing

_LOGGER = logging.getLogger(__name__)

API = "/api/v1"
SWEEP_EVERY_S = 5.0
"""How soon open websockets end when the command line turns somebody out."""

PROBLEMS: dict[int | str, dict[str, object]] = {
    "default": {
        "description": "A problem: a sentence and advice",
        "content": {
            "application/problem+json": {
                "schema": {"$ref": "#/components/schemas/Problem"}
            }
        },
    }
}


def create_app(
    context: Context, *, dashboard: Path | None = None, authority: Path | None = None
) -> FastAPI:
    """Return the application around ``context``.

    Parameters
    ----------
    dashboard
        The built pages; ``None`` puts one page that says how to build them.
    authority
        The certificate that devices are told to trust, where there is one.
    """
    app = FastAPI(
        title="Biofeedback",
        version=__version__,
        openapi_url=f"{API}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.context = context
    api = APIRouter(prefix=API, responses=PROBLEMS)
    api.include_router(doors.router)
    api.include_router(credentials.router)
    api.include_router(invites.router)
    api.include_router(accounts.router)
    api.include_router(sessions.router)
    api.include_router(plans.router)
    api.include_router(practices.router)
    api.include_router(recordings.router)
    api.include_router(reports.router)
    api.include_router(diary.router)
    api.include_router(changes.router)
    api.include_router(usual.router)
    api.include_router(assessments.router)
    api.include_router(history.router)
    api.include_router(my_data.router)
    api.include_router(consents.router)
    api.include_router(sharing.router)
    api.include_router(clinic.router)
    api.include_router(room_people)
    api.include_router(notes.router)
    api.include_router(looks.router)
    app.include_router(health.router)
    app.include_router(gauges.router, responses=PROBLEMS)
    app.include_router(api)
    app.router.routes.append(WebSocketRoute(f"{API}/live/{{session_id}}", live))
    app.router.routes.append(WebSocketRoute(f"{API}/radio/{{session_id}}", radio))
    app.router.routes.append(WebSocketRoute(f"{API}/room", room))
    if authority is not None:
        app.router.routes.append(Route(CA_PATH, ca_certificate(authority)))
    app.router.routes.append(
        Route("/", not_built)
        if dashboard is None
        else PagesMount("/", Pages(dashboard))
    )
    add_problem_handlers(app)
    _describe_problems(app)
    context.answering.serve(app)
    if context.store.is_shared:
        app.add_middleware(Forwarding, context=context)
    app.add_middleware(
        Guard,
        allowed_hosts=context.settings.allowed_hosts,
        https=context.settings.https,
        hsts=context.settings.hsts,
    )
    return app


def _describe_problems(app: FastAPI) -> None:
    # FastAPI would build the same model again for each route, at every start.
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        description = describe()
        schemas = description.setdefault("components", {}).setdefault("schemas", {})
        schemas["Problem"] = ProblemShape.model_json_schema()
        return description

    app.openapi = openapi  # type: ignore[method-assign]


@asynccontextmanager
async def running(context: Context) -> AsyncIterator[None]:
    """Begin what goes on beside the requests, and end it in order.

    Raises
    ------
    BiofeedbackError
        When the store or the recording to be replayed cannot be read.
    """
    shared = context.sign_ins.shared
    if shared and context.settings.replay is not None:
        raise SettingsError(
            "Where there are accounts, nobody in particular can show a file.",
            "Name an empty folder with --data, or sign in and open it there.",
        )
    await asyncio.to_thread(finish_erasing, context.store)
    await context.consents.open()
    await context.straps.look()
    await context.bus.open()
    await context.presence.open()
    await context.conductor.open()
    begun: list[Beside] = []
    sweeping = asyncio.create_task(_sweep(context))
    try:
        for part in context.beside:
            begun.append(part)
            await part.open()
        if context.settings.replay is not None:
            await context.conductor.replay_file(
                context.settings.replay, context.settings.replay_speed
            )
        # Whose session would it be, where there are accounts? There the strap that was
        # asked for only comes first on the page.
        elif not shared and (asked := context.straps.asked()) is not None:
            await context.conductor.start(strap=asked, plan="practice")
        yield
    finally:
        sweeping.cancel()
        await context.conductor.close()
        for part in reversed(begun):
            await part.close()
        await context.watching.close()
        await context.presence.close()
        await context.bus.close()
        await context.straps.close()


async def _sweep(context: Context) -> None:
    while True:
        await asyncio.sleep(SWEEP_EVERY_S)
        try:
            await sweep(context)
        except StoreError as error:  # the disk may be back the next time
            _LOGGER.warning("Who is still signed in could not be checked: %s", error)
