"""Guided practices: words on the page, phases in the recording, a photo that stays."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from biofeedback.model import Entry
from biofeedback.recording.reader import open_recording
from tests.e2e.conftest import OUTPUT, PHONE, OpenPage, StartService
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

PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkqPhfDwAD"
    "ggGAW8Z9EwAAAABJRU5ErkJggg=="
) + bytes(4000)
"""One green pixel, and as many bytes as no message has."""


def choosing(practice: str) -> Callable[[Page], None]:
    """Prepare a page whose person chose this practice before."""
    known = {"practice": practice, "minutes": 3, "ramp": False}
    known["askedFirst"] = "2026-01-01"

    def before(page: Page) -> None:
        page.add_init_script(
            "localStorage.getItem('biofeedback.preferences') ?? "
            "localStorage.setItem('biofeedback.preferences', "
            f"JSON.stringify({json.dumps(known)}))"
        )

    return before


def practise(page: Page) -> None:
    begin(page)
    answer(page, None, None, None)
    wait_for_stream(page)


def marks(page: Page) -> list[dict[str, Any]]:
    """What the session holds of phases, as the page has been told."""
    entries: list[dict[str, Any]] = page.evaluate(
        "document.querySelector('bf-pacer').feed.entries"
        ".filter(one => ['phase', 'practice'].includes(one.type))"
    )
    return entries


def state_of(page: Page, id: str) -> object:
    session = get_json(page, f"sessions/{id}")
    assert isinstance(session, dict)
    return session["state"]


def kept_marks(data: Path) -> list[tuple[str | None, float | None]]:
    """Return the phases of the one recording in a data folder, with their times."""
    (path,) = data.rglob("*.mcap")
    return [
        (record.text, record.at_ms)
        for _, record in open_recording(path).inputs()
        if isinstance(record, Entry) and record.type == "phase"
    ]


def test_each_phase_is_marked_once_with_its_exact_time(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    service = start_service(
        *("run", "--no-browser", "--port", "0", "--data", str(tmp_path))
    )
    page = open_page(service.url, viewport=PHONE, before=choosing("mindful_breathing"))
    practise(page)
    sentence = part(page, "sentence")
    expect(sentence).to_have_attribute("data-phase", "arrive", timeout=PATIENCE_MS)
    expect(sentence).to_contain_text("kind to your body")
    page.screenshot(path=OUTPUT / "guided-phone-light.png")
    page.reload()  # in the middle: it goes on where it is
    expect(sentence).to_have_attribute("data-phase", "breath", timeout=PATIENCE_MS)
    expect(sentence).to_contain_text("most clearly")
    page.wait_for_function(
        "document.querySelector('bf-pacer').feed.entries"
        ".some(one => one.text === 'mindful_breathing/breath')"
    )
    told = marks(page)
    began = next(one["at_ms"] for one in told if one["text"] == "practice")
    at_ms = {one["text"]: one["at_ms"] - began for one in told}
    assert at_ms["mindful_breathing"] == 0
    assert abs(at_ms["mindful_breathing/arrive"]) < 1e-6
    assert abs(at_ms["mindful_breathing/breath"] - 22_500) < 1e-6
    assert len({one["text"] for one in told}) == len(told)  # each once
    id = session_id(page)
    page.request.post(f"{service.origin}/api/v1/sessions/{id}/stop")
    wait_until(page, lambda: state_of(page, id) == "complete")
    assert kept_marks(tmp_path) == [
        (one["text"], one["at_ms"]) for one in told if one["type"] == "phase"
    ]


def test_the_photo_and_the_thought_stay_on_the_device(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    service = start_service(
        *("run", "--no-browser", "--port", "0", "--data", str(tmp_path / "data"))
    )
    page = open_page(
        service.url,
        before=choosing("savoring"),
    )
    sent: list[bytes] = []
    page.on("request", lambda request: sent.append(request.post_data_buffer or b""))
    practise(page)
    photo = tmp_path / "mine.png"
    photo.write_bytes(PICTURE)
    part(page, "photo").set_input_files(photo, timeout=PATIENCE_MS)
    picture = page.locator(".own-photo img")
    expect(picture).to_be_visible()
    page.screenshot(path=OUTPUT / "guided-photo-laptop-light.png", full_page=True)
    page.reload()
    expect(picture).to_be_visible(timeout=PATIENCE_MS)  # kept by this browser
    part(page, "remove-photo").click()
    expect(picture).to_have_count(0)
    # All that was sent is JSON, and none of it is as long as the photo.
    assert sent
    assert all(body == b"" or json.loads(body) is not None for body in sent)
    assert max(map(len, sent)) < len(PICTURE)
    # A file that is no picture is told so, in words.
    (tmp_path / "no.png").write_bytes(b"not a picture")
    part(page, "photo").set_input_files(tmp_path / "no.png")
    expect(part(page, "own-photo")).to_contain_text("cannot show that photo")
    expect(picture).to_have_count(0)

    # A sentence of one's own leaves the page when it is kept, and not before.
    page.evaluate(
        """() => {
            const thought = document.createElement('bf-own-thought');
            thought.addEventListener('thought', e => (window.thought = e.detail));
            document.querySelector('main').append(thought);
        }"""
    )
    part(page, "own-words").fill("I am allowed to rest.")
    assert page.evaluate("window.thought") is None
    part(page, "keep-thought").click()
    assert page.evaluate("window.thought") == "I am allowed to rest."
    expect(part(page, "keep-thought")).to_be_disabled()


def test_the_script_is_accessible(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    """Nothing moves where less motion is asked for, and axe finds nothing."""
    service = start_service(
        *("run", "--no-browser", "--port", "0", "--data", str(tmp_path))
    )
    page = open_page(
        service.url,
        viewport=PHONE,
        color_scheme="dark",
        reduced_motion="reduce",
        bypass_csp=True,
        before=choosing("compassion"),
    )
    practise(page)
    expect(part(page, "sentence")).to_contain_text("hand", timeout=PATIENCE_MS)
    page.add_script_tag(path=AXE)
    check_accessible(page)
    # Where the words ask for no pace, the pacer steps back and says nothing.
    expect(part(page, "phase-word")).to_be_visible()
    expect(part(page, "sentence")).to_have_attribute(
        "data-phase", "self", timeout=PATIENCE_MS
    )
    expect(part(page, "phase-word")).not_to_be_visible()
    check_accessible(page)
    page.screenshot(path=OUTPUT / "guided-phone-dark.png")
