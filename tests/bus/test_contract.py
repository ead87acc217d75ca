"""What every bus promises, asked of each: of one process, and of a real NATS server."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest

from biofeedback.bus import (
    BusError,
    Delivery,
    NoAnswerError,
    NobodyThereError,
)
from tests.bus.conditions import eventually
from tests.bus.conftest import Join


class Heard(list[tuple[str, bytes]]):
    """A listener that keeps what it was told."""

    def __call__(self, delivery: Delivery) -> None:
        self.append((delivery.subject, delivery.data))


async def test_what_is_sent_is_heard_in_its_order(join: Join) -> None:
    sender, receiver = await join(), await join()
    heard = Heard()
    await receiver.subscribe("live.node.N-7Q2M9K.s1", heard)
    sent = [("live.node.N-7Q2M9K.s1", b"%d" % number) for number in range(500)]
    for subject, data in sent:
        await sender.publish(subject, data)
    await eventually(lambda: len(heard) >= 500, "all came")
    assert heard == sent


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("a.b.c", ["a.b.c"]),
        ("a.*.c", ["a.b.c", "a.x.c"]),
        ("a.*", ["a.b"]),
        ("a.>", ["a.b.c", "a.x.c", "a.b", "a.b.c.d"]),
        (">", ["a.b.c", "a.x.c", "a.b", "a.b.c.d", "a", "b.b.c", "end"]),
        ("*.b.>", ["a.b.c", "a.b.c.d", "b.b.c"]),
    ],
)
async def test_a_pattern_hears_what_it_matches(
    join: Join, pattern: str, wanted: list[str]
) -> None:
    bus = await join()
    heard, all_of_it = Heard(), Heard()
    await bus.subscribe(pattern, heard)
    await bus.subscribe("end", all_of_it)
    for subject in ("a.b.c", "a.x.c", "a.b", "a.b.c.d", "a", "b.b.c", "end"):
        await bus.publish(subject, b"")
    await eventually(lambda: all_of_it, "the end came")
    await eventually(lambda: len(heard) >= len(wanted), "as many came")
    assert [subject for subject, _ in heard] == wanted


@pytest.mark.parametrize("subject", ["", "a..b", "a b", "a.*", ">", "a.\r\nPUB b", "é"])
async def test_what_is_no_subject_is_not_sent(join: Join, subject: str) -> None:
    bus = await join()
    with pytest.raises(ValueError, match="no subject"):
        await bus.publish(subject, b"")
    with pytest.raises(ValueError, match="no subject"):
        await bus.request(subject, b"")


@pytest.mark.parametrize("pattern", ["", "a..b", "a.>.b", "a*", "a b", "a.\r\nSUB b 1"])
async def test_what_is_no_pattern_is_not_listened_to(join: Join, pattern: str) -> None:
    bus = await join()
    with pytest.raises(ValueError, match="no subject"):
        await bus.subscribe(pattern, Heard())


async def test_all_who_listen_are_told_and_whoever_sent_it_too(join: Join) -> None:
    one, other = await join(), await join()
    first, second, third = Heard(), Heard(), Heard()
    await one.subscribe("a.>", first)
    await one.subscribe("a.b", second)
    await other.subscribe("a.*", third)
    await one.publish("a.b", b"x")
    await eventually(lambda: first and second and third, "three were told")
    assert first == second == third == [("a.b", b"x")]


async def test_nobody_is_told_from_within_publish(join: Join) -> None:
    bus = await join()
    order: list[str] = []
    answers: list[asyncio.Task[None]] = []

    def told(delivery: Delivery) -> None:
        order.append(f"told {delivery.data.decode()}")
        if delivery.data == b"1":
            answers.append(asyncio.create_task(bus.publish("a", b"3")))

    await bus.subscribe("a", told)
    await bus.publish("a", b"1")
    order.append("published 1")
    await bus.publish("a", b"2")
    order.append("published 2")
    await eventually(lambda: "told 3" in order, "what a listener sent came")
    assert order == ["published 1", "published 2", "told 1", "told 2", "told 3"]


async def test_a_listener_that_fails_keeps_nothing_from_the_others(
    join: Join, caplog: pytest.LogCaptureFixture
) -> None:
    bus = await join()
    heard, told = Heard(), list[bytes]()

    def fails(delivery: Delivery) -> None:
        told.append(delivery.data)
        raise RuntimeError("broken")

    await bus.subscribe("a", fails)
    await bus.subscribe("a", heard)
    await bus.publish("a", b"1")
    await bus.publish("a", b"2")
    await eventually(lambda: len(heard) == len(told) == 2, "both were told, twice")
    failed = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [record.getMessage() for record in failed] == [
        "What listens to a failed."
    ] * 2


async def test_whoever_listens_no_longer_is_not_told(join: Join) -> None:
    sender, receiver = await join(), await join()
    closed, heard = Heard(), Heard()
    subscription = await receiver.subscribe("a", closed)
    await receiver.subscribe("a", heard)
    await sender.publish("a", b"1")
    await eventually(lambda: closed and heard, "both were told")
    await subscription.close()
    await subscription.close()
    await sender.publish("a", b"2")
    await eventually(lambda: len(heard) == 2, "the other was told")
    assert closed == [("a", b"1")]


async def test_what_was_under_way_to_whoever_closed_is_not_told(join: Join) -> None:
    bus = await join()
    closed, heard = Heard(), Heard()
    subscription = await bus.subscribe("a", closed)
    await bus.subscribe("a", heard)
    await bus.publish("a", b"1")
    await subscription.close()
    await eventually(lambda: heard, "the other was told")
    assert closed == []


async def test_a_request_is_answered(join: Join) -> None:
    asker, answerer = await join(), await join()

    async def answer(asked: Delivery) -> bytes:
        return asked.subject.encode() + b" " + asked.data

    await answerer.answer("cmd.node.*.s1", answer)
    assert await asker.request("cmd.node.N-1.s1", b"go") == b"cmd.node.N-1.s1 go"


async def test_nobody_there_is_known_at_once(join: Join) -> None:
    bus = await join()
    began = time.perf_counter()
    with pytest.raises(NobodyThereError):
        await bus.request("cmd.node.N-1.s1", b"go", limit_s=30.0)
    assert time.perf_counter() - began < 0.2


async def test_nobody_is_there_any_more(join: Join) -> None:
    asker, answerer = await join(), await join()
    subscription = await answerer.answer("cmd", _hello)
    assert await asker.request("cmd", b"") == b"hello"
    await subscription.close()
    with pytest.raises(NobodyThereError):
        await asker.request("cmd", b"", limit_s=30.0)


async def test_an_answer_that_takes_too_long(join: Join) -> None:
    asker, answerer = await join(), await join()
    asked = asyncio.Event()

    async def never(_: Delivery) -> bytes:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    await answerer.answer("cmd", never)
    with pytest.raises(NoAnswerError, match="in time"):
        await asker.request("cmd", b"", limit_s=0.05)
    assert asked.is_set()


async def test_a_failure_is_no_answer_and_known_at_once(
    join: Join, caplog: pytest.LogCaptureFixture
) -> None:
    asker, answerer = await join(), await join()

    async def fails(_: Delivery) -> bytes:
        raise RuntimeError("broken")

    await answerer.answer("cmd", fails)
    with pytest.raises(NoAnswerError, match="could not answer"):
        await asker.request("cmd", b"", limit_s=300.0)
    assert "What answers on cmd failed." in caplog.text


async def test_one_of_several_gets_each_request(join: Join) -> None:
    asker, one, other = await join(), await join(), await join()
    asked: list[str] = []

    async def first(delivery: Delivery) -> bytes:
        asked.append("first")
        return delivery.data

    async def second(delivery: Delivery) -> bytes:
        asked.append("second")
        return delivery.data

    await one.answer("cmd.a", first)
    await other.answer("cmd.*", second)
    for number in range(50):
        assert await asker.request("cmd.a", b"%d" % number) == b"%d" % number
    assert len(asked) == 50
    assert set(asked) == {"first", "second"}


async def test_requests_are_answered_side_by_side(join: Join) -> None:
    asker, answerer = await join(), await join()
    together = asyncio.Barrier(3)

    async def answer(asked: Delivery) -> bytes:
        await together.wait()
        return asked.data

    await answerer.answer("cmd", answer)
    answers = await asyncio.gather(
        *(asker.request("cmd", b"%d" % number, limit_s=30.0) for number in range(3))
    )
    assert answers == [b"0", b"1", b"2"]


async def test_whoever_asks_may_give_up(join: Join) -> None:
    asker, answerer = await join(), await join()
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def answer(_: Delivery) -> bytes:
        asked.set()
        await go_on.wait()
        return b"late"

    await answerer.answer("cmd", answer)
    request = asyncio.create_task(asker.request("cmd", b"", limit_s=30.0))
    await asked.wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    go_on.set()
    assert await asker.request("cmd", b"") == b"late"


async def test_a_closed_bus_says_so_and_leaves_others_alone(join: Join) -> None:
    closed, one, other = await join(), await join(), await join()
    heard, not_heard = Heard(), Heard()
    await closed.subscribe("a", not_heard)
    await closed.answer("cmd", _hello)
    await other.subscribe("a", heard)
    await closed.close()
    await closed.close()
    assert not closed.connected
    with pytest.raises(BusError):
        await closed.publish("a", b"")
    with pytest.raises(BusError):
        await closed.request("cmd", b"")
    with pytest.raises(BusError):
        await closed.subscribe("a", heard)
    with pytest.raises(NobodyThereError):
        await one.request("cmd", b"", limit_s=30.0)
    await one.publish("a", b"1")
    await eventually(lambda: heard, "another was told")
    assert not_heard == []


async def test_closing_ends_the_answers_that_are_under_way(join: Join) -> None:
    asker, answerer = await join(), await join()
    asked, ended = asyncio.Event(), asyncio.Event()

    async def never(_: Delivery) -> bytes:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    await answerer.answer("cmd", never)
    request = asyncio.create_task(asker.request("cmd", b"", limit_s=30.0))
    await asked.wait()
    await answerer.close()
    assert ended.is_set()
    with pytest.raises(NoAnswerError):
        await request


async def _hello(_: Delivery) -> bytes:
    return b"hello"
