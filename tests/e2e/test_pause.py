"""Pause before the pill, and the questions around a practice. In a real browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import LAPTOP, OUTPUT, PHONE, OpenPage, StartService
from tests.e2e.journey import (
    PATIENCE_MS,
    answer,
    begin,
    get_json,
    part,
    rate,
    session_id,
    wait_for_stream,
    wait_until,
)
from tests.e2e.test_practice import AXE, check_accessible

BREATH_MS = 180_000


def diary(page: Page) -> list[dict[str, Any]]:
    told = get_json(page, "diary")
    assert isinstance(told, dict)
    entries: list[dict[str, Any]] = told["entries"]
    return entries


def noted(page: Page) -> list[tuple[str, str | None, object]]:
    return [
        (e["type"], e["moment"], e["value"] if e["text"] is None else e["text"])
        for e in diary(page)
        if e["type"] not in ("breath", "pace")
    ]


def pause(page: Page, choice: str) -> None:
    """Go through a whole pause; its three minutes pass on the page's own clock."""
    part(page, "pause").click()
    rate(page, "craving", 7)
    rate(page, "pain_unpleasantness", 6)
    expect(part(page, "phase-word")).to_have_text(re.compile("Breathe in|Breathe out"))
    part(page, "pain-or-craving").locator('label:has(input[value="both"])').click()
    page.clock.fast_forward(BREATH_MS)
    rate(page, "craving", 5)
    part(page, "skip").click()
    part(page, f"choice-{choice}").click()
    expect(part(page, "pause-end")).to_contain_text("Taking it as prescribed is okay.")


