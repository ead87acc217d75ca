"""Peers that stall, flood, leave or guess: they harm nobody but themselves.

How much time each costs the others is measured by ``python -m bench.load``.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import ClientConnection

from biofeedback.model import Signal
from biofeedback.service.live import MOST_REFUSED
from biofeedback.session.hub import HELD_LIVE, KEPT_LANE, LIVE_LANE, TRACE_LANE, Hub
from biofeedback.session.transcript import Message
from tests.service.conftest import BEARER, House, Start, comes_true, message, until
from tests.service.test_live import close_code, everything, running, send
from tests.service.ward import opened

FRAME = bytes(100_000)
N_FRAMES = 100
"""Ten megabytes: more than the buffers of the system take."""


def sample(hub: Hub, number: int) -> Message:
    return Message(
        seq=hub.last_seq,
        kind="samples",
        t_ms=hub.last_t_ms,
        data=number.to_bytes(4, "little") + FRAME,
        signal=Signal.ECG,
    )


async def next_frame(viewer: ClientConnection) -> int:
    async with asyncio.timeout(20):
        while not isinstance(received := await viewer.recv(), bytes):
            pass
    return int.from_bytes(received[:4], "little")


@asynccontextmanager
async def stalled(house: House, id: str) -> AsyncIterator[socket.socket]:
    """Open a websocket that asks for everything and never reads."""
    key = base64.b64encode(bytes(16)).decode()
    lines = {
        "Host": house.address,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Version": "13",
        **BEARER,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    command = json.dumps({"kind": "traces", "signals": ["ecg"]}).encode()
    frame = bytes([0x81, 0x80 | len(command), 0, 0, 0, 0]) + command
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(deaf, ("127.0.0.1", house.context.settings.port))
        said = f"GET /api/v1/live/{id} HTTP/1.1\r\n{head}\r\n".encode()
        await loop.sock_sendall(deaf, said)
        assert (await loop.sock_recv(deaf, 12)).startswith(b"HTTP/1.1 101")
        await loop.sock_sendall(deaf, frame)
        yield deaf


async def test_who_stalls_keeps_nobody_waiting(house: House) -> None:
    session = await house.begin()
    hub = running(house, session["id"]).hub
    async with house.watch(session["id"]) as healthy, stalled(house, session["id"]):
        await send(healthy, "traces", signals=["ecg"])
        await comes_true(lambda: [v.traces for v in hub._viewers] == [{Signal.ECG}] * 2)
        for number in range(N_FRAMES):
            hub.publish(sample(hub, number))
            assert await next_frame(healthy) == number
        waiting = sorted(len(viewer._frames) for viewer in hub._viewers)
        assert waiting == [0, TRACE_LANE], "the oldest frames of one were dropped"
        await house.pass_time(3)
        assert (await until(healthy, "metrics"))["t_ms"] >= 1000


async def test_a_hub_holds_no_more_than_it_says(house: House) -> None:
    session = await house.begin()
    hub = running(house, session["id"]).hub
    async with stalled(house, session["id"]):
        await comes_true(lambda: any(v.traces for v in hub._viewers))
        (viewer,) = hub._viewers
        for number in range(200):  # until no buffer takes any more
            hub.publish(sample(hub, number))
            await asyncio.sleep(0)
        await comes_true(lambda: len(viewer._frames) == TRACE_LANE)
        for seq in range(hub.last_seq + 1, hub.last_seq + 3 * HELD_LIVE):
            hub.publish(Message(seq=seq, kind="heart", t_ms=0.0, data=b"{}"))
        assert len(hub._held_live) == HELD_LIVE
        assert len(viewer._live) <= LIVE_LANE
        assert viewer.dropped > HELD_LIVE
        for seq in range(hub.last_seq + 1, hub.last_seq + KEPT_LANE + 10):
            hub.publish(Message(seq=seq, kind="event", t_ms=0.0, data=b"{}"))
        assert len(viewer._kept) <= 2 * KEPT_LANE
        assert len(viewer._live) <= LIVE_LANE


async def test_a_flood_puts_out_whoever_sends_it(house: House) -> None:
    session = await house.begin()
    id = session["id"]
    async with house.watch(id) as healthy, house.watch(id) as flooding:
        for _ in range(MOST_REFUSED + 100):
            await send(flooding, "ping", client_time_ms=1)
        assert await close_code(flooding) == 1008
        await house.pass_time(2)
        assert (await until(healthy, "metrics"))["kind"] == "metrics"
        await send(healthy, "ping", client_time_ms=1)
        await until(healthy, "clock")
        await send(healthy, "stop")
        told = [json.loads(one) for one in await everything(healthy)]
        assert [one["seq"] for one in told if one["kind"] == "gap"] == []


async def test_who_leaves_amid_it_all_leaves_nothing(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    session = await house.begin()
    hub = running(house, session["id"]).hub
    caplog.set_level(logging.WARNING)
    for _ in range(10):
        async with stalled(house, session["id"]) as socket_:
            await comes_true(lambda: any(v.traces for v in hub._viewers))
            hub.publish(sample(hub, 0))
            hub.publish(Message(seq=hub.last_seq, kind="heart", t_ms=0.0, data=b"{}"))
            socket_.close()
            hub.publish(sample(hub, 1))
            hub.publish(Message(seq=hub.last_seq, kind="heart", t_ms=0.0, data=b"{}"))
        for number in range(20):
            hub.publish(sample(hub, number))
            hub.publish(Message(seq=hub.last_seq, kind="heart", t_ms=0.0, data=b"{}"))
            await asyncio.sleep(0)
        await comes_true(lambda: hub.n_viewers == 0)
    wrong = [one for one in caplog.records if one.levelno >= logging.ERROR]
    assert wrong == []


async def test_guesses_let_nobody_in_and_disturb_nobody(start_house: Start) -> None:
    async with opened(start_house) as ward:
        id = await ward.begin()
        async with ward.watch("mira", id) as page:
            hello = await message(page)
            for number in range(60):
                body = {
                    "name": "mira" if number % 2 else f"nobody{number}",
                    "password": f"three wrong words {number}",
                }
                answer = await ward.house.anyone.post(
                    "/api/v1/sign-in/password", json=body
                )
                assert answer.status_code in (401, 429)
                assert "set-cookie" not in answer.headers
            assert answer.status_code == 429
            await ward.house.pass_time(3)
            last = hello["seq"]
            while last < running(ward.house, id).hub.last_seq:
                told = await message(page)
                assert told["seq"] == last + 1
                last = told["seq"]
