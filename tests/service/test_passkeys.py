"""Passkeys: made by a real browser, and by devices that cheat."""

from __future__ import annotations

import copy
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, async_playwright

from biofeedback.service.credentials import FRESH_S
from biofeedback.service.limits import AT_ONCE, FREE_REFUSALS
from biofeedback.service.passkeys import CHALLENGE_GOOD_S, Challenges, site_of
from biofeedback.store import Role
from tests.machine import HOW_TO_BROWSER, browser, in_ci
from tests.service.clinic import API, PASSWORD, Clinic, by_password
from tests.service.conftest import House, Start
from tests.service.device import PRESENT, Device

FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-quic")


@pytest.fixture
async def clinic(house: House) -> AsyncIterator[Clinic]:
    async with AsyncExitStack() as closing:
        clinic = Clinic(house, closing)
        for name, role in (("therapist", Role.THERAPIST), ("patient", Role.PATIENT)):
            await clinic.join(name, role)
        yield clinic


def origin_of(clinic: Clinic) -> str:
    return f"http://localhost:{clinic.house.context.settings.port}"


def named(browser: httpx.AsyncClient, clinic: Clinic) -> httpx.AsyncClient:
    """Let a browser come by the name, to which passkeys belong."""
    browser.headers["host"] = origin_of(clinic).removeprefix("http://")
    return browser


async def asked(browser: httpx.AsyncClient, path: str) -> dict[str, Any]:
    answer = await browser.post(f"{API}/{path}/options")
    assert answer.status_code == 200, answer.text
    options: dict[str, Any] = answer.json()["options"]
    return options


async def kept_by(
    browser: httpx.AsyncClient, device: Device, label: str | None = None
) -> httpx.Response:
    options = await asked(browser, "passkeys")
    body = {"credential": device.create(options), "label": label}
    return await browser.post(f"{API}/passkeys", json=body)


async def shown(
    browser: httpx.AsyncClient, credential: dict[str, Any]
) -> httpx.Response:
    return await browser.post(
        f"{API}/sign-in/passkey",
        content=json.dumps({"credential": credential}),  # odd signs escaped
        headers={"content-type": "application/json"},
    )


# --- A real browser -----------------------------------------------------------------

POST = """const post = (path, body = {}) => fetch(`/api/v1/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });"""

MAKE = """async () => {
  POST
  const { options } = await (await post("passkeys/options")).json();
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  try {
    const made = await navigator.credentials.create({ publicKey });
    const body = { credential: made.toJSON(), label: "Phone" };
    return (await post("passkeys", body)).status;
  } catch (error) { return error.name; }
}""".replace("POST", POST, 1)

SIGN_IN = """async () => {
  POST
  const { options } = await (await post("sign-in/passkey/options")).json();
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  const shown = await navigator.credentials.get({ publicKey });
  const answer = await post("sign-in/passkey", { credential: shown.toJSON() });
  return [answer.status, (await answer.json()).name ?? null];
}""".replace("POST", POST, 1)

BY_PASSWORD = """async ([name, password]) => (await fetch("/api/v1/sign-in/password", {
  method: "POST", headers: { "content-type": "application/json" },
  body: JSON.stringify({ name, password }) })).status"""

DOORS = '() => fetch("/api/v1/doors").then((answer) => answer.json())'
SIGN_OUT = '() => fetch("/api/v1/sign-out", { method: "POST" }).then((a) => a.status)'


async def authenticator(page: Page, *, verifies: bool = True) -> None:
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("WebAuthn.enable")
    await devtools.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": verifies,
                "isUserVerified": verifies,
                "automaticPresenceSimulation": True,
            }
        },
    )


async def test_a_browser_makes_one_and_comes_in_by_it(clinic: Clinic) -> None:
    path = browser()
    if path is None:
        (pytest.fail if in_ci() else pytest.skip)(HOW_TO_BROWSER)
    async with (
        async_playwright() as playwright,
        await playwright.chromium.launch(executable_path=path, args=FLAGS) as chromium,
    ):
        page = await chromium.new_page()
        await page.goto(f"{origin_of(clinic)}/healthz")
        await authenticator(page)
        doors = await page.evaluate(
            "() => fetch('/api/v1/doors').then((a) => a.json())"
        )
        assert doors == {"shared": True, "passkeys": True}
        for name in ("therapist", "patient"):
            assert await page.evaluate(BY_PASSWORD, [name, PASSWORD]) == 200
            assert await page.evaluate(MAKE) == 201
            (kept,) = clinic.house.store.accounts.passkeys(clinic.accounts[name].id)
            assert kept.label == "Phone"
            assert await page.evaluate(MAKE) == "InvalidStateError", "one a device"
            assert await page.evaluate(SIGN_OUT) == 204
            if name == "therapist":
                for _ in range(FREE_REFUSALS):
                    await page.evaluate(BY_PASSWORD, [name, "x"])
                assert await page.evaluate(BY_PASSWORD, [name, PASSWORD]) == 429
                assert await page.evaluate(SIGN_IN) == [200, name]
                (used,) = clinic.house.store.accounts.passkeys(kept.account_id)
                assert used.sign_count > kept.sign_count
                assert used.last_used_utc_ns is not None
                await page.evaluate(SIGN_OUT)

        page = await chromium.new_page()
        await page.goto(f"{origin_of(clinic)}/healthz")
        await authenticator(page, verifies=False)
        clinic.pass_s(3600)
        assert await page.evaluate(BY_PASSWORD, ["patient", PASSWORD]) == 200
        assert await page.evaluate(MAKE) == "NotAllowedError", "whoever finds it is in"


