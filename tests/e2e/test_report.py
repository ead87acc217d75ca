"""A report in a real browser: read on a phone, printed on one sheet of A4 or Letter."""

from __future__ import annotations

import io
from pathlib import Path
from typing import get_args

from playwright.sync_api import Browser, expect
from pypdf import PdfReader

from biofeedback.practice.ratings import RatingType
from biofeedback.report.values import SessionReport, TrendReport
from biofeedback.report.writing import written
from biofeedback.store import PractisedRow, Store
from tests.e2e.conftest import LAPTOP, OUTPUT, PHONE, OpenPage, StartService
from tests.e2e.journey import PATIENCE_MS, part
from tests.e2e.test_practice import AXE, check_accessible
from tests.report.made import PLANTED, THERAPIST, answers, entry, session, trend
from tests.shelf import shelve

LONG = ("W" * 2000, "<b>bold</b> & " * 150, "שלום 😀 مرحبا " * 150, "word " * 400)


LOOKS = {"phone-dark": (PHONE, "dark"), "laptop-light": (LAPTOP, "light")}


def crowded() -> SessionReport:
    """Return a session in which everybody wrote as much as can be written."""
    typed = [entry(50 + k, "thought", text) for k, text in enumerate(LONG)]
    marks = [
        entry(15 + 3 * k, "mark", "x" * 500 if k % 2 else LONG[2][:500], by=THERAPIST)
        for k in range(40)
    ]
    return session(
        entries=(*PLANTED, *typed, *marks),
        ratings=answers(
            **dict.fromkeys(get_args(RatingType), (7.0, 5.0)),
        ),
        recording="ectopic",  # of which little is known, and that is said
        practised=None,
        past=(),
    )


def test_a_report_prints_on_one_sheet_whatever_was_written(
    chromium: Browser, tmp_path: Path
) -> None:
    reports: dict[str, SessionReport | TrendReport] = {
        "crowded": crowded(),
        "nothing": session(recording=None, practised=None, ratings=(), past=()),
        "trend": trend(),
    }
    page = chromium.new_page()
    for name, report in reports.items():
        file = tmp_path / f"{name}.html"
        file.write_bytes(written(report, "html").content)
        page.goto(file.as_uri())
        for paper in ("A4", "Letter"):
            printed = page.pdf(format=paper)
            assert len(PdfReader(io.BytesIO(printed)).pages) == 1, (name, paper)
    page.context.close()


def test_a_report_is_read_on_every_screen(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    """Under its own policy its style holds and no script runs; axe finds nothing."""
    store = Store(tmp_path)
    id, _ = shelve(store, "calm")
    store.keep_practised(PractisedRow(session_id=id, practice=None, minutes=2.0))
    person = store.person().id
    store.close()
    service = start_service(
        "run", "--data", str(tmp_path), "--port", "0", "--no-browser"
    )
    home = open_page(service.url)
    expect(part(home, "begin")).to_be_visible(timeout=PATIENCE_MS)
    cookies = home.context.storage_state()
    OUTPUT.mkdir(exist_ok=True)
    paths = {"session": f"sessions/{id}/report", "trend": f"people/{person}/trend"}
    for name, path in paths.items():
        for look, (viewport, scheme) in LOOKS.items():
            page = open_page(
                f"{service.origin}/api/v1/{path}",
                viewport=viewport,
                color_scheme=scheme,
                cookies=cookies,
            )
            expect(page.get_by_text("Simulated heart")).to_be_visible()
            ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
            dark = scheme == "dark"
            assert ground == ("rgb(25, 26, 27)" if dark else "rgb(255, 255, 255)")
            page.screenshot(path=OUTPUT / f"report-{name}-{look}.png", full_page=True)
            page.context.close()
            page = open_page(
                f"{service.origin}/api/v1/{path}",
                viewport=viewport,
                color_scheme=scheme,
                bypass_csp=True,  # so that axe can be put into the page
                cookies=cookies,
            )
            page.add_script_tag(path=AXE)
            check_accessible(page)
            page.context.close()
