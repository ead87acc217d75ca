"""The room: one socket, a tile for each session that is shared with a therapist."""

from __future__ import annotations

import asyncio
from typing import Any

from websockets.asyncio.client import ClientConnection

from biofeedback.service.room import NEWEST
from biofeedback.session.hub import LIVE_LANE
from biofeedback.session.transcript import Message
from biofeedback.store import PractisedRow, Purpose, SessionRow, SessionState
from tests.service.conftest import (
    House,
    comes_true,
    message,
    nothing_can_be_written,
    until,
)
from tests.service.ward import RATING, Ward, goodbye, send, so_far, stuck


async def tiles(socket: ClientConnection) -> list[dict[str, Any]]:
    """Return the tiles of the next list."""
    listed: list[dict[str, Any]] = (await until(socket, "room"))["tiles"]
    return listed


async def now(ward: Ward, socket: ClientConnection, *ids: str) -> list[dict[str, Any]]:
    """Return all that is sent until the tiles of these sessions have caught up."""
    await ward.caught_up(*ids)
    return await so_far(socket, "pong")


async def test_a_tile_for_each_session_that_is_shared(ward: Ward) -> None:
    async with ward.room() as socket:
        assert await tiles(socket) == []
        await ward.consent(("heart", "ratings"))
        id = await ward.begin()
        assert await now(ward, socket) == [], "nobody said yes yet"
        await ward.share(id)
        (tile,) = await tiles(socket)
        live = ward.running(id)
        assert tile == {
            "session": id,
            "person": ward.accounts["mira"].person_id,
            "alias": live.info.person,
            "streams": ["heart", "ratings"],
            "sharing": "on",
            "started_at": tile["started_at"],
            "simulated": True,
            "usual": None,
            "hand": False,
        }
        assert (await message(socket))["kind"] == "tile"
        async with ward.watch("mira", id) as hers:
            await send(hers, "hand", up=True)
            (tile,) = await tiles(socket)
            assert tile["hand"]
        await ward.share(id, "paused")
        assert (await tiles(socket))[0]["sharing"] == "paused"
        await ward.consent(("breathing",))
        assert (await tiles(socket))[0]["streams"] == ["breathing"]
        await ward.consent(("heart",), by="tom")
        his = await ward.begin("tom")
        await ward.share(his, by="tom")
        assert [one["session"] for one in await tiles(socket)] == [id, his]
        await ward.revoke()
        assert [one["session"] for one in await tiles(socket)] == [his]
        await ward.done("tom", "POST", f"/sessions/{his}/stop")
        assert await tiles(socket) == []


async def test_all_tiles_come_over_one_socket_just_as_they_are(ward: Ward) -> None:
    await ward.consent()
    await ward.consent(("heart",), by="tom")
    hers, his = await ward.begin(), await ward.begin("tom")
    await ward.share(hers)
    await ward.share(his, by="tom")
    async with ward.room() as room, ward.watch("kim", hers) as detail:
        await comes_true(lambda: ward.running(hers).hub.n_viewers == 2)
        await comes_true(lambda: ward.running(his).hub.n_viewers == 1)
        await ward.house.pass_time(3)
        seen = [m for m in await now(ward, room, hers, his) if m["kind"] == "tile"]
        assert {m["session"] for m in seen} == {hers, his}
        for one in (m["message"] for m in seen if m["session"] == his):
            assert one["kind"] in {"link", "heart", "beat", "metrics", "event"}
            assert "breathing" not in one
        of_hers = [m["message"] for m in seen if m["session"] == hers]
        in_detail = [m for m in await so_far(detail) if m["kind"] != "hello"]
        assert in_detail == of_hers
        await send(room, "ping", client_time_ms=5)
        pong = await until(room, "pong")
        assert pong["client_time_ms"] == 5
        assert pong["sessions"] == {hers: 3000.0, his: 3000.0}


