"""A log that keeps what it said it keeps, whatever becomes of the server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec
import pytest

from biofeedback.bus import BusError
from biofeedback.bus.jetstream import BATCH, JetStreamLog
from biofeedback.bus.log import Logged
from biofeedback.bus.nats import NatsBus
from tests.bus.conditions import PATIENCE_S, eventually
from tests.bus.conftest import Link
from tests.nats_server import NatsServer

SUBJECT = "records.3.H-7Q2M9K.s1"


class Reading:
    """Reads a log in a task, until it is closed."""

    def __init__(self, log: JetStreamLog, subject: str, after: int = 0) -> None:
        self.found: list[Logged] = []
        self._go_on = asyncio.Event()
        self._go_on.set()
        self._task = asyncio.create_task(self._read(log, subject, after))

    @property
    def data(self) -> list[bytes]:
        return [logged.data for logged in self.found]

    def pause(self) -> None:
        self._go_on.clear()

    def resume(self) -> None:
        self._go_on.set()

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _read(self, log: JetStreamLog, subject: str, after: int) -> None:
        async for logged in log.read(subject, after=after):
            self.found.append(logged)
            await self._go_on.wait()


@pytest.fixture
async def bus(own_server: NatsServer, link: Link) -> NatsBus:
    return await link()


@pytest.fixture
async def log(bus: NatsBus) -> AsyncIterator[JetStreamLog]:
    log = JetStreamLog(bus)
    await log.open(create=True)
    yield log
    await log.close()


async def test_what_is_appended_is_read_in_order(log: JetStreamLog) -> None:
    for number in range(3 * BATCH):
        await log.append(SUBJECT, b"%d" % number, id=str(number))
    reading = Reading(log, "records.3.>")
    await eventually(lambda: len(reading.found) == 3 * BATCH, "all is read")
    assert reading.data == [b"%d" % number for number in range(3 * BATCH)]
    assert [one.position for one in reading.found] == list(range(1, 3 * BATCH + 1))
    assert {one.subject for one in reading.found} == {SUBJECT}
    await log.append(SUBJECT, b"new", id="new")
    await eventually(lambda: reading.data[-1] == b"new", "what comes is read, too")
    await reading.close()


async def test_a_reader_hears_its_subjects_only_and_goes_on_behind_its_position(
    log: JetStreamLog,
) -> None:
    for number in range(10):
        partition = number % 2
        await log.append(f"records.{partition}.H.s", b"%d" % number, id=str(number))
    reading = Reading(log, "records.1.>", after=4)
    await eventually(lambda: len(reading.found) == 3, "three are read")
    assert reading.data == [b"5", b"7", b"9"]
    assert [one.position for one in reading.found] == [6, 8, 10]
    await reading.close()


async def test_the_same_id_is_kept_once(log: JetStreamLog) -> None:
    for _ in range(3):
        await log.append(SUBJECT, b"once", id="parcel-1")
    await log.append(SUBJECT, b"last", id="parcel-2")
    reading = Reading(log, "records.>")
    await eventually(lambda: b"last" in reading.data, "all is read")
    assert reading.data == [b"once", b"last"]
    await reading.close()


async def test_a_server_that_is_killed_keeps_what_it_said_it_keeps(
    log: JetStreamLog, own_server: NatsServer
) -> None:
    kept: list[bytes] = []
    reading = Reading(log, "records.>")

    async def write() -> None:
        for number in range(400):
            data = b"%d" % number
            # A caller appends again with the same id until it is known to be kept.
            while True:
                try:
                    await log.append(SUBJECT, data, id=str(number))
                except BusError:
                    await asyncio.sleep(0.01)
                else:
                    kept.append(data)
                    break

    writing = asyncio.create_task(write())
    for count in (50, 200):
        await eventually(lambda count=count: len(kept) >= count, "some are kept")  # type: ignore[misc]
        own_server.kill()
        own_server.start_again()
    async with asyncio.timeout(PATIENCE_S):
        await writing
    await eventually(lambda: len(reading.found) >= 400, "all are read")
    assert reading.data == kept == [b"%d" % number for number in range(400)]
    positions = [one.position for one in reading.found]
    assert positions == sorted(set(positions))
    await reading.close()


async def test_whether_it_was_kept_is_not_known_while_the_link_is_lost(
    log: JetStreamLog, own_server: NatsServer
) -> None:
    own_server.pause()
    appending = asyncio.create_task(log.append(SUBJECT, b"1", id="1"))
    await asyncio.sleep(0)
    own_server.kill()
    with pytest.raises(BusError):
        await appending
    with pytest.raises(BusError):
        await log.append(SUBJECT, b"1", id="1")


async def test_a_reader_whose_consumer_is_deleted_goes_on(
    log: JetStreamLog, bus: NatsBus
) -> None:
    reading = Reading(log, "records.>")
    await log.append(SUBJECT, b"1", id="1")
    await eventually(lambda: reading.data == [b"1"], "it is read")
    manager = await _names(bus)
    assert len(manager) == 1
    await bus.ask(f"$JS.API.CONSUMER.DELETE.RECORDS.{manager[0]}", b"")
    await log.append(SUBJECT, b"2", id="2")
    await eventually(lambda: reading.data == [b"1", b"2"], "it goes on")
    await reading.close()


async def test_a_log_that_is_purged_goes_on_with_the_oldest(
    log: JetStreamLog, bus: NatsBus
) -> None:
    for number in range(5):
        await log.append(SUBJECT, b"%d" % number, id=str(number))
    await bus.ask("$JS.API.STREAM.PURGE.RECORDS", b'{"seq": 4}')
    reading = Reading(log, "records.>", after=1)
    await eventually(lambda: len(reading.found) == 2, "what is kept is read")
    assert reading.data == [b"3", b"4"]
    await bus.ask("$JS.API.STREAM.PURGE.RECORDS", b"")
    await log.append(SUBJECT, b"5", id="5")
    await eventually(lambda: reading.data[-1] == b"5", "it goes on")
    assert reading.found[-1].position == 6
    await reading.close()


async def test_a_log_that_was_begun_anew_is_read_from_its_beginning(
    log: JetStreamLog, bus: NatsBus, caplog: pytest.LogCaptureFixture
) -> None:
    reading = Reading(log, "records.>")
    for number in range(5):
        await log.append(SUBJECT, b"%d" % number, id=str(number))
    await eventually(lambda: len(reading.found) == 5, "all is read")
    await bus.ask("$JS.API.STREAM.DELETE.RECORDS", b"")
    # Whoever reads, and may, makes it again.
    await eventually(lambda: "begun anew" in caplog.text, "it is said")
    await log.append(SUBJECT, b"new", id="new")
    await eventually(lambda: reading.data[-1] == b"new", "it goes on")
    assert reading.found[-1].position == 1
    await reading.close()


async def test_a_slow_reader_has_no_more_than_a_batch_in_memory(
    log: JetStreamLog, bus: NatsBus
) -> None:
    reading = Reading(log, "records.>")
    reading.pause()
    for number in range(5 * BATCH):
        await log.append(SUBJECT, b"%d" % number, id=str(number))
    await eventually(lambda: reading.found, "the first is read")
    (name,) = await _names(bus)
    async with asyncio.timeout(PATIENCE_S):
        while (left := await _n_left(bus, name)) > 4 * BATCH:
            pass  # what was asked for is on its way
    assert left == 4 * BATCH
    reading.resume()
    await eventually(lambda: len(reading.found) == 5 * BATCH, "all is read")
    await reading.close()


async def test_a_reader_that_ends_leaves_nothing_behind(
    log: JetStreamLog, bus: NatsBus
) -> None:
    await log.append(SUBJECT, b"1", id="1")
    async with contextlib.aclosing(log.read("records.>")) as records:
        async for _ in records:
            break
    await _nobody_left(bus)
    reading = Reading(log, "records.>")
    await eventually(lambda: reading.found, "it is read")
    await reading.close()
    await _nobody_left(bus)


async def test_a_reader_that_is_there_before_the_log_waits_for_it(
    bus: NatsBus, link: Link
) -> None:
    reading = Reading(JetStreamLog(bus), "records.>")
    log = JetStreamLog(await link())
    with pytest.raises(BusError):
        await log.append(SUBJECT, b"1", id="1")
    await log.open(create=True)
    await log.append(SUBJECT, b"1", id="1")
    await eventually(lambda: reading.data == [b"1"], "it is read")
    await reading.close()


async def test_a_log_is_made_when_the_server_comes(
    link: Link, own_server: NatsServer
) -> None:
    own_server.kill()
    bus = await link()
    log = JetStreamLog(bus)
    await log.open(create=True)
    reading = Reading(log, "records.>")
    own_server.start_again()

    async def append() -> bool:
        try:
            await log.append(SUBJECT, b"1", id="1")
        except BusError:
            return False
        return True

    async with asyncio.timeout(PATIENCE_S):
        while not await append():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)
    await eventually(lambda: reading.data == [b"1"], "it is read")
    await reading.close()
    await log.close()


async def test_a_log_that_is_there_is_made_as_it_should_be(
    log: JetStreamLog, bus: NatsBus
) -> None:
    await log.append(SUBJECT, b"1", id="1")
    longer = JetStreamLog(bus, subjects=("records.>", "more.>"), kept_days=30)
    await longer.open(create=True)
    await longer.append("more.a", b"2", id="2")
    reading = Reading(longer, ">")
    await eventually(lambda: reading.data == [b"1", b"2"], "both are kept")
    await reading.close()


async def test_a_log_that_is_full_says_so(bus: NatsBus) -> None:
    await bus.ask(
        "$JS.API.STREAM.CREATE.RECORDS",
        b'{"name":"RECORDS","subjects":["records.>"],"max_msgs":1,"discard":"new"}',
    )
    log = JetStreamLog(bus)
    await log.open()
    await log.append(SUBJECT, b"1", id="1")
    with pytest.raises(BusError, match="did not keep"):
        await log.append(SUBJECT, b"2", id="2")


async def test_another_log_is_not_taken_for_ours(bus: NatsBus) -> None:
    await bus.ask(
        "$JS.API.STREAM.CREATE.OTHER", b'{"name":"OTHER","subjects":["records.>"]}'
    )
    with pytest.raises(BusError):
        await JetStreamLog(bus).append(SUBJECT, b"1", id="1")


async def _nobody_left(bus: NatsBus) -> None:
    # The reader says goodbye and does not wait for it to be heard.
    async with asyncio.timeout(PATIENCE_S):
        while await _names(bus):  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.005)


async def _names(bus: NatsBus) -> list[str]:
    answer = msgspec.json.decode(await bus.ask("$JS.API.CONSUMER.NAMES.RECORDS", b""))
    names: list[str] = answer["consumers"]
    return names


async def _n_left(bus: NatsBus, name: str) -> int:
    """Return how many messages a reader was not given yet."""
    answer = await bus.ask(f"$JS.API.CONSUMER.INFO.RECORDS.{name}", b"")
    left: int = msgspec.json.decode(answer)["num_pending"]
    return left