# --- Devices that cheat -------------------------------------------------------------


async def test_a_passkey_is_one_s_own_to_keep(clinic: Clinic) -> None:
    patient = named(await clinic.browser_of("patient"), clinic)
    device = Device(origin_of(clinic))
    answer = await kept_by(patient, device, "  My \n phone ")
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["label"], made["last_used_at"]) == ("My phone", None)
    again = await kept_by(patient, device)
    assert again.status_code == 409
    therapist = named(await clinic.browser_of("therapist"), clinic)
    assert (await therapist.get(f"{API}/passkeys")).json() == {"passkeys": []}
    answer = await therapist.delete(f"{API}/passkeys/{made['id']}")
    assert answer.status_code == 404
    options = await asked(patient, "sign-in/passkey")
    newcomer = named(await clinic.browser(), clinic)
    assert (await shown(newcomer, device.get(options))).status_code == 200
    (listed,) = (await newcomer.get(f"{API}/passkeys")).json()["passkeys"]
    assert listed["last_used_at"] is not None
    assert (await patient.delete(f"{API}/passkeys/{made['id']}")).status_code == 204
    options = await asked(newcomer, "sign-in/passkey")
    assert (await shown(newcomer, device.get(options))).status_code == 401


async def test_the_only_way_in_stays(clinic: Clinic) -> None:
    quiet = await clinic.join("quiet", Role.PATIENT)
    browser = named(await clinic.browser_of("quiet"), clinic)
    device = Device(origin_of(clinic))
    id = (await kept_by(browser, device)).json()["id"]
    clinic.house.store.accounts.set_password(quiet.id, None)
    answer = await browser.delete(f"{API}/passkeys/{id}")
    assert answer.status_code == 409
    assert "only way in" in answer.json()["detail"]
    new = {"new": "four calm words now"}
    assert (await browser.put(f"{API}/password", json=new)).status_code == 204
    assert (await browser.delete(f"{API}/passkeys/{id}")).status_code == 204


async def test_a_browser_left_open_makes_no_new_way_in(clinic: Clinic) -> None:
    quiet = await clinic.join("quiet", Role.PATIENT)
    browser = named(await clinic.browser_of("quiet"), clinic)
    await kept_by(browser, Device(origin_of(clinic)))
    clinic.house.store.accounts.set_password(quiet.id, None)
    clinic.pass_s(FRESH_S + 1)
    new = {"new": "four calm words now"}
    for answer in (
        await browser.post(f"{API}/passkeys/options"),
        await browser.put(f"{API}/password", json=new),
    ):
        assert answer.status_code == 403
        assert answer.json()["reason"] == "sign_in_again"


async def test_who_has_no_way_in_yet_can_always_make_one(clinic: Clinic) -> None:
    quiet = await clinic.join("quiet", Role.PATIENT)
    browser = named(await clinic.browser_of("quiet"), clinic)
    clinic.house.store.accounts.set_password(quiet.id, None)
    clinic.pass_s(FRESH_S + 1)
    assert (await kept_by(browser, Device(origin_of(clinic)))).status_code == 201
    answer = await browser.post(f"{API}/passkeys/options")
    assert answer.json()["reason"] == "sign_in_again", "now there is one"


async def test_garbage_writes_nothing_down(clinic: Clinic) -> None:
    browser = named(await clinic.browser(), clinic)
    before = len(clinic.acts())
    codes: Counter[int] = Counter()
    for n in range(60):
        bad: dict[str, Any] = {} if n % 2 else {"id": "x", "response": {"n": n}}
        codes[(await shown(browser, bad)).status_code] += 1
    assert codes[401] == AT_ONCE
    assert codes[429] == 60 - AT_ONCE
    rows = clinic.acts()[before:]
    assert rows == [("nobody", "sign_in.passkey.held_up", "refused")]


