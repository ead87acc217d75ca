"""What was practised is kept at the end of a session, and told by day and week."""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest

from biofeedback.service.cataloguing import rebuild
from biofeedback.service.finishing import Finisher
from biofeedback.service.practised import practised_in
from biofeedback.session.referee import Referee
from biofeedback.store import DiaryRow, PractisedRow, RatingRow, SessionRow, Store
from tests.service.conftest import House, Start, comes_true

HOUR = 3600
NS_PER_DAY = 86_400 * 1_000_000_000


async def practise(house: House, *, seconds: float = 100, dizzy: bool = False) -> str:
    """Answer, breathe for a while, answer again, end; return the session's id."""
    id: str = (await house.begin(profile="calm", seed=3))["id"]

    async def post(what: str, **body: object) -> None:
        answer = await house.browser.post(f"/api/v1/sessions/{id}/{what}", json=body)
        assert answer.status_code == 201, answer.text

    async def rate(moment: str, hurt: int, bother: int) -> None:
        await post("ratings", type="pain_intensity", value=hurt, moment=moment)
        await post("ratings", type="pain_unpleasantness", value=bother, moment=moment)

    await house.pass_time(5)
    await rate("before", 6, 7)
    # The mark had to wait for a second: when it happened is said with it.
    begun: dict[str, object] = {"type": "phase", "text": "practice", "value": 3}
    await post("events", at_ms=4500, **begun)
    await post("events", type="practice", text="mindful_breathing")
    await house.pass_time(seconds)
    over_ms = 4500 + 1000 * seconds
    await post("events", type="phase", text="practice/own_breaths", at_ms=over_ms)
    if dizzy:
        await post("events", type="symptom", text="dizzy")
    else:
        await rate("after", 5, 3)
    await house.pass_time(5)
    await house.browser.post(f"/api/v1/sessions/{id}/stop")
    return id


async def kept(house: House, id: str) -> PractisedRow:
    person = house.store.person().id
    await comes_true(lambda: id in house.store.practised(person))
    return house.store.practised(person)[id]


async def test_what_was_practised_is_read_off_the_recording(house: House) -> None:
    id = await practise(house)
    row = await kept(house, id)
    assert row.practice == "mindful_breathing"
    assert row.minutes == pytest.approx(100 / 60, abs=1e-6)
    assert row.rate_bpm == 6
    assert row.rsa_bpm is not None
    assert 5 < row.rsa_bpm < 40
    assert row.in_phase_pct is not None
    assert not row.symptom
    await comes_true(lambda: house.store.session(id).state == "complete")
    recording = house.store.recording(id)
    assert recording is not None
    assert practised_in(house.store.data / recording.path) == row
    usual = (await house.browser.get("/api/v1/usual?simulated=true")).json()
    assert (usual["n"], usual["rsa_bpm"]) == (1, round(row.rsa_bpm, 2))


async def test_a_rebuild_gives_the_same_and_replays_do_not_count(
    start_house: Start,
) -> None:
    async with start_house() as house:
        id = await practise(house, dizzy=True)
        row = await kept(house, id)
        assert row.symptom
        await comes_true(lambda: house.store.session(id).state == "complete")
        replay = await house.browser.post(f"/api/v1/sessions/{id}/replay", json={})
        assert replay.status_code == 201
        await house.browser.post(f"/api/v1/sessions/{replay.json()['id']}/stop")
        before = house.store.practised(house.store.person().id)
        assert before == {id: row}
        data = house.store.data
    (data / "biofeedback.db").unlink()
    fresh = Store(data)
    await asyncio.to_thread(rebuild, fresh)
    assert fresh.practised(fresh.person().id) == before
    fresh.close()


async def test_a_practice_that_was_cut_off_is_known_once_it_is_recovered(
    house: House, tmp_path: Path
) -> None:
    id = (await house.begin(profile="calm", seed=3))["id"]
    await house.pass_time(5)
    mark = {"type": "phase", "text": "practice", "value": 10}
    await house.browser.post(f"/api/v1/sessions/{id}/events", json=mark)
    await house.pass_time(70)
    # What a power cut leaves behind is what lies on the disk now.
    await asyncio.to_thread(shutil.copytree, house.store.data, tmp_path / "cut")
    store = Store(tmp_path / "cut")
    finisher = Finisher(store, Referee())
    await asyncio.to_thread(finisher.recover, finisher.left_behind())
    assert store.session(id).state == "recovered"
    row = store.practised(store.person().id)[id]
    # The disk is some seconds behind a clock that runs this fast.
    assert 50 / 60 < row.minutes <= 70 / 60
    assert row.rsa_bpm is not None
    store.close()


async def test_no_practice_is_none(house: House) -> None:
    id = (await house.begin())["id"]
    await house.pass_time(30)  # somebody looked at the first question, and left
    await house.browser.post(f"/api/v1/sessions/{id}/stop")
    await comes_true(lambda: house.store.session(id).state == "complete")
    told = (await house.browser.get("/api/v1/history")).json()
    assert told["days"] == []
    assert all(week["minutes"] is None for week in told["weeks"])