async def test_a_revoke_stops_one_tile_and_leaves_the_others(ward: Ward) -> None:
    await ward.consent()
    await ward.consent(by="tom")
    hers, his = await ward.begin(), await ward.begin("tom")
    await ward.share(hers)
    await ward.share(his, by="tom")
    async with ward.room() as socket:
        await comes_true(lambda: ward.running(hers).hub.n_viewers == 1)
        await comes_true(lambda: ward.running(his).hub.n_viewers == 1)
        await ward.house.pass_time(2)
        await now(ward, socket, hers, his)
        await ward.revoke()
        last = ward.running(hers).hub.last_seq
        await ward.house.pass_time(2)
        seen = await now(ward, socket, hers, his)
        late = [m["message"] for m in seen if m.get("session") == hers]
        assert all(one["seq"] <= last for one in late)
        assert [m for m in seen if m.get("session") == his]
        await ward.share(his, "paused", by="tom")
        await ward.house.pass_time(2)
        late = [
            m["message"]
            for m in await now(ward, socket, hers, his)
            if m["kind"] == "tile"
        ]
        assert [one["kind"] for one in late] == ["event"], "that it rests, no more"


async def test_the_person_is_told_who_watches(ward: Ward) -> None:
    id = await ward.shared()
    kim = {"code": ward.code("kim"), "display": "Kim"}

    async def watching() -> list[dict[str, str]]:
        told = await ward.get("mira", f"/sessions/{id}/sharing")
        listed: list[dict[str, str]] = told["watching"]
        return listed

    def said() -> list[tuple[str, str | None]]:
        entries = ward.running(id).pipeline.entries
        return [(e.by, e.text) for e in entries if e.type == "watching"]

    assert await watching() == []
    async with ward.room() as socket:
        await until(socket, "tile")
        assert await watching() == [kim]
        async with ward.watch("kim", id) as detail:
            await until(detail, "hello")
    await comes_true(lambda: ward.running(id).hub.n_viewers == 0)
    await ward.house.pass_time(4)
    async with ward.room() as socket:  # a reload is no going
        await until(socket, "tile")
        await ward.house.pass_time(10)
    assert said() == [(kim["code"], "on")]
    await comes_true(lambda: ward.running(id).hub.n_viewers == 0)
    left_ns = ward.running(id).clock.now_ns()
    async with asyncio.timeout(20):
        while len(said()) < 2:
            await ward.house.pass_time(1)
    assert said()[-1] == (kim["code"], "off")
    assert ward.running(id).pipeline.entries[-1].t_ns - left_ns >= 5e9
    assert await watching() == []
    async with ward.room() as socket:
        await until(socket, "tile")
        await ward.share(id, "off")
        await comes_true(lambda: said()[-1][1] == "off")  # at once: no time passed
        await tiles(socket)

    def written() -> list[tuple[str, str]]:
        rows = reversed(ward.house.store.audit.newest(20))
        return [(r.action, r.actor) for r in rows if r.action.startswith("watch.")]

    twice = [("watch.begin", kim["code"]), ("watch.end", kim["code"])] * 2
    await comes_true(lambda: written() == twice)
    rows = ward.house.store.audit.newest(20)
    origins = {row.origin for row in rows if row.actor == kim["code"]}
    assert origins == {"127.0.0.1"}, "from where staff look"
    looks = (await ward.get("mira", "/looks"))["looks"]
    assert "watch.begin" in {one["action"] for one in looks}


async def test_loss_of_the_link_leaves_everything_running(ward: Ward) -> None:
    id = await ward.shared()
    async with ward.watch("mira", id) as hers:
        await until(hers, "hello")
        async with ward.watch("kim", id) as socket:
            await send(socket, "pacer.propose", rate_bpm=5.5)
            proposal = await until(socket, "event")
            while proposal["type"] != "pacer_proposed":
                proposal = await until(socket, "event")
            seq = proposal["seq"]
            socket.transport.abort()
        await ward.house.pass_time(3)
        await send(hers, "pacer.accept", proposal=proposal["id"])
        await send(hers, "hand", up=True)
        await ward.house.pass_time(2)
        mine = [m for m in await so_far(hers) if m["seq"] > seq]
        async with ward.watch("kim", id, since=seq) as socket:
            back = [m for m in await so_far(socket) if m["kind"] != "hello"]
        assert "pacer" in {m["kind"] for m in mine}
        assert [m for m in back if m["seq"] <= mine[-1]["seq"]] == mine


