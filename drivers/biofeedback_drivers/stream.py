"""What is heard over one link, and what is told about it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

import msgspec

from biofeedback.errors import LinkError
from biofeedback.model import LinkReason, LinkStep, Notification
from biofeedback.session.clock import Clock
from biofeedback.session.driver import Emit
from biofeedback.wire import BatteryLevel, uuids
from biofeedback_drivers.errors import advised
from biofeedback_drivers.link import Introduction, Link
from biofeedback_drivers.states import SOURCE, Reporter
from biofeedback_drivers.timing import NS_PER_S, Timing, Watchdog
from biofeedback_drivers.waiting import first

log = logging.getLogger(__name__)

_BEFORE_DATA = frozenset({LinkStep.SUBSCRIBING, LinkStep.STALE})


class Stream:
    """Turns what arrives into records, and notices when nothing does.

    Only the heart rate keeps a stream alive. While it is silent and other signals
    (ECG, acceleration) still flow, a person reads that no data comes, but the link is
    left alone for ``others_s``: a new one would cost the samples as well.

    Attributes
    ----------
    heard
        Set once a heart rate came.
    lost
        Set once the link is gone.
    """

    def __init__(
        self, clock: Clock, emit: Emit, report: Reporter, timing: Timing
    ) -> None:
        self.report = report
        self.heard = asyncio.Event()
        self.lost = asyncio.Event()
        self.lost_because = LinkReason.LINK_LOST
        self._clock = clock
        self._emit = emit
        self._timing = timing
        self._hint = ""
        self._note: tuple[LinkReason | None, str | None] = (None, None)
        self._begun_ns = clock.now_ns()
        self._others_ns: int | None = None
        self._watchdog = Watchdog(timing, self._begun_ns)

    def begin(self, introduction: Introduction, hint: str) -> None:
        """Start with a strap that has introduced itself.

        ``hint`` is what to tell if it never sends anything.
        """
        self.report.introduce(introduction.strap)
        if introduction.battery is not None:
            self.receive(uuids.BATTERY_LEVEL, introduction.battery)
        self._hint = hint
        self._begun_ns = self._clock.now_ns()
        self._watchdog = Watchdog(self._timing, self._begun_ns)

    def receive(self, characteristic: str, data: bytes) -> None:
        """Take a notification: called by the radio, so it never raises."""
        t_ns = self._clock.now_ns()
        try:
            if characteristic == uuids.HEART_RATE_MEASUREMENT:
                self._watchdog.heard(t_ns)
                self.heard.set()
                if self.report.step in _BEFORE_DATA:
                    reason, advice = self._note
                    self.report.to(LinkStep.STREAMING, reason, advice=advice, t_ns=t_ns)
            elif characteristic == uuids.PMD_DATA:
                self._others_ns = t_ns
            elif characteristic == uuids.BATTERY_LEVEL:
                self._learn_battery(data)
            self._emit(
                Notification(
                    t_ns=t_ns, source=SOURCE, characteristic=characteristic, data=data
                )
            )
        except Exception:
            # D-Bus would swallow it, and the stream would go on unheard.
            log.exception("a notification could not be handed on")

    def _learn_battery(self, data: bytes) -> None:
        """Tell the level with every change of the link from now on."""
        strap, pct = self.report.strap, BatteryLevel.from_bytes(data).pct
        if strap is not None and pct is not None:
            self.report.introduce(msgspec.structs.replace(strap, battery_pct=pct))

    def note(self, reason: LinkReason | None, advice: str | None) -> None:
        """Tell of a trouble that leaves the heart rate alone; ``None``: it is over."""
        self._note = (reason, advice)
        if self.report.step is LinkStep.STREAMING:
            self.report.to(LinkStep.STREAMING, reason, advice=advice)

    def lose(self, reason: LinkReason = LinkReason.LINK_LOST) -> None:
        """End the stream; the first reason counts."""
        if not self.lost.is_set():
            self.lost_because = reason
            self.lost.set()

    @property
    def steady(self) -> bool:
        """Whether data came for long enough to trust this strap again."""
        return self._watchdog.steady

    @property
    def gave_data(self) -> bool:
        """Whether a heart rate came at all."""
        return self.heard.is_set()

    @property
    def age_s(self) -> float:
        """How long ago the strap introduced itself."""
        return (self._clock.now_ns() - self._begun_ns) / NS_PER_S

    async def while_linked(self, work: Coroutine[Any, Any, object]) -> None:
        """Do ``work``, but for no longer than there is a link.

        Raises
        ------
        LinkError
            With the reason why the link was lost.
        """
        try:
            await first(work, self.lost.wait())
        except LinkError as error:
            if not self.lost.is_set():
                raise
            raise LinkError(self.lost_because, error.detail) from error
        if self.lost.is_set():
            raise LinkError(self.lost_because)

    async def follow(self, link: Link) -> None:
        """Return never; raise when the link is silent for too long.

        Raises
        ------
        LinkError
            ``NO_DATA``.
        """
        while True:
            await self._clock.sleep_until(self._watchdog.deadline_ns)
            if self._clock.now_ns() < self._watchdog.deadline_ns:
                continue  # something came meanwhile
            silent_ns, last_ns = self._clock.now_ns(), self._watchdog.last_ns
            silence = self._silence()
            self.report.to(LinkStep.STALE, silence.reason, advice=silence.advice)
            grace_s = self._timing.silence_s if await link.alive() else 0.0
            await self._sleep(grace_s)
            while self._watchdog.last_ns == last_ns and self._others_flow(silent_ns):
                await self._sleep(self._timing.silence_s)
            if self._watchdog.last_ns == last_ns:
                raise silence

    def _silence(self) -> LinkError:
        error = LinkError(LinkReason.NO_DATA)
        return error if self.gave_data else advised(error, self._hint)

    def _others_flow(self, since_ns: int) -> bool:
        """Say whether other signals still come, and may be all there is for now."""
        now_ns = self._clock.now_ns()
        fresh_ns = now_ns - round(self._timing.silence_s * NS_PER_S)
        patience_ns = since_ns + round(self._timing.others_s * NS_PER_S)
        flowing = self._others_ns is not None and self._others_ns >= fresh_ns
        return flowing and now_ns < patience_ns

    async def _sleep(self, seconds: float) -> None:
        await self._clock.sleep_until(self._clock.now_ns() + round(seconds * NS_PER_S))