async def test_one_practice_is_told(house: House) -> None:
    id = await practise(house)
    await kept(house, id)
    told = (await house.browser.get("/api/v1/history?weeks=4")).json()
    assert len(told["weeks"]) == 4
    ((sitting,),) = [day["sittings"] for day in told["days"]]
    assert (sitting["session"], sitting["practice"]) == (id, "mindful_breathing")
    assert (sitting["gap_before"], sitting["gap_after"]) == (1, -2)
    week = told["weeks"][-1]
    assert week["gap"]["change"] == {"n": 1, "mean": -3, "low": None, "high": None}
    assert told["gap_change"]["mean"] == -3


def seed(store: Store, *, weeks: int, without: set[int]) -> None:
    """Practise three times a week for so many weeks, but for some; note an urge."""
    person = store.person()
    for back in range(weeks):
        if back in without:
            continue
        for k in range(3):
            at_ns = store.now_ns() - (7 * back + 2 * k) * NS_PER_DAY - HOUR * 10**9
            id = f"{back:013d}{k:013d}"
            session = SessionRow(
                id=id,
                person_id=person.id,
                plan="practice",
                source="strap",
                simulated=False,
                strap_name="Polar H10",
                started_at_utc_ns=at_ns,
            )
            store.add_session(session)
            store.finish_session(id, session.state.COMPLETE)
            store.keep_practised(
                PractisedRow(
                    session_id=id, practice=None, minutes=3.0, utc_offset_s=HOUR
                )
            )
            for number, (moment, bother) in enumerate((("before", 7), ("after", 5))):
                for type, value in (
                    ("pain_intensity", 6.0),
                    ("pain_unpleasantness", float(bother - (back + k) % 2)),
                ):
                    store.add_rating(
                        RatingRow(
                            id=f"{number}{type[5]}{back:012d}{k:012d}",
                            session_id=id,
                            type=type,
                            value=value,
                            unit="nrs_0_10",
                            moment=moment,
                            at_utc_ns=at_ns + number,
                            in_recording=True,
                        )
                    )
            store.add_to_diary(
                [
                    DiaryRow(
                        id=f"d{back:012d}{k:013d}",
                        person_id=person.id,
                        occasion="pause",
                        group_id=id,
                        type="craving",
                        value=5.0,
                        moment="before",
                        at_utc_ns=at_ns,
                        utc_offset_s=HOUR,
                        kept_at_utc_ns=at_ns,
                    )
                ]
            )


async def test_eight_weeks_are_told_and_missing_ones_are_gaps(house: House) -> None:
    house.utc_ns[0] = round(datetime(2026, 11, 29, 20, tzinfo=UTC).timestamp()) * 10**9
    seed(house.store, weeks=8, without={2, 3})  # a Sunday: whole weeks
    told = (await house.browser.get("/api/v1/history?weeks=8")).json()
    weeks = told["weeks"]
    assert weeks[-1]["monday"] == "2026-11-23"
    missing = [week["gap"]["change"]["n"] == 0 for week in weeks]
    assert missing == [False, False, False, False, True, True, False, False]
    for week, gone in zip(weeks, missing, strict=True):
        assert (week["minutes"] is None) == gone
        assert (week["craving"]["mean"] is None) == gone
        if not gone:
            assert week["minutes"] == 9
            assert week["n_pauses"] == 3
            assert week["gap"]["change"]["mean"] == -2
            assert week["gap"]["change"]["low"] < -2 < week["gap"]["change"]["high"]
    assert told["gap_change"]["n"] == 18
    days = [day["day"] for day in told["days"]]
    assert days == sorted(days, reverse=True)
    first = datetime.fromisoformat(told["days"][0]["sittings"][0]["started_at"])
    assert first.utcoffset() == timedelta(seconds=HOUR)


async def test_today_is_that_of_who_is_ahead_of_the_machine(house: House) -> None:
    now = datetime(2026, 11, 29, 23, tzinfo=UTC)  # a Sunday; east of here, a Monday
    house.utc_ns[0] = round(now.timestamp()) * 10**9
    for id, at, hours in (("1", now, 14), ("2", now + timedelta(days=40), 0)):
        body = {
            "id": id * 26,
            "occasion": "pause",
            "group_id": id * 26,
            "type": "craving",
            "value": 7,
            "moment": "before",
            "at": at.astimezone(timezone(timedelta(hours=hours))).isoformat(),
        }
        answer = await house.browser.post("/api/v1/diary", json={"entries": [body]})
        assert answer.status_code == 201, answer.text
    told = (await house.browser.get("/api/v1/history")).json()
    assert told["today"] == "2026-11-30"
    assert told["weeks"][-1]["monday"] == "2026-11-30"
    assert [day["day"] for day in told["days"]] == ["2026-11-30"]


async def test_who_is_not_signed_in_is_told_nothing(house: House) -> None:
    assert (await house.anyone.get("/api/v1/history")).status_code == 401
    odd = await house.browser.get("/api/v1/history?weeks=0")
    assert odd.status_code == 422
    assert msgspec.json.decode(odd.content)["detail"]
