"""Who may see, and company in a practice. A patient's page; the therapist has none."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.conftest import OUTPUT, PHONE, OpenPage, StartService
from tests.e2e.journey import (
    PATIENCE_MS,
    answer,
    begin,
    part,
    session_id,
    wait_for_stream,
    wait_until,
)
from tests.e2e.place import Person, Place, open_place, sign_in, sign_in_at_home
from tests.e2e.test_practice import AXE
from tests.e2e.test_sign_in import see

EARS = Path(__file__).parent / "ears.js"


def at_home(place: Place, open_page: OpenPage) -> Page:
    page = open_page(
        place.service.origin,
        viewport=PHONE,
        bypass_csp=True,
        reduced_motion="reduce",
    )
    page.add_script_tag(path=AXE)
    sign_in_at_home(page)
    open_page.forgive("401")
    return page


def consent(place: Place, *streams: str) -> Person:
    """Let the therapist watch, as the patient would on another device."""
    mara, kim = place.person("mara"), place.person("kim")
    grantees = mara.get("consents/grantees")["grantees"]
    account = next(one["account"] for one in grantees if one["code"] == kim.code)
    grants = [{"purpose": "live", "stream": stream} for stream in streams]
    mara.post("consents", {"account": account, "grants": grants, "days": 28})
    return kim


def test_who_may_see_is_chosen_part_by_part_and_stopped_by_one_tap(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    place = open_place(start_service, tmp_path)
    page = at_home(place, open_page)
    part(page, "sharing").click()
    expect(page.get_by_role("heading", name="Who may see")).to_be_visible()
    expect(part(page, "allowed-now")).to_contain_text("Nobody may see anything")
    expect(part(page, "looked")).to_contain_text("Nobody has looked")
    # Nothing is chosen for the person, neither whom nor what nor how long.
    expect(page.locator("main input:checked")).to_have_count(0)
    part(page, "grantees").get_by_label("Dr. Kim").check()
    expect(part(page, "what").locator("input:checked")).to_have_count(0)
    part(page, "allow-yes").click()
    expect(part(page, "missing")).to_contain_text("one thing at least")
    live = part(page, "purpose-live")
    live.get_by_label("Heart").check()
    live.get_by_label("Breathing").check()
    part(page, "purpose-report").get_by_label("Answers").check()
    part(page, "allow-yes").click()
    expect(part(page, "missing")).to_contain_text("how long")
    part(page, "what").get_by_label("Four weeks").check()
    see(page, "sharing-chosen")
    part(page, "allow-yes").click()
    receipt = part(page, "receipt")
    expect(receipt).to_contain_text("You can stop it any time")
    expect(receipt).to_contain_text("may watch while you practise: heart and breathing")
    see(page, "sharing-receipt")
    expect(part(page, "allowed")).to_have_count(1)
    part(page, "stop-sharing").click()
    expect(part(page, "sharing-said")).to_contain_text("Dr. Kim sees nothing more")
    expect(part(page, "allowed-now")).to_contain_text("Nobody may see anything")
    part(page, "before").locator("summary").click()
    expect(part(page, "before")).to_contain_text("You stopped it on")
    page.screenshot(path=OUTPUT / "sharing-before-phone.png", full_page=True)

    # Who lets nobody watch is asked nothing, and nothing more is fetched.
    page.evaluate("location.hash = '#home'")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    begin(page)
    answer(page, None, None, None)
    wait_for_stream(page)
    assert not [url for url in asked if re.search("sharing|consents|looks|doors", url)]
    expect(part(page, "company")).to_have_count(0)


def ask_to_share(page: Page, *, yes: bool, look: bool = False) -> str:
    """Begin, and say whether this session is shared."""
    begin(page)
    expect(part(page, "share-ask")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_role("heading", name="Share this session")).to_be_focused()
    id = session_id(page)
    if look:
        see(page, "share-ask")
    part(page, "share-yes" if yes else "share-no").click()
    return id


def told(page: Page) -> list[tuple[str, str, str]]:
    entries = page.evaluate("document.querySelector('bf-pacer').feed.entries")
    return [(one["type"], one["by"], one["text"] or "") for one in entries]


def test_company_in_a_practice_and_the_patient_always_wins(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    place = open_place(start_service, tmp_path)
    kim = consent(place, "heart", "breathing")
    page = at_home(place, open_page)
    session = ask_to_share(page, yes=True, look=True)
    expect(part(page, "light")).to_have_text("Nobody is watching just now")
    answer(page, 3, 2, None)
    wait_for_stream(page)

    with kim.watching(session) as watch:
        light = part(page, "light")
        expect(light).to_have_text("Dr. Kim is watching")
        expect(part(page, "company")).to_have_attribute("data-light", "watched")
        see(page, "company-watched")

        part(page, "hand").click()
        expect(part(page, "hand")).to_have_attribute("aria-pressed", "true")
        watch.until(kind="event", type="hand", text="up")
        part(page, "pause-sharing").click()
        expect(light).to_contain_text("Nobody sees this")
        page.screenshot(path=OUTPUT / "company-paused-phone.png")
        part(page, "share-again").click()
        expect(light).to_have_text("Dr. Kim is watching")

        # A pace to try comes between two breaths, and waits for the person's word.
        wait_until(page, lambda: ("phase", "person", "practice") in told(page))
        watch.send("pacer.propose", rate_bpm=5.5, inhale_pct=40)
        asked = watch.until(kind="event", type="pacer_proposed")
        proposal = part(page, "proposal")
        expect(proposal).to_contain_text("Dr. Kim suggests 5½ breaths a minute")
        see(page, "company-proposal")
        check_nothing_covered(page)
        part(page, "try-it").click()
        expect(proposal).to_have_count(0)
        watch.until(kind="event", type="pacer_accepted", text=asked["id"])

        watch.send("pacer.propose", rate_bpm=5, inhale_pct=40)
        asked = watch.until(kind="event", type="pacer_proposed")
        # By the keyboard alone.
        part(page, "keep-mine").focus()
        page.keyboard.press("Enter")
        expect(proposal).to_have_count(0)
        watch.until(kind="event", type="pacer_declined", text=asked["id"])

        watch.send("say", text="Let the shoulders be heavy. Any breath is fine.")
        written = watch.until(kind="event", type="message")
        message = part(page, "message")
        expect(message).to_contain_text("From Dr. Kim")
        expect(message).to_contain_text("Any breath is fine.")
        watch.until(kind="event", type="message_shown", text=written["id"])
        see(page, "company-message")
        check_nothing_covered(page)
        part(page, "close-message").click()
        expect(message).to_have_count(0)
    expect(light).to_have_text("Nobody is watching just now")
    assert ("watching", kim.code, "on") in told(page)

    # The link is lost: what is not known is said to be so, and the pacer goes on.
    place.service.process.send_signal(signal.SIGSTOP)
    expect(light).to_contain_text("is not known")
    page.screenshot(path=OUTPUT / "company-unknown-phone.png")
    place.service.process.send_signal(signal.SIGCONT)
    expect(light).to_have_text("Nobody is watching just now")
    page.evaluate("location.hash = '#sharing'")
    expect(part(page, "look").first).to_contain_text("Dr. Kim watched")


def test_signed_out_in_a_practice_one_comes_back_to_it(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    place = open_place(start_service, tmp_path)
    consent(place, "heart")
    page = at_home(place, open_page)
    ask_to_share(page, yes=True)
    part(page, "skip-all").click()
    wait_for_stream(page)
    wait_until(page, lambda: ("phase", "person", "practice") in told(page))
    place.person("mara").post("sign-out-everywhere")
    out = part(page, "signed-out")
    expect(out).to_contain_text("You are signed out")
    expect(page.get_by_text("by itself")).to_have_count(0)
    expect(part(page, "light")).to_contain_text("is not known")
    expect(part(page, "pause-sharing")).to_have_count(0)
    moving = "document.querySelector('bf-pacer').feed.nowMs()"
    before_ms = page.evaluate(moving)
    wait_until(page, lambda: page.evaluate(moving) > before_ms)
    see(page, "signed-out")
    check_nothing_covered(page)
    # Finish leads on, and waits for the way back in.
    part(page, "stop").click()
    part(page, "skip-all").click()
    expect(page.get_by_text("Saving your practice")).to_be_visible()
    part(page, "sign-in-again").click()
    expect(page.locator("[name=username]")).to_be_focused()
    sign_in(page)
    expect(part(page, "home")).to_be_visible(timeout=PATIENCE_MS)
    expect(out).to_have_count(0)

    # Again, and this time the practice goes on.
    part(page, "home").click()
    ask_to_share(page, yes=True)
    part(page, "skip-all").click()
    wait_for_stream(page)
    place.person("mara").post("sign-out-everywhere")
    part(page, "sign-in-again").click()
    sign_in(page)
    expect(out).to_have_count(0)
    wait_for_stream(page)

    # Nobody is allowed any more: then there is nothing to pause, and no hand.
    expect(part(page, "hand")).to_be_visible()
    place.person("mara").post("consents/revoke", {"account": None, "id": None})
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(part(page, "light")).to_have_text("Nobody may see this")
    expect(part(page, "hand")).to_have_count(0)
    part(page, "stop").click()
    part(page, "skip-all").click()
    part(page, "home").click()
    part(page, "sign-out").click()
    expect(part(page, "sign-in")).to_be_visible()
    open_page.forgive("401")


def check_nothing_covered(page: Page) -> None:
    """See that the stop strip is what a tap on it hits, in whole."""
    hit = page.evaluate(
        """() => {
          const strip = document.querySelector('[data-testid=stop-now]');
          const box = strip.getBoundingClientRect();
          const points = [[0.03, 0.5], [0.97, 0.5], [0.5, 0.05], [0.5, 0.95]];
          return points.every(([x, y]) => document.elementFromPoint(
            box.x + box.width * x, box.y + box.height * y) === strip);
        }"""
    )
    assert hit


def test_with_eyes_closed_it_is_said_and_a_no_is_a_no(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    place = open_place(start_service, tmp_path)
    kim = consent(place, "heart")
    page = open_page(
        place.service.origin,
        viewport=PHONE,
        before=lambda page: page.add_init_script(path=EARS),
    )
    sign_in_at_home(page)
    open_page.forgive("401")
    session = ask_to_share(page, yes=False)
    part(page, "skip-all").click()
    wait_for_stream(page)
    expect(part(page, "company")).to_have_count(0)
    assert kim.get("room/people")["people"] != []
    assert ("sharing", "person", "on") not in told(page)
    part(page, "stop").click()
    part(page, "skip-all").click()
    # One's own report is one tap away.
    for link in ("report", "report-pdf"):
        expect(part(page, link)).to_be_visible(timeout=PATIENCE_MS)
        address = part(page, link).get_attribute("href")
        assert page.request.get(f"{place.service.origin}{address}").ok
    part(page, "home").click()
    page.evaluate("location.hash = '#history'")
    address = part(page, "trend").get_attribute("href")
    assert page.request.get(f"{place.service.origin}{address}").ok

    page.evaluate("location.hash = '#settings'")
    part(page, "eyesClosed").check()
    page.evaluate("location.hash = '#home'")
    session = ask_to_share(page, yes=True)
    part(page, "skip-all").click()
    wait_for_stream(page)
    with kim.watching(session) as watch:
        watch.send("say", text="Your hands may rest.")
        watch.until(kind="event", type="message_shown")
        said = "window.heard.words.map(one => one.words)"
        wait_until(
            page,
            lambda: "From Dr. Kim: Your hands may rest." in page.evaluate(said),
        )
        expect(part(page, "message")).to_be_visible()
        page.screenshot(path=OUTPUT / "company-eyes-closed-phone.png")
        check_nothing_covered(page)
        # What was written can be read again at the end.
        part(page, "close-message").click()
        part(page, "eyes-open").click()
        part(page, "stop").click()
        part(page, "letters").locator("summary").click()
        expect(part(page, "letters")).to_contain_text("Your hands may rest.")
        page.screenshot(path=OUTPUT / "company-after-phone.png", full_page=True)
