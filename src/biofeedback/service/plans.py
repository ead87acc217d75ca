"""Plans over HTTP, and the adaptive pacer of a session."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response

from biofeedback.errors import NotSoError
from biofeedback.practice.plan_library import PlanLibrary
from biofeedback.practice.plans import PRACTICE, Chosen, Plan, read_plan
from biofeedback.service.access import OwnSession
from biofeedback.service.context import Context, Here, SignedIn
from biofeedback.service.plan_shapes import (
    AdaptiveBody,
    PlanShape,
    PlansShape,
    SessionPlanShape,
    UnreadableShape,
)
from biofeedback.service.problems import Problem

router = APIRouter(tags=["plans"])


@router.get("/plans")
async def plans(_caller: SignedIn, here: Here) -> PlansShape:
    """List the plans, and the files that should be plans and are none."""
    found, bad = await asyncio.to_thread(_library(here).all)
    return PlansShape(
        plans=[PlanShape.of(plan) for plan in found],
        unreadable=[UnreadableShape.of(one) for one in bad],
    )


@router.get("/plans/{id}")
async def plan(id: str, _caller: SignedIn, here: Here) -> PlanShape:
    """Describe a plan; of arms the labels only."""
    return PlanShape.of(await asyncio.to_thread(_library(here).find, id))


@router.get("/sessions/{id}/plan")
async def session_plan(id: str, _own: OwnSession, here: Here) -> SessionPlanShape:
    """Tell the steps that a live session follows."""
    config = here.conductor.live(id).config
    if config is None or config.plan is None:
        raise Problem(
            404,
            "This session follows no plan.",
            "Begin one with a plan of GET /api/v1/plans.",
        )
    return SessionPlanShape.of(Chosen(plan=read_plan(config.plan), arm_id=config.arm))


@router.put("/sessions/{id}/adaptive", status_code=202, response_class=Response)
async def adapt(
    id: str, body: AdaptiveBody, _own: OwnSession, caller: SignedIn, here: Here
) -> Response:
    """Let the pace follow the heart's answer, or no longer."""
    await here.conductor.live(id).adapt(by=caller.by_own, on=body.on)
    return Response(status_code=202)


async def protocol(here: Context, name: str, arm: str | None) -> Plan | None:
    """Return the plan whose steps a session is to follow; ``None``: the everyday one.

    Raises
    ------
    Problem
        With status 422, when there is no such plan.
    SettingsError
        When it has no such arm.
    """
    if name == PRACTICE and arm is None:
        return None
    try:
        found = await asyncio.to_thread(_library(here).find, name)
    except NotSoError as error:
        raise Problem(422, error.message, error.advice) from None
    if arm is not None:
        found.arm(arm)
    return found


def _library(here: Context) -> PlanLibrary:
    return PlanLibrary(here.settings.data)
