"""A NATS server that dies, freezes, comes back, or is not there yet."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path

import pytest

from biofeedback.bus import (
    BusError,
    Delivery,
    NoAnswerError,
    NobodyThereError,
)
from biofeedback.bus.nats import NatsBus
from biofeedback.errors import SettingsError
from tests.bus.conditions import eventually
from tests.bus.conftest import Link
from tests.nats_server import NatsServer


async def test_a_server_that_is_not_there_yet(link: Link, tmp_path: Path) -> None:
    server = NatsServer(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.port = listener.getsockname()[1]
    began = time.perf_counter()
    bus = await link(server.url)
    assert time.perf_counter() - began < 5
    assert not bus.connected
    heard: list[Delivery] = []
    await bus.subscribe("a", heard.append)
    await bus.answer("cmd", _echo)
    with pytest.raises(BusError):
        await bus.publish("a", b"too early")
    with pytest.raises(BusError):
        await bus.request("cmd", b"too early")
    with server:
        await eventually(lambda: bus.connected, "there is a link")
        assert await bus.request("cmd", b"1") == b"1"
        await bus.publish("a", b"1")
        await eventually(lambda: heard, "it was heard")
        assert [delivery.data for delivery in heard] == [b"1"]


async def test_a_server_that_is_killed_and_comes_back(
    link: Link, own_server: NatsServer, caplog: pytest.LogCaptureFixture
) -> None:
    sender, receiver = await link(), await link()
    links: list[bool] = []
    heard: list[Delivery] = []
    await receiver.subscribe("a.>", heard.append)
    closed = await receiver.subscribe("a.>", lambda _: pytest.fail("it was closed"))
    await receiver.answer("cmd", _echo)
    sender.on_link(links.append)
    await closed.close()
    await sender.publish("a.1", b"before")
    await eventually(lambda: heard, "it was heard")

    own_server.kill()
    await eventually(lambda: links == [False], "the loss is told")
    await eventually(lambda: not receiver.connected, "both links are lost")
    assert not sender.connected
    for number in range(100):
        with pytest.raises(BusError, match="cannot be reached"):
            await sender.publish("a.2", b"%d" % number)
    with pytest.raises(BusError, match="cannot be reached"):
        await sender.request("cmd", b"")
    await receiver.answer("meanwhile", _echo)

    own_server.start_again()
    await eventually(lambda: links == [False, True], "the return is told")
    await eventually(lambda: receiver.connected, "both links are back")
    await sender.publish("a.3", b"after")
    await eventually(lambda: len(heard) > 1, "it was heard")
    assert [delivery.data for delivery in heard] == [b"before", b"after"]
    assert await sender.request("cmd", b"x") == b"x"
    assert await sender.request("meanwhile", b"y") == b"y"
    with pytest.raises(NobodyThereError):
        await sender.request("nobody", b"")


async def test_whoever_waits_for_an_answer_hears_of_a_lost_link_at_once(
    link: Link, own_server: NatsServer
) -> None:
    asker, answerer = await link(), await link()
    asked = asyncio.Event()

    async def never(_: Delivery) -> bytes:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    await answerer.answer("cmd", never)
    request = asyncio.create_task(asker.request("cmd", b"", limit_s=300.0))
    await asked.wait()
    own_server.kill()
    with pytest.raises(NoAnswerError, match="link was lost"):
        await request


async def test_a_server_that_freezes_for_a_moment_loses_nothing(
    link: Link, own_server: NatsServer
) -> None:
    sender, receiver = await link(), await link()
    heard: list[Delivery] = []
    await receiver.subscribe("a", heard.append)
    own_server.pause()
    for number in range(10):
        await sender.publish("a", b"%d" % number)
    own_server.resume()
    await eventually(lambda: len(heard) == 10, "all came")
    assert sender.connected


async def test_a_frozen_server_is_given_up(link: Link, own_server: NatsServer) -> None:
    bus = await link(ping_every_s=0.05)
    own_server.pause()
    await eventually(lambda: not bus.connected, "the link is given up")
    with pytest.raises(BusError):
        await bus.publish("a", b"")
    own_server.resume()
    await eventually(lambda: bus.connected, "the link is back")


async def test_what_does_not_get_away_is_refused_and_not_piled_up(
    link: Link, own_server: NatsServer
) -> None:
    bus = await link()
    own_server.pause()

    async def piles_up() -> None:
        for _ in range(200):
            await bus.publish("a", bytes(512 * 1024))
            await asyncio.sleep(0)

    with pytest.raises(BusError, match="does not keep up"):
        await piles_up()
    own_server.resume()

    async def goes() -> bool:
        try:
            await bus.publish("a", b"")
        except BusError:
            return False
        return True

    async with asyncio.timeout(30):
        while not await goes():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)


async def test_whoever_gives_up_on_a_frozen_server_does_the_link_no_harm(
    link: Link, own_server: NatsServer
) -> None:
    bus = await link()
    links: list[bool] = []
    bus.on_link(links.append)
    own_server.pause()
    waits = asyncio.create_task(bus.subscribe("a", lambda _: None))
    await asyncio.sleep(0)
    waits.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waits
    own_server.resume()
    await bus.answer("cmd", _echo)
    assert await bus.request("cmd", b"x") == b"x"
    assert links == []


async def test_a_frozen_server_does_not_hold_up_the_end(
    link: Link, own_server: NatsServer
) -> None:
    bus = await link()
    await bus.subscribe("a", lambda _: None)
    own_server.pause()
    await bus.publish("a", bytes(900_000))
    async with asyncio.timeout(20):
        await bus.close()
    own_server.resume()


async def test_several_servers_one_of_which_is_there(
    link: Link, own_server: NatsServer
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        away = f"nats://127.0.0.1:{taken.getsockname()[1]}"
    bus = await link(f"{away},{own_server.url}")
    await eventually(lambda: bus.connected, "there is a link")


async def test_what_is_too_large_is_refused_with_advice(link: Link) -> None:
    bus = await link()
    with pytest.raises(BusError, match="max_payload"):
        await bus.publish("a", bytes(1024 * 1024 + 1))
    await bus.publish("a", bytes(1024 * 1024))

    async def too_much(_: Delivery) -> bytes:
        return bytes(1024 * 1024 + 1)

    await bus.answer("cmd", too_much)
    with pytest.raises(NoAnswerError, match="could not answer"):
        await bus.request("cmd", b"", limit_s=300.0)
    assert bus.connected


async def test_messages_that_are_dropped_are_counted_and_said_once(
    link: Link, caplog: pytest.LogCaptureFixture
) -> None:
    sender, receiver = await link(), await link(heard_limit=10)
    heard: list[Delivery] = []
    last: list[Delivery] = []
    await receiver.subscribe("a", heard.append)
    await receiver.subscribe("last", last.append)
    # One piece of network reading holds more than ten of them.
    for number in range(1000):
        await sender.publish("a", b"%d" % number)
    await sender.publish("last", b"")
    await eventually(lambda: last, "the last came")
    assert receiver.dropped > 0
    assert len(heard) + receiver.dropped == 1000
    said = [text for text in caplog.messages if "slow" in text]
    assert len(said) == 1


@pytest.mark.parametrize(
    "url", ["", "http://host", "nats://", "nats://host:port", "nats://me:hunter2@"]
)
async def test_an_address_that_cannot_be_used(url: str) -> None:
    bus = NatsBus(url, name="test")
    with pytest.raises(SettingsError) as refused:
        await bus.open()
    assert "hunter2" not in str(refused.value)
    await bus.close()


async def _echo(asked: Delivery) -> bytes:
    return asked.data
