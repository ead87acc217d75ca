"""The civil clock may step; the session's never does, and the recording says both."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from biofeedback.model import ClockReading
from biofeedback.pipeline import ALGORITHM
from biofeedback.recording.compaction import compact
from biofeedback.recording.reader import open_recording
from biofeedback.recording.writer import RecordingWriter
from biofeedback.session.civil_clock import Civil, CivilWatch
from biofeedback.session.clock import ManualClock
from biofeedback.session.opening import open_session
from biofeedback.session.replay import verify
from biofeedback.session.runner import LiveSession
from biofeedback.session.simulated import SimulatedDriver
from tests.recording.samples import INFO

S = 1_000_000_000
HOUR = 3600
START = INFO.started_at_utc_ns


def readings(*steps: tuple[int, float, int]) -> list[int]:
    """Return at which seconds a reading is kept, of (second, ahead_s, offset_s)."""
    watch = CivilWatch(START, HOUR)
    kept = []
    for second, ahead_s, offset_s in steps:
        civil = Civil(
            utc_ns=START + second * S + round(ahead_s * S), utc_offset_s=offset_s
        )
        if watch.look(second * S, civil) is not None:
            kept.append(second)
    return kept


def test_an_even_clock_is_read_at_first_and_every_five_minutes() -> None:
    steady = [(second, second * 4e-6, HOUR) for second in range(0, 1000, 10)]
    assert readings(*steady) == [0, 300, 600, 900]


@pytest.mark.parametrize(
    ("ahead_s", "offset_s"),
    [(-3600, HOUR), (3600, HOUR), (0.2, HOUR), (0, 2 * HOUR)],
    ids=["set back an hour", "suspended an hour", "corrected", "summer time"],
)
def test_a_step_is_kept_at_once(ahead_s: float, offset_s: int) -> None:
    steps = [(10, 0.0, HOUR), (20, 0.0, HOUR)]
    steps += [(second, ahead_s, offset_s) for second in (30, 40, 50)]
    assert readings(*steps) == [10, 30]


async def test_a_recording_shows_the_step_and_its_own_time_goes_on(
    tmp_path: Path,
) -> None:
    part, final = tmp_path / "a.mcap.part", tmp_path / "a.mcap"
    clock = ManualClock()
    driver = SimulatedDriver("calm", 1)
    set_back = False

    def civil() -> Civil:
        now_ns = START + clock.now_ns()
        return Civil(utc_ns=now_ns - (HOUR * S if set_back else 0), utc_offset_s=HOUR)

    like = open_session(
        driver, driver.found, part=tmp_path / "other.mcap.part", clock=clock
    )
    config = like._config
    assert config is not None
    assert config.algorithm == ALGORITHM
    session = LiveSession(
        info=INFO,
        config=config,
        source=driver.open(driver.found),
        clock=clock,
        writer=RecordingWriter(part, INFO),
        civil=civil,
    )
    session.start()
    await clock.advance(35)
    set_back = True
    await clock.advance(35)
    await session.stop()
    await asyncio.to_thread(compact, part, final)
    recording = open_recording(final)
    times = [stored.t_ns for stored in recording.all()]
    assert times == sorted(times)
    first, reading = (r for _, r in recording.inputs() if isinstance(r, ClockReading))
    assert (first.t_ns, first.utc_ns, first.utc_offset_s) == (0, START, HOUR)
    assert reading.t_ns == 40 * S
    assert reading.utc_ns == START + 40 * S - HOUR * S
    assert verify(final).ok
