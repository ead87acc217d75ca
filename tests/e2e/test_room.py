"""The live room: a therapist's browser and a patient's at once; a room of thirty."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from bench.room_scene import served
from biofeedback.recording.tables import read_tables
from tests.e2e.conftest import LAPTOP, OUTPUT, PHONE, OpenPage, StartService
from tests.e2e.journey import (
    PATIENCE_MS,
    answer,
    begin,
    part,
    session_id,
    wait_until,
)
from tests.e2e.place import PASSWORD, Place, open_place, sign_in
from tests.e2e.test_practice import AXE, LOOKS, check_accessible

SEEN = tuple(LOOKS) if os.environ.get("PICTURE_BEATS") else ("phone-dark",)
"""One look more than the test walks through; pictures are taken of all four."""


class Frames:
    """What a therapist's page hears of other people's hearts."""

    def __init__(self, page: Page) -> None:
        self.beats = 0
        page.on("websocket", lambda socket: socket.on("framereceived", self._heard))

    def _heard(self, frame: str | bytes) -> None:
        if isinstance(frame, str) and '"beat"' in frame:
            self.beats += 1


def picture(page: Page, name: str) -> None:
    OUTPUT.mkdir(exist_ok=True)
    page.screenshot(path=OUTPUT / f"{name}.png")


def staff_page(place: Place, open_page: OpenPage, name: str) -> Page:
    page = open_page(place.service.origin, viewport=LAPTOP, bypass_csp=True)
    page.add_script_tag(path=AXE)
    sign_in(page, name)
    open_page.forgive("401")
    return page


def invited_patient(link: str, open_page: OpenPage) -> Page:
    """Follow an invite on a phone, and be at home."""
    page = open_page(link, viewport=PHONE, bypass_csp=True, reduced_motion="reduce")
    page.locator("[name=username]").fill("ada")
    page.locator("[name=display]").fill("Ada")
    page.locator("[name=password]").fill(PASSWORD)
    part(page, "enter").click()
    expect(part(page, "begin")).to_be_visible(timeout=PATIENCE_MS)
    return page


def allow(page: Page) -> None:
    """Let the therapist watch and read everything, for a week."""
    page.evaluate("location.hash = '#sharing'")
    part(page, "grantees").get_by_label("Dr. Kim").check()
    for purpose in ("live", "report"):
        for box in part(page, f"purpose-{purpose}").get_by_role("checkbox").all():
            box.check()
    part(page, "what").locator("[name=days]").first.check()
    part(page, "allow-yes").click()
    expect(part(page, "receipt")).to_be_visible()
    page.evaluate("location.hash = '#home'")


def test_a_therapist_and_a_patient_from_the_invite_to_the_report(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    place = open_place(start_service, tmp_path)
    kim = staff_page(place, open_page, "kim")
    heard = Frames(kim)

    # She lands in her room; it is empty and says how somebody shares.
    kim.wait_for_url(re.compile("#room$"))
    expect(part(kim, "room-empty")).to_contain_text("say yes to sharing")
    expect(part(kim, "who")).to_contain_text("Dr. Kim")
    check_accessible(kim)
    kim.get_by_role("link", name="People", exact=True).click()
    expect(part(kim, "no-people")).to_be_visible()
    part(kim, "invite-make").click()
    link = part(kim, "invite-url").input_value()
    assert "/#invite=" in link
    expect(part(kim, "invites").get_by_role("listitem")).to_have_count(1)

    ada = invited_patient(link, open_page)
    allow(ada)
    kim.get_by_role("link", name="Room", exact=True).click()
    kim.get_by_role("link", name="People", exact=True).click()
    expect(part(kim, "consent")).to_contain_text(
        "heart, breathing, answers, what they write"
    )
    expect(part(kim, "consent")).to_contain_text("until ")
    kim.get_by_role("link", name="Room", exact=True).click()
    expect(part(kim, "room-empty")).to_be_visible()

    # A session alone shows nothing: she is asked, and says yes.
    begin(ada)
    expect(part(ada, "share-ask")).to_be_visible(timeout=PATIENCE_MS)
    expect(part(kim, "tile")).to_have_count(0)
    part(ada, "share-yes").click()
    tile = part(kim, "tile")
    expect(tile).to_have_count(1, timeout=PATIENCE_MS)
    answer(ada, 6, 7, None)
    expect(tile).to_have_attribute("data-standing", "streaming", timeout=PATIENCE_MS)
    expect(tile).to_contain_text("Pain unpleasantness 7")
    expect(tile).to_contain_text("Simulated")
    expect(part(ada, "light")).to_contain_text("Dr. Kim")
    tile.focus()
    kim.keyboard.press("Enter")
    expect(part(kim, "detail-state")).to_have_attribute("data-standing", "streaming")
    session = session_id(kim)
    expect(tile.locator(".hr")).to_have_text(re.compile(r"^\d+$"))
    expect(part(kim, "events")).to_contain_text("Pain unpleasantness 7")  # it is linked

    # One key marks a moment, and it can be taken back.
    kim.keyboard.press("t")
    expect(part(kim, "mark-said")).to_contain_text("Talking")
    expect(part(kim, "events")).to_contain_text("Talking you")
    kim.keyboard.press("c")
    expect(part(kim, "mark-said")).to_contain_text("Cough")
    part(kim, "mark-undo").click()
    expect(part(kim, "events")).not_to_contain_text("Cough")
    # In a field a letter is a letter.
    part(kim, "say-text").fill("")
    part(kim, "say-text").press_sequentially("Let the shoulders drop.")
    expect(part(kim, "events").locator('[data-type="tearful"]')).to_have_count(0)

    # A pace is proposed: first they keep theirs, then they accept.
    part(kim, "pace-rate").fill("5.5")
    part(kim, "pace-send").click()
    expect(part(kim, "pace-state")).to_contain_text("Waiting for an answer")
    part(kim, "say-send").click()
    part(ada, "keep-mine").click(timeout=PATIENCE_MS)
    expect(part(kim, "pace-state")).to_have_attribute("data-answer", "declined")
    # What she wrote appears between breaths, and she learns that it was seen.
    expect(part(ada, "message")).to_contain_text("shoulders", timeout=PATIENCE_MS)
    expect(part(kim, "said")).to_contain_text("seen", timeout=PATIENCE_MS)
    part(kim, "pace-rate").fill("5.8")
    part(kim, "pace-send").click()
    part(ada, "try-it").click(timeout=PATIENCE_MS)
    expect(part(kim, "pace-state")).to_have_attribute("data-answer", "accepted")
    wait_until(
        ada,
        lambda: ada.evaluate(
            "document.querySelector('bf-pacer').feed.schedule.at(-1).rate_bpm === 5.8"
        ),
    )

    part(ada, "hand").click()
    expect(kim.locator(".detail-head .hand")).to_be_visible()
    expect(part(kim, "room-said")).to_contain_text("raised a hand", timeout=PATIENCE_MS)
    part(kim, "note-text").fill("Ask about sleep.")
    part(kim, "note-keep").click()
    expect(part(kim, "note-list")).to_contain_text("Ask about sleep.")
    check_accessible(kim)
    picture(kim, "room-together-laptop-light")
    picture(ada, "room-together-phone-light")

    # Paused: the tile stays and tells nothing.
    part(ada, "pause-sharing").click()
    expect(part(kim, "detail-paused")).to_be_visible()
    expect(part(kim, "events")).to_have_count(0)
    expect(tile).not_to_contain_text("Pain unpleasantness")
    kim.keyboard.press("Escape")  # out of the field, then out of the session
    kim.keyboard.press("Escape")
    kim.wait_for_url(re.compile("#room$"))
    expect(tile).to_be_focused()
    expect(tile).to_have_attribute("data-standing", "paused")
    expect(part(kim, "room-summary")).to_contain_text("1 paused")
    nothing_comes(ada, heard)
    part(ada, "share-again").click()
    expect(tile).to_have_attribute("data-standing", "streaming", timeout=PATIENCE_MS)

    # Consent is taken back on another device: all of it is gone, here at once.
    tile.press("Enter")
    expect(part(kim, "detail-state")).to_have_attribute("data-standing", "streaming")
    other = place.person("ada")
    other.post("consents/revoke", {"account": None, "id": None})
    expect(part(kim, "detail-gone")).to_contain_text("cannot be seen here now")
    expect(tile).to_have_count(0)
    nothing_comes(ada, heard)

    # Given again, for the report of what was.
    account = other.get("consents/grantees")["grantees"][0]["account"]
    grants = [
        {"purpose": "report", "stream": stream}
        for stream in ("heart", "breathing", "ratings", "notes")
    ]
    other.post("consents", {"account": account, "grants": grants, "days": 7})
    part(ada, "stop").click()
    answer(ada, 4, 3, None)
    expect(part(ada, "home")).to_be_visible(timeout=PATIENCE_MS)
    kim.get_by_role("link", name="Back to the room").click()
    kim.get_by_role("link", name="People", exact=True).click()
    part(kim, "open-person").click()
    row = part(kim, "person-sessions").locator(f'[data-id="{session}"]')
    expect(row).to_contain_text("Simulated")
    check_accessible(kim)
    page = kim.request.get(report_of(kim, session, "html"))
    assert page.ok
    assert "npleasantness" in page.text()
    assert kim.request.get(report_of(kim, session, "pdf")).body().startswith(b"%PDF")

    recorded = entries_of(place.data, session)
    code = place.person("kim").code
    own = [(type, text) for by, type, text in recorded if by == code]
    assert own.count(("talking", None)) == own.count(("cough", None)) == 1
    assert own.count(("message", "Let the shoulders drop.")) == 1
    kinds = [type for _, type, _ in recorded]
    assert kinds.count("pacer_declined") == kinds.count("pacer_accepted") == 1
    assert "hand" in kinds
    assert "message_shown" in kinds
    assert not any("sleep" in (text or "") for _, _, text in recorded)


def nothing_comes(ada: Page, heard: Frames) -> None:
    """While the heart goes on, no beat of it reaches the therapist any more."""
    wait_for_beats(ada, 1)  # what was on its way has come by then
    before = heard.beats
    wait_for_beats(ada, 2)
    assert heard.beats == before


def wait_for_beats(page: Page, n: int) -> None:
    """Let the heart beat so often, as the patient's own page hears it."""
    there = "document.querySelector('bf-pacer').feed.beats.since(0).length"
    until = page.evaluate(there) + n
    wait_until(page, lambda: page.evaluate(there) >= until)


