"""The fault list, 37–41 and 51–56: a strap that streams. See ``docs/straps.md``."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from statistics import median

import msgspec
import pytest

from biofeedback.model import (
    AnyRecord,
    Ask,
    LinkEvent,
    LinkReason,
    LinkState,
    LinkStep,
    Notification,
    Signal,
)
from biofeedback.session.clock import ManualClock, WallClock
from biofeedback.session.runner import INBOX_SIZE
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.bus import PrivateBus
from biofeedback.simulator.models import MODELS
from biofeedback.simulator.pmd import PmdServer
from biofeedback.wire import HeartRateMeasurement
from biofeedback_drivers.timing import Timing
from tests.drivers.room import eventually
from tests.drivers.scene import HASTY, MODES, QUICK, scene
from tests.drivers.sitting import Sitting, entries, sitting


async def pass_time(clock: ManualClock, seconds: float, step_s: float = 1.0) -> None:
    """Let the session's time go on; the radio answers in real time meanwhile."""
    for _ in range(round(seconds / step_s)):
        await clock.advance(step_s)
        await asyncio.sleep(0.001)


# --- 37 to 41: losing the link ---


@MODES
@pytest.mark.parametrize("away_s", [1, 60, 600])
async def test_fault_37_drop_and_return(
    bus: PrivateBus, away_s: float, start: bool
) -> None:
    clock = ManualClock()
    async with scene(bus, start=start, clock=clock) as at:
        at.begin()
        await at.beats()
        await at.bluez.hide(at.strap)
        change = await at.reached(LinkStep.LOST, LinkReason.LINK_LOST)
        assert change.state is LinkState.RECONNECTING
        lost_ns = change.t_ns
        await pass_time(clock, away_s)
        await at.bluez.show(at.strap)
        back_ns = clock.now_ns()
        while at.steps[-1] is LinkStep.BACKOFF or not at.strap.connected:
            await pass_time(clock, 0.1, 0.1)
        await at.beats()
        change = await at.reached(LinkStep.STREAMING)
        assert back_ns - lost_ns >= away_s * 1e9
        assert change.t_ns - back_ns < 2e9


async def test_fault_37_nobody_gives_up_and_nobody_is_flooded(bus: PrivateBus) -> None:
    clock = ManualClock()
    async with scene(bus, clock=clock) as at:
        at.begin()
        await at.beats()
        await at.bluez.hide(at.strap)
        await at.reached(LinkStep.LOST)
        before = len(at.changes)
        await pass_time(clock, 600)
        # A lasting trouble is told again each minute, not with each attempt.
        assert len(at.changes) - before < 60
        assert at.changes[-1].state is LinkState.RECONNECTING


@MODES
async def test_fault_38_silent_stall(bus: PrivateBus, start: bool) -> None:
    async with scene(bus, start=start, timing=HASTY) as at:
        at.begin()
        await at.beats()
        at.strap.silent = True
        change = await at.reached(LinkStep.STALE, LinkReason.NO_DATA)
        assert change.state is LinkState.STALE
        assert at.strap.connected  # a zombie: nothing but the silence tells
        await at.reached(LinkStep.LOST, LinkReason.NO_DATA)
        await at.reached(LinkStep.BACKOFF, LinkReason.NO_DATA)
        at.strap.silent = False
        await at.beats()
        await at.reached(LinkStep.STREAMING)
        assert at.strap.links == 2


async def test_fault_38_silence_is_counted_from_the_usual_interval(
    bus: PrivateBus,
) -> None:
    clock = ManualClock()
    async with scene(bus, clock=clock, timing=Timing()) as at:
        at.begin()
        for _ in range(20):  # one packet every two seconds
            await clock.advance(2.0)
            await at.beats(1)
        heard_ns = clock.now_ns()
        at.strap.silent = True
        await pass_time(clock, 12, 0.5)
        change = await at.reached(LinkStep.STALE, LinkReason.NO_DATA)
        assert 9.5e9 <= change.t_ns - heard_ns <= 10.5e9


