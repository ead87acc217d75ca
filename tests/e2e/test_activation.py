"""Body activation (estimate) on the page: beside what is felt, and silent else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, StorageState, WebSocketRoute, expect

from tests.e2e.conftest import OUTPUT, OpenPage, StartService
from tests.e2e.journey import PATIENCE_MS, QUESTIONS, answer, begin, part, read_first
from tests.e2e.test_practice import AXE, LOOKS, check_accessible, run

TITLE = "Body activation (estimate)"
PACED = "Not estimated while you breathe with the pacer."
CALMER = {
    "band": "lower",
    "low": -8.1,
    "high": -1.4,
    "confidence": 0.99,
    "baseline_s": 120.0,
}
"""Told in place of the service's own: a real one takes minutes to come."""


class Told:
    """Changes what the metrics say of the body, on their way to the page."""

    def __init__(self) -> None:
        self.activation: dict[str, object] | None = None
        self.reason: str | None = PACED

    def route(self, page: Page) -> None:
        page.route_web_socket(re.compile("/api/v1/live/"), self._connect)

    def _connect(self, socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda frame: socket.send(self._changed(frame)))

    def _changed(self, frame: str | bytes) -> str | bytes:
        if not isinstance(frame, str) or '"kind":"metrics"' not in frame:
            return frame
        message = json.loads(frame)
        message["activation"] = self.activation
        message["activation_reason"] = self.reason
        return json.dumps(message)


def test_it_stands_beside_what_is_felt_in_each_look(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    url = run(start_service, tmp_path)
    told = Told()
    pages: dict[str, Page] = {}
    cookies: StorageState | None = None
    for look, (viewport, scheme) in LOOKS.items():
        pages[look] = page = open_page(
            url if cookies is None else url.split("#")[0],
            viewport=viewport,
            color_scheme=scheme,
            bypass_csp=True,
            cookies=cookies,
            before=told.route,
        )
        expect(part(page, "begin")).to_be_visible(timeout=PATIENCE_MS)
        if cookies is None:
            read_first(page)
        cookies = page.context.storage_state()
        page.add_script_tag(path=AXE)
    OUTPUT.mkdir(exist_ok=True)

    def see(name: str) -> None:
        for look, page in pages.items():
            check_accessible(page)
            picture = OUTPUT / f"activation-{name}-{look}.png"
            page.screenshot(path=picture, full_page=True)

    def each(step: Callable[[Page], object]) -> None:
        for page in pages.values():
            step(page)

    each(begin)
    each(lambda page: answer(page, 6, 7, 8))
    # While paced it is one quiet sentence, among the numbers somebody asked for.
    each(lambda page: expect(part(page, "activation")).to_have_count(0))
    each(lambda page: part(page, "toggle-numbers").click())
    each(lambda page: expect(part(page, "activation")).to_have_text(PACED))
    see("paced")
    told.activation, told.reason = CALMER, None
    each(
        lambda page: expect(part(page, "activation")).to_have_attribute(
            "data-band", "lower"
        )
    )
    see("unpaced")
    each(lambda page: part(page, "stop").click())
    each(lambda page: answer_two(page, 4, 4))
    # Nothing of the body is told before the person has said how it feels.
    each(lambda page: expect(part(page, "body")).to_be_empty())
    each(lambda page: choose(page, 7))
    each(lambda page: expect(part(page, "body")).to_contain_text(TITLE))
    each(
        lambda page: expect(part(page, "beside")).to_have_text(
            "Your body looks calmer than you feel. Both are true."
        )
    )
    see("asked")
    each(lambda page: part(page, "next").click())
    each(
        lambda page: expect(part(page, "summary")).to_have_attribute(
            "data-ready", "true", timeout=120_000
        )
    )
    each(
        lambda page: expect(part(page, "body")).to_contain_text(
            "Measured against 2 quiet minutes."
        )
    )
    see("done")


def answer_two(page: Page, *values: int) -> None:
    """Answer the questions on pain; the one on arousal stays."""
    for name, value in zip(QUESTIONS, values, strict=False):
        expect(part(page, f"question-{name}")).to_be_visible(timeout=PATIENCE_MS)
        choose(page, value)
        part(page, "next").click()
    expect(part(page, "question-arousal")).to_be_visible(timeout=PATIENCE_MS)


def choose(page: Page, value: int) -> None:
    page.locator(f'label:has(input[value="{value}"])').click()


def test_where_nothing_can_be_estimated_the_questions_are_as_ever(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    told = Told()
    page = open_page(run(start_service, tmp_path), before=told.route)
    begin(page)
    answer(page, None, None, None)
    told.reason = "Not estimated in the first minute after the pacer."
    part(page, "toggle-numbers").click()
    expect(part(page, "activation")).to_have_text(told.reason)
    part(page, "stop").click()
    answer_two(page, 3, 3)
    choose(page, 5)
    expect(part(page, "body")).to_be_empty()
    part(page, "next").click()
    expect(part(page, "summary")).to_have_attribute(
        "data-ready", "true", timeout=120_000
    )
    expect(part(page, "answer-arousal")).to_contain_text("5 after")
    expect(part(page, "beside")).to_be_empty()
