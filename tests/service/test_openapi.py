"""Every route of the OpenAPI description, asked in ways nobody thought of.

Whatever is sent, by whomever: the answer is one that the description knows, and a
problem is always a sentence in ``application/problem+json``, never a 500.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, BaseSchema
from schemathesis.core.result import Ok

from tests.service.conftest import House, Start
from tests.service.ward import opened

EXAMPLES = 3
"""Of each route, the same in every run; each is asked as everybody."""

NOT_ASKED = {
    ("POST", "/api/v1/my-data/erase"): "it erases what the other routes are asked for",
    ("POST", "/api/v1/sign-out"): "whoever asks is to stay signed in",
    ("POST", "/api/v1/sign-out-everywhere"): "likewise",
}
ONLY_STRANGE_IDS = {
    ("POST", "/api/v1/sessions/{id}/stop"): "the session is to stay live",
    ("POST", "/api/v1/accounts/{id}/revoke"): "whoever asks is to stay signed in",
}

PROBLEM = "application/problem+json"
FIELDS = {"type", "title", "status", "detail"}

Headers = Mapping[str, str]
Operation = APIOperation[Any, Any, Any, Any]


def explore(
    description: Mapping[str, Any],
    url: str,
    callers: Sequence[Headers],
    known: Sequence[str],
) -> int:
    """Ask every route as each of ``callers``; return how many answers there were.

    ``known`` are ids that something has. Blocks, so it wants a thread of its own.
    """
    schema = schemathesis.openapi.from_dict(dict(description))
    schema.config.update(base_url=url.rstrip("/"))
    for method, path in (*NOT_ASKED, *ONLY_STRANGE_IDS):
        assert method.lower() in description["paths"][path], (method, path)
    with requests.Session() as browser:
        return sum(
            asked(operation, browser, callers, known) for operation in routes(schema)
        )


def routes(schema: BaseSchema) -> Iterator[Operation]:
    """Yield what is asked."""
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        operation = result.ok()
        if name_of(operation) not in NOT_ASKED:
            yield operation


def name_of(operation: Operation) -> tuple[str, str]:
    return operation.method.upper(), operation.path


def asked(
    operation: Operation,
    browser: requests.Session,
    callers: Sequence[Headers],
    known: Sequence[str],
) -> int:
    n = 0
    ids = (
        st.just("")
        if name_of(operation) in ONLY_STRANGE_IDS
        else st.sampled_from(["", *known, *known])
    )

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), id=ids)
    def ask(case: schemathesis.Case[Any], id: str) -> None:
        nonlocal n
        if id and "id" in (case.path_parameters or {}):
            case.path_parameters["id"] = id
        if "scan" in (case.query or {}):
            case.query["scan"] = 0  # a search takes as long as it is told to
        for headers in callers:
            check(case, case.call(session=browser, headers=dict(headers), timeout=30))
            n += 1

    ask()
    return n


def check(case: schemathesis.Case[Any], answer: schemathesis.Response) -> None:
    status = answer.status_code
    what = f"{case.method} {case.path}: {status} {answer.content[:300]!r}"
    assert status < 500, what
    if status < 400:
        assert str(status) in case.operation.definition.raw["responses"], what
        case.validate_response(answer)
        return
    assert answer.headers["content-type"] == [PROBLEM], what
    problem = answer.json()
    assert problem.keys() >= FIELDS, what
    assert problem["status"] == status, what
    assert problem["detail"].endswith("."), what


async def described(house: House) -> dict[str, Any]:
    answer = await house.anyone.get("/api/v1/openapi.json")
    description: dict[str, Any] = answer.json()
    return description


async def test_nothing_breaks_a_house_of_one(start_house: Start) -> None:
    async with start_house() as house:
        session = await house.begin()
        await house.pass_time(5)
        cookie = f"{house.context.cookie}={house.browser.cookies[house.context.cookie]}"
        n = await asyncio.to_thread(
            explore,
            await described(house),
            house.context.settings.url,
            [{"Cookie": cookie}, {}],
            [session["id"], session["person"]["id"]],
        )
        assert n > 2 * EXAMPLES
        assert (await house.browser.get("/api/v1/me")).json()["role"] == "owner"


async def test_nothing_breaks_a_shared_house(start_house: Start) -> None:
    async with opened(start_house) as ward:
        id = await ward.shared()
        await ward.consent(purpose="report")
        await ward.house.pass_time(5)
        everyone = [ward.cookies[who] for who in ("mira", "kim", "lee", "ada", "root")]
        n = await asyncio.to_thread(
            explore,
            await described(ward.house),
            ward.house.context.settings.url,
            [*everyone, {}],
            [id, ward.accounts["mira"].person_id, ward.accounts["tom"].id],
        )
        assert n > 5 * EXAMPLES
        assert (await ward.get("mira", f"/sessions/{id}"))["state"] == "live"
