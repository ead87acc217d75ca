"""Consent: given, read and taken back by the person it is about."""

from __future__ import annotations

from biofeedback.service.consent_texts import CURRENT, TEXTS
from biofeedback.store import Purpose, Stream
from tests.service.ward import EVERYTHING, Ward


async def test_a_receipt_says_what_was_agreed_and_history_keeps_it(ward: Ward) -> None:
    assert (await ward.get("mira", "/consents"))["consents"] == []
    receipt = await ward.consent(("heart", "breathing"), days=7)
    (first, second) = receipt["consents"]
    assert {first["stream"], second["stream"]} == {"heart", "breathing"}
    assert first["receipt"] == second["receipt"] == receipt["receipt"]
    assert first["account"] == {
        "account": ward.accounts["kim"].id,
        "code": ward.code("kim"),
        "display": "Kim",
        "role": "therapist",
    }
    assert (first["state"], first["text_version"]) == ("active", CURRENT)
    await ward.revoke(id=first["id"])
    listed = (await ward.get("mira", "/consents"))["consents"]
    states = {one["id"]: one["state"] for one in listed}
    assert states == {first["id"]: "revoked", second["id"]: "active"}
    ward.pass_days(7)
    listed = (await ward.get("mira", "/consents"))["consents"]
    assert {one["id"]: one["state"] for one in listed} == {
        first["id"]: "revoked",
        second["id"]: "expired",
    }
    assert (await ward.get("tom", "/consents"))["consents"] == []


async def test_a_new_receipt_takes_the_place_of_the_old(ward: Ward) -> None:
    await ward.consent(EVERYTHING)
    await ward.consent(("heart",), purpose="report")
    await ward.consent(("heart",), days=1)
    listed = (await ward.get("mira", "/consents"))["consents"]
    holding = [
        (one["stream"], one["purpose"]) for one in listed if one["state"] == "active"
    ]
    assert sorted(holding) == [("heart", "live"), ("heart", "report")]
    consents = ward.house.context.consents
    kim, mira = ward.accounts["kim"], ward.accounts["mira"]
    streams = consents.streams(kim.id, mira.person_id, Purpose.LIVE)
    assert streams == {Stream.HEART}


async def test_everything_is_taken_back_at_once(ward: Ward) -> None:
    await ward.consent(EVERYTHING)
    await ward.consent(("heart",), to="ada", purpose="research")
    await ward.consent(("heart",), by="tom")
    kim = ward.accounts["kim"].id
    n = await ward.done("mira", "POST", "/consents/revoke", {"account": kim})
    assert n == {"n": 4}
    assert await ward.done("mira", "POST", "/consents/revoke", {}) == {"n": 1}
    assert await ward.done("mira", "POST", "/consents/revoke", {}) == {"n": 0}
    tom = (await ward.get("tom", "/consents"))["consents"]
    assert [one["state"] for one in tom] == ["active"], "others keep theirs"
    with_his = await ward.done("mira", "POST", "/consents/revoke", {"id": tom[0]["id"]})
    assert with_his == {"n": 0}


async def test_who_can_be_given_something(ward: Ward) -> None:
    listed = (await ward.get("mira", "/consents/grantees"))["grantees"]
    assert [one["display"] for one in listed] == ["Kim", "Lee", "Ada"]
    assert not any(one["invited_you"] for one in listed)
    mine = (await ward.get("kim", "/consents/grantees"))["grantees"]
    assert [one["display"] for one in mine] == ["Lee", "Ada"], "never oneself"
    await ward.done("root", "POST", f"/accounts/{ward.accounts['lee'].id}/revoke")
    listed = (await ward.get("mira", "/consents/grantees"))["grantees"]
    assert [one["display"] for one in listed] == ["Kim", "Ada"]


WRONG: tuple[tuple[str, list[tuple[str, str]], dict[str, object], int], ...] = (
    ("kim", [("heart", "research")], {}, 422),
    ("ada", [("heart", "live")], {}, 422),
    ("tom", [("heart", "live")], {}, 404),
    ("root", [("heart", "report")], {}, 404),
    ("kim", [], {}, 422),
    ("kim", [("thoughts", "live")], {}, 422),
    ("kim", [("heart", "live")], {"days": 0}, 422),
    ("kim", [("heart", "live")], {"days": 366}, 422),
    ("kim", [("heart", "live")], {"text_version": "0"}, 409),
    ("kim", [("heart", "live")], {"account": "A" * 26}, 404),
)


async def test_what_cannot_be_agreed_to(ward: Ward) -> None:
    for to, grants, more, status in WRONG:
        body = {
            "account": ward.accounts[to].id,
            "grants": [{"stream": s, "purpose": p} for s, p in grants],
            "days": 1,
            **more,
        }
        answer = await ward.ask("mira", "POST", "/consents", body)
        assert answer.status_code == status, (to, grants, more, answer.text)
    assert (await ward.get("mira", "/consents"))["consents"] == []


async def test_giving_and_taking_back_are_written_down(ward: Ward) -> None:
    await ward.consent(("heart",))
    await ward.revoke()
    actions = [row.action for row in ward.house.store.audit.newest(10)]
    assert actions.index("consent.revoke") < actions.index("consent.grant")


def test_the_words_are_complete_and_short() -> None:
    words = TEXTS[CURRENT]
    assert words.streams.keys() == set(Stream)
    assert words.purposes.keys() == set(Purpose)
    said = (*words.streams.values(), *words.purposes.values(), *words.always)
    for sentence in " ".join(said).split(". "):
        assert len(sentence.split()) <= 15, sentence


async def test_the_words_can_be_read(ward: Ward) -> None:
    words = await ward.get("mira", "/consents/text")
    assert words["version"] == CURRENT
    assert set(words["streams"]) == set(EVERYTHING)
    answer = await ward.ask("mira", "GET", "/consents/text?version=0")
    assert answer.status_code == 404
