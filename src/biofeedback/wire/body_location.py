"""Body Sensor Location, 0x2A38: one byte, where the sensor is worn."""

from __future__ import annotations

from enum import Enum


class BodyLocation(Enum):
    """Where the sensor is worn (Heart Rate Service 1.0, 3.2)."""

    OTHER = 0
    CHEST = 1
    WRIST = 2
    FINGER = 3
    HAND = 4
    EAR_LOBE = 5
    FOOT = 6

    @classmethod
    def from_bytes(cls, data: bytes) -> BodyLocation | None:
        """Read the location; ``None`` for one that is unknown. Never raises.

        >>> BodyLocation.from_bytes(bytes([1])).word
        'chest'
        """
        return _BY_VALUE.get(data[0]) if data else None

    def __bytes__(self) -> bytes:
        return bytes([self.value])

    @property
    def word(self) -> str:
        """The location as a word for people and recordings: ``"ear lobe"``."""
        return self.name.lower().replace("_", " ")


_BY_VALUE: dict[int, BodyLocation] = {place.value: place for place in BodyLocation}
