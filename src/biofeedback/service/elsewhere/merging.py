"""Puts together what was sent and what was asked for: every message once, in its order.

Envelopes may be lost, doubled or out of order. Nothing is let through beyond a hole:
it is asked for, and what came meanwhile waits. So what narrows what somebody may see is
never overtaken by what it narrows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from biofeedback.model import Value
from biofeedback.service.elsewhere.envelopes import Envelope, Held, Table
from biofeedback.session.transcript import Message

MOST_WAITING = 512
"""Envelopes that wait behind a hole; beyond, they are asked for like the hole."""


class Refilled(Value, frozen=True):
    """All that is held now: what was told before no longer holds."""

    messages: tuple[Message, ...]
    begun_anew: Message | None


class Over(Value, frozen=True):
    """Nothing more will come."""


Told: TypeAlias = Message | Table | Refilled | Over


class Merging:
    """The state of one mirror: what it has, and what it misses.

    Attributes
    ----------
    seq
        The number of the newest message that was let through.
    has_hole
        Whether something must be asked for.
    """

    def __init__(self) -> None:
        self.seq = 0
        self.has_hole = True  # it knows nothing yet
        self._n = 0
        self._edition: int | None = None
        self._version = -1
        self._over = False
        self._announced: Message | None = None
        self._waiting: dict[int, Envelope] = {}
        self._anew: list[Message] | None = []

    @property
    def since(self) -> int:
        """What to ask for: all that is held after this message."""
        if self._anew is None:
            return self.seq
        return self._anew[-1].seq if self._anew else 0

    def take(self, envelope: Envelope) -> Iterator[Told]:
        """Yield what may be told of an envelope, and of those that waited for it."""
        if envelope.frames:
            self.has_hole |= envelope.n > self._n
            if not self.has_hole:
                yield from envelope.messages
        elif envelope.n > self._n:
            if len(self._waiting) >= MOST_WAITING:
                self._waiting.clear()
                self.has_hole = True
            self._waiting[envelope.n] = envelope
            yield from self._next()

    def fill(self, held: Held) -> Iterator[Told]:
        """Yield what may be told of an answer to :attr:`since`."""
        if held.edition != self._edition:
            first = self._edition is None
            self._edition = held.edition
            if not first:  # asked before it was known that all is to be asked for
                self._begin_anew()
                return
        yield from self._newer(held.table)  # what it narrows comes after it
        if self._anew is not None:
            self._anew.extend(held.messages)
        else:
            yield from self._later(held.messages)
        if held.more:
            self.has_hole = True
            return
        if self._anew is not None:
            messages, self._anew = tuple(self._anew), None
            if messages:
                self.seq = messages[-1].seq
            yield Refilled(messages=messages, begun_anew=held.begun_anew)
        if held.announced is not None and held.announced != self._announced:
            self._announced = held.announced
            if held.announced != held.begun_anew:
                yield held.announced
        self._n = max(self._n, held.n)
        self._waiting = {n: one for n, one in self._waiting.items() if n > self._n}
        self.has_hole = False
        yield from self._next()
        if held.over:
            yield from self._end()

    def _next(self) -> Iterator[Told]:
        while not self.has_hole and (envelope := self._waiting.pop(self._n + 1, None)):
            if envelope.edition != self._edition:
                self._edition = envelope.edition
                self._begin_anew()
                return
            self._n = envelope.n
            if envelope.table is not None:
                yield from self._newer(envelope.table)
            yield from self._later(envelope.messages)
            if envelope.over:
                yield from self._end()
        if self._waiting:
            self.has_hole = True

    def _begin_anew(self) -> None:
        self._anew = []
        self.has_hole = True

    def _later(self, messages: tuple[Message, ...]) -> Iterator[Told]:
        for message in messages:
            if message.signal is not None:
                yield message
            elif message.kind == "replay":
                self._announced = message
                yield message
            elif message.seq > self.seq:
                self.seq = message.seq
                yield message

    def _newer(self, table: Table) -> Iterator[Told]:
        if table.version > self._version:
            self._version = table.version
            yield table

    def _end(self) -> Iterator[Told]:
        if not self._over:
            self._over = True
            yield Over()
