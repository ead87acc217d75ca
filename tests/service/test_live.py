"""The live websocket, as a viewer sees it."""

from __future__ import annotations

import asyncio
import json

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from biofeedback.model import SamplesEvent, Signal
from biofeedback.recording.reader import open_recording
from biofeedback.session.hub import KEPT_LANE, LIVE_LANE, TRACE_LANE
from biofeedback.session.runner import LiveSession
from biofeedback.session.transcript import Message
from biofeedback.store import SessionState
from biofeedback.wire.samples import decode_samples, encode_samples
from tests.service.conftest import BEARER, House, comes_true, message, until

RATING = {"type": "arousal", "value": 3, "moment": "during", "prompt": "How awake?"}


async def send(socket: ClientConnection, kind: str, **fields: object) -> None:
    await socket.send(json.dumps({"kind": kind, **fields}))


async def close_code(socket: ClientConnection) -> int | None:
    async with asyncio.timeout(20):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed as closed:
            return None if closed.rcvd is None else closed.rcvd.code


def running(house: House, id: str) -> LiveSession:
    live = house.context.conductor.session(id)
    assert live is not None
    return live


async def test_hello_comes_first_then_everything_in_order(house: House) -> None:
    session = await house.begin()
    await house.pass_time(3)
    async with house.watch(session["id"]) as socket:
        hello = await message(socket)
        assert hello["kind"] == "hello"
        assert (hello["v"], hello["seq"], hello["protocol_version"]) == (1, 0, 1)
        assert hello["session"]["id"] == session["id"]
        assert hello["plan"] == "practice"
        assert hello["server_time_ns"] > 0
        last_seq = hello["last_seq"]
        seen = [await message(socket) for _ in range(last_seq)]
        assert [m["seq"] for m in seen] == list(range(1, last_seq + 1))
        assert seen[0]["kind"] == "pacer"
        await house.pass_time(1)
        assert (await message(socket))["seq"] == last_seq + 1


async def test_what_a_viewer_gets_is_what_is_recorded(house: House) -> None:
    session = await house.begin()
    async with house.watch(session["id"]) as socket:
        await message(socket)
        await house.pass_time(5)
        live = running(house, session["id"])
        got = [await socket.recv() for _ in range(live.hub.last_seq)]
    row = house.store.recording(session["id"])
    assert row is not None
    await house.browser.post(f"/api/v1/sessions/{session['id']}/ratings", json=RATING)
    journal = house.store.data / f"{row.path}.part"
    recorded = [data.decode() for _, _, data in open_recording(journal).outputs()]
    assert recorded[: len(got)] == got


async def test_since_goes_on_where_a_viewer_left(house: House) -> None:
    session = await house.begin()
    await house.pass_time(4)
    last_seq = running(house, session["id"]).hub.last_seq
    async with house.watch(session["id"], since=3) as socket:
        assert (await message(socket))["seq"] == 3
        assert (await message(socket))["seq"] == 4
    async with house.watch(session["id"], since=last_seq) as socket:
        assert (await message(socket))["seq"] == last_seq
        await house.pass_time(1)
        assert (await message(socket))["seq"] == last_seq + 1
    for wrong in (-1, "²", "last"):
        async with house.watch(session["id"], since=wrong) as socket:
            assert await close_code(socket) == 1008, wrong


async def test_ping_is_answered_with_the_clock(house: House) -> None:
    session = await house.begin()
    await house.pass_time(2)
    async with house.watch(session["id"]) as socket:
        hello = await message(socket)
        for _ in range(hello["last_seq"]):
            last = await message(socket)
        await send(socket, "ping", client_time_ms=12.5)
        clock = await message(socket)
        assert clock["kind"] == "clock"
        assert clock["seq"] == last["seq"], "it is no message of the session"
        assert clock["client_time_ms"] == 12.5
        assert clock["session_ms"] == 2000.0
        assert clock["server_time_ns"] > 0


async def test_a_rating_comes_back_as_an_event_and_is_kept(house: House) -> None:
    session = await house.begin()
    async with house.watch(session["id"]) as one, house.watch(session["id"]) as two:
        await send(one, "rate", **RATING, latency_ms=900, device="laptop")
        for socket in (one, two):
            event = await until(socket, "event")
            assert (event["type"], event["value"]) == ("arousal", 3)
            assert (event["unit"], event["moment"]) == ("sam_1_9", "during")
        await send(one, "ping", client_time_ms=1)  # answered after what came before
        await until(one, "clock")
        (row,) = house.store.ratings(session["id"])
        assert (row.id, row.device, row.latency_ms) == (event["id"], "laptop", 900)
        assert row.in_recording