Cheat = Callable[[Device, dict[str, Any]], dict[str, Any]]


def _flipped(device: Device, options: dict[str, Any]) -> dict[str, Any]:
    credential = device.get(options)
    signature = credential["response"]["signature"]
    at = len(signature) // 2
    other = "A" if signature[at] != "A" else "B"
    credential["response"]["signature"] = signature[:at] + other + signature[at + 1 :]
    return credential


def _elsewhere(device: Device, options: dict[str, Any]) -> dict[str, Any]:
    device.origin = "http://localhost:1"
    return device.get(options)


def _for_another(device: Device, options: dict[str, Any]) -> dict[str, Any]:
    device.rp_id = "localhost.example.org"
    return device.get(options)


def _absent(device: Device, options: dict[str, Any]) -> dict[str, Any]:
    device.flags = 0
    return device.get(options)


def _copied(device: Device, options: dict[str, Any]) -> dict[str, Any]:
    device.count = 3
    return device.get(options)


def _another_key(device: Device, options: dict[str, Any]) -> dict[str, Any]:
    forged = Device(device.origin)
    forged.id, forged.count = device.id, device.count
    return forged.get(options)


def _unknown(device: Device, options: dict[str, Any]) -> dict[str, Any]:
    return Device(device.origin).get(options)


def _of_a_creation(device: Device, options: dict[str, Any]) -> dict[str, Any]:
    return device.create(options)


def _of_somebody_else(device: Device, options: dict[str, Any]) -> dict[str, Any]:
    return device.get(options, handle="A" * 26)


def _own_challenge(device: Device, options: dict[str, Any]) -> dict[str, Any]:
    return device.get({"challenge": "A" * 43})


CHEATS: tuple[Cheat, ...] = (
    *(_flipped, _elsewhere, _for_another, _absent, _copied, _another_key),
    *(_unknown, _of_a_creation, _of_somebody_else, _own_challenge),
)


async def test_devices_that_cheat_stay_out(clinic: Clinic) -> None:
    patient = named(await clinic.browser_of("patient"), clinic)
    stranger = named(await clinic.browser(), clinic)
    for cheat in CHEATS:
        device = Device(origin_of(clinic))
        device.count = 4
        assert (await kept_by(patient, device)).status_code == 201
        options = await asked(stranger, "sign-in/passkey")
        answer = await shown(stranger, cheat(device, options))
        assert answer.status_code == 401, cheat
        assert answer.json()["detail"] == "This passkey does not open this service."
        assert "set-cookie" not in answer.headers
    options = await asked(stranger, "sign-in/passkey")
    assert (await shown(stranger, device.get(options))).status_code == 200, (
        "an honest one"
    )


async def test_a_challenge_is_good_once_and_not_for_long(clinic: Clinic) -> None:
    device = Device(origin_of(clinic))
    patient = named(await clinic.browser_of("patient"), clinic)
    await kept_by(patient, device)
    browser = named(await clinic.browser(), clinic)
    credential = device.get(await asked(browser, "sign-in/passkey"))
    assert (await shown(browser, credential)).status_code == 200
    assert (await shown(browser, credential)).status_code == 401
    options = await asked(browser, "sign-in/passkey")
    clinic.pass_s(CHALLENGE_GOOD_S)
    assert (await shown(browser, device.get(options))).status_code == 401
    # Nor is one that was made for a new passkey good for coming in, or for another's.
    for_new = await asked(patient, "passkeys")
    assert (await shown(browser, device.get(for_new))).status_code == 401
    therapist = named(await clinic.browser_of("therapist"), clinic)
    body = {
        "credential": Device(origin_of(clinic)).create(await asked(patient, "passkeys"))
    }
    assert (await therapist.post(f"{API}/passkeys", json=body)).status_code == 422


async def test_whoever_is_revoked_stays_out(clinic: Clinic) -> None:
    device = Device(origin_of(clinic))
    await kept_by(named(await clinic.browser_of("patient"), clinic), device)
    clinic.house.store.accounts.revoke(clinic.accounts["patient"].id)
    browser = named(await clinic.browser(), clinic)
    options = await asked(browser, "sign-in/passkey")
    assert (await shown(browser, device.get(options))).status_code == 401


async def test_a_device_must_ask_who_holds_it(clinic: Clinic) -> None:
    patient = named(await clinic.browser_of("patient"), clinic)
    unasked = Device(origin_of(clinic))
    unasked.flags = PRESENT
    answer = await kept_by(patient, unasked)
    assert answer.status_code == 422
    assert "does not ask who holds it" in answer.json()["detail"]
    device = Device(origin_of(clinic))
    assert (await kept_by(patient, device)).status_code == 201
    device.flags = PRESENT  # found, and used without a PIN
    browser = named(await clinic.browser(), clinic)
    options = await asked(browser, "sign-in/passkey")
    assert (await shown(browser, device.get(options))).status_code == 401