async def test_a_slow_room_loses_live_messages_and_no_events(ward: Ward) -> None:
    id = await ward.shared()
    async with ward.room() as socket:
        await until(socket, "tile")
        await now(ward, socket, id)
        hub = ward.running(id).hub
        head = '{"v":1,"seq":%d,"t_ms":0,"kind":"%s",'
        first = hub.last_seq + 1
        for seq in range(first, first + LIVE_LANE + 50):
            kind, rest = "heart", '"hr_bpm":60}'
            if seq % 20 == 0:
                kind = "event"
                rest = f'"id":"{seq}","type":"mark","by":"T-000000"}}'
            data = (head % (seq, kind) + rest).encode()
            hub.publish(Message(seq=seq, kind=kind, t_ms=0.0, data=data))
        seen = [
            m["message"] for m in await now(ward, socket, id) if m["kind"] == "tile"
        ]
    events = [m["seq"] for m in seen if m["kind"] == "event"]
    assert events == [s for s in range(first, first + LIVE_LANE + 50) if s % 20 == 0]
    gaps = [m for m in seen if m["kind"] == "gap"]
    assert gaps
    assert gaps[0]["from_seq"] == first
    assert len([m for m in seen if m["kind"] == "heart"]) <= LIVE_LANE


async def test_a_tile_begins_with_the_last_minute(ward: Ward) -> None:
    id = await ward.shared()
    await ward.house.pass_time(150)
    await ward.done("mira", "POST", f"/sessions/{id}/ratings", RATING)
    async with ward.room() as socket:
        first = await until(socket, "tile")
        more = await now(ward, socket, id)
        seen = [m["message"] for m in (first, *more) if m["kind"] == "tile"]
    live = [m for m in seen if m["kind"] in ("heart", "beat", "metrics", "restated")]
    assert len(live) <= NEWEST
    assert max(m["t_ms"] for m in live) >= 149_000
    assert {"link", "pacer", "event", "gap"} <= {m["kind"] for m in seen}
    assert "arousal" in {m.get("type") for m in seen}


async def test_what_is_usual_for_this_person_stands_beside(ward: Ward) -> None:
    store, person = ward.house.store, ward.accounts["mira"].person_id
    for n, rsa_bpm in enumerate((6.0, 8.0, 10.0)):
        id = f"{n:026d}"
        store.add_session(
            SessionRow(
                id=id,
                person_id=person,
                plan="practice",
                source="simulated",
                simulated=True,
                strap_name="",
                started_at_utc_ns=ward.house.utc_ns[0] - 1000,
                state=SessionState.COMPLETE,
            )
        )
        store.keep_practised(
            PractisedRow(session_id=id, practice=None, minutes=5.0, rsa_bpm=rsa_bpm)
        )
    await ward.shared(("heart",))
    async with ward.room() as socket:
        (tile,) = await tiles(socket)
        assert tile["usual"] == {"n": 3, "rsa_bpm": 8.0, "spread_bpm": 1.0}
        await ward.consent(("breathing",))
        (tile,) = await tiles(socket)
        assert tile["usual"] is None, "it is of the heart"


async def test_who_may_come_into_the_room(ward: Ward) -> None:
    for who in ("mira", "ada", "root"):
        async with ward.room(who) as socket:
            code, reason, _ = await goodbye(socket)
            assert (code, reason) == (4403, "The room is for therapists."), who
    ward.cookies["nobody"] = {}
    async with ward.room("nobody") as socket:
        assert (await goodbye(socket))[0] == 4401
    async with ward.room() as socket:
        await tiles(socket)
        await ward.done("kim", "POST", "/sign-out")
        assert (await goodbye(socket))[0] == 4401


