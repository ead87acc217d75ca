"""Who comes in, and who does not."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from biofeedback.service.sign_ins import (
    ABSOLUTE_LIMIT_S,
    IDLE_LIMIT_S,
    SEEN_EVERY_S,
    cookie_name,
)
from biofeedback.settings import DEFAULT_PORT
from tests.service.conftest import BEARER, House, nothing_can_be_written

NS_PER_S = 1_000_000_000


def written(data: Path) -> bytes:
    return b"".join(file.read_bytes() for file in data.glob("biofeedback.db*"))


async def sign_in(house: House, token: str) -> int:
    answer = await house.anyone.post("/api/v1/sign-in", json={"token": token})
    return answer.status_code


async def test_the_printed_link_works_once(house: House) -> None:
    assert house.ready.startswith(f"http://{house.address}/#token=")
    first = await house.anyone.post("/api/v1/sign-in", json={"token": house.link_token})
    assert first.status_code == 200
    assert first.json() == {
        "person": {
            "id": house.store.person().id,
            "pseudonym": house.store.person().pseudonym,
        },
        "role": "owner",
        "code": None,
        "name": None,
        "display": None,
        "shared": False,
        "shares": False,
        "joined": False,
    }
    house.anyone.cookies.clear()
    again = await house.anyone.post("/api/v1/sign-in", json={"token": house.link_token})
    assert again.status_code == 401
    assert again.headers["content-type"] == "application/problem+json"
    assert "used already" in again.json()["detail"]
    assert "biofeedback run" in again.json()["advice"]


async def test_the_cookie_is_shut_away(house: House) -> None:
    token = house.context.sign_ins.new_link_token()
    answer = await house.anyone.post("/api/v1/sign-in", json={"token": token})
    cookie = answer.headers["set-cookie"]
    parts = {part.strip().lower() for part in cookie.split(";")}
    assert cookie.startswith(f"biofeedback_session_{house.context.settings.port}=")
    assert {"httponly", "samesite=strict", "path=/"} <= parts
    assert "secure" not in parts, "a browser would not send it back over http"


def test_services_on_two_ports_keep_their_cookies_apart() -> None:
    assert cookie_name(DEFAULT_PORT) == "biofeedback_session"
    assert cookie_name(8766) == "biofeedback_session_8766"
    # RFC 6265bis §4.1.3.2: no other host can set one of this name.
    assert cookie_name(8766, https=True) == "__Host-biofeedback_session_8766"


async def test_a_full_disk_locks_nobody_out(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    token = house.context.sign_ins.new_link_token()
    with nothing_can_be_written(house.store):
        house.utc_ns[0] += 2 * SEEN_EVERY_S * NS_PER_S
        for _ in range(3):
            assert (await house.browser.get("/api/v1/me")).status_code == 200
        assert caplog.text.count("cannot be kept") == 1, "it is said once"
        assert await sign_in(house, token) == 503
    assert await sign_in(house, token) == 200, "the link is still good"
    assert await sign_in(house, token) == 401, "and works once"


async def test_only_hashes_are_kept(house: House) -> None:
    cookie = house.browser.cookies[house.context.cookie]
    kept = house.store.sign_in(hashlib.sha256(cookie.encode()).hexdigest())
    assert kept is not None
    house.store.close()
    assert cookie.encode() not in written(house.store.data)


async def test_a_wrong_token_is_refused(house: House) -> None:
    assert await sign_in(house, "not-the-token") == 401
    assert (await house.anyone.get("/api/v1/me")).status_code == 401
    assert await sign_in(house, house.link_token) == 200, "the link is still good"


async def test_me(house: House) -> None:
    person = (await house.browser.get("/api/v1/me")).json()["person"]
    assert person["id"] == house.store.person().id
    everyone = (await house.browser.get("/api/v1/people")).json()["people"]
    assert everyone == [person]


async def test_signing_out_voids_the_cookie(house: House) -> None:
    cookie = house.browser.cookies[house.context.cookie]
    answer = await house.browser.post("/api/v1/sign-out")
    assert answer.status_code == 204
    house.anyone.cookies.set(house.context.cookie, cookie)
    assert (await house.anyone.get("/api/v1/me")).status_code == 401


async def test_a_cookie_that_rests_too_long_is_void(house: House) -> None:
    house.utc_ns[0] += (IDLE_LIMIT_S - 1) * NS_PER_S
    assert (await house.browser.get("/api/v1/me")).status_code == 200
    house.utc_ns[0] += (IDLE_LIMIT_S - 1) * NS_PER_S
    assert (await house.browser.get("/api/v1/me")).status_code == 200, "it was seen"
    house.utc_ns[0] += IDLE_LIMIT_S * NS_PER_S
    assert (await house.browser.get("/api/v1/me")).status_code == 401


async def test_a_cookie_ends_however_often_it_is_seen(house: House) -> None:
    step_s = IDLE_LIMIT_S // 2
    for _ in range(ABSOLUTE_LIMIT_S // step_s):
        assert (await house.browser.get("/api/v1/me")).status_code == 200
        house.utc_ns[0] += step_s * NS_PER_S
    house.utc_ns[0] += step_s * NS_PER_S
    assert (await house.browser.get("/api/v1/me")).status_code == 401


async def test_programs_send_their_token(house: House) -> None:
    answer = await house.anyone.get("/api/v1/me", headers=BEARER)
    assert answer.status_code == 200
    mine = BEARER["Authorization"]
    for wrong in ("Bearer wrong", "Bearer", "Basic dXNlcjpwYXNz", mine + "x"):
        headers = {"Authorization": wrong}
        answer = await house.anyone.get("/api/v1/me", headers=headers)
        assert answer.status_code == 401, wrong
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_wrong_header_is_not_rescued_by_a_cookie(house: House) -> None:
    headers = {"Authorization": "Bearer wrong"}
    answer = await house.browser.get("/api/v1/me", headers=headers)
    assert answer.status_code == 401


async def test_every_other_route_asks_who_it_is(house: House) -> None:
    described = (await house.anyone.get("/api/v1/openapi.json")).json()
    open_to_all = {
        ("get", "/healthz"),
        ("get", "/readyz"),
        ("get", "/api/v1/doors"),
        ("post", "/api/v1/sign-in"),
        ("post", "/api/v1/sign-in/password"),
        ("post", "/api/v1/sign-in/passkey/options"),
        ("post", "/api/v1/sign-in/passkey"),
        ("post", "/api/v1/invites/look"),
        ("post", "/api/v1/invites/accept"),
    }
    asked = 0
    for path, methods in described["paths"].items():
        for method in methods:
            if (method, path) in open_to_all:
                continue
            answer = await house.anyone.request(
                method, path.replace("{id}", "A" * 26), json={}
            )
            assert answer.status_code == 401, (method, path)
            asked += 1
    assert asked >= 15