async def test_marks_and_paces(house: House) -> None:
    session = await house.begin()
    async with house.watch(session["id"]) as socket:
        await until(socket, "pacer")
        await send(socket, "annotate", type="marker", text="she smiled")
        event = await until(socket, "event")
        assert (event["type"], event["text"]) == ("marker", "she smiled")
        await send(socket, "pacer.set", rate_bpm=5, inhale_pct=45)
        pacer = await until(socket, "pacer")
        assert (pacer["rate_bpm"], pacer["inhale_pct"]) == (5.5, 45)
        assert pacer["from_breath"] == 1, "at the next breath"
        pacer = await until(socket, "pacer")  # half a breath a minute at once, no more
        assert (pacer["rate_bpm"], pacer["from_breath"]) == (5, 2)


async def test_what_cannot_be_followed_is_answered(house: House) -> None:
    session = await house.begin()
    async with house.watch(session["id"]) as socket:
        wrong: list[str | bytes] = [
            json.dumps({"kind": "dance"}),
            json.dumps({"no": "kind"}),
            json.dumps(["ping"]),
            "{",
            b"\x00\x01",
            json.dumps({"kind": "ping"}),
            json.dumps({"kind": "rate", **RATING, "value": 10}),
            json.dumps({"kind": "rate", **RATING, "type": "joy"}),
            json.dumps({"kind": "annotate", "type": "A B"}),
            json.dumps({"kind": "pacer.set", "rate_bpm": 60, "inhale_pct": 40}),
            json.dumps({"kind": "pacer.propose", "rate_bpm": 5}),
            json.dumps({"kind": "pacer.accept"}),
            json.dumps({"kind": "signals", "signals": [{"signal": "eeg"}]}),
            json.dumps({"kind": "signals", "signals": [{"signal": "ecg"}] * 2}),
            json.dumps({"kind": "signals", "signals": [{"signal": "ecg"}] * 99}),
            json.dumps(
                {"kind": "signals", "signals": [{"signal": "acc", "rate_hz": 9999}]}
            ),
            json.dumps({"kind": "traces", "signals": "ecg"}),
            json.dumps({"kind": "traces", "signals": ["eeg"]}),
        ]
        for command in wrong:
            await socket.send(command)
            error = await until(socket, "error")
            assert error["detail"].endswith("."), command
            assert error["advice"], command
        assert house.store.ratings(session["id"]) == ()


async def test_traces_go_as_binary_frames_to_who_asked(house: House) -> None:
    session = await house.begin()
    id = session["id"]
    async with house.watch(id) as watching, house.watch(id) as plain:
        await send(watching, "traces", signals=["ecg"])
        await send(watching, "ping", client_time_ms=1)
        await until(watching, "clock")  # so the command before it was followed
        wanted = [{"signal": "ecg"}, {"signal": "acc", "rate_hz": 50}]
        await send(plain, "signals", signals=wanted)
        told = await until(plain, "signals")
        assert told["signals"] == [
            {"signal": "ecg", "rate_hz": None},
            {"signal": "acc", "rate_hz": 50},
        ]
        assert told["by"] == "program"
        await house.pass_time(4)
        await send(plain, "stop")
        seen = {socket: await everything(socket) for socket in (watching, plain)}
    frames = [decode_samples(one) for one in seen[watching] if isinstance(one, bytes)]
    assert {event.signal for _, event in frames} == {Signal.ECG}
    assert [number for number, _ in frames] == list(range(1, len(frames) + 1))
    assert len(frames) >= 4
    assert not [one for one in seen[plain] if isinstance(one, bytes)]
    # The frames took no number: both have every message, and no gap.
    for account in seen.values():
        numbers = [json.loads(one)["seq"] for one in account if isinstance(one, str)]
        assert numbers == list(range(numbers[0], numbers[-1] + 1))


async def everything(socket: ClientConnection) -> list[str | bytes]:
    """Return what comes until the socket is closed."""
    seen: list[str | bytes] = []
    async with asyncio.timeout(20):
        try:
            while True:
                seen.append(await socket.recv())
        except ConnectionClosed:
            return seen


