"""ECG and acceleration through a session: asked for, recorded, shown, replayed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from biofeedback.errors import NotSoError, SettingsError
from biofeedback.model import (
    Ask,
    Config,
    Notification,
    SamplesEvent,
    Signal,
    SignalsCommand,
)
from biofeedback.recording.compaction import compact
from biofeedback.recording.reader import open_recording
from biofeedback.session import asking
from biofeedback.session.clock import ManualClock
from biofeedback.session.opening import open_session
from biofeedback.session.player import play
from biofeedback.session.replay import replay_messages, verify
from biofeedback.session.runner import LiveSession
from biofeedback.session.simulated import SimulatedDriver
from biofeedback.wire.samples import decode_samples

ECG = Ask(signal=Signal.ECG)
ACC = Ask(signal=Signal.ACC, rate_hz=50)


def opened(part: Path, clock: ManualClock, *signals: Ask) -> LiveSession:
    driver = SimulatedDriver("calm", 1)
    return open_session(driver, driver.found, part=part, clock=clock, signals=signals)


async def lived(part: Path, *signals: Ask, seconds: int = 20) -> Path:
    """Record a simulated session and finish it."""
    clock = ManualClock()
    session = opened(part, clock, *signals)
    session.start()
    for _ in range(seconds):
        await clock.advance(1)
    await session.stop()
    final = part.with_suffix("")
    compact(part, final)
    return final


async def test_what_was_asked_is_recorded_raw_and_decoded(tmp_path: Path) -> None:
    recording = open_recording(await lived(tmp_path / "a.mcap.part", ECG, ACC))
    inputs = [record for _, record in recording.inputs()]
    assert isinstance(inputs[0], Config)
    assert inputs[0].signals == (ECG, ACC)
    raw = [r for r in inputs if isinstance(r, Notification)]
    assert {"2a37", "pmd_data", "pmd_cp", "pmd_cp_write"} <= {
        r.characteristic for r in raw
    }
    topics = {stored.channel.topic for stored in recording.all()}
    assert {"/ecg/strap", "/acc/strap", "/ble/strap/pmd_data"} <= topics
    events = [event for _, event in recording.samples()]
    for signal, rate_hz in ((Signal.ECG, 130), (Signal.ACC, 50)):
        own = [event for event in events if event.signal is signal]
        n = sum(len(event.values) // event.channels for event in own)
        assert n == pytest.approx(20 * rate_hz, rel=0.1)
        assert own[-1].interval_ms == pytest.approx(1000 / rate_hz, rel=0.01)
        times = [event.t_ms for event in own]
        assert times == sorted(times)
        assert times[-1] <= 20_000
    ecg = [v for event in events if event.signal is Signal.ECG for v in event.values]
    assert max(ecg) > 500  # µV: there are R waves in it


async def test_a_replay_gives_the_same_frames_and_verify_sees_a_forged_one(
    tmp_path: Path,
) -> None:
    final = await lived(tmp_path / "a.mcap.part", ECG, ACC)
    verdict = verify(final)
    assert verdict.ok, verdict.sentence
    recording = open_recording(final)
    replayed = [m for m in replay_messages(recording) if m.signal is not None]
    stored = [s for s in recording.all() if s.channel.kind == "samples"]
    assert [m.data for m in replayed] == [s.data for s in stored]
    assert len(stored) > 30
    numbers: dict[Signal, list[int]] = {Signal.ECG: [], Signal.ACC: []}
    for one in stored:
        frame, event = decode_samples(one.data)
        numbers[event.signal].append(frame)
    for own in numbers.values():
        assert own == list(range(1, len(own) + 1))
    json_only = [m.seq for m in replay_messages(recording) if m.signal is None]
    assert json_only == list(range(1, len(json_only) + 1))

    forged = tmp_path / "forged.mcap"
    rewrite_with_one_other_sample(final, forged)
    verdict = verify(forged)
    assert not verdict.ok
    difference = verdict.first_difference
    assert difference is not None
    assert (difference.kind, difference.field) == ("samples", "values")


def rewrite_with_one_other_sample(source: Path, target: Path) -> None:
    from biofeedback.recording.format import Role, decode
    from tests.recording.samples import new_writer

    part = target.with_name(target.name + ".part")
    writer = new_writer(part)
    left = 5
    for stored in open_recording(source).all():
        if stored.channel.role is Role.INPUT:
            writer.record(stored.sequence, decode(stored))
            continue
        data = bytearray(stored.data)
        if stored.channel.kind == "samples" and (left := left - 1) == 0:
            data[-2] ^= 1
        kind = stored.channel.kind
        writer.message(stored.sequence, stored.t_ns, kind, bytes(data))
    writer.close()
    compact(part, target)


async def test_lines_of_json_hold_no_samples(tmp_path: Path) -> None:
    recording = open_recording(await lived(tmp_path / "a.mcap.part", ECG))
    out = tmp_path / "a.jsonl"
    with out.open("wb") as file:
        await play(recording, clock=None, out=file)
    first, *lines = out.read_bytes().splitlines()
    assert msgspec.json.decode(first)["kind"] == "replay"
    assert lines == [data for *_, data in recording.outputs()]
    kinds = {msgspec.json.decode(line)["kind"] for line in lines}
    assert "samples" not in kinds
    assert "signals" in kinds


async def test_the_heart_beats_the_same_whatever_is_asked(tmp_path: Path) -> None:
    plain = await lived(tmp_path / "plain.mcap.part")
    asked = await lived(tmp_path / "asked.mcap.part", ECG, ACC)

    def heart(path: Path) -> list[tuple[int, bytes]]:
        return [
            (record.t_ns, record.data)
            for _, record in open_recording(path).inputs()
            if isinstance(record, Notification) and record.characteristic == "2a37"
        ]

    assert heart(plain) == heart(asked)
    assert len(heart(plain)) == 20


async def test_asking_in_the_middle_begins_and_ends_the_stream(tmp_path: Path) -> None:
    clock = ManualClock()
    session = opened(tmp_path / "a.mcap.part", clock)
    viewer = session.hub.subscribe()
    viewer.want([Signal.ECG])
    session.start()
    await clock.advance(5)
    await session.ask_for(by="patient", signals=(ECG,))
    await clock.advance(5)
    await session.ask_for(by="patient", signals=())
    await clock.advance(5)
    await session.stop()
    recording = open_recording(tmp_path / "a.mcap.part")
    events = [event for _, event in recording.samples()]
    assert events
    assert all(5000 <= event.t_ms <= 11_000 for event in events)
    asked = [r.signals for _, r in recording.inputs() if isinstance(r, SignalsCommand)]
    assert asked == [(ECG,), ()]
    async with asyncio.timeout(10):
        first: SamplesEvent = decode_samples(await viewer.next_frame())[1]
    assert first in events
    with pytest.raises(NotSoError):
        await session.ask_for(by="patient", signals=(ECG,))


async def test_a_session_refuses_what_no_strap_could_give(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="more than once"):
        opened(tmp_path / "a.mcap.part", ManualClock(), ECG, ECG)
    assert not (tmp_path / "a.mcap.part").exists()


@pytest.mark.parametrize(
    ("signal", "rate_hz"),
    [(Signal.ECG, 0), (Signal.ECG, 100_000), (Signal.ACC, 1000), (Signal.PPI, 1)],
)
def test_rates_that_no_strap_has_are_refused(signal: Signal, rate_hz: int) -> None:
    with pytest.raises(SettingsError) as caught:
        asking.check([Ask(signal=signal, rate_hz=rate_hz)])
    assert caught.value.advice.endswith(".")
    asking.check([ECG, ACC, Ask(signal=Signal.PPI)])
