"""The day's baseline goes from one session of a person to the next of that day."""

from __future__ import annotations

import asyncio
from typing import Any

from biofeedback.session.referee import Referee
from tests.service.conftest import BEARER, House, Start

BEFORE = {
    "type": "arousal",
    "value": 5,
    "moment": "before",
    "prompt": "How stirred up do you feel?",
    "latency_ms": 900,
    "device": "phone",
}


async def summary(house: House, id: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            answer = await house.anyone.get(
                f"/api/v1/sessions/{id}/summary", headers=BEARER
            )
            if answer.status_code == 200:
                found: dict[str, Any] = answer.json()
                return found
            await asyncio.sleep(0.1)


async def ended(house: House, id: str) -> None:
    await house.anyone.post(f"/api/v1/sessions/{id}/stop", headers=BEARER)


def baseline_of(house: House, id: str) -> object:
    live = house.context.conductor.session(id)
    assert live is not None
    return live.pipeline.metrics.baseline


async def test_resting_minutes_serve_the_next_session_of_the_day(
    start_house: Start,
) -> None:
    async with start_house(referee=Referee()) as house:
        first = (await house.begin(profile="calm", seed=3))["id"]
        answer = await house.anyone.post(
            f"/api/v1/sessions/{first}/ratings", json=BEFORE, headers=BEARER
        )
        assert answer.status_code == 201
        await house.pass_time(400)  # nothing is paced before the practice
        gathered = baseline_of(house, first)
        assert gathered is not None
        await ended(house, first)
        told = (await summary(house, first))["activation_baseline"]
        assert told["n_windows"] == 5
        assert told["length_s"] == 300.0

        second = (await house.begin(profile="calm", seed=4))["id"]
        await house.pass_time(1)
        assert baseline_of(house, second) == gathered
        await ended(house, second)
        # What was brought along is not this session's own.
        assert (await summary(house, second))["activation_baseline"] is None

        house.utc_ns[0] += 24 * 3600 * 10**9  # tomorrow
        third = (await house.begin(profile="calm", seed=5))["id"]
        await house.pass_time(1)
        assert baseline_of(house, third) is None
        await ended(house, third)
