"""Battery Level, 0x2A19: one byte, per cent."""

from __future__ import annotations

from biofeedback.model import Value


class BatteryLevel(Value, frozen=True, kw_only=True):
    """The charge left; ``None`` when the strap sent nothing or nonsense.

    ``pct`` above 100 is reserved by the specification (Battery Service 1.0, 3.1).
    """

    pct: int | None

    @classmethod
    def from_bytes(cls, data: bytes) -> BatteryLevel:
        """Read the level. Never raises.

        >>> BatteryLevel.from_bytes(bytes([80])).pct
        80
        """
        return cls(pct=data[0] if data and data[0] <= 100 else None)

    def __bytes__(self) -> bytes:
        """Write the level.

        Raises
        ------
        ValueError
            If there is none, or it is not between 0 and 100.
        """
        if self.pct is None or not 0 <= self.pct <= 100:
            raise ValueError(f"a battery level is 0 to 100 %, not {self.pct}")
        return bytes([self.pct])
