"""The steps of a link, which may follow which, and how they are told to people.

::

    idle ─> scanning ─> connecting ─> discovering ─> subscribing ─> streaming <─> stale
               ^            │              │              │             │           │
               │            v              └──────────────┴─> lost <────┴───────────┘
               └──────── backoff <────────────────────────────┘
"""

from __future__ import annotations

from biofeedback.errors import ADVICE
from biofeedback.model import LinkChange, LinkReason, LinkState, LinkStep, Strap
from biofeedback.session.clock import Clock
from biofeedback.session.driver import Emit
from biofeedback_drivers.timing import NS_PER_S, Timing

SOURCE = "strap"

NEXT: dict[LinkStep | None, frozenset[LinkStep]] = {
    None: frozenset({LinkStep.IDLE}),
    LinkStep.IDLE: frozenset(
        # A strap that the system holds already is connected without a search.
        {LinkStep.SCANNING, LinkStep.CONNECTING, LinkStep.BACKOFF}
    ),
    LinkStep.SCANNING: frozenset({LinkStep.CONNECTING, LinkStep.BACKOFF}),
    LinkStep.CONNECTING: frozenset({LinkStep.DISCOVERING, LinkStep.BACKOFF}),
    LinkStep.DISCOVERING: frozenset({LinkStep.SUBSCRIBING, LinkStep.LOST}),
    LinkStep.SUBSCRIBING: frozenset(
        {LinkStep.STREAMING, LinkStep.STALE, LinkStep.LOST}
    ),
    LinkStep.STREAMING: frozenset({LinkStep.STALE, LinkStep.LOST}),
    LinkStep.STALE: frozenset({LinkStep.STREAMING, LinkStep.LOST}),
    LinkStep.LOST: frozenset({LinkStep.BACKOFF}),
    LinkStep.BACKOFF: frozenset({LinkStep.SCANNING, LinkStep.CONNECTING}),
}
"""Which step may follow which. A step may also be told again, with another reason."""

_STATES = {
    LinkStep.CONNECTING: LinkState.CONNECTING,
    LinkStep.DISCOVERING: LinkState.CONNECTING,
    LinkStep.SUBSCRIBING: LinkState.CONNECTING,
    LinkStep.STREAMING: LinkState.STREAMING,
    LinkStep.STALE: LinkState.STALE,
}

_LINKED = frozenset(
    {
        LinkStep.DISCOVERING,
        LinkStep.SUBSCRIBING,
        LinkStep.STREAMING,
        LinkStep.STALE,
    }
)
"""The steps with a connection, which can be lost."""

_AWAY = frozenset({LinkStep.SCANNING, LinkStep.LOST, LinkStep.BACKOFF})
"""The steps in which a person must still read why there is no link."""


def state_of(step: LinkStep, *, streamed: bool) -> LinkState:
    """Return the word for people: without a link it depends on what came before.

    >>> state_of(LinkStep.BACKOFF, streamed=True)
    <LinkState.RECONNECTING: 'reconnecting'>
    """
    away = LinkState.RECONNECTING if streamed else LinkState.SEARCHING
    return _STATES.get(step, away)


class Reporter:
    """Emits each step of the link once, and a lasting trouble now and then."""

    def __init__(self, clock: Clock, emit: Emit, timing: Timing, name: str) -> None:
        self.step: LinkStep | None = None
        self._clock = clock
        self._emit = emit
        self._remind_ns = round(timing.remind_s * NS_PER_S)
        self.strap = Strap(name=name) if name else None
        self._reason: LinkReason | None = None
        self._advice: str | None = None
        self._said_ns = 0
        self._streamed = False

    def to(
        self,
        step: LinkStep,
        reason: LinkReason | None = None,
        *,
        advice: str | None = None,
        t_ns: int | None = None,
        retry_in_ms: int | None = None,
    ) -> None:
        """Tell that the link is at ``step`` now (or since ``t_ns``), and why.

        Without a ``reason``, the last one stays for as long as there is no link.

        Raises
        ------
        ValueError
            If ``step`` cannot follow the present one: a mistake in the driver.
        """
        if step is not self.step and step not in NEXT[self.step]:
            raise ValueError(f"a link cannot go from {self.step} to {step}")
        if t_ns is None:
            t_ns = self._clock.now_ns()
        if reason is not None:
            advice = advice or ADVICE[reason]
        elif step in _AWAY and self._reason is not None:
            reason, advice = self._reason, self._advice
        said = (step, reason, advice)
        recent = t_ns - self._said_ns < self._remind_ns
        if said == (self.step, self._reason, self._advice) and recent:
            return
        self.step, self._reason, self._advice = said
        self._said_ns = t_ns
        self._streamed |= step is LinkStep.STREAMING
        self._emit(
            LinkChange(
                t_ns=t_ns,
                source=SOURCE,
                state=state_of(step, streamed=self._streamed),
                step=step,
                reason=reason,
                advice=advice,
                strap=self.strap,
                retry_in_ms=retry_in_ms,
            )
        )

    def lose(self, reason: LinkReason, advice: str | None = None) -> None:
        """Tell that the link is gone, if there was one."""
        if self.step in _LINKED:
            self.to(LinkStep.LOST, reason, advice=advice)

    def introduce(self, strap: Strap) -> None:
        """Tell of ``strap`` with every step from now on."""
        self.strap = strap

    def update(self, strap: Strap) -> None:
        """Tell more of ``strap`` at once: the step goes on."""
        self.strap = strap
        if self.step in _LINKED:
            self._said_ns = self._clock.now_ns() - self._remind_ns
            self.to(self.step, self._reason, advice=self._advice)
