"""Polar's measurement service in a session: frames to samples and pulse intervals.

Everything that is needed to understand a frame is among the records: what we wrote to
the control point says the rate, what the strap answered says the factor, and the
frames and their arrivals place the samples on the session's clock.
"""

from __future__ import annotations

from collections import Counter

from biofeedback.model import Notification, SamplesEvent, Signal, Value
from biofeedback.signal.device_clock import DeviceClock
from biofeedback.wire.polar_pmd import (
    SIGNALS,
    AccFrame,
    Command,
    EcgFrame,
    Measurement,
    Op,
    Ppi,
    PpiFrame,
    Response,
    Setting,
    control_from_bytes,
    frame_from_bytes,
)

NS_PER_MS = 1_000_000

USUAL_RATE_HZ = {Signal.ECG: 130, Signal.ACC: 50}
"""Until a command was seen that says otherwise."""


class Pulse(Value, frozen=True):
    """One pulse interval, in 1/1024 s like an RR interval, and its possible error."""

    count_1024: int
    error_ms: int

    @classmethod
    def of(cls, ppi: Ppi) -> Pulse:
        """Round to the nearest 1/1024 s: wrong by less than half a millisecond.

        Bands send whole milliseconds, and say themselves that they are off by several.
        """
        return cls(count_1024=round(ppi.pp_ms * 1024 / 1000), error_ms=ppi.error_ms)


class Pulses(Value, frozen=True):
    """Pulse intervals in unbroken runs: between two runs some are not known.

    An empty run at the beginning or the end says that it is so from the intervals
    before, or to those that follow.
    """

    runs: tuple[tuple[Pulse, ...], ...]


class PmdStreams:
    """The frames of one session, each signal of each device on a clock of its own.

    Parameters
    ----------
    samples
        Whether samples are wanted; without, frames of them are only read, not placed.

    Attributes
    ----------
    unknown_frames
        How many could not be read. Their bytes are in the recording.
    """

    def __init__(self, *, samples: bool = True) -> None:
        self.unknown_frames = 0
        self._wanted = samples
        self._clocks: dict[tuple[str, Signal], DeviceClock] = {}
        self._segments: Counter[tuple[str, Signal]] = Counter()
        self._rates_hz: dict[tuple[str, Signal], int] = {}
        self._factors: dict[str, float] = {}  # of the acceleration, by device

    def written(self, record: Notification) -> None:
        """Take in a command that was written to the control point."""
        command = Command.from_bytes(record.data)
        signal = _signal(command.measurement)
        if command.op != Op.START or signal is None:
            return
        stream = (record.source, signal)
        rates = command.settings.get(Setting.RATE)
        if rates and rates[0] > 0:
            self._rates_hz[stream] = rates[0]
        else:
            self._rates_hz.pop(stream, None)
        if stream in self._clocks:
            self._clocks[stream].break_segment()

    def answered(self, record: Notification) -> None:
        """Take in what the control point said: the factor of the acceleration."""
        answer = control_from_bytes(record.data)
        if not isinstance(answer, Response) or answer.op != Op.START:
            return
        if answer.measurement == Measurement.ACC and answer.factor is not None:
            self._factors[record.source] = answer.factor

    def break_clocks(self) -> None:
        """Say that samples may be missing from here on: the link changed."""
        for clock in self._clocks.values():
            clock.break_segment()

    def receive(self, record: Notification) -> SamplesEvent | Pulses | None:
        """Return what a frame holds; ``None``: nothing, nothing new, or unreadable."""
        frame = frame_from_bytes(record.data)
        match frame:
            case EcgFrame() | AccFrame() if not self._wanted:
                return None
            case EcgFrame():
                return self._samples(record, Signal.ECG, frame.device_ns, frame.samples)
            case AccFrame():
                axes = frame.milli_g(self._factors.get(record.source))
                values = tuple(value for sample in axes for value in sample)
                return self._samples(record, Signal.ACC, frame.device_ns, values, 3)
            case PpiFrame():
                return Pulses(runs=_runs(frame.samples)) if frame.samples else None
            case _:
                self.unknown_frames += 1
                return None

    def _samples(
        self,
        record: Notification,
        signal: Signal,
        device_ns: int,
        values: tuple[int, ...],
        channels: int = 1,
    ) -> SamplesEvent | None:
        if not values:
            return None
        stream = (record.source, signal)
        clock = self._clocks.setdefault(stream, DeviceClock())
        rate_hz = self._rates_hz.get(stream, USUAL_RATE_HZ[signal])
        time = clock.measure(
            record.t_ns, device_ns, len(values) // channels, float(rate_hz)
        )
        if time is None:
            return None
        self._segments[stream] += time.new_segment is not None
        return SamplesEvent(
            t_ms=round(time.t_ns / NS_PER_MS, 3),
            source=record.source,
            signal=signal,
            channels=channels,
            interval_ms=time.interval_ns / NS_PER_MS,
            device_ns=device_ns,
            segment=self._segments[stream] - 1,  # the first frame starts number 0
            uncertainty_ms=round(time.uncertainty_ms, 1),
            drift_ppm=None if time.drift_ppm is None else round(time.drift_ppm, 2),
            values=values,
        )


def _signal(measurement: int | None) -> Signal | None:
    return next((s for m, s in SIGNALS.items() if m == measurement), None)


def _runs(samples: tuple[Ppi, ...]) -> tuple[tuple[Pulse, ...], ...]:
    """Cut at what the band took while it moved; no pulse at all is no interval."""
    runs: list[list[Pulse]] = [[]]
    for ppi in samples:
        pulse = Pulse.of(ppi)
        if ppi.blocker or pulse.count_1024 == 0:
            runs.append([])
        else:
            runs[-1].append(pulse)
    return tuple(tuple(run) for run in runs)
