"""A strap as a source of records: found, connected, heard, and found again.

The states are those of the session's ``link`` messages: searching → connecting →
streaming → (stale) → reconnecting → connecting → ... It goes on until cancelled.
"""

from __future__ import annotations

import logging
import random

from biofeedback.errors import LinkError
from biofeedback.model import FoundStrap, LinkReason, LinkState
from biofeedback.session.clock import Clock
from biofeedback.session.driver import Emit, Watch
from biofeedback_drivers.link import Link
from biofeedback_drivers.radio import Radio, Sighting
from biofeedback_drivers.stream import Reporter, Stream
from biofeedback_drivers.timing import NS_PER_S, Backoff, Timing

log = logging.getLogger(__name__)


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
    ) -> None:
        self._wanted = wanted
        self._radio = radio
        self._timing = timing
        self._chance = chance
        self._use_start_notify = use_start_notify

    async def run(self, *, clock: Clock, emit: Emit, watch: Watch) -> None:
        """Emit records until cancelled; disconnect before returning."""
        report = Reporter(clock, emit, self._timing, self._wanted.name)
        backoff = Backoff(self._timing, self._chance)
        report.away()
        adopted = await self._adopt()
        while True:
            stream = Stream(clock, emit, report, self._timing)
            try:
                sighting = adopted or await self._search(report)
                await self._visit(sighting, stream)
            except LinkError as error:
                log.debug("the link failed: %s", error.reason, exc_info=error)
                report.away(error.reason)
            # A link left over may be a ghost that only looks connected: search next.
            adopted = None
            if stream.steady:
                backoff.reset()
            wait_ns = round(backoff.next_s() * NS_PER_S)
            await clock.sleep_until(clock.now_ns() + wait_ns)

    async def _adopt(self) -> Sighting | None:
        for sighting in await self._radio.adopt():
            if self._is_wanted(sighting.strap):
                return sighting
        return None

    async def _search(self, report: Reporter) -> Sighting:
        while True:
            seen = await self._radio.look(self._timing.scan_window_s, self._is_wanted)
            if seen and self._is_wanted(seen[-1].strap):
                return seen[-1]
            report.away(LinkReason.NOT_FOUND)
            if (adopted := await self._adopt()) is not None:
                return adopted

    async def _visit(self, sighting: Sighting, stream: Stream) -> None:
        """Connect and stream until the link fails; always disconnect."""
        stream.report.change(LinkState.CONNECTING)
        name = sighting.strap.name
        client = await self._radio.connect(sighting.device, name, stream.lost.set)
        link = Link(client, self._timing, use_start_notify=self._use_start_notify)
        try:
            strap, battery = await link.introduce(name)
            stream.begin(strap, battery)
            await link.subscribe(stream.receive)
            await stream.follow(link)
        finally:
            await link.close()

    def _is_wanted(self, strap: FoundStrap) -> bool:
        if not self._wanted.address:  # asked for by its name, or how that begins
            return strap.name.casefold().startswith(self._wanted.name.casefold())
        return strap.address.lower() == self._wanted.address.lower()
