"""Faults of the radio while the page is open: injected into a simulator of its own.

Three processes, as in a house: the virtual Bluetooth, the service with the real Bleak,
and a browser. Only the bus's address is another.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from biofeedback.recording.reader import open_recording
from biofeedback.session.replay import verify
from tests.e2e.conftest import OUTPUT, PHONE, OpenPage, StartService
from tests.e2e.journey import (
    PATIENCE_MS,
    answer,
    begin,
    count_beats,
    part,
    session_id,
    wait_for_stream,
    wait_until,
)
from tests.e2e.test_practice import AXE, check_accessible
from tests.e2e.test_traces import is_drawn
from tests.machine import HOW_TO_DBUS, dbus_daemon, in_ci


class Simulator:
    """`python -m biofeedback.simulator` with its control."""

    def __init__(self, control: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "biofeedback.simulator"),
                *("--control", str(control), *arguments),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        ready = json.loads(self.process.stdout.readline())
        self.address: str = ready["address"]
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(control))
        self._talk = self._socket.makefile("rw")

    def ask(self, do: str, **more: object) -> dict[str, Any]:
        self._talk.write(json.dumps({"do": do, **more}) + "\n")
        self._talk.flush()
        reply: dict[str, Any] = json.loads(self._talk.readline())
        assert "error" not in reply, reply
        return reply

    def begin(self, fault: str) -> None:
        self.ask("begin", fault=fault)

    def end(self, fault: str) -> None:
        self.ask("end", fault=fault)

    def close(self) -> None:
        self._talk.close()
        self._socket.close()
        self.process.terminate()
        self.process.wait(10)
        if self.process.stdout is not None:
            self.process.stdout.close()


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    if dbus_daemon() is None:
        if in_ci():
            pytest.fail(HOW_TO_DBUS)
        pytest.skip(HOW_TO_DBUS)
    started = Simulator(
        *(tmp_path / "control", "--model", "polar_h10", "--name", "Polar H10 12345678"),
        *("--profile", "anxious"),  # a quick heart: there is less to wait for
    )
    yield started
    started.close()


@pytest.fixture
def url(simulator: Simulator, tmp_path: Path, start_service: StartService) -> str:
    return start_service(
        *("run", "--no-browser", "--port", "0", "--data", str(tmp_path / "data")),
        env={"DBUS_SYSTEM_BUS_ADDRESS": simulator.address},
    ).url


def practise(page: Page) -> None:
    begin(page, "ble")
    answer(page, None, None, None)
    wait_for_stream(page)


def away(page: Page, state: str, words: str) -> None:
    """See what the page says while something is wrong."""
    expect(part(page, "link-state")).to_have_attribute(
        "data-state", re.compile(state), timeout=PATIENCE_MS
    )
    expect(part(page, "link-advice")).to_contain_text(words, timeout=PATIENCE_MS)


def test_faults_are_told_and_got_over_while_the_page_is_open(
    simulator: Simulator, url: str, tmp_path: Path, open_page: OpenPage
) -> None:
    page = open_page(url)
    beats = count_beats(page)
    practise(page)

    def beats_go_on() -> None:
        wait_for_stream(page)
        heard = len(beats)
        wait_until(page, lambda: len(beats) >= heard + 2)

    beats_go_on()
    simulator.begin("out_of_range")
    away(page, "reconnecting|searching", "")
    expect(part(page, "link-state")).to_contain_text("away", timeout=PATIENCE_MS)
    simulator.end("out_of_range")
    beats_go_on()

    simulator.begin("adapter_off")
    away(page, "reconnecting", "Bluetooth is switched off")
    simulator.end("adapter_off")
    beats_go_on()

    simulator.begin("silent_stall")
    away(page, "stale", "no data is coming")
    simulator.end("silent_stall")
    beats_go_on()

    simulator.begin("link_drop")
    beats_go_on()

    id = session_id(page)
    part(page, "stop").click()
    answer(page, None, None, None)
    expect(part(page, "summary")).to_have_attribute(
        "data-ready", "true", timeout=120_000
    )
    (path,) = (tmp_path / "data").rglob(f"{id}.mcap")
    # In the order in which they were first told: a judged beat may come again.
    recorded = list(
        dict.fromkeys(
            json.loads(data)["index"]
            for _, kind, data in open_recording(path).outputs()
            if kind == "beat"
        )
    )
    told = [json.loads(beat)["index"] for beat in beats]
    assert told == recorded[: len(told)] == list(range(len(told)))
    verdict = verify(path)
    assert verdict.ok, verdict.sentence
    (strap,) = simulator.ask("status")["status"]["straps"]
    assert not strap["connected"], "it was let go of"


def test_the_ecg_of_a_strap_is_shown_and_stopped(
    simulator: Simulator, url: str, open_page: OpenPage
) -> None:
    page = open_page(url, viewport=PHONE, bypass_csp=True)
    OUTPUT.mkdir(exist_ok=True)
    expect(part(page, "straps")).to_contain_text("Polar H10", timeout=PATIENCE_MS)
    page.add_script_tag(path=AXE)
    check_accessible(page)
    page.screenshot(path=OUTPUT / "home-strap-phone-light.png")
    practise(page)
    part(page, "toggle-numbers").click()
    part(page, "toggle-ecg").click()
    wait_until(page, is_drawn(page, "ecg"))

    def running() -> object:
        (strap,) = simulator.ask("status")["status"]["straps"]
        return strap["pmd_running"]

    assert running() == ["ECG"]
    part(page, "toggle-ecg").click()
    wait_until(page, lambda: running() == [])


def test_old_firmware_is_told_in_a_sentence(
    simulator: Simulator, url: str, open_page: OpenPage
) -> None:
    page = open_page(url)
    practise(page)
    part(page, "toggle-numbers").click()
    part(page, "toggle-ecg").click()
    expect(part(page, "signal-ecg")).to_have_attribute(
        "data-state", "drawing", timeout=PATIENCE_MS
    )
    simulator.begin("old_firmware")
    expect(part(page, "signal-words")).to_contain_text(
        "firmware is too old", timeout=PATIENCE_MS
    )
    wait_for_stream(page)


def test_a_strap_that_is_known_and_silent_comes_with_a_hint(
    simulator: Simulator, url: str, open_page: OpenPage
) -> None:
    page = open_page(url, viewport=PHONE, bypass_csp=True)
    practise(page)
    part(page, "stop").click()
    answer(page, None, None, None)
    simulator.begin("out_of_range")
    part(page, "home").click(timeout=PATIENCE_MS)
    hint = part(page, "strap-hint")
    expect(hint).to_be_visible(timeout=PATIENCE_MS)
    expect(part(page, "strap-list")).to_contain_text("Polar H10")
    expect(part(page, "begin")).to_be_enabled()
    page.add_script_tag(path=AXE)
    OUTPUT.mkdir(exist_ok=True)
    check_accessible(page)
    page.screenshot(path=OUTPUT / "home-hint-phone-light.png")
    hint.locator("summary").click()
    expect(hint).to_contain_text("Moisten the electrodes")
