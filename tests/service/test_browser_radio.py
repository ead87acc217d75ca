"""A browser as a radio, as its page speaks to the service."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import struct
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from biofeedback.errors import ADVICE
from biofeedback.model import (
    LinkChange,
    LinkReason,
    LinkState,
    LinkStep,
    Notification,
    SignalsCommand,
)
from biofeedback.recording.reader import open_recording
from biofeedback.service.browser_radio import MOST_OPEN, BrowserRadio
from biofeedback.service.problems import Problem
from biofeedback.session.replay import verify
from tests.service.conftest import (
    BEARER,
    House,
    comes_true,
    message,
    nothing_can_be_written,
    until,
)

STRAP = "browser:Zm9vYmFyMTIzNA=="
NAME = "Polar H10 1A2B3C4D"
STREAM = "page-0001"
HEAD = struct.Struct("<BBId")
HEART, BATTERY = 1, 2

H10 = {"name": NAME, "model": "H10", "manufacturer": "Polar", "firmware": "5.0.0"}


def packet(*rr: int, hr: int = 60) -> bytes:
    return struct.pack(f"<BB{len(rr)}H", 0x10, hr, *rr)


class Page:
    """What a page does: it numbers what it sends."""

    def __init__(self, socket: ClientConnection, n: int = 0) -> None:
        self.socket = socket
        self.n = n

    async def begin(self, stream: str = STREAM) -> int:
        await self.socket.send(json.dumps({"kind": "begin", "stream": stream}))
        resume = await message(self.socket)
        assert resume["kind"] == "resume"
        self.n = resume["n"]
        return self.n

    async def link(self, state: str, age_ms: float = 0, **more: object) -> None:
        self.n += 1
        told = {"kind": "link", "n": self.n, "age_ms": age_ms, "state": state, **more}
        await self.socket.send(json.dumps(told))
        assert (await message(self.socket)) == {"kind": "have", "n": self.n}

    async def hear(self, data: bytes, age_ms: float = 0, code: int = HEART) -> None:
        self.n += 1
        await self.send(data, self.n, age_ms, code)
        assert (await message(self.socket)) == {"kind": "have", "n": self.n}

    async def send(
        self, data: bytes, n: int, age_ms: float = 0, code: int = HEART
    ) -> None:
        await self.socket.send(HEAD.pack(1, code, n, age_ms) + data)


async def start(house: House, **more: object) -> str:
    session = await house.begin(strap=STRAP, strap_name=NAME, **more)
    assert session["source"] == "strap"
    assert not session["simulated"]
    id: str = session["id"]
    return id


@contextlib.asynccontextmanager
async def radio(
    house: House,
    id: str,
    *,
    headers: Mapping[str, str] = BEARER,
    origin: str | None = None,
    address: str | None = None,
) -> AsyncIterator[Page]:
    async with connect(
        f"ws://{house.address}/api/v1/radio/{id}",
        compression=None,
        additional_headers=headers,
        origin=None if origin is None else Origin(origin),
        local_addr=None if address is None else (address, 0),
    ) as socket:
        yield Page(socket)


async def close_code(page: Page) -> int | None:
    async with asyncio.timeout(20):
        try:
            while True:
                await page.socket.recv()
        except ConnectionClosed as closed:
            return None if closed.rcvd is None else closed.rcvd.code


async def recorded(house: House, id: str) -> Path:
    """End a session and return its finished recording."""
    await house.browser.post(f"/api/v1/sessions/{id}/stop")
    for _ in range(400):
        answer = await house.browser.get(f"/api/v1/sessions/{id}/recording")
        if answer.status_code == 200:
            (path,) = house.store.data.rglob(f"{id}.mcap")
            return path
        await asyncio.sleep(0.05)
    raise AssertionError("the recording was not finished in time")


def notifications(path: Path) -> list[Notification]:
    records = [record for _, record in open_recording(path).inputs()]
    return [record for record in records if isinstance(record, Notification)]


async def test_what_a_page_sends_becomes_the_records_of_any_radio(
    house: House,
) -> None:
    id = await start(house)
    await house.pass_time(1)
    async with radio(house, id) as page, house.watch(id) as viewer:
        assert await page.begin() == 0
        await page.link("connecting", step="connecting")
        await page.link("streaming", step="streaming", strap=H10)
        await page.hear(bytes([80]), code=BATTERY)
        for second in range(5):
            await house.pass_time(1)
            await page.hear(packet(1000 + second), age_ms=40)
        links = [await until(viewer, "link") for _ in range(4)]
        assert [link["state"] for link in links] == [
            *("searching", "connecting", "streaming", "streaming")
        ]
        assert links[-1]["strap"] == {
            "name": "Polar H10",  # without the number that points to a person
            "model": "H10",
            "manufacturer": "Polar",
            "firmware": "5.0.0",
            "battery_pct": 80,
            "body_location": None,
            "profile": "polar_h10",
            "signals": [],
        }
        assert [(await until(viewer, "beat"))["rr_ms"] for _ in range(3)]
    path = await recorded(house, id)
    heard = notifications(path)
    assert [(n.source, n.characteristic, n.data) for n in heard] == [
        ("strap", "2a19", bytes([80])),
        *(("strap", "2a37", packet(1000 + second)) for second in range(5)),
    ]
    # Stamped when the strap sent it; never before what was processed already.
    assert [n.t_ns for n in heard[1:]] == [s * 10**9 for s in range(2, 7)]
    verdict = verify(path)
    assert verdict.ok, verdict.sentence
    assert NAME.encode() not in path.read_bytes()


async def test_a_stamp_is_the_time_of_the_event_within_bounds(house: House) -> None:
    id = await start(house)
    async with radio(house, id) as page:
        await page.begin()
        await page.link("streaming")
        await house.pass_time(0.9)
        await page.hear(packet(1000), age_ms=250)
        await page.hear(packet(1001), age_ms=86_400_000)
    path = await recorded(house, id)
    assert [n.t_ns for n in notifications(path)] == [650_000_000, 650_000_000]


async def test_a_page_that_comes_back_sends_what_it_kept(house: House) -> None:
    id = await start(house)
    async with house.watch(id) as viewer:
        async with radio(house, id) as page:
            await page.begin()
            await page.link("streaming", step="streaming", strap=H10)
            for _ in range(3):
                await house.pass_time(1)
                await page.hear(packet(1024))
        live = house.context.conductor.session(id)
        assert live is not None
        # A moment is nobody's loss: within it no segment breaks.
        await house.pass_time(1)
        links = [await until(viewer, "link") for _ in range(2)]
        assert links[-1]["state"] == "streaming"
        await comes_true(lambda: house.context.conductor.browser_source(id))
        async with asyncio.timeout(20):
            while (link := await _advanced(house, viewer))["state"] == "streaming":
                pass
        assert (link["state"], link["step"]) == ("reconnecting", "lost")
        assert (link["reason"], link["advice"]) == (
            "link_lost",
            ADVICE[LinkReason.LINK_LOST],
        )
        await house.pass_time(4)
        async with radio(house, id) as again:
            assert await again.begin() == 4, "the last number that is here"
            for n in range(3, 5):  # sent twice: not knowing that they had arrived
                await again.send(packet(1024), n)
                assert (await message(again.socket))["n"] == 4
            for k in range(6, -1, -1):  # the rest, with its true age
                await again.hear(packet(1030 + k), age_ms=1000.0 * k)
            await again.link("streaming", step="streaming", strap=H10)
            back = await until(viewer, "link")
            assert back["state"] == "streaming"
            await house.pass_time(1)
            await again.hear(packet(1029))
    path = await recorded(house, id)
    wanted = [1024] * 3 + list(range(1036, 1028, -1))
    assert [n.data for n in notifications(path)] == [packet(rr) for rr in wanted]
    beats = [e for e in live.pipeline.intervals]
    assert [round(b.rr_ms * 1.024) for b in beats] == wanted
    times = [b.t_ns for b in beats]
    assert times == sorted(times)
    gaps = [(b - a) / 1e9 for a, b in itertools.pairwise(times)]
    assert max(gaps[3:]) < 1.1, "a second apart, though they came at once"
    assert {b.segment for b in beats} == {0, 1}
    verdict = verify(path)
    assert verdict.ok, verdict.sentence


async def _advanced(house: House, viewer: ClientConnection) -> dict[str, Any]:
    await house.pass_time(0.5)
    try:
        async with asyncio.timeout(0.5):
            return await until(viewer, "link")
    except TimeoutError:
        return {"state": "streaming"}


async def test_a_short_cut_breaks_nothing(house: House) -> None:
    id = await start(house)
    async with radio(house, id) as page:
        await page.begin()
        await page.link("streaming", strap=H10)
        for _ in range(10):
            await house.pass_time(1)
            await page.hear(packet(1000))
    await house.pass_time(1.9)
    async with radio(house, id) as again:
        await again.begin()
        await again.hear(packet(1001), age_ms=900)
        await again.hear(packet(1002))
        for _ in range(3):
            await house.pass_time(1)
            await again.hear(packet(1003))
    live = house.context.conductor.session(id)
    assert live is not None
    assert len(live.pipeline.intervals) == 15
    assert {beat.segment for beat in live.pipeline.intervals} == {0}


async def test_another_page_begins_anew(house: House) -> None:
    id = await start(house)
    async with radio(house, id) as page:
        await page.begin()
        await page.link("streaming", strap=H10)
        await page.hear(packet(1000))
    async with radio(house, id) as other:
        assert await other.begin("loaded-anew") == 0
        await other.link("connecting", step="connecting")
        await other.link("streaming", strap=H10)
        await other.hear(packet(1001))
    path = await recorded(house, id)
    assert [n.data for n in notifications(path)] == [packet(1000), packet(1001)]


async def test_a_newer_connection_takes_over_and_another_caller_may_not(
    house: House,
) -> None:
    id = await start(house)
    cookie = house.context.cookie
    browser = {"Cookie": f"{cookie}={house.browser.cookies[cookie]}"}
    async with radio(house, id) as first:
        await first.begin()
        await first.link("streaming", strap=H10)
        async with radio(house, id, headers=browser) as stranger:
            assert await close_code(stranger) == 4409
        async with radio(house, id) as second:
            assert await close_code(first) == 4410
            assert await second.begin() == 1
            await second.hear(packet(1000))
            await house.pass_time(5)
            live = house.context.conductor.session(id)
            assert live is not None
            assert len(live.pipeline.intervals) == 1
            # The older one's end is no loss of the radio.
            async with house.watch(id) as viewer:
                states = [await until(viewer, "link") for _ in range(2)]
                assert states[-1]["state"] == "streaming"


@pytest.mark.skipif(sys.platform != "linux", reason="One address of loopback only.")
async def test_a_phone_that_changes_its_network_takes_over(house: House) -> None:
    id = await start(house)
    async with radio(house, id) as at_home:
        await at_home.begin()
        async with radio(house, id, address="127.0.0.2") as outside:
            assert await close_code(at_home) == 4410
            await outside.begin()


async def test_a_silent_strap_is_called_stale(house: House) -> None:
    id = await start(house)
    async with radio(house, id) as page, house.watch(id) as viewer:
        await page.begin()
        await page.link("streaming", strap=H10)
        await page.hear(packet(1000))
        await house.pass_time(7)
        while (link := await until(viewer, "link"))["state"] != "stale":
            pass
        assert link["reason"] == "no_data"
        await page.hear(packet(1000))
        assert (await until(viewer, "link"))["state"] == "streaming"


async def test_a_page_that_never_comes_is_told_of(house: House) -> None:
    id = await start(house)
    await house.pass_time(3)
    async with house.watch(id) as viewer:
        first, then = [await until(viewer, "link") for _ in range(2)]
    assert (first["state"], first["reason"]) == ("searching", None)
    assert (then["state"], then["reason"]) == ("searching", "link_lost")


async def test_reasons_of_the_page_come_with_our_advice(house: House) -> None:
    id = await start(house)
    async with radio(house, id) as page:
        await page.begin()
        await page.link("streaming", strap=H10)
        await page.link("reconnecting", step="backoff", reason="timeout")
    path = await recorded(house, id)
    records = [record for _, record in open_recording(path).inputs()]
    change = [r for r in records if isinstance(r, LinkChange)][-2]
    assert change.state is LinkState.RECONNECTING
    assert change.step is LinkStep.BACKOFF
    assert change.advice == ADVICE[LinkReason.TIMEOUT]
    assert change.strap is not None
    assert change.strap.model == "H10"


async def test_what_cannot_be_used_is_answered(house: House) -> None:
    id = await start(house)
    wrong: list[str | bytes] = [
        json.dumps({"kind": "dance"}),
        "{",
        json.dumps({"kind": "link", "n": 1, "age_ms": 0, "state": "ended"}),
        json.dumps({"kind": "link", "n": 0, "age_ms": 0, "state": "streaming"}),
        json.dumps(
            {"kind": "link", "n": 1, "age_ms": 0, "state": "stale", "reason": "bored"}
        ),
        json.dumps({"kind": "begin", "stream": "short"}),
        b"",
        b"\x01",
        HEAD.pack(2, HEART, 1, 0.0) + packet(1000),
        HEAD.pack(1, 99, 1, 0.0) + packet(1000),
        HEAD.pack(1, HEART, 0, 0.0) + packet(1000),
        HEAD.pack(1, HEART, 1, -1.0) + packet(1000),
        HEAD.pack(1, HEART, 1, float("nan")) + packet(1000),
        HEAD.pack(1, HEART, 1, float("inf")) + packet(1000),
        HEAD.pack(1, HEART, 1, 0.0) + bytes(513),
    ]
    async with radio(house, id) as page:
        await page.send(packet(1000), 1)
        assert "begin" in (await message(page.socket))["detail"]
        await page.begin()
        for one in wrong:
            await page.socket.send(one)
            error = await message(page.socket)
            assert error["kind"] == "error", one
            assert error["detail"].endswith("."), one
            assert error["advice"].endswith("."), one
        await page.link("streaming", strap=H10)
        await page.hear(b"")  # a strap may send nonsense: that is kept, and means none
        for _ in range(60):
            await page.socket.send("{")
        assert await close_code(page) == 1008
    path = await recorded(house, id)
    assert [n.data for n in notifications(path)] == [b""]


async def test_who_may_be_a_radio(house: House) -> None:
    id = await start(house)
    simulated = (await house.begin())["id"]
    async with radio(house, id, headers={}) as page:
        assert await close_code(page) == 4401
    for other in (simulated, "A" * 26):
        async with radio(house, other) as page:
            assert await close_code(page) == 4404
    with pytest.raises(InvalidStatus) as refused:
        async with radio(house, id, origin="http://evil.example"):
            pass
    assert refused.value.response.status_code == 403


async def test_it_ends_with_the_session_and_with_the_sign_in(house: House) -> None:
    cookie = house.context.cookie
    browser = {"Cookie": f"{cookie}={house.browser.cookies[cookie]}"}
    id = await start(house)
    async with radio(house, id) as page:
        await page.begin()
        await house.browser.post(f"/api/v1/sessions/{id}/stop")
        assert await close_code(page) == 1000
    async with radio(house, id) as page:
        assert await close_code(page) == 4404
    id = await start(house)  # the strap is free again
    async with radio(house, id, headers=browser) as page:
        await page.begin()
        await house.browser.post("/api/v1/sign-out")
        assert await close_code(page) == 4401


async def test_a_strap_of_a_browser_is_in_one_session_at_a_time(house: House) -> None:
    await start(house)
    answer = await house.browser.post("/api/v1/sessions", json={"strap": STRAP})
    assert answer.status_code == 409
    assert answer.json()["reason"] == "busy"
    answer = await house.browser.get("/api/v1/straps")
    straps = answer.json()["straps"]
    assert [strap["simulated"] for strap in straps] == [True], "it stands in no list"


async def test_a_strap_without_a_name_has_one(house: House) -> None:
    session = await house.begin(strap="browser:nameless")
    assert session["strap_name"] == "Chest strap"


async def test_a_session_that_never_began_leaves_nothing_behind(house: House) -> None:
    browser = house.context.straps.browser
    strap = browser.strap(STRAP, NAME)
    for _ in range(3):
        with nothing_can_be_written(house.store):
            answer = await house.browser.post(
                "/api/v1/sessions", json={"strap": STRAP, "strap_name": NAME}
            )
        assert answer.status_code == 503
        assert browser.source(strap) is None
    id = await start(house)  # nor does it hold the strap
    assert browser.source(strap) is not None
    await house.browser.post(f"/api/v1/sessions/{id}/stop")
    assert browser.source(strap) is None


def test_there_are_only_so_many_browsers() -> None:
    browser = BrowserRadio()
    straps = [browser.strap(f"browser:{n}", NAME) for n in range(MOST_OPEN + 1)]
    for strap in straps[:-1]:
        browser.open(strap)
    with pytest.raises(Problem, match="Too many browsers") as refused:
        browser.open(straps[-1])
    assert (refused.value.status, refused.value.reason) == (503, "slots_full")
    browser.open(straps[0])
    browser.forget(straps[0])
    browser.open(straps[-1])


SIGNALS = [{"signal": "ecg"}, {"signal": "acc", "rate_hz": 50}]


async def test_signals_that_a_browser_cannot_send_are_refused(house: House) -> None:
    words = "A browser's Bluetooth sends only the heart rate so far."
    body = {"strap": STRAP, "strap_name": NAME, "signals": SIGNALS}
    answer = await house.browser.post("/api/v1/sessions", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"] == words
    assert answer.json()["advice"].endswith(".")
    id = await start(house, signals=[])
    async with house.watch(id) as viewer:
        asked = {"kind": "signals", "signals": SIGNALS}
        await viewer.send(json.dumps(asked))
        error = await until(viewer, "error")
        assert (error["detail"], error["advice"]) == (words, answer.json()["advice"])
        await viewer.send(json.dumps({"kind": "signals", "signals": []}))
        await viewer.send(json.dumps({"kind": "annotate", "type": "mark"}))
        async with asyncio.timeout(20):
            while (told := await message(viewer))["kind"] != "event":
                assert told["kind"] != "error"
    session = await house.browser.get(f"/api/v1/sessions/{id}")
    assert session.json()["signals"] == []
    recording = open_recording(await recorded(house, id))
    inputs = [record for _, record in recording.inputs()]
    wanted = [r.signals for r in inputs if isinstance(r, SignalsCommand)]
    assert not any(wanted)
