"""Sharing: this session, now, with those whom the person lets see it."""

from __future__ import annotations

import asyncio
import json

import pytest
from websockets.asyncio.client import ClientConnection

from biofeedback.model import SamplesEvent, Signal
from biofeedback.service.views import NotShared, SharedView
from biofeedback.session.transcript import Message
from biofeedback.wire.samples import encode_samples
from tests.service.conftest import comes_true, message, until
from tests.service.ward import RATING, Ward, event, goodbye, send, so_far, stuck

BODY = {"heart", "beat", "metrics", "link", "pacer", "restated", "referee"}


async def quiet(socket: ClientConnection) -> bool:
    return not [m for m in await so_far(socket) if m["kind"] in BODY]


async def test_off_until_the_person_says_yes_in_this_very_session(ward: Ward) -> None:
    await ward.consent()
    id = await ward.begin()
    told = await ward.get("mira", f"/sessions/{id}/sharing")
    assert told["state"] == "off"
    assert [(one["code"], one["display"]) for one in told["may_watch"]] == [
        (ward.code("kim"), "Kim")
    ]
    async with ward.watch("kim", id) as socket:
        assert (await goodbye(socket))[0] == 4404
    assert (await ward.share(id))["state"] == "on"
    async with ward.watch("kim", id) as socket:
        assert (await message(socket))["kind"] == "hello"
        told = await ward.get("mira", f"/sessions/{id}/sharing")
        assert told["watching"] == [{"code": ward.code("kim"), "display": "Kim"}]
    async with ward.watch("lee", id) as socket:
        assert (await goodbye(socket))[0] == 4404
    again = await ward.begin()
    async with ward.watch("kim", again) as socket:
        assert (await goodbye(socket))[0] == 4404, "asked again at every use"


async def test_only_what_came_while_it_was_shared(ward: Ward) -> None:
    await ward.consent()
    id = await ward.begin()
    await ward.house.pass_time(5)
    await ward.done("mira", "POST", f"/sessions/{id}/ratings", RATING)
    await ward.share(id)
    yes = ward.running(id).hub.last_seq
    async with ward.watch("kim", id) as socket:
        seen = await so_far(socket)
        kinds = {m["kind"] for m in seen if m["seq"] < yes and m["kind"] != "hello"}
        assert kinds == {"link", "pacer"}, "how things stand, and nothing else"
        await ward.house.pass_time(3)
        later = await so_far(socket)
        assert {"heart", "beat", "metrics"} <= {m["kind"] for m in later}
        await ward.share(id, "paused")
        assert (await event(socket, "sharing"))["text"] == "paused"
        paused_ms = ward.running(id).clock.now_ns() / 1e6
        await ward.house.pass_time(3)
        await ward.done("mira", "PUT", f"/sessions/{id}/pacer", {"rate_bpm": 5.5})
        await ward.done("mira", "POST", f"/sessions/{id}/ratings", RATING)
        await ward.house.pass_time(1)
        assert await so_far(socket) == []
        async with ward.watch("kim", id) as second:  # let in, and silent
            seen = await so_far(second)
            assert [m.get("text") for m in seen if m["kind"] == "event"] == [
                "on",
                "paused",
            ]
            assert {m["kind"] for m in seen} == {"hello", "event"}
        on_ms = ward.running(id).clock.now_ns() / 1e6
        await ward.share(id, "on")
        await ward.house.pass_time(60)  # long enough for beats to be judged again
        seen = await so_far(socket)
        assert [m["seq"] for m in seen] == sorted(m["seq"] for m in seen)
        first = next(n for n, m in enumerate(seen) if m.get("type") == "sharing")
        assert {m["kind"] for m in seen[:first]} == {"pacer"}, "how things stand now"
        beats = [m for m in seen if m["kind"] == "beat"]
        assert beats
        assert not [b for b in beats if paused_ms < b["t_ms"] < on_ms]
        assert not [m for m in seen if m.get("type") == "arousal"]


