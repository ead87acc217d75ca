"""Somebody looks for their pace: a rest, a pace, and what could be read of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import PHONE, OpenPage, StartService
from tests.e2e.journey import part, session_id
from tests.e2e.test_practice import AXE, check_accessible, run


def test_a_pace_is_tried_stopped_and_told(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    url = run(start_service, tmp_path)
    page = open_page(url, viewport=PHONE, bypass_csp=True)
    expect(part(page, "begin")).to_be_visible()
    # Short steps are for researchers: they stand in the address.
    page.goto(url.split("#")[0] + "?steps_s=20&rests_s=5#assess")
    page.add_script_tag(path=AXE)
    intro = part(page, "assess-intro")
    expect(intro).to_contain_text("You do not need this")
    part(page, "strap-simulated").first.click()
    check_accessible(page)
    part(page, "assess-begin").click()

    walk = part(page, "assess")
    expect(walk).to_have_attribute("data-part", "resonance/rest")
    expect(walk).to_contain_text("Breathe as you like")
    expect(part(page, "pacer")).to_have_count(0)
    expect(walk).to_have_attribute("data-part", "resonance/6.5")
    expect(part(page, "pacer")).to_be_visible()
    check_accessible(page)
    told = page.evaluate("document.querySelector('bf-pacer').feed.schedule.at(-1)")
    marks = page.evaluate("document.querySelector('bf-pacer').feed.entries")
    begun = [one["at_ms"] for one in marks if one["text"] == "resonance/6.5"]
    assert told["rate_bpm"] == 6.5
    if begun:  # the mark has come back already
        assert told["origin_ms"] == pytest.approx(begun[0], abs=0.001)

    part(page, "assess-stop").click()
    expect(part(page, "assess-result")).to_be_visible()
    expect(part(page, "assess-sentence")).to_have_text(
        "Too few paces could be read to say which one."
    )
    expect(part(page, "chances").locator("li")).to_have_count(5)
    expect(part(page, "chances")).to_contain_text("Not counted: it was too short.")
    part(page, "assess-details").locator("summary").click()
    expect(part(page, "criteria").locator("tr")).to_have_count(6)
    check_accessible(page)
    id = session_id(page)

    part(page, "repeat-5.5").click()  # one step alone, after a rest of its own
    expect(walk).to_contain_text("Next: 5½ breaths a minute.")
    part(page, "assess-stop").click()
    part(page, "assess-keep").click()
    expect(part(page, "begin")).to_be_visible()
    session = page.request.get(f"{url.split('/#')[0]}/api/v1/sessions/{id}").json()
    assert session["state"] in ("closing", "complete")
