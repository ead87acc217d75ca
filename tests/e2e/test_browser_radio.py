"""The browser as the radio: a Bluetooth object is put into a real one.

What cannot be had without hardware is the browser's own list and its radio; all else is
as it is: the page, its websocket, the service, the recording.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, StorageState, WebSocketRoute, expect

from biofeedback.model import LinkChange, LinkState, Notification
from biofeedback.recording.reader import open_recording
from biofeedback.session.replay import verify
from tests.e2e.conftest import OUTPUT, OpenPage, StartService
from tests.e2e.journey import (
    PATIENCE_MS,
    answer,
    count_beats,
    part,
    press_begin,
    read_first,
    session_id,
    wait_for_stream,
    wait_until,
)
from tests.e2e.test_practice import AXE, LOOKS, check_accessible

BLUETOOTH = Path(__file__).parent / "bluetooth.js"


class Wire:
    """Between the page and the service: it can be cut and mended."""

    def __init__(self) -> None:
        self.cut_off = False
        self._open: list[WebSocketRoute] = []

    def through(self, page: Page) -> None:
        page.route_web_socket(re.compile("/api/v1/radio/"), self._connect)

    def _connect(self, socket: WebSocketRoute) -> None:
        if self.cut_off:
            socket.close(code=1013)
            return
        self._open += [socket, socket.connect_to_server()]

    def cut(self) -> None:
        self.cut_off = True
        for socket in self._open:
            socket.close(code=1013)
        self._open.clear()

    def mend(self) -> None:
        self.cut_off = False


@pytest.fixture
def service_url(tmp_path: Path, start_service: StartService) -> str:
    return start_service(
        *("run", "--no-browser", "--port", "0", "--data", str(tmp_path))
    ).url


def with_bluetooth(page: Page) -> None:
    page.add_init_script(path=BLUETOOTH)


def strap(page: Page, expression: str) -> Any:  # noqa: ANN401 - whatever it is
    """Look at the strap behind the page, or do something to it."""
    return page.evaluate(f"() => {{ const {{ strap }} = window; return {expression} }}")


def choose(page: Page) -> None:
    """Pair the strap in the browser's list, and begin."""
    strap(page, "strap.answer = 'choose'")
    part(page, "use-browser").click()
    expect(part(page, "strap-browser").locator("input")).to_be_checked()
    press_begin(page)


def state(page: Page, name: str) -> None:
    expect(part(page, "link-state")).to_have_attribute(
        "data-state", name, timeout=PATIENCE_MS
    )


def test_paired_in_the_browser_heard_cut_off_and_recorded(
    service_url: str, tmp_path: Path, open_page: OpenPage
) -> None:
    wire = Wire()

    def prepare(page: Page) -> None:
        with_bluetooth(page)
        wire.through(page)

    page = open_page(service_url, before=prepare)
    beats = count_beats(page)
    expect(part(page, "use-browser")).to_be_visible(timeout=PATIENCE_MS)
    # Closing the browser's list is nobody's mistake.
    part(page, "use-browser").click()
    expect(part(page, "browser-words")).to_have_text("")
    expect(part(page, "strap-browser")).to_have_count(0)
    choose(page)
    asked = strap(page, "strap.asked")
    assert asked["filters"] == [{"services": ["heart_rate"]}]
    assert asked["optionalServices"] == ["battery_service", "device_information"]
    answer(page, 3, None, None)
    wait_for_stream(page)
    expect(part(page, "simulated-label")).to_have_count(0)
    part(page, "toggle-numbers").click()
    expect(part(page, "heart-rate")).to_have_text(re.compile(r"^(9\d|1[01]\d)$"))
    expect(part(page, "toggle-ecg")).to_have_count(0)  # it could not send one
    wait_until(page, lambda: len(beats) >= 5)

    # The strap goes out of reach, is looked for in vain, and found again.
    strap(page, "strap.away = true, strap.drop()")
    state(page, "reconnecting")
    expect(part(page, "link-state")).to_have_text(re.compile("^The strap is away"))
    expect(part(page, "link-advice")).to_be_visible()
    tried = strap(page, "strap.connects")
    wait_until(page, lambda: strap(page, "strap.connects") > tried)
    strap(page, "strap.away = false")
    wait_for_stream(page)
    heard = len(beats)
    wait_until(page, lambda: len(beats) >= heard + 3)

    # The service is out of reach while the heart beats on.
    wire.cut()
    state(page, "reconnecting")
    sent = len(strap(page, "strap.sent"))
    wait_until(page, lambda: len(strap(page, "strap.sent")) >= sent + 6)
    wire.mend()
    wait_for_stream(page)
    wait_until(page, lambda: len(beats) >= sent + 6 + 4)  # what was kept, and more

    id = session_id(page)
    part(page, "stop").click()
    answer(page, 2, None, None)
    expect(part(page, "summary")).to_have_attribute(
        "data-ready", "true", timeout=120_000
    )
    wait_until(page, lambda: strap(page, "!strap.device.gatt.connected"))
    assert strap(page, "strap.disconnects") >= 1
    (path,) = tmp_path.rglob(f"{id}.mcap")
    recording = open_recording(path)
    records = [record for _, record in recording.inputs()]
    heart = [
        record.data.hex()
        for record in records
        if isinstance(record, Notification) and record.characteristic == "2a37"
    ]
    # In order, nothing lost, nothing doubled: cut off, mended, and all.
    assert heart == strap(page, "strap.sent")[: len(heart)]
    assert len(heart) >= len(beats) >= sent + 6 + 4
    changes = [record for record in records if isinstance(record, LinkChange)]
    streaming = next(c for c in changes if c.state is LinkState.STREAMING)
    assert streaming.strap is not None
    told = streaming.strap
    assert (told.name, told.model, told.profile) == ("Polar H10", "H10", "polar_h10")
    assert changes[-2].strap is not None
    assert changes[-2].strap.battery_pct == 77
    verdict = verify(path)
    assert verdict.ok, verdict.sentence
    assert b"1A2B3C4D" not in path.read_bytes()