async def test_fault_39_subscribed_and_never_any_data(bus: PrivateBus) -> None:
    async with scene(bus, timing=HASTY) as at:
        at.strap.silent = True
        at.begin()
        change = await at.reached(LinkStep.STALE, LinkReason.NO_DATA)
        assert change.advice
        await at.reached(LinkStep.LOST, LinkReason.NO_DATA)
        assert LinkStep.STREAMING not in at.steps
        await at.reached(LinkStep.BACKOFF, LinkReason.NO_DATA)
        at.strap.silent = False
        await at.beats()
        await at.reached(LinkStep.STREAMING)


@pytest.mark.parametrize("period_s", [30, 150])
async def test_fault_40_drops_at_the_same_age(bus: PrivateBus, period_s: int) -> None:
    clock = ManualClock()
    async with scene(bus, clock=clock) as at:
        at.begin()
        for _ in range(3):
            await at.beats(1)
            for _ in range(period_s // 3):
                await clock.advance(3.0)
                await at.beats(1)
            await at.bluez.drop(at.strap)
            change = await at.reached(LinkStep.LOST, LinkReason.LINK_LOST)
            while not at.strap.connected:
                await pass_time(clock, 0.1, 0.1)
        assert f"about {period_s} s" in str(change.advice)
        assert "MinConnectionInterval" in str(change.advice)
        await at.beats()


@MODES
@pytest.mark.parametrize(
    ("stall_s", "silence_s", "segments"), [(4, 5, [0]), (7, 5, [0, 1]), (30, 60, [0])]
)
async def test_fault_41_a_burst_after_a_stall(
    bus: PrivateBus, stall_s: int, silence_s: int, segments: list[int], start: bool
) -> None:
    clock = ManualClock()
    timing = msgspec.structs.replace(QUICK, silence_s=float(silence_s))
    async with scene(bus, start=start, clock=clock, timing=timing) as at:
        async with sitting(at) as held:
            for number in range(20):
                await held.second(1000 + number)
            at.strap.stall()
            for number in range(stall_s):
                rr = 1020 + number
                packet = HeartRateMeasurement(hr_bpm=60, rr_1024=(rr,))
                await clock.advance(1.0)
                assert await at.strap.notify(bytes(packet))
                at.delivered.append(rr)
            assert len(at.received) == 20
            if stall_s > silence_s:
                await at.reached(LinkStep.STALE, LinkReason.NO_DATA)
            assert await at.strap.resume() == stall_s
            await at.arrived(1020 + stall_s - 1)
            for number in range(3):
                await held.second(1050 + number)
            # All are kept, each once. Where the driver told of silence there is a gap;
            # otherwise the host had only stalled, for however long: nothing is missing.
            assert held.rr_1024 == at.delivered
            assert held.segments == segments
            assert at.strap.links == 1


# --- 51 to 53: who listens ---


@MODES
async def test_fault_51_a_slow_consumer(bus: PrivateBus, start: bool) -> None:
    async with scene(bus, start=start) as at:
        at.begin()
        await at.beats(1)
        # A whole burst waits while the loop is busy elsewhere; none of it is lost.
        burst = range(2000, 2300)
        for rr in burst:
            packet = HeartRateMeasurement(hr_bpm=60, rr_1024=(rr,))
            at.delivered.append(rr)
            assert await at.strap.notify(bytes(packet))
        await at.arrived(burst[-1])
        assert at.strap.links == 1


async def test_fault_51_a_full_inbox_drops_are_told(bus: PrivateBus) -> None:
    async with scene(bus) as at, sitting(at) as held:
        await at.beats(1)
        record = at.records[-1]
        assert isinstance(record, Notification)
        await held.processed()
        for _ in range(INBOX_SIZE + 7):  # without giving the session a moment
            held.tee.emit(record)
        told = await entries(held)
        assert [each.type for each in told] == ["records_lost"]
        assert str(told[0].text).startswith("7 notifications were lost")


@MODES
async def test_fault_52_a_callback_that_fails(
    bus: PrivateBus, start: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with scene(bus, start=start) as at:
        at.begin()
        await at.beats()

        def fail(record: AnyRecord) -> None:
            if isinstance(record, Notification):
                raise ZeroDivisionError("a mistake of ours")

        at.emitted = fail
        await at.beats(2)
        at.emitted = None
        await at.beats()
        assert at.strap.links == 1
        assert "could not be handed on" in caplog.text


async def test_fault_53_a_read_comes_as_a_notification_too(bus: PrivateBus) -> None:
    async with scene(bus, timing=HASTY) as at:
        at.begin()
        await at.beats()
        before = len(at.sent("2a19"))
        # The watchdog reads the battery; the echo is no proof of a heart.
        await at.reached(LinkStep.STALE, LinkReason.NO_DATA)
        await at.reached(LinkStep.LOST, LinkReason.NO_DATA)
        assert set(at.sent("2a19")) == {bytes([80])}
        assert len(at.sent("2a19")) > before
        await at.beats()
        assert at.strap.links == 2


# --- 54 to 56: Polar's measurements, and the battery ---


FAST = 4.0
"""The strap and the session live so many times faster: frames come each 0.56 s."""


@asynccontextmanager
async def measuring(
    bus: PrivateBus, signal: Signal
) -> AsyncIterator[tuple[Sitting, PmdServer, VirtualStrap]]:
    """Run a session that gets a signal of a Polar H10."""
    h10 = MODELS["polar_h10"].strap()
    assert h10.pmd is not None
    h10.time.hasten(FAST)
    clock = WallClock(FAST)
    timing = msgspec.structs.replace(QUICK, silence_s=600.0)
    async with scene(bus, h10, clock=clock, timing=timing) as at:
        at.signals = (Ask(signal=signal),)
        async with sitting(at) as held:
            await at.beats(1)  # the heart first: its signals may take a while
            yield held, h10.pmd, h10


@pytest.mark.parametrize("fault", ["reset", "jump back", "gap"])
async def test_fault_54_the_straps_clock_goes_wrong(
    bus: PrivateBus, fault: str
) -> None:
    async with measuring(bus, Signal.ECG) as (held, pmd, h10):
        before = await held.frames(4)
        match fault:
            case "reset":
                pmd.clock.jump(10**18)  # it had been set, to some time in 2050
                await held.frames(1)
                pmd.clock.reset(h10.time.now_ns())  # to 2019, as after a shutdown
            case "jump back":
                pmd.clock.jump(-3600 * 10**9)
            case "gap":
                pmd.skip(5.0)
        after = await held.frames(6)
        times_ms = [each.t_ms for each in (*before, *after)]
        steps_ms = [b - a for a, b in pairwise(times_ms)]
        # Whatever the strap's clock says, time goes on as the session's clock does.
        assert min(steps_ms) > 0
        assert max(steps_ms) < 9000
        assert sum(step > 4000 for step in steps_ms) == (fault == "gap")
        assert times_ms[-1] <= held.session.clock.now_ns() / 1e6
        # The first frame on a new clock is placed by its arrival, the others by it.
        usual_ms = median(each.interval_ms for each in (*before, *after))
        assert usual_ms == pytest.approx(1000 / 130, rel=0.05)


async def test_fault_55_a_frame_type_that_nobody_knows(bus: PrivateBus) -> None:
    async with measuring(bus, Signal.ECG) as (held, pmd, _):
        await held.frames(2)
        pmd.odd_frames = 2
        await held.frames(4)
        raw = held.scene.sent("pmd_data")
        # Kept as they came, for whoever knows them one day; the others go on.
        assert sum(each[9] == 0x3F for each in raw) == 2
        assert LinkStep.LOST not in held.scene.steps


async def test_fault_55_compressed_acceleration(bus: PrivateBus) -> None:
    async with measuring(bus, Signal.ACC) as (held, pmd, _):
        pmd.compress = True
        frames = await held.frames(4)
        raw = held.scene.sent("pmd_data")
        assert any(each[9] & 0x80 for each in raw)
        for each in frames:
            x, y, z = each.values[-3:]
            # At rest an acceleration is about that of the earth.
            assert math.hypot(x, y, z) == pytest.approx(1000, abs=200)


async def test_fault_56_battery_low(bus: PrivateBus) -> None:
    async with scene(bus) as at, sitting(at) as held:
        await at.beats()
        level = at.strap.characteristic("2a19")
        assert level is not None
        await eventually(lambda: level.subscribed, "a subscription")
        await at.strap.set_battery(5)
        await at.until(lambda: at.sent("2a19")[-1:] == [b"\x05"], "5 %")
        told = await held.told()
    links = [each for each in told if isinstance(each, LinkEvent) and each.strap]
    assert links[-1].strap is not None
    assert links[-1].strap.battery_pct == 5