async def test_nonsense_is_refused(clinic: Clinic) -> None:
    device = Device(origin_of(clinic))
    patient = named(await clinic.browser_of("patient"), clinic)
    await kept_by(patient, device)
    browser = named(await clinic.browser(), clinic)
    chance = random.Random(7)
    for n in range(20):
        creates = n % 2 == 1
        options = await asked(
            patient if creates else browser,
            "passkeys" if creates else "sign-in/passkey",
        )
        clinic.pass_s(2)
        good = (Device(device.origin).create if creates else device.get)(options)
        bad = copy.deepcopy(good)
        part = chance.choice(sorted(bad["response"]))
        bad["response"][part] = chance.choice(
            [None, 7, [], {}, "", "!", "AAAA", "oA" * 200, {"a": {"b": []}}]
        )
        if part == "userHandle":
            bad["id"] = chance.choice([None, "", {}, "x" * 5000])
        answer = await (
            patient.post(f"{API}/passkeys", json={"credential": bad})
            if creates
            else shown(browser, bad)
        )
        assert answer.status_code == (422 if creates else 401), bad
    good = device.get(await asked(browser, "sign-in/passkey"))
    for credential in (
        good | {"id": "\ud800"},
        {},
        {"response": None},
        {"id": 1, "response": {}},
    ):
        assert (await shown(browser, credential)).status_code == 401


async def test_a_number_is_no_name(clinic: Clinic) -> None:
    browser = await clinic.browser_of("patient")  # at 127.0.0.1
    assert (await browser.get(f"{API}/doors")).json()["passkeys"] is False
    for path in ("sign-in/passkey/options", "passkeys/options"):
        answer = await browser.post(f"{API}/{path}")
        assert answer.status_code == 409
        assert answer.json()["detail"] == "Passkeys do not work at this address."
        assert "localhost" in answer.json()["advice"]


async def test_an_invite_needs_no_password_where_a_passkey_follows(
    start_house: Start,
) -> None:
    async with start_house() as house, AsyncExitStack() as closing:
        clinic = Clinic(house, closing)
        await clinic.join("admin", Role.ADMIN)
        admin = named(await clinic.browser_of("admin"), clinic)
        invite = {"role": "patient"}
        made = (await admin.post(f"{API}/invites", json=invite)).json()
        assert made["url"].startswith(f"{origin_of(clinic)}/#invite=")
        browser = named(await clinic.browser(), clinic)
        body = {"token": made["token"], "name": "lee", "display": "Lee"}
        answer = await browser.post(f"{API}/invites/accept", json=body)
        assert answer.status_code == 200, answer.text
        device = Device(origin_of(clinic))
        assert (await kept_by(browser, device)).status_code == 201
        assert (await by_password(await clinic.browser(), "lee")).status_code == 401
        newcomer = named(await clinic.browser(), clinic)
        options = await asked(newcomer, "sign-in/passkey")
        me = await shown(newcomer, device.get(options))
        assert me.json()["name"] == "lee"


@pytest.mark.parametrize(
    ("scheme", "host", "rp_id"),
    [
        ("http", "localhost:8765", "localhost"),
        ("http", "LOCALHOST", "localhost"),
        ("http", "room.localhost:1", "room.localhost"),
        ("http", "127.0.0.1:8765", None),
        ("http", "[::1]:8765", None),
        ("http", "clinic.local:8765", None),
        ("https", "clinic.local:8765", "clinic.local"),
        ("https", "192.168.1.7:8765", None),
        ("https", "[fe80::1]", None),
        ("https", ":8765", None),
    ],
)
def test_which_names_passkeys_belong_to(
    scheme: str, host: str, rp_id: str | None
) -> None:
    site = site_of(scheme, host)
    assert (site and site.rp_id) == rp_id
    assert site is None or site.origin == f"{scheme}://{host.lower()}"


def test_open_questions_have_an_end() -> None:
    challenges = Challenges(most=10)
    first = challenges.make(now_s=0.0)
    made = [challenges.make("me", now_s=0.0) for _ in range(10)]
    assert len(challenges) == 10
    assert not challenges.redeem(first, now_s=1.0), "the oldest was forgotten"
    assert not challenges.redeem(made[0], now_s=1.0), "it was somebody's"
    assert not challenges.redeem(made[0], "me", now_s=1.0), "and is used up"
    assert challenges.redeem(made[1], "me", now_s=1.0)
    assert not challenges.redeem(made[2], "me", now_s=CHALLENGE_GOOD_S)
