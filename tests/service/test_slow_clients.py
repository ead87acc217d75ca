"""Clients that take their time, say too much, or come in crowds: others notice nothing.

The limits are arguments, so what takes minutes outside takes a second here.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from biofeedback.service.connections import ConnectionLimits, files_allowed, network_of
from biofeedback.service.limits import AT_ONCE
from biofeedback.service.seats import MOST_SOCKETS, Seats
from tests.service.conftest import House, Start, comes_true, message

N_SLOW = 200
PATIENCE_S = 60.0
IMPATIENT = ConnectionLimits(head_s=1.0, body_s=1.0, write_s=1.0)
ROOM = ConnectionLimits(per_loopback=6)


@pytest.fixture
async def impatient(start_house: Start) -> AsyncIterator[House]:
    async with start_house(limits=IMPATIENT) as house:
        yield house


def n_open(house: House) -> int:
    (door,) = house.server.doors
    return door.n_open


async def connected(
    house: House,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", house.context.settings.port)


async def answer_to(house: House, *said: bytes, drip: bytes = b"") -> bytes:
    """Say something, then drip on; return all that was answered until the end."""
    reader, writer = await connected(house)

    async def dripping() -> None:
        with contextlib.suppress(OSError):
            while drip:
                await asyncio.sleep(0.05)
                writer.write(drip)
                await writer.drain()

    for part in said:
        writer.write(part)
        await asyncio.sleep(0)
    dripper = asyncio.create_task(dripping())
    answer = b""
    try:
        async with asyncio.timeout(PATIENCE_S):
            with contextlib.suppress(ConnectionError):
                while block := await reader.read(65536):
                    answer += block
    finally:
        dripper.cancel()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    return answer


def head(house: House, *lines: str, path: str = "/healthz") -> bytes:
    first = (f"POST {path} HTTP/1.1", f"Host: {house.address}", *lines)
    return "\r\n".join(first).encode()


async def test_two_hundred_that_never_finish_a_head(impatient: House) -> None:
    house = impatient
    said = head(house, "X-Slow: 1\r\n")
    slow = [
        asyncio.create_task(answer_to(house, said, drip=b"X-Slow: 1\r\n"))
        for _ in range(N_SLOW)
    ]
    await comes_true(lambda: n_open(house) >= N_SLOW)
    for _ in range(5):
        assert (await house.anyone.get("/healthz")).status_code == 200
    answers = await asyncio.gather(*slow)
    assert {answer.partition(b"\r\n")[0] for answer in answers} == {
        b"HTTP/1.1 408 Request Timeout"
    }
    await comes_true(lambda: n_open(house) <= 2)
    assert (await house.anyone.get("/healthz")).status_code == 200


async def test_what_never_becomes_a_request(impatient: House) -> None:
    house = impatient
    posted = ("Content-Type: application/json", "\r\n")
    sized = head(house, "Content-Length: 60000", *posted, path="/api/v1/sign-in")
    chunked = head(house, "Transfer-Encoding: chunked", *posted, path="/api/v1/sign-in")
    slow = {
        "nothing at all": (b"", b""),
        "empty lines": (b"", b"\r\n"),
        "half a line": (b"GET / HT", b""),
        "another protocol": (b"PRI * HTTP/2.0\r\n", b"\r"),
        "a body of a size": (sized, b" "),
        "a body in chunks": (chunked, b"1\r\n \r\n"),
    }
    answers = await asyncio.gather(
        *(answer_to(house, said, drip=drip) for said, drip in slow.values())
    )
    for name, answer in zip(slow, answers, strict=True):
        assert answer.startswith((b"HTTP/1.1 408 ", b"HTTP/1.1 400 ")), name
        assert answer.count(b"HTTP/1.1") == 1, f"{name}: nothing follows it"


async def test_what_goes_on_after_its_answer(impatient: House) -> None:
    house = impatient
    lines = ("Content-Length: 99999999", "Content-Type: application/json", "\r\n")
    large = head(house, *lines, path="/api/v1/sign-in")
    first = f"GET /healthz HTTP/1.1\r\nHost: {house.address}\r\n\r\n".encode()
    endless, second = await asyncio.gather(
        answer_to(house, large, drip=b"x" * 1000),
        answer_to(house, first, b"GET / HTTP/1.1\r\n", drip=b"X: 1\r\n"),
    )
    assert endless.startswith(b"HTTP/1.1 413 ")
    assert endless.count(b"HTTP/1.1") == 1
    assert second.startswith(b"HTTP/1.1 200 ")
    assert second.count(b"HTTP/1.1 200 ") == 1


async def test_an_answer_that_nobody_reads(impatient: House) -> None:
    # So many answers that no buffer holds them, and a reader that never reads.
    ask = f"GET /api/v1/openapi.json HTTP/1.1\r\nHost: {impatient.address}\r\n\r\n"
    assert (await impatient.anyone.get("/api/v1/openapi.json")).status_code == 200
    before = n_open(impatient)
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(deaf, ("127.0.0.1", impatient.context.settings.port))
        await loop.sock_sendall(deaf, ask.encode() * 100)
        await comes_true(lambda: n_open(impatient) == before + 1)
        await comes_true(lambda: n_open(impatient) <= before, seconds=PATIENCE_S)


async def test_a_head_that_is_too_long(house: House) -> None:
    upgrade = ["Connection: Upgrade", "Upgrade: websocket"]
    for name, lines in {
        "one long header": [f"X-Long: {'x' * 20_000}"],
        "many headers": [f"X-{n}: x" for n in range(101)],
        "together long": [f"X-{n}: {'x' * 200}" for n in range(90)],
    }.items():
        for more in ([], upgrade):
            said = head(house, *lines, *more, "\r\n").replace(b"POST", b"GET")
            answer = await answer_to(house, said)
            assert answer.startswith(b"HTTP/1.1 431 "), (name, more)
    for said, drip in ((head(house, "X: "), b"x" * 2000), (b"GET /", b"x" * 2000)):
        answer = await answer_to(house, said, drip=drip)
        assert answer.startswith(b"HTTP/1.1 431 "), "a line without an end"
    assert (await house.anyone.get("/healthz")).status_code == 200


async def test_no_address_takes_more_than_its_share(start_house: Start) -> None:
    async with start_house(limits=ROOM) as house:
        crowd = [await connected(house) for _ in range(ROOM.per_loopback)]
        await comes_true(lambda: n_open(house) == ROOM.per_loopback)
        assert await answer_to(house) == b"", "turned away at once"
        for _, writer in crowd:
            writer.close()
            await writer.wait_closed()
        await comes_true(lambda: n_open(house) < ROOM.per_loopback)
        assert (await house.anyone.get("/healthz")).status_code == 200


def test_who_counts_as_one() -> None:
    assert network_of("127.0.0.1") == network_of("::1") == network_of("127.8.8.8")
    assert network_of("::ffff:10.0.0.1") == network_of("10.0.0.1")
    assert network_of("10.0.0.1") != network_of("10.0.0.2")
    assert network_of("fd00::1%eth0") == network_of("fd00::2")
    assert network_of("fd00:0:0:1::1") != network_of("fd00::1")


def test_files_are_left_for_the_recordings() -> None:
    assert files_allowed() >= 256


async def test_a_sign_in_holds_so_many_websockets(house: House) -> None:
    session = await house.begin()
    cookie = "; ".join(f"{name}={to}" for name, to in house.browser.cookies.items())
    async with contextlib.AsyncExitStack() as windows:

        async def open_one() -> str:
            watching = house.watch(session["id"], headers={"Cookie": cookie})
            window = await windows.enter_async_context(watching)
            return str((await message(window))["kind"])

        for _ in range(MOST_SOCKETS):
            assert await open_one() == "hello"
        with pytest.raises(ConnectionClosed) as refused:
            await open_one()
        assert refused.value.rcvd is not None
        assert refused.value.rcvd.code == 4429
        async with house.watch(session["id"]) as program:
            assert (await message(program))["kind"] == "hello", "others have theirs"
    seats = house.context.seats
    await comes_true(lambda: not seats._taken)


def test_a_seat_is_given_back() -> None:
    seats = Seats(most=1)
    seats.take("one")
    assert seats.is_full("one")
    assert not seats.is_full("two")
    seats.leave("one")
    assert not seats.is_full("one")


async def test_strangers_are_told_so_often(house: House) -> None:
    session = await house.begin()

    async def told() -> int:
        try:
            async with house.watch(session["id"], headers={}) as socket:
                await socket.wait_closed()
                return socket.close_code or 0
        except InvalidStatus as refused:
            return refused.response.status_code

    codes = [await told() for _ in range(AT_ONCE + 5)]
    assert codes[:AT_ONCE] == [4401] * AT_ONCE
    assert 403 in codes[AT_ONCE:]
    async with house.watch(session["id"]) as program:
        assert (await message(program))["kind"] == "hello", "who is known comes in"
