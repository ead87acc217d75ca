"""The UUIDs of Bluetooth that a chest strap uses, and their short names.

Inside, a characteristic is called by its four hex digits in lower case (``"2a37"``);
the radio wants the full form, built on the Bluetooth base UUID (Core Specification,
Vol 3, Part B, 2.5.1). Polar's own measurement service (PMD) has full UUIDs only
(polar-ble-sdk, ``technical_documentation/online_measurement.pdf``); they have names.
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

PMD_SERVICE = "pmd"
PMD_CONTROL_POINT = "pmd_cp"
PMD_DATA = "pmd_data"
PMD_WRITTEN = "pmd_cp_write"
"""Not a characteristic: the commands that we wrote to the control point."""

IMPORTED_BEATS = "imported_beats"
IMPORTED_SAMPLES = "imported_samples"
"""No characteristics either: what another program measured, in the layouts of
:mod:`~biofeedback.wire.imported` and :mod:`~biofeedback.wire.samples`."""

_NAMED = {
    PMD_SERVICE: "fb005c80-02e7-f387-1cad-8acd2d8df0c8",
    PMD_CONTROL_POINT: "fb005c81-02e7-f387-1cad-8acd2d8df0c8",
    PMD_DATA: "fb005c82-02e7-f387-1cad-8acd2d8df0c8",
}
_NAMES = {uuid: name for name, uuid in _NAMED.items()}

_HEAD = "0000"
_BASE = "-0000-1000-8000-00805f9b34fb"


def to_uuid128(short: str) -> str:
    """Return the full form of a 16-bit UUID, or of a name from above.

    >>> to_uuid128("2A37")
    '00002a37-0000-1000-8000-00805f9b34fb'

    Raises
    ------
    ValueError
        If ``short`` is neither four hex digits nor a name.
    """
    if short in _NAMED:
        return _NAMED[short]
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


def to_short(uuid: str) -> str | None:
    """Return four hex digits or a name from above, or ``None`` for any other UUID.

    >>> to_short("FB005C82-02E7-F387-1CAD-8ACD2D8DF0C8")
    'pmd_data'
    """
    return _NAMES.get(uuid.lower()) or to_uuid16(uuid)
