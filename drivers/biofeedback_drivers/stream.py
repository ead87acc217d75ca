"""What is heard over one link, and what is told about it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine

from biofeedback.errors import ADVICE, LinkError
from biofeedback.model import LinkChange, LinkReason, LinkState, Notification, Strap
from biofeedback.session.clock import Clock
from biofeedback.session.driver import Emit
from biofeedback.wire import uuids
from biofeedback_drivers.link import Link
from biofeedback_drivers.timing import NS_PER_S, Timing, Watchdog

log = logging.getLogger(__name__)

SOURCE = "strap"


class Reporter:
    """Emits each change of the link once, and a lasting trouble now and then."""

    def __init__(self, clock: Clock, emit: Emit, timing: Timing, name: str) -> None:
        self.state: LinkState | None = None
        self._clock = clock
        self._emit = emit
        self._remind_ns = round(timing.remind_s * NS_PER_S)
        self._strap = Strap(name=name) if name else None
        self._said: tuple[LinkState, LinkReason | None] | None = None
        self._said_ns = 0
        self._streamed = False

    def change(
        self,
        state: LinkState,
        reason: LinkReason | None = None,
        t_ns: int | None = None,
    ) -> None:
        """Tell that the link is in ``state``, and why; since now, or since ``t_ns``."""
        if t_ns is None:
            t_ns = self._clock.now_ns()
        said = (state, reason)
        if said == self._said and t_ns - self._said_ns < self._remind_ns:
            return
        self.state, self._said, self._said_ns = state, said, t_ns
        self._streamed |= state is LinkState.STREAMING
        self._emit(
            LinkChange(
                t_ns=t_ns,
                source=SOURCE,
                state=state,
                reason=reason,
                advice=ADVICE[reason] if reason is not None else None,
                strap=self._strap,
            )
        )

    def away(self, reason: LinkReason | None = None) -> None:
        """Tell that there is no link: not yet, or not any more."""
        self.change(
            LinkState.RECONNECTING if self._streamed else LinkState.SEARCHING, reason
        )

    def introduce(self, strap: Strap) -> None:
        """Tell of ``strap`` with every change from now on."""
        self._strap = strap


class Stream:
    """Turns what arrives into records, and notices when nothing does."""

    def __init__(
        self, clock: Clock, emit: Emit, report: Reporter, timing: Timing
    ) -> None:
        self.report = report
        self.lost = asyncio.Event()
        self._clock = clock
        self._emit = emit
        self._timing = timing
        self._watchdog = Watchdog(timing, clock.now_ns())

    def begin(self, strap: Strap, battery: bytes | None) -> None:
        """Start with a strap that has introduced itself."""
        self.report.introduce(strap)
        if battery is not None:
            self.receive(uuids.BATTERY_LEVEL, battery)
        self._watchdog = Watchdog(self._timing, self._clock.now_ns())

    def receive(self, characteristic: str, data: bytes) -> None:
        """Take a notification: called by the radio, so it never raises."""
        t_ns = self._clock.now_ns()
        try:
            if characteristic == uuids.HEART_RATE_MEASUREMENT:
                self._watchdog.heard(t_ns)
                if self.report.state is not LinkState.STREAMING:
                    self.report.change(LinkState.STREAMING, t_ns=t_ns)
            self._emit(
                Notification(
                    t_ns=t_ns, source=SOURCE, characteristic=characteristic, data=data
                )
            )
        except Exception:
            # D-Bus would swallow it, and the stream would go on unheard.
            log.exception("a notification could not be handed on")

    @property
    def steady(self) -> bool:
        """Whether data came for long enough to trust this strap again."""
        return self._watchdog.steady

    async def follow(self, link: Link) -> None:
        """Return never; raise when the link is lost or silent for too long.

        Raises
        ------
        LinkError
            ``LINK_LOST`` or ``NO_DATA``.
        """
        while True:
            await self._wait(self._watchdog.deadline_ns)
            if self._clock.now_ns() < self._watchdog.deadline_ns:
                continue  # something came meanwhile
            last_ns = self._watchdog.last_ns
            self.report.change(LinkState.STALE, LinkReason.NO_DATA)
            if await link.alive():
                grace_ns = round(self._timing.silence_s * NS_PER_S)
                await self._wait(self._clock.now_ns() + grace_ns)
            if self._watchdog.last_ns == last_ns:
                raise LinkError(LinkReason.NO_DATA)

    async def _wait(self, t_ns: int) -> None:
        await _first(self.lost.wait(), self._clock.sleep_until(t_ns))
        if self.lost.is_set():
            raise LinkError(LinkReason.LINK_LOST)


async def _first(*waits: Coroutine[object, object, object]) -> None:
    """Wait for one of several; leave none behind."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
