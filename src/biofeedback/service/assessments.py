"""Resonance assessments: of a session under way, of one that ended, and all so far.

They are offered and never asked for: nothing else depends on what is found here.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query

from biofeedback.errors import RecordingError
from biofeedback.model import Baseline
from biofeedback.practice import resonance
from biofeedback.practice.resonance import Form
from biofeedback.service.access import OwnSession
from biofeedback.service.assessment_shapes import (
    AssessmentShape,
    EstimateShape,
    EstimatesShape,
    PlanShape,
)
from biofeedback.service.baselines import todays_baseline
from biofeedback.service.context import Here, SignedIn
from biofeedback.service.problems import Problem
from biofeedback.session.assessment import Assessment, assess, assessment_of
from biofeedback.session.runner import LiveSession
from biofeedback.signal.series import Series
from biofeedback.store import SessionState

NS_PER_MS = 1_000_000

router = APIRouter(tags=["resonance"])


@router.get("/assessment-plan")
async def plan(
    _caller: SignedIn,
    form: Form = "stepped",
    steps_s: Annotated[float, Query()] = resonance.STEP_S,
    rests_s: Annotated[float, Query()] = resonance.REST_S,
) -> PlanShape:
    """Say which pace an assessment has when; lengths of steps are for researchers."""
    parts = resonance.plan(form, steps_s=steps_s, rests_s=rests_s)
    return PlanShape.of(form, parts)


@router.get("/sessions/{id}/assessment")
async def assessment(id: str, row: OwnSession, here: Here) -> AssessmentShape:
    """Report what the steps of a session say so far, or in the end."""
    live = here.conductor.session(id)
    if live is not None and row.state in (SessionState.LIVE, SessionState.CLOSING):
        found = await _of_live(live)
    else:
        path = await here.conductor.recording_path(id)
        try:
            found = await asyncio.to_thread(assessment_of, path)
        except RecordingError as error:
            raise Problem(404, error.message, error.advice) from error
    if found is None:
        raise Problem(
            404,
            "This session holds no resonance assessment.",
            "Begin one on the page 'Find your pace'.",
        )
    return AssessmentShape.of(id, found)


@router.get("/estimates")
async def estimates(caller: SignedIn, here: Here) -> EstimatesShape:
    """List what was found so far, the newest first, with advice to look again."""

    def listed() -> list[EstimateShape]:
        store, now_ns = here.store, here.store.now_ns()
        rest_ms: dict[bool, float | None] = {}
        shapes = []
        for row in store.estimates(caller.person.id):
            session = store.find_session(row.session_id)
            simulated = session is not None and session.simulated
            if simulated not in rest_ms:
                rest_ms[simulated] = _rest_rr_ms(
                    todays_baseline(
                        store,
                        row.person_id,
                        simulated=simulated,
                        now_utc_ns=now_ns,
                    )
                )
            advice = resonance.recheck(
                at_utc_ns=row.at_utc_ns,
                now_utc_ns=now_ns,
                rest_rr_ms=row.rest_rr_ms,
                rest_rr_now_ms=rest_ms[simulated],
            )
            shapes.append(EstimateShape.of(row, advice, simulated=simulated))
        return shapes

    return EstimatesShape(estimates=await asyncio.to_thread(listed))


async def _of_live(live: LiveSession) -> Assessment | None:
    pipeline = live.pipeline
    # Taken here, where nothing changes meanwhile; computed where nobody waits.
    series = Series.of(pipeline.intervals)
    schedule, entries = pipeline.schedule, tuple(pipeline.entries)
    return await asyncio.to_thread(
        assess,
        series,
        schedule,
        entries,
        end_ms=live.clock.now_ns() / NS_PER_MS,
        started_at_utc_ns=live.info.started_at_utc_ns,
    )


def _rest_rr_ms(baseline: Baseline | None) -> float | None:
    return None if baseline is None else 60_000 / baseline.hr_bpm
