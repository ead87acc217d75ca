"""What changed over a session, as a screen is told."""

from __future__ import annotations

from tests.service.conftest import House


async def test_changes_are_told_question_by_question(house: House) -> None:
    session = await house.begin()
    at = f"/api/v1/sessions/{session['id']}"

    async def rate(type: str, value: int, moment: str) -> None:
        body = {"type": type, "value": value, "moment": moment}
        assert (await house.browser.post(f"{at}/ratings", json=body)).status_code == 201

    nothing = {"before": None, "after": None, "change": None}
    told = (await house.browser.get(f"{at}/changes")).json()
    assert told == {"changes": [], "gap": nothing}
    await rate("pain_unpleasantness", 8, "before")
    await rate("pain_intensity", 7, "before")
    await rate("craving", 3, "during")
    await house.pass_time(1)
    await house.browser.post(f"{at}/stop")
    # The after can still be told for ten minutes.
    await rate("pain_intensity", 5, "after")
    await rate("pain_unpleasantness", 4, "after")
    told = (await house.browser.get(f"{at}/changes")).json()
    assert told["gap"] == {"before": 1, "after": -1, "change": -2}
    intensity, bother, craving = told["changes"]
    assert intensity == {
        "type": "pain_intensity",
        "before": 7,
        "during": [],
        "after": 5,
        "points": -2,
        "pct": -200 / 7,
        "band": "below_30",
    }
    assert (bother["points"], bother["pct"], bother["band"]) == (-4, None, None)
    assert (craving["during"], craving["points"]) == ([3], None)
    assert (await house.browser.get("/api/v1/sessions/0/changes")).status_code == 404
    assert (await house.anyone.get(f"{at}/changes")).status_code == 401
