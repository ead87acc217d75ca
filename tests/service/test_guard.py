"""Whose requests are answered, how large they may be, and what goes back."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.responses import PlainTextResponse
from websockets.exceptions import InvalidStatus

from biofeedback.service.guard import Guard
from tests.service.conftest import BEARER, House, message

PROBLEM_KEYS = {"type", "title", "status", "detail", "reason", "advice"}


async def test_other_names_are_refused(house: House) -> None:
    port = house.context.settings.port
    names = ("evil.example", f"evil.example:{port}", "127.0.0.1:1", "localhost", "")
    for host in names:
        for path in ("/healthz", "/", "/api/v1/me"):
            answer = await house.browser.get(path, headers={"Host": host})
            assert answer.status_code == 403, (host, path)
            assert answer.json().keys() == PROBLEM_KEYS


async def test_names_of_this_computer_are_ours(house: House) -> None:
    for name in ("127.0.0.1", "localhost", "LOCALHOST", "[::1]"):
        host = f"{name}:{house.context.settings.port}"
        answer = await house.anyone.get("/healthz", headers={"Host": host})
        assert answer.status_code == 200, host


async def test_other_sites_may_not_watch(house: House) -> None:
    session = await house.begin()
    for origin in ("http://evil.example", "null", f"https://{house.address}"):
        with pytest.raises(InvalidStatus) as refused:
            async with house.watch(session["id"], origin=origin):
                pass
        assert refused.value.response.status_code == 403
    own = f"http://{house.address}"
    async with house.watch(session["id"], origin=own) as socket:
        assert (await message(socket))["kind"] == "hello"


async def test_other_sites_may_not_write(house: House) -> None:
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": f"https://{house.address}"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        answer = await house.browser.post(
            "/api/v1/sessions", json={"strap": "simulated:heart"}, headers=headers
        )
        assert answer.status_code == 403, headers
        assert "another site" in answer.json()["detail"]
    assert house.store.sessions() == ()


async def test_another_sites_page_may_not_even_read(house: House) -> None:
    for site, status in (
        ("cross-site", 403),
        ("same-site", 403),
        ("same-origin", 200),
        ("none", 200),
    ):
        headers = {"Sec-Fetch-Site": site}
        answer = await house.browser.get("/api/v1/me", headers=headers)
        assert answer.status_code == status, site
    page = await house.browser.get("/", headers={"Sec-Fetch-Site": "cross-site"})
    assert page.status_code == 200, "a link from elsewhere may open the page"


async def test_both_signs_of_another_site_count(house: House) -> None:
    headers = {"Origin": f"http://{house.address}", "Sec-Fetch-Site": "cross-site"}
    answer = await house.browser.post("/api/v1/sign-out", headers=headers)
    assert answer.status_code == 403


async def test_the_dashboard_may_write(house: House) -> None:
    headers = {"Origin": f"http://{house.address}", "Sec-Fetch-Site": "same-origin"}
    answer = await house.browser.post("/api/v1/sign-out", headers=headers)
    assert answer.status_code == 204


async def test_headers_shut_the_page_in(house: House) -> None:
    for path in ("/", "/healthz", "/api/v1/nothing", "/nothing"):
        headers = (await house.anyone.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "require-trusted-types-for 'script'" in policy
        assert "unsafe" not in policy
        assert "trusted-types lit-html worker" in policy
        assert "'allow-duplicates'" not in policy
        assert "microphone=()" in headers["permissions-policy"]
        assert "strict-transport-security" not in headers, "this is no https"
        assert not re.search(r"https?:", policy), "no third party"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers
    assert (await house.browser.get("/api/v1/me")).headers["cache-control"] == (
        "no-store"
    )


@pytest.mark.parametrize("hsts", [False, True], ids=["made here", "one's own"])
async def test_who_insists_on_https(hsts: bool) -> None:
    guard = Guard(
        PlainTextResponse("here"),
        allowed_hosts=frozenset({"clinic.local"}),
        https=True,
        hsts=hsts,
    )
    transport = httpx.ASGITransport(guard)
    async with httpx.AsyncClient(
        transport=transport, base_url="https://clinic.local"
    ) as client:
        headers = (await client.get("/")).headers
        assert ("strict-transport-security" in headers) is hsts
        for origin, status in (
            ("https://clinic.local", 200),
            ("http://clinic.local", 403),
        ):
            answer = await client.post("/", headers={"Origin": origin})
            assert answer.status_code == status, origin


async def test_a_body_that_says_it_is_too_large(house: House) -> None:
    answer = await house.anyone.post("/api/v1/sign-in", content=b"x" * (64 * 1024 + 1))
    assert answer.status_code == 413
    assert answer.json().keys() == PROBLEM_KEYS


async def test_a_body_that_does_not_say_how_large_it_is(house: House) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b"x" * 1024

    answer = await house.anyone.post(
        "/api/v1/sign-in",
        content=endless(),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 413


class TestProblems:
    async def test_every_error_is_a_problem(self, house: House) -> None:
        for method, path, status in (
            ("GET", "/api/v1/nothing", 404),
            ("GET", "/nothing.js", 404),
            ("GET", "/api/v1/sign-in", 405),
            ("DELETE", "/api/v1/sessions", 405),
            ("POST", "/healthz", 405),
            ("GET", "/api/v1/sessions/" + "A" * 26, 404),
            ("GET", "/api/v1/sessions/" + "A" * 26 + "/ratings", 404),
            ("GET", "/api/v1/sessions/" + "A" * 26 + "/summary", 404),
            ("GET", "/api/v1/sessions/" + "A" * 26 + "/recording", 404),
            ("POST", "/api/v1/sessions/" + "A" * 26 + "/stop", 404),
            ("GET", "/api/v1/straps?scan=16", 422),
            ("GET", "/api/v1/straps?scan=nan", 422),
            ("GET", "/api/v1/sessions?state=lively", 422),
        ):
            answer = await house.browser.request(method, path)
            assert answer.status_code == status, (method, path)
            assert answer.headers["content-type"] == "application/problem+json"
            problem = answer.json()
            assert problem.keys() == PROBLEM_KEYS
            assert problem["status"] == status
            assert problem["detail"].endswith(".")
            assert problem["advice"].endswith(".")

    async def test_what_is_wrong_with_a_body_is_said(self, house: House) -> None:
        for content, said in (
            (b"{", "not valid JSON"),
            (b'{"token": "\xff"}', "could not be read"),
            (b"", "needs a JSON object"),
            (b"[]", "needs a JSON object"),
            (b"{}", "'token'"),
            (b'{"token": 7}', "'token'"),
            (b'{"token": "x", "more": 1}', "'more'"),
        ):
            answer = await house.anyone.post(
                "/api/v1/sign-in",
                content=content,
                headers={"Content-Type": "application/json"},
            )
            assert answer.status_code in (400, 422), content
            assert said in answer.json()["detail"], content

    async def test_json_must_say_so(self, house: House) -> None:
        # A form on another site can post text/plain without asking first.
        answer = await house.anyone.post(
            "/api/v1/sign-in",
            content=b'{"token": "x"}',
            headers={"Content-Type": "text/plain"},
        )
        assert answer.status_code == 415
        assert answer.json().keys() == PROBLEM_KEYS

    @pytest.mark.parametrize(
        "kind",
        [
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/jsonp",
            "",
        ],
    )
    async def test_no_other_body_is_read(self, house: House, kind: str) -> None:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = await house.browser.request(
                method,
                "/api/v1/sessions",
                content=b'{"strap": "simulated:heart"}',
                headers={"Content-Type": kind},
            )
            assert answer.status_code == 415, method
        assert house.store.sessions() == ()

    async def test_a_body_without_a_kind(self, house: House) -> None:
        answer = await house.anyone.post("/api/v1/sign-in", content=b"{}")
        assert answer.status_code == 415


async def test_openapi_describes_the_answers(house: House) -> None:
    described = (await house.anyone.get("/api/v1/openapi.json")).json()
    answers = described["paths"]["/api/v1/sessions"]["post"]["responses"]
    assert answers.keys() == {"201", "default"}
    assert answers["default"]["content"].keys() == {"application/problem+json"}
    problem = described["components"]["schemas"]["Problem"]
    assert problem["properties"].keys() == PROBLEM_KEYS
    for page in ("/docs", "/redoc"):
        assert (await house.anyone.get(page)).status_code == 404


async def test_programs_need_no_origin(house: House) -> None:
    answer = await house.anyone.post(
        "/api/v1/sessions", json={"strap": "simulated:heart"}, headers=BEARER
    )
    assert answer.status_code == 201
