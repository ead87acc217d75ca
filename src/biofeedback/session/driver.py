"""The seam between the core and anything that yields heartbeats.

A driver finds straps and opens one as a source; a source emits records until it is
cancelled. Straps, the simulator and replayed recordings all enter here, and the core
cannot tell them apart. Third parties register theirs under the entry-point group
``biofeedback.drivers`` (see ``drivers/README.md``).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol, TypeAlias

from biofeedback.model import (
    AnyRecord,
    Ask,
    FoundStrap,
    LinkReason,
    PacerEvent,
    Value,
)
from biofeedback.session.clock import Clock

Emit: TypeAlias = Callable[[AnyRecord], None]
"""Takes one record: never blocks, never raises."""


class Watched(Value, frozen=True):
    """What a source may know of its session.

    ``schedule`` is the pacer's so far, oldest first: what a person sees. ``signals``
    are those wanted of the strap now, beside its heart rate.
    """

    schedule: tuple[PacerEvent, ...] = ()
    signals: tuple[Ask, ...] = ()


Watch: TypeAlias = Callable[[], Watched]
"""Returns what is so now; ask again, it changes."""

Seen: TypeAlias = Callable[[FoundStrap], None]
"""Is told of a strap each time a search sees it."""


class RadioStatus(Value, frozen=True):
    """Whether a driver can be used now, and if not, why and what to do."""

    available: bool
    reason: LinkReason | None = None
    advice: str | None = None


class Source(Protocol):
    """Yields records until cancelled: cancelling is the normal way to stop.

    ``run`` stamps every record with ``clock.now_ns()`` at the moment it arrives and
    gives it to ``emit``. It reconnects by itself for as long as it runs, reports each
    change of the link as a :class:`~biofeedback.model.LinkChange`, and always tidies
    up (disconnects) before it returns.
    """

    async def run(self, *, clock: Clock, emit: Emit, watch: Watch) -> None:
        """Emit records until cancelled."""
        ...


class Driver(Protocol):
    """Finds straps of one kind and opens them. ``name`` prefixes their ids."""

    name: str

    async def status(self) -> RadioStatus:
        """Say whether straps can be found now; never raises."""
        ...

    async def scan(
        self, seconds: float, seen: Seen | None = None
    ) -> tuple[FoundStrap, ...]:
        """List the straps in reach; tell ``seen`` of each while the search goes on.

        Raises
        ------
        LinkError
            With the reason and the advice, when the radio cannot be used.
        """
        ...

    def open(self, strap: FoundStrap) -> Source:
        """Return a source for ``strap``; nothing is connected yet."""
        ...

    async def close(self) -> None:
        """Release whatever the driver itself holds."""
        ...


_ADDRESS = re.compile(
    r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    re.IGNORECASE,
)


def named(wanted: str) -> FoundStrap:
    """Return the strap that a person asked for by name or address, not yet found.

    A driver looks for it by itself: by its address where that was given, otherwise
    by its name.
    """
    address = wanted if _ADDRESS.fullmatch(wanted) else ""
    return FoundStrap(id=f"asked:{wanted}", name=wanted, address=address)
