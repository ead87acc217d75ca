"""What a person does on the page, step by step."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

QUESTIONS = ("pain_intensity", "pain_unpleasantness", "arousal")
PATIENCE_MS = 45_000


def part(page: Page, testid: str) -> Locator:
    return page.get_by_test_id(testid)


def begin(page: Page, kind: str = "simulated") -> None:
    """Choose a strap and begin; the first time, read whom to ask first."""
    strap = part(page, f"strap-{kind}").first
    expect(strap).to_be_attached(timeout=PATIENCE_MS)
    if not strap.is_visible():
        part(page, "straps").locator("summary").click()
    strap.click()
    press_begin(page)


def press_begin(page: Page) -> None:
    part(page, "begin").click()
    page.wait_for_url(re.compile("#(first|before|practice)"), timeout=PATIENCE_MS)
    if page.url.endswith("#first"):
        part(page, "read-first").click()
        part(page, "begin").click()


def read_first(page: Page) -> None:
    """Read whom to ask first beforehand; pages with the same storage know it."""
    page.evaluate("location.hash = '#first'")
    part(page, "read-first").click()
    expect(part(page, "begin")).to_be_visible(timeout=PATIENCE_MS)


def answer(page: Page, *values: int | None) -> None:
    """Answer the three questions in order; ``None`` skips one."""
    for name, value in zip(QUESTIONS, values, strict=True):
        question = part(page, f"question-{name}")
        expect(question).to_be_visible(timeout=PATIENCE_MS)
        expect(question.locator("input:checked")).to_have_count(0)
        if value is None:
            part(page, "skip").click()
        else:
            rate(page, name, value)


def rate(page: Page, name: str, value: int) -> None:
    """Answer the one question that is on screen."""
    question = part(page, f"question-{name}")
    expect(question).to_be_visible(timeout=PATIENCE_MS)
    question.locator(f'label:has(input[value="{value}"])').click()
    part(page, "next").click()


def wait_for_stream(page: Page) -> None:
    expect(part(page, "link-state")).to_have_attribute(
        "data-state", "streaming", timeout=PATIENCE_MS
    )


def count_beats(page: Page) -> list[str]:
    """Collect the beats that reach the page from now on, each as first told."""
    beats: list[str] = []
    seen: set[int] = set()

    def received(frame: str | bytes) -> None:
        if isinstance(frame, str) and '"kind":"beat"' in frame:
            index = json.loads(frame)["index"]
            if index not in seen:
                seen.add(index)
                beats.append(frame)

    page.on("websocket", lambda socket: socket.on("framereceived", received))
    return beats


def wait_until(
    page: Page, reached: Callable[[], bool], within_ms: int = 4 * PATIENCE_MS
) -> None:
    """Let the page go on until ``reached``."""
    for _ in range(within_ms // 100):
        if reached():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it did not come to that in time")


def session_id(page: Page) -> str:
    return page.url.split("/")[-1]


def get_json(page: Page, path: str) -> object:
    """Ask the service as the page would, with its cookie."""
    reply = page.request.get(f"{page.url.split('/#')[0]}/api/v1/{path}")
    assert reply.ok, reply.text()
    return reply.json()
