"""What people note outside of a session, down to the disk."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from ulid import ULID

from tests.service.conftest import House, nothing_can_be_written

SECRET = "a sentence that stays with the person"


def entry(**more: object) -> dict[str, Any]:
    id = str(ULID())
    return {
        "id": id,
        "occasion": "pause",
        "group_id": id,
        "type": "craving",
        "value": 7,
        "moment": "before",
        "prompt": "How strong is the pull?",
        "latency_ms": 900,
        "device": "phone",
        "at": "2026-11-26T21:05:00.123000+01:00",
        **more,
    }


async def add(house: House, *entries: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    reply = await house.browser.post("/api/v1/diary", json={"entries": list(entries)})
    return reply.status_code, reply.json()


async def listed(house: House, query: str = "") -> list[dict[str, Any]]:
    told: dict[str, Any] = (await house.browser.get(f"/api/v1/diary{query}")).json()
    entries: list[dict[str, Any]] = told["entries"]
    return entries


async def test_entries_are_kept_once_in_the_order_of_their_time(house: House) -> None:
    later = entry(
        at="2026-11-26T22:00:00+01:00", type="choice", value=None, text="wait"
    )
    first = entry()
    assert await add(house, later) == (201, {"ids": [later["id"]]})
    status, told = await add(house, first, later)
    assert (status, told["ids"]) == (201, [first["id"], later["id"]])
    kept = await listed(house)
    assert [one["id"] for one in kept] == [first["id"], later["id"]]
    assert kept[0] == {**first, "unit": "nrs_0_10", "text": None}
    assert kept[1]["text"] == "wait"

    # The same id again, told otherwise: what was kept first stays.
    await add(house, {**first, "value": 2})
    assert (await listed(house))[0]["value"] == 7
    medicine = entry(occasion="medicine", type="taken", value=None, text=SECRET)
    await add(house, medicine)
    assert [e["text"] for e in await listed(house, "?occasion=medicine")] == [SECRET]
    (row,) = (r for r in house.store.diary(house.store.person().id) if r.text == SECRET)
    assert row.utc_offset_s == 3600
    assert row.kept_at_utc_ns == house.utc_ns[0]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"id": "1"}, "'entries.1.id'"),
        ({"occasion": "night"}, "'entries.1.occasion'"),
        ({"type": "A type"}, "'entries.1.type'"),
        ({"at": "2026-11-26T21:05:00"}, "timezone"),
        ({"at": "1970-01-01T00:00:00Z"}, "the year 1970"),
        ({"value": 11}, "cannot be 11"),
        ({"value": None}, "cannot be None for craving"),
        ({"value": 2.5}, "cannot be 2.5"),
        ({"text": "x" * 2001}, "2000 characters"),
        ({"mood": 3}, "'entries.1.mood'"),
    ],
)
async def test_what_cannot_be_kept_is_named_and_nothing_is_kept(
    house: House, wrong: dict[str, Any], says: str
) -> None:
    status, told = await add(house, entry(), entry(**wrong))
    assert status == 422
    assert says in told["detail"]
    assert told["advice"]
    assert await listed(house) == []


async def test_what_is_noted_is_of_who_is_signed_in(house: House) -> None:
    signed_in = house.store.person()
    house.utc_ns[0] -= 10**9
    first = house.store.person_called("somebody-before")
    house.utc_ns[0] += 10**9
    assert house.store.person() == first
    noted = entry()
    assert (await add(house, noted))[0] == 201
    assert [one["id"] for one in await listed(house)] == [noted["id"]]
    assert [row.id for row in house.store.diary(signed_in.id)] == [noted["id"]]
    assert not house.store.diary(first.id)


async def test_a_full_disk_and_a_stranger_are_told_so(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wanted = entry(type="note", value=None, text=SECRET)
    with nothing_can_be_written(house.store):
        status, told = await add(house, wanted)
    assert status == 503
    assert told["advice"]
    assert (await add(house, wanted))[0] == 201
    body = {"entries": [entry()]}
    assert (await house.anyone.post("/api/v1/diary", json=body)).status_code == 401
    assert (await house.anyone.get("/api/v1/diary")).status_code == 401
    assert len(await listed(house)) == 1
    assert SECRET not in caplog.text
