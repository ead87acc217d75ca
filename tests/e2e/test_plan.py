"""Somebody follows a plan of a researcher, and leaves one step early."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
from playwright.sync_api import expect

from biofeedback.model import Config, Entry
from biofeedback.practice.plan_walk import Mark, walk
from biofeedback.practice.plans import read_plan
from biofeedback.recording.reader import open_recording
from biofeedback.session.replay import verify
from tests.e2e.conftest import OUTPUT, PHONE, OpenPage, StartService
from tests.e2e.journey import PATIENCE_MS, part, rate
from tests.e2e.test_practice import AXE, check_accessible, run

STEPS = [
    {"kind": "questions", "id": "before", "moment": "before", "types": ["mood"]},
    {"kind": "baseline", "id": "quiet", "seconds": 3, "eyes": "closed"},
    {"kind": "practice", "id": "breathe", "minutes": 0.05, "rate_bpm": 20},
    {"kind": "recovery", "id": "recovery", "seconds": 60},
    {"kind": "note", "id": "words", "prompt": "How was it?"},
]
PLAN = {
    "id": "short",
    "title": "A short comparison",
    "version": 3,
    "arms": [
        {"id": "fast", "label": "A", "steps": STEPS},
        {"id": "also-fast", "label": "B", "steps": STEPS},
    ],
}


def test_a_plan_is_followed_and_what_was_otherwise_is_recorded(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans/short.json").write_text(json.dumps(PLAN))
    page = open_page(run(start_service, tmp_path), viewport=PHONE)
    page.add_init_script(path=AXE)
    expect(part(page, "begin")).to_be_visible(timeout=PATIENCE_MS)
    page.goto(page.url.split("#")[0] + "#plan")
    page.reload()
    expect(part(page, "plan-short")).to_be_visible(timeout=PATIENCE_MS)
    check_accessible(page)
    page.screenshot(path=OUTPUT / "plan-chooser.png", full_page=True)
    part(page, "plan-short").click()
    part(page, "plan-begin").click()

    step = part(page, "plan")
    rate(page, "mood", 6)
    expect(step).to_have_attribute("data-step", "quiet", timeout=PATIENCE_MS)
    shown = page.locator("main").inner_text()
    assert "group A" in shown or "group B" in shown
    assert "fast" not in shown
    check_accessible(page)
    page.screenshot(path=OUTPUT / "plan-baseline.png", full_page=True)
    expect(step).to_have_attribute("data-step", "breathe", timeout=PATIENCE_MS)
    expect(page.locator("bf-pacer")).to_be_visible()
    page.screenshot(path=OUTPUT / "plan-practice.png", full_page=True)
    expect(step).to_have_attribute("data-step", "recovery", timeout=PATIENCE_MS)
    page.reload()
    expect(step).to_have_attribute("data-step", "recovery", timeout=PATIENCE_MS)
    part(page, "plan-next").click()
    expect(step).to_have_attribute("data-step", "words")
    page.locator("textarea").fill("Quiet.")
    page.screenshot(path=OUTPUT / "plan-note.png", full_page=True)
    part(page, "plan-next").click()
    expect(page).to_have_url(re.compile("#done/"), timeout=PATIENCE_MS)

    session = page.url.rsplit("/", 1)[1]
    cookies = {one["name"]: one["value"] for one in page.context.cookies()}
    path = page.url.split("#")[0] + f"api/v1/sessions/{session}/recording"
    expect(part(page, "download")).to_be_visible(timeout=PATIENCE_MS)
    saved = tmp_path / "a.mcap"
    saved.write_bytes(httpx.get(path, cookies=cookies).content)
    assert verify(saved).ok
    records = [record for _, record in open_recording(saved).inputs()]
    config = records[0]
    assert isinstance(config, Config)
    assert config.plan is not None
    plan = read_plan(config.plan)
    assert plan.sha256 == config.plan_sha256
    entries = [record for record in records if isinstance(record, Entry)]
    marks = [
        Mark(text=one.text or "", at_ms=one.at_ms or 0.0)
        for one in entries
        if one.type == "plan"
    ]
    ids = ["before", "quiet", "breathe", "recovery", "words", "end"]
    assert [mark.text for mark in marks] == ids
    # The baseline lasted as planned, to the millisecond.
    assert marks[2].at_ms - marks[1].at_ms == 3000
    told = [(one.text, one.at_ms) for one in entries if one.type == "deviation"]
    assert told == [("recovery: cut_short", marks[4].at_ms)]
    found = walk(plan.steps_of(config.arm), marks, marks[-1].at_ms)
    assert [f"{d.step_id}: {d.what}" for d in found.deviations] == [told[0][0]]
    assert [one.text for one in entries if one.type == "note"] == ["Quiet."]
