"""The fault list, 57 to 64: processes, time and many straps. See ``docs/straps.md``."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from biofeedback.model import (
    Ask,
    FoundStrap,
    Interval,
    LinkReason,
    LinkState,
    LinkStep,
    Notification,
    Signal,
)
from biofeedback.recording.reader import open_recording
from biofeedback.session.clock import ManualClock
from biofeedback.session.replay import verify
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.bus import PrivateBus
from biofeedback.simulator.models import MODELS
from biofeedback.wire import HeartRateMeasurement
from biofeedback.wire.polar_pmd import Command, Measurement, Op
from tests.drivers.room import eventually
from tests.drivers.scene import MODES, QUICK, Held, Scene, held, scene
from tests.drivers.sitting import sitting

STARTS_S = 60.0
"""How long a new process may take until it listens; usually two seconds."""

MANY_S = 60.0
"""How long a hundred connects may take, one at a time; usually three seconds."""

CONNECT = "org.bluez.Device1.Connect"


# --- 57, 58, 62: our processes on this computer ---


class Recording:
    """A real ``biofeedback record`` in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, out: Path) -> None:
        self.process = process
        self.out = out

    async def end(self, number: signal.Signals) -> int:
        """Send a signal; return the exit code."""
        self.process.send_signal(number)
        async with asyncio.timeout(STARTS_S):
            await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode

    @property
    def notifications(self) -> list[Notification]:
        """What it has recorded."""
        inputs = open_recording(self.out).inputs()
        return [record for _, record in inputs if isinstance(record, Notification)]

    @property
    def received(self) -> list[int]:
        """Every RR interval that it has recorded, in order."""
        return [
            rr
            for each in self.notifications
            if each.characteristic == "2a37"
            for rr in HeartRateMeasurement.from_bytes(each.data).rr_1024 or ()
        ]


