"""ECG and acceleration on LSL, each sample with its own stamp."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from biofeedback.model import SamplesEvent, Signal, SignalsEvent
from biofeedback.session.lsl import streams
from biofeedback.session.lsl.outlets import Outlet, Outlets
from biofeedback.session.lsl.timeline import Timeline

FAR_FRAMES = 5
"""The rhythm of a strap's first frames says little: so many must agree on another."""


class Traces:
    """The outlets of signals, opened when these are asked for or first come.

    Parameters
    ----------
    outlets, timeline
        Where to, and by which clock.
    lost
        Is told of which stream, when (ms), and how many frames are missing.

    Attributes
    ----------
    n_samples
        How many were sent.
    """

    def __init__(
        self,
        outlets: Outlets,
        timeline: Timeline,
        lost: Callable[[str, float, int], None],
    ) -> None:
        self.n_samples = 0
        self._outlets = outlets
        self._timeline = timeline
        self._lost = lost
        self._open: dict[Signal, Outlet] = {}
        self._last: dict[Signal, int] = {}
        self._far: dict[Signal, int] = {}

    def expect(self, event: SignalsEvent) -> None:
        """Open what was asked for before its first sample, so that nobody misses it."""
        for signal, stream in streams.streams_asked(event).items():
            self._open[signal] = self._outlets.of(stream) or self._outlets.add(stream)

    def begin_anew(self) -> None:
        """Expect any number of the next frame: a replay went elsewhere."""
        self._last.clear()

    def send(self, number: int, samples: SamplesEvent) -> None:
        """Send one frame; ``number`` is its own."""
        if (outlet := self._outlet_for(samples)) is None:
            return
        signal, interval_ms = samples.signal, samples.interval_ms
        missing = number - self._last.get(signal, number - 1) - 1
        self._last[signal] = number
        if missing > 0:
            self._lost(outlet.stream.kind, samples.t_ms, missing)
        values = np.array(samples.values, np.int32).reshape(-1, samples.channels)
        last = len(values) - 1
        stamps_s = [
            self._timeline.stamp_s(samples.t_ms - (last - k) * interval_ms)
            for k in range(len(values))
        ]
        outlet.push_many(values, stamps_s)
        self.n_samples += len(values)

    def _outlet_for(self, samples: SamplesEvent) -> Outlet | None:
        signal = samples.signal
        found = self._open.get(signal)
        if found is not None:
            near = streams.is_near(found.stream.rate_hz, samples)
            self._far[signal] = 0 if near else self._far.get(signal, 0) + 1
            if self._far[signal] < FAR_FRAMES:
                return found
        if (stream := streams.stream_of(samples)) is None:
            return None
        self._far[signal] = 0
        self._open[signal] = self._outlets.of(stream) or self._outlets.add(stream)
        return self._open[signal]