async def test_the_owner_alone_needs_no_room(house: House) -> None:
    ward = Ward(house, {}, {"owner": {}})
    name = house.context.cookie
    ward.cookies["owner"] = {"Cookie": f"{name}={house.browser.cookies[name]}"}
    async with ward.room("owner") as socket:
        assert (await goodbye(socket))[0] == 4403


async def test_too_many_commands(ward: Ward) -> None:
    async with ward.room() as socket:
        for _ in range(300):
            await send(socket, "ping", client_time_ms=1)
        assert "Too many" in (await until(socket, "error"))["detail"]
        assert (await goodbye(socket))[0] == 1008


async def test_the_people_of_a_room(ward: Ward) -> None:
    assert (await ward.get("kim", "/room/people"))["people"] == []
    await ward.consent(("heart", "notes"), days=10)
    await ward.consent(("ratings",), purpose="report", days=3)
    await ward.consent(("heart",), by="tom", to="lee")
    (one,) = (await ward.get("kim", "/room/people"))["people"]
    assert one["person"] == ward.accounts["mira"].person_id
    assert (one["live"], one["report"]) == (["heart", "notes"], ["ratings"])
    first = (await ward.get("mira", "/consents"))["consents"]
    assert one["expires_at"] == min(c["expires_at"] for c in first)
    for who in ("mira", "ada", "root"):
        assert (await ward.ask(who, "GET", "/room/people")).status_code == 403
    await ward.revoke()
    assert (await ward.get("kim", "/room/people"))["people"] == []


async def test_a_room_that_does_not_read_gets_nothing_after_a_pause(
    ward: Ward,
) -> None:
    await ward.consent()
    await ward.consent(by="tom")
    hers, his = await ward.begin(), await ward.begin("tom")
    await ward.share(hers)
    await ward.share(his, by="tom")
    async with ward.room() as socket:
        await comes_true(lambda: ward.running(hers).hub.n_viewers == 1)
        await comes_true(lambda: ward.running(his).hub.n_viewers == 1)
        await now(ward, socket, hers, his)
        await stuck(socket, ward.running(hers).hub)
        await ward.house.pass_time(1)  # his waits for its turn behind hers
        await ward.share(his, "paused", by="tom")
        socket.transport.resume_reading()
        late = await now(ward, socket, hers, his)
        of_his = [m["message"] for m in late if m.get("session") == his]
        assert [one["text"] for one in of_his] == ["paused"]
        await ward.house.pass_time(1)
        seen = [m["message"] for m in await now(ward, socket, hers)]
        assert seen, "hers goes on"


async def test_what_waits_for_a_room_is_taken_back(ward: Ward) -> None:
    id = await ward.shared()
    async with ward.room() as socket:
        await comes_true(lambda: ward.running(id).hub.n_viewers == 1)
        await now(ward, socket, id)
        waits = await stuck(socket, ward.running(id).hub)
        await ward.revoke()
        socket.transport.resume_reading()
        seen = []
        while (received := await message(socket))["kind"] != "room":
            seen.append(received["message"]["seq"])
        assert received["tiles"] == []
        assert max(seen) == waits - 1, "what had gone, and no more"


async def test_what_cannot_be_written_down_is_not_shown(ward: Ward) -> None:
    id = await ward.shared()
    with nothing_can_be_written(ward.house.store):
        async with ward.watch("kim", id) as detail:
            code, _, seen = await goodbye(detail)
            assert (code, seen) == (1013, [])
        async with ward.room() as socket:
            code, _, seen = await goodbye(socket)
            assert (code, seen) == (1013, []), "not even that there is a tile"
    async with ward.room() as socket:
        await until(socket, "tile")


