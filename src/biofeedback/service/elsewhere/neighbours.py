"""Which sessions are elsewhere, and the mirrors of those that somebody here wants."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

from biofeedback.bus import Bus
from biofeedback.bus.presence import Presence
from biofeedback.figures import AnyFigure, Figure
from biofeedback.model import Ask, Value
from biofeedback.service.elsewhere.envelopes import SESSION, Ad, decode_ad
from biofeedback.service.elsewhere.mirror import Mirror, UnknownSession, Unreachable
from biofeedback.service.node_id import is_node
from biofeedback.service.tasks import Tasks
from biofeedback.session.clock import NS_PER_S, Clock
from biofeedback.session.counts import SessionCounts

_LOGGER = logging.getLogger(__name__)

AGAIN_S = 1.0
"""After so long a session that a room should show is asked for again."""

IDLE_S = 30.0
"""So long a mirror is kept that nobody wants: a page that is loaded again finds it."""


class Neighbour(Value, frozen=True):
    """A session that is announced by somebody else, and whose it is."""

    origin: str
    ad: Ad
    person_id: str


Whose = Callable[[str, Ad], str | None]
"""Says whose a session is, by its origin and what that says; ``None``: it lies."""


def as_said(_origin: str, ad: Ad) -> str | None:
    """Believe what is said: among the nodes of one clinic, who share a database."""
    return ad.person_id


class Neighbours:
    """The sessions of other nodes and of homes.

    Parameters
    ----------
    bus, presence, origin
        How others are reached, who is there, and who this is.
    clock
        The clock of this node.
    counts
        Where it is counted what becomes of viewers.
    whose
        Says whose a session is.
    settles_s
        After how long everybody who is there has said so.
    """

    def __init__(
        self,
        *,
        bus: Bus,
        presence: Presence,
        origin: str,
        clock: Clock,
        counts: SessionCounts,
        whose: Whose = as_said,
        settles_s: float = 0.0,
    ) -> None:
        self._bus = bus
        self._presence = presence
        self._origin = origin
        self._clock = clock
        self._counts = counts
        self._whose = whose
        self._settles_ns = round(settles_s * NS_PER_S)
        self._known: dict[str, Neighbour] = {}
        self._ads: dict[bytes, Ad | None] = {}
        self._mirrors: dict[str, Mirror] = {}
        self._opening: dict[str, asyncio.Task[Mirror]] = {}
        self._holds: Counter[str] = Counter()
        self._wanted: frozenset[str] = frozenset()
        self._reaching: set[str] = set()
        self._idle: dict[str, asyncio.Task[None]] = {}
        self._told: set[Callable[[], None]] = set()
        self._told_news: set[Callable[[], None]] = set()
        self._opened_at_ns = 0
        self._tasks = Tasks()
        self._n_asked_again = 0
        self._is_open = False

    async def open(self) -> None:
        """Look who is there, from now on."""
        self._is_open = True
        self._opened_at_ns = self._clock.now_ns()
        self._presence.on_change(self.look)
        self.look()

    async def close(self) -> None:
        """Close all mirrors."""
        self._is_open = False
        await self._tasks.cancel()
        mirrors = tuple(self._mirrors.values())
        self._mirrors.clear()
        await asyncio.gather(*(mirror.close() for mirror in mirrors))

    # --- What there is --------------------------------------------------------------

    @property
    def known(self) -> tuple[Neighbour, ...]:
        """The sessions that are announced by others."""
        return tuple(self._known.values())

    def neighbour(self, id: str) -> Neighbour | None:
        """Return a session that is announced by somebody else."""
        return self._known.get(id)

    def signals(self, id: str) -> tuple[Ask, ...]:
        """Return what was asked of the strap of a session of elsewhere."""
        if (mirror := self._mirrors.get(id)) is not None:
            return mirror.signals
        neighbour = self._known.get(id)
        return () if neighbour is None else neighbour.ad.signals

    @property
    def mirrors(self) -> tuple[Mirror, ...]:
        """The sessions of elsewhere that can be seen here now."""
        return tuple(
            mirror for mirror in self._mirrors.values() if not mirror.lost.is_set()
        )

    def on_change(self, told: Callable[[], None]) -> None:
        """Call ``told`` from now on when others announce other sessions."""
        self._told.add(told)

    def on_news(self, told: Callable[[], None]) -> None:
        """Call ``told`` from now on when what a mirror shows may be seen otherwise."""
        self._told_news.add(told)

    @property
    def knows_all(self) -> bool:
        """Whether a session that is not known here is nowhere."""
        open_ns = self._clock.now_ns() - self._opened_at_ns
        return self._bus.connected and open_ns >= self._settles_ns

    def figures(self) -> Iterator[AnyFigure]:
        """Return how many mirrors there are, and how often something was missing."""
        asked_again = sum(one.n_asked_again for one in self._mirrors.values())
        yield Figure(
            name="mirrors_open",
            text="Sessions of other nodes that are seen here.",
            value=len(self._mirrors),
        )
        yield Figure(
            name="viewers_elsewhere",
            text="Connections that watch a session of another node now.",
            value=sum(one.hub.n_viewers for one in self._mirrors.values()),
        )
        yield Figure(
            name="mirrors_asked_again",
            text="How often something was lost between nodes and asked for again.",
            value=self._n_asked_again + asked_again,
            total=True,
        )

    def look(self) -> None:
        """Look anew: somebody came or went, or whose a session is is known by now."""
        if not self._is_open:
            return
        known: dict[str, Neighbour] = {}
        ads, self._ads = self._ads, {}
        for key, data in self._presence.here().items():
            origin, is_session, id = key.partition(SESSION)
            if not is_session or origin == self._origin:
                continue
            if id in known and is_node(known[id].origin):
                continue  # no home takes the place of a session of the clinic
            ad = ads[data] if data in ads else _ad(origin, data)
            self._ads[data] = ad
            person_id = None if ad is None else self._whose(origin, ad)
            if ad is not None and ad.info.id == id and person_id is not None:
                known[id] = Neighbour(origin=origin, ad=ad, person_id=person_id)
        if known == self._known:
            return
        gone = self._known.keys() - known.keys()
        self._known = known
        for id in gone & self._mirrors.keys():
            self._tasks.spawn(self._mirrors[id].last_look())
        for told in tuple(self._told):
            told()

    def _tell_news(self) -> None:
        for id, mirror in tuple(self._mirrors.items()):
            if mirror.lost.is_set():
                self._drop(id)
        self._reach_wanted()
        for told in tuple(self._told_news):
            told()

    # --- Mirrors --------------------------------------------------------------------

    @asynccontextmanager
    async def viewing(self, id: str, origin: str) -> AsyncIterator[Mirror]:
        """Give the mirror of a session, for as long as this lasts.

        Raises
        ------
        Unreachable, UnknownSession
            When there is none to be had.
        """
        self._holds[id] += 1
        self._keep(id)
        try:
            yield await self._mirror(id, origin)
        finally:
            self._holds[id] -= 1
            self._let_go(id)

    def want(self, ids: frozenset[str]) -> None:
        """Keep mirrors of exactly these for the rooms that are open here."""
        before, self._wanted = self._wanted, ids
        for id in before - ids:
            self._let_go(id)
        for id in ids:
            self._keep(id)
        self._reach_wanted()

    def _reach_wanted(self) -> None:
        for id in self._wanted - self._mirrors.keys() - self._reaching:
            self._reaching.add(id)
            self._tasks.spawn(self._reach(id))

    async def _reach(self, id: str) -> None:
        # Again and again, while it is announced and a room would show it.
        try:
            while id in self._wanted and (neighbour := self._known.get(id)):
                try:
                    await self._mirror(id, neighbour.origin)
                except (Unreachable, UnknownSession):
                    again_ns = self._clock.now_ns() + round(AGAIN_S * NS_PER_S)
                    await self._clock.sleep_until(again_ns)
                else:
                    return
        finally:
            self._reaching.discard(id)

    async def _mirror(self, id: str, origin: str) -> Mirror:
        mirror = self._mirrors.get(id)
        if mirror is not None and not mirror.lost.is_set():
            return mirror
        if id not in self._opening:
            self._opening[id] = self._tasks.spawn(self._opened(id, origin))
            self._opening[id].add_done_callback(_looked_at)
        return await asyncio.shield(self._opening[id])

    async def _opened(self, id: str, origin: str) -> Mirror:
        mirror = Mirror(
            bus=self._bus,
            node=self._origin,
            origin=origin,
            id=id,
            clock=self._clock,
            counts=self._counts,
            told=self._tell_news,
            whose=self._whose,
        )
        try:
            await mirror.open()
        finally:
            del self._opening[id]
        self._mirrors[id] = mirror
        self._let_go(id)  # whoever wanted it may have gone
        self._tell_news()
        return mirror

    def _is_wanted(self, id: str) -> bool:
        return bool(self._holds[id]) or id in self._wanted

    def _keep(self, id: str) -> None:
        if (idle := self._idle.pop(id, None)) is not None:
            idle.cancel()

    def _let_go(self, id: str) -> None:
        if not self._holds[id]:
            del self._holds[id]
        if self._is_wanted(id) or id not in self._mirrors or id in self._idle:
            return
        self._idle[id] = self._tasks.spawn(self._close_when_idle(id))

    async def _close_when_idle(self, id: str) -> None:
        until_ns = self._clock.now_ns() + round(IDLE_S * NS_PER_S)
        await self._clock.sleep_until(until_ns)
        self._idle.pop(id, None)
        if not self._is_wanted(id):
            self._drop(id)

    def _drop(self, id: str) -> None:
        if (mirror := self._mirrors.pop(id, None)) is not None:
            self._keep(id)
            self._n_asked_again += mirror.n_asked_again
            self._tasks.spawn(mirror.close())


def _ad(origin: str, data: bytes) -> Ad | None:
    try:
        return decode_ad(data)
    except ValueError:
        _LOGGER.warning("What %s says of a session cannot be read", origin)
        return None


def _looked_at(opening: asyncio.Task[Mirror]) -> None:
    # Whoever waited for it may have gone: then nobody else looks at its failure.
    if not opening.cancelled():
        opening.exception()