async def test_a_revoke_closes_at_once_and_says_so(ward: Ward) -> None:
    id = await ward.shared()
    async with ward.watch("kim", id) as one, ward.watch("kim", id) as two:
        for socket in (one, two):
            await until(socket, "hello")
        await ward.revoke()
        last = ward.running(id).hub.last_seq
        await ward.house.pass_time(2)
        for socket in (one, two):
            code, reason, seen = await goodbye(socket)
            assert (code, reason) == (4403, "The consent for this has ended.")
            assert all(m["seq"] <= last for m in seen)
    async with ward.watch("kim", id) as socket:
        assert (await goodbye(socket))[0] == 4404


async def test_sharing_no_more_closes_at_once_and_says_so(ward: Ward) -> None:
    id = await ward.shared()
    async with ward.watch("kim", id) as socket:
        await until(socket, "hello")
        await ward.share(id, "off")
        code, reason, _ = await goodbye(socket)
        assert (code, reason) == (4403, "Sharing has ended.")
    assert (await ward.get("mira", f"/sessions/{id}/sharing"))["state"] == "off"


async def test_a_consent_ends_on_its_day(ward: Ward) -> None:
    await ward.consent(days=1)
    id = await ward.begin()
    await ward.share(id)
    async with ward.watch("kim", id) as socket:
        await until(socket, "hello")
        ward.pass_days(1)
        await ward.house.pass_time(1)
        code, _, seen = await goodbye(socket)
        assert code == 4403
        assert not [m for m in seen if m["kind"] == "metrics"]


async def test_the_filter_follows_the_consent_that_holds_now(ward: Ward) -> None:
    id = await ward.shared(("heart",))
    async with ward.watch("kim", id) as socket:
        await ward.house.pass_time(3)
        seen = await so_far(socket)
        metrics = next(m for m in seen if m["kind"] == "metrics")
        assert "breathing" not in metrics
        assert "window_s" in metrics
        assert "pacer" not in {m["kind"] for m in seen}
        await ward.consent(("breathing",))
        await ward.house.pass_time(2)
        seen = await so_far(socket)
        assert "pacer" in {m["kind"] for m in seen}, "more is allowed: all of that"
        metrics = next(m for m in seen if m["kind"] == "metrics")
        assert "breathing" in metrics
        assert "window_s" not in metrics
        assert not {m["kind"] for m in seen} & {"heart", "beat", "link"}


async def test_a_viewer_that_does_not_read_gets_nothing_after_a_revoke(
    ward: Ward,
) -> None:
    id = await ward.shared()
    async with ward.watch("kim", id) as socket:
        await so_far(socket)
        waits = await stuck(socket, ward.running(id).hub)
        await ward.revoke()
        socket.transport.resume_reading()
        code, _, seen = await goodbye(socket)
        assert code == 4403
        assert max(m["seq"] for m in seen) == waits - 1, "what had gone, and no more"


async def test_a_viewer_that_does_not_read_gets_nothing_after_a_pause(
    ward: Ward,
) -> None:
    id = await ward.shared()
    async with ward.watch("kim", id) as socket:
        await so_far(socket)
        waits = await stuck(socket, ward.running(id).hub)
        await ward.share(id, "paused")
        socket.transport.resume_reading()
        await ward.caught_up(id)
        seen = await so_far(socket)
        hearts = [m["seq"] for m in seen if m["kind"] == "heart"]
        assert max(hearts) == waits - 1, "what had gone, and no more"
        assert seen[-1]["text"] == "paused"
        await ward.share(id, "on")
        await ward.caught_up(id)
        seen = await so_far(socket)
        assert {"link", "pacer"} <= {m["kind"] for m in seen}, "nothing is lost by it"


async def test_what_was_kept_back_in_a_pause_is_asked_for_one_by_one(
    ward: Ward,
) -> None:
    id = await ward.shared()
    live = ward.running(id)
    view = SharedView(ward.house.context.rooms, live, ward.accounts["kim"])
    standing = [one for one in live.hub.held(0) if one.kind in ("link", "pacer")]
    assert len(standing) > 1
    await ward.share(id, "paused")
    assert not [data for one in standing for data in view.let(one)]
    await ward.share(id, "on")
    sending = view.let(live.hub.held(0)[-1])
    assert next(sending) == standing[0].data
    await ward.revoke()  # while the first of them waits for a slow viewer
    with pytest.raises(NotShared):
        next(sending)


