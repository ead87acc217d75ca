"""Plans over HTTP, and a session that follows one, down to the disk."""

from __future__ import annotations

import json

import msgspec

from biofeedback.model import AdaptCommand, Config
from biofeedback.practice.plans import read_plan
from biofeedback.recording.reader import open_recording
from biofeedback.session.replay import verify
from tests.service.conftest import House
from tests.service.test_sessions import finished, recording_of

SESSIONS = "/api/v1/sessions"


async def test_arms_are_told_by_their_labels_alone(house: House) -> None:
    folder = house.store.data / "plans"
    folder.mkdir()
    (folder / "broken.json").write_text("{")
    listed = (await house.browser.get("/api/v1/plans")).json()
    plans = {plan["id"]: plan for plan in listed["plans"]}
    assert {"practice", "resonance", "sham-comparison"} <= plans.keys()
    assert listed["unreadable"][0]["name"] == "broken.json"
    one = (await house.browser.get("/api/v1/plans/sham-comparison")).json()
    assert one == plans["sham-comparison"]
    assert one["arms"] == ["A", "B", "C"]
    for word in ("slow", "usual", "sham:", "twelve"):
        assert word not in json.dumps(one | {"id": "", "title": ""}).lower()
    assert one["steps"] is None
    own = (await house.browser.get("/api/v1/plans/baseline-practice-recovery")).json()
    assert [step["kind"] for step in own["steps"]][1] == "baseline"
    assert own["steps"][1]["duration_s"] == 300


async def test_a_session_keeps_its_plan_and_shows_its_own_arm(house: House) -> None:
    begun = await house.begin(plan="sham-comparison", arm="rest")
    assert begun["plan"] == "sham-comparison"
    id = begun["id"]
    await house.pass_time(3)
    plan = (await house.browser.get(f"{SESSIONS}/{id}/plan")).json()
    assert plan["label"] == "C"
    assert [step["kind"] for step in plan["steps"]][2] == "rest"
    on = await house.browser.put(f"{SESSIONS}/{id}/adaptive", json={"on": True})
    assert on.status_code == 202
    await house.browser.post(f"{SESSIONS}/{id}/stop")
    await finished(house, id)
    path = recording_of(house, id)
    records = [record for _, record in open_recording(path).inputs()]
    config = records[0]
    assert isinstance(config, Config)
    assert config.plan is not None
    assert read_plan(config.plan).sha256 == config.plan_sha256 == plan["sha256"]
    assert (config.arm, config.rate_bpm) == ("rest", None)
    switched = [(r.by, r.on) for r in records if isinstance(r, AdaptCommand)]
    assert switched == [("person", True)]
    assert verify(path).ok
    gone = await house.browser.get(f"{SESSIONS}/{id}/plan")
    assert gone.status_code == 409


async def test_what_cannot_be_begun_is_refused_with_advice(house: House) -> None:
    for body, status, said in (
        ({"plan": "sleep"}, 422, "There is no plan called 'sleep'."),
        ({"plan": "sham-comparison", "arm": "best"}, 422, "has no arm 'best'"),
        ({"plan": "practice", "arm": "slow"}, 422, "has no arm 'slow'"),
    ):
        strap = {"strap": "simulated"}
        answer = await house.browser.post(SESSIONS, json=strap | body)
        assert answer.status_code == status
        assert said in answer.json()["detail"]
        assert answer.json()["advice"]
    assert (await house.browser.get(SESSIONS)).json()["sessions"] == []
    everyday = await house.begin()
    answer = await house.browser.get(f"{SESSIONS}/{everyday['id']}/plan")
    assert answer.status_code == 404
    assert "follows no plan" in answer.json()["detail"]


def test_an_older_config_is_read_as_it_was() -> None:
    old = b'{"record":"config","t_ns":0,"algorithm":"1","simulated":false,'
    old += b'"rate_bpm":6.0,"inhale_pct":40.0}'
    config = msgspec.json.decode(old, type=Config)
    assert (config.plan, config.plan_sha256, config.arm) == (None, None, None)