def test_a_pause_is_noted_and_leaves_a_running_practice_alone(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    service = start_service(
        *("run", "--no-browser", "--port", "0", "--data", str(tmp_path))
    )
    page = open_page(
        service.url,
        viewport=PHONE,
        bypass_csp=True,
        before=lambda page: page.clock.install(),
    )
    page.clock.resume()
    begin(page)
    answer(page, None, None, None)
    wait_for_stream(page)
    id = session_id(page)
    pause(page, "as_prescribed")
    expect(part(page, "noted")).to_have_attribute("data-pending", "0")
    assert noted(page) == [
        ("craving", "before", 7),
        ("pain_unpleasantness", "before", 6),
        ("pain_or_craving", "during", "both"),
        ("craving", "after", 5),
        ("choice", "after", "as_prescribed"),
    ]
    entries = diary(page)
    assert {e["occasion"] for e in entries} == {"pause"}
    assert len({e["group_id"] for e in entries}) == 1
    breath, pace = (
        next(e for e in entries if e["type"] == t) for t in ("breath", "pace")
    )
    assert (breath["value"], breath["unit"]) == (180, "s")
    assert (pace["value"], pace["text"]) == (6, "inhale_pct=40 rest_ms=0")
    first = entries[0]
    assert first["prompt"] == "How strong is the pull right now?"
    assert first["latency_ms"] > 0
    assert first["device"].startswith("browser, mouse, 360x740")

    session = get_json(page, f"sessions/{id}")
    assert isinstance(session, dict)
    assert session["state"] == "live"
    part(page, "back-to-practice").click()
    wait_for_stream(page)
    assert session_id(page) == id

    # Whoever left the questions out at the end can still answer for a while.
    part(page, "stop").click()
    part(page, "skip-all").click()
    part(page, "answer-late").click(timeout=PATIENCE_MS)
    rate(page, "pain_intensity", 5)
    part(page, "skip-all").click()
    expect(part(page, "answer-pain_intensity")).to_contain_text("5 after")
    expect(part(page, "answer-late")).to_have_count(0)


def test_a_pause_without_the_service_is_delivered_once_it_is_back(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    service = start_service(
        *("run", "--no-browser", "--port", "0", "--data", str(tmp_path))
    )
    page = open_page(service.url, before=lambda page: page.clock.install())
    page.clock.resume()
    expect(part(page, "begin")).to_be_visible(timeout=PATIENCE_MS)
    defined = "customElements.get('bf-pause') !== undefined"
    wait_until(page, lambda: bool(page.evaluate(defined)))
    page.context.set_offline(True)
    pause(page, "wait")
    waiting = int(part(page, "noted").get_attribute("data-pending") or 0)
    assert waiting == 7
    expect(part(page, "noted")).to_contain_text("kept in this browser")
    cookies = page.context.storage_state()
    page.close()

    # Another tab, later: what waited in this browser is sent, once and in order.
    again = open_page(f"{service.origin}/#home", cookies=cookies)
    wait_until(again, lambda: len(diary(again)) == waiting)
    assert [type for type, _, _ in noted(again)] == [
        *("craving", "pain_unpleasantness", "pain_or_craving", "craving", "choice"),
    ]
    again.reload()
    expect(part(again, "begin")).to_be_visible(timeout=PATIENCE_MS)
    assert len(diary(again)) == waiting
    open_page.forgive("ERR_INTERNET_DISCONNECTED")


def test_signed_out_two_taps_lead_to_the_breath_and_one_key_out_of_it(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    service = start_service(
        *("run", "--no-browser", "--port", "0", "--data", str(tmp_path))
    )
    page = open_page(service.origin, reduced_motion="reduce")
    expect(page.get_by_role("heading")).to_be_focused()
    part(page, "pause").press("Enter")
    expect(part(page, "question-craving")).to_be_visible()
    part(page, "skip-all").focus()
    page.keyboard.press("Enter")
    expect(part(page, "phase-word")).to_have_text(re.compile("Breathe in|Breathe out"))
    moving = page.evaluate(
        "document.getAnimations().filter(one => one.playState === 'running').length"
    )
    assert moving == 0
    page.keyboard.press("Escape")
    expect(part(page, "pause-dizzy")).to_contain_text("Smaller, not deeper.")
    expect(part(page, "phase-word")).to_have_count(0)
    kept = page.evaluate("Object.values(localStorage).filter(v => v.includes('dizzy'))")
    assert len(kept) == 1
    page.close()  # what is noted is offered again and again until somebody signs in
    open_page.forgive("401")


def test_a_rating_is_eleven_steps_and_never_shows_what_was_said_before(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    """Domain facts I.11 and I.12, with craving and mood asked for."""
    service = start_service(
        *("run", "--no-browser", "--port", "0", "--data", str(tmp_path))
    )
    wish = '{"askCraving": true, "askMood": true}'
    page = open_page(
        service.url,
        viewport=PHONE,
        before=lambda page: page.add_init_script(
            f"localStorage.setItem('biofeedback.preferences', '{wish}')"
        ),
    )
    begin(page)
    question = part(page, "question-pain_intensity")
    expect(question.locator("input")).to_have_count(11)
    expect(question.locator("input:checked")).to_have_count(0)
    for word in ("No pain", "mild", "medium", "strong", "Worst pain imaginable"):
        expect(question).to_contain_text(word)
    page.keyboard.press("Tab")
    for digit in range(10):
        page.keyboard.press(str(digit))
        expect(question.locator("input:checked")).to_have_value(str(digit))
    page.keyboard.press("1")
    page.keyboard.press("0")
    expect(question.locator("input:checked")).to_have_value("10")
    rate(page, "pain_intensity", 7)
    rate(page, "pain_unpleasantness", 8)
    expect(part(page, "question-arousal").locator("input")).to_have_count(9)
    page.screenshot(path=OUTPUT / "arousal-phone-light.png")
    rate(page, "arousal", 6)
    rate(page, "craving", 3)
    part(page, "skip").click()  # self-control
    part(page, "skip").click()  # mood
    wait_for_stream(page)
    id = session_id(page)
    part(page, "stop").click()
    for name, value in (("pain_intensity", 5), ("pain_unpleasantness", 4)):
        expect(part(page, f"question-{name}").locator("input:checked")).to_have_count(0)
        rate(page, name, value)
    part(page, "skip-all").click()
    intensity = part(page, "answer-pain_intensity")
    expect(intensity).to_contain_text("2 points lower (29 %)", timeout=PATIENCE_MS)
    expect(part(page, "band")).to_have_text("Below the 30 % mark.")
    expect(part(page, "answer-pain_unpleasantness")).to_contain_text("4 points lower")
    expect(part(page, "answer-pain_unpleasantness")).not_to_contain_text("%")
    expect(part(page, "gap")).to_contain_text("2 points lower")
    page.screenshot(path=OUTPUT / "changes-phone-light.png", full_page=True)
    told = get_json(page, f"sessions/{id}/ratings")
    assert isinstance(told, dict)
    assert told["ratings"][0]["prompt"] == "How strong is your pain right now?"


@pytest.mark.parametrize("look", ["phone-light", "phone-dark", "laptop-light"])
def test_every_step_of_a_pause_is_accessible(
    tmp_path: Path, start_service: StartService, open_page: OpenPage, look: str
) -> None:
    size, scheme = look.split("-")
    service = start_service(
        *("run", "--no-browser", "--port", "0", "--data", str(tmp_path))
    )
    page = open_page(
        f"{service.origin}/#pause",
        viewport=PHONE if size == "phone" else LAPTOP,
        color_scheme=scheme,
        bypass_csp=True,
        before=lambda page: page.clock.install(),
    )
    page.clock.resume()
    page.add_script_tag(path=AXE)
    OUTPUT.mkdir(exist_ok=True)

    def see(name: str) -> None:
        check_accessible(page)
        page.screenshot(path=OUTPUT / f"{name}-{look}.png")

    expect(part(page, "question-craving")).to_be_visible()
    see("pause-question")
    part(page, "question-craving").locator('label:has(input[value="8"])').click()
    expect(part(page, "high")).not_to_be_empty()
    expect(part(page, "next")).to_be_enabled()
    see("pause-doors")
    part(page, "skip-all").click()
    expect(part(page, "phase-word")).to_have_text(re.compile("Breathe in|Breathe out"))
    see("pause-breath")
    page.clock.fast_forward(BREATH_MS)
    part(page, "skip-all").click()
    expect(part(page, "pause-choice")).to_be_visible()
    see("pause-choice")
    part(page, "choice-rather_not_say").click()
    expect(part(page, "pause-end")).to_be_visible()
    see("pause-end")
    open_page.forgive("401")