def report_of(page: Page, session: str, format: str) -> str:
    row = part(page, "person-sessions").locator(f'[data-id="{session}"]')
    href = row.get_by_test_id(f"report-{format}").get_attribute("href")
    assert href is not None
    return f"{page.url.split('/#')[0]}{href}"


def entries_of(data: Path, session: str) -> list[tuple[str, str, str | None]]:
    """Return who entered what, with which text, as it stands in the recording."""
    (path,) = data.rglob(f"*{session}*.mcap")
    tables = read_tables(path)
    return [(entry.by, entry.type, entry.text) for entry in tables.entries]


@pytest.fixture(scope="module")
def thirty() -> Iterator[str]:
    """Serve a scripted room of thirty, without any service behind it."""
    with served(30) as url:
        yield url


def test_a_room_of_thirty_is_walked_by_keys(thirty: str, open_page: OpenPage) -> None:
    page = open_page(thirty, viewport=LAPTOP, before=_hold_the_pointer_away)
    tiles = part(page, "tile")
    expect(tiles).to_have_count(30, timeout=PATIENCE_MS)
    summary = part(page, "room-summary")
    expect(summary).to_contain_text("3 hands up · 3 paused")
    # Data that need a look come first, then hands, then by when they began.
    needs = ["data"] * 9 + ["hand"] * 3 + ["none"] * 18
    wait_until(page, lambda: _needs(page) == needs)
    began = page.locator('.tile[data-need="none"] .alias').all_inner_texts()
    assert began[0].endswith(" 3"), "who began first"
    for words in ("Contact lost", "Searching for the strap", "Sharing paused"):
        expect(tiles.filter(has_text=words)).to_have_count(3)
    noted = tiles.filter(has_text="Artefacts 9 %").first
    expect(noted).to_have_accessible_description(
        re.compile("Streaming, last beat .* artefacts 9 per cent, Pain unpleasantness")
    )
    wait_until(page, lambda: _columns_with_ink(page) > 25)

    # What moves can be hidden, and comes back whole.
    part(page, "curves").click()
    expect(page.locator(".sweep").first).not_to_be_visible()
    part(page, "curves").click()
    wait_until(page, lambda: _columns_with_ink(page) > 25)

    # One stop for Tab; the arrows go through the rows, and no tile moves meanwhile.
    page.locator('.tile[tabindex="0"]').focus()
    order = _order(page)
    for key, at in (
        ("ArrowRight", 1),
        ("ArrowDown", 6),
        ("ArrowLeft", 5),
        ("End", 29),
        ("ArrowRight", 29),
        ("Home", 0),
        ("ArrowDown", 5),
    ):
        page.keyboard.press(key)
        expect(tiles.nth(at)).to_be_focused()
    expect(page.locator('.tile[tabindex="0"]')).to_have_count(1)
    assert _order(page) == order

    page.keyboard.press("Enter")
    expect(part(page, "detail")).to_be_visible()
    expect(page.locator("article h1")).to_be_focused()
    expect(tiles).to_have_count(30)
    page.keyboard.press("?")
    dialog = part(page, "keys-dialog")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("button", name="Close")).to_be_in_viewport()
    part(page, "key-cough").press("h")
    expect(part(page, "key-cough")).to_have_value("h")
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()
    page.keyboard.press("c")
    page.keyboard.press("h")
    expect(part(page, "mark-said")).to_contain_text("Cough")
    # All of them can be switched off; the buttons stay.
    part(page, "keys").click()
    part(page, "keys-on").uncheck()
    page.keyboard.press("Escape")
    page.locator("article h1").focus()
    page.keyboard.press("t")
    page.keyboard.press("?")
    expect(dialog).not_to_be_visible()
    part(page, "mark-movement").click()
    expect(part(page, "mark-said")).to_contain_text("Movement")
    expect(part(page, "events")).not_to_contain_text("Talking")
    page.locator("article h1").focus()
    page.keyboard.press("Escape")
    expect(tiles.nth(5)).to_be_focused()


