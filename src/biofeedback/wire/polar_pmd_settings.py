"""The vocabulary of Polar's measurement service (PMD), and its settings.

A setting is a type, a count, and that many values, little endian, of a size that the
type decides (polar-ble-sdk, ``technical_documentation/online_measurement.pdf`` and
``PmdSetting.kt``). A strap lists what it offers in this form, and is started with one
value of each.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from enum import IntEnum, StrEnum

from biofeedback.model import Signal, Value

MAX_FACTOR = 10.0
"""A larger one is nonsense: 16 bits times this is far beyond any sensor's range."""


class PmdAnomaly(StrEnum):
    """What is odd about a packet: listed, never raised; its bytes are recorded."""

    SHORT = "short"
    ODD_TAIL = "odd_tail"
    TRAILING = "trailing"
    EMPTY = "empty"
    RESERVED_BITS = "reserved_bits"
    UNKNOWN_SETTING = "unknown_setting"
    DELTA_WIDTH = "delta_width"
    """A block of differences of no bits, or of more than a sample could need."""
    OUT_OF_RANGE = "out_of_range"
    """Differences that add up to more than the sensor can say: decoding stops there."""


class Measurement(IntEnum):
    """What the service can measure; 4 is not used."""

    ECG = 0
    PPG = 1
    ACC = 2
    PPI = 3
    GYRO = 5
    MAG = 6


SIGNALS: dict[Measurement, Signal] = {
    Measurement.ECG: Signal.ECG,
    Measurement.ACC: Signal.ACC,
    Measurement.PPI: Signal.PPI,
}
"""The measurements that sessions can ask for, in the order they are started."""

MEASUREMENTS: dict[Signal, Measurement] = {
    signal: measurement for measurement, signal in SIGNALS.items()
}
"""The same, the other way round."""


class Setting(IntEnum):
    """What can be chosen of a measurement.

    ``RATE`` is in Hz, ``RESOLUTION`` in bits, ``RANGE`` in the sensor's unit (g),
    ``FACTOR`` the bits of an IEEE 754 float by which counts are multiplied.
    """

    RATE = 0
    RESOLUTION = 1
    RANGE = 2
    RANGE_MILLIUNIT = 3
    CHANNELS = 4
    FACTOR = 5
    SECURITY = 6


SIZES: dict[int, int] = {
    Setting.RATE: 2,
    Setting.RESOLUTION: 2,
    Setting.RANGE: 2,
    Setting.RANGE_MILLIUNIT: 4,
    Setting.CHANNELS: 1,
    Setting.FACTOR: 4,
    Setting.SECURITY: 16,
}
"""Bytes of one value of each setting."""

_SETTINGS = {int(each): each for each in Setting}


class Settings(Value, frozen=True):
    """Settings in the order they were sent, each with its values."""

    values: tuple[tuple[Setting, tuple[int, ...]], ...] = ()
    anomalies: tuple[PmdAnomaly, ...] = ()

    @classmethod
    def of(cls, *chosen: tuple[Setting, int | Iterable[int]]) -> Settings:
        """Return settings of these values, in this order.

        >>> Settings.of((Setting.RATE, 130), (Setting.RESOLUTION, 14)).to_bytes().hex()
        '0001820001010e00'
        """
        return cls(
            values=tuple(
                (setting, (value,) if isinstance(value, int) else tuple(value))
                for setting, value in chosen
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Settings:
        """Read settings as far as they go. Never raises.

        What follows a setting of an unknown type cannot be read, since its size is
        not known.
        """
        found: list[tuple[Setting, tuple[int, ...]]] = []
        at = 0
        while at < len(data):
            setting = _SETTINGS.get(data[at])
            if setting is None:
                return cls(values=tuple(found), anomalies=(PmdAnomaly.UNKNOWN_SETTING,))
            size = SIZES[setting]
            count = data[at + 1] if at + 1 < len(data) else 0
            at += 2
            whole = min(count, max(len(data) - at, 0) // size)
            if at > len(data) or whole < count:
                if whole:
                    found.append((setting, _integers(data, at, whole, size)))
                return cls(values=tuple(found), anomalies=(PmdAnomaly.SHORT,))
            found.append((setting, _integers(data, at, count, size)))
            at += count * size
        return cls(values=tuple(found))

    def to_bytes(self) -> bytes:
        """Write the settings.

        Raises
        ------
        ValueError
            If a value does not fit its size, or there are more than 255 of one.
        """
        out = bytearray()
        try:
            for setting, values in self.values:
                out += bytes((setting, len(values)))
                for value in values:
                    out += value.to_bytes(SIZES[setting], "little")
        except (OverflowError, ValueError) as error:
            raise ValueError(f"not a setting that can be sent: {error}") from error
        return bytes(out)

    __bytes__ = to_bytes

    def get(self, setting: Setting) -> tuple[int, ...]:
        """Return the values of ``setting``; none when it is not among them."""
        return next((values for each, values in self.values if each is setting), ())

    @property
    def factor(self) -> float | None:
        """By what counts are multiplied; ``None`` when not said, or nonsense."""
        raw = self.get(Setting.FACTOR)
        if not raw:
            return None
        factor: float = struct.unpack("<f", struct.pack("<I", raw[0]))[0]
        plausible = math.isfinite(factor) and 0 < factor <= MAX_FACTOR
        return factor if plausible else None

    @staticmethod
    def factor_bits(factor: float) -> int:
        """Return ``factor`` as the integer that a ``FACTOR`` setting carries."""
        bits: int = struct.unpack("<I", struct.pack("<f", factor))[0]
        return bits


def _integers(data: bytes, at: int, count: int, size: int) -> tuple[int, ...]:
    end = at + count * size
    return tuple(
        int.from_bytes(data[start : start + size], "little")
        for start in range(at, end, size)
    )
