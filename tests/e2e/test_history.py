"""What I did, how the gap moved, and my data: looked at, taken along, erased."""

from __future__ import annotations

import re
import time
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Page, expect

from biofeedback.store import (
    DiaryRow,
    PractisedRow,
    RatingRow,
    SessionRow,
    SessionState,
    Store,
)
from tests.e2e.conftest import OUTPUT, OpenPage, StartService
from tests.e2e.journey import PATIENCE_MS, part
from tests.e2e.test_practice import AXE, LOOKS, check_accessible, run
from tests.store.test_erasing import left_of

HOUR = 3600
NS_PER_S = 1_000_000_000
NOTE = "slept on the left side again"
BEFORE = {"pain_intensity": 6.0, "pain_unpleasantness": 7.0}
AFTER = (5.5, 5.0, 5.0, 4.0, 4.0, 4.5, 3.0, 3.0)
"""Unpleasantness after practice, the oldest week first."""


def practised_for_eight_weeks(data: Path) -> list[str]:
    """Fill a data folder with three practices a week, but for one week; return ids."""
    store = Store(data)
    person = store.person()
    monday = datetime.now(UTC).replace(hour=9, minute=30, second=0, microsecond=0)
    monday -= timedelta(days=monday.weekday())
    ids, number = [], 0

    def next_id(kind: str) -> str:
        nonlocal number
        number += 1
        return f"{kind}{number:025d}"

    for week in range(8):
        if week == 4:
            continue
        for k in range(3):
            at = monday - timedelta(weeks=7 - week) + timedelta(days=2 * k, hours=k)
            if at > datetime.now(UTC):
                continue
            at_ns = round(at.timestamp()) * NS_PER_S
            ids.append(id := next_id("S"))
            store.add_session(
                SessionRow(
                    id=id,
                    person_id=person.id,
                    plan="practice",
                    source="strap",
                    simulated=False,
                    strap_name="Polar H10",
                    started_at_utc_ns=at_ns,
                    ended_at_utc_ns=at_ns + 200 * NS_PER_S,
                )
            )
            store.finish_session(id, SessionState.COMPLETE)
            store.keep_practised(
                PractisedRow(
                    session_id=id,
                    practice=None,
                    minutes=(3.0, 10.0, 3.0)[k],
                    symptom=(week, k) == (6, 1),
                    utc_offset_s=HOUR,
                )
            )
            after = {"pain_intensity": 5.5, "pain_unpleasantness": AFTER[week] + k % 2}
            for moment, values in (("before", BEFORE), ("after", after)):
                for type, value in values.items():
                    store.add_rating(
                        RatingRow(
                            id=next_id("R"),
                            session_id=id,
                            type=type,
                            value=value,
                            unit="nrs_0_10",
                            moment=moment,
                            at_utc_ns=at_ns,
                            in_recording=False,
                        )
                    )
            for type, value in (
                *(("craving", 7.0 - week / 2), ("self_control", 4.0 + week / 3)),
                *((f"peg_{item}", 6.0) for item in ("pain", "enjoyment", "activity")),
            ):
                pause = type in ("craving", "self_control")
                store.add_to_diary(
                    [
                        DiaryRow(
                            id=next_id("D"),
                            person_id=person.id,
                            occasion="pause" if pause else "week",
                            group_id=f"{'P' if pause else 'W'}{id[1:]}",
                            type=type,
                            value=value,
                            moment="before" if pause else None,
                            text=NOTE,
                            at_utc_ns=at_ns,
                            utc_offset_s=HOUR,
                            kept_at_utc_ns=at_ns,
                        )
                    ]
                )
    store.close()
    return ids


