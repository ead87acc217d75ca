"""Names of straps without what points to a person."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

from biofeedback.recording import durable

KEY_NAME = "device.key"
KEY_BYTES = 32

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
    name = name.replace("\0", " ")  # some are padded with it
    name = _OWNER.sub("", _UUID.sub("", name)).strip()
    while name != (shorter := _SERIAL.sub("", name)):
        name = shorter
    return name or "strap"


def device_key(data: Path) -> bytes:
    """Return the key of a data folder, made when it is first asked for.

    Serial numbers are short: without a key whoever holds a hash could try them all.

    Raises
    ------
    OSError
        When it cannot be read or made, or is damaged.
    """
    path = data / KEY_NAME
    if not path.exists():
        new = path.with_name(f"{KEY_NAME}.{secrets.token_hex(4)}")
        durable.write_new(new, secrets.token_bytes(KEY_BYTES))
        try:
            os.link(new, path)  # whole, or not at all; and never over another one
        except FileExistsError:
            pass
        finally:
            new.unlink()
        durable.sync_folder(data)
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise OSError(f"{KEY_NAME} is damaged: {len(key)} bytes, not {KEY_BYTES}")
    return key


def device_hash(key: bytes, name: str) -> str:
    """Return what tells the strap of this name from others, and leads to none.

    >>> device_hash(b"k" * 32, "Polar H10 1A2B3C4D")
    '313666265ae4d7e4'
    """
    return hmac.new(key, name.encode(), hashlib.sha256).hexdigest()[:16]
