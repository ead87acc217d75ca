"""Polar's data characteristic: frames of samples with the strap's own time.

A frame is the measurement, a uint64 stamp, the frame type, and samples. The stamp is
the time of the LAST sample, in nanoseconds since 2000-01-01 on the strap's clock, which
may never have been set; bit 7 of the frame type says that the samples are packed as
differences (polar-ble-sdk, ``online_measurement.pdf``, ``PmdDataFrame.kt``).
"""

from __future__ import annotations

import struct
from enum import StrEnum
from typing import ClassVar, TypeAlias

from biofeedback.model import Value
from biofeedback.wire import polar_pmd_delta as delta
from biofeedback.wire.polar_pmd_settings import Measurement, PmdAnomaly

EPOCH_UNIX_NS = 946_684_800_000_000_000
"""2000-01-01T00:00:00Z, where the strap's clock starts, in Unix nanoseconds."""

UNSET_CLOCK_NS = 599_616_000_000_000_000
"""2019-01-01T00:00:00Z on the strap's clock: where an unset H10 or H9 begins again
(``TimeSystemExplained.md`` of the SDK)."""

HEAD = 10
"""Bytes before the samples."""

_COMPRESSED = 0x80
_AXES = 3
_ACC_BYTES = {0: 1, 1: 2, 2: 3}
"""Bytes of one axis, by frame type, when not compressed."""
_ACC_PACKED_BITS = 16
_PPI = struct.Struct("<BHHB")


def to_unix_ns(device_ns: int) -> int:
    """Return a stamp of the strap as Unix nanoseconds, if its clock is set.

    >>> to_unix_ns(0) // 10**9
    946684800
    """
    return device_ns + EPOCH_UNIX_NS


class Unreadable(StrEnum):
    """Why a frame was left unread."""

    SHORT = "short"
    MEASUREMENT = "measurement"
    FRAME_TYPE = "frame_type"


class EcgFrame(Value, frozen=True):
    """ECG in µV, oldest first (type 0: int24)."""

    measurement: ClassVar[Measurement] = Measurement.ECG

    device_ns: int
    samples: tuple[int, ...]
    anomalies: tuple[PmdAnomaly, ...] = ()

    def __bytes__(self) -> bytes:
        """Write the frame.

        Raises
        ------
        ValueError
            If a sample is no int24, or the stamp no uint64.
        """
        return _written(
            self.measurement, self.device_ns, 0, _signed(self.samples, size=3)
        )


class AccFrame(Value, frozen=True):
    """Acceleration along x, y, z, oldest first.

    ``samples`` are the counts as sent: those of an H10 are mG. Where the response to
    the start carried a factor, :meth:`milli_g` applies it.
    """

    measurement: ClassVar[Measurement] = Measurement.ACC

    device_ns: int
    samples: tuple[tuple[int, int, int], ...]
    frame_type: int = 1
    compressed: bool = False
    anomalies: tuple[PmdAnomaly, ...] = ()

    def milli_g(self, factor: float | None = None) -> tuple[tuple[int, int, int], ...]:
        """Return the samples in mG, rounded to the nearest.

        Compressed frames of type 0 count in g, all others in mG (``AccData.kt``).
        """
        scale = 1.0 if factor is None else factor
        if self.compressed and self.frame_type == 0:
            scale *= 1000
        if scale == 1:
            return self.samples
        return tuple(
            (round(x * scale), round(y * scale), round(z * scale))
            for x, y, z in self.samples
        )

    def __bytes__(self) -> bytes:
        """Write the frame.

        Raises
        ------
        ValueError
            If a sample or the stamp does not fit, or there is no such frame type.
        """
        if self.compressed and self.frame_type in (0, 1):
            data = delta.pack(self.samples, _ACC_PACKED_BITS)
            frame_type = self.frame_type | _COMPRESSED
        elif not self.compressed and self.frame_type in _ACC_BYTES:
            size = _ACC_BYTES[self.frame_type]
            flat = tuple(value for sample in self.samples for value in sample)
            data, frame_type = _signed(flat, size), self.frame_type
        else:
            raise ValueError(f"there is no ACC frame of type {self.frame_type}")
        return _written(self.measurement, self.device_ns, frame_type, data)


class Ppi(Value, frozen=True):
    """One pulse-to-pulse interval of an optical band.

    ``blocker`` says that the band moved, so the interval counts for nothing.
    ``contact`` means something only where ``contact_supported`` is set, and little
    even there. ``error_ms`` is the band's own estimate.
    """

    hr_bpm: int
    pp_ms: int
    error_ms: int
    blocker: bool = False
    contact: bool = False
    contact_supported: bool = False


class PpiFrame(Value, frozen=True):
    """Pulse-to-pulse intervals, oldest first (type 0).

    Old firmware sends the stamp 0. The intervals must not be summed to a clock
    (polarofficial/polar-ble-sdk#146).
    """

    measurement: ClassVar[Measurement] = Measurement.PPI

    device_ns: int
    samples: tuple[Ppi, ...]
    anomalies: tuple[PmdAnomaly, ...] = ()

    def __bytes__(self) -> bytes:
        """Write the frame.

        Raises
        ------
        ValueError
            If a value or the stamp does not fit.
        """
        try:
            data = b"".join(
                _PPI.pack(
                    each.hr_bpm,
                    each.pp_ms,
                    each.error_ms,
                    each.blocker | each.contact << 1 | each.contact_supported << 2,
                )
                for each in self.samples
            )
        except struct.error as error:
            raise ValueError(f"does not fit a frame: {error}") from error
        return _written(self.measurement, self.device_ns, 0, data)


