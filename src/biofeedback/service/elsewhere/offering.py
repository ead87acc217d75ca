"""The node that runs a session: says that it is there, answers, and sends it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

from biofeedback.bus import Bus, Delivery
from biofeedback.bus.interface import Subscription
from biofeedback.bus.presence import Presence
from biofeedback.service.elsewhere.envelopes import (
    LARGEST_BYTES,
    Ad,
    Done,
    Held,
    Unknown,
    Want,
    command_subject,
    decode_question,
    encode,
    live_subject,
    presence_key,
)
from biofeedback.service.elsewhere.feed import Feed, Lease
from biofeedback.service.elsewhere.steering import Orders
from biofeedback.service.given import Given
from biofeedback.service.tasks import Tasks
from biofeedback.session.clock import NS_PER_S, Clock
from biofeedback.session.replay_clock import ReplayClock
from biofeedback.session.runner import LiveSession
from biofeedback.session.transcript import Message
from biofeedback.store import Stream

_LOGGER = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
"""How exactly a lease is over when it is over."""


class Offer(Protocol):
    """Which sessions others may have, and how much of them."""

    def sessions(self) -> Iterable[LiveSession]:
        """Return those that others may know of now."""
        ...

    def session(self, id: str) -> LiveSession | None:
        """Return one of those, or of those that ended a short while ago."""
        ...

    def ad(self, live: LiveSession) -> Ad:
        """Return what is said of it to everybody."""
        ...

    def given(self, live: LiveSession) -> dict[str, Given]:
        """Return what each account is given of it now."""
        ...

    def scope(self, live: LiveSession) -> frozenset[Stream]:
        """Return what :meth:`passed` goes by: when that widens, all is sent anew."""
        ...

    def passed(self, live: LiveSession, message: Message) -> bytes | None:
        """Return what of a message may leave this machine now; ``None``: nothing."""
        ...

    async def come(self, live: LiveSession, account_id: str, *, at: str) -> str | None:
        """Let an account watch at a node; return why not, where it may not."""
        ...

    async def go(self, live: LiveSession, account_id: str, *, at: str) -> None:
        """Know that an account watches there no longer."""
        ...

    def on_change(self, told: Callable[[], None]) -> None:
        """Call ``told`` from now on when any of this may have changed."""
        ...


class Offering:
    """What a node, or a home, has for others.

    Parameters
    ----------
    bus, presence, origin
        Where to, and under which name.
    clock
        What leases are judged by.
    utc_ns
        The time that the ends of consents are compared with.
    offer
        Which sessions, and how much of them.
    orders
        Follows the commands that come.
    """

    def __init__(
        self,
        *,
        bus: Bus,
        presence: Presence,
        origin: str,
        clock: Clock,
        utc_ns: Callable[[], int],
        offer: Offer,
        orders: Orders,
    ) -> None:
        self._bus = bus
        self._presence = presence
        self._origin = origin
        self._clock = clock
        self._utc_ns = utc_ns
        self._offer = offer
        self._orders = orders
        self._feeds: dict[str, Feed] = {}
        self._scopes: dict[str, frozenset[Stream]] = {}
        self._said: dict[str, Ad] = {}
        self._answering: Subscription | None = None
        self._changed = asyncio.Event()
        self._tasks = Tasks()
        self._is_open = False
        offer.on_change(self._look)

    async def open(self) -> None:
        """Answer from now on, and say what there is."""
        subject = command_subject(self._origin, "*")
        self._answering = await self._bus.answer(subject, self._answer)
        self._is_open = True
        self._tasks.spawn(self._announce())
        self._tasks.spawn(self._see_to_leases())
        self._look()

    async def close(self) -> None:
        """Send what is left, withdraw everything, and answer no longer."""
        self._is_open = False
        while self._feeds:  # who is being answered may make one more
            _, feed = self._feeds.popitem()
            await feed.close()
        await self._tasks.cancel()
        for id in self._said:
            await self._presence.withdraw(presence_key(self._origin, id))
        self._said.clear()
        if self._answering is not None:
            await self._answering.close()
            self._answering = None

    @property
    def n_sent(self) -> int:
        """How many sessions are sent to others now."""
        return sum(bool(feed.leases) for feed in self._feeds.values())

    # --- Changes --------------------------------------------------------------------

    def _look(self) -> None:
        if not self._is_open:
            return
        for id, feed in tuple(self._feeds.items()):
            live = self._offer.session(id)
            if live is None:
                feed.allow({})  # who watches is told why, before it is withdrawn
                self._tasks.spawn(feed.close())
                del self._feeds[id], self._scopes[id]
                continue
            feed.allow(self._offer.given(live))
            self._look_at_scope(live, feed)
        self._changed.set()

    def _look_at_scope(self, live: LiveSession, feed: Feed) -> None:
        scope = self._offer.scope(live)
        was = self._scopes.get(live.info.id, scope)
        self._scopes[live.info.id] = scope
        if not scope <= was:
            feed.restarted()

    async def _announce(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._say_what_there_is()
            except Exception:  # with the next change it is tried again
                _LOGGER.exception("Not all sessions could be announced")

    async def _say_what_there_is(self) -> None:
        ads = {live.info.id: self._offer.ad(live) for live in self._offer.sessions()}
        for id in self._said.keys() - ads.keys():
            del self._said[id]
            await self._presence.withdraw(presence_key(self._origin, id))
        for id, ad in ads.items():
            if self._said.get(id) != ad:
                self._said[id] = ad
                await self._presence.announce(
                    presence_key(self._origin, id), encode(ad)
                )

    async def _see_to_leases(self) -> None:
        while True:
            now_ns = self._clock.now_ns()
            await self._clock.sleep_until(now_ns + round(LOOK_EVERY_S * NS_PER_S))
            for id, feed in tuple(self._feeds.items()):
                live = self._offer.session(id)
                for node, lease in feed.lapse(self._clock.now_ns()).items():
                    if live is not None:
                        self._tasks.spawn(self._all_go(live, node, lease.watching))

    # --- Answers --------------------------------------------------------------------

    async def _answer(self, delivery: Delivery) -> bytes:
        live = self._offer.session(delivery.subject.rpartition(".")[2])
        if live is None:
            return encode(Unknown())
        question = decode_question(delivery.data)
        if isinstance(question, Want):
            return encode(await self._held(live, question))
        trouble = await self._orders.follow(live, question)
        return encode(Done(trouble=trouble))

    async def _held(self, live: LiveSession, want: Want) -> Held:
        feed = self._feed(live)
        refused = dict[str, str]()
        if not feed.is_late(want):
            before = feed.leases.get(want.node)
            feed.renew(want, self._clock.now_ns())
            refused = await self._come_and_go(live, want, before)
        feed.allow(self._offer.given(live))
        # From here on nothing is waited for: it all says how things stand now.
        messages, size, more = [], 0, False
        for message in live.hub.held(want.since):
            if size >= LARGEST_BYTES:
                more = True
                break
            if (shown := feed.shown(message)) is not None:
                messages.append(shown)
                size += len(shown.data)
        clock = live.clock
        return Held(
            ad=self._offer.ad(live),
            n=feed.n,
            edition=feed.edition,
            messages=tuple(messages),
            more=more,
            table=feed.table,
            now_ns=clock.now_ns(),
            rate=_rate(clock),
            utc_ns=self._utc_ns(),
            over=live.ended.is_set(),
            announced=live.hub.announced,
            begun_anew=live.hub.begun_anew,
            refused=refused,
        )

    def _feed(self, live: LiveSession) -> Feed:
        id = live.info.id
        if id not in self._feeds:
            subject = live_subject(self._origin, id)
            self._feeds[id] = feed = Feed(
                live.hub,
                partial(self._offer.passed, live),
                partial(self._bus.publish, subject),
                begins=self._clock.now_ns(),  # a session may be offered once more
            )
            feed.allow(self._offer.given(live))
            self._scopes[id] = self._offer.scope(live)
        return self._feeds[id]

    async def _come_and_go(
        self, live: LiveSession, want: Want, before: Lease | None
    ) -> dict[str, str]:
        was = frozenset() if before is None else before.watching
        now = frozenset() if want.leaves else frozenset(want.watching)
        await self._all_go(live, want.node, was - now)
        refused = {}
        for account_id in sorted(now - was):
            why = await self._offer.come(live, account_id, at=want.node)
            if why is not None:
                refused[account_id] = why
            elif not self._feed(live).has_come(want.node, account_id):
                await self._offer.go(live, account_id, at=want.node)
        return refused

    async def _all_go(
        self, live: LiveSession, node: str, account_ids: frozenset[str]
    ) -> None:
        for account_id in sorted(account_ids):
            await self._offer.go(live, account_id, at=node)


def _rate(clock: Clock) -> float:
    if isinstance(clock, ReplayClock):
        return clock.speed if clock.playing else 0.0
    return 1.0
