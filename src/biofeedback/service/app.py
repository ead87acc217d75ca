"""Puts the routes together: one application for one service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.routing import Route, WebSocketRoute

from biofeedback import __version__
from biofeedback.service import (
    assessments,
    changes,
    diary,
    doors,
    gauges,
    history,
    my_data,
    plans,
    practices,
    recordings,
    sessions,
    usual,
)
from biofeedback.service.conductor import Conductor
from biofeedback.service.context import Context
from biofeedback.service.guard import Guard
from biofeedback.service.live import live
from biofeedback.service.pages import (
    Pages,
    PagesMount,
    not_built,
)
from biofeedback.service.problems import add_problem_handlers
from biofeedback.service.radio import radio
from biofeedback.service.shapes import ProblemShape
from biofeedback.service.sign_ins import SignIns
from biofeedback.service.straps import Straps
from biofeedback.session.clock import Clock, WallClock
from biofeedback.session.driver import Driver
from biofeedback.session.referee import Referee
from biofeedback.settings import Settings
from biofeedback.store import Store
from biofeedback.store.erasing import finish_erasing

API = "/api/v1"

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


def create_context(
    settings: Settings,
    *,
    store: Store,
    drivers: Sequence[Driver],
    referee: Referee | None = None,
    new_clock: Callable[[float], Clock] = WallClock,
) -> Context:
    """Return the parts of a service; nothing has started yet."""
    straps = Straps(drivers, settings.begin)
    return Context(
        settings=settings,
        store=store,
        sign_ins=SignIns(store, settings.token),
        straps=straps,
        conductor=Conductor(
            store=store,
            straps=straps,
            referee=referee or Referee(),
            new_clock=new_clock,
            lsl=settings.lsl,
        ),
    )


def create_app(context: Context, *, dashboard: Path | None = None) -> FastAPI:
    """Return the application around ``context``.

    Parameters
    ----------
    dashboard
        The built pages; ``None`` puts one page that says how to build them.
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
    api.include_router(sessions.router)
    api.include_router(plans.router)
    api.include_router(practices.router)
    api.include_router(recordings.router)
    api.include_router(diary.router)
    api.include_router(changes.router)
    api.include_router(usual.router)
    api.include_router(assessments.router)
    api.include_router(history.router)
    api.include_router(my_data.router)
    app.include_router(doors.health)
    app.include_router(gauges.router, responses=PROBLEMS)
    app.include_router(api)
    app.router.routes.append(WebSocketRoute(f"{API}/live/{{session_id}}", live))
    app.router.routes.append(WebSocketRoute(f"{API}/radio/{{session_id}}", radio))
    app.router.routes.append(
        Route("/", not_built)
        if dashboard is None
        else PagesMount("/", Pages(dashboard))
    )
    add_problem_handlers(app)
    _describe_problems(app)
    app.add_middleware(
        Guard,
        allowed_hosts=context.settings.allowed_hosts,
        https=context.settings.https,
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
    await asyncio.to_thread(finish_erasing, context.store)
    await context.straps.look()
    await context.conductor.open()
    try:
        if context.settings.replay is not None:
            await context.conductor.replay_file(
                context.settings.replay, context.settings.replay_speed
            )
        elif (asked := context.straps.asked()) is not None:
            await context.conductor.start(strap=asked, plan="practice")
        yield
    finally:
        await context.conductor.close()
        await context.straps.close()
