"""Whether the service lives (``/healthz``), and should be sent anybody (``/readyz``).

To live is to answer at all: whatever is away, starting this process again would not
bring it back. To be ready is more: the store answers, the disk has room, and so on.
Balancers and probes ask without credentials: strangers are told yes or no, and nothing
else.
"""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response

from biofeedback import __version__
from biofeedback.errors import BiofeedbackError
from biofeedback.service.access import reads_figures
from biofeedback.service.context import Here
from biofeedback.service.problems import Problem
from biofeedback.service.readiness import LIMIT_S, is_ready
from biofeedback.service.shapes import CheckShape, HealthShape, ReadyShape

router = APIRouter()


@router.get("/healthz")
async def healthz() -> HealthShape:
    """Say that the service lives."""
    return HealthShape(status="ok", version=__version__)


@router.get("/readyz", response_model_exclude_none=True)
async def readyz(request: Request, response: Response, here: Here) -> ReadyShape:
    """Say whether anybody should be sent here: 200 or 503; why, to the operator."""
    checks = await here.readiness.look(here.parts)
    ready = is_ready(checks)
    response.status_code = 200 if ready else 503
    shown = None
    if await _is_operator(request):
        shown = {c.name: CheckShape(ok=c.ok, sentence=c.sentence) for c in checks}
    return ReadyShape(ready=ready, checks=shown)


async def _is_operator(request: Request) -> bool:
    if "authorization" not in request.headers and not request.cookies:
        return False  # nearly always; the store need not be asked
    try:
        async with asyncio.timeout(LIMIT_S):
            await reads_figures(request)
    except (Problem, BiofeedbackError, TimeoutError):
        return False
    return True
