"""Invites: one link makes one account, once, and within 72 hours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from biofeedback.service.inviting import GOOD_FOR_S
from biofeedback.service.sockets import UNKNOWN_CALLER
from biofeedback.session.simulated import SIMULATED_ID
from biofeedback.store import Role
from tests.service.clinic import API, PASSWORD, Clinic, by_password
from tests.service.conftest import House, until
from tests.service.test_accounts import goodbye, token_of

NOT_GOOD = "This invitation has been used already, or is too old."


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


async def invite(
    browser: httpx.AsyncClient, role: str, **more: object
) -> dict[str, Any]:
    answer = await browser.post(f"{API}/invites", json={"role": role, **more})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def accept(
    browser: httpx.AsyncClient, token: str, **more: object
) -> httpx.Response:
    body = {"name": "lee", "display": "Lee", "password": PASSWORD, **more}
    return await browser.post(f"{API}/invites/accept", json={"token": token, **body})


async def look(browser: httpx.AsyncClient, token: str) -> httpx.Response:
    return await browser.post(f"{API}/invites/look", json={"token": token})


async def test_a_link_makes_one_account(clinic: Clinic) -> None:
    therapist = await clinic.browser_of("therapist")
    made = await invite(therapist, "patient")
    token = made["token"]
    assert made["url"] == f"{clinic.house.context.settings.url}#invite={token}"
    assert made["invite"]["state"] == "open"
    invited = await clinic.browser()
    seen = (await look(invited, token)).json()
    assert seen.pop("expires_at") == made["invite"]["expires_at"]
    assert seen == {
        "role": "patient",
        "invited_by": "The therapist",
        "for_account": False,
        "name": None,
    }
    answer = await accept(invited, token, name=" Lee ", display=" Lee  B. ")
    assert answer.status_code == 200, answer.text
    me = answer.json()
    assert (me["role"], me["name"], me["display"]) == ("patient", "lee", "Lee B.")
    assert (await invited.get(f"{API}/me")).json() == me
    account = clinic.house.store.accounts.named("lee")
    assert account is not None
    inviter = clinic.house.store.accounts.inviter_of(account.id)
    assert inviter == clinic.accounts["therapist"].id
    for again in (await look(invited, token), await accept(invited, token, name="x2")):
        assert again.status_code == 404
        assert again.json()["detail"] == NOT_GOOD
    listed = (await therapist.get(f"{API}/invites")).json()["invites"]
    assert [one["state"] for one in listed] == ["used"]
    data = clinic.house.store.data
    written = b"".join(file.read_bytes() for file in data.glob("biofeedback.db*"))
    assert token.encode() not in written


async def test_of_two_at_once_one_wins(clinic: Clinic) -> None:
    admin = await clinic.browser_of("admin")
    made = await invite(admin, "researcher")
    browsers = [await clinic.browser() for _ in range(6)]
    answers = await asyncio.gather(
        *(accept(b, made["token"], name=f"lee{n}") for n, b in enumerate(browsers))
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] + [404] * 5
    names = {one.name for one in clinic.house.store.accounts.all()}
    assert len(names) == 4
    people = {one.id for one in clinic.house.store.people()}
    owned = {one.person_id for one in clinic.house.store.accounts.all()}
    assert len(people - owned) == 1, "nobody but the owner is left over"


async def test_nobody_learns_why_a_link_is_not_good(clinic: Clinic) -> None:
    admin, anyone = await clinic.browser_of("admin"), await clinic.browser()
    old, void = await invite(admin, "patient"), await invite(admin, "patient")
    id = void["invite"]["id"]
    answer = await admin.post(f"{API}/invites/{id}/revoke")
    assert answer.json()["state"] == "revoked"
    clinic.pass_s(GOOD_FOR_S - 1)
    assert (await look(anyone, old["token"])).status_code == 200
    clinic.pass_s(1)
    told = [
        (answer.status_code, answer.json())
        for token in (old["token"], void["token"], "nothing")
        for answer in (await look(anyone, token), await accept(anyone, token))
    ]
    assert told[0][0] == 404
    assert told[1:] == told[:-1]
    admin = await clinic.browser_of("admin")
    listed = (await admin.get(f"{API}/invites")).json()["invites"]
    assert {one["state"] for one in listed} == {"expired", "revoked"}


async def test_what_is_wrong_leaves_the_invite_good(clinic: Clinic) -> None:
    admin, anyone = await clinic.browser_of("admin"), await clinic.browser()
    token = (await invite(admin, "patient"))["token"]
    for status, wrong in (
        (409, {"name": "Patient"}),
        (422, {"name": None}),
        (422, {"display": None}),
        (422, {"display": " \n "}),
        (422, {"name": "a b"}),
        (422, {"name": "x"}),
        (422, {"name": "y" * 65}),
        (422, {"password": "short"}),
        (422, {"password": "lee"}),
        (422, {"password": None}),  # opened at an IP number: passkeys do not work
        (422, {"role": "admin"}),
    ):
        answer = await accept(anyone, token, **wrong)
        assert answer.status_code == status, wrong
        assert answer.json()["advice"], wrong
        assert (await look(anyone, token)).status_code == 200
    assert (await accept(anyone, token)).status_code == 200


async def test_who_may_invite_whom(clinic: Clinic) -> None:
    therapist = await clinic.browser_of("therapist")
    owner = clinic.house.store.people()[0]
    for body in (
        {"role": "therapist"},
        {"role": "admin"},
        {"role": "researcher"},
        {"role": "patient", "person": owner.id},
    ):
        answer = await therapist.post(f"{API}/invites", json=body)
        assert answer.status_code == 403, body
    patient = await clinic.browser_of("patient")
    answer = await patient.post(f"{API}/invites", json={"role": "patient"})
    assert answer.status_code == 403
    assert (await patient.get(f"{API}/invites")).status_code == 403
    admin = await clinic.browser_of("admin")
    for role in ("patient", "therapist", "researcher", "admin"):
        made = await invite(admin, role)
    answer = await admin.post(f"{API}/invites", json={"role": "owner"})
    assert answer.status_code == 422
    theirs = (await therapist.get(f"{API}/invites")).json()["invites"]
    assert theirs == []
    id = made["invite"]["id"]
    answer = await therapist.post(f"{API}/invites/{id}/revoke")
    assert answer.status_code == 404


async def test_an_account_can_be_somebody_s_who_practised_before(
    clinic: Clinic,
) -> None:
    admin, invited = await clinic.browser_of("admin"), await clinic.browser()
    owner = clinic.house.store.people()[0]
    made = await invite(admin, "patient", person=owner.id)
    assert made["invite"]["person"]["pseudonym"] == owner.pseudonym
    me = (await accept(invited, made["token"])).json()
    assert me["person"]["id"] == owner.id
    taken = {"role": "patient", "person": owner.id}
    answer = await admin.post(f"{API}/invites", json=taken)
    assert answer.status_code == 409
    unknown = {"role": "patient", "person": "A" * 26}
    answer = await admin.post(f"{API}/invites", json=unknown)
    assert answer.status_code == 409


async def test_new_credentials_end_the_old_ones(clinic: Clinic) -> None:
    house, account = clinic.house, clinic.accounts["patient"]
    admin = await clinic.browser_of("admin")
    inside = await clinic.browser_of("patient")
    headers = await token_of(clinic, "patient")
    first = (await admin.post(f"{API}/accounts/{account.id}/reset")).json()
    answer = await admin.post(f"{API}/accounts/{account.id}/reset")
    assert answer.status_code == 201
    made = answer.json()
    assert made["invite"]["for_account"]["code"] == account.code
    anew = await clinic.browser()
    assert (await look(anew, first["token"])).status_code == 404, "the newer one counts"
    seen = (await look(anew, made["token"])).json()
    assert (seen["for_account"], seen["name"]) == (True, "patient")
    assert (await inside.get(f"{API}/me")).status_code == 200, "not used yet"

    body = {"strap": SIMULATED_ID, "plan": "practice"}
    id = (await inside.post(f"{API}/sessions", json=body)).json()["id"]
    cookie = clinic.cookie(inside)
    async with house.watch(id, headers=cookie) as socket:
        await until(socket, "hello")
        new = {"name": None, "display": None, "password": "four calm words now"}
        answer = await accept(anew, made["token"], **new)
        assert answer.status_code == 200, answer.text
        assert answer.json()["person"]["id"] == account.person_id
        assert await goodbye(socket) == UNKNOWN_CALLER
    assert (await inside.get(f"{API}/me")).status_code == 401
    by_token = await house.anyone.get(f"{API}/me", headers=headers)
    assert by_token.status_code == 401
    stranger = await clinic.browser()
    assert (await by_password(stranger, "patient")).status_code == 401
    newly = await by_password(stranger, "patient", "four calm words now")
    assert newly.status_code == 200
    assert (await accept(anew, made["token"], **new)).status_code == 404


async def test_invites_of_whoever_was_turned_out_are_void(clinic: Clinic) -> None:
    admin = await clinic.browser_of("admin")
    therapist, anyone = await clinic.browser_of("therapist"), await clinic.browser()
    token = (await invite(therapist, "patient"))["token"]
    id = clinic.accounts["therapist"].id
    await admin.post(f"{API}/accounts/{id}/revoke")
    assert (await look(anyone, token)).status_code == 404
    answer = await admin.post(f"{API}/accounts/{id}/reset")
    assert answer.status_code == 409
    assert "revoked" in answer.json()["detail"]


async def test_the_owner_hands_over_to_the_first_administrator(house: House) -> None:
    answer = await house.browser.post(f"{API}/invites", json={"role": "patient"})
    assert answer.status_code == 409
    assert "no administrator yet" in answer.json()["detail"]
    owner = house.store.person()
    id = (await house.begin())["id"]
    name = house.context.cookie
    cookie = {"Cookie": f"{name}={house.browser.cookies[name]}"}
    made = await invite(house.browser, "admin", person=owner.id)
    assert (await house.anyone.get(f"{API}/doors")).json()["shared"] is False
    async with house.watch(id, headers=cookie) as socket:
        await until(socket, "hello")
        answer = await accept(house.anyone, made["token"])
        assert answer.status_code == 200, answer.text
        assert await goodbye(socket) == UNKNOWN_CALLER
    me = answer.json()
    assert (me["role"], me["shared"], me["person"]["id"]) == ("admin", True, owner.id)
    assert (await house.anyone.get(f"{API}/doors")).json()["shared"] is True
    assert (await house.browser.get(f"{API}/me")).status_code == 401
    sessions = (await house.anyone.get(f"{API}/sessions")).json()["sessions"]
    assert [one["id"] for one in sessions] == [id]


async def test_acts_are_written_down_without_names(clinic: Clinic) -> None:
    admin, invited = await clinic.browser_of("admin"), await clinic.browser()
    token = (await invite(admin, "therapist"))["token"]
    await accept(invited, token, name="lee-the-therapist", display="Lee T.")
    account = clinic.house.store.accounts.named("lee-the-therapist")
    assert account is not None
    acts = clinic.acts()
    assert (clinic.accounts["admin"].code, "invite.make", "ok") in acts
    assert (account.code, "invite.accept", "ok") in acts
    rows = clinic.house.store.audit.newest(1000)
    assert "lee" not in str(rows).lower()
    assert token not in str(rows)
    assert clinic.house.store.audit.verify().whole