async def test_a_viewer_that_takes_no_frames_loses_frames_only(house: House) -> None:
    session = await house.begin()
    async with house.watch(session["id"]) as socket:
        await send(socket, "traces", signals=["acc"])
        await send(socket, "ping", client_time_ms=1)
        await until(socket, "clock")
        hub = running(house, session["id"]).hub
        event = SamplesEvent(
            t_ms=0.0,
            source="strap",
            signal=Signal.ACC,
            channels=3,
            interval_ms=20.0,
            device_ns=1,
            segment=0,
            uncertainty_ms=1.0,
            drift_ppm=None,
            values=(0, 0, 1000),
        )
        for number in range(1, TRACE_LANE + 6):  # before anything can be sent
            hub.publish(
                Message(
                    seq=hub.last_seq,
                    kind="samples",
                    t_ms=0.0,
                    data=encode_samples(event, number),
                    signal=Signal.ACC,
                )
            )
        seen: list[str | bytes] = []
        async with asyncio.timeout(20):
            while sum(isinstance(one, bytes) for one in seen) < TRACE_LANE:
                seen.append(await socket.recv())
        await send(socket, "stop")
        seen += await everything(socket)
    frames = [decode_samples(one)[0] for one in seen if isinstance(one, bytes)]
    assert frames == list(range(6, TRACE_LANE + 6))
    kinds = [json.loads(one)["kind"] for one in seen if isinstance(one, str)]
    assert "gap" not in kinds
    assert kinds[-1] == "link"


async def test_a_replay_shows_traces_and_asks_for_none(house: House) -> None:
    session = await house.begin()
    async with house.watch(session["id"]) as socket:
        await send(socket, "signals", signals=[{"signal": "ecg"}])
        await until(socket, "signals")
        await house.pass_time(5)
        await send(socket, "stop")
        assert await close_code(socket) == 1000
    url = f"/api/v1/sessions/{session['id']}"
    await comes_true(
        lambda: house.store.session(session["id"]).state is SessionState.COMPLETE
    )
    answer = await house.browser.post(f"{url}/replay", json={"speed": 1})
    assert answer.status_code == 201, answer.text
    async with house.watch(answer.json()["id"]) as socket:
        await send(socket, "traces", signals=["ecg"])
        await send(socket, "signals", signals=[])
        refused = await until(socket, "error")
        assert "replay" in refused["detail"]
        await house.pass_time(10)
        seen = await everything(socket)
    frames = [decode_samples(one)[0] for one in seen if isinstance(one, bytes)]
    assert frames
    assert frames == list(range(frames[0], frames[-1] + 1))


async def test_a_replay_is_held_stepped_and_moved_about_in(house: House) -> None:
    session = await house.begin()
    await house.pass_time(30)
    async with house.watch(session["id"]) as socket:
        await send(socket, "replay.seek", t_ms=0)
        assert "not a replay" in (await until(socket, "error"))["detail"]
        await send(socket, "stop")
        assert await close_code(socket) == 1000
    await comes_true(
        lambda: house.store.session(session["id"]).state is SessionState.COMPLETE
    )
    url = f"/api/v1/sessions/{session['id']}/replay"
    replay = (await house.browser.post(url, json={"speed": 1})).json()
    async with house.watch(replay["id"]) as socket:
        hello = await message(socket)
        assert hello["session"]["source"] == "replay"
        state = await until(socket, "replay")
        assert (state["state"], state["speed"]) == ("playing", 1.0)
        await send(socket, "replay.set", playing=False, speed=4)
        state = await until(socket, "replay")
        assert (state["state"], state["speed"]) == ("paused", 4.0)
        await send(socket, "replay.seek", t_ms=20_000)
        state = await until(socket, "replay")
        assert state["jumped"]
        assert state["position_ms"] == 20_000
        await send(socket, "replay.step", to="tick")
        assert (await until(socket, "metrics"))["t_ms"] <= 20_000
        state = await until(socket, "replay")
        assert state["position_ms"] == pytest.approx(21_000, abs=50)
        for command, fields in (
            ("replay.seek", {"t_ms": 1e9}),
            ("replay.set", {"speed": 65}),
            ("replay.loop", {"from_ms": 5000, "to_ms": 5000}),
            ("replay.step", {"to": "year"}),
        ):
            await send(socket, command, **fields)
            assert (await until(socket, "error"))["detail"]
        await send(socket, "stop")
        assert await close_code(socket) == 1000


async def test_stop_ends_it_and_says_so(house: House) -> None:
    session = await house.begin()
    await house.pass_time(2)
    async with house.watch(session["id"]) as one, house.watch(session["id"]) as two:
        await send(one, "stop")
        for socket in (one, two):
            while (link := await until(socket, "link"))["state"] != "ended":
                pass
            assert link["reason"] == "stopped"
            assert await close_code(socket) == 1000
    async with house.watch(session["id"], since=1) as late:
        assert (await message(late))["kind"] == "hello"
        await until(late, "link")
        assert await close_code(late) == 1000


