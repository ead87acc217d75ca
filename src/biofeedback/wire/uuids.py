"""The 16-bit UUIDs of Bluetooth that a chest strap uses.

Inside, a characteristic is called by its four hex digits in lower case (``"2a37"``);
the radio wants the full form, built on the Bluetooth base UUID (Core Specification,
Vol 3, Part B, 2.5.1).
"""

from __future__ import annotations

HEART_RATE_SERVICE = "180d"
HEART_RATE_MEASUREMENT = "2a37"
BODY_SENSOR_LOCATION = "2a38"
HEART_RATE_CONTROL_POINT = "2a39"

BATTERY_SERVICE = "180f"
BATTERY_LEVEL = "2a19"

DEVICE_INFORMATION_SERVICE = "180a"
MODEL_NUMBER = "2a24"
SERIAL_NUMBER = "2a25"
FIRMWARE_REVISION = "2a26"
HARDWARE_REVISION = "2a27"
SOFTWARE_REVISION = "2a28"
MANUFACTURER_NAME = "2a29"

_HEAD = "0000"
_BASE = "-0000-1000-8000-00805f9b34fb"


def to_uuid128(short: str) -> str:
    """Return the full form of a 16-bit UUID.

    >>> to_uuid128("2A37")
    '00002a37-0000-1000-8000-00805f9b34fb'

    Raises
    ------
    ValueError
        If ``short`` is not four hex digits.
    """
    if len(short) != 4:
        raise ValueError(f"a 16-bit UUID has four hex digits, unlike {short!r}")
    int(short, 16)
    return f"{_HEAD}{short.lower()}{_BASE}"


def to_uuid16(uuid: str) -> str | None:
    """Return the four hex digits of a UUID, or ``None`` if it is no 16-bit one.

    >>> to_uuid16("00002A37-0000-1000-8000-00805F9B34FB")
    '2a37'
    """
    uuid = uuid.lower()
    if len(uuid) == 4:
        return uuid
    if len(uuid) == 36 and uuid.startswith(_HEAD) and uuid.endswith(_BASE):
        return uuid[4:8]
    return None
