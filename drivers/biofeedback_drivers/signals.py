"""Keeps the signals beside the heart rate as the session wants them.

Never in the way of the heart rate: that is subscribed to and heard first, and whatever
goes wrong here is told and ends nothing.
"""

from __future__ import annotations

import asyncio
import logging

import msgspec

from biofeedback.model import Ask, Signal
from biofeedback.session.clock import Clock
from biofeedback.session.driver import Watch
from biofeedback.wire import uuids
from biofeedback.wire.polar_pmd import MEASUREMENTS
from biofeedback.wire.profiles import RR, StrapProfile
from biofeedback_drivers import pmd_advice
from biofeedback_drivers.link import Link
from biofeedback_drivers.pmd import PolarStream
from biofeedback_drivers.stream import Stream
from biofeedback_drivers.timing import NS_PER_S, Timing
from biofeedback_drivers.waiting import set_within

log = logging.getLogger(__name__)


class Signals:
    """Asks one strap over one link for what the session wants, about once a second.

    Parameters
    ----------
    link, stream
        Where to ask, and who takes what comes.
    clock, watch
        The session's time, and what it wants.
    timing
        Every wait.
    """

    def __init__(
        self, link: Link, stream: Stream, clock: Clock, watch: Watch, timing: Timing
    ) -> None:
        self._link = link
        self._stream = stream
        self._clock = clock
        self._watch = watch
        self._timing = timing
        self._polar: PolarStream | None = None
        self._usual: tuple[Ask, ...] = ()
        self._missed: tuple[Signal, ...] = ()

    async def run(self, profile: StrapProfile) -> None:
        """Keep the signals as they are wanted; return never, raise never."""
        await set_within(self._stream.heard, self._timing.silence_s)
        try:
            while True:
                await self._look(profile)
                wait_ns = round(self._timing.signals_s * NS_PER_S)
                await self._clock.sleep_until(self._clock.now_ns() + wait_ns)
        except Exception:
            log.exception("the signals beside the heart rate ended; that goes on")
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Stop whatever runs on the strap, in bounded time; never raises."""
        polar, self._polar = self._polar, None
        if polar is not None:
            await polar.close()

    async def _look(self, profile: StrapProfile) -> None:
        asks = self._watch().signals
        if self._polar is None:
            if self._link.find(uuids.PMD_CONTROL_POINT) is None:
                if not profile.signals:
                    self._miss(tuple(dict.fromkeys(ask.signal for ask in asks)))
                    return
                if not asks:
                    return
            # Without a wish as well: what a killed program left running is stopped.
            await self._open(profile)
        if self._polar is not None:
            asked = {ask.signal for ask in asks}
            usual = (ask for ask in self._usual if ask.signal not in asked)
            await self._polar.want((*asks, *usual))
            self._learn(self._polar.offered, profile)

    def _miss(self, signals: tuple[Signal, ...]) -> None:
        """Tell once what is asked of a strap that has nothing but its heart rate."""
        if signals == self._missed:
            return
        self._missed = signals
        if signals:
            missing = (MEASUREMENTS[each] for each in signals)
            self._stream.note(*pmd_advice.missing(*missing))
        else:
            self._stream.note(None, None)

    async def _open(self, profile: StrapProfile) -> None:
        polar = PolarStream(
            self._link,
            self._stream.receive,
            self._timing,
            self._stream.note,
            profile,
        )
        self._polar = polar
        self._learn(await polar.open(), profile)

    def _learn(self, offered: tuple[Signal, ...], profile: StrapProfile) -> None:
        """Tell what the strap offers; it may answer only to a second question."""
        report = self._stream.report
        if report.strap is not None and report.strap.signals != offered:
            report.update(msgspec.structs.replace(report.strap, signals=offered))
        if profile.rr is RR.NONE and Signal.PPI in offered:
            # An optical band sends no RR intervals: these are the next best.
            self._usual = (Ask(signal=Signal.PPI),)
