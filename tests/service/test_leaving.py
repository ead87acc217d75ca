"""Who leaves takes their own along, and nothing that others need to see."""

from __future__ import annotations

import httpx
from ulid import ULID

from biofeedback.service.sign_ins import sha256
from biofeedback.store import AccessTokenRow
from tests.service.ward import Ward

BODY = {"confirm": "erase"}


async def erase(ward: Ward, who: str) -> httpx.Response:
    return await ward.ask(who, "POST", "/my-data/erase", BODY)


async def test_whom_consents_name_is_not_erased(ward: Ward) -> None:
    await ward.consent(("heart",), purpose="report")
    await ward.revoke()
    refused = await erase(ward, "kim")
    assert refused.status_code == 409
    assert ward.code("kim") in refused.json()["advice"]
    assert "'biofeedback user revoke" in refused.json()["advice"]
    (kept,) = (await ward.get("mira", "/consents"))["consents"]
    assert kept["account"]["code"] == ward.code("kim")
    assert (await erase(ward, "lee")).status_code == 200, "nobody named her"
    assert (await erase(ward, "mira")).status_code == 200
    assert (await erase(ward, "kim")).status_code == 200, "their receipts went first"


async def test_the_only_administrator_stays(ward: Ward) -> None:
    refused = await erase(ward, "root")
    assert refused.status_code == 409
    assert refused.json()["detail"] == "This is the only administrator."
    assert (await ward.ask("root", "GET", "/accounts")).status_code == 200


async def test_an_access_token_erases_nothing(ward: Ward) -> None:
    store, secret = ward.house.store, "bft_of-a-program"
    store.accounts.add_token(
        AccessTokenRow(
            id=str(ULID()),
            token_sha256=sha256(secret),
            account_id=ward.accounts["mira"].id,
            label="a program",
            scope="all",
            created_at_utc_ns=store.now_ns(),
            expires_at_utc_ns=store.now_ns() + 10**12,
        )
    )
    ward.cookies["program"] = {"Authorization": f"Bearer {secret}"}
    refused = await erase(ward, "program")
    assert refused.status_code == 403
    assert refused.json()["advice"] == "Sign in with a browser."
    assert (await ward.get("mira", "/me"))["display"] == "Mira"


async def test_who_looked_is_told_though_they_have_left(ward: Ward) -> None:
    mira = ward.accounts["mira"].person_id
    await ward.consent(("heart",), purpose="report")
    await ward.get("kim", f"/people/{mira}/sessions")
    ward.house.store.audit.add(
        actor="T-000000", role="therapist", action="report", person_id=mira
    )
    told = (await ward.get("mira", "/looks"))["looks"]
    gone = {"code": "T-000000", "display": "a former therapist", "role": "therapist"}
    kim = {"code": ward.code("kim"), "display": "Kim", "role": "therapist"}
    you = {"code": None, "display": "you", "role": "patient"}
    assert [(one["action"], one["by"]) for one in told] == [
        ("report", gone),
        ("sessions.list", kim),
        ("consent.grant", you),
    ]
    rows = ward.house.store.audit.newest(9)
    origins = {row.action: row.origin for row in rows}
    assert origins["sessions.list"] == "127.0.0.1"
    assert origins["consent.grant"] is None, "never where a patient is"
