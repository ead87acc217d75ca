"""The guided practices over HTTP, and their marks in a recording."""

from __future__ import annotations

import httpx

from biofeedback.practice.practices import packaged, timeline
from tests.service.conftest import House


async def test_the_practices_are_told_as_their_files_say(house: House) -> None:
    answer = await house.browser.get("/api/v1/practices")
    told = {one["id"]: one for one in answer.json()["practices"]}
    assert list(told) == [one.id for one in packaged()]
    for practice in packaged():
        one = told[practice.id]
        assert one["skills"] == list(practice.skills)
        assert [tuple(phase.values()) for phase in one["phases"]] == [
            (phase.id, phase.weight, phase.sentences, phase.pacer)
            for phase in practice.phases
        ]


async def test_they_are_for_those_who_are_signed_in(house: House) -> None:
    answer: httpx.Response = await house.anyone.get("/api/v1/practices")
    assert answer.status_code == 401


async def test_a_phase_that_is_told_late_keeps_its_own_time(house: House) -> None:
    """The page was cut off in between: to the millisecond, in the session."""
    id = (await house.begin())["id"]
    at = f"/api/v1/sessions/{id}/events"
    scan = next(one for one in packaged() if one.id == "body_scan")
    await house.pass_time(70)
    started_ms = 1234.5
    for moment in timeline(scan, 10)[:2]:
        mark = {
            "type": "phase",
            "text": f"body_scan/{moment.phase}",
            "at_ms": started_ms + moment.start_ms,
        }
        assert (await house.browser.post(at, json=mark)).status_code == 201
    live = house.context.conductor.session(id)
    assert live is not None
    marks = [entry for entry in live.pipeline.entries if entry.type == "phase"]
    assert [(one.text, one.at_ms) for one in marks] == [
        ("body_scan/arrive", 1234.5),
        ("body_scan/feet", 1234.5 + 42857),
    ]
