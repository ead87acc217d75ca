"""A strap as a source of records: found, connected, heard, and found again.

The supervisor of one strap. Its steps are those of :mod:`.states`; it goes on until it
is cancelled and never gives up by itself.
"""

from __future__ import annotations

import asyncio
import logging
import random

from biofeedback.errors import LinkError
from biofeedback.model import FoundStrap, LinkReason, LinkStep
from biofeedback.session.clock import Clock
from biofeedback.session.driver import Emit, Watch
from biofeedback.wire.profiles import profile_with
from biofeedback_drivers.bluez_bus import is_below
from biofeedback_drivers.errors import advised
from biofeedback_drivers.identity import Identity
from biofeedback_drivers.link import Link
from biofeedback_drivers.options import Pair
from biofeedback_drivers.radio import Radio
from biofeedback_drivers.scanner import Sighting
from biofeedback_drivers.signals import Signals
from biofeedback_drivers.states import Reporter
from biofeedback_drivers.stream import Stream
from biofeedback_drivers.timing import NS_PER_S, Backoff, Drops, Timing
from biofeedback_drivers.waiting import first, see_through

log = logging.getLogger(__name__)

GOODBYE_S = 5.0
"""The most that a goodbye may take; its parts are bounded below that."""

_HOST = frozenset(
    {
        LinkReason.NO_BUS,
        LinkReason.NO_DAEMON,
        LinkReason.NO_ADAPTER,
        LinkReason.ADAPTER_OFF,
    }
)
"""Faults of this computer: nobody answers a goodbye then."""

_AIR = frozenset({LinkReason.LINK_LOST, LinkReason.TIMEOUT, LinkReason.NO_DATA})
"""Faults that may end when the strap is seen again."""


