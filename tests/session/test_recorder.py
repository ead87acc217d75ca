"""What `record` says at the terminal: each piece of news once."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import TypeAlias

import pytest

from biofeedback.errors import ADVICE
from biofeedback.model import (
    FoundStrap,
    LinkChange,
    LinkReason,
    LinkState,
    LinkStep,
    Strap,
    Tick,
)
from biofeedback.recording.reader import open_recording
from biofeedback.session.clock import Clock, ManualClock
from biofeedback.session.driver import Emit, RadioStatus, Seen, Watch
from biofeedback.session.news import News
from biofeedback.session.opening import open_session
from biofeedback.session.recorder import _Heard

NO_ECG = "This strap offers no ECG."

Step: TypeAlias = tuple[LinkState, LinkStep, LinkReason | None, int | None, str | None]
STEPS: tuple[Step, ...] = (
    (LinkState.SEARCHING, LinkStep.SCANNING, None, None, None),
    (LinkState.SEARCHING, LinkStep.BACKOFF, LinkReason.NOT_FOUND, 500, None),
    (LinkState.SEARCHING, LinkStep.SCANNING, LinkReason.NOT_FOUND, None, None),
    (LinkState.SEARCHING, LinkStep.BACKOFF, LinkReason.NOT_FOUND, 1000, None),
    (LinkState.CONNECTING, LinkStep.CONNECTING, None, None, None),
    (LinkState.CONNECTING, LinkStep.DISCOVERING, None, None, None),
    (LinkState.CONNECTING, LinkStep.SUBSCRIBING, None, None, None),
    (LinkState.STREAMING, LinkStep.STREAMING, None, None, None),
    (LinkState.STREAMING, LinkStep.STREAMING, None, None, NO_ECG),
    (LinkState.STREAMING, LinkStep.STREAMING, None, None, NO_ECG),
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
        for second, told in enumerate(STEPS, start=1):
            state, step, reason, retry_in_ms, advice = told
            await clock.sleep_until(second * 1_000_000_000)
            emit(
                LinkChange(
                    t_ns=clock.now_ns(),
                    source="strap",
                    state=state,
                    step=step,
                    reason=reason,
                    advice=advice,
                    retry_in_ms=retry_in_ms,
                    strap=Strap(name="strap", battery_pct=100 - second),
                )
            )
        await clock.sleep_until(1 << 62)


async def test_a_person_reads_one_line_for_each_change_of_state_reason_or_advice(
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
        "Streaming from strap.",
        NO_ECG,
    ]
    assert heard.reason is LinkReason.NOT_FOUND


def lines(
    *changes: tuple[LinkState, LinkReason | None], name: str = "Polar H10"
) -> list[str]:
    """Return what a person reads of these changes of a link."""
    news = News()
    told = (
        news.of(
            {
                "state": state.value,
                "reason": reason and reason.value,
                "advice": reason and ADVICE[reason],
                "strap": {"name": name, "model": "H10"},
            }
        )
        for state, reason in changes
    )
    return [line for line in told if line]


SEARCHING, CONNECTING = LinkState.SEARCHING, LinkState.CONNECTING
STREAMING, STALE = LinkState.STREAMING, LinkState.STALE
RECONNECTING = LinkState.RECONNECTING
PAIRING, NO_DATA = LinkReason.PAIRING_NEEDED, LinkReason.NO_DATA


def test_a_strap_that_refuses_again_and_again_is_told_once() -> None:
    again = ((CONNECTING, None), (SEARCHING, PAIRING))
    assert lines(*again * 6) == ["Connecting.", f"Searching. {ADVICE[PAIRING]}"]
    other = (SEARCHING, LinkReason.NOT_FOUND)
    assert lines(*again, other, *again) == [
        "Connecting.",
        f"Searching. {ADVICE[PAIRING]}",
        f"Searching. {ADVICE[LinkReason.NOT_FOUND]}",
        "Connecting.",
        f"Searching. {ADVICE[PAIRING]}",
    ], "another reason, and back, is news"


def test_silence_is_told_once_each_time_it_comes() -> None:
    lost = ((STREAMING, None), (STALE, NO_DATA), (RECONNECTING, NO_DATA))
    once = ["Streaming from Polar H10.", ADVICE[NO_DATA], "Reconnecting."]
    assert lines(*lost) == once
    assert lines(*lost * 2) == once * 2
    assert lines((STREAMING, None), (STALE, None))[1:] == ["No data."]


def test_a_strap_is_named_by_what_is_known_and_can_be_shown() -> None:
    assert lines((STREAMING, None), name="") == ["Streaming from H10."]
    assert lines((STREAMING, None), name="\x1b[2J") == ["Streaming from \ufffd[2J."]


def test_a_strap_that_was_busy_and_then_hides_is_still_said_to_be_busy() -> None:
    heard = _Heard()
    for reason in (LinkReason.BUSY, None, LinkReason.NOT_FOUND):
        heard._link(reason, None)
    assert (heard.reason, heard.advice) == (LinkReason.BUSY, ADVICE[LinkReason.BUSY])
    heard._link(LinkReason.ADAPTER_OFF, None)
    assert heard.reason is LinkReason.ADAPTER_OFF


NOHUP = """
import asyncio, signal, sys
from pathlib import Path
from biofeedback.session.recorder import record_to
from biofeedback.session.simulated import SimulatedDriver

assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
driver = SimulatedDriver()
tell = lambda line: print(line, flush=True)
asyncio.run(
    record_to(
        Path(sys.argv[1]), driver=driver, strap=driver.found, seconds=3, tell=tell
    )
)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no nohup.")
def test_a_recording_begun_with_nohup_outlives_its_terminal(tmp_path: Path) -> None:
    out = tmp_path / "a.mcap"
    with subprocess.Popen(
        ["nohup", sys.executable, "-c", NOHUP, out],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        while not process.stdout.readline().startswith("Streaming from "):
            assert process.poll() is None
        process.send_signal(signal.SIGHUP)  # what a terminal says when it is closed
        process.communicate(timeout=60)
    assert process.returncode == 0
    ticks = [one for _, one in open_recording(out).inputs() if isinstance(one, Tick)]
    assert len(ticks) == 3