async def test_what_is_told_of_a_session_is_written_down_first(ward: Ward) -> None:
    first = await ward.shared()
    async with ward.room() as socket:
        assert [tile["session"] for tile in await tiles(socket)] == [first]
        assert watched(ward) == ["watch.begin"]
        await until(socket, "tile")
        second = await ward.begin()
        await ward.share(second)
        told = await tiles(socket)
        while len(told) < 2:
            told = await tiles(socket)
        assert [tile["session"] for tile in told] == [first, second]
        assert watched(ward) == ["watch.begin"] * 2


def watched(ward: Ward) -> list[str]:
    rows = ward.house.store.audit.newest(100)
    return [row.action for row in rows if row.action.startswith("watch.")]


async def test_nothing_told_before_a_consent_or_between_two_is_sent(
    ward: Ward,
) -> None:
    """Sharing stays on meanwhile: it is the consent that was not there."""
    id = await ward.shared()
    live = ward.running(id)
    await ward.house.pass_time(4)
    await ward.revoke()
    gone_seq, gone_ms = live.hub.last_seq, live.hub.last_t_ms
    await ward.house.pass_time(4)
    await ward.consent(to="lee")  # who never had one before
    await ward.consent()
    again_seq, again_ms = live.hub.last_seq, live.hub.last_t_ms
    for who in ("kim", "lee"):  # the yes of before named neither of them as they are
        async with ward.watch(who, id) as socket:
            assert (await goodbye(socket))[0] == 4404
    told = await ward.get("mira", f"/sessions/{id}/sharing")
    assert {one["display"] for one in told["waiting"]} == {"Kim", "Lee"}
    told = await ward.share(id)
    assert told["waiting"] == []
    assert again_seq > gone_seq
    assert again_ms > gone_ms
    await ward.house.pass_time(4)
    for who in ("kim", "lee"):
        async with ward.watch(who, id) as socket:
            await ward.caught_up(id)
            seen = await so_far(socket)
        measured = [m for m in seen if m["kind"] in ("heart", "beat", "metrics")]
        assert measured, who
        assert all(m["seq"] > again_seq for m in measured), who
        beats = [m["t_ms"] for m in measured if m["kind"] == "beat"]
        assert all(t_ms >= again_ms for t_ms in beats), who
        assert {"link", "pacer"} <= {m["kind"] for m in seen}, "how things stand"


async def test_a_consent_that_is_only_renewed_hides_nothing(ward: Ward) -> None:
    id = await ward.shared()
    await ward.house.pass_time(4)
    await ward.consent()
    async with ward.watch("kim", id) as socket:
        await ward.caught_up(id)
        seen = await so_far(socket)
    assert min(m["t_ms"] for m in seen if m["kind"] == "beat") < 2500


async def test_no_consent_comes_back_because_another_is_given_meanwhile(
    ward: Ward,
) -> None:
    consents = ward.house.context.consents
    account, person = ward.accounts["kim"], ward.accounts["mira"].person_id

    async def allowed() -> bool:
        return bool(consents.streams(account.id, person, Purpose.LIVE))

    for _ in range(15):
        await ward.consent()
        assert await allowed()
        revoking = asyncio.create_task(consents.revoke(person))
        others = [
            asyncio.create_task(ward.consent(by="tom", to="lee")) for _ in range(2)
        ]
        await asyncio.sleep(0)
        while not revoking.done():
            assert not await allowed()
            await asyncio.sleep(0)
        await asyncio.gather(revoking, *others)
        assert not await allowed()


async def test_what_could_not_be_kept_as_revoked_is_not_sent_again(
    ward: Ward,
) -> None:
    id = await ward.shared()
    with nothing_can_be_written(ward.house.store):
        answer = await ward.ask("mira", "POST", "/consents/revoke", {})
        assert answer.status_code == 503, "it says so"
    await ward.consent(by="tom", to="lee")
    async with ward.watch("kim", id) as socket:
        assert (await goodbye(socket))[0] == 4404, "and shows nothing all the same"
    await ward.consent()
    await ward.share(id)
    async with ward.watch("kim", id) as socket:
        assert (await message(socket))["kind"] == "hello", "agreed anew"
