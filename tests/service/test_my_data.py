"""My data: one archive with all of it, and an end of all of it."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from biofeedback.errors import RecordingError
from biofeedback.model import Label
from biofeedback.recording.relabelling import sidecar_of
from biofeedback.service.cataloguing import rebuild
from biofeedback.service.my_data_back import bring_back
from biofeedback.service.my_data_files import NAME as NAME_OF_ZIP
from biofeedback.session.replay import verify
from biofeedback.store import DiaryRow, EstimateRow, Store
from tests.service.conftest import BEARER, House, Start, comes_true
from tests.service.test_history import practise
from tests.store.test_erasing import left_of

NOTE = 'The dog\'s walk, and "then" some;\nrain, =1+1'


async def whole(house: House) -> list[str]:
    """Practise twice, note something, judge a beat; return the ids of the sessions."""
    ids = [await practise(house, seconds=70) for _ in range(2)]
    store = house.store
    await comes_true(lambda: {store.session(id).state for id in ids} == {"complete"})
    person = store.person()
    late = {"type": "mood", "value": 4, "moment": "after"}  # not in the recording
    answer = await house.browser.post(f"/api/v1/sessions/{ids[0]}/ratings", json=late)
    assert answer.status_code == 201
    judged = await house.browser.post(
        f"/api/v1/recordings/{ids[0]}/labels",
        json={"index": 5, "label": Label.ECTOPIC},
    )
    assert judged.status_code == 201, judged.text
    store.add_to_diary(
        [
            DiaryRow(
                id="D" * 26,
                person_id=person.id,
                occasion="day",
                group_id="G" * 26,
                type="note",
                text=NOTE,
                at_utc_ns=1_795_800_000_123_456_789,
                utc_offset_s=5400,
                kept_at_utc_ns=1_795_800_001_000_000_000,
            )
        ]
    )
    store.keep_estimate(
        EstimateRow(
            session_id=ids[1],
            person_id=person.id,
            at_utc_ns=1_795_800_000_000_000_000,
            rate_bpm=5.5,
            probability=0.7,
            rest_rr_ms=None,
            report='{"steps":[1,2]}',
        )
    )
    return ids


def table(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read(name).decode())))


def listed(store: Store) -> dict[str, Any]:
    person = store.person()
    return {
        "sessions": [
            (s.id, s.started_at_utc_ns, s.plan, s.state, s.source, s.strap_name)
            for s in store.sessions_of(person.id)
        ],
        "recordings": {
            id: (row.path, row.sha256, row.n_records)
            for id, row in store.recordings().items()
        },
        "ratings": {
            r.id: (r.session_id, r.type, r.value, r.moment, r.t_ms)
            for r in store.ratings_of(person.id)
            if r.in_recording
        },
        "practised": store.practised(person.id),
    }


async def test_the_archive_is_all_there_is_and_comes_back(
    house: House, tmp_path: Path
) -> None:
    ids = await whole(house)
    store, person = house.store, house.store.person()
    answer = await house.browser.get("/api/v1/my-data")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].endswith('my-data.zip"')
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        names = set(archive.namelist())
        folder = store.data / "recordings"
        there = {
            path.relative_to(store.data).as_posix()
            for path in folder.rglob("*")
            if path.is_file()
        }
        assert names == there | {
            *("README.txt", "person.json", "sessions.csv", "ratings.csv"),
            *("practices.csv", "diary.csv", "resonance.json", "sign-ins.csv"),
            *("consents.csv", "copies.csv", "looks.csv", "account.json"),
        }
        for name in there:
            assert archive.read(name) == (store.data / name).read_bytes()
        readme = archive.read("README.txt").decode()
        for name in names - there - {"README.txt"}:
            assert name in readme
        assert [row["session"] for row in table(archive, "sessions.csv")] == ids
        ratings = table(archive, "ratings.csv")
        assert [row["id"] for row in ratings] == [
            rating.id for rating in store.ratings_of(person.id)
        ]
        assert [row["in_recording"] for row in ratings].count("no") == 1
        assert {row["session"] for row in table(archive, "practices.csv")} == {*ids}
        (note,) = table(archive, "diary.csv")
        assert note["text"] == NOTE
        assert note["at"] == "2026-11-27T18:50:00.123456789+01:30"
        (estimate,) = json.loads(archive.read("resonance.json"))
        assert estimate["report"] == {"steps": [1, 2]}
        signed_in = store.sign_ins_of(person.id)
        assert len(table(archive, "sign-ins.csv")) == len(signed_in)
        text = b"".join(archive.read(name) for name in names - there)
        assert person.pseudonym.encode() in text
        assert person.id.encode() not in text
        assert all(one.token_sha256.encode() not in text for one in signed_in)
        archive.extractall(tmp_path / "other")
    (tmp_path / NAME_OF_ZIP).write_bytes(answer.content)
    other = Store(tmp_path / "other")
    assert (await asyncio.to_thread(rebuild, other)).refused == ()
    assert listed(other) == listed(store)
    for id, row in other.recordings().items():
        path = other.data / row.path
        assert (await asyncio.to_thread(verify, path)).ok
        assert sidecar_of(path).exists() == (id == ids[0])
    other.close()
    # And what stands in no recording, with a second time changing nothing.
    third = Store(tmp_path / "third")
    for _ in range(2):
        back = await asyncio.to_thread(bring_back, third, tmp_path / NAME_OF_ZIP)
        assert back.refused == ()
    assert third.people() == (back.person,)
    assert back.person.pseudonym == person.pseudonym
    assert mine(third.ratings_of(back.person.id)) == mine(store.ratings_of(person.id))
    assert mine(third.diary(back.person.id)) == mine(store.diary(person.id))
    assert mine(third.estimates(back.person.id)) == mine(store.estimates(person.id))
    third.close()


def mine(rows: Sequence[msgspec.Struct]) -> list[dict[str, Any]]:
    """Return rows without what another installation gives anew.

    A rebuild tells when an answer was by the session's own clock.
    """
    found = [msgspec.structs.asdict(row) for row in rows]
    for values in found:
        values.pop("person_id", None)
        if values.get("in_recording"):
            del values["at_utc_ns"]
    return sorted(found, key=lambda values: str(values.get("id")))


async def test_erasing_leaves_nothing_and_signs_everyone_out(house: House) -> None:
    ids = await whole(house)
    store, person = house.store, house.store.person()
    summary = await house.browser.get(f"/api/v1/sessions/{ids[0]}/summary")
    assert summary.status_code in (200, 404)
    words = [w.encode() for w in (person.id, person.pseudonym, *ids, NOTE, "D" * 26)]
    words += [row.token_sha256.encode() for row in store.sign_ins_of(person.id)]
    assert len({word for _, word in left_of(store.data, words)}) == len(words)

    wrong = await house.browser.post("/api/v1/my-data/erase", json={"confirm": "yes"})
    assert wrong.status_code == 422
    assert store.person() == person
    done = await house.browser.post("/api/v1/my-data/erase", json={"confirm": "erase"})
    assert done.status_code == 200, done.text
    assert done.json()["n_sessions"] == 2
    assert left_of(store.data, words) == []
    assert house.context.cookie not in house.browser.cookies
    assert (await house.browser.get("/api/v1/me")).status_code == 401
    # Nor is anything of it in the memory of the service.
    gone = await house.anyone.get(f"/api/v1/sessions/{ids[0]}/summary", headers=BEARER)
    assert gone.status_code == 404
    told = await house.anyone.get("/api/v1/history", headers=BEARER)
    assert told.status_code == 200
    assert told.json()["days"] == []
    # Somebody new can begin at once.
    link = {"token": house.context.sign_ins.new_link_token()}
    assert (await house.browser.post("/api/v1/sign-in", json=link)).status_code == 200
    await practise(house, seconds=5)


async def test_nothing_is_erased_while_a_session_goes_on(house: House) -> None:
    id = (await house.begin())["id"]
    await house.pass_time(3)
    body = {"confirm": "erase"}
    refused = await house.browser.post("/api/v1/my-data/erase", json=body)
    assert refused.status_code == 409
    problem = msgspec.json.decode(refused.content)
    assert (problem["reason"], problem["advice"]) == (
        "live",
        "End it first. Then erase.",
    )
    assert house.store.session(id).state == "live"
    await house.browser.post(f"/api/v1/sessions/{id}/stop")
    await comes_true(lambda: house.store.session(id).state == "complete")
    await comes_true(lambda: house.context.conductor.n_unfinished == 0)
    done = await house.browser.post("/api/v1/my-data/erase", json=body)
    assert done.status_code == 200


async def test_a_service_that_starts_finishes_what_was_cut_off(
    start_house: Start,
) -> None:
    from biofeedback.store import erasing

    async with start_house() as house:
        ids = await whole(house)
        data, person = house.store.data, house.store.person()
    words = [word.encode() for word in (person.id, person.pseudonym, *ids, NOTE)]
    salt = "00" * 32
    intent = erasing._Intent(salt=salt, person=erasing._hash(salt, person.id))
    erasing._mark(data, intent)  # and then the power went
    async with start_house() as house:
        assert left_of(data, words) == []
        assert house.store.person().id != person.id


@pytest.mark.parametrize("harm", ["encrypted", "method", "stream", "short"])
def test_an_archive_that_cannot_be_unpacked_is_told(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "harmed.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("person.json", '{"pseudonym": "P1"}' * 20)
    harmed = bytearray(path.read_bytes())
    listing, body = harmed.index(b"PK\x01\x02"), 30 + len("person.json")
    if harm == "encrypted":
        harmed[6] |= 1
        harmed[listing + 8] |= 1
    elif harm == "method":
        harmed[8] = harmed[listing + 10] = 99
    elif harm == "stream":
        harmed[body:listing] = b"\xff" * (listing - body)
    else:  # it says that more is packed than there is
        harmed[listing + 20 : listing + 24] = (1 << 20).to_bytes(4, "little")
    path.write_bytes(harmed)
    store = Store(tmp_path / "data")
    with pytest.raises(RecordingError, match="no archive of a person's data"):
        bring_back(store, path)
    store.close()


async def test_who_is_not_signed_in_gets_nothing(house: House) -> None:
    assert (await house.anyone.get("/api/v1/my-data")).status_code == 401
    erase = await house.anyone.post("/api/v1/my-data/erase", json={"confirm": "erase"})
    assert erase.status_code == 401
