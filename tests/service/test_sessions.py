"""The life of a session over HTTP, down to the disk."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from biofeedback.errors import ADVICE, LinkError
from biofeedback.model import Entry, FoundStrap, LinkReason, PacerCommand, Tick
from biofeedback.recording.reader import open_recording
from biofeedback.service import endings
from biofeedback.service.straps import same_strap
from biofeedback.session.driver import RadioStatus, Seen, Source, named
from biofeedback.session.replay import verify
from biofeedback.session.simulated import SIMULATED_ID, SimulatedDriver
from biofeedback.store import Role, SessionState
from tests.service.conftest import (
    BEARER,
    House,
    Start,
    comes_true,
    nothing_can_be_written,
)

NS_PER_S = 1_000_000_000
PAIN = {
    "type": "pain_intensity",
    "value": 6,
    "moment": "before",
    "prompt": "How intense is your pain right now?",
    "latency_ms": 2100,
    "device": "phone",
}


async def finished(house: House, id: str) -> dict[str, Any]:
    unfinished = (SessionState.LIVE, SessionState.CLOSING)
    await comes_true(lambda: house.store.session(id).state not in unfinished)
    told: dict[str, Any] = (await house.browser.get(f"/api/v1/sessions/{id}")).json()
    return told


def recording_of(house: House, id: str) -> Path:
    row = house.store.recording(id)
    assert row is not None
    return house.store.data / row.path


def journal_of(house: House, id: str) -> Path:
    return Path(f"{recording_of(house, id)}.part")


def is_there(path: Path) -> bool:
    return path.exists()


async def test_a_whole_life(house: House) -> None:
    session = await house.begin()
    assert session == {
        **session,
        "state": "live",
        "ended_at": None,
        "person": {
            "id": house.store.person().id,
            "pseudonym": house.store.person().pseudonym,
        },
        "plan": "practice",
        "source": "simulated",
        "simulated": True,
        "strap_name": "Simulated heart",
        "replay_of": None,
        "speed": None,
        "summary_ready": False,
        "loss": None,
    }
    at = f"/api/v1/sessions/{session['id']}"
    part = journal_of(house, session["id"])
    assert is_there(part), "the recording begins with the session"
    live = (await house.browser.get("/api/v1/sessions?state=live")).json()["sessions"]
    assert [one["id"] for one in live] == [session["id"]]
    assert (await house.browser.get(f"{at}/summary")).status_code == 404
    assert (await house.browser.get(f"{at}/recording")).status_code == 404

    await house.pass_time(5)
    rated = await house.browser.post(f"{at}/ratings", json=PAIN)
    assert rated.status_code == 201
    noted = await house.browser.post(
        f"{at}/events", json={"type": "marker", "text": "a sigh"}, headers=BEARER
    )
    assert noted.status_code == 201
    pace = {"rate_bpm": 5.5, "inhale_pct": 40, "hold_in_ms": 0, "hold_out_ms": 0}
    assert (await house.browser.put(f"{at}/pacer", json=pace)).status_code == 202
    await house.pass_time(5)

    stopped = await house.browser.post(f"{at}/stop")
    assert stopped.status_code == 200
    assert stopped.json()["state"] in ("closing", "complete")
    assert stopped.json()["ended_at"] is not None
    done = await finished(house, session["id"])
    assert done["state"] == "complete"
    assert done["summary_ready"] is False, "here NeuroKit2 never answers"
    assert (await house.browser.get(f"{at}/summary")).status_code == 404
    assert not is_there(part)
    live = (await house.browser.get("/api/v1/sessions?state=live")).json()["sessions"]
    assert live == []

    path = recording_of(house, session["id"])
    downloaded = await house.browser.get(f"{at}/recording")
    assert downloaded.content == path.read_bytes()
    assert f"{session['id']}.mcap" in downloaded.headers["content-disposition"]
    assert verify(path).ok
    recording = open_recording(path)
    assert recording.info.person == house.store.person().pseudonym
    entries = [r for _, r in recording.inputs() if isinstance(r, Entry)]
    assert [(e.id, e.by) for e in entries] == [
        (rated.json()["id"], "person"),
        (noted.json()["id"], "program"),
    ]
    commands = [r for _, r in recording.inputs() if isinstance(r, PacerCommand)]
    assert [c.rate_bpm for c in commands] == [5.5]
    row = house.store.recording(session["id"])
    assert row is not None
    assert row.size_bytes == path.stat().st_size
    assert row.n_records == recording.survey().n_records


async def test_a_rating_is_on_disk_in_both_places_when_it_is_answered(
    house: House,
) -> None:
    session = await house.begin()
    await house.pass_time(3)
    at = f"/api/v1/sessions/{session['id']}/ratings"
    id = (await house.browser.post(at, json=PAIN)).json()["id"]
    # Read as another process would after a power cut: nothing is closed yet.
    journal = open_recording(journal_of(house, session["id"]))
    entry = next(r for _, r in journal.inputs() if isinstance(r, Entry))
    assert (entry.id, entry.value, entry.unit) == (id, 6.0, "nrs_0_10")
    assert (entry.prompt, entry.latency_ms, entry.device) == (
        PAIN["prompt"],
        PAIN["latency_ms"],
        PAIN["device"],
    )
    (row,) = house.store.ratings(session["id"])
    assert row.id == id
    assert row.in_recording
    assert row.t_ms == entry.t_ns / 1e6 == 3000.0
    (told,) = (await house.browser.get(at)).json()["ratings"]
    assert told == {**told, **PAIN, "id": id, "in_recording": True, "t_ms": 3000.0}


async def test_what_is_not_on_the_scale_is_refused(house: House) -> None:
    session = await house.begin()
    at = f"/api/v1/sessions/{session['id']}/ratings"
    wrong: list[dict[str, object]] = [
        {"value": 11},
        {"value": -1},
        {"value": 6.5},
        {"value": None},
        {"type": "arousal", "value": 0},
        {"type": "arousal", "value": 10},
        {"type": "happiness"},
        {"moment": "later"},
        {"latency_ms": -1},
        {"prompt": "x" * 501},
        {"name": "Maria"},
    ]
    for change in wrong:
        answer = await house.browser.post(at, json={**PAIN, **change})
        assert answer.status_code == 422, change
        assert answer.json()["advice"], change
    text = json.dumps(PAIN).replace("6", "NaN", 1)
    answer = await house.browser.post(
        at, content=text, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422
    assert house.store.ratings(session["id"]) == ()


async def test_ratings_after_the_end_are_kept_for_ten_minutes(house: House) -> None:
    session = await house.begin()
    await house.pass_time(2)
    at = f"/api/v1/sessions/{session['id']}"
    await house.browser.post(f"{at}/stop")
    await finished(house, session["id"])
    after = {**PAIN, "moment": "after", "value": 4}
    house.utc_ns[0] += 9 * 60 * NS_PER_S
    assert (await house.browser.post(f"{at}/ratings", json=after)).status_code == 201
    (row,) = house.store.ratings(session["id"])
    assert not row.in_recording
    assert row.t_ms is None
    house.utc_ns[0] += 2 * 60 * NS_PER_S
    late = await house.browser.post(f"{at}/ratings", json=after)
    assert late.status_code == 409
    assert "ten minutes" in late.json()["detail"]
    assert len(house.store.ratings(session["id"])) == 1


async def test_what_only_a_live_session_takes(house: House) -> None:
    session = await house.begin()
    at = f"/api/v1/sessions/{session['id']}"
    rating = await house.browser.post(f"{at}/events", json={"type": "arousal"})
    assert rating.status_code == 422
    assert "/ratings" in rating.json()["advice"]
    for pace in ({"rate_bpm": 30}, {"rate_bpm": 6, "hold_in_ms": 9000}, {}):
        answer = await house.browser.put(f"{at}/pacer", json=pace)
        assert answer.status_code == 422, pace
        assert answer.json()["advice"]
    await house.browser.post(f"{at}/stop")
    for answer in (
        await house.browser.post(f"{at}/events", json={"type": "marker"}),
        await house.browser.put(f"{at}/pacer", json={"rate_bpm": 6}),
    ):
        assert answer.status_code == 409
    again = await house.browser.post(f"{at}/stop")
    assert again.status_code == 200, "ending twice is no mistake"


async def test_two_simulated_sessions_at_once(house: House) -> None:
    first, second = await house.begin(seed=1), await house.begin(seed=2)
    await house.pass_time(2)
    listed = (await house.browser.get("/api/v1/sessions")).json()["sessions"]
    assert [one["id"] for one in listed] == [second["id"], first["id"]]


async def test_the_simulated_heart_is_the_one_asked_for(house: House) -> None:
    session = await house.begin(profile="ectopic", seed=7)
    await house.browser.post(f"/api/v1/sessions/{session['id']}/stop")
    await finished(house, session["id"])
    _, config = next(open_recording(recording_of(house, session["id"])).inputs())
    assert (config.profile, config.seed) == ("ectopic", 7)  # type: ignore[union-attr]
    unknown = await house.browser.post(
        "/api/v1/sessions", json={"strap": SIMULATED_ID, "profile": "lion"}
    )
    assert unknown.status_code == 422


async def test_what_cannot_begin(house: House) -> None:
    for change, status in (
        ({"strap": "ble:nobody"}, 404),
        ({"person": "A" * 26}, 404),
        ({"plan": "surgery"}, 422),
    ):
        answer = await house.browser.post(
            "/api/v1/sessions", json={"strap": SIMULATED_ID, **change}
        )
        assert answer.status_code == status, change
    assert house.store.sessions() == ()
    assert not list(house.store.data.rglob("*.part"))
    # A strap that was refused is not taken for worn.
    await house.begin()


async def test_a_replay_is_a_session_that_says_so(house: House) -> None:
    session = await house.begin()
    await house.pass_time(10)
    at = f"/api/v1/sessions/{session['id']}"
    await house.browser.post(f"{at}/ratings", json=PAIN)
    await house.browser.post(f"{at}/stop")
    await finished(house, session["id"])

    for speed in (0.1, 65, "fast"):
        answer = await house.browser.post(f"{at}/replay", json={"speed": speed})
        assert answer.status_code == 422
    answer = await house.browser.post(f"{at}/replay", json={"speed": 4})
    assert answer.status_code == 201
    replay = answer.json()
    assert replay["source"] == "replay"
    assert replay["simulated"] is True, "what is replayed was simulated"
    assert replay["replay_of"] == session["id"]
    assert replay["speed"] == 4
    assert replay["state"] == "live"
    assert replay["summary_ready"] is False, "its original's"
    await comes_true(lambda: house.context.conductor.n_unfinished == 0)
    refused = await house.browser.post(
        f"/api/v1/sessions/{replay['id']}/ratings", json=PAIN
    )
    assert refused.status_code == 409
    mark = {"type": "marker"}
    refused = await house.browser.post(
        f"/api/v1/sessions/{replay['id']}/events", json=mark
    )
    assert refused.status_code == 409
    live = house.context.conductor.session(replay["id"])
    assert live is not None
    while not live.ended.is_set():
        await house.pass_time(1)
        await asyncio.sleep(0.01)
    original = open_recording(recording_of(house, session["id"]))
    recorded = [data for _, _, data in original.outputs()]
    viewer = live.hub.subscribe()
    assert [await viewer.next() for _ in recorded] == recorded
    assert (await finished(house, replay["id"]))["state"] == "complete"
    assert house.store.recording(replay["id"]) is None
    assert (
        await house.browser.get(f"/api/v1/sessions/{replay['id']}/recording")
    ).status_code == 404


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux has /dev/full.")
async def test_when_the_disk_fills_up_ratings_are_kept_and_it_is_said(
    house: House,
) -> None:
    session = await house.begin()
    await house.pass_time(3)
    live = house.context.conductor.session(session["id"])
    assert live is not None
    assert live._journal.writer is not None
    at = f"/api/v1/sessions/{session['id']}"
    before = await house.browser.post(f"{at}/ratings", json=PAIN)  # safe on disk
    full = os.open("/dev/full", os.O_WRONLY)  # the kernel's own full disk
    os.dup2(full, live._journal.writer._descriptor)
    os.close(full)
    assert (await house.browser.post(f"{at}/ratings", json=PAIN)).status_code == 201
    kept = [row.in_recording for row in house.store.ratings(session["id"])]
    assert kept == [True, False]
    dizzy = {"type": "symptom", "text": "dizzy"}
    events = [await house.browser.post(f"{at}/events", json=dizzy) for _ in range(2)]
    assert [event.status_code for event in events] == [201, 201]
    await house.pass_time(3)
    viewer = live.hub.subscribe()
    notices = [json.loads(await viewer.next()) for _ in range(live.hub.last_seq)]
    assert any(n.get("type") == "recording_stopped" for n in notices)
    shown = [n["id"] for n in notices if n.get("type") == "symptom"]
    assert shown == [event.json()["id"] for event in events]
    assert (await house.browser.post(f"{at}/stop")).status_code == 200
    done = await finished(house, session["id"])
    assert done["state"] == "recovered"
    assert "could not be written any further" in done["loss"]
    inputs = [r for _, r in open_recording(recording_of(house, session["id"])).inputs()]
    assert sum(isinstance(r, Tick) for r in inputs) == 3
    assert [r.id for r in inputs if isinstance(r, Entry)] == [before.json()["id"]]


async def test_an_end_that_could_not_be_kept_is_kept_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endings, "RETRY_AFTER_S", (0.02,) * 1000)
    session = await house.begin()
    at = f"/api/v1/sessions/{session['id']}"
    await house.pass_time(2)
    with nothing_can_be_written(house.store):
        stopped = [(await house.browser.post(f"{at}/stop")).json() for _ in range(2)]
        assert [one["state"] for one in stopped] == ["closing", "closing"]
        told = await house.browser.get(f"{at}/recording")
        assert told.status_code == 404
        assert house.store.session(session["id"]).state is SessionState.LIVE
        house.utc_ns[0] += 60 * NS_PER_S
    done = await finished(house, session["id"])
    assert done["state"] == "complete"
    assert done["ended_at"] == stopped[0]["ended_at"], "not when it could be kept"
    assert (await house.browser.get(f"{at}/recording")).status_code == 200


async def test_finishing_goes_on_where_the_store_failed(house: House) -> None:
    session = await house.begin()
    await house.browser.post(f"/api/v1/sessions/{session['id']}/stop")
    await finished(house, session["id"])
    kept = house.store.recording(session["id"])
    live = house.context.conductor.session(session["id"])
    assert live is not None
    house.store.finish_session(session["id"], SessionState.CLOSING)
    await house.context.conductor._finisher.finish(live)  # the journal is gone by now
    assert house.store.session(session["id"]).state is SessionState.COMPLETE
    assert house.store.recording(session["id"]) == kept


async def test_recovery_knows_what_was_there_before(house: House) -> None:
    finisher = house.context.conductor._finisher
    old, new = (finisher.new_part(name) for name in ("old", "new"))
    old.parent.mkdir(parents=True)
    old.touch()
    left = finisher.left_behind()
    new.touch()  # as a session that begins now leaves it for a moment
    finisher.recover(left)
    assert [path.name for path in sorted(old.parent.iterdir())] == [
        "new.mcap.part",
        "old.mcap.part.damaged",
    ]


class OneStrap:
    """A driver with one strap that is found on the second search only."""

    name = "room"
    HINT = "Another program holds it. Close that program."

    def __init__(self, reason: LinkReason | None = None) -> None:
        self.reason = reason
        self.searches = 0
        self.closed = False

    async def status(self) -> RadioStatus:
        return RadioStatus(
            available=self.reason is None,
            reason=self.reason,
            advice=None if self.reason is None else ADVICE[self.reason],
        )

    async def scan(
        self, seconds: float, seen: Seen | None = None
    ) -> tuple[FoundStrap, ...]:
        self.searches += 1
        await asyncio.sleep(0.05)
        if self.reason is not None:
            raise LinkError(self.reason)
        strap = FoundStrap(
            id="room:1",
            name="Polar H10 1234ABCD",
            address="AA:BB",
            rssi_dbm=-60,
            profile="polar_h10",
            hint=self.HINT,
        )
        return (strap,) if self.searches > 1 else ()

    def open(self, strap: FoundStrap) -> Source:
        return SimulatedDriver().open(strap)

    async def close(self) -> None:
        self.closed = True


class TestStraps:
    async def test_the_simulated_one_is_always_there(self, house: House) -> None:
        told = (await house.browser.get("/api/v1/straps")).json()
        (strap,) = told["straps"]
        assert strap["id"] == SIMULATED_ID
        assert strap["simulated"] is True
        assert told["preferred"] is None
        assert told["radio"]["available"] is False
        assert told["radio"]["reason"] == "no_adapter"
        assert "simulated strap" in told["radio"]["advice"]
        assert house.notices, "the terminal says so too"

    async def test_search_choose_and_wear(self, start_house: Start) -> None:
        room = OneStrap()
        async with start_house(
            drivers=(SimulatedDriver(), room), begin="polar h10"
        ) as house:
            ask = house.browser.get
            told = (await ask("/api/v1/straps?scan=1")).json()
            assert [s["id"] for s in told["straps"]] == [SIMULATED_ID]
            assert told["preferred"] is None, "not in reach yet"
            one, two = await asyncio.gather(
                ask("/api/v1/straps?scan=1"), ask("/api/v1/straps?scan=1")
            )
            assert one.json() == two.json()
            assert room.searches == 2, "those who search together share one search"
            told = (await ask("/api/v1/straps")).json()
            assert [s["id"] for s in told["straps"]] == [SIMULATED_ID, "room:1"]
            assert told["radio"] == {"available": True, "reason": None, "advice": None}
            assert told["preferred"] == "room:1"
            (asked,) = house.store.sessions()
            maybe = await house.browser.post(
                "/api/v1/sessions", json={"strap": "room:1"}
            )
            assert maybe.status_code == 409, "it may be the one that was asked for"
            await house.browser.post(f"/api/v1/sessions/{asked.id}/stop")
            session = await house.begin(strap="room:1")
            assert session["source"] == "strap"
            assert session["simulated"] is False
            again = await house.browser.post(
                "/api/v1/sessions", json={"strap": "room:1"}
            )
            assert again.status_code == 409
            assert again.json()["reason"] == "busy"
            await house.browser.post(f"/api/v1/sessions/{session['id']}/stop")
            await house.begin(strap="room:1")
            profile = await house.browser.post(
                "/api/v1/sessions", json={"strap": "room:1", "profile": "calm"}
            )
            assert profile.status_code == 422
        assert room.closed

    async def test_what_is_known_of_a_strap_is_told(self, start_house: Start) -> None:
        room = OneStrap()
        async with start_house(drivers=(SimulatedDriver(), room)) as house:
            for _ in range(2):
                told = (await house.browser.get("/api/v1/straps?scan=1")).json()
            by_id = {strap["id"]: strap for strap in told["straps"]}
            assert by_id["room:1"]["hint"] == OneStrap.HINT
            assert by_id["room:1"]["profile"] == "polar_h10"
            assert by_id[SIMULATED_ID]["hint"] is None

    async def test_signals_wanted_from_the_start(self, house: House) -> None:
        session = await house.begin(signals=[{"signal": "acc", "rate_hz": 50}])
        await house.pass_time(1)
        told = (await house.browser.get(f"/api/v1/sessions/{session['id']}")).json()
        assert told["signals"] == [{"signal": "acc", "rate_hz": 50}]
        await house.browser.post(f"/api/v1/sessions/{session['id']}/stop")
        told = (await house.browser.get(f"/api/v1/sessions/{session['id']}")).json()
        assert told["signals"] == [], "an ended session asks for nothing"
        for wrong in (
            [{"signal": "eeg"}],
            [{"signal": "ecg", "rate_hz": 7}],
            [{"signal": "ecg"}, {"signal": "ecg"}],
        ):
            answer = await house.browser.post(
                "/api/v1/sessions", json={"strap": SIMULATED_ID, "signals": wrong}
            )
            assert answer.status_code == 422, wrong

    def test_which_may_be_the_same(self) -> None:
        here = FoundStrap(id="ble:AA:01", name="Polar H10 1234", address="AA:01")
        twin = FoundStrap(id="ble:AA:02", name="Polar H10 5678", address="AA:02")
        seen = FoundStrap(id="other:7", name="H10", address="aa:01")
        nameless = FoundStrap(id="room:1", name="", address="")
        assert same_strap(here, here)
        assert same_strap(here, seen)
        assert not same_strap(here, twin)
        assert same_strap(named("polar h10"), here)
        assert same_strap(here, named("Polar H10"))
        assert not same_strap(named("Polar H10 5678"), here)
        assert not same_strap(named("Polar H10"), nameless)
        address = "A0:9E:1A:00:00:01"
        worn = FoundStrap(id=f"ble:{address}", name="", address=address)
        assert same_strap(named(address.lower()), worn)

    async def test_a_radio_in_trouble_says_so_and_the_rest_works(
        self, start_house: Start
    ) -> None:
        room = OneStrap(LinkReason.ADAPTER_OFF)
        async with start_house(
            drivers=(SimulatedDriver(), room), begin=SIMULATED_ID
        ) as house:
            answer = await house.browser.get("/api/v1/straps?scan=1")
            assert answer.status_code == 200
            told = answer.json()
            assert told["radio"]["reason"] == "adapter_off"
            assert told["radio"]["advice"] == ADVICE[LinkReason.ADAPTER_OFF]
            assert told["preferred"] == SIMULATED_ID
            assert house.notices == [], "it is not needed"

    async def test_where_there_are_accounts_nothing_begins_by_itself(
        self, start_house: Start
    ) -> None:
        async with start_house() as house:
            house.store.accounts.add(name="ada", display="Ada", role=Role.ADMIN)
        async with start_house(begin=SIMULATED_ID) as house:
            (said,) = house.notices
            assert "sign in" in said
            assert house.context.conductor.going_on == ()


async def test_a_killed_session_is_recovered_at_the_next_start(
    start_house: Start, tmp_path: Path
) -> None:
    # The files of a process that was killed: a copy of a running one's.
    import shutil

    async with start_house() as house:
        session = await house.begin()
        await house.pass_time(4)
        at = f"/api/v1/sessions/{session['id']}"
        await house.browser.post(f"{at}/ratings", json=PAIN)
        second = await house.begin()
        shutil.copytree(house.store.data, tmp_path / "killed")
        await house.browser.post(f"{at}/stop")
    shutil.rmtree(tmp_path / "data")
    (tmp_path / "killed").rename(tmp_path / "data")
    lost = next((tmp_path / "data").rglob(f"{second['id']}.mcap.part"))
    lost.write_bytes(b"")
    async with start_house() as house:
        live = await house.browser.get("/api/v1/sessions?state=live")
        assert live.json()["sessions"] == []
        done = await finished(house, session["id"])
        assert done["state"] == "recovered"
        assert done["summary_ready"] is True, "it has not been tried yet"
        refused = await house.browser.get(f"{at}/summary")
        assert refused.status_code == 404
        done = await finished(house, session["id"])
        assert done["summary_ready"] is False, "here NeuroKit2 never answers"
        row = house.store.recording(session["id"])
        assert row is not None
        assert row.loss is not None
        assert "recovered" in row.loss.sentence
        assert done["loss"] == row.loss.sentence
        inputs = open_recording(recording_of(house, session["id"])).inputs()
        assert [r.value for _, r in inputs if isinstance(r, Entry)] == [6.0]
        assert len(house.store.ratings(session["id"])) == 1
        assert (await finished(house, second["id"]))["state"] == "failed"


async def test_a_session_that_nobody_listed_belongs_to_whom_it_names(
    start_house: Start, tmp_path: Path
) -> None:
    import contextlib
    import shutil
    import sqlite3

    async with start_house() as house:
        session = await house.begin()
        await house.pass_time(4)
        mine = house.store.session(session["id"]).person_id
        shutil.copytree(house.store.data, tmp_path / "killed")
    shutil.rmtree(tmp_path / "data")
    (tmp_path / "killed").rename(tmp_path / "data")
    with contextlib.closing(sqlite3.connect(tmp_path / "data/biofeedback.db")) as rows:
        for table in ("recordings", "sessions"):
            rows.execute(f"DELETE FROM {table}")
        rows.execute("INSERT INTO people VALUES (?, 'P-FIRST', 0)", ("0" * 26,))
        rows.commit()
    async with start_house() as house:
        await comes_true(lambda: house.store.find_session(session["id"]) is not None)
        assert house.store.person().pseudonym == "P-FIRST"
        assert house.store.session(session["id"]).person_id == mine


@pytest.mark.timeout(120)
async def test_the_summary_holds_neurokits_analysis(start_house: Start) -> None:
    from biofeedback.session.referee import Referee

    async with start_house(referee=Referee()) as house:
        session = await house.begin()
        for _ in range(9):
            await house.pass_time(10)
        at = f"/api/v1/sessions/{session['id']}"
        await house.browser.post(f"{at}/stop")
        await comes_true(
            lambda: house.store.session(session["id"]).state == "complete", seconds=90
        )
        summary = (await house.browser.get(f"{at}/summary")).json()
        assert summary["n_beats"] > 60
        assert summary["neurokit"]
        told = (await house.browser.get(at)).json()
        assert told["summary_ready"] is True
        replay = await house.browser.post(f"{at}/replay", json={"speed": 64})
        assert replay.json()["summary_ready"] is True, "its original's"
        listed = (await house.browser.get("/api/v1/sessions")).json()["sessions"]
        assert [one["summary_ready"] for one in listed] == [True, True]


async def test_a_recording_that_is_gone_or_damaged_has_no_summary(
    house: House,
) -> None:
    gone, damaged = await house.begin(), await house.begin()
    for session in (gone, damaged):
        await house.browser.post(f"/api/v1/sessions/{session['id']}/stop")
        await finished(house, session["id"])
    house.context.conductor._finisher._unsummarised.clear()  # as at a new start
    recording_of(house, gone["id"]).unlink()
    path = recording_of(house, damaged["id"])
    path.write_bytes(path.read_bytes()[:-100])
    for session in (gone, damaged):
        at = f"/api/v1/sessions/{session['id']}"
        assert (await house.browser.get(f"{at}/summary")).status_code == 404
        assert (await house.browser.get(at)).json()["summary_ready"] is False


async def test_the_clock_that_ticks_for_all_is_the_one_moved_last(house: House) -> None:
    assert house.context.conductor._ticker._clock is house.clocks[0]
