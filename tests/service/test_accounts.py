"""Accounts: who gets in by a password, for how long, and who does not."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from itertools import chain

import httpx
import pytest
from ulid import ULID
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from biofeedback.service.limits import AT_ONCE, FREE_REFUSALS
from biofeedback.service.passwords import Cost, Passwords
from biofeedback.service.sign_ins import (
    ABSOLUTE_LIMIT_S,
    IDLE_LIMIT_S,
    STAFF_ABSOLUTE_LIMIT_S,
    STAFF_IDLE_LIMIT_S,
    sha256,
)
from biofeedback.service.sockets import UNKNOWN_CALLER
from biofeedback.session.simulated import SIMULATED_ID
from biofeedback.store import AccessTokenRow, Role
from tests.service.clinic import API, NS_PER_S, PASSWORD, Clinic, by_password
from tests.service.conftest import BEARER, House, until

DAY_S = 24 * 3600


@pytest.fixture
async def clinic(house: House) -> AsyncIterator[Clinic]:
    async with AsyncExitStack() as closing:
        clinic = Clinic(house, closing)
        for name, role in (
            ("admin", Role.ADMIN),
            ("therapist", Role.THERAPIST),
            ("patient", Role.PATIENT),
        ):
            await clinic.join(name, role)
        yield clinic


async def signed_in(browser: httpx.AsyncClient) -> bool:
    return (await browser.get(f"{API}/me")).status_code == 200


async def test_a_password_lets_its_account_in(clinic: Clinic) -> None:
    browser = await clinic.browser()
    assert (await browser.get(f"{API}/doors")).json() == {
        "shared": True,
        "passkeys": False,  # this page was opened at an IP number
    }
    answer = await by_password(browser, " TheRapist ")
    account = clinic.accounts["therapist"]
    person = clinic.house.store.person(account.person_id)
    assert answer.status_code == 200
    assert answer.json() == (await browser.get(f"{API}/me")).json()
    assert answer.json() == {
        "person": {"id": person.id, "pseudonym": person.pseudonym},
        "role": "therapist",
        "code": account.code,
        "name": "therapist",
        "display": "The therapist",
        "shared": True,
        "shares": False,
        "joined": False,
    }
    assert account.code[:2] == "T-"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert f"max-age={STAFF_ABSOLUTE_LIMIT_S}" in cookie
    assert (account.code, "sign_in.password", "ok") in clinic.acts()


async def test_no_refusal_tells_who_has_an_account(clinic: Clinic) -> None:
    passkey_only = await clinic.join("quiet", Role.PATIENT, password=None)
    await clinic.join("gone", Role.PATIENT)
    clinic.house.store.accounts.revoke(clinic.accounts["gone"].id)
    browser = await clinic.browser()
    passwords = clinic.house.context.passwords
    answers, costs = [], []
    for name in ("patient", "nobody-here", "gone", passkey_only.name):
        before = passwords.n_computed
        tried = PASSWORD if name != "patient" else "three wild words"
        answer = await by_password(browser, name, tried)
        costs.append(passwords.n_computed - before)
        headers = {k: v for k, v in answer.headers.items() if k != "date"}
        answers.append((answer.status_code, answer.json(), headers))
    assert answers[0][0] == 401
    assert answers[1:] == answers[:-1]
    assert costs == [1, 1, 1, 1]
    for name in ("patient", "nobody-here"):
        for _ in range(FREE_REFUSALS):
            held_up = await by_password(browser, name, "three wild words")
            clinic.pass_s(2)
        assert held_up.status_code == 429
        assert int(held_up.headers["retry-after"]) > 0
        assert held_up.json()["detail"] == "That was tried too often."


async def test_nothing_that_was_typed_is_written_down(
    clinic: Clinic, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    typed = "my-password-in-the-wrong-field"
    await by_password(await clinic.browser(), typed, typed)
    data = clinic.house.store.data
    written = b"".join(file.read_bytes() for file in data.glob("biofeedback.db*"))
    assert typed.encode() not in written
    assert PASSWORD.encode() not in written
    assert typed not in caplog.text
    assert ("nobody", "sign_in.password", "refused") in clinic.acts()


async def test_a_locked_name_locks_out_nobody_who_is_in(clinic: Clinic) -> None:
    inside = await clinic.browser_of("patient")
    stranger = await clinic.browser()
    for _ in range(FREE_REFUSALS):
        assert (await by_password(stranger, "patient", "x")).status_code == 401
    assert (await by_password(stranger, "patient")).status_code == 429
    assert await signed_in(inside)
    change = {"old": PASSWORD, "new": "four calm words now"}
    assert (await inside.put(f"{API}/password", json=change)).status_code == 204
    assert (await by_password(stranger, "therapist")).status_code == 200
    clinic.pass_s(61)
    again = await by_password(stranger, "patient", "four calm words now")
    assert again.status_code == 200


async def test_ten_thousand_guesses_cost_ten(clinic: Clinic) -> None:
    passwords, limits = clinic.house.context.passwords, clinic.house.context.limits
    before, n_acts = passwords.n_computed, len(clinic.acts())
    browsers = [await clinic.browser() for _ in range(8)]

    async def guess(browser: httpx.AsyncClient) -> list[int]:
        tries = [await by_password(browser, "admin", "x") for _ in range(25)]
        return [answer.status_code for answer in tries]

    told = list(chain(*await asyncio.gather(*map(guess, browsers))))
    assert told.count(401) == FREE_REFUSALS
    assert told.count(429) == len(told) - FREE_REFUSALS
    # The rest without a socket: from anywhere, each is refused in the same way.
    now_s = clinic.house.store.now_ns() / NS_PER_S
    for n in range(10_000 - len(told)):
        assert limits.attempt(f"10.0.{n % 200}.1", "admin", now_s=now_s) is not None
    assert passwords.n_computed - before == FREE_REFUSALS
    assert len(clinic.acts()) - n_acts <= FREE_REFUSALS + 2, "nor does the audit fill"


async def test_one_address_has_so_many_attempts(clinic: Clinic) -> None:
    browser = await clinic.browser()
    answers = [
        (await by_password(browser, f"name-{n}", "x")).status_code
        for n in range(AT_ONCE + 3)
    ]
    assert answers == [401] * AT_ONCE + [429] * 3
    look = await browser.post(f"{API}/invites/look", json={"token": "x"})
    assert look.status_code == 429
    clinic.pass_s(2)
    assert (await by_password(browser, "admin")).status_code == 200


async def test_an_older_hash_is_made_anew(clinic: Clinic) -> None:
    older = Passwords(Cost(memory_kib=16, passes=2))
    accounts, id = clinic.house.store.accounts, clinic.accounts["patient"].id
    accounts.set_password(id, await older.hash(PASSWORD))
    await clinic.browser_of("patient")
    kept = accounts.get(id).password_hash
    assert kept is not None
    assert kept.startswith("$argon2id$v=19$m=8,t=1,")
    await clinic.browser_of("patient")
    assert accounts.get(id).password_hash == kept


@pytest.mark.parametrize(
    ("name", "idle_s", "absolute_s"),
    [
        ("patient", IDLE_LIMIT_S, ABSOLUTE_LIMIT_S),
        ("therapist", STAFF_IDLE_LIMIT_S, STAFF_ABSOLUTE_LIMIT_S),
        ("admin", STAFF_IDLE_LIMIT_S, STAFF_ABSOLUTE_LIMIT_S),
    ],
)
async def test_a_browser_that_rests_is_signed_out(
    clinic: Clinic, name: str, idle_s: int, absolute_s: int
) -> None:
    browser = await clinic.browser_of(name)
    clinic.pass_s(idle_s - 1)
    assert await signed_in(browser)
    clinic.pass_s(idle_s)
    assert not await signed_in(browser)
    browser = await clinic.browser_of(name)
    for _ in range(absolute_s // (idle_s // 2)):
        assert await signed_in(browser)
        clinic.pass_s(idle_s // 2)
    clinic.pass_s(idle_s // 2)
    assert not await signed_in(browser)


Then = Callable[[], Awaitable[None]]


async def closed_with(house: House, id: str, cookie: str, then: Then) -> int:
    """Watch a session, do something, and return the code of the goodbye."""
    headers = {"Cookie": f"{house.context.cookie}={cookie}"}
    async with house.watch(id, headers=headers) as socket:
        await until(socket, "hello")
        await then()
        return await goodbye(socket)


async def goodbye(socket: ClientConnection) -> int:
    async with asyncio.timeout(20):
        with contextlib.suppress(ConnectionClosed):
            async for _ in socket:
                pass
    assert socket.close_code is not None
    return socket.close_code


async def own_session(browser: httpx.AsyncClient) -> str:
    body = {"strap": SIMULATED_ID, "plan": "practice"}
    answer = await browser.post(f"{API}/sessions", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_whoever_is_turned_out_sees_nothing_more(clinic: Clinic) -> None:
    house = clinic.house
    admin = await clinic.browser_of("admin")
    account = clinic.accounts["patient"]

    async def everywhere() -> None:
        answer = await other.post(f"{API}/sign-out-everywhere")
        assert answer.status_code == 204

    async def revoked() -> None:
        answer = await admin.post(f"{API}/accounts/{account.id}/revoke")
        assert answer.status_code == 200
        assert answer.json()["revoked_at"] is not None

    watching = await clinic.browser_of("patient")
    other = await clinic.browser_of("patient")
    id = await own_session(watching)
    cookie = watching.cookies[house.context.cookie]
    assert await closed_with(house, id, cookie, everywhere) == UNKNOWN_CALLER
    assert not await signed_in(watching)
    assert not await signed_in(other)

    watching = await clinic.browser_of("patient")
    cookie = watching.cookies[house.context.cookie]
    assert await closed_with(house, id, cookie, revoked) == UNKNOWN_CALLER
    assert not await signed_in(watching)
    assert (await by_password(await clinic.browser(), "patient")).status_code == 401
    acts = clinic.acts()
    assert (clinic.accounts["admin"].code, "account.revoke", "ok") in acts


async def test_the_command_line_turns_people_out_too(clinic: Clinic) -> None:
    house = clinic.house
    watching = await clinic.browser_of("patient")
    id = await own_session(watching)

    async def revoked_elsewhere() -> None:
        house.store.accounts.revoke(clinic.accounts["patient"].id)
        await house.context.sign_ins.sweep()

    cookie = watching.cookies[house.context.cookie]
    assert await closed_with(house, id, cookie, revoked_elsewhere) == UNKNOWN_CALLER


async def test_what_is_done_over_a_websocket_keeps_one_signed_in(
    clinic: Clinic,
) -> None:
    house, sign_ins = clinic.house, clinic.house.context.sign_ins
    watching = await clinic.browser_of("therapist")
    id = await own_session(watching)
    cookie = watching.cookies[house.context.cookie]
    caller = sign_ins.caller(cookie=cookie, authorization=None)
    assert caller is not None

    async def rests() -> None:
        clinic.pass_s(STAFF_IDLE_LIMIT_S - 1)
        sign_ins.use(caller)
        await sign_ins.sweep()
        clinic.pass_s(STAFF_IDLE_LIMIT_S - 1)
        await sign_ins.sweep()
        assert sign_ins.caller(cookie=cookie, authorization=None) is not None
        clinic.pass_s(STAFF_IDLE_LIMIT_S)
        await sign_ins.sweep()

    assert await closed_with(house, id, cookie, rests) == UNKNOWN_CALLER


async def test_a_new_password_signs_out_every_other_browser(clinic: Clinic) -> None:
    here, there = [await clinic.browser_of("patient") for _ in range(2)]
    cookie = here.cookies[clinic.house.context.cookie]
    wrong = {"old": "three wild words", "new": "four calm words now"}
    refused = await here.put(f"{API}/password", json=wrong)
    assert refused.status_code == 403
    assert refused.json()["reason"] == "wrong_password"
    for bad in ("short", "patient", "password123", "The Patient"):
        answer = await here.put(f"{API}/password", json={"old": PASSWORD, "new": bad})
        assert answer.status_code == 422, bad
    assert await signed_in(there)
    right = {"old": PASSWORD, "new": "four calm words now"}
    assert (await here.put(f"{API}/password", json=right)).status_code == 204
    assert await signed_in(here)
    assert not await signed_in(there)
    assert here.cookies[clinic.house.context.cookie] != cookie, "it is a new one"
    here.cookies.clear()
    here.cookies.set(clinic.house.context.cookie, cookie)
    assert not await signed_in(here)


async def test_signing_in_again_voids_the_cookie_before(clinic: Clinic) -> None:
    browser = await clinic.browser_of("patient")
    cookie = browser.cookies[clinic.house.context.cookie]
    assert (await by_password(browser, "patient")).status_code == 200
    old = await clinic.browser()
    old.cookies.set(clinic.house.context.cookie, cookie)
    assert not await signed_in(old)


async def test_the_last_administrator_stays(clinic: Clinic) -> None:
    admin = await clinic.browser_of("admin")
    mine = clinic.accounts["admin"]
    answer = await admin.post(f"{API}/accounts/{mine.id}/revoke")
    assert answer.status_code == 409
    assert "only administrator" in answer.json()["detail"]
    second = await clinic.join("second", Role.ADMIN)
    other = await clinic.browser_of("second")
    both = await asyncio.gather(
        admin.post(f"{API}/accounts/{second.id}/revoke"),
        other.post(f"{API}/accounts/{mine.id}/revoke"),
    )
    assert clinic.house.store.accounts.any(Role.ADMIN)
    assert sorted(answer.status_code for answer in both)[0] == 200


async def test_administrators_see_accounts_and_nobody_else(clinic: Clinic) -> None:
    admin = await clinic.browser_of("admin")
    listed = (await admin.get(f"{API}/accounts")).json()["accounts"]
    assert [one["name"] for one in listed] == ["admin", "therapist", "patient"]
    assert {one["has_password"] for one in listed} == {True}
    assert listed[0]["last_seen_at"] is not None
    assert listed[2]["last_seen_at"] is None
    assert "hash" not in str(listed)
    for name in ("therapist", "patient"):
        browser = await clinic.browser_of(name)
        assert (await browser.get(f"{API}/accounts")).status_code == 403
    missing = await admin.post(f"{API}/accounts/{'A' * 26}/revoke")
    assert missing.status_code == 404


async def test_links_let_nobody_in_once_there_are_accounts(clinic: Clinic) -> None:
    house = clinic.house
    assert not await signed_in(house.browser), "who was the owner is nobody now"
    token = house.context.sign_ins.new_link_token()
    answer = await house.anyone.post(f"{API}/sign-in", json={"token": token})
    assert answer.status_code == 401


async def token_of(clinic: Clinic, name: str, **more: object) -> dict[str, str]:
    secret = secrets.token_urlsafe(32)
    now_ns = clinic.house.store.now_ns()
    row = {
        "id": str(ULID()),
        "token_sha256": sha256(secret),
        "account_id": clinic.accounts[name].id,
        "label": "a script",
        "scope": "read",
        "created_at_utc_ns": now_ns,
        "expires_at_utc_ns": now_ns + DAY_S * NS_PER_S,
    }
    clinic.house.store.accounts.add_token(AccessTokenRow(**row | more))  # type: ignore[arg-type]
    return {"Authorization": f"Bearer {secret}"}


async def test_a_program_acts_for_an_account(clinic: Clinic) -> None:
    reads = await token_of(clinic, "patient")
    writes = await token_of(clinic, "patient", scope="all")
    client = clinic.house.anyone
    me = (await client.get(f"{API}/me", headers=reads)).json()
    assert (me["role"], me["name"]) == ("patient", "patient")
    body = {"strap": SIMULATED_ID, "plan": "practice"}
    refused = await client.post(f"{API}/sessions", json=body, headers=reads)
    assert refused.status_code == 403
    assert "only read" in refused.json()["detail"]
    begun = await client.post(f"{API}/sessions", json=body, headers=writes)
    assert begun.status_code == 201
    for method, path in (
        ("PUT", "password"),
        ("POST", "passkeys/options"),
        ("POST", "sign-out-everywhere"),
    ):
        new = {"old": PASSWORD, "new": "four calm words now"}
        answer = await client.request(method, f"{API}/{path}", json=new, headers=writes)
        assert answer.status_code == 403, "a program makes no new way in"
    clinic.pass_s(DAY_S)
    for headers in (reads, writes):
        answer = await client.get(f"{API}/me", headers=headers)
        assert answer.status_code == 401


async def test_a_revoked_token_ends_what_is_open_by_it(clinic: Clinic) -> None:
    house = clinic.house
    id = await own_session(await clinic.browser_of("patient"))
    headers = await token_of(clinic, "patient")
    (row,) = house.store.accounts.tokens()
    async with house.watch(id, headers=headers) as socket:
        await until(socket, "hello")
        await house.context.sign_ins.sweep()
        await until(socket, "link")
        house.store.accounts.revoke_token(row.id)
        await house.context.sign_ins.sweep()
        assert await goodbye(socket) == UNKNOWN_CALLER
    answer = await house.anyone.get(f"{API}/me", headers=headers)
    assert answer.status_code == 401


async def test_the_token_of_the_start_opens_no_account(clinic: Clinic) -> None:
    for path in ("sessions", "accounts", "history", "my-data"):
        answer = await clinic.house.anyone.get(f"{API}/{path}", headers=BEARER)
        assert answer.status_code in (401, 403), path


async def test_odd_signs_are_refused_as_others_are(clinic: Clinic) -> None:
    browser = await clinic.browser()
    for name, password in (("\ufffd" * 200, "x" * 1000), ("a\x00b", "\x00" * 20)):
        assert (await by_password(browser, name, password)).status_code == 401
    surrogate = b'{"name": "\\ud800", "password": "\\udfff\\ud800 three words"}'
    answer = await browser.post(
        f"{API}/sign-in/password",
        content=surrogate,
        headers={"content-type": "application/json"},
    )
    assert answer.status_code in (401, 422)
    assert (await by_password(browser, "x" * 201)).status_code == 422


async def test_only_hashes_of_cookies_are_kept(clinic: Clinic) -> None:
    browser = await clinic.browser_of("patient")
    cookie = browser.cookies[clinic.house.context.cookie]
    row = clinic.house.store.sign_in(hashlib.sha256(cookie.encode()).hexdigest())
    assert row is not None
    assert row.account_id == clinic.accounts["patient"].id