async def test_a_slow_viewer_is_told_what_it_missed(house: House) -> None:
    session = await house.begin()
    async with house.watch(session["id"]) as socket:
        hub = running(house, session["id"]).hub
        for _ in range((await message(socket))["last_seq"]):
            await message(socket)
        first = hub.last_seq + 1
        for seq in range(first, first + LIVE_LANE + 10):
            hub.publish(
                Message(seq=seq, kind="heart", t_ms=0.0, data=b'{"seq":%d}' % seq)
            )
        gap = await message(socket)
        assert gap["kind"] == "gap"
        assert (gap["from_seq"], gap["to_seq"], gap["seq"]) == (
            first,
            first + 9,
            first + 9,
        )
        assert (await message(socket))["seq"] == first + 10


async def test_what_may_not_be_dropped_closes_the_socket(house: House) -> None:
    session = await house.begin()
    async with house.watch(session["id"]) as socket:
        hub = running(house, session["id"]).hub
        for _ in range((await message(socket))["last_seq"]):
            await message(socket)
        first = hub.last_seq + 1
        for seq in range(first, first + 2 * KEPT_LANE + 10):
            hub.publish(
                Message(seq=seq, kind="event", t_ms=0.0, data=b'{"seq":%d}' % seq)
            )
        assert await close_code(socket) == 4408
    async with house.watch(session["id"], since=first - 1) as socket:
        assert (await message(socket))["seq"] == first - 1
        for seq in range(first, first + 2 * KEPT_LANE + 10):
            assert (await message(socket))["seq"] == seq


async def test_who_may_watch(house: House) -> None:
    session = await house.begin()
    async with house.watch(session["id"], headers={}) as socket:
        assert await close_code(socket) == 4401
    wrong = {"Authorization": "Bearer wrong"}
    async with house.watch(session["id"], headers=wrong) as socket:
        assert await close_code(socket) == 4401
    async with house.watch("A" * 26) as socket:
        assert await close_code(socket) == 4404
    name = house.context.cookie
    cookie = {"Cookie": f"{name}={house.browser.cookies[name]}"}
    origin = f"http://{house.address}"
    async with house.watch(session["id"], headers=cookie, origin=origin) as socket:
        assert (await message(socket))["kind"] == "hello"
    for elsewhere in ("http://evil.example", "null", f"https://{house.address}"):
        with pytest.raises(InvalidStatus) as refused:
            async with house.watch(session["id"], headers=cookie, origin=elsewhere):
                pass
        assert refused.value.response.status_code == 403
    port = house.context.settings.port
    named = connect(
        f"ws://evil.example:{port}/api/v1/live/{session['id']}",
        additional_headers=BEARER,
        host="127.0.0.1",
        port=port,
    )
    with pytest.raises(InvalidStatus) as refused:
        await named
    assert refused.value.response.status_code == 403


async def test_signing_out_closes_what_was_open(house: House) -> None:
    session = await house.begin()
    name = house.context.cookie
    cookie = {"Cookie": f"{name}={house.browser.cookies[name]}"}
    async with house.watch(session["id"], headers=cookie) as socket:
        await message(socket)
        await house.browser.post("/api/v1/sign-out")
        assert await close_code(socket) == 4401
    hub = running(house, session["id"]).hub
    await comes_true(lambda: not hub.n_viewers)


async def test_too_many_commands(house: House) -> None:
    session = await house.begin()
    async with house.watch(session["id"]) as socket:
        for _ in range(300):
            await send(socket, "ping", client_time_ms=1)
        error = await until(socket, "error")
        assert "Too many" in error["detail"]
        assert await close_code(socket) == 1008


async def test_a_message_that_is_too_large(house: House) -> None:
    session = await house.begin()
    async with house.watch(session["id"]) as socket:
        await socket.send("x" * (64 * 1024 + 1))
        assert await close_code(socket) == 1009
    hub = running(house, session["id"]).hub
    await comes_true(lambda: not hub.n_viewers)


async def test_a_viewer_that_leaves_is_forgotten(house: House) -> None:
    session = await house.begin()
    hub = running(house, session["id"]).hub
    for _ in range(3):
        async with house.watch(session["id"]) as socket:
            await message(socket)
    await comes_true(lambda: not hub.n_viewers)
    await house.pass_time(1)
