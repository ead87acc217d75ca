"""Home, the path of eight weeks, and the week's questions. In a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, StorageState, expect

from tests.e2e.conftest import OUTPUT, PHONE, OpenPage, StartService
from tests.e2e.journey import (
    PATIENCE_MS,
    get_json,
    part,
    rate,
    wait_for_stream,
    wait_until,
)
from tests.e2e.test_practice import AXE, LOOKS, check_accessible, run

KEY = "biofeedback.preferences"
TOOK = "one tablet in the morning, as every day"


def show(page: Page, screen: str) -> None:
    page.evaluate(f"location.hash = '#{screen}'")


def kept(page: Page) -> dict[str, object]:
    """Return what this browser remembers of how the person likes to practise."""
    stored = page.evaluate(f"localStorage.getItem('{KEY}')")
    choices: dict[str, object] = json.loads(stored)
    return choices


def rest_today(page: Page) -> str:
    """Return the same, with today as a day of rest by the browser's calendar."""
    today = page.evaluate("new Intl.DateTimeFormat('sv').format()")
    return json.dumps({**kept(page), "restDay": today})


def check_begin_in_view(page: Page) -> None:
    """See that Begin is in reach without scrolling."""
    box = part(page, "begin").bounding_box()
    height = page.evaluate("innerHeight")
    assert box is not None
    assert box["y"] + box["height"] <= height


def test_two_taps_with_a_practice_that_is_remembered_and_a_day_of_rest(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    page = open_page(run(start_service, tmp_path), viewport=PHONE)
    begin = part(page, "begin")
    expect(begin).to_be_enabled(timeout=PATIENCE_MS)
    check_begin_in_view(page)
    expect(part(page, "what")).to_contain_text("Breathing alone")
    expect(part(page, "strap-simulated")).not_to_be_visible()  # chosen, and folded

    part(page, "what").locator("summary").click()
    part(page, "practice-body_scan").click()
    page.locator('label:has(input[value="10"])').click()
    begin.click()
    # Whom to ask first: once, and all that was chosen is still chosen.
    part(page, "read-first").click()
    expect(begin).to_be_enabled(timeout=PATIENCE_MS)
    expect(part(page, "what")).to_contain_text("Body scan")
    begin.click()
    page.wait_for_url(re.compile("#before/"))
    page.reload()
    part(page, "skip-all").click()
    page.wait_for_url(re.compile("#practice/"))
    told = "document.querySelector('bf-pacer')?.feed.entries.map(e => [e.type, e.text])"
    wait_until(
        page, lambda: ["practice", "body_scan"] in (page.evaluate(told) or []), 20_000
    )

    # Interrupted: home leads back, and nothing is lost.
    show(page, "home")
    page.get_by_role("button", name="Go back to it").click()
    page.wait_for_url(re.compile("#practice/"))
    wait_for_stream(page)
    show(page, "home")
    page.get_by_role("button", name="End it").click()
    expect(begin).to_be_enabled(timeout=PATIENCE_MS)
    assert kept(page)["minutes"] == 10

    # A week of the path sets what to do, and begins nothing by itself.
    part(page, "path").click()
    part(page, "week-5").click()
    expect(part(page, "path-week")).to_contain_text("something good")
    part(page, "idea").first.click()
    expect(part(page, "what")).to_contain_text("Savoring")
    expect(page.locator("input[name=minutes]:checked")).to_have_value("3")
    part(page, "path").click()
    expect(part(page, "path-week")).to_contain_text("something good")

    # Felt dizzy today: home asks nothing until the person opens it.
    page.evaluate(f"kept => localStorage.setItem('{KEY}', kept)", rest_today(page))
    show(page, "home")
    page.reload()
    expect(part(page, "rest-day")).to_contain_text("Nothing needs to begin now.")
    expect(begin).to_have_count(0)
    part(page, "rest-open").click()
    expect(begin).to_be_enabled(timeout=PATIENCE_MS)


def test_the_week_is_kept_in_the_diary_and_each_page_is_accessible(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    url = run(start_service, tmp_path)
    pages: dict[str, Page] = {}
    cookies: StorageState | None = None
    for look in ("phone-light", "laptop-dark"):
        viewport, scheme = LOOKS[look]
        pages[look] = page = open_page(
            url if cookies is None else url.split("#")[0],
            viewport=viewport,
            color_scheme=scheme,
            reduced_motion="reduce",
            bypass_csp=True,
            cookies=cookies,
        )
        expect(part(page, "begin")).to_be_enabled(timeout=PATIENCE_MS)
        cookies = page.context.storage_state()
        page.add_script_tag(path=AXE)
    OUTPUT.mkdir(exist_ok=True)

    def see(name: str, prepare: Callable[[Page], object]) -> None:
        for look, page in pages.items():
            prepare(page)
            check_accessible(page)
            page.screenshot(path=OUTPUT / f"{name}-{look}.png", full_page=True)

    def open_folds(page: Page) -> None:
        for name in ("what", "straps"):
            part(page, name).locator("summary").click()

    def open_path(page: Page) -> None:
        show(page, "path")
        expect(part(page, "path-week")).to_be_visible()

    def open_week(page: Page) -> None:
        show(page, "week")
        expect(part(page, "question-peg_pain")).to_be_visible()

    see("home-open", open_folds)
    see("path", open_path)
    see("week", open_week)

    page = pages["phone-light"]
    rate(page, "peg_pain", 6)
    rate(page, "peg_enjoyment", 5)
    part(page, "skip").click()
    rate(page, "sleep", 4)
    rate(page, "mood", 7)
    part(page, "medicine").fill(TOOK)
    page.reload()  # what was written is still there
    expect(part(page, "medicine")).to_have_value(TOOK)
    page.add_script_tag(path=AXE)
    check_accessible(page)
    page.screenshot(path=OUTPUT / "week-medicine-phone-light.png")
    part(page, "keep").click()
    expect(part(page, "noted")).to_have_attribute("data-pending", "0")
    check_accessible(page)
    page.screenshot(path=OUTPUT / "week-end-phone-light.png")
    told = get_json(page, "diary")
    assert isinstance(told, dict)
    entries = told["entries"]
    assert [(e["occasion"], e["type"], e["value"], e["text"]) for e in entries] == [
        ("week", "peg_pain", 6, None),
        ("week", "peg_enjoyment", 5, None),
        ("week", "sleep", 4, None),
        ("week", "mood", 7, None),
        ("medicine", "medicine", None, TOOK),
    ]
    assert len({e["group_id"] for e in entries[:4]}) == 1
    assert "past week" in entries[0]["prompt"]
    # Asked again, nothing of it is shown.
    part(page, "home").click()
    part(page, "week").click()
    question = part(page, "question-peg_pain")
    expect(question).to_be_visible()
    expect(question.locator("input:checked")).to_have_count(0)
    for _ in range(5):
        part(page, "skip").click()
    expect(part(page, "medicine")).to_have_value("")
    part(page, "skip").click()
    expect(part(page, "week-end")).to_contain_text("Nothing noted")
