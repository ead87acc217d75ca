"""Metadata records: what is known of a sitting, and the checksum they lack in MCAP."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import msgspec

from biofeedback.model import SessionInfo
from biofeedback.recording.names import without_serial

UNKNOWN_PRACTICE: dict[str, str] = {
    "inhale_exhale": "unknown",
    "breathing_control": "unknown",
    "posture": "unknown",
    "protocol": "unknown",
    "site": "unknown",
    "operator_role": "unknown",
}
"""What most published studies forget to write down; say so where it is unknown."""


def session_metadata(info: SessionInfo, practice: Mapping[str, str]) -> dict[str, str]:
    """Return the ``session`` record: what is known of the sitting, as strings.

    Unknown fields of ``info`` are left out; ``practice`` adds to
    :data:`UNKNOWN_PRACTICE`, prefixed with ``practice.``.
    """
    safe = msgspec.structs.replace(info, strap_name=without_serial(info.strap_name))
    fields = {
        key: value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for key, value in msgspec.structs.asdict(safe).items()
        if value is not None
    }
    known = UNKNOWN_PRACTICE | dict(practice)
    return fields | {f"practice.{key}": value for key, value in known.items()}


def session_info(metadata: Mapping[str, str]) -> SessionInfo:
    """Return the :class:`SessionInfo` that :func:`session_metadata` wrote."""
    return msgspec.convert(dict(metadata), SessionInfo, strict=False)


def practice_of(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the practice's part of the ``session`` record."""
    prefix = "practice."
    return {
        key.removeprefix(prefix): value
        for key, value in metadata.items()
        if key.startswith(prefix)
    }


def sealed(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return ``metadata`` with a checksum: MCAP itself gives metadata none."""
    return {**metadata, "crc32": _crc32(metadata)}


def unsealed(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return ``metadata`` without its checksum.

    Raises
    ------
    ValueError
        When the checksum is absent or wrong.
    """
    plain = {key: value for key, value in metadata.items() if key != "crc32"}
    if metadata.get("crc32") != _crc32(plain):
        raise ValueError("the metadata does not match its checksum")
    return plain


def _crc32(metadata: Mapping[str, str]) -> str:
    return f"{zlib.crc32(msgspec.json.encode(sorted(metadata.items()))):08x}"