class UnknownFrame(Value, frozen=True):
    """A frame that nobody here can read, kept whole.

    ``measurement`` and ``frame_type`` are the numbers sent (``None``: too short);
    ``anomalies`` is always empty, ``reason`` says it all.
    """

    data: bytes
    reason: Unreadable
    measurement: int | None = None
    device_ns: int | None = None
    frame_type: int | None = None
    anomalies: tuple[PmdAnomaly, ...] = ()

    def __bytes__(self) -> bytes:
        return self.data


Frame: TypeAlias = EcgFrame | AccFrame | PpiFrame | UnknownFrame


def frame_from_bytes(data: bytes) -> Frame:
    """Read a frame. Never raises: what cannot be read comes back with the reason.

    The samples never outgrow the bytes: at most one each three bits.

    >>> frame_from_bytes(bytes.fromhex("00 0000000000000000 00 0a0000")).samples
    (10,)
    """
    if len(data) < HEAD:
        return UnknownFrame(
            data=bytes(data),
            reason=Unreadable.SHORT,
            measurement=data[0] & 0x3F if data else None,
        )
    measurement = data[0] & 0x3F
    device_ns = int.from_bytes(data[1:9], "little")
    odd = (PmdAnomaly.RESERVED_BITS,) if data[0] & 0xC0 else ()
    body = data[HEAD:]
    match measurement, data[9]:
        case Measurement.ECG, 0:
            ecg, tail = _integers(body, 3, 3)
            return EcgFrame(device_ns=device_ns, samples=ecg, anomalies=(*odd, *tail))
        case Measurement.ACC, 0 | 1 | 2 as kind:
            size = _ACC_BYTES[kind]
            flat, tail = _integers(body, size, size * _AXES)
            axes = iter(flat)
            return AccFrame(
                device_ns=device_ns,
                samples=tuple(zip(axes, axes, axes, strict=True)),
                frame_type=kind,
                anomalies=(*odd, *tail),
            )
        case Measurement.ACC, 0x80 | 0x81 as kind:
            samples, tail = delta.unpack(body, _AXES, _ACC_PACKED_BITS)
            return AccFrame(
                device_ns=device_ns,
                samples=tuple((x, y, z) for x, y, z in samples),
                frame_type=kind & ~_COMPRESSED,
                compressed=True,
                anomalies=(*odd, *tail),
            )
        case Measurement.PPI, 0:
            return _ppi(device_ns, body, odd)
    known = measurement in (Measurement.ECG, Measurement.ACC, Measurement.PPI)
    return UnknownFrame(
        data=bytes(data),
        reason=Unreadable.FRAME_TYPE if known else Unreadable.MEASUREMENT,
        measurement=measurement,
        device_ns=device_ns,
        frame_type=data[9],
    )


def _ppi(device_ns: int, body: bytes, odd: tuple[PmdAnomaly, ...]) -> PpiFrame:
    whole = len(body) // _PPI.size * _PPI.size
    sent = tuple(_PPI.iter_unpack(body[:whole]))
    if any(flags & ~0x07 for _, _, _, flags in sent) and not odd:
        odd = (PmdAnomaly.RESERVED_BITS,)
    return PpiFrame(
        device_ns=device_ns,
        samples=tuple(
            Ppi(
                hr_bpm=hr_bpm,
                pp_ms=pp_ms,
                error_ms=error_ms,
                blocker=bool(flags & 1),
                contact=bool(flags & 2),
                contact_supported=bool(flags & 4),
            )
            for hr_bpm, pp_ms, error_ms, flags in sent
        ),
        anomalies=(*odd, *_tail(body, _PPI.size)),
    )


def _integers(
    body: bytes, size: int, sample_size: int
) -> tuple[tuple[int, ...], tuple[PmdAnomaly, ...]]:
    whole = len(body) // sample_size * sample_size
    return (
        tuple(
            int.from_bytes(body[at : at + size], "little", signed=True)
            for at in range(0, whole, size)
        ),
        _tail(body, sample_size),
    )


def _tail(body: bytes, sample_size: int) -> tuple[PmdAnomaly, ...]:
    if not body:
        return (PmdAnomaly.EMPTY,)
    return (PmdAnomaly.ODD_TAIL,) if len(body) % sample_size else ()


def _signed(values: tuple[int, ...], size: int) -> bytes:
    try:
        return b"".join(value.to_bytes(size, "little", signed=True) for value in values)
    except OverflowError as error:
        raise ValueError(f"a sample does not fit {size * 8} bits") from error


def _written(measurement: int, device_ns: int, frame_type: int, data: bytes) -> bytes:
    try:
        return struct.pack("<BQB", measurement, device_ns, frame_type) + data
    except struct.error as error:
        raise ValueError(f"does not fit a frame: {error}") from error
