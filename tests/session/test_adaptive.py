"""The adaptive pacer in a session: a planted resonance, and the recording of it."""

from __future__ import annotations

import itertools
from pathlib import Path

import msgspec
import pytest

from biofeedback.model import (
    AdaptCommand,
    AnyRecord,
    Config,
    Entry,
    EntryEvent,
    LinkChange,
    LinkState,
    Tick,
)
from biofeedback.pipeline import ALGORITHM, Pipeline
from biofeedback.practice import pacer
from biofeedback.recording.format import as_stored
from biofeedback.recording.reader import open_recording
from biofeedback.session.contents import contents_of
from biofeedback.session.replay import replay_messages, verify
from biofeedback.simulator.heart import Breath, HeartProfile, natural_breath
from biofeedback.simulator.strap import Silence, SimulatedStrap
from tests.recording.samples import NS_PER_S
from tests.session.test_replay import record_session

PLANTED = HeartProfile(
    name="calm", rsa_ms=200, resonance_breaths_per_min=5.2, damping=0.1, noise_ms=10
)


def practised(
    minutes: int, *, follows: bool = True, profile: HeartProfile = PLANTED
) -> tuple[list[AnyRecord], Pipeline]:
    """Return what a session of this heart is made of, and where its pipeline is.

    Somebody who follows breathes by the schedule as it stands: the pace that is heard
    depends on what the heart answered before.
    """
    strap, pipeline = SimulatedStrap(profile, 7), Pipeline()
    records: list[AnyRecord] = []

    def give(record: AnyRecord) -> None:
        records.append(record)
        pipeline.receive(as_stored(record))

    give(
        Config(
            t_ns=0, algorithm=ALGORITHM, simulated=True, rate_bpm=6.2, inhale_pct=40.0
        )
    )
    give(
        LinkChange(t_ns=0, source="strap", state=LinkState.STREAMING, strap=strap.strap)
    )
    give(AdaptCommand(t_ns=1, by="patient", on=True))
    give(Entry(t_ns=2, id="1", type="phase", by="patient", text="practice", value=20.0))
    for second in range(1, 60 * minutes + 1):
        breath = _breath(pipeline) if follows else natural_breath
        for happening in strap.advance(second * NS_PER_S, breath):
            if not isinstance(happening, Silence):
                give(happening)
        give(Tick(t_ns=second * NS_PER_S))
    return records, pipeline


def _breath(pipeline: Pipeline) -> Breath:
    def breath(t_s: float) -> tuple[float, float]:
        part = pacer.active(pipeline.schedule, 1000 * t_s)
        return pacer.state_at(pipeline.schedule, 1000 * t_s).fullness, part.rate_bpm

    return breath


def test_the_pace_goes_to_a_planted_resonance_and_never_faster_than_it_may() -> None:
    _, pipeline = practised(30)
    parts = pipeline.schedule
    assert len(parts) > 5
    for before, after in itertools.pairwise(parts):
        assert abs(after.rate_bpm - before.rate_bpm) <= 0.1 + 1e-6
        assert after.origin_ms - before.origin_ms >= 120_000
    assert parts[-1].rate_bpm == pytest.approx(5.2, abs=0.3)


def test_who_breathes_otherwise_is_left_at_the_pace_they_chose() -> None:
    records, pipeline = practised(8, follows=False)
    assert [part.rate_bpm for part in pipeline.schedule] == [6.2]
    again = Pipeline()
    told = [e for r in records for e in again.receive(as_stored(r))]
    reasons = [
        msgspec.json.decode(e.text or "")["reason"]
        for e in told
        if isinstance(e, EntryEvent) and e.type == "adapt"
    ]
    assert reasons == ["on", "not_followed"]


def test_its_recording_replays_byte_for_byte_and_is_analysed_at_the_same_paces(
    tmp_path: Path,
) -> None:
    records, pipeline = practised(7)
    path = tmp_path / "a.mcap"
    live = record_session(path, records)
    told = [m for m in live if m.kind == "event" and b'"adapt"' in m.data]
    assert len(told) >= 3
    assert list(replay_messages(open_recording(path))) == live
    assert verify(path).ok
    assert len(pipeline.schedule) > 2
    assert contents_of(path).schedule == pipeline.schedule
