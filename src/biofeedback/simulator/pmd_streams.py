"""The streams of Polar's measurement service: samples of a body, cut into frames."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from biofeedback.simulator.body import Body
from biofeedback.simulator.waves import acc_mg, ecg_uv, mean_bpm
from biofeedback.wire.polar_pmd import AccFrame, EcgFrame, Measurement, Ppi, PpiFrame

NS_PER_S = 1_000_000_000
COUNTS_PER_S = 1024
ATT_HEAD, FRAME_HEAD = 3, 10
"""Bytes of a notification, and of a frame, before its samples."""
SAMPLE_BYTES = {Measurement.ECG: 3, Measurement.ACC: 6, Measurement.PPI: 6}
PPI_ERROR_MS = 10


class Stream(Protocol):
    """One measurement that runs."""

    @property
    def due_ns(self) -> int:
        """When its next frame is complete: the time of the last sample in it."""
        ...

    def frame(self, stamp_ns: int) -> bytes:
        """Return that frame, stamped so, and go on to the next."""
        ...

    def skip(self, gap_s: float) -> None:
        """Leave out so much time."""
        ...


class SampleStream:
    """ECG or acceleration at ``rate_hz``, as it really is.

    With a ``factor`` the samples are counts of that many g each; without, mG.
    """

    def __init__(
        self,
        body: Body,
        measurement: Measurement,
        start_s: float,
        rate_hz: float,
        mtu: int,
        *,
        compressed: bool = False,
        factor: float | None = None,
    ) -> None:
        self._body = body
        self._measurement = measurement
        self._start_s = start_s
        self._rate_hz = rate_hz
        self._room = (mtu - ATT_HEAD - FRAME_HEAD) // SAMPLE_BYTES[measurement]
        self._compressed = compressed
        self._factor = factor
        self._sent = 0
        self._noise = np.random.default_rng(round(start_s * 1000))

    @property
    def due_ns(self) -> int:
        """When its next frame is complete."""
        last = self._sent + self._room - 1
        return round((self._start_s + last / self._rate_hz) * NS_PER_S)

    def frame(self, stamp_ns: int) -> bytes:
        """Return that frame."""
        numbers = np.arange(self._sent, self._sent + self._room)
        self._sent += self._room
        times_s = self._start_s + numbers / self._rate_hz
        if self._measurement is Measurement.ECG:
            ecg = tuple(ecg_uv(self._body, times_s))
            return bytes(EcgFrame(device_ns=stamp_ns, samples=ecg))
        samples = acc_mg(self._body, times_s, self._noise)
        if self._factor is not None:
            per_mg = 1 / 1000 / self._factor
            samples = tuple(
                (round(x * per_mg), round(y * per_mg), round(z * per_mg))
                for x, y, z in samples
            )
        return bytes(
            AccFrame(
                device_ns=stamp_ns,
                samples=samples,
                frame_type=1 if self._factor is None else 0,
                compressed=self._compressed,
            )
        )

    def skip(self, gap_s: float) -> None:
        """Leave out so much time."""
        self._start_s += gap_s


class PpiStream:
    """Pulse intervals: nothing for ``first_s``, then a batch every ``every_s``."""

    def __init__(
        self, body: Body, start_s: float, first_s: float, every_s: float, mtu: int
    ) -> None:
        self._body = body
        self._done_s = start_s
        self._next_s = start_s + first_s
        self._every_s = every_s
        self._room = (mtu - ATT_HEAD - FRAME_HEAD) // SAMPLE_BYTES[Measurement.PPI]
        self._left: tuple[int, ...] = ()

    @property
    def due_ns(self) -> int:
        """When its next batch, or the rest of one, is sent."""
        return round((self._done_s if self._left else self._next_s) * NS_PER_S)

    def frame(self, stamp_ns: int) -> bytes:
        """Return as much of it as fits; nothing but a head if there was no pulse."""
        if not self._left:
            self._left = self._body.intervals(self._done_s, self._next_s)
            self._done_s, self._next_s = self._next_s, self._next_s + self._every_s
        rr, self._left = self._left[: self._room], self._left[self._room :]
        hr_bpm = min(0xFF, mean_bpm(rr))
        samples = tuple(
            Ppi(
                hr_bpm=hr_bpm,
                pp_ms=min(0xFFFF, round(each * 1000 / COUNTS_PER_S)),
                error_ms=PPI_ERROR_MS,
                contact=True,
                contact_supported=True,
            )
            for each in rr
        )
        return bytes(PpiFrame(device_ns=stamp_ns, samples=samples))

    def skip(self, gap_s: float) -> None:
        """Leave out so much time."""
        self._done_s += gap_s
        self._next_s += gap_s