class StrapSource:
    """Keeps one strap streaming. ``chance`` shapes the waits between attempts."""

    def __init__(
        self,
        wanted: FoundStrap,
        radio: Radio,
        timing: Timing,
        chance: random.Random,
        *,
        use_start_notify: bool,
        pair: Pair = Pair.AUTO,
    ) -> None:
        self._wanted = wanted
        self._radio = radio
        self._timing = timing
        self._chance = chance
        self._use_start_notify = use_start_notify
        self._pair = pair
        self._identity = Identity(wanted)
        self._report: Reporter | None = None
        self._path = ""
        self._stream_now: Stream | None = None
        self._linked = False
        self._trouble: LinkReason | None = None
        self._back = asyncio.Event()

    @property
    def step(self) -> LinkStep | None:
        """What it does now; ``None`` before it runs."""
        return self._report.step if self._report else None

    async def run(self, *, clock: Clock, emit: Emit, watch: Watch) -> None:
        """Emit records until cancelled; disconnect before returning."""
        report = Reporter(clock, emit, self._timing, self._wanted.name)
        self._report = report
        self._back = asyncio.Event()
        backoff, drops = Backoff(self._timing, self._chance), Drops(self._timing)
        report.to(LinkStep.IDLE)
        async with self._radio.joined(self):
            adopted = await self._adopt()
            while True:
                self._back.clear()
                self._trouble = None
                stream = Stream(clock, emit, report, self._timing)
                try:
                    sighting = adopted or await self._search(report)
                    await self._visit(sighting, stream, clock, watch, drops)
                except LinkError as error:
                    log.debug("no link: %s %s", error.reason, error.detail)
                    if stream.steady:
                        backoff.reset()
                    elif stream.gave_data:
                        backoff.soften()
                    await self._wait(error, backoff, report, clock)
                # A link left over may be a ghost that only looks connected, so it is
                # searched for next.
                adopted = None

    # --- What the radio tells ---

    def radio_gone(self, path: str, reason: LinkReason) -> None:
        """Take the verdict at once, rather than wait for silence."""
        if self._path and not is_below(self._path, path):
            return
        # While it connects, Bleak itself is told of a strap that is removed.
        if self._stream_now is not None and (self._linked or reason in _HOST):
            self._stream_now.lose(reason)
        if reason in _HOST:
            self._trouble = reason
            if self._report is not None and self._report.step is LinkStep.BACKOFF:
                self._report.to(LinkStep.BACKOFF, reason)

    def radio_back(self) -> None:
        """Wait no longer."""
        self._trouble = None
        self._back.set()

    # --- Searching ---

    async def _adopt(self) -> Sighting | None:
        """Return our strap if this computer holds it and no program hears it."""
        for sighting, heard in await self._radio.held():
            if not heard and self._is_free(sighting.strap):
                return sighting
        return None

    async def _search(self, report: Reporter) -> Sighting:
        while True:
            report.to(LinkStep.SCANNING)
            seen = await self._radio.look(self._timing.scan_window_s, self._is_free)
            if seen and self._is_free(seen[-1].strap):
                return seen[-1]
            others = [
                each
                for each in seen
                if self._identity.may_be(each.strap)
                and not self._radio.held_by_another(each.strap, self)
            ]
            if others:
                return max(others, key=lambda each: each.strap.rssi_dbm or -127)
            held = await self._radio.held()
            for sighting, heard in held:
                if not heard and self._is_free(sighting.strap):
                    return sighting
            claimed = [strap for _, strap in self._radio.claims.values()]
            busy = any(
                self._identity.is_wanted(strap)
                for strap in (*claimed, *(each.strap for each, _ in held))
            )
            report.to(
                LinkStep.SCANNING, LinkReason.BUSY if busy else LinkReason.NOT_FOUND
            )

    def _is_free(self, strap: FoundStrap) -> bool:
        return self._identity.is_wanted(strap) and not self._radio.held_by_another(
            strap, self
        )

    # --- One link ---

    async def _visit(
        self,
        sighting: Sighting,
        stream: Stream,
        clock: Clock,
        watch: Watch,
        drops: Drops,
    ) -> None:
        """Connect and stream until the link fails; always disconnect."""
        strap = sighting.strap
        with self._radio.claimed(strap, self):
            self._path, self._stream_now = sighting.path or "", stream
            try:
                link = await self._connect(sighting, stream)
                self._linked = True
                await self._use(link, strap, stream, clock, watch, drops)
            finally:
                self._stream_now, self._linked = None, False

    async def _connect(self, sighting: Sighting, stream: Stream) -> Link:
        try:
            client = await self._radio.connect(
                sighting,
                begun=lambda: stream.report.to(LinkStep.CONNECTING),
                dropped=stream.lose,
                lost=stream.lost,
            )
        except LinkError as error:
            if not stream.lost.is_set():
                raise
            raise LinkError(stream.lost_because, error.detail) from error
        return Link(
            client,
            self._timing,
            use_start_notify=self._use_start_notify,
            pair=self._pair,
        )

    async def _use(
        self,
        link: Link,
        strap: FoundStrap,
        stream: Stream,
        clock: Clock,
        watch: Watch,
        drops: Drops,
    ) -> None:
        """Stream until the link fails; always disconnect."""
        signals = Signals(link, stream, clock, watch, self._timing)
        try:
            await stream.while_linked(self._stream(link, strap, stream, signals))
        except LinkError as error:
            if error.reason is LinkReason.LINK_LOST and stream.gave_data:
                drops.note(stream.age_s)
                advised(error, drops.advice)
            stream.report.lose(error.reason, error.advice)
            raise
        finally:
            await self._goodbye(link, stream, signals)

    async def _goodbye(self, link: Link, stream: Stream, signals: Signals) -> None:
        gone = stream.lost.is_set() and stream.lost_because in _HOST

        async def leave() -> None:
            if not stream.lost.is_set():
                await signals.close()
            await link.close(gone=gone)

        await see_through(leave(), GOODBYE_S)

    async def _stream(
        self, link: Link, strap: FoundStrap, stream: Stream, signals: Signals
    ) -> None:
        stream.report.to(LinkStep.DISCOVERING)
        introduction = await link.introduce(strap.name)
        if not self._identity.accept(strap, introduction.serial):
            raise LinkError(LinkReason.NOT_FOUND, "it was another strap of this name")
        profile = profile_with(introduction.strap.profile)
        stream.begin(introduction, profile.hint)
        stream.report.to(LinkStep.SUBSCRIBING)
        await link.subscribe(stream.receive)
        await first(stream.follow(link), signals.run(profile))

    # --- Between links ---

    async def _wait(
        self, error: LinkError, backoff: Backoff, report: Reporter, clock: Clock
    ) -> None:
        """Wait before the next attempt, but not longer than the fault lasts."""
        if self._back.is_set():
            backoff.soften()
        if self._trouble is not None:
            error = LinkError(self._trouble)  # it says more than "lost"
        wait_s = backoff.next_s()
        report.to(
            LinkStep.BACKOFF,
            error.reason,
            advice=error.advice,
            retry_in_ms=round(wait_s * 1000),
        )
        until_ns = clock.now_ns() + round(wait_s * NS_PER_S)
        ends = [clock.sleep_until(until_ns), self._back.wait()]
        if error.reason in _AIR and wait_s > self._timing.away_s:
            ends.append(self._reappears(wait_s, clock))
        await first(*ends)
        if self._back.is_set():
            backoff.soften()

    async def _reappears(self, seconds: float, clock: Clock) -> None:
        """Return when the strap is seen that was not to be seen for a while."""
        away_ns = round(self._timing.away_s * NS_PER_S)
        last_ns = clock.now_ns()

        def back_again(strap: FoundStrap) -> bool:
            nonlocal last_ns
            if not self._is_free(strap):
                return False
            since_ns, last_ns = last_ns, clock.now_ns()
            return last_ns - since_ns >= away_ns

        try:
            await self._radio.look(seconds, back_again)
        except LinkError as error:
            log.debug("nobody can look out for the strap: %s", error.reason)
            until_ns = clock.now_ns() + round(seconds * NS_PER_S)
            await clock.sleep_until(until_ns)