async def test_frames_go_with_the_heart(ward: Ward) -> None:
    id = await ward.shared(("heart",))

    def publish(signal: Signal) -> None:
        hub = ward.running(id).hub
        event = SamplesEvent(
            t_ms=0.0,
            source="strap",
            signal=signal,
            channels=3 if signal is Signal.ACC else 1,
            interval_ms=7.7,
            device_ns=1,
            segment=0,
            uncertainty_ms=1.0,
            drift_ppm=None,
            values=(1, 2, 3),
        )
        hub.publish(
            Message(
                seq=hub.last_seq,
                kind="samples",
                t_ms=0.0,
                data=encode_samples(event, 1),
                signal=signal,
            )
        )

    async with ward.watch("kim", id) as socket:
        await send(socket, "traces", signals=["ecg", "acc"])
        await so_far(socket)

        async def frames() -> int:
            for signal in (Signal.ECG, Signal.ACC):
                publish(signal)
            await send(socket, "ping", client_time_ms=1)
            n = 0
            while True:
                received = await asyncio.wait_for(socket.recv(), 20)
                if isinstance(received, bytes):
                    n += 1
                elif json.loads(received)["kind"] == "clock":
                    return n

        assert await frames() == 1, "acceleration is the breath as well"
        await ward.share(id, "paused")
        assert await frames() == 0
        await ward.share(id, "on")
        await ward.consent(("heart", "breathing"))
        await ward.house.pass_time(1)
        assert await frames() == 2
        await ward.consent(("ratings",))
        assert await frames() == 0


async def test_what_sharing_is_for_whom(ward: Ward) -> None:
    await ward.consent()
    id = await ward.begin()
    for who in ("tom", "kim", "ada", "root"):
        for method, body in (("GET", None), ("PUT", {"state": "on"})):
            answer = await ward.ask(who, method, f"/sessions/{id}/sharing", body)
            assert answer.status_code == 404, (who, method)
    wrong = await ward.ask("mira", "PUT", f"/sessions/{id}/sharing", {"state": "no"})
    assert wrong.status_code == 422
    await ward.share(id)
    await ward.share(id)
    entries = [e.text for e in ward.running(id).pipeline.entries]
    assert entries == ["on"], "saying it twice is saying it once"
    no = await ward.begin()
    for _ in range(2):
        await ward.share(no, "off")
    said = [e.text for e in ward.running(no).pipeline.entries]
    assert said == ["off"], "that the answer was no stands there as well"
    for type in ("sharing", "watching", "hand", "pacer_accepted", "message"):
        answer = await ward.ask(
            "mira", "POST", f"/sessions/{id}/events", {"type": type, "text": "on"}
        )
        assert answer.status_code == 422, type
    await ward.done("mira", "POST", f"/sessions/{id}/stop")
    answer = await ward.ask("mira", "PUT", f"/sessions/{id}/sharing", {"state": "on"})
    assert answer.status_code == 409
    told = await ward.get("mira", f"/sessions/{id}/sharing")
    assert told == {"state": "off", "may_watch": [], "watching": [], "waiting": []}


async def test_a_replay_of_what_was_shared_is_not_shared(ward: Ward) -> None:
    id = await ward.shared()
    await ward.house.pass_time(2)
    await ward.done("mira", "POST", f"/sessions/{id}/stop")
    await ward.house.context.conductor._tasks.wait(30)
    replay = await ward.done("mira", "POST", f"/sessions/{id}/replay", {"speed": 1})
    await ward.house.pass_time(1)
    async with ward.watch("kim", replay["id"]) as socket:
        assert (await goodbye(socket))[0] == 4404


@pytest.mark.parametrize("how", ["/sign-out", "/sign-out-everywhere"])
async def test_who_signs_out_lets_sharing_rest(ward: Ward, how: str) -> None:
    id = await ward.shared()
    async with ward.watch("kim", id) as socket:
        await until(socket, "hello")
        await ward.done("mira", "POST", how, {})
        await comes_true(lambda: ward.running(id).pipeline.entries[-1].text == "paused")
        last = ward.running(id).hub.last_seq
        await ward.house.pass_time(3)
        await ward.caught_up(id)
        seen = await so_far(socket)
    assert all(m["seq"] <= last for m in seen if m["kind"] != "clock")
    assert not ward.running(id).ended.is_set(), "the practice itself goes on"
