"""A person without a strap: breathe, rate, stop, look again. In a real browser."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, StorageState, expect

from tests.conftest import ROOT
from tests.e2e.conftest import LAPTOP, OUTPUT, PHONE, OpenPage, StartService
from tests.e2e.journey import (
    PATIENCE_MS,
    answer,
    begin,
    count_beats,
    part,
    read_first,
    session_id,
    wait_for_stream,
    wait_until,
)

AXE = ROOT / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]
SMALLEST_TARGET_PX = 48

BEATS = int(os.environ.get("PICTURE_BEATS", "5"))
"""How many beats the trace shows in the pictures; `make pictures` waits for more."""

LOOKS = {
    "phone-light": (PHONE, "light"),
    "phone-dark": (PHONE, "dark"),
    "laptop-light": (LAPTOP, "light"),
    "laptop-dark": (LAPTOP, "dark"),
}


def run(start_service: StartService, data: Path, *arguments: str) -> str:
    service = start_service(
        *("run", "--no-browser", "--port", "0", "--data", str(data), *arguments)
    )
    return service.url


def get_entries(page: Page) -> set[str]:
    entries = page.evaluate("document.querySelector('bf-pacer').feed.entries")
    return {entry["type"] for entry in entries}


SETTLED = """() => Promise.allSettled(
    document.getAnimations()
        .filter((one) => one instanceof CSSTransition)
        .map((one) => one.finished))"""
"""Waits for what fades in or out; what moves for ever is not waited for."""


def check_accessible(page: Page) -> None:
    """No finding of axe, and every control large enough for a sore hand."""
    page.evaluate(SETTLED)  # a colour on its way to another is neither
    found = page.evaluate(
        "tags => axe.run({runOnly: {type: 'tag', values: tags}})", WCAG
    )
    assert [(one["id"], one["help"]) for one in found["violations"]] == []
    small = page.evaluate(
        """least => [...document.querySelectorAll('button, a[href], input, summary')]
        .map(one => one.closest('label') ?? one)
        .filter(one => one.checkVisibility())
        .map(one => [one.textContent.trim(), one.getBoundingClientRect()])
        .filter(([, box]) => box.width > 1 && Math.min(box.width, box.height) < least)
        .map(([words, box]) => `${words}: ${box.width} x ${box.height}`)""",
        SMALLEST_TARGET_PX - 0.5,
    )
    assert small == []
    wider = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert wider <= 0


def test_every_screen_is_accessible_in_each_look(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    """Four practices side by side, one in each look, through every screen."""
    url = run(start_service, tmp_path)
    pages: dict[str, Page] = {}
    cookies: StorageState | None = None
    for look, (viewport, scheme) in LOOKS.items():
        pages[look] = page = open_page(
            # The link works once; the others come with the first one's cookie.
            url if cookies is None else url.split("#")[0],
            viewport=viewport,
            color_scheme=scheme,
            bypass_csp=True,  # so that axe can be put into the page
            cookies=cookies,
        )
        expect(part(page, "radio-advice")).to_be_visible(timeout=PATIENCE_MS)
        if cookies is None:
            read_first(page)
        cookies = page.context.storage_state()
        page.add_script_tag(path=AXE)
    beats = {look: count_beats(page) for look, page in pages.items()}
    OUTPUT.mkdir(exist_ok=True)

    def see(name: str) -> None:
        for look, page in pages.items():
            check_accessible(page)
            page.screenshot(path=OUTPUT / f"{name}-{look}.png")

    def each(step: Callable[[Page], object]) -> None:
        for page in pages.values():
            step(page)

    each(
        lambda page: expect(
            part(page, "strap-simulated").locator("input")
        ).to_be_checked()
    )
    see("home")
    each(lambda page: part(page, "help").click())
    each(lambda page: expect(part(page, "help-dialog")).to_be_visible())
    see("help")
    each(lambda page: page.keyboard.press("Escape"))
    each(begin)
    each(lambda page: expect(part(page, "question-pain_intensity")).to_be_visible())
    see("question")
    each(lambda page: answer(page, 6, 7, None))
    each(wait_for_stream)
    each(lambda page: expect(part(page, "simulated-label")).to_be_visible())
    # Numbers are hidden by default.
    each(lambda page: expect(part(page, "heart-rate")).to_have_count(0))
    for look, page in pages.items():
        wait_until(page, lambda look=look: len(beats[look]) > BEATS)  # type: ignore[misc]
    see("practice")
    each(lambda page: part(page, "toggle-numbers").click())
    each(
        lambda page: expect(part(page, "heart-rate")).to_have_text(re.compile(r"^\d+$"))
    )
    see("numbers")
    each(lambda page: part(page, "rate-now").click())
    each(lambda page: expect(part(page, "rate-sheet")).to_be_visible())
    see("rate-now")
    each(lambda page: page.keyboard.press("Escape"))
    each(lambda page: part(page, "stop").click())
    each(lambda page: answer(page, 4, 4, None))
    each(
        lambda page: expect(part(page, "summary")).to_have_attribute(
            "data-ready", "true", timeout=120_000
        )
    )
    each(lambda page: expect(part(page, "summary")).to_contain_text("2 points lower"))
    each(lambda page: expect(part(page, "simulated-label")).to_be_visible())
    see("done")
    each(lambda page: part(page, "replay").click())
    each(
        lambda page: expect(part(page, "replay-label")).to_be_visible(
            timeout=PATIENCE_MS
        )
    )
    see("replay")


def test_the_whole_practice_goes_by_keyboard_with_reduced_motion(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    page = open_page(run(start_service, tmp_path), reduced_motion="reduce")
    expect(part(page, "begin")).to_be_enabled(timeout=PATIENCE_MS)
    for button in ("begin", "read-first", "begin"):  # whom to ask first: once
        part(page, button).focus()
        page.keyboard.press("Enter")
    expect(part(page, "question-pain_intensity")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("1")
    page.keyboard.press("0")
    expect(
        part(page, "question-pain_intensity").locator("input:checked")
    ).to_have_value("10")
    page.keyboard.press("Enter")
    expect(part(page, "question-pain_unpleasantness")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("3")
    page.keyboard.press("Enter")
    expect(part(page, "question-arousal")).to_be_visible()
    part(page, "skip").focus()
    page.keyboard.press("Enter")
    wait_for_stream(page)
    words = part(page, "phase-word")
    expect(words).to_have_text(re.compile("Breathe (in|out)"))
    moving = page.evaluate(
        "document.getAnimations().filter(one => one.playState === 'running').length"
    )
    assert moving == 0
    part(page, "stop").focus()
    page.keyboard.press("Enter")
    expect(part(page, "question-pain_intensity")).to_be_visible()


def test_simulate_begins_at_once(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    page = open_page(run(start_service, tmp_path, "--simulate"))
    part(page, "read-first").click()  # whom to ask first: once
    expect(part(page, "question-pain_intensity")).to_be_visible(timeout=PATIENCE_MS)
    answer(page, None, None, None)
    wait_for_stream(page)
    expect(part(page, "simulated-label")).to_be_visible()


def test_the_pacer_goes_on_without_the_server(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    service = start_service(
        *("run", "--no-browser", "--port", "0", "--data", str(tmp_path))
    )
    page = open_page(service.url)
    begin(page)
    answer(page, None, None, None)
    wait_for_stream(page)
    service.process.kill()
    service.process.wait()
    expect(part(page, "link-state")).not_to_have_attribute(
        "data-state", "streaming", timeout=PATIENCE_MS
    )
    seen: set[str] = set()

    def both_phases() -> bool:
        seen.add(part(page, "phase-word").inner_text())
        return {"Breathe in", "Breathe out"} <= seen

    wait_until(page, both_phases)
    part(page, "help").click()
    expect(part(page, "help-dialog")).to_contain_text("988")
    open_page.forgive("ERR_CONNECTION|ERR_SOCKET")


def test_help_is_there_for_someone_who_is_not_signed_in(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    url = run(start_service, tmp_path).split("#")[0]
    page = open_page(url)
    part(page, "help").click()
    expect(part(page, "help-dialog")).to_contain_text("116 123")
    page.keyboard.press("Escape")
    expect(part(page, "begin")).to_have_count(0)
    open_page.forgive("401")


def test_dizzy_ends_the_practice_in_one_action_and_says_what_to_do(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    page = open_page(run(start_service, tmp_path))
    begin(page)
    answer(page, None, None, None)
    wait_for_stream(page)
    part(page, "stop-now").click()
    expect(page.get_by_role("heading", name="Breathe as you like now")).to_be_visible()
    expect(part(page, "phase-word")).to_have_count(0)


def test_an_injected_script_does_not_run(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    page = open_page(run(start_service, tmp_path))
    expect(part(page, "begin")).to_be_visible(timeout=PATIENCE_MS)
    ran = page.evaluate(
        """() => {
            const script = document.createElement('script');
            try { script.textContent = 'window.injected = true'; } catch { return 0; }
            document.body.append(script);
            return window.injected ?? false;
        }"""
    )
    assert not ran
    open_page.forgive("Trusted|script")


def test_a_reload_in_the_middle_comes_back_to_the_practice(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    page = open_page(run(start_service, tmp_path))
    begin(page)
    answer(page, 2, 2, 2)
    wait_for_stream(page)
    id = session_id(page)
    told = "document.querySelector('bf-pacer').feed.begun"
    wait_until(page, lambda: page.evaluate(told) is not None)
    begun = page.evaluate(told)
    wait_until(page, lambda: {"phase", "posture", "eyes"} <= get_entries(page))
    page.reload()
    wait_for_stream(page)
    assert session_id(page) == id
    expect(part(page, "phase-word")).to_have_text(re.compile("Breathe|Rest"))
    # It is the same practice, that began where it began, and not another one.
    assert page.evaluate(told) == begun
    schedule = page.evaluate("document.querySelector('bf-pacer').feed.schedule")
    assert begun["startedMs"] in [one["origin_ms"] for one in schedule]
    assert {"phase", "posture", "eyes"} <= get_entries(page)


def test_a_file_replays_in_the_dashboard_marked_as_such(
    start_service: StartService, open_page: OpenPage
) -> None:
    example = ROOT / "recordings" / "examples" / "calm.mcap"
    service = start_service(
        *("replay", str(example), "--serve", "--speed", "8"),
        *("--no-browser", "--port", "0"),
    )
    page = open_page(service.url)
    expect(part(page, "replay-label")).to_be_visible(timeout=PATIENCE_MS)
    expect(part(page, "simulated-label")).to_be_visible()
    part(page, "toggle-numbers").click()
    expect(part(page, "heart-rate")).to_have_text(
        re.compile(r"^\d+$"), timeout=PATIENCE_MS
    )
    expect(part(page, "rate-now")).to_have_count(0)
