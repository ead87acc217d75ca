"""The simulated strap as a driver: always there, always labelled so."""

from __future__ import annotations

from biofeedback.model import (
    FoundStrap,
    LinkChange,
    LinkReason,
    LinkState,
    LinkStep,
    Notification,
)
from biofeedback.practice import pacer
from biofeedback.session.clock import NS_PER_MS, Clock
from biofeedback.session.driver import Emit, RadioStatus, Seen, Watch
from biofeedback.simulator.heart import HeartProfile, natural_breath, profile_named
from biofeedback.simulator.strap import SimulatedStrap

SIMULATED_ID = "simulated:heart"
DEFAULT_PROFILE = "calm"
DEFAULT_SEED = 1


class SimulatedDriver:
    """Offers one simulated strap.

    Parameters
    ----------
    profile, seed
        What :meth:`open` plays when it is not told otherwise.
    """

    name = "simulated"

    def __init__(
        self, profile: str = DEFAULT_PROFILE, seed: int = DEFAULT_SEED
    ) -> None:
        self.profile = profile_named(profile)
        self.seed = seed

    async def status(self) -> RadioStatus:
        """Say that it can always be used."""
        return RadioStatus(available=True)

    @property
    def found(self) -> FoundStrap:
        """The one strap there is."""
        return FoundStrap(
            id=SIMULATED_ID,
            name=SimulatedStrap.name,
            address="",
            profile=self.profile.name,
            simulated=True,
        )

    async def scan(
        self, seconds: float, seen: Seen | None = None
    ) -> tuple[FoundStrap, ...]:
        """List the one simulated strap, at once."""
        if seen is not None:
            seen(self.found)
        return (self.found,)

    def open(self, strap: FoundStrap) -> SimulatedSource:
        """Return the strap as a source."""
        return SimulatedSource(self.profile, self.seed)

    async def close(self) -> None:
        """Do nothing: there is nothing to release."""


_STEPS = {
    LinkState.CONNECTING: LinkStep.CONNECTING,
    LinkState.STREAMING: LinkStep.STREAMING,
    LinkState.RECONNECTING: LinkStep.LOST,
}


class SimulatedSource:
    """Someone with a strap who watches the pacer and breathes with it.

    Asked for ECG or acceleration, the strap sends these too; the heart beats on as if
    nobody had asked.
    """

    def __init__(self, profile: HeartProfile, seed: int) -> None:
        self.strap = SimulatedStrap(profile, seed)

    async def run(self, *, clock: Clock, emit: Emit, watch: Watch) -> None:
        """Emit a notification a second, and what was asked for, until cancelled."""
        start_ns = clock.now_ns()

        def link(state: LinkState, reason: LinkReason | None = None) -> None:
            streaming = state is LinkState.STREAMING
            emit(
                LinkChange(
                    t_ns=clock.now_ns(),
                    source="strap",
                    state=state,
                    step=_STEPS[state],
                    reason=reason,
                    strap=self.strap.strap if streaming else None,
                )
            )

        def breath(t_s: float) -> tuple[float, float]:
            schedule = watch().schedule
            if not schedule:
                return natural_breath(t_s)
            t_ms = start_ns / NS_PER_MS + t_s * 1000
            state = pacer.state_at(schedule, t_ms)
            return state.fullness, pacer.active(schedule, t_ms).rate_bpm

        link(LinkState.CONNECTING)
        link(LinkState.STREAMING)
        while True:
            await clock.sleep_until(start_ns + self.strap.due_ns)
            self.strap.ask(watch().signals)
            elapsed_ns = clock.now_ns() - start_ns
            for happening in self.strap.advance(elapsed_ns, breath):
                if isinstance(happening, Notification):
                    emit(
                        Notification(
                            t_ns=clock.now_ns(),
                            source=happening.source,
                            characteristic=happening.characteristic,
                            data=happening.data,
                        )
                    )
                elif happening.off:
                    link(LinkState.RECONNECTING, LinkReason.LINK_LOST)
                else:
                    link(LinkState.STREAMING)