def test_a_silent_strap_is_let_go_of_and_connected_anew(
    service_url: str, open_page: OpenPage
) -> None:
    page = open_page(service_url, before=with_bluetooth)
    choose(page)
    answer(page, None, None, None)
    wait_for_stream(page)
    strap(page, "strap.silent = true")
    state(page, "stale")
    expect(part(page, "link-advice")).to_contain_text("no data is coming")
    connects = strap(page, "strap.connects")
    wait_until(page, lambda: strap(page, "strap.connects") > connects)
    assert strap(page, "strap.disconnects") >= 1
    strap(page, "strap.silent = false")
    wait_for_stream(page)


def test_after_a_reload_one_tap_brings_the_strap_back(
    service_url: str, open_page: OpenPage
) -> None:
    page = open_page(service_url, before=with_bluetooth)
    choose(page)
    answer(page, None, None, None)
    wait_for_stream(page)
    page.reload()
    again = part(page, "radio-again")
    expect(again).to_be_visible(timeout=PATIENCE_MS)
    state(page, "reconnecting")
    strap(page, "strap.answer = 'choose'")
    again.get_by_role("button").click()
    wait_for_stream(page)
    expect(again).to_have_count(0)


def test_what_the_browser_refuses_is_said_in_a_sentence(
    service_url: str, open_page: OpenPage
) -> None:
    page = open_page(service_url, before=with_bluetooth)
    offer = part(page, "use-browser")
    expect(offer).to_be_visible(timeout=PATIENCE_MS)
    for refusal, words in (
        ("off", "Bluetooth is switched off"),
        ("forbid", "may not use Bluetooth"),
    ):
        strap(page, f"strap.answer = '{refusal}'")
        offer.click()
        expect(part(page, "browser-words")).to_contain_text(words)
    strap(page, "strap.answer = 'cancel'")
    offer.click()
    expect(part(page, "browser-words")).to_have_text("")


def test_a_browser_without_bluetooth_offers_nothing(
    service_url: str, open_page: OpenPage
) -> None:
    page = open_page(service_url)
    expect(part(page, "begin")).to_be_visible(timeout=PATIENCE_MS)
    expect(part(page, "use-browser")).to_have_count(0)


def test_the_third_way_in_each_look(service_url: str, open_page: OpenPage) -> None:
    """Home with the offer and a strap chosen; the practice while it is away."""
    pages: dict[str, Page] = {}
    cookies: StorageState | None = None
    for look, (viewport, scheme) in LOOKS.items():
        pages[look] = page = open_page(
            service_url if cookies is None else service_url.split("#")[0],
            viewport=viewport,
            color_scheme=scheme,
            bypass_csp=True,
            cookies=cookies,
            before=with_bluetooth,
        )
        expect(part(page, "use-browser")).to_be_visible(timeout=PATIENCE_MS)
        if cookies is None:
            read_first(page)
        cookies = page.context.storage_state()
        page.add_script_tag(path=AXE)
        strap(page, f"strap.answer = 'choose', strap.device.id = '{look}'")
        part(page, "use-browser").click()
        expect(part(page, "strap-browser").locator("input")).to_be_checked()
    OUTPUT.mkdir(exist_ok=True)

    def see(name: str) -> None:
        for look, page in pages.items():
            check_accessible(page)
            page.screenshot(path=OUTPUT / f"{name}-{look}.png")

    see("home-browser")
    for page in pages.values():
        press_begin(page)
        answer(page, None, None, None)
        wait_for_stream(page)
        expect(part(page, "phase-word")).not_to_be_empty()
    circles = [page.locator(".pacer").bounding_box() for page in pages.values()]
    for page in pages.values():
        strap(page, "strap.away = true, strap.drop()")
    for page in pages.values():
        state(page, "reconnecting")
        expect(part(page, "link-advice")).to_be_visible()
    # Whatever is said: what a person breathes with stays where it is.
    after = [page.locator(".pacer").bounding_box() for page in pages.values()]
    assert after == circles
    assert None not in circles
    see("reconnecting")
