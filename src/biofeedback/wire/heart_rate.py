"""Heart Rate Measurement, 0x2A37: one notification of a strap.

Layout (Heart Rate Service 1.0, 3.1): one byte of flags; the heart rate as uint8 or
uint16; if flagged, the energy expended as uint16 in kilojoules; if flagged, RR
intervals as uint16 in 1/1024 s, oldest first, as many as fit. All little endian.

Flags are compared bit by bit, never as a whole: straps change them while connected.
"""

from __future__ import annotations

import struct
from enum import IntFlag, StrEnum

from biofeedback.model import Value

RR_UNIT_MS = 1000 / 1024
"""One count of an RR interval, in milliseconds."""

MAX_RR = 9
"""RR intervals that fit beside a uint8 rate in the default MTU of 23 bytes."""

PLAUSIBLE_RR_MS = (273, 2500)
"""24 to 220 beats a minute. A Garmin HRM-Dual adds intervals of about 50 ms."""


class Anomaly(StrEnum):
    """What is odd about a packet: listed, never raised; its bytes are recorded."""

    SHORT = "short"
    ODD_TAIL = "odd_tail"
    TRAILING = "trailing"
    RESERVED_BITS = "reserved_bits"
    RR_FLAG_WITHOUT_RR = "rr_flag_without_rr"
    HR_ZERO = "hr_zero"
    RR_IMPLAUSIBLE = "rr_implausible"


class Flags(IntFlag):
    """The first byte."""

    WIDE = 0x01
    CONTACT_DETECTED = 0x02
    CONTACT_SUPPORTED = 0x04
    ENERGY = 0x08
    RR = 0x10


# Plain numbers: with an IntFlag, reading a packet takes 15 µs instead of 4.
_WIDE = Flags.WIDE.value
_CONTACT_DETECTED = Flags.CONTACT_DETECTED.value
_CONTACT_SUPPORTED = Flags.CONTACT_SUPPORTED.value
_ENERGY = Flags.ENERGY.value
_RR = Flags.RR.value
_RESERVED = 0xE0


class HeartRateMeasurement(Value, frozen=True, kw_only=True):
    """What one packet says; ``None`` means not in the packet.

    ``contact`` is ``None`` when the strap cannot tell, which is not the same as no
    contact. ``rr_1024`` are raw counts of 1/1024 s, oldest first: converted late, and
    never rounded on the way. ``wide`` says that the rate was sent as uint16.
    """

    hr_bpm: int | None
    contact: bool | None = None
    energy_kj: int | None = None
    rr_1024: tuple[int, ...] | None = None
    wide: bool = False
    anomalies: tuple[Anomaly, ...] = ()

    @property
    def rr_ms(self) -> tuple[float, ...]:
        """The intervals in milliseconds, unrounded; empty when there are none."""
        return tuple(raw * RR_UNIT_MS for raw in self.rr_1024 or ())

    @classmethod
    def from_bytes(cls, data: bytes) -> HeartRateMeasurement:
        """Read a packet. Never raises: what is wrong stands in ``anomalies``.

        >>> HeartRateMeasurement.from_bytes(bytes.fromhex("103c0004")).rr_ms
        (1000.0,)
        """
        if not data:
            return cls(hr_bpm=None, anomalies=(Anomaly.SHORT,))
        flags, at = data[0], 1
        wide = bool(flags & _WIDE)
        odd: list[Anomaly] = []
        if flags & _RESERVED:
            odd.append(Anomaly.RESERVED_BITS)

        hr_bpm = _unsigned(data, at, 2 if wide else 1)
        at += 2 if wide else 1
        energy_kj = None
        if flags & _ENERGY:
            energy_kj = _unsigned(data, at, 2)
            at += 2
        if at > len(data):
            odd.append(Anomaly.SHORT)
        if hr_bpm == 0:
            odd.append(Anomaly.HR_ZERO)

        rr_1024: tuple[int, ...] | None = None
        tail = data[at:]
        if flags & _RR:
            rr_1024 = struct.unpack_from(f"<{len(tail) // 2}H", tail)
            if not rr_1024:
                odd.append(Anomaly.RR_FLAG_WITHOUT_RR)
            if len(tail) % 2:
                odd.append(Anomaly.ODD_TAIL)
            if not all(map(is_plausible, rr_1024)):
                odd.append(Anomaly.RR_IMPLAUSIBLE)
        elif tail:
            odd.append(Anomaly.TRAILING)

        return cls(
            hr_bpm=hr_bpm,
            contact=_contact(flags),
            energy_kj=energy_kj,
            rr_1024=rr_1024,
            wide=wide,
            anomalies=tuple(odd),
        )

    def __bytes__(self) -> bytes:
        """Write the packet as a strap would.

        Raises
        ------
        ValueError
            If the value cannot be a packet: no rate, or a number too large.
        """
        if self.hr_bpm is None:
            raise ValueError("a packet always carries a heart rate")
        if self.hr_bpm > 0xFF and not self.wide:
            raise ValueError(f"a rate of {self.hr_bpm} needs wide=True")
        flags = Flags.WIDE if self.wide else Flags(0)
        if self.contact is not None:
            flags |= Flags.CONTACT_SUPPORTED
        if self.contact:
            flags |= Flags.CONTACT_DETECTED
        if self.energy_kj is not None:
            flags |= Flags.ENERGY
        if self.rr_1024 is not None:
            flags |= Flags.RR
        energy = () if self.energy_kj is None else (self.energy_kj,)
        rr = self.rr_1024 or ()
        layout = f"<B{'H' if self.wide else 'B'}{len(energy) + len(rr)}H"
        try:
            return struct.pack(layout, flags, self.hr_bpm, *energy, *rr)
        except struct.error as error:
            raise ValueError(f"does not fit a packet: {error}") from error


def is_plausible(rr_1024: int) -> bool:
    """Say whether a heart can beat like this; if not it is flagged, not deleted."""
    low_ms, high_ms = PLAUSIBLE_RR_MS
    return low_ms * 1024 <= rr_1024 * 1000 <= high_ms * 1024


def _unsigned(data: bytes, at: int, size: int) -> int | None:
    if at + size > len(data):
        return None
    return int.from_bytes(data[at : at + size], "little")


def _contact(flags: int) -> bool | None:
    # "Detected" means something only where "supported" is set: 0b01 is 0b00.
    if not flags & _CONTACT_SUPPORTED:
        return None
    return bool(flags & _CONTACT_DETECTED)
