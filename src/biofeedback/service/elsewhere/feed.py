"""What one session says, sent to other nodes while somebody there wants it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

import msgspec

from biofeedback.bus import BusError
from biofeedback.model import Signal, Value
from biofeedback.service.elsewhere.envelopes import (
    LARGEST_BYTES,
    WITHHELD,
    Envelope,
    Table,
    Want,
    encode,
)
from biofeedback.service.given import Given
from biofeedback.session.clock import NS_PER_S
from biofeedback.session.hub import Hub
from biofeedback.session.transcript import Message

_LOGGER = logging.getLogger(__name__)

MOST_WAITING = 1024
"""Messages that wait to be sent: minutes of a heart. Beyond, none of them is sent:
whoever misses them asks for them."""

MOST_FRAMES = 32
"""Frames of samples that wait; beyond, the oldest is dropped."""

LEASE_S = 10.0
"""So long it is sent to a node that does not ask again."""

Passed = Callable[[Message], bytes | None]


class Lease(Value, frozen=True):
    """What a mirror of one node wants, and until when if it does not ask again.

    ``watching`` are the accounts that were let in there.
    """

    until_ns: int
    mirror: str
    watching: frozenset[str]
    signals: frozenset[Signal]


class Feed:
    """Hears one session and sends what it says; the session never waits for it.

    Parameters
    ----------
    hub
        The session's messages.
    passed
        What of a message may leave this machine; ``None``: its place alone.
    publish
        Sends an envelope; fails while the link is lost.
    begins
        From where everything is counted: further than an earlier feed of this session
        came, or a mirror that knew that one would take this for what it has already.

    Attributes
    ----------
    leases
        What each node wants. Nothing is sent while there is none.
    n, edition
        Those of the newest envelope.
    table
        What every account was given last.
    """

    def __init__(
        self,
        hub: Hub,
        passed: Passed,
        publish: Callable[[bytes], Awaitable[None]],
        *,
        begins: int = 0,
    ) -> None:
        self.leases: dict[str, Lease] = {}
        self.n = self.edition = begins
        self.table = Table(version=begins)
        self._hub = hub
        self._passed = passed
        self._publish = publish
        self._signals: frozenset[Signal] = frozenset()
        self._messages: deque[Message] = deque()
        self._frames: deque[Message] = deque(maxlen=MOST_FRAMES)
        self._table_waits = self._over_waits = False
        self._arrived = asyncio.Event()
        self._sending: asyncio.Task[None] | None = None
        hub.listen(self)

    # --- What is wanted -------------------------------------------------------------

    def is_late(self, want: Want) -> bool:
        """Say whether this leave was overtaken: a newer mirror of the node is there."""
        lease = self.leases.get(want.node)
        return want.leaves and lease is not None and lease.mirror != want.mirror

    def renew(self, want: Want, now_ns: int) -> None:
        """Go on sending to a node for a while, or send to it no longer."""
        if want.leaves:
            self.leases.pop(want.node, None)
        else:
            if not self.leases:
                self.n += 1  # what was said meanwhile was not sent: that is a hole
            before = self.leases.get(want.node)
            watched = frozenset() if before is None else before.watching
            self.leases[want.node] = Lease(
                until_ns=now_ns + round(LEASE_S * NS_PER_S),
                mirror=want.mirror,
                watching=watched & frozenset(want.watching),
                signals=frozenset(want.signals),
            )
        self._look()

    def has_come(self, node: str, account_id: str) -> bool:
        """Note who watches at a node; ``False`` where nothing is sent there now."""
        if (lease := self.leases.get(node)) is None:
            return False
        watching = lease.watching | {account_id}
        self.leases[node] = msgspec.structs.replace(lease, watching=watching)
        return True

    def lapse(self, now_ns: int) -> dict[str, Lease]:
        """Forget the nodes that did not ask again in time; return what they wanted."""
        over = {
            node: lease
            for node, lease in self.leases.items()
            if lease.until_ns <= now_ns
        }
        for node in over:
            del self.leases[node]
        if over:
            self._look()
        return over

    def _look(self) -> None:
        none: frozenset[Signal] = frozenset()
        self._signals = none.union(*(one.signals for one in self.leases.values()))
        if self.leases and self._sending is None:
            self._sending = asyncio.create_task(self._send())
        elif not self.leases and self._sending is not None:
            self._sending.cancel()
            self._sending = None
            self._messages.clear()
            self._frames.clear()

    # --- What is said ---------------------------------------------------------------

    def offer(self, message: Message) -> None:
        """Take a message; it is sent in its turn."""
        if not self.leases:
            return
        if len(self._messages) >= MOST_WAITING:
            self._messages.clear()
            self.n += 1
        self._messages.append(message)
        self._arrived.set()

    def offer_frame(self, frame: Message) -> None:
        """Take a frame of samples, if a node wants it."""
        if frame.signal in self._signals:
            self._frames.append(frame)
            self._arrived.set()

    def restarted(self) -> None:
        """Let everybody ask for all anew."""
        self.edition += 1
        self._messages.clear()
        self._table_waits = True
        self._arrived.set()

    def allow(self, given: dict[str, Given]) -> None:
        """Say what every account is given now, if it is not what was said last."""
        if given != self.table.given:
            self.table = Table(version=self.table.version + 1, given=given)
            self._table_waits = True
            self._arrived.set()

    def end(self) -> None:
        """Say that nothing more will come."""
        self._over_waits = True
        self._arrived.set()

    # --- Sending --------------------------------------------------------------------

    async def close(self) -> None:
        """Send what waits, then nothing more."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
            self._sending = None
            while (envelope := self._next()) is not None:
                await self._try_to_send(envelope)
        self._hub.leave(self)

    async def _send(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            try:
                while (envelope := self._next()) is not None:
                    await self._try_to_send(envelope)
            except Exception:
                _LOGGER.exception("Part of what a session says was not sent")
                self.n += 1  # that is a hole, and whoever misses it asks
                self._arrived.set()  # for what waits behind it

    async def _try_to_send(self, envelope: Envelope) -> None:
        try:
            await self._publish(encode(envelope))
        except BusError:
            return  # its number is missing: whoever is there by then asks for it

    def _next(self) -> Envelope | None:
        # The table first: what it narrows must not go before it.
        table = self.table if self._table_waits else None
        messages = self._some(self._messages)
        over = self._over_waits and not self._messages
        if messages or table is not None or over:
            self.n += 1
            self._table_waits = False
            if over:
                self._over_waits = False
            return Envelope(
                n=self.n,
                edition=self.edition,
                messages=messages,
                table=table,
                over=over,
            )
        if frames := self._some(self._frames):
            return Envelope(
                n=self.n, edition=self.edition, messages=frames, frames=True
            )
        return None

    def _some(self, waiting: deque[Message]) -> tuple[Message, ...]:
        taken, size = [], 0
        while waiting and size < LARGEST_BYTES:
            message = self.shown(waiting.popleft())
            if message is not None:
                taken.append(message)
                size += len(message.data)
        return tuple(taken)

    def shown(self, message: Message) -> Message | None:
        """Return what may be told of a message; ``None`` for a frame that stays."""
        data = self._passed(message)
        if data is message.data:
            return message
        if data is not None:
            return msgspec.structs.replace(message, data=data)
        if message.signal is not None:
            return None
        return msgspec.structs.replace(message, kind=WITHHELD, data=b"")
