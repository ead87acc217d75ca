"""A replay that is held, stepped and moved about in tells what it would have told."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from biofeedback.errors import NotSoError, RecordingError, SettingsError
from biofeedback.recording.reader import Recording, open_recording
from biofeedback.service.replays import open_replay
from biofeedback.session.clock import NS_PER_S, ManualClock
from biofeedback.session.hub import Viewer, ViewerEnded
from biofeedback.session.playback import Playback
from biofeedback.session.replay_clock import ReplayClock
from biofeedback.session.runner import LiveSession

EXAMPLE = Path(__file__).parents[2] / "recordings/examples/ectopic.mcap"
SPEEDS = (0.25, 1.0, 7.0, 64.0)


class Screen:
    """Somebody who watches a replay, and the hand on its clock."""

    def __init__(
        self, clock: ManualClock, session: LiveSession, playback: Playback
    ) -> None:
        self.clock = clock
        self.session = session
        self.playback = playback
        self.seen: list[dict[str, Any]] = []
        self.raw: list[bytes] = []
        self._viewer = session.hub.subscribe()
        self._task = asyncio.create_task(self._watch(self._viewer))

    async def _watch(self, viewer: Viewer) -> None:
        try:
            while True:
                data = await viewer.next()
                self.raw.append(data)
                self.seen.append(msgspec.json.decode(data))
        except ViewerEnded:
            pass

    async def pass_by(self, seconds: float) -> None:
        step = 0.25
        for _ in range(round(seconds / step)):
            await self.clock.advance(step)

    async def finish(self) -> None:
        while not self.session.ended.is_set():
            await self.clock.advance(1)
        await self._task

    def states(self) -> list[dict[str, Any]]:
        return [message for message in self.seen if message["kind"] == "replay"]

    def forget(self) -> None:
        self.seen.clear()
        self.raw.clear()


@asynccontextmanager
async def screen(path: Path = EXAMPLE, speed: float = 1.0) -> AsyncIterator[Screen]:
    clock = ManualClock()
    recording = open_recording(path)
    session, playback = open_replay(
        recording, person="self", clock=ReplayClock(clock, speed)
    )
    watching = Screen(clock, session, playback)
    session.start()
    await playback.set()  # answers once the recording has been read
    yield watching
    await session.stop()


def told(recording: Recording, after_ns: int = -1) -> list[dict[str, Any]]:
    """Return what was recorded as told by records that came after ``after_ns``."""
    started = {s.sequence: s.t_ns for s in recording.all()}
    return [
        msgspec.json.decode(data)
        for sequence, _, data in recording.outputs()
        if started[sequence] > after_ns
    ]


def unnumbered(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {key: value for key, value in message.items() if key != "seq"}
        for message in messages
        if message["kind"] != "replay"
    ]


@pytest.mark.parametrize("speed", SPEEDS)
async def test_at_any_speed_the_same_bytes_are_told(speed: float) -> None:
    async with screen(speed=speed) as seen:
        await seen.finish()
        said = [
            data
            for data, message in zip(seen.raw, seen.seen, strict=True)
            if message["kind"] != "replay"
        ]
    assert said == [data for _, _, data in open_recording(EXAMPLE).outputs()]


async def test_it_always_says_that_it_is_a_replay() -> None:
    async with screen(speed=2.0) as seen:
        assert seen.session.info.source == "replay"
        late = seen.session.hub.subscribe()
        first: dict[str, Any] = {}
        while first.get("kind") != "replay":
            first = msgspec.json.decode(await late.next())
        assert (first["kind"], first["state"], first["speed"]) == (
            "replay",
            "playing",
            2.0,
        )
        assert first["duration_ms"] == pytest.approx(150_000, abs=1000)


async def test_held_it_tells_nothing_and_goes_on_where_it_was() -> None:
    async with screen() as seen:
        await seen.pass_by(20)
        await seen.playback.set(playing=False)
        await seen.pass_by(1)
        position = seen.states()[-1]["position_ms"]
        seen.forget()
        await seen.pass_by(600)
        assert seen.seen == []
        await seen.playback.set(playing=True)
        await seen.pass_by(1)
        assert seen.states()[0]["state"] == "playing"
        assert seen.states()[0]["position_ms"] == position
        ticks = [m["t_ms"] for m in seen.seen if m["kind"] == "metrics"]
        assert len(ticks) == 1
        assert position < ticks[0] <= position + 1001


async def test_a_step_goes_to_the_next_beat_tick_or_event() -> None:
    async with screen() as seen:
        await seen.pass_by(10)
        await seen.playback.set(playing=False)
        await seen.pass_by(1)
        for to, kind in (("beat", "beat"), ("tick", "metrics"), ("event", "event")):
            seen.forget()
            await seen.playback.step(to)  # type: ignore[arg-type]
            await seen.pass_by(1)
            kinds = [m["kind"] for m in seen.seen if m["kind"] != "replay"]
            assert kind in kinds
            if to != "event":
                assert kinds[-1] == kind or kinds.count(kind) >= 1
            assert seen.states()[-1]["state"] == "paused"
        # The rating given at 80 s is the next event after 10 s.
        assert seen.states()[-1]["position_ms"] == pytest.approx(80_000, abs=1100)


@pytest.mark.parametrize("to_s", [0.0, 33.3, 100.0, 149.0])
async def test_behind_a_jump_all_is_as_if_there_had_been_none(to_s: float) -> None:
    async with screen(speed=8.0) as seen:
        await seen.pass_by(8)  # at 64 s: some jumps go back, some forth
        await seen.playback.seek(to_s * 1000)
        await seen.finish()
        at = next(i for i, m in enumerate(seen.seen) if m.get("jumped"))
        behind = unnumbered(seen.seen[at:])
        expected = unnumbered(told(open_recording(EXAMPLE), round(to_s * NS_PER_S)))
        assert behind[len(behind) - len(expected) :] == expected
        before = behind[: len(behind) - len(expected)]
        assert all(m["t_ms"] <= to_s * 1000 + 1500 for m in before)
        shown = unnumbered(told(open_recording(EXAMPLE)))
        assert all(message in shown for message in before)
        numbers = [m["seq"] for m in seen.seen[at:] if m["kind"] != "replay"]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


async def test_a_latecomer_sees_what_holds_after_a_jump() -> None:
    async with screen() as seen:
        await seen.pass_by(5)
        await seen.playback.seek(120_000)
        await seen.playback.set(playing=False)
        late = seen.session.hub.subscribe()
        found: list[dict[str, Any]] = []
        while not found or found[-1].get("state") != "paused":
            found.append(msgspec.json.decode(await late.next()))
        assert found[0]["kind"] == "gap"  # what was told before the jump
        assert found[1]["jumped"]
        assert {"link", "pacer", "event", "beat", "metrics"} <= {
            message["kind"] for message in found
        }
        assert found[-1]["state"] == "paused"


async def test_it_goes_to_an_event_by_its_id() -> None:
    wanted = next(
        message
        for message in told(open_recording(EXAMPLE))
        if message["kind"] == "event" and message["moment"] == "during"
    )
    async with screen() as seen:
        await seen.playback.seek(event=wanted["id"])
        await seen.pass_by(1)
        state = next(m for m in seen.states() if m["jumped"])
        assert state["position_ms"] == pytest.approx(wanted["t_ms"], abs=1)


async def test_it_goes_round_between_two_times_until_told_otherwise() -> None:
    async with screen(speed=8.0) as seen:
        await seen.playback.loop(60_000, 70_000)
        await seen.playback.seek(60_000)
        for _ in range(20):
            await seen.clock.advance(0.25)
            await seen.playback.set()  # waits for a jump that is under way
        jumps = [m for m in seen.states() if m["jumped"]]
        assert len(jumps) >= 3
        assert {round(m["position_ms"]) for m in jumps} == {60_000}
        seconds = [m["t_ms"] for m in seen.seen if m["kind"] == "metrics"]
        assert max(seconds) <= 70_000
        assert seen.states()[-1]["loop"] == {"from_ms": 60_000, "to_ms": 70_000}
        await seen.playback.loop(None, None)
        await seen.finish()
        assert seen.states()[-1]["state"] == "ended"


@pytest.mark.parametrize("t_ms", [-1.0, 1e9, float("nan"), None])
async def test_a_time_that_is_not_there_is_refused_in_a_sentence(
    t_ms: float | None,
) -> None:
    async with screen() as seen:
        with pytest.raises(SettingsError, match="nothing at that time"):
            await seen.playback.seek(t_ms)
        with pytest.raises(SettingsError, match="no event of that id"):
            await seen.playback.seek(event="nobody")
        with pytest.raises(SettingsError, match="cannot go round"):
            await seen.playback.loop(10_000, 10_000)
        with pytest.raises(SettingsError, match=r"0\.25 to 64"):
            await seen.playback.set(speed=100)


def test_a_damaged_recording_is_refused_before_anything_begins(tmp_path: Path) -> None:
    content = bytearray(EXAMPLE.read_bytes())
    content[len(content) // 2] ^= 1
    damaged = tmp_path / "damaged.mcap"
    damaged.write_bytes(content)
    with pytest.raises(RecordingError):
        open_replay(
            open_recording(damaged), person="self", clock=ReplayClock(ManualClock())
        )


async def test_whoever_leaves_during_a_jump_leaves_it_whole() -> None:
    async with screen() as seen:
        await seen.pass_by(2)
        asking = asyncio.create_task(seen.playback.seek(100_000))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking
        await seen.playback.set()  # waits for the jump
        await seen.pass_by(1)
        assert seen.states()[-1]["state"] == "playing"
        assert seen.states()[-1]["position_ms"] >= 100_000


async def test_once_ended_it_takes_no_commands_and_holds_no_records() -> None:
    async with screen(speed=64.0) as seen:
        await seen.finish()
        with pytest.raises(NotSoError, match="has ended"):
            await seen.playback.set(playing=True)
        assert seen.playback.duration_ms == 0


async def test_who_was_away_during_a_jump_learns_of_it() -> None:
    async with screen() as seen:
        await seen.pass_by(10)
        last = seen.seen[-1]["seq"]
        await seen.playback.seek(100_000)
        await seen.playback.set(playing=False)
        back = seen.session.hub.subscribe(last)
        found: list[dict[str, Any]] = []
        while not found or found[-1].get("jumped") is not False:
            found.append(msgspec.json.decode(await back.next()))
        assert found[0]["kind"] == "replay"
        assert found[0]["jumped"]
        kept = seen.session.hub.subscribe(found[-2]["seq"])
        assert not msgspec.json.decode(await kept.next())["jumped"]
