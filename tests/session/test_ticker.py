"""Many sessions ticked as one fleet: each is as if it had been alone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from biofeedback.recording.reader import open_recording
from biofeedback.session.clock import ManualClock
from biofeedback.session.opening import open_session
from biofeedback.session.replay import verify
from biofeedback.session.runner import LiveSession
from biofeedback.session.simulated import SimulatedDriver
from biofeedback.session.ticker import Ticker

PROFILES = ("calm", "ectopic", "dropouts", "metronome", "anxious", "calm")


def metrics(path: Path) -> list[dict[str, object]]:
    return [
        msgspec.json.decode(stored.data)
        for stored in open_recording(path).all()
        if stored.channel.kind == "metrics"
    ]


def begin(
    folder: Path, n: int, clock: ManualClock, ticker: Ticker | None = None
) -> LiveSession:
    driver = SimulatedDriver(PROFILES[n], seed=n)
    session = open_session(
        driver,
        driver.found,
        part=folder / f"{n}.mcap.part",
        clock=clock,
        ticker=ticker,
    )
    session.start()
    return session


async def test_a_replay_alone_gives_the_bytes_of_a_full_house(tmp_path: Path) -> None:
    """The fleet computes live, one lane computes in the replay: `verify` compares."""
    clock = ManualClock()
    ticker = Ticker(clock)
    sessions = [begin(tmp_path, n, clock, ticker) for n in range(len(PROFILES))]
    await clock.advance(270)
    await asyncio.gather(*(session.stop() for session in sessions))
    for n in range(len(PROFILES)):
        path = tmp_path / f"{n}.mcap.part"
        verdict = verify(path)
        assert verdict.first_difference is None, verdict.sentence
        told = metrics(path)
        assert len(told) == 270
    assert any(one["coherence_ratio"] is not None for one in metrics(path))
    assert any(one["lf_ms2"] is not None for one in metrics(path))


async def test_alone_and_together_tell_the_same(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    clock = ManualClock()
    ticker = Ticker(clock)
    together = [begin(tmp_path, n, clock, ticker) for n in range(3)]
    alone = begin(tmp_path / "one", 0, clock)
    await clock.advance(120)
    await asyncio.gather(*(s.stop() for s in (*together, alone)))
    assert metrics(tmp_path / "0.mcap.part") == metrics(tmp_path / "one/0.mcap.part")


async def test_who_leaves_is_not_ticked_and_gives_its_lane_back(tmp_path: Path) -> None:
    clock = ManualClock()
    ticker = Ticker(clock)
    first = begin(tmp_path, 0, clock, ticker)
    await clock.advance(5)
    row = first.pipeline.windows.lane.row
    await first.stop()
    second = begin(tmp_path, 1, clock, ticker)
    await clock.advance(5)
    assert second.pipeline.windows.lane.row == row
    await second.stop()
    assert len(metrics(tmp_path / "0.mcap.part")) == 5
    assert len(metrics(tmp_path / "1.mcap.part")) == 5
