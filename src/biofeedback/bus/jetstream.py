"""A log on NATS servers with JetStream: kept on their disks, with ids, in order.

It speaks JetStream's own requests (JSON on ``$JS.API``) over the bus: what is appended
is acknowledged or known not to be, and what is read goes on at a position that the
reader holds, not the server. So a reader survives whatever becomes of the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import msgspec

from biofeedback.bus import subjects
from biofeedback.bus.interface import BusError
from biofeedback.bus.log import Logged
from biofeedback.session.clock import NS_PER_S

if TYPE_CHECKING:
    from nats.aio.msg import Msg

    from biofeedback.bus.nats import NatsBus

KEPT_DAYS = 14.0
SAME_ID_S = 120.0
"""For how long what has the same id is kept once."""

BATCH = 32
"""Messages that are asked for at once, and so at most as many in memory."""

PULL_S = 30.0
HEARTBEAT_S = 5.0
"""How often the server says that it is there, while there is nothing to read."""

UNUSED_S = 120.0
"""After how long the server forgets a reader that never said goodbye."""

FIRST_WAIT_S = 0.05
LONGEST_WAIT_S = 2.0

_NO_STREAM = 10059
_LOGGER = logging.getLogger(__name__)


class JetStreamLog:
    """A stream of JetStream as a log.

    Parameters
    ----------
    bus
        A link to the servers.
    stream
        The stream's name.
    subjects
        What it keeps.
    kept_days
        For how long.
    copies
        On how many servers of a cluster, when it is made.
    """

    def __init__(
        self,
        bus: NatsBus,
        *,
        stream: str = "RECORDS",
        subjects: Sequence[str] = ("records.>",),
        kept_days: float = KEPT_DAYS,
        copies: int = 1,
    ) -> None:
        self._bus = bus
        self._stream = stream
        self._subjects = list(subjects)
        self._kept_days = kept_days
        self._copies = copies
        self._creates = False
        self._readers: set[_Reader] = set()
        self._linked = asyncio.Event()
        self._making: set[asyncio.Task[None]] = set()
        bus.on_link(self._on_link)
        if bus.connected:
            self._linked.set()

    async def open(self, *, create: bool = False) -> None:
        """Make the stream, or make it as it should be, if ``create``.

        If nobody can be reached it is made with the next link. Homes may not make it.
        """
        self._creates = create
        if create and self._bus.connected:
            await self._make()

    async def close(self) -> None:
        """Stop what is under way."""
        self._creates = False
        making = tuple(self._making)
        for task in making:
            task.cancel()
        await asyncio.gather(*making, return_exceptions=True)

    async def append(self, subject: str, data: bytes, *, id: str) -> None:
        """Keep a message; it is kept when this returns."""
        answer = await self._bus.ask(
            subjects.check_subject(subject),
            data,
            headers={"Nats-Msg-Id": id, "Nats-Expected-Stream": self._stream},
        )
        try:
            kept = _KEPT.decode(answer)
        except msgspec.DecodeError as error:
            raise BusError("What answered is not the log.") from error
        if kept.error is not None:
            raise BusError(
                f"The log did not keep a message: {kept.error.description}.",
                "Look at the NATS server: its disk and the limits of the stream.",
            )
        if kept.stream != self._stream:
            raise BusError("Another log than ours kept a message.")

    async def read(
        self, subject: str, *, after: int = 0
    ) -> AsyncGenerator[Logged, None]:
        """Yield what is kept behind a position, and what comes, for ever."""
        position = after
        wait_s = FIRST_WAIT_S
        while True:
            await self._linked.wait()
            try:
                reader = await self._reader(subjects.check_pattern(subject), position)
                async with aclosing(reader.read()) as batch:
                    async for logged in batch:
                        position = logged.position
                        wait_s = FIRST_WAIT_S
                        yield logged
            except _BegunAnewError:
                _LOGGER.warning(
                    "The log %s was begun anew: it is read from its beginning.",
                    self._stream,
                )
                position = 0
            except BusError as error:
                _LOGGER.info("The log is read again in a moment: %s", error.message)
                await asyncio.sleep(random.uniform(0.5, 1.0) * wait_s)
                wait_s = min(LONGEST_WAIT_S, 2 * wait_s)

    async def names(self, pattern: str) -> frozenset[str]:
        """Return the subjects on which something is kept. Homes may not ask.

        Raises
        ------
        BusError
            When nobody answers now.
        """
        names: set[str] = set()
        while True:
            body = {"subjects_filter": pattern, "offset": len(names)}
            try:
                info = await self._api(f"STREAM.INFO.{self._stream}", body)
            except _NoStreamError:
                return frozenset()
            page = info["state"].get("subjects") or {}
            names |= page.keys()
            if not page or len(names) >= info.get("total", 0):
                return frozenset(names)

    async def erase(self, pattern: str) -> int:
        """Keep nothing any more of what came on these subjects; return how much it was.

        Homes may not.

        Raises
        ------
        BusError
            When nobody answers now.
        """
        answer = await self._api(f"STREAM.PURGE.{self._stream}", {"filter": pattern})
        n: int = answer["purged"]
        return n

    async def _reader(self, subject: str, position: int) -> _Reader:
        try:
            last = (await self._api(f"STREAM.INFO.{self._stream}"))["state"]["last_seq"]
        except _NoStreamError:
            if self._creates:
                await self._make()
            raise
        if position > last:
            raise _BegunAnewError("The log is younger than what was read of it.")
        name = random.randbytes(11).hex()
        await self._api(
            f"CONSUMER.CREATE.{self._stream}.{name}.{subject}",
            {
                "stream_name": self._stream,
                "config": {
                    "name": name,
                    "deliver_policy": "by_start_sequence",
                    "opt_start_seq": position + 1,
                    "ack_policy": "none",
                    "filter_subject": subject,
                    "inactive_threshold": round(UNUSED_S * NS_PER_S),
                    "mem_storage": True,
                    "num_replicas": 1,
                },
            },
        )
        return _Reader(self._bus, self._readers, f"{self._stream}.{name}")

    def _on_link(self, connected: bool) -> None:
        for reader in self._readers:
            reader.interrupt()
        if not connected:
            self._linked.clear()
            return
        self._linked.set()
        if self._creates:
            task = asyncio.create_task(self._make())
            self._making.add(task)
            task.add_done_callback(self._making.discard)

    async def _make(self) -> None:
        wanted: dict[str, Any] = {
            "name": self._stream,
            "subjects": self._subjects,
            "max_age": round(self._kept_days * 86_400 * NS_PER_S),
            "duplicate_window": round(SAME_ID_S * NS_PER_S),
        }
        try:
            try:
                found = (await self._api(f"STREAM.INFO.{self._stream}"))["config"]
            except _NoStreamError:
                new = wanted | {
                    "storage": "file",
                    "retention": "limits",
                    "discard": "old",
                    "num_replicas": self._copies,
                }
                await self._api(f"STREAM.CREATE.{self._stream}", new)
                return
            if any(found.get(key) != value for key, value in wanted.items()):
                await self._api(f"STREAM.UPDATE.{self._stream}", found | wanted)
        except BusError as error:
            _LOGGER.warning("The log %s cannot be made: %s", self._stream, error)

    async def _api(
        self, what: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        data = msgspec.json.encode(body) if body else b""
        answer: dict[str, Any] = msgspec.json.decode(
            await self._bus.ask(f"$JS.API.{what}", data)
        )
        if (error := answer.get("error")) is None:
            return answer
        kind = _NoStreamError if error.get("err_code") == _NO_STREAM else BusError
        raise kind(f"JetStream refuses: {error.get('description', 'it says not why')}.")


class _Reader:
    """One consumer on the server, asked for a batch at a time; it ends with trouble."""

    def __init__(self, bus: NatsBus, readers: set[_Reader], consumer: str) -> None:
        self._bus = bus
        self._readers = readers
        self._consumer = consumer
        self._came: asyncio.Queue[Msg | None] = asyncio.Queue()

    def interrupt(self) -> None:
        """End the reading: the link is another."""
        self._came.put_nowait(None)

    async def read(self) -> AsyncGenerator[Logged, None]:
        """Yield messages until there is trouble, which is raised."""
        count = 0
        inbox = await self._bus.listen_to_inbox(self._came.put_nowait)
        self._readers.add(self)
        try:
            while True:
                await self._bus.send(_next(self._consumer), _PULL, to=inbox)
                for _ in range(BATCH):
                    message = await self._next_message()
                    if message is None:
                        break
                    at = message.metadata.sequence
                    count += 1
                    if at.consumer != count:
                        raise BusError("A message of the log was lost on the way.")
                    yield Logged(
                        position=at.stream, subject=message.subject, data=message.data
                    )
        finally:
            self._readers.discard(self)
            with contextlib.suppress(BusError):
                await self._bus.send(f"$JS.API.CONSUMER.DELETE.{self._consumer}", b"")
            await inbox.close()

    async def _next_message(self) -> Msg | None:
        """Return the next message, or ``None`` when it is time to ask again."""
        while True:
            try:
                async with asyncio.timeout(2.5 * HEARTBEAT_S):
                    message = await self._came.get()
            except TimeoutError as error:
                raise BusError("The log fell silent.") from error
            if message is None:
                raise BusError("The link to the log was lost.")
            headers = message.headers or {}
            status = headers.get("Status")
            if status is None:
                return message
            if status == _EXPIRED:
                return None
            if status != _HEARTBEAT:
                raise BusError(f"The log ended a reading ({status}).")


class _NoStreamError(BusError):
    """The stream is not there."""


class _BegunAnewError(BusError):
    """The stream is another than the one that was read before."""


class _KeptError(msgspec.Struct, frozen=True):
    description: str = "it says not why"


class _Kept(msgspec.Struct, frozen=True):
    """What a stream answers to what it is to keep."""

    stream: str = ""
    error: _KeptError | None = None


def _next(consumer: str) -> str:
    return f"$JS.API.CONSUMER.MSG.NEXT.{consumer}"


_KEPT = msgspec.json.Decoder(_Kept)
_HEARTBEAT = "100"
_EXPIRED = "408"
_PULL = msgspec.json.encode(
    {
        "batch": BATCH,
        "expires": round(PULL_S * NS_PER_S),
        "idle_heartbeat": round(HEARTBEAT_S * NS_PER_S),
    }
)
