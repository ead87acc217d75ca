"""What is sent by LSL when a replay is steered, and when everything comes at once."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from biofeedback.model import (
    Ask,
    BeatEvent,
    EntryEvent,
    Label,
    LinkEvent,
    LinkState,
    PacerEvent,
    Signal,
)
from biofeedback.practice import pacer
from biofeedback.recording.reader import open_recording
from biofeedback.recording.tables import read_tables
from biofeedback.service.replays import open_replay
from biofeedback.session.clock import ManualClock
from biofeedback.session.hub import HELD_LIVE, Hub
from biofeedback.session.lsl import markers, streams
from biofeedback.session.lsl.pacing import PacedTime
from biofeedback.session.lsl.sender import Sender, send
from biofeedback.session.lsl.timeline import Timeline
from biofeedback.session.opening import open_session
from biofeedback.session.replay_clock import ReplayClock
from biofeedback.session.simulated import SimulatedDriver
from biofeedback.session.transcript import Message
from tests.recording.samples import INFO

EXAMPLE = Path(__file__).parents[2] / "recordings" / "examples" / "calm.mcap"
ABOUT = streams.About.of(INFO)
AGAIN = streams.about_replay(INFO, 4.0)

QUIET = """
[multicast]
ResolveScope = machine
[lab]
KnownPeers = {127.0.0.1}
[ports]
IPv6 = disable
[log]
level = -3
"""


@pytest.fixture
def lsl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    config = tmp_path / "lsl_api.cfg"
    config.write_text(QUIET)
    monkeypatch.setenv("LSLAPICFG", str(config))
    module: ModuleType = pytest.importorskip("pylsl")
    return module


def received(lsl: ModuleType, source_id: str) -> Any:  # noqa: ANN401
    (info,) = lsl.resolve_byprop("source_id", source_id, timeout=5)
    inlet = lsl.StreamInlet(info)
    inlet.open_stream(timeout=5)
    return inlet


def rows_of(inlet: Any, n: int) -> list[Any]:  # noqa: ANN401
    rows = [inlet.pull_sample(timeout=5)[0] for _ in range(n)]
    assert inlet.pull_sample(timeout=0.0)[0] is None
    return rows


def beat(index: int) -> Message:
    event = BeatEvent(
        t_ms=1000.0 * index,
        index=index,
        segment=0,
        rr_ms=1000.0,
        label=Label.NORMAL,
        nn_ms=1000.0,
        uncertainty_ms=1.0,
        provisional=True,
    )
    seq = index + 1
    data = msgspec.json.encode({"v": 1, "seq": seq, **msgspec.to_builtins(event)})
    return Message(seq=seq, kind="beat", t_ms=event.t_ms, data=data)


async def test_what_passed_meanwhile_is_fetched(
    lsl: ModuleType,
) -> None:
    from biofeedback.session.lsl.outlets import Outlets

    hub = Hub()
    outlets = Outlets(ABOUT, (streams.RR,))
    sender = Sender(outlets, hub, ManualClock(), local_clock=lambda: 0.0)
    inlet = received(lsl, ABOUT.source_id_of(streams.RR))
    assert await outlets.wait_for_inlets(5)
    running = asyncio.create_task(sender.run())
    await asyncio.sleep(0)  # it watches now
    for index in range(HELD_LIVE):
        hub.publish(beat(index))
    hub.end()
    await running
    assert sender.sent.n_beats == HELD_LIVE
    assert sender.sent.n_lost == 0
    assert [row[1] for row in rows_of(inlet, HELD_LIVE)] == list(range(HELD_LIVE))
    await outlets.close()


async def test_what_is_no_longer_to_be_had_is_told(lsl: ModuleType) -> None:
    from biofeedback.session.lsl.outlets import Outlets

    hub = Hub(held_live=20, live_lane=10)
    outlets = Outlets(ABOUT, (streams.RR, streams.MARKERS))
    sender = Sender(outlets, hub, ManualClock(), local_clock=lambda: 0.0)
    told = received(lsl, ABOUT.source_id_of(streams.MARKERS))
    markers_out = outlets.of(streams.MARKERS)
    assert markers_out is not None
    assert markers_out.wait_for_inlet(5)
    running = asyncio.create_task(sender.run())
    await asyncio.sleep(0)
    for index in range(100):
        hub.publish(beat(index))
    hub.end()
    await running
    assert (sender.sent.n_beats, sender.sent.n_lost) == (20, 80)
    texts = [json.loads(row[0]) for row in rows_of(told, 2)]
    assert [(one["type"], one.get("messages")) for one in texts] == [
        ("lsl_gap", 80),
        ("lsl_end", None),
    ]
    await outlets.close()


async def test_a_replay_goes_on_from_where_it_is_sent(
    lsl: ModuleType,
) -> None:
    from biofeedback.session.lsl.outlets import Outlets

    base = ManualClock()
    recording = open_recording(EXAMPLE)
    clock = ReplayClock(base, 1.0)
    session, playback = open_replay(recording, person="P", clock=clock)
    about = streams.About.of(session.info)
    outlets = Outlets(about, (streams.RR, streams.MARKERS))
    beats = received(lsl, about.source_id_of(streams.RR))
    told = received(lsl, about.source_id_of(streams.MARKERS))
    assert await outlets.wait_for_inlets(5)
    sender = Sender(outlets, session.hub, clock)
    running = asyncio.create_task(sender.run())
    session.start()
    await playback.set()  # answered once the recording is read
    await base.advance(20)
    n_before = sender.sent.n_beats
    await playback.seek(120_000.0)
    await playback.set(speed=2.0)
    while not session.ended.is_set():
        await base.advance(1)
    await running
    tables = read_tables(recording)
    there = [i for i in tables.beats.index if tables.beats.t_ns[i] >= 120e9]
    sent = [int(row[1]) for row in rows_of(beats, sender.sent.n_beats)]
    assert sent[:n_before] == list(range(n_before))
    assert 15 < n_before < 30
    assert sent[n_before:] == there
    texts = [json.loads(row[0]) for row in rows_of(told, sender.sent.n_markers)]
    steered = [one for one in texts if one["type"] == "replay"]
    assert [one["jumped"] for one in steered].count(True) == 1
    assert texts[-1]["type"] == "lsl_end"
    assert texts[-1]["speed"] == 2.0
    assert all(one["replay"] for one in texts)
    values = [one["value"] for one in texts if one.get("moment") == "after"]
    assert values == [5.0, 3.0, 3.0]
    assert not [one for one in texts if one.get("moment") == "during"]
    await outlets.close()


async def test_a_live_session_is_sent_to_its_end(
    lsl: ModuleType, tmp_path: Path
) -> None:
    clock, driver = ManualClock(), SimulatedDriver()
    part = tmp_path / "a.mcap.part"
    asks = (Ask(signal=Signal.ECG),)
    session = open_session(driver, driver.found, part=part, clock=clock, signals=asks)
    session.start()
    sending = asyncio.create_task(send(session))
    await clock.advance(10)
    await session.stop()
    sent = await sending
    assert sent.n_beats == len(read_tables(part).beats)
    assert sent.n_lost == 0
    assert not lsl.resolve_byprop(
        "source_id", f"biofeedback:{session.info.id}:RR", timeout=0.1
    )


def test_stamps_keep_the_distances_of_the_session() -> None:
    base = ManualClock()
    lsl_s = 1000.0

    def local_clock() -> float:
        return lsl_s + base.now_ns() / 1e9

    live = Timeline(base, local_clock)
    assert live.stamp_s(2500.0) == 1002.5
    assert not live.has_jumped()
    lsl_s += 3600  # the computer slept: only one of the clocks counted that
    assert live.has_jumped()
    assert live.stamp_s(2500.0) == 4602.5
    assert not live.has_jumped()
    fast = Timeline(ReplayClock(base, 4.0), local_clock, 4.0)
    assert fast.stamp_s(2000.0) - fast.stamp_s(0.0) == 0.5


def test_the_pacer_is_told_once_and_as_it_was_seen() -> None:
    part = PacerEvent(
        t_ms=0,
        origin_ms=0,
        rate_bpm=6,
        inhale_pct=40,
        hold_in_ms=500,
        hold_out_ms=0,
        from_breath=0,
    )
    paced = PacedTime()
    assert paced.until(950) == ([], [])
    paced.change(part)
    times_ms, rows = paced.until(6000)
    assert times_ms == [100.0 * k for k in range(10, 61)]
    for t_ms, row in zip(times_ms, rows, strict=True):
        state = pacer.state_at((part,), t_ms)
        assert row == (state.fullness, streams.PHASES.index(state.phase), 0, 6)
    assert paced.until(6050) == ([], [])
    assert paced.until(60_000)[0][0] == 50_000  # nobody saw it in between
    paced.go_on_from(1000)
    assert paced.until(2000) == ([], [])


def test_no_words_of_anybody_are_sent() -> None:
    entry = EntryEvent(
        t_ms=1,
        id="01",
        type="annotation",
        by="patient",
        value=None,
        unit=None,
        text="call Anna",
        moment=None,
    )
    assert json.loads(markers.of_entry(ABOUT, entry)) == {
        "type": "annotation",
        "t_ms": 1.0,
        "by": "patient",
        "id": "01",
    }
    typed = msgspec.structs.replace(entry, type="phase", text="Anna came in")
    assert "Anna" not in markers.of_entry(ABOUT, typed)
    phase = msgspec.structs.replace(entry, type="phase", text="body_scan")
    told = json.loads(markers.of_entry(AGAIN, phase))
    assert (told["phase"], told["replay"], told["speed"]) == ("body_scan", True, 4.0)
    link = LinkEvent(
        t_ms=2,
        state=LinkState.RECONNECTING,
        step=None,
        reason=None,
        advice="Move closer.",
        strap=None,
        retry_in_ms=None,
    )
    assert json.loads(markers.of_link(ABOUT, link)) == {
        "type": "link",
        "t_ms": 2.0,
        "state": "reconnecting",
    }


def test_a_stream_says_what_it_is() -> None:
    assert ABOUT.source_id_of(streams.RR) == f"biofeedback:{INFO.id}:RR"
    assert AGAIN.source_id_of(streams.RR) == f"biofeedback:replay:{INFO.id}:RR"
    assert AGAIN.name_of(streams.RR).endswith("(replay)")
    kinds = [stream.kind for stream in streams.STREAMS]
    assert len(set(kinds)) == len(kinds)
    units = {channel.label: channel.unit for channel in streams.HRV.channels}
    assert units["rmssd_ms_30s"] == "milliseconds"
    assert units["lf_ms2"] == "milliseconds^2"
    assert units["suitable"] == "none"
