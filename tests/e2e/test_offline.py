"""Installed, and without the service. In a real browser."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

from playwright.sync_api import APIResponse, Page, expect

from tests.e2e.conftest import OUTPUT, PHONE, OpenPage, Service, StartService
from tests.e2e.journey import PATIENCE_MS, part, rate, wait_until
from tests.e2e.test_practice import AXE, check_accessible

KEPT = """async () => {
    const kept = {};
    for (const name of await caches.keys()) {
        const requests = await (await caches.open(name)).keys();
        kept[name] = requests.map((request) => request.url);
    }
    return kept;
}"""
ACTIVE = """async () => {
    const known = await navigator.serviceWorker.getRegistration();
    return known?.active?.state === "activated"
        && navigator.serviceWorker.controller !== null;
}"""
MADE_BY_THE_TEST = "ERR_CONNECTION|ERR_SOCKET|401"


def served(service: Service, page: Page, path: str) -> APIResponse:
    answer = page.request.get(f"{service.origin}/{path}")
    assert answer.ok, path
    return answer


def kill(service: Service) -> None:
    os.kill(service.process.pid, signal.SIGKILL)
    service.process.wait(10)


def test_the_page_opens_breathes_and_helps_without_the_service(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    service = start_service(
        *("run", "--no-browser", "--port", "0", "--data", str(tmp_path))
    )
    page = open_page(service.url, viewport=PHONE, bypass_csp=True)
    expect(part(page, "begin")).to_be_enabled(timeout=PATIENCE_MS)
    wait_until(page, lambda: bool(page.evaluate(ACTIVE)))

    kept = page.evaluate(KEPT)
    assert len(kept) == 1, "one build at a time"
    urls = [url for urls in kept.values() for url in urls]
    paths = {url.removeprefix(service.origin) for url in urls}
    assert {"/", "/icon.svg", "/manifest.webmanifest"} <= paths
    assert all(re.fullmatch(r"/|/[\w.]+|/assets/[\w.-]+", path) for path in paths)
    assert not [path for path in paths if "?" in path or "healthz" in path]

    kill(service)
    page.reload()
    expect(page.get_by_role("heading")).to_have_text("The service cannot be reached.")
    OUTPUT.mkdir(exist_ok=True)
    page.screenshot(path=OUTPUT / "unreachable-phone-light.png")
    page.add_script_tag(path=AXE)
    check_accessible(page)
    part(page, "help").click()
    expect(part(page, "help-dialog")).to_contain_text("988")
    page.keyboard.press("Escape")

    part(page, "breathe").click()
    check_accessible(page)
    part(page, "breathe-begin").click()
    expect(part(page, "phase-word")).to_have_text(re.compile("Breathe in|Breathe out"))
    check_accessible(page)
    part(page, "breathe-stop").click()
    expect(part(page, "breathe-done")).to_be_visible()
    part(page, "home").click()
    expect(page.get_by_role("heading")).to_have_text("The service cannot be reached.")

    part(page, "pause-instead").click()
    rate(page, "craving", 4)
    part(page, "skip-all").click()
    expect(part(page, "pause-breath")).to_be_visible()
    assert page.evaluate(KEPT) == kept, "nothing was added on the way"
    page.close()
    open_page.forgive(MADE_BY_THE_TEST)


def test_the_pacer_alone_ends_with_breaths_of_one_s_own(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    """Signed out; and what a phone needs to install the page."""
    service = start_service(
        *("run", "--no-browser", "--port", "0", "--data", str(tmp_path))
    )
    page = open_page(
        f"{service.origin}/#breathe",
        viewport=PHONE,
        before=lambda page: page.clock.install(),
    )
    page.clock.resume()
    manifest = json.loads(served(service, page, "manifest.webmanifest").text())
    assert (manifest["start_url"], manifest["display"]) == ("/", "standalone")
    for icon in (*manifest["icons"], {"src": "/apple-touch-icon.png"}):
        assert served(service, page, icon["src"].lstrip("/")).body()
    worker = served(service, page, "sw.js").headers
    assert worker["cache-control"] == "no-cache"
    assert "worker-src 'self'" in worker["content-security-policy"]
    found = page.context.new_cdp_session(page).send("Page.getAppManifest")
    assert found["errors"] == []

    part(page, "breathe-begin").click()
    expect(part(page, "phase-word")).to_have_text(re.compile("Breathe in|Breathe out"))
    expect(part(page, "time-left")).to_have_text("About 3 minutes left")
    page.clock.fast_forward(3 * 60_000)
    expect(part(page, "own-breaths")).to_contain_text("a few breaths of your own")
    page.clock.fast_forward(30_000)
    expect(part(page, "own-breaths")).to_contain_text("That was it")
    page.clock.fast_forward(6_000)
    expect(part(page, "breathe-done")).to_contain_text("Stay as long as you like.")
    # By now the worker is there, under the page's own security policy.
    wait_until(page, lambda: bool(page.evaluate(ACTIVE)))

    part(page, "again").click()
    part(page, "breathe-begin").click()
    expect(part(page, "phase-word")).to_have_text(re.compile("Breathe in|Breathe out"))
    page.keyboard.press("Escape")
    expect(part(page, "breathe-dizzy")).to_contain_text("Smaller, not deeper.")
    expect(part(page, "phase-word")).to_have_count(0)
    page.goto(f"{service.origin}/#home")
    page.goto(f"{service.origin}/#breathe")
    expect(part(page, "breathe-rest")).to_contain_text("Today is for rest")
    open_page.forgive("401")
