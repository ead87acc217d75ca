"""Follows a session's hub and sends what it says by LSL.

The sender is one more viewer, so the session never waits for it: pushing into an
outlet takes some microseconds, and liblsl sends from threads of its own. What passed
while this viewer was behind it asks the hub for again.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from typing import TypeAlias

import msgspec
import numpy as np

from biofeedback.model import (
    AnyEvent,
    BeatEvent,
    EntryEvent,
    HeartEvent,
    LinkEvent,
    MetricsEvent,
    PacerEvent,
    Signal,
    SignalsEvent,
    Value,
)
from biofeedback.recording.tables import PLAIN_NAMES, WINDOW_NAMES, WINDOWS
from biofeedback.session.clock import Clock
from biofeedback.session.hub import Hub, ViewerEnded, ViewerTooSlow
from biofeedback.session.lsl import markers, streams
from biofeedback.session.lsl.outlets import Outlets
from biofeedback.session.lsl.pacing import PacedTime
from biofeedback.session.lsl.timeline import Timeline
from biofeedback.session.lsl.traces import Traces
from biofeedback.session.runner import LiveSession
from biofeedback.wire.samples import decode_samples

_LOGGER = logging.getLogger(__name__)

GOODBYE_S = 1.0
"""liblsl cannot be asked whether everything has left: give it this long at the end."""

FRAMES_WAITING = 2048
"""Frames of samples that may wait: ten minutes of ECG and acceleration, some 1 MB."""

_LOOK_S = 0.05

Told: TypeAlias = AnyEvent | markers.Gap | markers.Steered

_DECODER: msgspec.json.Decoder[Told] = msgspec.json.Decoder(Told)


class Sent(Value, frozen=True):
    """How much was sent; ``n_lost`` are messages and frames that were not."""

    n_beats: int
    n_markers: int
    n_samples: int
    n_lost: int


async def send(session: LiveSession, *, outlets: Outlets | None = None) -> Sent:
    """Send a session by LSL until it ends; the session itself never notices.

    Parameters
    ----------
    session
        What to send.
    outlets
        Outlets that are open already; they are closed at the end like any other.

    Raises
    ------
    SettingsError
        When ``pylsl`` is not installed.
    NotSoError
        When a stream cannot be opened.
    """
    if outlets is None:
        about = streams.About.of(session.info)
        outlets = await asyncio.to_thread(Outlets, about, streams.STREAMS)
    sender = Sender(outlets, session.hub, session.clock)
    try:
        await sender.run()
        await sender.say_goodbye()
    finally:
        await outlets.close()
    return sender.sent


class Sender:
    """Sends one session.

    Parameters
    ----------
    outlets
        Where to.
    hub, clock
        Those of the session.
    local_clock
        LSL's clock; a test brings its own.
    """

    def __init__(
        self,
        outlets: Outlets,
        hub: Hub,
        clock: Clock,
        local_clock: Callable[[], float] | None = None,
    ) -> None:
        self._outlets = outlets
        self._about = outlets.about
        self._hub = hub
        self._timeline = Timeline(
            clock, local_clock or outlets.local_clock, self._about.speed
        )
        self._paced = PacedTime()
        self._last_index = -1
        self._unjudged: dict[int, BeatEvent] = {}
        self._traces = Traces(outlets, self._timeline, self._missing)
        self._steered: markers.Steered | None = None
        self._from_ms = -math.inf
        self._n_beats = self._n_markers = self._n_lost = 0

    @property
    def sent(self) -> Sent:
        """How much was sent so far."""
        return Sent(
            n_beats=self._n_beats,
            n_markers=self._n_markers,
            n_samples=self._traces.n_samples,
            n_lost=self._n_lost,
        )

    async def run(self) -> None:
        """Send until the session has ended."""
        frames = asyncio.create_task(self._follow_samples(), name="LSL samples")
        try:
            await self._follow()
            await asyncio.sleep(0)  # the last frames have come: they get their turn
        finally:
            frames.cancel()
            (failure,) = await asyncio.gather(frames, return_exceptions=True)
            if isinstance(failure, Exception):
                _LOGGER.error("Samples were not sent by LSL", exc_info=failure)
        self._settle(math.inf, final=False)
        last_ms = self._hub.last_t_ms
        end = markers.of_end(self._about, last_ms, self._n_beats)
        self._mark(end, last_ms)

    async def say_goodbye(self) -> None:
        """Leave the outlets open for a moment while somebody still receives them."""
        for _ in range(round(GOODBYE_S / _LOOK_S)):
            if not self._outlets.received:
                return
            await asyncio.sleep(_LOOK_S)

    # --- Messages ---------------------------------------------------------------------

    async def _follow(self) -> None:
        seen, asked_again, ended = 0, -1, False
        while not ended:
            viewer = self._hub.subscribe(seen)
            try:
                while True:
                    event = _read(await viewer.next())
                    if isinstance(event, markers.Gap) and event.from_seq != asked_again:
                        # They passed while this viewer was behind. The hub holds them,
                        # unless it says the same once more.
                        asked_again = event.from_seq
                        seen = asked_again - 1
                        break
                    seen = viewer.last_seq
                    if event is not None:
                        self._send(event)
            except ViewerTooSlow:
                pass
            except ViewerEnded:
                ended = True
            finally:
                viewer.close()

    def _send(self, event: Told) -> None:
        if isinstance(event, markers.Steered):
            self._steer(event)
            return
        self._follow_clock(event.t_ms)
        if event.t_ms < self._from_ms and not isinstance(event, PacerEvent):
            return  # what lies before the place a replay was sent to
        about, t_ms = self._about, event.t_ms
        match event:
            case BeatEvent():
                self._beat(event)
            case HeartEvent():
                contact = math.nan if event.contact is None else float(event.contact)
                self._push(streams.HR, (_known(event.hr_bpm), contact), t_ms)
            case MetricsEvent():
                self._settle(event.settled_index)
                self._push(streams.HRV, _row(event), t_ms)
                self._breathe(t_ms)
            case PacerEvent():
                self._paced.change(event)
                text = markers.of_pace(about, event)
                self._push(streams.PACER, (text,), event.origin_ms)
            case EntryEvent():
                self._mark(markers.of_entry(about, event), t_ms)
            case LinkEvent():
                self._mark(markers.of_link(about, event), t_ms)
            case SignalsEvent():
                self._traces.expect(event)
            case markers.Gap():
                self._n_lost += event.to_seq - event.from_seq + 1
                self._mark(markers.of_gap(about, event), t_ms)
            case _:
                pass  # restated windows, the referee

    def _beat(self, beat: BeatEvent) -> None:
        self._unjudged[beat.index] = beat
        if beat.index > self._last_index:  # not one that is told again
            self._last_index = beat.index
            row = (beat.rr_ms, beat.index, beat.segment, beat.uncertainty_ms)
            self._push(streams.RR, row, beat.t_ms)
            self._n_beats += 1

    def _settle(self, index: float | None, *, final: bool = True) -> None:
        # Judgements up to here are for good: told in order, each once.
        if index is None:
            return
        for settled in sorted(i for i in self._unjudged if i <= index):
            beat = self._unjudged.pop(settled)
            label = streams.LABELS.index(beat.label)
            row = (_known(beat.nn_ms), label, beat.index, beat.segment, float(final))
            self._push(streams.NN, row, beat.t_ms)

    def _breathe(self, t_ms: float) -> None:
        times_ms, rows = self._paced.until(t_ms)
        if times_ms and (outlet := self._outlets.of(streams.PACER_PHASE)):
            stamps_s = [self._timeline.stamp_s(at_ms) for at_ms in times_ms]
            outlet.push_many(np.array(rows, np.float32), stamps_s)

    def _mark(self, text: str, t_ms: float) -> None:
        self._push(streams.MARKERS, (text,), t_ms)
        self._n_markers += 1

    def _push(
        self, stream: streams.Stream, values: tuple[float | str, ...], t_ms: float
    ) -> None:
        if outlet := self._outlets.of(stream):
            outlet.push(values, self._timeline.stamp_s(t_ms))

    def _follow_clock(self, t_ms: float) -> None:
        if self._timeline.has_jumped() and not self._about.replay:
            self._mark(markers.of_jump(self._about, t_ms), t_ms)

    def _steer(self, event: markers.Steered) -> None:
        if event == self._steered:
            return  # told again to a viewer that came again
        self._steered = event
        self._about = msgspec.structs.replace(self._about, speed=event.speed)
        self._timeline.begin_anew(event.speed)
        if event.jumped:
            self._from_ms = event.t_ms
            self._last_index = -1
            self._unjudged.clear()
            self._traces.begin_anew()
            self._paced.go_on_from(event.t_ms)
        self._mark(markers.of_steering(self._about, event), event.t_ms)

    # --- Samples ----------------------------------------------------------------------

    async def _follow_samples(self) -> None:
        # A viewer of its own: its messages go unread, which costs the hub nothing.
        viewer = self._hub.subscribe(self._hub.last_seq)
        # LSL takes more than a screen can draw: a replay in a hurry sends much at once.
        viewer.want((Signal.ECG, Signal.ACC), waiting=FRAMES_WAITING)
        try:
            while True:
                number, samples = decode_samples(await viewer.next_frame())
                self._follow_clock(samples.t_ms)
                self._traces.send(number, samples)
        finally:
            viewer.close()

    def _missing(self, stream: str, t_ms: float, frames: int) -> None:
        self._n_lost += frames
        self._mark(markers.of_missing(self._about, stream, t_ms, frames), t_ms)


def _read(data: bytes) -> Told | None:
    try:
        return _DECODER.decode(data)
    except msgspec.ValidationError:
        return None  # of a kind that is for screens only


def _row(event: MetricsEvent) -> tuple[float, ...]:
    windows = (getattr(event.window_s, field) for field in WINDOWS.values())
    breathing = event.breathing
    return (
        *(_known(getattr(one, name)) for one in windows for name in WINDOW_NAMES),
        *(_known(getattr(event, name)) for name in PLAIN_NAMES),
        math.nan if breathing is None else breathing.breaths_per_min,
        _known(event.followed),
        float(event.suitable),
    )


def _known(value: float | None) -> float:
    return math.nan if value is None else float(value)