def _hold_the_pointer_away(page: Page) -> None:
    page.mouse.move(5, 5)


def _needs(page: Page) -> list[str | None]:
    found: list[str | None] = page.evaluate(
        "[...document.querySelectorAll('.tile')].map(one => one.dataset.need)"
    )
    return found


def _order(page: Page) -> list[str]:
    found: list[str] = page.evaluate(
        "[...document.querySelectorAll('.tile')].map(one => one.dataset.session)"
    )
    return found


def _columns_with_ink(page: Page) -> int:
    """Return how many columns of the last tile's curve hold ink."""
    found: int = page.evaluate(
        """() => {
        const canvas = [...document.querySelectorAll('.tile canvas')].at(-1);
        const { width, height } = canvas;
        const copy = new OffscreenCanvas(width, height);
        const pen = copy.getContext('2d', { willReadFrequently: true });
        pen.drawImage(canvas, 0, 0);
        const data = pen.getImageData(0, 0, width, height).data;
        const columns = new Set();
        for (let i = 3; i < data.length; i += 4)
            if (data[i] > 0) columns.add(((i - 3) / 4) % width);
        return columns.size;
    }"""
    )
    return found


@pytest.mark.parametrize("look", SEEN)
def test_the_pages_are_accessible_in_each_look(
    look: str, thirty: str, open_page: OpenPage
) -> None:
    viewport, scheme = LOOKS[look]
    page = open_page(thirty, viewport=viewport, color_scheme=scheme, bypass_csp=True)
    page.add_script_tag(path=AXE)

    def see(name: str) -> None:
        check_accessible(page)
        picture(page, f"{name}-{look}")

    tiles = part(page, "tile")
    expect(tiles).to_have_count(30, timeout=PATIENCE_MS)
    wait_until(page, lambda: _needs(page).count("data") == 9)
    see("room")
    tiles.first.click()
    expect(part(page, "detail")).to_be_visible()
    expect(part(page, "detail-numbers")).to_contain_text("48")
    see("room-detail")
    page.evaluate("location.hash = '#people'")
    part(page, "open-person").first.click()
    expect(part(page, "person-session")).to_have_count(5)
    see("person")
    page.evaluate("location.hash = '#people'")
    expect(part(page, "sharer")).to_have_count(6)
    see("people")
    page.evaluate("location.hash = '#accounts'")
    expect(part(page, "account")).to_have_count(4)
    expect(part(page, "audit-chain")).to_have_attribute("data-whole", "true")
    see("accounts")


