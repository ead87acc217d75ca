"""A live session, from the first record to the last, on a clock the test holds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from biofeedback.errors import NotSoError, RecordingError, SettingsError
from biofeedback.model import LinkChange, LinkState, Notification, PacerCommand
from biofeedback.recording.compaction import compact
from biofeedback.recording.reader import open_recording
from biofeedback.session.clock import ManualClock
from biofeedback.session.driver import Emit, Watch
from biofeedback.session.opening import open_session
from biofeedback.session.replay import replay_messages, verify
from biofeedback.session.runner import LiveSession
from biofeedback.session.simulated import SimulatedDriver


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def session(tmp_path: Path, clock: ManualClock) -> AsyncIterator[LiveSession]:
    driver = SimulatedDriver("calm", 1)
    session = open_session(
        driver, driver.found, part=tmp_path / "s.mcap.part", clock=clock
    )
    session.start()
    yield session
    await session.stop()


def held(session: LiveSession, kind: str | None = None) -> list[dict[str, object]]:
    messages = [*session.hub._held_kept, *session.hub._held_live]
    decoded = [msgspec.json.decode(m.data) for m in messages]
    return [one for one in decoded if kind is None or one["kind"] == kind]


async def test_a_session_begins_with_its_pacer_and_its_strap(
    session: LiveSession, clock: ManualClock
) -> None:
    await clock.advance(3)
    pacer, *rest = held(session, "pacer")
    assert (pacer["rate_bpm"], pacer["inhale_pct"], rest) == (6.0, 40.0, [])
    states = [link["state"] for link in held(session, "link")]
    assert states == ["connecting", "streaming"]
    assert held(session, "beat")
    assert [m["t_ms"] for m in held(session, "metrics")] == [1000.0, 2000.0, 3000.0]


async def test_messages_are_numbered_without_a_hole(
    session: LiveSession, clock: ManualClock
) -> None:
    await clock.advance(30)
    numbers = sorted(int(str(m["seq"])) for m in held(session))
    assert numbers == list(range(1, len(numbers) + 1))


async def test_a_rating_is_on_disk_when_it_is_acknowledged(
    session: LiveSession, clock: ManualClock, tmp_path: Path
) -> None:
    await clock.advance(2)
    id = await session.enter(
        type="pain_intensity", by="patient", value=4, moment="before", prompt="How?"
    )
    # Another reader, while the session goes on, as after a crash.
    recording = open_recording(tmp_path / "s.mcap.part")
    found = [r for _, r in recording.inputs() if getattr(r, "id", None) == id]
    assert len(found) == 1
    event = held(session, "event")[0]
    assert (event["id"], event["value"], event["moment"]) == (id, 4.0, "before")


async def test_it_is_recorded_while_all_other_threads_wait(
    session: LiveSession, clock: ManualClock
) -> None:
    answers = threading.Event()  # a database, for example
    with ThreadPoolExecutor(1) as threads:
        asyncio.get_running_loop().set_default_executor(threads)
        waits = asyncio.create_task(asyncio.to_thread(answers.wait))
        try:
            await clock.advance(2)
            async with asyncio.timeout(30):
                await session.enter(type="movement", by="patient")
        finally:
            answers.set()
        assert await waits


async def test_a_change_of_pace_waits_for_the_next_breath(
    session: LiveSession, clock: ManualClock
) -> None:
    await clock.advance(12)
    await session.pace(by="patient", rate_bpm=5.5, inhale_pct=40)
    await clock.advance(1)
    changed = held(session, "pacer")[1]
    assert (changed["origin_ms"], changed["from_breath"]) == (20_000.0, 2)
    with pytest.raises(SettingsError):
        await session.pace(by="patient", rate_bpm=1, inhale_pct=40)


async def test_after_the_end_nothing_is_taken(
    session: LiveSession, clock: ManualClock
) -> None:
    await clock.advance(2)
    await session.stop()
    assert held(session, "link")[-1]["state"] == "ended"
    with pytest.raises(NotSoError, match="has ended"):
        await session.enter(type="annotation", by="patient", text="late")


async def test_a_replay_gives_the_same_bytes_as_the_live_session(
    session: LiveSession, clock: ManualClock, tmp_path: Path
) -> None:
    viewer = session.hub.subscribe()
    seen: list[bytes] = []

    async def watch() -> None:
        while True:
            seen.append(await viewer.next())

    watching = asyncio.create_task(watch())
    for second in range(90):
        await clock.advance(1)
        if second % 20 == 10:
            await session.enter(type="arousal", by="patient", value=5, moment="during")
            await session.pace(by="patient", rate_bpm=5 + second / 90, inhale_pct=45)
    await session.stop()
    await asyncio.wait([watching])

    final = tmp_path / "s.mcap"
    compact(tmp_path / "s.mcap.part", final, b"{}")
    assert [m.data for m in replay_messages(open_recording(final))] == seen
    verdict = verify(final)
    assert verdict.ok, verdict.sentence
    assert verdict.n_messages == len(seen) > 250


class BrokenSource:
    """A source with a mistake in it."""

    async def run(self, *, clock: ManualClock, emit: Emit, watch: Watch) -> None:
        raise RuntimeError("a mistake in a third party's driver")


class StumblingSource:
    """Fails the first two times it is run."""

    def __init__(self) -> None:
        self.runs = 0

    async def run(self, *, clock: ManualClock, emit: Emit, watch: Watch) -> None:
        self.runs += 1
        if self.runs < 3:
            raise RuntimeError("not yet")
        emit(LinkChange(t_ns=clock.now_ns(), source="strap", state=LinkState.STREAMING))
        await asyncio.Event().wait()


async def test_a_source_that_failed_is_run_again(
    tmp_path: Path, clock: ManualClock
) -> None:
    driver = SimulatedDriver()
    session = open_session(
        driver, driver.found, part=tmp_path / "s.mcap.part", clock=clock
    )
    source = StumblingSource()
    session._source = source  # type: ignore[assignment]
    session.start()
    await clock.advance(2)
    assert source.runs == 2
    await clock.advance(2)
    assert held(session, "link")[-1]["state"] == "streaming"
    await session.stop()


async def test_a_source_that_fails_does_not_end_the_session(
    tmp_path: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    driver = SimulatedDriver()
    session = open_session(
        driver, driver.found, part=tmp_path / "s.mcap.part", clock=clock
    )
    session._source = BrokenSource()  # type: ignore[assignment]
    session.start()
    await clock.advance(2)
    link = held(session, "link")[-1]
    assert (link["state"], link["reason"]) == ("reconnecting", "internal")
    assert await session.enter(type="annotation", by="patient", text="still here")
    await session.stop()
    assert "a mistake in a third party's driver" in caplog.text


async def test_a_mistake_in_the_pipeline_costs_one_record_and_not_the_session(
    session: LiveSession, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    await clock.advance(2)
    # No service lets such a pace through, and the pipeline refuses it.
    nonsense = PacerCommand(t_ns=clock.now_ns(), by="x", rate_bpm=0, inhale_pct=40)
    session._put(nonsense)
    await clock.advance(3)
    assert held(session, "metrics")[-1]["t_ms"] == 5000.0
    assert "could not be processed" in caplog.text


async def test_late_time_stamps_never_step_back(
    tmp_path: Path, clock: ManualClock
) -> None:
    class Backwards:
        async def run(self, *, clock: ManualClock, emit: Emit, watch: Watch) -> None:
            emit(LinkChange(t_ns=5_000, source="strap", state=LinkState.STREAMING))
            emit(
                Notification(
                    t_ns=4_000, source="strap", characteristic="2a37", data=b"\x10\x3c"
                )
            )
            await asyncio.Event().wait()

    driver = SimulatedDriver()
    session = open_session(
        driver, driver.found, part=tmp_path / "s.mcap.part", clock=clock
    )
    session._source = Backwards()  # type: ignore[assignment]
    session.start()
    await clock.advance(1)
    await session.stop()
    times = [r.t_ns for _, r in open_recording(tmp_path / "s.mcap.part").inputs()]
    assert times == sorted(times)


def test_a_recording_error_is_a_sentence_with_advice() -> None:
    error = RecordingError("The disk is full.", "Free some space.")
    assert str(error) == "The disk is full. Free some space."
