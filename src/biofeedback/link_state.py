"""What a person is told about the link: the driver's word, and what is heard over it.

The driver knows the radio. Whether the electrodes touch the skin, and whether RR
intervals come at all, only the notifications say. Both together are one
:class:`~biofeedback.model.LinkEvent`, told when it differs from the last one.
"""

from __future__ import annotations

from operator import is_

import msgspec

from biofeedback.errors import ADVICE
from biofeedback.live_metrics import ms
from biofeedback.model import (
    LinkChange,
    LinkEvent,
    LinkReason,
    LinkState,
    LinkStep,
    Strap,
)
from biofeedback.wire.profiles import RR, profile_with

NS_PER_S = 1_000_000_000

STALE_NS = 5 * NS_PER_S
"""Silence after which a link is called stale, unless its driver tells its steps: such
a driver says so itself, and knows how often this strap usually sends."""

HR_ONLY_NS = 10 * NS_PER_S
"""Streaming for so long without one RR interval: this strap sends none."""

NO_HEART_PACKETS = 3
NO_HEART_NS = 3 * NS_PER_S
"""So many packets in a row without a heart, or for so long: the strap is off the body.
Fewer are usual while a strap that was just put on counts its first beats."""

NO_PULSE_NS = 30 * NS_PER_S
"""The same for an optical band: its rate may be 0 for the 25 s before the first pulse
intervals, and between those that follow every 5 s (PolarOH1.md of Polar's SDK)."""


class Link:
    """The link of one strap. Its methods return what is to be told: one event or none.

    Attributes
    ----------
    strap
        What is known of the strap; ``None`` before a driver has said anything.
    """

    def __init__(self) -> None:
        self.strap: Strap | None = None
        self._driver = LinkChange(t_ns=0, source="", state=LinkState.SEARCHING)
        self._battery_pct: int | None = None  # the last that was notified
        self._contact = True
        self._no_heart = 0  # packets in a row that knew of none
        self._no_heart_since_ns = 0
        self._off_body = False
        self._pulses = False
        self._silent = False
        self._intervals = False
        self._hr_only = False
        self._heard_ns = 0  # the last notification, or the start of the stream
        self._streaming_since_ns = 0
        self._said: LinkEvent | None = None
        self._looked: tuple[object, ...] | None = None  # what that was said from

    @property
    def state(self) -> LinkState:
        """How it is now, in the word that was told last."""
        return self._driver.state if self._said is None else self._said.state

    def change(self, record: LinkChange) -> tuple[LinkEvent, ...]:
        """Take the driver's word."""
        if record.state is not LinkState.STREAMING:
            self._contact, self._silent = True, False
            self._no_heart, self._off_body = 0, False
        elif self._driver.state is not LinkState.STREAMING:
            self._heard_ns = self._streaming_since_ns = record.t_ns
        self._driver = record
        if record.strap is not None:
            self._know(record.strap)
        return self._news(record.t_ns)

    def hear(
        self, t_ns: int, contact: bool | None, *, heart: bool = True
    ) -> tuple[LinkEvent, ...]:
        """Note that a packet came.

        ``contact`` is what the strap says, if it can; ``heart`` is whether the packet
        holds a rate or an interval. Without one for long enough no strap has contact,
        whatever it says: a Polar H10 has no contact bits and sends a rate of 0.
        """
        self._heard_ns = t_ns
        self._silent = False
        self._contact = contact is not False
        if heart:
            self._no_heart, self._off_body = 0, False
        else:
            self._miss_heart(t_ns)
        if self._driver.state is LinkState.STALE:  # before its driver has noticed
            step = None if self._driver.step is None else LinkStep.STREAMING
            self._driver = LinkChange(
                t_ns=t_ns,
                source=self._driver.source,
                state=LinkState.STREAMING,
                step=step,
            )
            self._streaming_since_ns = t_ns
        if self._driver.state is not LinkState.STREAMING:
            return ()
        return self._news(t_ns)

    def _miss_heart(self, t_ns: int) -> None:
        if self._no_heart == 0:
            self._no_heart_since_ns = t_ns
        self._no_heart += 1
        lasted_ns = t_ns - self._no_heart_since_ns
        if self._is_optical:
            self._off_body = lasted_ns >= NO_PULSE_NS
        else:
            enough = self._no_heart >= NO_HEART_PACKETS
            self._off_body = enough or lasted_ns >= NO_HEART_NS

    @property
    def _is_optical(self) -> bool:
        known = None if self.strap is None else self.strap.profile
        return self._pulses or profile_with(known).rr is RR.NONE

    @property
    def _touches(self) -> bool:
        return self._contact and not self._off_body

    def measure(self, *, pulses: bool = False) -> None:
        """Note that intervals come, of RR or of pulses."""
        self._intervals = True
        self._pulses = pulses

    def charge(self, t_ns: int, pct: int) -> tuple[LinkEvent, ...]:
        """Take the battery level that the strap notified."""
        self._battery_pct = pct
        if self.strap is None:
            return ()
        self._know(self.strap)
        return self._news(t_ns)

    def tick(self, t_ns: int) -> tuple[LinkEvent, ...]:
        """Let time pass: notice silence, and a strap that sends a rate only."""
        if self._driver.state is not LinkState.STREAMING:
            return ()
        if self._driver.step is None and t_ns - self._heard_ns > STALE_NS:
            self._silent = True
        elif self._touches and t_ns - self._streaming_since_ns > HR_ONLY_NS:
            self._hr_only = True
        return self._news(t_ns)

    def _know(self, strap: Strap) -> None:
        """Keep what is new of ``strap``, but not a battery level older than ours."""
        if self.strap is not None and strap.name != self.strap.name:
            self._battery_pct = None  # another one's
        if self._battery_pct is not None:
            strap = msgspec.structs.replace(strap, battery_pct=self._battery_pct)
        self.strap = strap

    def _news(self, t_ns: int) -> tuple[LinkEvent, ...]:
        state = (
            self._driver,
            self._silent,
            self._touches,
            self._hr_only and not self._intervals,
            self.strap,
        )
        # Looked at every second: what it is said from is mostly the very same.
        if self._looked is not None and all(map(is_, state, self._looked)):
            return ()
        self._looked = state
        now = self._now(t_ns)
        before = self._said
        if before is not None:
            # When it is said, and how long a wait will be, is no news by itself.
            before = msgspec.structs.replace(
                before, t_ms=now.t_ms, retry_in_ms=now.retry_in_ms
            )
        if now == before:
            return ()
        self._said = now
        return (now,)

    def _now(self, t_ns: int) -> LinkEvent:
        """Return what holds now: silence and contact stand before all the rest."""
        driver = self._driver
        state, reason, advice = driver.state, driver.reason, driver.advice
        if advice is None and reason is not None:
            advice = ADVICE[reason]
        if state is LinkState.STREAMING:
            if self._silent:
                state, reason = LinkState.STALE, LinkReason.NO_DATA
                advice = ADVICE[reason]
            elif not self._touches:
                state, reason = LinkState.CONTACT_LOST, LinkReason.NO_CONTACT
                advice = ADVICE[reason]
            elif self._hr_only and not self._intervals:
                # Beside a trouble of the driver's, which may be another matter.
                reason = reason or LinkReason.HR_ONLY
                rate_only = ADVICE[LinkReason.HR_ONLY]
                advice = f"{rate_only} {advice}" if advice else rate_only
        return LinkEvent(
            t_ms=ms(t_ns),
            state=state,
            step=driver.step,
            reason=reason,
            advice=advice,
            strap=self.strap,
            retry_in_ms=driver.retry_in_ms,
        )
