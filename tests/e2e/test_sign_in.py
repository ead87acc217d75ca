"""Coming in where several people share a place: passkey, password, invite."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.conftest import LAPTOP, OUTPUT, PHONE, OpenPage, StartService
from tests.e2e.journey import PATIENCE_MS, part
from tests.e2e.place import open_place, sign_in, sign_in_at_home
from tests.e2e.test_practice import AXE, check_accessible

NARROW = {"width": 320, "height": 640}


def with_device(page: Page) -> None:
    """Give the page a device that says yes by itself, as a finger would."""
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    device.send("WebAuthn.addVirtualAuthenticator", {"options": options})


LOOKED_AT = {
    "narrow-light": (NARROW, "light"),
    "laptop-dark": (LAPTOP, "dark"),
    "phone-dark": (PHONE, "dark"),
    "phone-light": (PHONE, "light"),  # the last: as the page was before
}
CHECKED = {"narrow-light", "laptop-dark"}


def see(page: Page, name: str) -> None:
    """Look at a page in every size and light, and find nothing amiss."""
    for look, (size, scheme) in LOOKED_AT.items():
        page.set_viewport_size({"width": size["width"], "height": size["height"]})
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        if look in CHECKED:
            check_accessible(page)
        page.screenshot(path=OUTPUT / f"{name}-{look}.png", full_page=True)


def test_a_name_and_a_password_and_who_may_not(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    place = open_place(start_service, tmp_path)
    page = open_page(
        place.service.origin, viewport=PHONE, bypass_csp=True, reduced_motion="reduce"
    )
    page.add_script_tag(path=AXE)
    expect(page.get_by_role("heading", name="Sign in")).to_be_focused()
    expect(part(page, "by-passkey")).to_have_count(0)  # a number has no passkeys
    name, password = page.locator("[name=username]"), page.locator("[name=password]")
    expect(name).to_have_attribute("autocomplete", "username")
    expect(password).to_have_attribute("autocomplete", "current-password")
    part(page, "by-password").click()
    expect(part(page, "sign-in-said")).to_contain_text("first")
    expect(name).to_be_focused()
    # Nobody is told who has an account here.
    for who in ("mara", "nobody"):
        sign_in(page, who, "not this one")
        said = part(page, "sign-in-said")
        expect(said).to_contain_text("do not go together")
    see(page, "sign-in-password")
    # What was typed can be looked at.
    part(page, "show-password").click()
    expect(password).to_have_attribute("type", "text")
    sign_in_at_home(page)
    open_page.forgive("401")
    # Too many tries: it says how long to wait.
    other = open_page(place.service.origin, viewport=PHONE)
    for _ in range(40):
        tried = {"name": "mara", "password": "not this one"}
        url = f"{place.service.origin}/api/v1/sign-in/password"
        answer = other.request.post(url, data=tried)
        if answer.status == 429:
            break
    sign_in(other, "mara")
    expect(part(other, "sign-in-said")).to_contain_text("many tries")
    open_page.forgive("401|429")


def test_an_invite_makes_a_passkey_that_opens_the_door_and_its_account(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    place = open_place(start_service, tmp_path)
    desk = place.person("root")
    invite = desk.post("invites", {"role": "patient"})
    page = open_page(
        f"{place.url}#invite={invite['token']}",
        viewport=PHONE,
        bypass_csp=True,
        reduced_motion="reduce",
        before=with_device,
    )
    page.add_script_tag(path=AXE)
    expect(page.get_by_role("heading", name="Welcome")).to_be_focused()
    assert invite["token"] not in page.url
    expect(part(page, "invite")).to_contain_text("The desk invites you")
    see(page, "invite")
    part(page, "with-passkey").click()
    expect(part(page, "invite-said")).to_contain_text("both names")
    page.locator("[name=username]").fill("Nora")
    page.locator("[name=display]").fill("Nora S.")
    part(page, "with-passkey").click()
    expect(part(page, "begin")).to_be_visible(timeout=PATIENCE_MS)

    page.evaluate("location.hash = '#settings'")
    part(page, "to-account").click()
    expect(part(page, "passkey")).to_have_count(1)
    expect(part(page, "account")).to_contain_text("Nora S.")
    see(page, "account")
    # The only way in stays.
    part(page, "passkey").get_by_role("button").click()
    expect(part(page, "said-passkeys")).to_contain_text("only way in")
    expect(part(page, "passkey")).to_have_count(1)
    open_page.forgive("409")
    part(page, "sign-out").click()

    # The next day: one tap.
    part(page, "by-passkey").click()
    expect(part(page, "begin")).to_be_visible(timeout=PATIENCE_MS)
    page.evaluate("location.hash = '#account'")
    part(page, "sign-out-everywhere").click()
    expect(part(page, "by-passkey")).to_be_visible()
    page.screenshot(path=OUTPUT / "sign-in-phone-light.png", full_page=True)
    # The link has had its one time.
    page.goto(f"{place.url}#invite={invite['token']}")
    expect(part(page, "invite-spent")).to_contain_text("does not work any more")
    part(page, "to-sign-in").click()
    expect(part(page, "by-passkey")).to_be_visible()
    open_page.forgive("401|404")


def test_a_password_by_invite_is_changed_and_a_new_link_replaces_it(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    place = open_place(start_service, tmp_path)
    desk = place.person("root")
    invite = desk.post("invites", {"role": "patient"})
    page = open_page(
        f"{place.service.origin}/#invite={invite['token']}", viewport=PHONE
    )
    page.locator("[name=username]").fill("otto")
    page.locator("[name=display]").fill("Otto")
    password = page.locator("[name=password]")
    expect(password).to_have_attribute("autocomplete", "new-password")
    password.fill("short")
    part(page, "enter").click()
    expect(part(page, "invite-said")).to_contain_text("ten signs")
    password.fill("four slow rivers")
    part(page, "enter").click()
    expect(part(page, "begin")).to_be_visible(timeout=PATIENCE_MS)

    page.evaluate("location.hash = '#account'")
    part(page, "change-password").click()
    page.locator("[name=old-password]").fill("not this one")
    page.locator("[name=new-password]").fill("five slow rivers")
    part(page, "save-password").click()
    expect(part(page, "said-password")).to_contain_text("another one")
    page.locator("[name=old-password]").fill("four slow rivers")
    part(page, "save-password").click()
    expect(part(page, "said-password")).to_contain_text("holds")
    part(page, "sign-out").click()
    sign_in(page, "otto", "five slow rivers")
    expect(part(page, "begin")).to_be_visible(timeout=PATIENCE_MS)

    # Somebody who lost the way in gets a new link, and keeps their name.
    accounts = desk.get("accounts")["accounts"]
    otto = next(one["id"] for one in accounts if one["name"] == "otto")
    again = desk.post(f"accounts/{otto}/reset")
    page.goto(f"{place.service.origin}/#invite={again['token']}")
    expect(part(page, "invite")).to_contain_text("You sign in as otto")
    expect(page.locator("[name=username]")).to_have_count(0)
    page.locator("[name=password]").fill("six slow rivers")
    part(page, "enter").click()
    expect(part(page, "begin")).to_be_visible(timeout=PATIENCE_MS)
    open_page.forgive("401|403")
