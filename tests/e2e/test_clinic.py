"""The card of the clinic: copies are chosen, told of truthfully, stopped by one tap."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from playwright.sync_api import Page, expect

from biofeedback.service.at_home.joining import join
from biofeedback.store import Store
from tests.clinic.paper_clinic import CLINIC, PaperClinic, paper_clinic
from tests.e2e.conftest import OUTPUT, PHONE, OpenPage, StartService
from tests.e2e.journey import PATIENCE_MS, answer, begin, part, wait_for_stream
from tests.e2e.test_practice import AXE
from tests.e2e.test_sign_in import see


@contextlib.contextmanager
def clinic_beside(folder: Path) -> Iterator[PaperClinic]:
    """Run a clinic on a thread of its own, as another machine would."""
    opened = threading.Event()
    over = asyncio.Event()
    given: list[PaperClinic] = []
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with paper_clinic(folder) as clinic:
            given.append(clinic)
            opened.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert opened.wait(30)
        yield given[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(30)
        loop.close()


def open_sharing(page: Page) -> None:
    part(page, "sharing").click()
    expect(part(page, "clinic")).to_contain_text(CLINIC.name, timeout=PATIENCE_MS)


def come_back_until_joined(page: Page) -> None:
    """Come back to the window until it knows; the service looks every five seconds."""
    until = time.monotonic() + PATIENCE_MS / 1000
    while not part(page, "sharing").count():
        assert time.monotonic() < until, "the page never learned of the clinic"
        page.evaluate("window.dispatchEvent(new Event('focus'))")
        page.wait_for_timeout(200)


def test_copies_are_chosen_and_stopped_by_one_tap(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    data = tmp_path / "data"
    with clinic_beside(tmp_path / "clinic") as clinic:
        ticket = tmp_path / "home.ticket"
        ticket.write_bytes(clinic.ticket.to_json())
        ticket.chmod(0o600)
        service = start_service(
            "run", "--no-browser", "--port", "0", "--data", str(data)
        )
        page = open_page(
            service.url, viewport=PHONE, bypass_csp=True, reduced_motion="reduce"
        )
        page.add_script_tag(path=AXE)
        expect(part(page, "data")).to_be_visible(timeout=PATIENCE_MS)
        expect(part(page, "sharing")).to_have_count(0)
        with closing(Store(data)) as store:
            join(store, ticket)
        come_back_until_joined(page)
        open_sharing(page)
        expect(part(page, "clinic-link")).to_contain_text(
            "It can be reached now", timeout=PATIENCE_MS
        )
        expect(part(page, "copies-off")).to_contain_text("No copies are sent")
        expect(part(page, "seen-as")).to_have_count(0)
        # Nothing is chosen for the person.
        part(page, "ask-copies").click()
        expect(page.locator("main input:checked")).to_have_count(0)
        part(page, "copies-yes").click()
        expect(part(page, "copies-missing")).to_contain_text("how long")
        see(page, "clinic-asked")
        part(page, "clinic").get_by_label("Three months").check()
        part(page, "copies-yes").click()
        expect(part(page, "copy-receipt")).to_contain_text(
            "keep a copy of each practice from now on"
        )
        expect(part(page, "copies-on")).to_contain_text("Yes, until")
        # Somebody there may watch: asked at the beginning, as everywhere.
        part(page, "grantees").get_by_label("Kim").check()
        part(page, "purpose-live").get_by_label("Heart").check()
        part(page, "what").get_by_label("Four weeks").check()
        part(page, "allow-yes").click()
        expect(part(page, "receipt")).to_contain_text("You allowed Kim")
        page.evaluate("location.hash = '#home'")
        begin(page)
        expect(part(page, "share-ask")).to_contain_text("Kim", timeout=PATIENCE_MS)
        part(page, "share-yes").click()
        answer(page, None, None, None)
        wait_for_stream(page)
        expect(part(page, "light")).to_contain_text("Nobody is watching")
        page.evaluate("location.hash = '#sharing'")
        expect(part(page, "copies-progress")).to_contain_text(
            "Last sent", timeout=PATIENCE_MS
        )
        expect(page.get_by_text("Whoever runs this place")).to_have_count(0)
        see(page, "clinic-on")
        # The clinic goes away: the page says so calmly.
        clinic.server.kill()
        expect(part(page, "clinic-link")).to_contain_text(
            "Your practice works without it", timeout=PATIENCE_MS
        )
        part(page, "stop-copies").click()
        expect(part(page, "copies-said")).to_contain_text("No more copies are sent")
        expect(part(page, "copies-off")).to_be_visible()
        page.screenshot(path=OUTPUT / "clinic-stopped-phone.png", full_page=True)


def test_where_no_clinic_was_joined_there_is_no_card(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    service = start_service(
        "run", "--no-browser", "--port", "0", "--data", str(tmp_path / "data")
    )
    page = open_page(service.url, viewport=PHONE)
    expect(part(page, "begin")).to_be_visible(timeout=PATIENCE_MS)
    expect(part(page, "sharing")).to_have_count(0)
    page.evaluate("location.hash = '#sharing'")
    expect(page.get_by_text("Only you use this place")).to_be_visible()
    expect(part(page, "clinic")).to_have_count(0)
