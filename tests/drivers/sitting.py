"""A live session behind a scene: the driver's records go on into the real pipeline."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from biofeedback.model import (
    AnyRecord,
    BeatEvent,
    Config,
    Entry,
    HeartEvent,
    Interval,
    LinkEvent,
    LinkStep,
    SamplesEvent,
    SessionInfo,
    Signal,
)
from biofeedback.pipeline import ALGORITHM
from biofeedback.session.clock import Clock, ManualClock
from biofeedback.session.driver import Emit, Source, Watch
from biofeedback.session.hub import Viewer, ViewerEnded
from biofeedback.session.runner import LiveSession
from biofeedback.wire import HeartRateMeasurement
from biofeedback.wire.samples import decode_samples
from tests.drivers.room import PATIENCE_S, eventually
from tests.drivers.scene import Scene

INFO = SessionInfo(
    id="01KB0000000000000000000000",
    started_at_utc_ns=1_795_000_000_000_000_000,
    person="self",
    plan="practice",
    source="strap",
    simulated=False,
    strap_name="Polar H10",
    software="biofeedback tests",
)


class Tee:
    """A source whose records the scene sees as well."""

    def __init__(self, source: Source, scene: Scene) -> None:
        self.emit: Emit = scene.take
        self._source = source
        self._scene = scene

    async def run(self, *, clock: Clock, emit: Emit, watch: Watch) -> None:
        """Run the source."""

        def both(record: AnyRecord) -> None:
            emit(record)
            self._scene.take(record)

        self.emit = emit
        await self._source.run(clock=clock, emit=both, watch=watch)


class Sitting:
    """One session with one viewer, which keeps everything it is told."""

    def __init__(
        self, scene: Scene, session: LiveSession, viewer: Viewer, tee: Tee
    ) -> None:
        self.scene = scene
        self.session = session
        self.viewer = viewer
        self.tee = tee
        self._frame: int | None = None

    @property
    def intervals(self) -> list[Interval]:
        """Every interval of the session, judged."""
        return self.session.pipeline.intervals

    @property
    def rr_1024(self) -> list[int]:
        """Every interval of the session, in counts."""
        return [round(each.rr_ms * 1.024) for each in self.intervals]

    @property
    def segments(self) -> list[int]:
        """The segments there are."""
        return sorted({each.segment for each in self.intervals})

    async def told(self) -> list[HeartEvent | BeatEvent | LinkEvent]:
        """End the session, and return its heart, beat and link messages."""
        await self.session.stop()
        messages: list[HeartEvent | BeatEvent | LinkEvent] = []
        decoder = msgspec.json.Decoder(HeartEvent | BeatEvent | LinkEvent)
        try:
            while True:
                data = await self.viewer.next()
                if any(kind in data for kind in KINDS):
                    messages.append(decoder.decode(data))
        except ViewerEnded:
            return messages

    async def frames(self, count: int) -> list[SamplesEvent]:
        """Return the next frames of samples that a viewer gets."""
        self.viewer.want(tuple(Signal))
        found = []
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(count):
                number, samples = decode_samples(await self.viewer.next_frame())
                assert self._frame in (None, number - 1), "a frame is missing"
                self._frame = number
                found.append(samples)
        return found

    async def packet(self, data: bytes) -> None:
        """Have the strap deliver a packet, and see it processed."""
        before = len(self.scene.sent())
        assert await self.scene.strap.notify(data)
        await self.scene.until(
            lambda: len(self.scene.sent()) > before, f"packet {data.hex()}"
        )
        await self.processed()

    async def processed(self) -> None:
        """Wait until everything that arrived has been processed."""
        await eventually(lambda: not self.session._inbox, "an empty inbox")

    async def second(self, *rr_1024: int, hr_bpm: int = 60) -> None:
        """Let a second pass (the clock is held by the test), and send what it held."""
        assert isinstance(self.session.clock, ManualClock)
        await self.session.clock.advance(1.0)
        await self.packet(
            bytes(HeartRateMeasurement(hr_bpm=hr_bpm, rr_1024=rr_1024 or None))
        )
        self.scene.delivered.extend(rr_1024)


async def entries(held: Sitting) -> list[Entry]:
    """Wait until the session has noticed something, and return what."""
    found = held.session.pipeline.entries
    await eventually(lambda: bool(found), "a notice")
    return list(found)


KINDS = (b'"kind":"heart"', b'"kind":"beat"', b'"kind":"link"')


@asynccontextmanager
async def sitting(scene: Scene) -> AsyncIterator[Sitting]:
    """Run a session on the strap of ``scene``; it streams when this begins."""
    tee = Tee(scene.ble.open(scene.found), scene)
    session = LiveSession(
        info=INFO,
        config=Config(
            t_ns=0,
            algorithm=ALGORITHM,
            simulated=False,
            rate_bpm=6.0,
            inhale_pct=40.0,
            signals=scene.signals,
        ),
        source=tee,
        clock=scene.clock,
    )
    # As many lanes as messages: the viewer reads at the end.
    session.hub._lanes = (10**6, 10**6)
    viewer = session.hub.subscribe()
    session.start()
    try:
        await scene.reached(LinkStep.SUBSCRIBING)
        await scene.subscribed()
        yield Sitting(scene, session, viewer, tee)
    finally:
        await session.stop()
