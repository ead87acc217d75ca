"""The resonance assessment over HTTP: the plan, a session's report, what is kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from biofeedback.store import EstimateRow
from tests.service.conftest import House
from tests.service.test_sessions import finished


async def walk(
    house: House, at: str, *, rates: tuple[float, ...], steps_s: float
) -> None:
    """Do what the page does: mark each part, pace each step from its begin on."""
    now_s = 0.0

    async def mark(text: str) -> None:
        body = {"type": "phase", "text": text, "at_ms": 1000 * now_s}
        answer = await house.browser.post(f"{at}/events", json=body)
        assert answer.status_code == 201, answer.text

    for rate in rates:
        await mark("resonance/rest")
        await house.pass_time(20)
        now_s += 20
        pace = {
            "rate_bpm": rate,
            "from_rate_bpm": rate,
            "inhale_pct": 40,
            "origin_ms": 1000 * now_s,
        }
        assert (await house.browser.put(f"{at}/pacer", json=pace)).status_code == 202
        await mark(f"resonance/{rate:g}")
        await house.pass_time(steps_s)
        now_s += steps_s
    await mark("resonance/done")
    await house.pass_time(4)


async def test_the_plan_is_told_and_odd_lengths_are_refused(house: House) -> None:
    at = "/api/v1/assessment-plan"
    told = (await house.browser.get(at)).json()
    assert (told["form"], told["lasts_s"]) == ("stepped", 1200)
    assert told["parts"][1] == {
        "kind": "step",
        "text": "resonance/6.5",
        "begins_s": 120,
        "lasts_s": 120,
        "paces": [{"at_s": 0, "rate_bpm": 6.5}],
    }
    short = (await house.browser.get(f"{at}?steps_s=30&rests_s=10")).json()
    assert short["lasts_s"] == 200
    refused = await house.browser.get(f"{at}?steps_s=1")
    assert refused.status_code == 422
    assert "not offered" in refused.json()["detail"]


async def test_a_session_is_assessed_while_it_goes_on_and_kept_at_its_end(
    house: House,
) -> None:
    session = await house.begin(profile="calm", seed=3)
    at = f"/api/v1/sessions/{session['id']}"
    nothing = await house.browser.get(f"{at}/assessment")
    assert nothing.status_code == 404
    assert "no resonance assessment" in nothing.json()["detail"]
    assert (await house.browser.get("/api/v1/estimates")).json() == {"estimates": []}

    await walk(house, at, rates=(6.5, 5.5, 4.5), steps_s=96)
    live = (await house.browser.get(f"{at}/assessment")).json()
    assert live["status"] == "incomplete", "two paces were never tried"
    assert "6: step" in live["missing"]
    steps = {step["rate_bpm"]: step for step in live["steps"]}
    assert set(steps) == {6.5, 5.5, 4.5}
    for step in steps.values():
        assert step["scored"], step
        assert step["criteria"]["rsa_bpm"] > 5
        assert step["breath_error_bpm"] < 0.5
    # This simulated heart's resonance is planted at 5.6.
    assert live["estimate"]["rate_bpm"] == 5.5
    assert live["estimate"]["low_bpm"] < 5.6 < live["estimate"]["high_bpm"]

    await house.browser.post(f"{at}/stop")
    await finished(house, session["id"])
    final = (await house.browser.get(f"{at}/assessment")).json()
    assert final["estimate"]["rate_bpm"] == 5.5
    kept = (await house.browser.get("/api/v1/estimates")).json()["estimates"]
    assert [one["session_id"] for one in kept] == [session["id"]]
    assert kept[0]["report"] == final
    assert kept[0]["rest_rr_ms"] == pytest.approx(900, rel=0.05)
    assert kept[0]["recheck"] == {"due": False, "because": None}
    assert kept[0]["simulated"]


async def test_an_old_estimate_comes_with_the_advice_to_look_again(
    house: House,
) -> None:
    session = await house.begin()
    now_ns = house.store.now_ns()
    report: dict[str, Any] = {
        "form": "stepped",
        "status": "incomplete",
        "missing": [],
        "reason": None,
        "date": None,
        "rest_rr_ms": 900.0,
        "breathing": "assumed",
        "breathing_note": None,
        "steps": [],
        "estimate": None,
        "algorithm": "1",
    }
    house.store.keep_estimate(
        EstimateRow(
            session_id=session["id"],
            person_id=house.store.person().id,
            at_utc_ns=now_ns - 40 * 86_400 * 10**9,
            rate_bpm=5.5,
            probability=0.7,
            rest_rr_ms=900.0,
            report=json.dumps(report),
        )
    )
    kept = (await house.browser.get("/api/v1/estimates")).json()["estimates"]
    assert kept[0]["recheck"] == {"due": True, "because": "age"}
    assert (await house.anyone.get("/api/v1/estimates")).status_code == 401


async def test_the_sliding_form_is_paced_breath_by_breath(house: House) -> None:
    session = await house.begin(profile="calm", seed=5, signals=[{"signal": "acc"}])
    at = f"/api/v1/sessions/{session['id']}"
    plan = await house.browser.get("/api/v1/assessment-plan?form=sliding&rests_s=20")
    rest, slide = plan.json()["parts"]
    mark = {"type": "phase", "text": rest["text"], "at_ms": 0}
    await house.browser.post(f"{at}/events", json=mark)
    await house.pass_time(19)
    for k, pace in enumerate(slide["paces"]):
        origin_s = slide["begins_s"] + pace["at_s"]
        body = {
            "rate_bpm": pace["rate_bpm"],
            "from_rate_bpm": pace["rate_bpm"],
            "inhale_pct": 40,
            "origin_ms": 1000 * origin_s,
        }
        asked = await house.browser.put(f"{at}/pacer", json=body)
        assert asked.status_code == 202
        if k == 0:
            mark = {"type": "phase", "text": slide["text"], "at_ms": 1000 * origin_s}
            await house.browser.post(f"{at}/events", json=mark)
        await house.pass_time(60 / pace["rate_bpm"])
    await house.browser.post(f"{at}/stop")
    await finished(house, session["id"])
    told = (await house.browser.get(f"{at}/assessment")).json()
    assert told["form"] == "sliding"
    assert [step["rate_bpm"] for step in told["steps"]] == [6.5, 6, 5.5, 5, 4.5]
    assert {step["breath_source"] for step in told["steps"]} == {"acc"}
    assert (told["status"], told["missing"]) == ("complete", [])
    estimate = told["estimate"]
    assert estimate["low_bpm"] < 5.6 < estimate["high_bpm"]
