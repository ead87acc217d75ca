"""What a page that is a radio sends: changes of its link, and notifications."""

from __future__ import annotations

import math
import struct
from typing import Annotated, Literal, TypeAlias

import msgspec

from biofeedback.model import LinkReason, LinkStep, Value
from biofeedback.wire import uuids

FRAME_VERSION = 1
HEAD = struct.Struct("<BBId")
"""Version, code of the characteristic, number, age in ms; the bytes follow."""

LONGEST_VALUE = 512
"""Bytes in one notification: no attribute is longer (Core, Vol 3, Part F, 3.2.9)."""

CODES: dict[int, str] = {
    1: uuids.HEART_RATE_MEASUREMENT,
    2: uuids.BATTERY_LEVEL,
    3: uuids.PMD_CONTROL_POINT,
    4: uuids.PMD_DATA,
    5: uuids.PMD_WRITTEN,
}

OLDEST_MS = 24 * 3_600_000

Words: TypeAlias = Annotated[str, msgspec.Meta(max_length=100)]
Number: TypeAlias = Annotated[int, msgspec.Meta(ge=1, lt=2**32)]
Age: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=OLDEST_MS)]


class Begin(msgspec.Struct, frozen=True, tag_field="kind", tag="begin"):
    """The first message: which stream of numbers this is."""

    stream: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{8,64}$")]


class Introduction(msgspec.Struct, frozen=True):
    """What the strap said of itself; its serial number is never asked for."""

    name: Words
    model: Words | None = None
    manufacturer: Words | None = None
    firmware: Words | None = None


class Told(msgspec.Struct, frozen=True, tag_field="kind", tag="link"):
    """The link changed; the words are those of the live messages."""

    n: Number
    age_ms: Age
    state: Literal["searching", "connecting", "streaming", "stale", "reconnecting"]
    step: LinkStep | None = None
    reason: LinkReason | None = None
    strap: Introduction | None = None


class Heard(Value, frozen=True):
    """A characteristic sent ``data``, ``age_ms`` before this left the page."""

    n: int
    age_ms: float
    characteristic: str
    data: bytes


_decoder: msgspec.json.Decoder[Begin | Told] = msgspec.json.Decoder(Begin | Told)


def decode(message: str | bytes) -> Begin | Told | Heard:
    """Return what a page sent: JSON text, or a notification as a binary frame.

    Raises
    ------
    msgspec.DecodeError
        When it is neither, or not filled in as it should be.
    """
    return _decoder.decode(message) if isinstance(message, str) else _frame(message)


def _frame(frame: bytes) -> Heard:
    if len(frame) < HEAD.size:
        raise msgspec.DecodeError(f"a frame has at least {HEAD.size} bytes")
    version, code, n, age_ms = HEAD.unpack_from(frame)
    if version != FRAME_VERSION:
        raise msgspec.DecodeError(f"frames of version {version} are not known here")
    if code not in CODES:
        raise msgspec.DecodeError(f"there is no characteristic with the code {code}")
    if n < 1 or not math.isfinite(age_ms) or not 0 <= age_ms <= OLDEST_MS:
        raise msgspec.DecodeError("a number is at least 1, and an age 0 ms to a day")
    if len(frame) - HEAD.size > LONGEST_VALUE:
        raise msgspec.DecodeError(f"a notification has at most {LONGEST_VALUE} bytes")
    return Heard(
        n=n, age_ms=age_ms, characteristic=CODES[code], data=frame[HEAD.size :]
    )