def test_what_i_did_in_each_look(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    """Eight weeks with one missing; every picture has a sentence; a day leads on."""
    ids = practised_for_eight_weeks(tmp_path)
    url = run(start_service, tmp_path)
    cookies = None
    OUTPUT.mkdir(exist_ok=True)
    for look, (viewport, scheme) in LOOKS.items():
        page = open_page(
            url if cookies is None else url.split("#")[0],
            viewport=viewport,
            color_scheme=scheme,
            reduced_motion="reduce",
            bypass_csp=True,  # so that axe can be put into the page
            cookies=cookies,
        )
        expect(part(page, "begin")).to_be_visible(timeout=PATIENCE_MS)
        cookies = page.context.storage_state()
        page.add_script_tag(path=AXE)
        page.evaluate("location.hash = '#history'")
        chart = part(page, "chart-gap")
        expect(chart.get_by_test_id("sentence")).to_contain_text("less unpleasant")
        expect(chart.get_by_role("img")).to_have_attribute(
            "aria-label", re.compile("less unpleasant")
        )
        # A week without answers cuts the line in two, before and after alike.
        expect(chart.locator(".week-picture > svg polyline")).to_have_count(4)
        page.screenshot(path=OUTPUT / f"history-{look}.png", full_page=True)
        check_accessible(page)
        part(page, "more-pictures").locator("summary").press("Enter")
        for name in ("unpleasantness", "intensity", "pull", "peg"):
            sentence = part(page, f"chart-{name}").get_by_test_id("sentence")
            expect(sentence).not_to_be_empty()
        expect(part(page, "chart-pull")).to_contain_text("neither good nor bad")
        check_accessible(page)
        page.screenshot(path=OUTPUT / f"history-more-{look}.png", full_page=True)
        page.evaluate("location.hash = '#data'")
        expect(part(page, "export")).to_be_visible()
        part(page, "erase").press("Enter")
        expect(part(page, "erase-now")).to_be_disabled()
        check_accessible(page)
        page.screenshot(path=OUTPUT / f"data-{look}.png", full_page=True)
        page.keyboard.press("Escape")  # back, and nothing has happened
        expect(part(page, "erase")).to_be_focused()
        page.evaluate("location.hash = '#history'")
        newest = part(page, "sitting").first
        newest.focus()
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile(f"#done/({'|'.join(ids)})"))
        page.context.close()


def erase(page: Page) -> None:
    part(page, "erase").press("Enter")
    part(page, "erase-tick").press("Space")
    part(page, "erase-now").press("Enter")


def test_my_data_is_taken_along_and_erased_by_keyboard_alone(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    data = tmp_path / "data"
    ids = practised_for_eight_weeks(data)
    url = run(start_service, data, "--simulate")  # a session goes on at once
    page = open_page(url)
    page.wait_for_url(re.compile("#first/"), timeout=PATIENCE_MS)
    page.evaluate(
        "localStorage.setItem('other', '1');"
        "new Promise(done => { const open = indexedDB.open('photos');"
        " open.onsuccess = () => { open.result.close(); done(); }; })"
    )
    page.evaluate("location.hash = '#data'")
    with page.expect_download() as download:
        part(page, "export").press("Enter")
    out = tmp_path / "mine.zip"
    download.value.save_as(out)
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        sessions = archive.read("sessions.csv").decode()
        assert all(id in sessions for id in ids)
        assert NOTE in archive.read("diary.csv").decode()
    erase(page)
    expect(part(page, "erase-note")).to_contain_text("still goes on")
    part(page, "end-live").press("Enter")
    expect(part(page, "erase-note")).to_contain_text("Now you can erase")
    open_page.forgive("409")
    deadline = time.monotonic() + 30
    words = [*(word.encode() for word in ids), NOTE.encode()]
    while not part(page, "erased").is_visible():
        assert time.monotonic() < deadline
        # It is still being saved for a moment after its end.
        if part(page, "erase-now").is_enabled():
            part(page, "erase-now").press("Enter")
        page.wait_for_timeout(500)
    open_page.forgive("409|closed before the connection")  # it was left at once
    expect(part(page, "erased")).to_be_focused()
    page.screenshot(path=OUTPUT / "data-erased.png")
    assert left_of(data, words) == []
    assert list(data.rglob("*.mcap*")) == []
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert page.evaluate("indexedDB.databases()") == []
    assert page.context.cookies() == []
    page.reload()
    expect(page.locator("bf-sign-in")).to_be_visible()
    open_page.forgive("401")
