"""The quality sheet of recordings: from the strap's bytes to agreement."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest

from biofeedback.model import Ask, SamplesEvent, Signal
from biofeedback.pipeline import Pipeline
from biofeedback.recording.compaction import compact
from biofeedback.recording.reader import Recording, open_recording
from biofeedback.session.clock import ManualClock
from biofeedback.session.opening import open_session
from biofeedback.session.quality import (
    EcgTrace,
    ecg_beats,
    ecg_events,
    ecg_quality,
    ecg_traces,
)
from biofeedback.session.simulated import SimulatedDriver
from biofeedback.signal.series import Series

ECG = Ask(signal=Signal.ECG)


async def recorded(
    part: Path, *signals: Ask, profile: str = "calm", seconds: int = 90
) -> Recording:
    """A simulated session, finished."""
    clock = ManualClock()
    driver = SimulatedDriver(profile, 1)
    session = open_session(
        driver, driver.found, part=part, clock=clock, signals=signals
    )
    session.start()
    for _ in range(seconds):
        await clock.advance(1)
    await session.stop()
    final = part.with_suffix("")
    compact(part, final)
    return open_recording(final)


def intervals(recording: Recording) -> Series:
    pipeline = Pipeline(samples=False)
    for _, record in recording.inputs():
        pipeline.receive(record)
    pipeline.flush()
    return Series.of(pipeline.intervals)


async def test_a_simulated_strap_agrees_with_its_ecg(tmp_path: Path) -> None:
    recording = await recorded(tmp_path / "a.mcap.part", ECG)
    sheet = ecg_quality(recording, intervals(recording))
    assert sheet is not None
    assert msgspec.json.decode(msgspec.json.encode(sheet)) == sheet
    assert sheet["ecg_s"] == pytest.approx(89, abs=2)
    assert (sheet["n_stretches"], sheet["reason"]) == (1, None)
    assert sheet["rate_hz"] == pytest.approx(130, rel=0.01)
    agreement = sheet["agreement"]
    assert agreement["n_ecg"] > 80
    assert agreement["sensitivity_pct"] == agreement["ppv_pct"] == 100
    assert agreement["only_ecg"] == agreement["only_rr"] == 0
    assert agreement["certain"]
    assert agreement["covered_s"] > 80
    assert agreement["rr_bias_ms"] == pytest.approx(0, abs=0.05)
    assert agreement["rr_sd_ms"] < 0.3
    assert agreement["rmssd_ecg_ms"] == pytest.approx(agreement["rmssd_rr_ms"], abs=0.1)


async def test_dropouts_end_stretches_and_nothing_is_counted_in_them(
    tmp_path: Path,
) -> None:
    recording = await recorded(
        tmp_path / "a.mcap.part", ECG, profile="dropouts", seconds=165
    )
    found = ecg_beats(recording)
    assert len(found) == 4
    for one, next_one in pairwise(found):
        assert one.end_ms < one.t_ms[-1] + 2000
        assert next_one.start_ms - one.end_ms > 7000
    for one in found:
        assert one.start_ms <= one.t_ms[0]
        assert one.t_ms[-1] <= one.end_ms
        assert list(one.t_ms) == sorted(one.t_ms)
    series = intervals(recording)
    sheet = ecg_quality(recording, series, keep_beats=True)
    assert sheet is not None
    kept = sheet.pop("beats")
    assert sheet == ecg_quality(recording, series)
    for one, beats in zip(found, kept, strict=True):
        assert beats["t_ms"] == pytest.approx(one.t_ms, abs=0.051)
    assert sheet["n_beats"] == sum(len(one.t_ms) for one in found)
    agreement = sheet["agreement"]
    assert agreement["only_ecg"] == agreement["only_rr"] == 0
    assert agreement["n_pairs"] <= agreement["n_matched"] - 3


async def test_the_bytes_give_the_samples_that_were_told_live(tmp_path: Path) -> None:
    recording = await recorded(tmp_path / "a.mcap.part", ECG, seconds=20)
    live = [event for _, event in recording.samples()]
    assert list(ecg_events(recording)) == live


async def test_without_ecg_there_is_no_sheet(tmp_path: Path) -> None:
    recording = await recorded(tmp_path / "a.mcap.part", seconds=20)
    assert ecg_quality(recording, intervals(recording)) is None
    assert ecg_beats(recording) == ()


async def test_what_cannot_be_compared_is_said(tmp_path: Path) -> None:
    recording = await recorded(tmp_path / "a.mcap.part", ECG, seconds=12)
    sheet = ecg_quality(recording, intervals(recording))
    assert sheet is not None
    assert sheet["n_beats"] > 8
    assert sheet["agreement"] is None
    assert sheet["reason"].startswith("The ECG and the strap's intervals overlap")
    sheet = ecg_quality(recording, Series.of(()))
    assert sheet is not None
    assert sheet["reason"] == "The strap sent no intervals to compare with."


# --- When the samples were taken ---


def frame(
    number: int,
    *,
    n: int = 73,
    rate_hz: float = 130.13,
    told_ms: float = 0,
    stamped: bool = True,
) -> SamplesEvent:
    last_ms = ((number + 1) * n - 1) * 1000 / rate_hz
    return SamplesEvent(
        t_ms=last_ms + told_ms,
        source="strap",
        signal=Signal.ECG,
        channels=1,
        interval_ms=1000 / 130,
        device_ns=599_616_000_000_000_000 + round(last_ms * 1e6) if stamped else 0,
        segment=0,
        uncertainty_ms=1.0,
        drift_ppm=None,
        values=tuple(range(number * n, (number + 1) * n)),
    )


def test_samples_lie_evenly_by_the_straps_own_stamps() -> None:
    slewing = [500.0 / (1 + number) for number in range(50)]  # as a segment begins
    frames = [frame(i, told_ms=told_ms) for i, told_ms in enumerate(slewing)]
    (trace,) = ecg_traces(frames)
    assert trace.rate_hz == pytest.approx(130.13, rel=1e-6)
    assert np.diff(trace.t_ms) == pytest.approx(1000 / 130.13, abs=1e-4)
    even_ms = np.arange(50 * 73) * 1000 / 130.13
    assert trace.t_ms - even_ms == pytest.approx(np.median(slewing), abs=1e-3)
    assert trace.values_uv.tolist() == list(range(50 * 73))


def test_without_stamps_samples_follow_the_rate() -> None:
    trace = EcgTrace([frame(i, stamped=False, rate_hz=130) for i in range(30)])
    assert np.diff(trace.t_ms) == pytest.approx(1000 / 130)
    assert trace.t_ms[0] == pytest.approx(0, abs=1e-6)


def test_one_frame_and_frames_of_one_sample_are_placed_too() -> None:
    assert len(EcgTrace([frame(0)]).t_ms) == 73
    single = EcgTrace([frame(i, n=1, rate_hz=130) for i in range(20)])
    assert np.diff(single.t_ms) == pytest.approx(1000 / 130, abs=1e-4)
    assert ecg_traces([frame(i) for i in range(10)]) == ()  # 6 s
