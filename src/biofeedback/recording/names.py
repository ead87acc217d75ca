"""Names of straps without what points to a person."""

from __future__ import annotations

import re

# "Polar H10 1A2B3C4D", "HRM-Dual:123456", "TICKR 12AB": the last word is the unit's
# own number. Shorter ones and words without a digit name the model ("H10", "945").
_SERIAL = re.compile(
    r"(?:[\s:_#-]+|^)"
    r"(?:(?=[0-9a-f]*[0-9])[0-9a-f]{4,}|[0-9a-f]{8,}|(?:[0-9a-f]{2}:){5}[0-9a-f]{2})"
    r"\s*$",
    re.IGNORECASE,
)

# "12345678-ABCD-4234-ABCD-1234567890AB", as macOS names a device.
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

# "Anna's H10", as people name a device.
_OWNER = re.compile(r"^.*?['’]s?\s+", re.IGNORECASE)


def without_serial(name: str) -> str:
    """Return a strap's advertised name without its number and without its owner.

    Both point to a person, so they never enter a recording.
    """
    name = _OWNER.sub("", _UUID.sub("", name)).strip()
    while name != (shorter := _SERIAL.sub("", name)):
        name = shorter
    return name or "strap"
