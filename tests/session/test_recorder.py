"""What `record` says at the terminal: each piece of news once."""

from __future__ import annotations

from pathlib import Path

from biofeedback.errors import ADVICE
from biofeedback.model import (
    FoundStrap,
    LinkChange,
    LinkReason,
    LinkState,
    LinkStep,
    Strap,
)
from biofeedback.session.clock import Clock, ManualClock
from biofeedback.session.driver import Emit, RadioStatus, Seen, Watch
from biofeedback.session.opening import open_session
from biofeedback.session.recorder import _Heard

STEPS: tuple[tuple[LinkState, LinkStep, LinkReason | None, int | None], ...] = (
    (LinkState.SEARCHING, LinkStep.SCANNING, None, None),
    (LinkState.SEARCHING, LinkStep.BACKOFF, LinkReason.NOT_FOUND, 500),
    (LinkState.SEARCHING, LinkStep.SCANNING, LinkReason.NOT_FOUND, None),
    (LinkState.SEARCHING, LinkStep.BACKOFF, LinkReason.NOT_FOUND, 1000),
    (LinkState.CONNECTING, LinkStep.CONNECTING, None, None),
    (LinkState.CONNECTING, LinkStep.DISCOVERING, None, None),
    (LinkState.CONNECTING, LinkStep.SUBSCRIBING, None, None),
    (LinkState.STREAMING, LinkStep.STREAMING, None, None),
)


class SteppingDriver:
    """Goes through all steps of a link, a second each."""

    name = "stepping"

    async def status(self) -> RadioStatus:
        return RadioStatus(available=True)

    async def scan(
        self, seconds: float, seen: Seen | None = None
    ) -> tuple[FoundStrap, ...]:
        return ()

    def open(self, strap: FoundStrap) -> SteppingDriver:
        return self

    async def close(self) -> None:
        pass

    async def run(self, *, clock: Clock, emit: Emit, watch: Watch) -> None:
        for second, (state, step, reason, retry_in_ms) in enumerate(STEPS, start=1):
            await clock.sleep_until(second * 1_000_000_000)
            emit(
                LinkChange(
                    t_ns=clock.now_ns(),
                    source="strap",
                    state=state,
                    step=step,
                    reason=reason,
                    retry_in_ms=retry_in_ms,
                    strap=Strap(name="strap", battery_pct=100 - second),
                )
            )
        await clock.sleep_until(1 << 62)


async def test_a_person_reads_one_line_for_each_change_of_state_or_reason(
    tmp_path: Path,
) -> None:
    clock = ManualClock()
    strap = FoundStrap(id="stepping:1", name="strap", address="")
    session = open_session(
        SteppingDriver(), strap, part=tmp_path / "a.mcap.part", clock=clock
    )
    said: list[str] = []
    session.start()
    await clock.advance(len(STEPS) + 1)
    await session.stop()
    heard = _Heard()
    await heard.listen(session, said.append)
    assert said == [
        "Searching.",
        f"Searching. {ADVICE[LinkReason.NOT_FOUND]}",
        "Connecting.",
        "Streaming.",
    ]
    assert heard.reason is LinkReason.NOT_FOUND