def test_whoever_rests_is_told_before_they_are_signed_out(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    place = open_place(start_service, tmp_path)
    page = staff_page(place, open_page, "root")
    page.wait_for_url(re.compile("#accounts$"))
    expect(part(page, "who")).to_be_visible()
    page.clock.install()
    page.reload()
    soon = part(page, "soon-out")
    expect(part(page, "who")).to_be_visible(timeout=PATIENCE_MS)
    page.clock.fast_forward("26:50")
    expect(soon).to_have_count(0)
    page.clock.fast_forward("00:20")
    expect(soon).to_contain_text("You will be signed out soon")
    with page.expect_response(lambda answer: answer.url.endswith("/api/v1/me")):
        page.keyboard.press("Shift")
    expect(soon).to_have_count(0)


def test_an_admin_invites_gives_a_new_way_in_and_revokes(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    place = open_place(start_service, tmp_path)
    place.person("mara")
    page = staff_page(place, open_page, "root")
    page.wait_for_url(re.compile("#accounts$"))
    expect(part(page, "who")).to_have_attribute("href", "#account")
    accounts = part(page, "account")
    expect(accounts).to_have_count(3)
    expect(accounts.filter(has_text="The desk")).to_contain_text("you")
    expect(accounts.filter(has_text="Mara")).to_contain_text("password")

    part(page, "invite-role").select_option("therapist")
    part(page, "invite-make").click()
    expect(part(page, "invite-link")).to_contain_text("For a therapist")
    link = part(page, "invite-url").input_value()
    assert re.search(r"/#invite=[\w-]{20,}$", link)
    part(page, "invite-copy").click()
    expect(part(page, "invite-link")).to_contain_text("op")  # copied, or copy it
    expect(part(page, "invites").get_by_role("listitem")).to_have_count(1)
    page.get_by_role("button", name="Revoke the invite of a therapist").click()
    expect(part(page, "invites").get_by_role("listitem")).to_have_count(0)
    expect(part(page, "invite-link")).to_have_count(0)
    told = page.request.post(
        f"{place.service.origin}/api/v1/invites/look",
        data=json.dumps({"token": link.split("=")[-1]}),
        headers={"Content-Type": "application/json"},
    )
    assert told.status == 404

    page.get_by_role("button", name="Make a new way in for Mara").click()
    expect(part(page, "invite-link")).to_contain_text("New way in for Mara")
    page.get_by_role("button", name="Revoke Mara").click()
    dialog = part(page, "revoke-dialog")
    dialog.get_by_role("button", name="Cancel").click()
    expect(accounts).to_have_count(3)
    page.get_by_role("button", name="Revoke Mara").click()
    part(page, "revoke-yes").click()
    expect(accounts).to_have_count(2)
    page.get_by_role("button", name="Show 1 revoked").click()
    expect(accounts.filter(has_text="Mara")).to_contain_text("revoked ")
    expect(part(page, "audit-chain")).to_have_attribute("data-whole", "true")
    audit = part(page, "audit").locator("table")
    expect(audit).to_contain_text("account revoke")
    # Whose data it was stands there: a patient is eight signs, in every row the same.
    expect(audit.get_by_role("columnheader")).to_have_text(
        ["When", "Who", "What", "About", "Outcome", "From"]
    )
    ended = audit.get_by_role("row").filter(has_text="account revoke")
    about = ended.locator('[data-label="About"]').inner_text()
    assert re.fullmatch(r"[0-9a-f]{8}", about)
    entered = audit.get_by_role("row").filter(has_text="sign in")
    expect(entered.locator(f'[data-label="Who"]:text-is("{about}")')).to_have_count(1)
    assert not re.search(r"[0-9a-f]{9}", audit.inner_text())
    box = audit.get_by_role("columnheader", name="From").bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= LAPTOP["width"]
    check_accessible(page)

    # A therapist can practise, finds the way back, and sees no admin's page.
    part(page, "sign-out").click()
    expect(page.locator("[name=username]")).to_be_visible()
    sign_in(page, "kim")
    page.wait_for_url(re.compile("#room$"))
    page.get_by_role("link", name="Practise yourself").click()
    expect(part(page, "begin")).to_be_visible(timeout=PATIENCE_MS)
    part(page, "desk").click()
    expect(part(page, "room-empty")).to_be_visible()
    page.evaluate("location.hash = '#accounts'")
    expect(part(page, "notice")).to_contain_text("for administrators")
    open_page.forgive("403|404|401|resource")
