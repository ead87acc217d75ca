"""A log that outlives nodes and links: what must not be lost, with ids, in order.

The interface; :mod:`biofeedback.bus.jetstream` is one, on a NATS server with JetStream.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from biofeedback.model import Value


class Logged(Value, frozen=True):
    """One message of a log; ``position`` rises along the log."""

    position: int
    subject: str
    data: bytes


class Log(Protocol):
    """Messages that are kept on the servers' disks for a while (days)."""

    async def append(self, subject: str, data: bytes, *, id: str) -> None:
        """Keep a message; it is kept when this returns.

        What has an ``id`` that was there a short while ago is kept once.

        Raises
        ------
        BusError
            When that is not known: append it again, with the same ``id``.
        """
        ...

    def read(self, subject: str, *, after: int = 0) -> AsyncGenerator[Logged, None]:
        """Yield what is kept on a subject, behind a position, and what comes, for ever.

        In order and without a hole among what is still kept; a lost link only makes it
        wait. A position of which nothing is kept any more goes on with the oldest, and
        so does one that the log never came to: it was begun anew. Whoever stops early
        closes it (``contextlib.aclosing``).
        """
        ...
