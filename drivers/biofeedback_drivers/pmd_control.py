"""Commands to a Polar strap over its control point: one at a time, each answered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from msgspec.structs import replace

from biofeedback.errors import LinkError
from biofeedback.model import LinkReason
from biofeedback.wire import uuids
from biofeedback.wire.polar_pmd import (
    Command,
    Measurement,
    Op,
    Response,
    Settings,
    Status,
    Stopped,
    control_from_bytes,
)
from biofeedback_drivers.timing import Timing

log = logging.getLogger(__name__)

Receive = Callable[[str, bytes], None]
"""Takes the short name of a characteristic and what it sent; stamps it first."""

_AGAIN = frozenset({LinkReason.TIMEOUT, LinkReason.BUSY, LinkReason.INTERNAL})
"""Failures of a write after which another may succeed."""


class PolarLink(Protocol):
    """What of a connection is needed here: a part of :class:`.link.Link`."""

    @property
    def connected(self) -> bool:
        """Whether there is a link, as far as that can be known."""
        ...

    def find(self, short: str) -> object | None:
        """Return the characteristic, or ``None`` when the strap has none such."""
        ...

    async def read(self, short: str) -> bytes | None:
        """Read it; ``None`` when that cannot be done."""
        ...

    async def write(self, short: str, data: bytes) -> None:
        """Write to it and wait, not for ever, for the strap to take it.

        Raises
        ------
        LinkError
            With the reason.
        """
        ...

    async def start(self, short: str, receive: Receive) -> None:
        """Have what it notifies or indicates handed to ``receive``.

        Raises
        ------
        LinkError
            With the reason.
        """
        ...


class ControlPoint:
    """Gives commands and waits for their replies.

    Parameters
    ----------
    link
        The connection.
    receive
        Takes what the strap sends (``pmd_cp``) and what is written (``pmd_cp_write``).
    timing
        ``pmd_reply_s`` and ``pmd_attempts`` count here.
    stopped
        Is told which measurements the strap stopped by itself.
    """

    def __init__(
        self,
        link: PolarLink,
        receive: Receive,
        timing: Timing,
        stopped: Callable[[Stopped], None],
    ) -> None:
        self._link = link
        self._receive = receive
        self._timing = timing
        self._on_stopped = stopped
        self._waiting: tuple[Op, Measurement, asyncio.Future[Response]] | None = None
        self._parameters = b""  # of a reply that comes in parts
        self.closing = False

    async def listen(self) -> None:
        """Have its replies sent: before the first command (polar-ble-sdk#281, #287).

        Raises
        ------
        LinkError
            With the reason.
        """
        await self._link.start(uuids.PMD_CONTROL_POINT, self._take)

    def cut_short(self) -> None:
        """Have what waits for a reply raise ``STOPPED``, and no more be asked."""
        self.closing = True
        if self._waiting is not None and not self._waiting[2].done():
            self._waiting[2].set_exception(LinkError(LinkReason.STOPPED))

    async def ask(
        self,
        op: Op,
        measurement: Measurement,
        *,
        settings: Settings | None = None,
        attempts: int | None = None,
    ) -> Response | None:
        """Give a command and return its reply; ``None`` when none came in time.

        Raises
        ------
        LinkError
            When the link cannot be written to any more, or is to be closed.
        """
        for _ in range(attempts or self._timing.pmd_attempts):
            if self.closing:
                raise LinkError(LinkReason.STOPPED)
            try:
                return await self.exchange(
                    op, measurement, self._timing.pmd_reply_s, settings
                )
            except TimeoutError:
                log.debug("no reply to %s %s", op.name, measurement.name)
            except LinkError as error:
                if error.reason not in _AGAIN:
                    raise
                log.debug("%s %s failed: %s", op.name, measurement.name, error.reason)
        return None

    async def exchange(
        self,
        op: Op,
        measurement: Measurement,
        reply_s: float,
        settings: Settings | None = None,
    ) -> Response:
        """Write a command once and wait for its reply.

        Raises
        ------
        LinkError
            When it cannot be written.
        TimeoutError
            When no reply came within ``reply_s``. The write has a bound of its own,
            since the strap may want to be paired first.
        """
        command = bytes(
            Command(op=op, measurement=measurement, settings=settings or Settings())
        )
        reply: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._waiting, self._parameters = (op, measurement, reply), b""
        self._receive(uuids.PMD_WRITTEN, command)
        try:
            await self._link.write(uuids.PMD_CONTROL_POINT, command)
            async with asyncio.timeout(reply_s):
                return await reply
        finally:
            self._waiting = None
            if not reply.cancel() and not reply.cancelled():
                reply.exception()  # looked at, so that nobody complains

    def _take(self, short: str, data: bytes) -> None:
        """Take what the control point sends: called by the radio, never raises.

        BlueZ hands a read of it here as well; that is no reply.
        """
        self._receive(short, data)
        match control_from_bytes(data):
            case Response() as response if self._waiting is not None:
                op, measurement, reply = self._waiting
                same = response.op == op and response.measurement in (measurement, None)
                if same and not reply.done():
                    self._parameters += response.parameters
                    if not response.more:
                        reply.set_result(replace(response, parameters=self._parameters))
            case Stopped() as stopped:
                self._on_stopped(stopped)


def status_of(response: Response) -> Status:
    """Return the status; one that is missing or unknown as what it most likely is.

    >>> status_of(Response.from_bytes(bytes.fromhex("f00200")))
    <Status.OK: 0>
    """
    if response.status is None:
        return Status.OK  # cut short after the measurement (polar-python#4)
    try:
        return Status(response.status)
    except ValueError:
        return Status.INVALID_STATE
