"""Device Information Service, 0x180A: what a strap says of itself, as text."""

from __future__ import annotations

from collections.abc import Mapping

from biofeedback.model import Value
from biofeedback.wire import uuids

_UUIDS: dict[str, str] = {
    "manufacturer": uuids.MANUFACTURER_NAME,
    "model": uuids.MODEL_NUMBER,
    "serial": uuids.SERIAL_NUMBER,
    "hardware": uuids.HARDWARE_REVISION,
    "firmware": uuids.FIRMWARE_REVISION,
    "software": uuids.SOFTWARE_REVISION,
}

CHARACTERISTICS: tuple[str, ...] = tuple(_UUIDS.values())
"""What to read; each is optional."""


class DeviceInformation(Value, frozen=True, kw_only=True):
    """The strings of the service; ``None`` for what the strap does not tell.

    The serial number names one strap for good, so it stays on this machine: it is
    for recognising a strap, never for a recording.
    """

    manufacturer: str | None = None
    model: str | None = None
    serial: str | None = None
    hardware: str | None = None
    firmware: str | None = None
    software: str | None = None

    @classmethod
    def from_bytes(cls, values: Mapping[str, bytes]) -> DeviceInformation:
        """Read what was found, keyed by 16-bit UUID. Never raises."""
        return cls(
            **{
                field: text(values[short])
                for field, short in _UUIDS.items()
                if short in values
            }
        )

    def to_bytes(self) -> dict[str, bytes]:
        """Write each string that is known, keyed by 16-bit UUID."""
        return {
            short: value.encode()
            for field, short in _UUIDS.items()
            if (value := getattr(self, field)) is not None
        }


def text(data: bytes) -> str | None:
    """Read a string as straps send them, or ``None`` when nothing is left.

    Straps pad with NULs or blanks, and some send bytes that are not UTF-8: those
    show as replacement characters.

    >>> text(b"H10" + bytes(3))
    'H10'
    """
    decoded = data.decode(errors="replace").strip("\0").split("\0")[0]
    return "".join(filter(str.isprintable, decoded)).strip() or None