@asynccontextmanager
async def record(
    bus: PrivateBus, strap: VirtualStrap, out: Path, *options: str
) -> AsyncIterator[Recording]:
    """Record ``strap``; kill the process at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "biofeedback.cli", "record"),
        *("--strap", strap.address, "--out", str(out), *options),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": bus.address},
    )
    try:
        yield Recording(process, out)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def listens(strap: VirtualStrap) -> None:
    """Wait until a process that was just started hears the strap."""
    async with asyncio.timeout(STARTS_S):
        await strap.subscribed.wait()


async def send(strap: VirtualStrap, first: int, count: int) -> list[int]:
    """Have the strap send numbered intervals to whoever listens."""
    numbers = list(range(first, first + count))
    for rr in numbers:
        packet = HeartRateMeasurement(hr_bpm=60, rr_1024=(rr,))
        assert await strap.notify(bytes(packet))
    return numbers


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_fault_57_told_to_end_mid_stream(
    bus: PrivateBus, tmp_path: Path, number: signal.Signals
) -> None:
    h10 = MODELS["polar_h10"].strap()
    async with scene(bus, h10) as at:
        assert h10.pmd is not None
        out = tmp_path / "ended.mcap"
        async with record(bus, h10, out, "--signals", "ecg") as recording:
            await listens(h10)
            sent = await send(h10, 800, 5)
            await eventually(lambda: h10.sent["pmd_data"] > 0, "an ECG")
            sent += await send(h10, 805, 5)
            assert await recording.end(number) == 0
            assert recording.received == sent
        assert verify(out).ok
        commands = [Command.from_bytes(each) for each in h10.pmd.commands]
        told = [each.op for each in commands if each.measurement == Measurement.ECG]
        assert told[-1] is Op.STOP
        assert h10.pmd.running == frozenset()
        assert "org.bluez.Device1.Disconnect" in at.bluez.calls
        assert not h10.connected


async def test_fault_58_killed_and_started_again(
    bus: PrivateBus, tmp_path: Path
) -> None:
    h10 = MODELS["polar_h10"].strap()
    async with scene(bus, h10) as at:
        assert h10.pmd is not None
        first = tmp_path / "killed.mcap"
        async with record(bus, h10, first, "--signals", "ecg") as recording:
            await listens(h10)
            await send(h10, 800, 5)
            await eventually(lambda: h10.sent["pmd_data"] > 0, "an ECG")
            assert await recording.end(signal.SIGKILL) == -signal.SIGKILL
        # The strap stays connected, hidden from everyone, and goes on measuring.
        await eventually(lambda: not h10.subscribed.is_set(), "nobody who listens")
        assert h10.connected
        assert h10.pmd.running == {Measurement.ECG}

        second = tmp_path / "again.mcap"
        async with record(bus, h10, second, "--signals", "ecg") as recording:
            await listens(h10)
            sent = await send(h10, 900, 5)
            before = h10.sent["pmd_data"]
            await eventually(lambda: h10.sent["pmd_data"] > before, "the ECG")
            assert await recording.end(signal.SIGTERM) == 0
            assert recording.received == sent
        # The link was adopted: there was never another one.
        assert h10.links == 1
        assert at.bluez.calls.count(CONNECT) == 1
        assert h10.pmd.running == frozenset()
        assert not h10.connected


async def test_fault_62_two_programs_on_one_adapter(
    bus: PrivateBus, tmp_path: Path
) -> None:
    one, other = MODELS["polar_h10"].strap(1), MODELS["wahoo"].strap(2)
    async with scene(bus, one, other) as at:
        async with (
            record(bus, one, tmp_path / "one.mcap") as ours,
            record(bus, other, tmp_path / "other.mcap") as theirs,
        ):
            await asyncio.gather(listens(one), listens(other))
            sent, others = await send(one, 800, 5), await send(other, 900, 5)
            # A third program wants a strap that is taken: it waits, and harms nobody.
            at.begin(FoundStrap(id="ble:", name=one.name, address=one.address))
            change = await at.reached(LinkStep.SCANNING, LinkReason.BUSY)
            assert change.state is LinkState.SEARCHING
            await at.end()
            others += await send(other, 905, 5)
            assert await theirs.end(signal.SIGTERM) == 0
            assert theirs.received == others
            sent += await send(one, 805, 5)
            assert await ours.end(signal.SIGTERM) == 0
            assert ours.received == sent
        assert (one.links, other.links) == (1, 1)


# --- 59 to 61: time ---


@MODES
async def test_fault_59_blocked_for_longer_than_the_silence(
    bus: PrivateBus, tmp_path: Path, start: bool
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "biofeedback.simulator", "--profile", "metronome"),
        *("--speed", "20", "--stamp", str(tmp_path / "stamps")),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        ready = json.loads(await process.stdout.readline())
        strap = VirtualStrap(address=ready["strap_address"], name=ready["strap"])
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = ready["address"]
        timing = msgspec.structs.replace(QUICK, silence_s=1.0)
        async with scene(bus, strap, start=start, timing=timing, up=False) as at:
            at.begin()
            await at.until(lambda: len(at.sent()) > 5, "a stream")
            time.sleep(1.5)  # noqa: ASYNC251 - somebody blocks the loop
            before = len(at.sent())
            await at.until(lambda: len(at.sent()) > before + 40, "what had queued up")
            assert at.steps.count(LinkStep.CONNECTING) == 1
            assert LinkStep.LOST not in at.steps
            await at.end()
            received = at.sent()
            at.delivered = at.received
    finally:
        process.terminate()
        await process.wait()
    stamps = (tmp_path / "stamps").read_text(encoding="ascii").splitlines()
    sent = [
        bytes.fromhex(data)
        for _, characteristic, _, data in map(str.split, stamps)
        if characteristic == "2a37"
    ]
    # Nothing lost, doubled or moved; the last may have left while we said goodbye.
    assert received == sent[: len(received)]
    assert len(sent) - len(received) <= 2


@pytest.mark.parametrize("step_s", [3600, -3600])
async def test_fault_60_the_wall_clock_is_set(
    bus: PrivateBus, monkeypatch: pytest.MonkeyPatch, step_s: int
) -> None:
    async with scene(bus, MODELS["polar_h10"].strap()) as at:
        at.signals = (Ask(signal=Signal.ECG),)
        async with sitting(at) as sat:
            await at.beats()
            wall_s, wall_ns = time.time, time.time_ns
            monkeypatch.setattr(time, "time", lambda: wall_s() + step_s)
            monkeypatch.setattr(time, "time_ns", lambda: wall_ns() + step_s * 10**9)
            await at.beats()
            await sat.processed()
            times_ns = [record.t_ns for record in at.records]
            assert times_ns == sorted(times_ns)
            assert times_ns[-1] < 600 * 10**9
            assert sat.rr_1024 == at.delivered
            assert LinkStep.STALE not in at.steps


async def test_fault_61_suspended_with_a_clock_that_stood_still(
    bus: PrivateBus,
) -> None:
    clock = ManualClock()
    timing = msgspec.structs.replace(QUICK, silence_s=60.0)
    async with scene(bus, clock=clock, timing=timing) as at, sitting(at) as sat:
        for number in range(10):
            await sat.second(1000 + number)
        # Linux counts no monotonic time in its sleep; the link does not survive it.
        await at.bluez.drop(at.strap)
        await at.reached(LinkStep.LOST, LinkReason.LINK_LOST)
        while not at.strap.subscribed.is_set():
            await clock.advance(0.1)
            await asyncio.sleep(0.001)
        for number in range(10):
            await sat.second(1010 + number)
        apart(sat.intervals, 1010)


async def test_fault_61_suspended_with_a_clock_that_went_on(bus: PrivateBus) -> None:
    clock = ManualClock()
    async with scene(bus, clock=clock) as at, sitting(at) as sat:
        for number in range(10):
            await sat.second(1000 + number)
        await clock.advance(120.0)
        change = await at.reached(LinkStep.STALE, LinkReason.NO_DATA)
        assert change.state is LinkState.STALE
        # The old link goes, sooner or later, and another takes its place.
        while (
            at.steps.count(LinkStep.SUBSCRIBING) < 2 or not at.strap.subscribed.is_set()
        ):
            await clock.advance(0.1)
            await asyncio.sleep(0.001)
        for number in range(10):
            await sat.second(1010 + number)
        apart(sat.intervals, 1010)


def apart(intervals: list[Interval], rr_1024: int) -> None:
    """See that no segment holds beats of before and after a gap."""
    before = {i.segment for i in intervals if i.rr_ms * 1.024 < rr_1024 - 0.5}
    after = {i.segment for i in intervals if i.rr_ms * 1.024 > rr_1024 - 0.5}
    assert before
    assert after
    assert before.isdisjoint(after)


# --- 63, 64: many ---


@MODES
async def test_fault_63_a_hundred_straps(bus: PrivateBus, start: bool) -> None:
    straps = [MODELS["polar_h9"].strap(number) for number in range(1, 101)]
    async with scene(bus, *straps, start=start) as at:
        scenes = [Scene(bus, at.bluez, each, at.ble, at.clock) for each in straps]
        for each in scenes:
            each.patience_s = MANY_S
            each.begin()
        try:
            await asyncio.gather(*(each.beats(3) for each in scenes))
            for each in scenes:
                assert each.received == each.delivered
                assert each.strap.links == 1
            # All drop at once: each comes back to its own session.
            for strap in straps:
                await at.bluez.drop(strap)
            await asyncio.gather(*(each.beats(2) for each in scenes))
            for each in scenes:
                assert each.received == each.delivered
        finally:
            await asyncio.gather(*(each.end() for each in scenes))
        # One search after the other is one search at a time, not a hundred.
        assert at.bluez.calls.count(CONNECT) == 200


@MODES
async def test_fault_64_fifty_links_hold_as_much_as_one(
    bus: PrivateBus, start: bool
) -> None:
    async with scene(bus, start=start) as at:
        at.begin()
        await at.beats(1)
        await at.reached(LinkStep.STREAMING)
        early = await cycles(at, 2)
        late = await cycles(at, 48)
        assert at.strap.links == 51
        # A link that is just being set up or let go of may hold a little more or
        # less; what leaked with each of 48 links would be 48 at least.
        assert late.tasks < early.tasks + 8
        assert late.descriptors < early.descriptors + 8
        assert late.connections < early.connections + 4
        assert late.match_rules < early.match_rules + 4


async def cycles(at: Scene, count: int) -> Held:
    """Lose the link and have it back, again and again; return what is held then."""
    for _ in range(count):
        await at.bluez.drop(at.strap)
        await at.streams_again(LinkReason.LINK_LOST)
    return await held(at.bus)
