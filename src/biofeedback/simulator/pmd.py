"""Polar's measurement service (PMD) from the strap's side. Sans-I/O.

Commands go in with :meth:`PmdServer.write`, frames come out of
:meth:`PmdServer.advance`; time is that of the body that wears the strap. What a strap
answers, and when it stamps a sample, is described in
:mod:`biofeedback.wire.polar_pmd_control` and :mod:`~biofeedback.wire.polar_pmd_frames`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from biofeedback.simulator.body import Body
from biofeedback.simulator.pmd_make import Offer, PmdMake
from biofeedback.simulator.pmd_streams import PpiStream, SampleStream, Stream
from biofeedback.wire.polar_pmd import (
    UNSET_CLOCK_NS,
    Command,
    Measurement,
    Op,
    Response,
    Setting,
    Settings,
    Status,
    Stopped,
)

_REFUSALS = {
    Setting.RATE: Status.INVALID_RATE,
    Setting.RESOLUTION: Status.INVALID_RESOLUTION,
    Setting.RANGE: Status.INVALID_RANGE,
    Setting.CHANNELS: Status.INVALID_CHANNELS,
}
REMEMBERED = 1000
"""How many commands and answers are remembered."""

ONLINE = 1 << 6
"""Marks a measurement that runs in the answer to a status (PmdActiveMeasurement.kt)."""


@dataclass
class DeviceClock:
    """The strap's own clock, which may never have been set.

    ``offset_ns`` is what it showed at the body's time zero, and ``drift_ppm`` how much
    faster it goes than the body's time.
    """

    offset_ns: int = UNSET_CLOCK_NS
    drift_ppm: float = 0.0

    def at(self, t_ns: int) -> int:
        """Return what it shows at ``t_ns``."""
        return self.offset_ns + t_ns + round(t_ns * self.drift_ppm / 1e6)

    def reset(self, t_ns: int) -> None:
        """Begin at 2019-01-01 again at ``t_ns``, as after a shutdown."""
        self.jump(UNSET_CLOCK_NS - self.at(t_ns))

    def jump(self, by_ns: int) -> None:
        """Go back (or forth) by so much."""
        self.offset_ns += by_ns


class PmdServer:
    """The service of one strap.

    Parameters
    ----------
    make
        What it offers.
    body
        Who wears the strap.

    Attributes
    ----------
    clock
        The strap's own.
    refusals
        Statuses to answer the next commands with, one each, whatever they are.
    lost_replies
        How many answers are still lost; the command is done all the same.
    short_start
        Answers to a start end after the status (zHElEARN/polar-python#4).
    late_start_s
        How long after its start a stream begins (15–30 s: bleakheart#1).
    odd_frames
        How many frames are still sent with a frame type that nobody knows.
    commands, answers
        The last :data:`REMEMBERED`, lost ones too.
    compress
        Sends acceleration as differences whatever the make says.
    """

    def __init__(self, make: PmdMake, body: Body) -> None:
        self.make = make
        self.body = body
        self.clock = DeviceClock()
        self.refusals: deque[Status] = deque()
        self.lost_replies = 0
        self.short_start = False
        self.late_start_s = 0.0
        self.odd_frames = 0
        self.compress = False
        self.streams: dict[Measurement, Stream] = {}
        self.commands: deque[bytes] = deque(maxlen=REMEMBERED)
        self.answers: deque[bytes] = deque(maxlen=REMEMBERED)

    @property
    def running(self) -> frozenset[Measurement]:
        """What was started and not stopped."""
        return frozenset(self.streams)

    @property
    def due_ns(self) -> int | None:
        """When the next frame is complete; ``None`` when nothing runs."""
        return min((each.due_ns for each in self.streams.values()), default=None)

    def write(self, data: bytes, t_ns: int) -> tuple[bytes, ...]:
        """Obey a command; return what the control point indicates, if anything."""
        response = bytes(self._obey(Command.from_bytes(data), data, t_ns))
        self.commands.append(data)
        self.answers.append(response)
        if self.lost_replies > 0:
            self.lost_replies -= 1
            return ()
        return (response,)

    def advance(self, t_ns: int) -> Iterator[bytes]:
        """Yield the frames that are complete at ``t_ns``, the oldest first."""
        while True:
            due = [each for each in self.streams.values() if each.due_ns <= t_ns]
            if not due:
                return
            stream = min(due, key=lambda each: each.due_ns)
            stamp_ns = max(0, self.clock.at(stream.due_ns))
            frame = stream.frame(stamp_ns)
            if self.odd_frames > 0:
                self.odd_frames -= 1
                frame = frame[:9] + b"\x3f" + frame[10:]
            if len(frame) > 10:  # a band that saw no pulse sends nothing
                yield frame

    def skip(self, gap_s: float) -> None:
        """Leave a gap in every stream, as when the strap's buffer overflowed."""
        for stream in self.streams.values():
            stream.skip(gap_s)

    def give_up(self) -> bytes:
        """Stop everything by itself; return the word of it to indicate."""
        stopped = Stopped(measurements=tuple(sorted(self.streams)))
        self.streams.clear()
        return bytes(stopped)

    def shut_down(self, t_ns: int) -> None:
        """Switch off and on again: nothing runs, and the clock is unset."""
        self.streams.clear()
        self.clock.reset(t_ns)

    def _obey(self, command: Command, data: bytes, t_ns: int) -> Response:
        op = command.op or 0
        measurement = command.measurement or 0

        def answer(status: Status, parameters: bytes = b"") -> Response:
            return Response(
                op=op,
                measurement=measurement,
                status=status,
                more=False,
                parameters=parameters,
            )

        if self.refusals:
            return answer(self.refusals.popleft())
        if op == Op.GET_STATUS:
            states = bytes(
                offer.measurement | (ONLINE if offer.measurement in self.streams else 0)
                for offer in self.make.offers
            )
            return answer(Status.OK, states)
        if op not in (Op.GET_SETTINGS, Op.START, Op.STOP):
            return answer(Status.INVALID_OP)
        if len(data) < 2:
            return answer(Status.INVALID_LENGTH)
        if not isinstance(command.measurement, Measurement):
            return answer(Status.INVALID_MEASUREMENT)
        if (offer := self.make.offer(measurement)) is None:
            return answer(Status.NOT_SUPPORTED)
        if op == Op.GET_SETTINGS:
            return answer(Status.OK, bytes(offer.settings))
        running = offer.measurement in self.streams
        if running == (op == Op.START):
            return answer(Status.ALREADY_IN_STATE)
        if op == Op.STOP:
            del self.streams[offer.measurement]
            return answer(Status.OK)
        if (refusal := _refusal(offer, command.settings)) is not None:
            return answer(refusal)
        self.streams[offer.measurement] = self._stream(offer, command.settings, t_ns)
        if self.short_start:
            return Response(op=op, measurement=measurement, status=Status.OK)
        return answer(Status.OK, _factor(offer))

    def _stream(self, offer: Offer, settings: Settings, t_ns: int) -> Stream:
        start_s = t_ns / 1e9 + self.late_start_s
        if offer.measurement is Measurement.PPI:
            return PpiStream(
                self.body,
                start_s,
                self.make.ppi_first_s,
                self.make.ppi_every_s,
                self.make.mtu,
            )
        (rate_hz,) = settings.get(Setting.RATE)
        return SampleStream(
            self.body,
            offer.measurement,
            start_s,
            rate_hz * offer.true_rate,
            self.make.mtu,
            compressed=offer.compressed or self.compress,
            factor=offer.factor,
        )


def _refusal(offer: Offer, chosen: Settings) -> Status | None:
    """Return why a start with these settings is refused, if it is."""
    if chosen.anomalies:
        return Status.INVALID_PARAMETER
    for setting, values in offer.settings.values:
        wanted = chosen.get(setting)
        if len(wanted) != 1:
            return Status.INVALID_PARAMETER
        if wanted[0] not in values:
            return _REFUSALS.get(setting, Status.INVALID_PARAMETER)
    return None


def _factor(offer: Offer) -> bytes:
    if offer.factor is None:
        return b""
    return bytes(Settings.of((Setting.FACTOR, Settings.factor_bits(offer.factor))))
