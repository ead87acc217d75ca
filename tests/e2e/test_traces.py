"""ECG and movement on request: from the strap's samples to ink on the page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, StorageState, WebSocket, WebSocketRoute, expect

from biofeedback.model import Notification, SignalsCommand
from biofeedback.recording.reader import open_recording
from biofeedback.session.replay import verify
from tests.e2e.conftest import OUTPUT, OpenPage, StartService
from tests.e2e.journey import (
    PATIENCE_MS,
    answer,
    part,
    session_id,
    wait_for_stream,
    wait_until,
)
from tests.e2e.test_practice import AXE, LOOKS, check_accessible

INK = """name => {
    const canvas = document.querySelector(`[data-testid="canvas-${name}"]`);
    if (!canvas || canvas.width === 0) return [];
    const { width, height } = canvas;
    const copy = new OffscreenCanvas(width, height);
    const pen = copy.getContext('2d', { willReadFrequently: true });
    pen.drawImage(canvas, 0, 0);
    const data = pen.getImageData(0, 0, width, height).data;
    const columns = new Set();
    for (let i = 3; i < data.length; i += 4)
        if (data[i] > 0) columns.add(((i - 3) / 4) % width);
    return [columns.size, width];
}"""
"""How many columns of the canvas hold ink, and how many there are."""


class Talk:
    """What a page and the service say to one another on the live websocket."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.commands: list[dict[str, Any]] = []

    def hear(self, page: Page) -> None:
        page.on("websocket", self._opened)

    def _opened(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._received)
        socket.on("framesent", self._sent)

    def _received(self, frame: str | bytes) -> None:
        if isinstance(frame, bytes):
            self.frames.append(frame)

    def _sent(self, frame: str | bytes) -> None:
        command = json.loads(frame)
        if command["kind"] in ("signals", "traces"):
            self.commands.append(command)


def is_drawn(page: Page, name: str, share: float = 0.7) -> Callable[[], bool]:
    def drawn() -> bool:
        columns = page.evaluate(INK, name)
        return bool(columns) and columns[0] >= share * columns[1]

    return drawn


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_the_ecg_is_shown_while_it_is_asked_for(
    motion: str, tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    url = start_service(
        *("run", "--simulate", "--no-browser", "--port", "0", "--data", str(tmp_path))
    ).url
    talk = Talk()
    page = open_page(url, reduced_motion=motion, before=talk.hear)
    part(page, "read-first").click()
    answer(page, None, None, None)
    wait_for_stream(page)
    expect(part(page, "toggle-ecg")).to_have_count(0)  # with the numbers only
    part(page, "toggle-numbers").click()
    assert talk.frames == []
    part(page, "toggle-ecg").click()
    ecg = part(page, "signal-ecg")
    expect(ecg).to_have_attribute("data-state", "drawing", timeout=PATIENCE_MS)
    wait_until(page, is_drawn(page, "ecg"))
    expect(ecg).to_contain_text("simulated")
    expect(ecg).to_contain_text(re.compile(r"The bars are [\d.]+ mV and 1 second"))
    assert {frame[1] for frame in talk.frames} == {1}, "nothing else was asked for"

    part(page, "toggle-acc").click()
    wait_until(page, is_drawn(page, "acc", 0.3))
    expect(part(page, "signal-acc")).to_contain_text(re.compile(r"[\d.]+ g and"))
    part(page, "toggle-acc").click()
    expect(part(page, "signal-acc")).to_have_count(0)

    part(page, "toggle-ecg").click()
    expect(ecg).to_have_count(0)
    asked = [
        [one["signal"] for one in command["signals"]]
        for command in talk.commands
        if command["kind"] == "signals"
    ]
    assert asked == [["ecg"], ["ecg", "acc"], ["ecg"], []]
    assert talk.commands[-2:] == [
        {"kind": "traces", "signals": []},
        {"kind": "signals", "signals": []},
    ]
    id = session_id(page)
    part(page, "stop").click()
    answer(page, None, None, None)
    expect(part(page, "summary")).to_have_attribute(
        "data-ready", "true", timeout=120_000
    )
    (path,) = tmp_path.rglob(f"{id}.mcap")
    records = [record for _, record in open_recording(path).inputs()]
    assert any(isinstance(record, SignalsCommand) for record in records)
    assert any(
        isinstance(record, Notification) and record.characteristic == "pmd_data"
        for record in records
    )
    verdict = verify(path)
    assert verdict.ok, verdict.sentence

    part(page, "replay").click()
    expect(part(page, "replay-label")).to_be_visible(timeout=PATIENCE_MS)
    part(page, "toggle-numbers").click()
    part(page, "toggle-ecg").click()
    wait_until(page, is_drawn(page, "ecg", 0.3))
    assert talk.commands[-1] == {"kind": "traces", "signals": ["ecg"]}, (
        "a replay asks no strap for anything"
    )


def test_a_trace_outlives_its_connection(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    url = start_service(
        *("run", "--simulate", "--no-browser", "--port", "0", "--data", str(tmp_path))
    ).url
    open_: list[WebSocketRoute] = []
    frames: list[bytes] = []

    def prepare(page: Page) -> None:
        def connect(socket: WebSocketRoute) -> None:
            server = socket.connect_to_server()
            open_[:] = [socket, server]

            def hand_on(message: str | bytes) -> None:
                if isinstance(message, bytes):
                    frames.append(message)
                socket.send(message)

            server.on_message(hand_on)

        page.route_web_socket(re.compile("/api/v1/live/"), connect)

    page = open_page(url, before=prepare)
    part(page, "read-first").click()
    answer(page, None, None, None)
    wait_for_stream(page)
    part(page, "toggle-numbers").click()
    part(page, "toggle-ecg").click()
    wait_until(page, lambda: len(frames) >= 2)
    for end in tuple(open_):
        end.close(code=1013)
    frames.clear()
    wait_until(page, lambda: len(frames) >= 2)
    expect(part(page, "signal-ecg")).to_have_attribute("data-state", "drawing")


def test_the_traces_in_each_look(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    url = start_service(
        *("run", "--simulate", "--no-browser", "--port", "0", "--data", str(tmp_path))
    ).url
    pages: dict[str, Page] = {}
    cookies: StorageState | None = None
    id = ""
    for look, (viewport, scheme) in LOOKS.items():
        page = open_page(
            url if cookies is None else f"{url.split('#')[0]}#practice/{id}",
            viewport=viewport,
            color_scheme=scheme,
            bypass_csp=True,
            cookies=cookies,
        )
        pages[look] = page
        if cookies is None:
            part(page, "read-first").click()
            answer(page, None, None, None)
            cookies = page.context.storage_state()
        wait_for_stream(page)
        id = session_id(page)
        page.add_script_tag(path=AXE)
        part(page, "toggle-numbers").click()
        part(page, "toggle-ecg").click()
        part(page, "toggle-acc").click()
    OUTPUT.mkdir(exist_ok=True)
    for look, page in pages.items():
        wait_until(page, is_drawn(page, "ecg", 0.9))
        wait_until(page, is_drawn(page, "acc", 0.9))
        check_accessible(page)
        part(page, "signal-acc").evaluate(
            "one => one.scrollIntoView({block: 'center'})"
        )
        page.screenshot(path=OUTPUT / f"traces-{look}.png")
