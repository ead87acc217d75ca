"""What is heard, felt and spoken of a practice, taken at the browser's own doors."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import PHONE, OpenPage, StartService
from tests.e2e.journey import (
    PATIENCE_MS,
    begin,
    count_beats,
    part,
    wait_for_stream,
    wait_until,
)

EARS = Path(__file__).with_name("ears.js")
LOW_HZ, HIGH_HZ = 196.0, 293.66
SILENT = 1e-4
"""A level of -80 dB: nothing is heard of it."""


def listening(page: Page) -> None:
    page.add_init_script(path=EARS)


def heard(page: Page) -> dict[str, Any]:
    return page.evaluate("window.heard")  # type: ignore[no-any-return]


def home(start_service: StartService, data: Path, open_page: OpenPage) -> Page:
    service = start_service(
        *("run", "--no-browser", "--port", "0", "--data", str(data))
    )
    page = open_page(service.url, viewport=PHONE, before=listening)
    expect(part(page, "begin")).to_be_enabled(timeout=PATIENCE_MS)
    return page


def settings(page: Page) -> None:
    part(page, "settings").click()
    expect(page.get_by_role("heading", name="Settings", exact=True)).to_be_visible()


def leave_settings(page: Page) -> None:
    page.get_by_role("link", name="Home", exact=True).click()
    expect(part(page, "begin")).to_be_enabled(timeout=PATIENCE_MS)


def skip_questions(page: Page) -> None:
    expect(part(page, "skip-all")).to_be_visible(timeout=PATIENCE_MS)
    part(page, "skip-all").click()


def turns(samples: list[dict[str, Any]], word: str) -> list[float]:
    """When ``word`` came to stand on the page."""
    return [
        now["at_ms"]
        for last, now in pairwise(samples)
        if now["phase"] == word != last["phase"]
    ]


def near(samples: list[dict[str, Any]], at_ms: float) -> dict[str, Any]:
    return min(samples, key=lambda one: abs(one["at_ms"] - at_ms))


def test_the_tone_follows_the_breath_and_is_silent_at_once(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    page = home(start_service, tmp_path, open_page)
    settings(page)
    for _ in range(8):
        part(page, "tone-more").click()
    part(page, "vibrate").check()
    part(page, "section-pacer").locator("summary").click()
    part(page, "ramp").uncheck()
    leave_settings(page)
    begin(page)
    skip_questions(page)
    wait_for_stream(page)

    def half_out() -> bool:
        samples = heard(page)["samples"]
        ins, outs = turns(samples, "Breathe in"), turns(samples, "Breathe out")
        if not ins or not outs or outs[-1] < ins[-1]:
            return False
        return bool(samples[-1]["at_ms"] > outs[-1] + 3100)

    wait_until(page, half_out)
    # "I lost it" in the middle of a breath: the tone fades, and begins from below.
    lost_ms = page.evaluate("performance.now()")
    part(page, "lost-it").click()
    page.wait_for_timeout(900)
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="Breathe as you like now")).to_be_visible()
    page.wait_for_timeout(400)
    told = heard(page)
    samples = told["samples"]
    inward = max(at for at in turns(samples, "Breathe in") if at < lost_ms)
    outward = next(at for at in turns(samples, "Breathe out") if at > inward)
    assert outward - inward == pytest.approx(4000, abs=150)
    # What is measured lies half a window (45 ms) back; a turn is seen within 20 ms.
    middle_hz = (LOW_HZ * HIGH_HZ) ** 0.5
    for at_ms, hz in ((0, LOW_HZ), (2000, middle_hz), (4000, HIGH_HZ)):
        assert near(samples, inward + at_ms + 45)["hz"] == pytest.approx(hz, rel=0.03)
    assert near(samples, outward + 3045)["hz"] == pytest.approx(middle_hz, rel=0.03)
    again = near(samples, lost_ms + 900)
    assert again["phase"] == "Breathe in"
    assert LOW_HZ - 3 < again["hz"] < 220
    assert again["level"] > 100 * SILENT
    between = [
        one["level"] for one in samples if lost_ms < one["at_ms"] < lost_ms + 900
    ]
    assert min(between) < 0.1 * max(between)
    # No click: no two samples differ by more than the loudest tone itself does.
    assert max(one["step"] for one in samples) < 0.05
    # I.16: from the key to silence for good.
    key = told["stops"][-1]
    assert key["key"] == "Escape"
    after = [one for one in samples if one["at_ms"] > key["at_ms"]]
    assert near(samples, key["at_ms"] - 50)["level"] > 100 * SILENT
    loud = [one["at_ms"] for one in after if one["level"] > SILENT]
    assert max(loud) - key["at_ms"] <= 300
    assert max(loud) - key["at_ms"] >= 100, "it faded"
    # One pulse in, two pulses out; and the motor was told to stop.
    pulses = [one["pattern"] for one in told["pulses"] if len(one["pattern"]) > 0]
    assert [0] == pulses[-1]
    assert {len(one) for one in pulses[:-1]} == {1, 3}
    felt = [one for one in told["pulses"] if len(one["pattern"]) == 3]
    assert min(abs(one["at_ms"] - outward) for one in felt) < 60


def test_a_session_with_eyes_closed_by_one_thumb(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    page = home(start_service, tmp_path, open_page)
    settings(page)
    part(page, "eyesClosed").check()
    for name in ("tone", "heart", "voice"):
        expect(part(page, f"{name}-words")).not_to_have_text("Off")
    expect(part(page, "vibrate")).to_be_checked()
    leave_settings(page)
    beats = count_beats(page)
    begin(page)
    skip_questions(page)
    area = part(page, "eyes-area")
    expect(area).to_be_visible(timeout=PATIENCE_MS)
    box = area.bounding_box()
    assert box is not None
    assert box["height"] > PHONE["height"] / 2
    expect(part(page, "phase-word")).not_to_be_visible()
    expect(part(page, "stop-now")).to_be_visible()
    wait_for_stream(page)

    def spoken() -> list[str]:
        return [one["words"] for one in heard(page)["words"]]

    wait_until(
        page,
        lambda: "Breathe in as the tone rises. Breathe out as it falls." in spoken(),
    )
    wait_until(
        page, lambda: any(len(one["pattern"]) == 3 for one in heard(page)["pulses"])
    )
    assert max(one["level"] for one in heard(page)["samples"]) > 100 * SILENT
    # A note for each heartbeat, in the rhythm of the heart itself.
    wait_until(page, lambda: len(heard(page)["notes"]) > 3)
    notes = [one["at_ms"] for one in heard(page)["notes"]]
    beat_ms = [json.loads(beat)["t_ms"] for beat in beats]
    assert any(
        [at - notes[0] for at in notes]
        == pytest.approx(
            [at - beat_ms[k] for at in beat_ms[k : k + len(notes)]], abs=30
        )
        for k in range(len(beat_ms) - len(notes) + 1)
    ), (notes, beat_ms)
    # One tap anywhere tells the time, a second one finishes: a key does the same.
    area.click(position={"x": 20, "y": 20})
    wait_until(page, lambda: spoken()[-1].endswith("Tap again to finish."))
    assert "minutes left" in spoken()[-1]
    page.wait_for_timeout(500)
    page.keyboard.press("Enter")
    skip_questions(page)
    expect(page.get_by_role("heading", name="You are done")).to_be_visible(
        timeout=PATIENCE_MS
    )
    wait_until(page, lambda: heard(page)["samples"][-1]["level"] <= SILENT)
    told = heard(page)
    assert told["words"][-1]["words"] == "You can stop now. Take your time."
    assert {one["lang"] for one in told["words"]} == {"en"}
    assert all(one["rate"] < 1 and 0 < one["volume"] < 1 for one in told["words"])
