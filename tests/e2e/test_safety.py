"""Dizzy, very high ratings, whom to ask first, and help. In a real browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import OUTPUT, PHONE, OpenPage, Service, StartService
from tests.e2e.journey import (
    PATIENCE_MS,
    answer,
    begin,
    get_json,
    part,
    session_id,
    wait_for_stream,
    wait_until,
)
from tests.e2e.test_practice import AXE, check_accessible


def run(start_service: StartService, data: Path) -> Service:
    return start_service(*("run", "--no-browser", "--port", "0", "--data", str(data)))


def practise(page: Page) -> str:
    begin(page)
    answer(page, None, None, None)
    wait_for_stream(page)
    return session_id(page)


def kept(page: Page, name: str) -> Any:  # noqa: ANN401 (whatever was kept)
    text = page.evaluate("localStorage.getItem('biofeedback.preferences')")
    return json.loads(text)[name]


def finished(page: Page, session: str) -> bool:
    known = get_json(page, f"sessions/{session}")
    return isinstance(known, dict) and known["state"] == "complete"


def marks(page: Page, session: str) -> list[dict[str, Any]]:
    series = get_json(page, f"recordings/{session}/series")
    assert isinstance(series, dict)
    entries: list[dict[str, Any]] = series["entries"]
    return entries


@pytest.mark.parametrize("how", ["tap", "space", "escape"])
def test_dizzy_stops_at_once_and_nothing_asks_to_begin_again(
    tmp_path: Path, start_service: StartService, open_page: OpenPage, how: str
) -> None:
    service = run(start_service, tmp_path)
    page = open_page(service.url, viewport=PHONE, bypass_csp=True)
    session = practise(page)
    if how == "tap":
        part(page, "stop-now").click()
    else:
        page.keyboard.press(" " if how == "space" else "Escape")
    expect(part(page, "dizzy-screen")).to_be_visible(timeout=1000)
    expect(part(page, "pacer")).to_have_count(0)
    page.screenshot(path=OUTPUT / f"dizzy-{how}-phone-light.png", full_page=True)
    if how == "tap":
        page.add_script_tag(path=AXE)
        check_accessible(page)
    if how != "escape":
        part(page, "all-right").click()
        # The day is for rest: there is no Begin until somebody looks for it.
        expect(page.get_by_role("heading", name="Today is for rest")).to_be_visible()
        expect(part(page, "begin")).to_have_count(0)
        wait_until(page, lambda: finished(page, session))
        expect(page.get_by_role("heading", name="Today is for rest")).to_be_visible()
        page.screenshot(path=OUTPUT / f"rest-day-{how}-phone-light.png", full_page=True)
        found = marks(page, session)
        assert any(one["type"] == "symptom" for one in found)
        return
    # Somebody who only wanted to finish says so, and is asked as after any practice.
    part(page, "only-finish").click()
    answer(page, 3, 2, None)
    expect(page.get_by_role("heading", name="You are done")).to_be_visible()
    assert kept(page, "restDay") == ""
    wait_until(page, lambda: finished(page, session))
    found = marks(page, session)
    symptom = next(one for one in found if one["type"] == "symptom")
    correction = next(one for one in found if one["type"] == "correction")
    assert correction["text"] == "only finished"
    assert symptom["text"] == "dizzy"


def test_three_doors_and_help_that_nobody_records(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    service = run(start_service, tmp_path)
    page = open_page(service.url, viewport=PHONE, bypass_csp=True)
    begin(page)
    question = part(page, "question-pain_intensity")
    expect(question).to_be_visible(timeout=PATIENCE_MS)
    question.locator('label:has(input[value="8"])').click()
    expect(part(page, "doors")).to_have_count(0)
    question.locator('label:has(input[value="9"])').click()
    doors = part(page, "doors")
    expect(doors).to_be_visible()
    # Somebody to call, kept on this device: typed digits are no answer.
    doors.get_by_text("Someone I know").click()
    page.locator('[name="contact-name"]').fill("Mara")
    page.locator('[name="contact-number"]').fill("12")
    part(page, "keep-contact").click()
    expect(doors).to_contain_text("three or more")
    page.locator('[name="contact-number"]').fill("030 123456")
    page.locator('[name="contact-number"]').press("Enter")
    call = doors.get_by_role("link", name="Call Mara")
    expect(call).to_have_attribute("href", "tel:030123456")
    expect(question.locator('input[value="9"]')).to_be_checked()
    page.screenshot(path=OUTPUT / "doors-phone-light.png", full_page=True)
    page.add_script_tag(path=AXE)
    check_accessible(page)
    # The crisis line is one tap away, and opening it is nobody's business.
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    part(page, "door-line").click()
    sheet = part(page, "help-dialog")
    expect(sheet.get_by_role("link", name="988 Lifeline")).to_be_visible()
    page.screenshot(path=OUTPUT / "help-phone-light.png")
    check_accessible(page)
    sheet.get_by_role("button", name="Close").click()
    assert asked == []
    part(page, "next").click()  # never forced: the practice goes on
    expect(part(page, "question-pain_unpleasantness")).to_be_visible()
    assert "Mara" not in str(get_json(page, "diary"))
