"""What travels from a home to a clinic: pieces of a recording, and how it ended.

A parcel holds entries of one recording as they lie on the home's disk: sequence,
topic, time and bytes, inputs and messages alike. Its id follows from what is in it, so
that the same entries are the same parcel, however often they are sent.

On its way a parcel is MessagePack, compressed; a topic is spelled out once in each.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TypeAlias

import msgspec
import zstandard

from biofeedback.model import SessionInfo, Value
from biofeedback.recording.format import MAX_PAYLOAD_BYTES, Channel, Stored

PARCEL_BYTES = 128 << 10
"""Entries are gathered up to so many bytes; one that is larger travels alone."""

MOST_BYTES = 2 * MAX_PAYLOAD_BYTES + PARCEL_BYTES
"""No parcel unpacks to more."""


class Begun(Value, frozen=True, tag_field="kind", tag="begun"):
    """A recording began at a home; said again whenever the sending begins anew.

    ``consent`` is the id of the copy consent under which it travels, here as in the
    other kinds. ``metadata`` are the pairs of the recording's ``session`` record,
    ``software`` and ``recovery`` those of the records of these names, where it has them
    by now. What the person is called at home stays there: ``person`` is empty.
    """

    session: str
    consent: str
    info: SessionInfo
    metadata: dict[str, str]
    software: Mapping[str, str] = {}
    recovery: dict[str, str] | None = None


class Entries(Value, frozen=True, tag_field="kind", tag="entries"):
    """Entries in a row, by sequence.

    ``after`` is the sequence before the first of them in the recording: where
    something was lost at home, numbers are missing between the two.
    """

    session: str
    consent: str
    after: int
    entries: tuple[Stored, ...]


class Ended(Value, frozen=True, tag_field="kind", tag="ended"):
    """A recording has ended: its last sequence, and the hash of all its entries.

    ``content_sha256``, ``last`` and ``missing`` are those of
    :meth:`~biofeedback.recording.reader.Recording.survey`.
    """

    session: str
    consent: str
    last: int
    content_sha256: str
    missing: tuple[tuple[int, int], ...] = ()
    recovery: dict[str, str] | None = None


Parcel: TypeAlias = Begun | Entries | Ended


class _Packed(msgspec.Struct, frozen=True, array_like=True, tag="packed"):
    # Entries, with the topics beside them: (topic, sequence, time, bytes) each.
    session: str
    consent: str
    after: int
    channels: tuple[Channel, ...]
    entries: tuple[tuple[int, int, int, bytes], ...]


class _Whole(msgspec.Struct, frozen=True, array_like=True, tag="whole"):
    parcel: Begun | Ended


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[_Packed | _Whole] = msgspec.msgpack.Decoder(
    _Packed | _Whole
)


class _Zstd(threading.local):
    # To make one costs more than to use it; two threads may not use the same.
    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor()
        self.decompressor = zstandard.ZstdDecompressor()


_zstd = _Zstd()


def encode(parcel: Parcel) -> bytes:
    """Return the parcel as it travels."""
    wire = _packed(parcel) if isinstance(parcel, Entries) else _Whole(parcel)
    return _zstd.compressor.compress(_encoder.encode(wire))


def decode(data: bytes) -> Parcel:
    """Return the parcel that :func:`encode` wrote.

    Raises
    ------
    ValueError
        When it is none.
    """
    try:
        size = zstandard.frame_content_size(data)
        if not 0 <= size <= MOST_BYTES:
            raise ValueError(f"a parcel of {size} bytes is none of ours")
        plain = _zstd.decompressor.decompress(data)
    except zstandard.ZstdError as error:
        raise ValueError("a parcel does not unpack") from error
    wire = _decoder.decode(plain)
    return _unpacked(wire) if isinstance(wire, _Packed) else wire.parcel


def id_of(parcel: Parcel, *, sending: str) -> str:
    """Return the id of a parcel in one sending (``sending`` is new after a restart)."""
    match parcel:
        case Begun():
            return f"{parcel.session}:begun:{sending}"
        case Entries(entries=entries):
            first, last = entries[0].sequence, entries[-1].sequence
            return f"{parcel.session}:{first}-{last}:{sending}"
        case Ended():
            return f"{parcel.session}:ended:{parcel.last}:{sending}"


def _packed(parcel: Entries) -> _Packed:
    channels: dict[Channel, int] = {}
    entries = tuple(
        (
            channels.setdefault(entry.channel, len(channels)),
            entry.sequence,
            entry.t_ns,
            entry.data,
        )
        for entry in parcel.entries
    )
    return _Packed(
        session=parcel.session,
        consent=parcel.consent,
        after=parcel.after,
        channels=tuple(channels),
        entries=entries,
    )


def _unpacked(packed: _Packed) -> Entries:
    if not packed.entries or not all(
        0 <= number < len(packed.channels) for number, *_ in packed.entries
    ):
        raise ValueError("a parcel contradicts itself")
    return Entries(
        session=packed.session,
        consent=packed.consent,
        after=packed.after,
        entries=tuple(
            Stored(
                sequence=sequence, channel=packed.channels[number], t_ns=t_ns, data=data
            )
            for number, sequence, t_ns, data in packed.entries
        ),
    )
