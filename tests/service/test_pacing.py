"""A page that paced itself tells the service afterwards, and both have one schedule."""

from __future__ import annotations

from tests.service.conftest import House

BEGINS = {
    "rate_bpm": 6,
    "inhale_pct": 40,
    "hold_out_ms": 1000,
    "ease_s": 30,
    "from_rate_bpm": 7,
    "origin_ms": 3000,
}


async def test_a_pace_that_began_while_the_service_was_away(house: House) -> None:
    id = (await house.begin())["id"]
    at = f"/api/v1/sessions/{id}/pacer"
    await house.pass_time(20)  # it comes long after it was begun, and comes twice
    for _ in range(2):
        assert (await house.browser.put(at, json=BEGINS)).status_code == 202
        await house.pass_time(1)
        live = house.context.conductor.session(id)
        assert live is not None
        schedule = live.pipeline.schedule
        assert [part.rate_bpm for part in schedule] == [6, 7, 6.5, 6]
        assert schedule[1].origin_ms == 3000
        assert {part.hold_out_ms for part in schedule[1:]} == {1000}

    too_fast = {**BEGINS, "from_rate_bpm": 25}
    answer = await house.browser.put(at, json=too_fast)
    assert answer.status_code == 422
    assert answer.json()["advice"]
