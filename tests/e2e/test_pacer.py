"""The pacer: every form, "I lost it", and the service gone. In a real browser.

What is shown is read off the page as it is drawn (the computed transform or opacity)
and compared with the schedule that the service recorded, by the core's own maths.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from biofeedback.model import ClockReading, PacerEvent
from biofeedback.practice import pacer
from biofeedback.recording.reader import open_recording
from tests.e2e.conftest import LAPTOP, OUTPUT, PHONE, OpenPage, StartService
from tests.e2e.journey import (
    PATIENCE_MS,
    answer,
    begin,
    part,
    session_id,
    wait_for_stream,
    wait_until,
)
from tests.e2e.test_practice import AXE, check_accessible

AGREES_MS = 50
"""How far what is shown may be from the schedule (domain facts, I.3)."""

UNSEEN = 0.005
"""A breath is drawn as a chain of short straight pieces: this close it is the same."""

SHOWN = """() => {
    const feed = document.querySelector('bf-pacer').feed;
    const matrix = name => {
        const one = document.querySelector(name);
        return one && new DOMMatrix(getComputedStyle(one).transform);
    };
    const height = name => document.querySelector(name).getBoundingClientRect().height;
    const disc = matrix('.disc'), fill = matrix('.tube-fill');
    const rail = matrix('.wave-rail'), word = document.querySelector('.large');
    let fullness = null;
    if (disc) fullness = (disc.a - 0.52) / 0.48;
    else if (fill) fullness = 1 - fill.f / height('.tube-fill');
    else if (rail) fullness = 1 - (rail.f / height('.wave-rail') - 0.12) / 0.76;
    else if (word) fullness = (getComputedStyle(word).opacity - 0.65) / 0.35;
    // What is drawn belongs to the time of its frame; a busy page asks later than that.
    const ago = performance.now() - document.timeline.currentTime;
    return {fullness, session_ms: feed.nowMs() - ago, utc_ms: Date.now() - ago};
}"""

FRAMES = """() => {
    const read = SHOWN;
    window.shown = [];
    const frame = () => {
        window.shown.push(read());
        requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
}""".replace("SHOWN", SHOWN)

TAPPED = "document.querySelector('bf-pacer').feed.schedule.find(one => one.local)"

MOVING = """document.querySelector('bf-pacer')
    .getAnimations({subtree: true}).length"""

UNTOLD = "document.querySelector('bf-pacer').feed.schedule.some(one => one.local)"
"""Whether the service has still to tell of what the page made itself."""


def practise(page: Page) -> None:
    """Come as far as the first paced breath."""
    begin(page)
    answer(page, None, None, None)
    wait_for_stream(page)
    expect(page.locator("bf-pacer")).to_have_attribute(
        "data-phase", re.compile("^(in|out)$"), timeout=PATIENCE_MS
    )


def resize(page: Page, to: dict[str, int]) -> None:
    page.set_viewport_size({"width": to["width"], "height": to["height"]})


def schedule_on(page: Page) -> tuple[PacerEvent, ...]:
    parts = page.evaluate("document.querySelector('bf-pacer').feed.schedule")
    return as_schedule(parts)


def as_schedule(parts: list[dict[str, Any]]) -> tuple[PacerEvent, ...]:
    names = PacerEvent.__struct_fields__
    schedule: tuple[PacerEvent, ...] = ()
    for each in parts:
        kept = {name: each[name] for name in names if name in each}
        schedule = pacer.joined(schedule, (PacerEvent(**{"t_ms": 0.0, **kept}),))
    return schedule


def off_ms(schedule: tuple[PacerEvent, ...], t_ms: float, fullness: float) -> float:
    """Return by how much time the shown breath is ahead of the schedule or behind.

    What nobody could see is 0: half a hundredth of the breath, as where it turns.
    """

    def gap(d_ms: int) -> float:
        return abs(pacer.state_at(schedule, t_ms + d_ms).fullness - fullness)

    if gap(0) < UNSEEN:
        return 0
    return min(range(-3 * AGREES_MS, 3 * AGREES_MS + 1), key=gap)


def test_every_form_follows_the_schedule_and_looks_calm(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    service = start_service(
        *("run", "--no-browser", "--port", "0", "--data", str(tmp_path))
    )
    page = open_page(service.url, viewport=PHONE, bypass_csp=True)
    practise(page)
    page.add_script_tag(path=AXE)
    OUTPUT.mkdir(exist_ok=True)
    schedule = schedule_on(page)
    choices = part(page, "pacer-choices").locator("summary")
    choices.click()
    for form in ("wave", "bar", "words", "sound", "vibration", "circle"):
        page.locator(f"label:has([data-testid=form-{form}])").click()
        expect(page.locator(f".pacer.{form}, .pacer.words").first).to_be_attached()
        page.wait_for_timeout(300)
        worst = []
        for _ in range(6):
            seen = page.evaluate(SHOWN)
            if seen["fullness"] is not None:
                worst.append(off_ms(schedule, seen["session_ms"], seen["fullness"]))
            page.wait_for_timeout(120)
        if form in ("sound", "vibration"):
            moving = page.evaluate(MOVING)
            assert form == "vibration" or moving == 0, form
        else:
            assert len(worst) == 6, form
            assert max(map(abs, worst)) <= AGREES_MS, (form, worst)
        choices.click()
        page.evaluate("window.scrollTo(0, 0)")
        check_accessible(page)
        for look, (viewport, scheme, motion) in {
            "phone-light": (PHONE, "light", "no-preference"),
            "laptop-dark": (LAPTOP, "dark", "no-preference"),
            "phone-still": (PHONE, "dark", "reduce"),
        }.items():
            resize(page, viewport)
            page.emulate_media(color_scheme=scheme, reduced_motion=motion)  # type: ignore[arg-type]
            page.wait_for_timeout(300)
            page.screenshot(path=OUTPUT / f"pacer-{form}-{look}.png")
        running = page.evaluate(
            "document.getAnimations().filter(a => a.playState === 'running').length"
        )
        assert running == 0, f"{form}: nothing moves where less motion is asked for"
        resize(page, PHONE)
        page.emulate_media(color_scheme="light", reduced_motion="no-preference")
        choices.click()
    part(page, "cover").click()
    expect(page.locator(".disc")).to_have_count(0)
    expect(part(page, "phase-word")).to_have_text(re.compile("Breathe (in|out)"))
    expect(part(page, "trace")).to_have_count(0)
    assert page.evaluate(MOVING) == 0


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs SIGSTOP")
def test_the_breath_goes_on_without_the_service_and_agrees_with_the_record(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    service = start_service(
        *("run", "--no-browser", "--port", "0", "--data", str(tmp_path))
    )
    page = open_page(service.url)
    practise(page)
    page.evaluate(FRAMES)

    # The service hangs; the person lost the breath, and taps.
    service.process.send_signal(signal.SIGSTOP)
    page.wait_for_timeout(1500)
    part(page, "lost-it").click()
    tapped = page.evaluate(TAPPED)
    assert tapped["local"]
    page.wait_for_timeout(200)
    assert part(page, "phase-word").inner_text() == "Breathe in"
    page.wait_for_timeout(2500)
    service.process.send_signal(signal.SIGCONT)
    wait_until(page, lambda: not page.evaluate(UNTOLD))
    page.wait_for_timeout(1500)  # so that the second it is in is on disk
    os.kill(service.process.pid, signal.SIGKILL)
    service.process.wait()
    expect(part(page, "link-state")).to_have_attribute(
        "data-state", "lost", timeout=PATIENCE_MS
    )
    page.wait_for_timeout(2500)
    shown = page.evaluate("window.shown")
    id = session_id(page)
    open_page.forgive("ERR_|WebSocket")

    (path,) = tmp_path.rglob(f"{id}.mcap*")
    recording = open_recording(path)
    told = [
        json.loads(data) for _, kind, data in recording.outputs() if kind == "pacer"
    ]
    schedule = as_schedule(told)
    assert any(one.origin_ms == tapped["origin_ms"] for one in schedule)
    # The page's and the record's civil clock are one: nothing of the page's own
    # reckoning of the session's time is in this.
    zero_ms = min(
        (record.utc_ns - record.t_ns) / 1e6
        for _, record in recording.inputs()
        if isinstance(record, ClockReading)
    )
    late = [
        off_ms(schedule, one["utc_ms"] - zero_ms, one["fullness"])
        for one in shown[:: max(1, len(shown) // 200)]
        # Until the tap reached the service, the record had another breath.
        if one["session_ms"] > tapped["origin_ms"] + AGREES_MS
    ]
    assert len(late) > 60
    assert max(map(abs, late)) <= AGREES_MS
    # From one frame to the next nothing jumps, but where the person asked for it.
    jumps = [
        (one["session_ms"], abs(two["fullness"] - one["fullness"]))
        for one, two in itertools.pairwise(shown)
        if two["utc_ms"] - one["utc_ms"] < 50
        and not one["session_ms"] - 100 < tapped["origin_ms"] < two["session_ms"] + 100
    ]
    assert len(jumps) > 100
    assert max(jump for _, jump in jumps) < 0.05


def test_a_practice_ends_with_breaths_of_ones_own_and_a_sign(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    service = start_service(
        *("run", "--no-browser", "--port", "0", "--data", str(tmp_path))
    )
    page = open_page(service.url, viewport=PHONE)
    practise(page)
    # Minutes are over in a moment: only the page's own clock is set on.
    page.evaluate(
        """() => {
            const {feed} = document.querySelector('bf-pacer');
            const now = feed.nowMs.bind(feed);
            let ahead = feed.phase.startedMs + 3 * 60000 - now() - 500;
            feed.nowMs = () => now() + ahead;
            window.goOn = ms => { ahead += ms; };
        }"""
    )
    own = part(page, "own-breaths")
    expect(own).to_contain_text("Three breaths of your own", timeout=PATIENCE_MS)
    expect(part(page, "time-left")).to_have_text("")
    page.wait_for_timeout(2000)
    OUTPUT.mkdir(exist_ok=True)
    page.screenshot(path=OUTPUT / "own-breaths-phone-light.png")
    part(page, "longer").click()
    expect(own).to_have_count(0)
    expect(part(page, "time-left")).to_contain_text("3 minutes")
    page.evaluate("goOn(3 * 60000 - 1000)")
    expect(own).to_contain_text("Three breaths of your own", timeout=PATIENCE_MS)
    page.evaluate("goOn(29000)")
    expect(own).to_contain_text("Come back slowly", timeout=PATIENCE_MS)
    page.wait_for_timeout(1500)
    page.screenshot(path=OUTPUT / "sign-phone-light.png")
    started = time.monotonic()
    page.wait_for_url("**/#after/*", timeout=PATIENCE_MS)
    assert time.monotonic() - started < 10
