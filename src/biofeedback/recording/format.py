"""The recording's format, profile ``biofeedback/1``: topics, roles and payloads.

Every field is explained in ``recordings/README.md``. In one sentence: inputs are what
entered the core, numbered in the order of processing; derived and output messages are
what was sent live, byte for byte, so that a replay can be compared with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import TypeVar, cast

import msgspec

from biofeedback.errors import RecordingError
from biofeedback.model import (
    AdaptCommand,
    AnyRecord,
    BeatEvent,
    ClockReading,
    Config,
    Entry,
    EntryEvent,
    Event,
    HeartEvent,
    LinkChange,
    LinkEvent,
    MetricsEvent,
    Notification,
    PacerCommand,
    PacerEvent,
    RefereeEvent,
    RefereeReport,
    RestatedEvent,
    SamplesEvent,
    Signal,
    SignalsCommand,
    SignalsEvent,
    Tick,
    Value,
)
from biofeedback.recording.names import without_serial

PROFILE = "biofeedback/1"
RAW_ENCODING = "x-ble-notification"
JSON_ENCODING = "json"
SAMPLES_ENCODING = "x-biofeedback-samples"
SCHEMA_ENCODING = "jsonschema"

FIRST_SEQUENCE = 1
"""Inputs and messages share one count, which begins here and rises by one."""

MAX_PAYLOAD_BYTES = 1 << 20
"""No single record is larger (a notification has at most 512 bytes)."""

MAX_FRAME_BYTES = 16 << 20
"""No MCAP record is larger: a reader never allocates more for one."""


class Role(StrEnum):
    """What a channel is for: only inputs are fed to a replay."""

    INPUT = "input"
    DERIVED = "derived"
    OUTPUT = "output"


class Channel(Value, frozen=True):
    """One topic of a recording.

    ``type`` names the type of JSON payloads (empty: bytes), ``kind`` the live
    message, ``source`` and ``characteristic`` the origin of bytes.
    """

    topic: str
    role: Role
    encoding: str
    type: str = ""
    kind: str = ""
    source: str = ""
    characteristic: str = ""

    def metadata(self) -> dict[str, str]:
        """Return what MCAP stores beside the topic."""
        pairs = {
            "role": str(self.role),
            "type": self.type,
            "kind": self.kind,
            "source": self.source,
            "characteristic": self.characteristic,
        }
        return {key: value for key, value in pairs.items() if value}

    @staticmethod
    def from_mcap(topic: str, encoding: str, metadata: Mapping[str, str]) -> Channel:
        """Return the channel that :meth:`metadata` described.

        Raises
        ------
        ValueError
            When its role is none of ours.
        """
        return Channel(
            topic=topic,
            role=Role(metadata.get("role", "")),
            encoding=encoding,
            type=metadata.get("type", ""),
            kind=metadata.get("kind", ""),
            source=metadata.get("source", ""),
            characteristic=metadata.get("characteristic", ""),
        )


class Stored(Value, frozen=True):
    """One numbered entry of a recording: an input, or a message that was sent."""

    sequence: int
    channel: Channel
    t_ns: int
    data: bytes


_MESSAGES: tuple[tuple[type[Event], str, Role], ...] = (
    (HeartEvent, "/hr", Role.DERIVED),
    (BeatEvent, "/beat", Role.DERIVED),
    (MetricsEvent, "/metrics", Role.OUTPUT),
    (RestatedEvent, "/metrics/restated", Role.OUTPUT),
    (LinkEvent, "/link", Role.OUTPUT),
    (PacerEvent, "/pacer", Role.OUTPUT),
    (SignalsEvent, "/signals", Role.OUTPUT),
    (EntryEvent, "/event", Role.OUTPUT),
    (RefereeEvent, "/referee/live", Role.OUTPUT),
)
_EVENTS: dict[str, type[Event]] = {t.__name__: t for t, _, _ in _MESSAGES}

MESSAGE_CHANNELS: dict[str, Channel] = {
    cast(str, event.__struct_config__.tag): Channel(
        topic=topic,
        role=role,
        encoding=JSON_ENCODING,
        type=event.__name__,
        kind=cast(str, event.__struct_config__.tag),
    )
    for event, topic, role in _MESSAGES
}
"""Where each kind of live message is kept; samples have :func:`samples_channel`."""

SAMPLES_KIND = cast(str, SamplesEvent.__struct_config__.tag)

_INPUT_TOPICS: dict[type[AnyRecord], str] = {
    Tick: "/tick",
    Entry: "/ui/event",
    PacerCommand: "/pacer/command",
    AdaptCommand: "/pacer/adaptive",
    SignalsCommand: "/signals/command",
    Config: "/config",
    RefereeReport: "/referee",
    ClockReading: "/clock",
}
_RECORDS: dict[str, type[AnyRecord]] = {
    t.__name__: t for t in (*_INPUT_TOPICS, LinkChange)
}

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyRecord] = msgspec.json.Decoder(AnyRecord)


def channel_of(record: AnyRecord) -> Channel:
    """Return where ``record`` is kept."""
    if isinstance(record, Notification):
        return _notification_channel(record.source, record.characteristic)
    if isinstance(record, LinkChange):
        return _link_channel(record.source)
    return _plain_channel(type(record))


@cache
def _notification_channel(source: str, characteristic: str) -> Channel:
    return Channel(
        topic=f"/ble/{source}/{characteristic}",
        role=Role.INPUT,
        encoding=RAW_ENCODING,
        source=source,
        characteristic=characteristic,
    )


@cache
def _link_channel(source: str) -> Channel:
    return Channel(
        topic=f"/ble/{source}/link",
        role=Role.INPUT,
        encoding=JSON_ENCODING,
        type=LinkChange.__name__,
        source=source,
    )


@cache
def _plain_channel(record: type[AnyRecord]) -> Channel:
    return Channel(
        topic=_INPUT_TOPICS[record],
        role=Role.INPUT,
        encoding=JSON_ENCODING,
        type=record.__name__,
    )


@cache
def samples_channel(signal: Signal, source: str) -> Channel:
    """Return where the samples of one signal of one device are kept."""
    return Channel(
        topic=f"/{signal}/{source}",
        role=Role.DERIVED,
        encoding=SAMPLES_ENCODING,
        kind=SAMPLES_KIND,
        source=source,
    )


def encode(record: AnyRecord) -> bytes:
    """Return the payload: a notification's own bytes, or JSON; a tick has none."""
    match record:
        case Notification():
            return record.data
        case Tick():
            return b"{}"  # its time says it all
        case _:
            return _encoder.encode(record)


def decode(stored: Stored) -> AnyRecord:
    """Return the record that :func:`encode` wrote.

    Raises
    ------
    RecordingError
        When the payload is not what its topic promises.
    """
    channel = stored.channel
    if channel.encoding == RAW_ENCODING:
        return Notification(
            t_ns=stored.t_ns,
            source=channel.source,
            characteristic=channel.characteristic,
            data=stored.data,
        )
    if channel.type == Tick.__name__ and stored.data == b"{}":
        return Tick(t_ns=stored.t_ns)
    try:
        record = _decoder.decode(stored.data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RecordingError(
            f"Record {stored.sequence} on {channel.topic} cannot be understood "
            f"({error}).",
            "It may come from a newer version: update this program and try again.",
        ) from error
    if record.t_ns != stored.t_ns or type(record).__name__ != channel.type:
        raise RecordingError(
            f"Record {stored.sequence} on {channel.topic} contradicts itself.",
            "The program that wrote this file made a mistake; do not trust it.",
        )
    return record


_R = TypeVar("_R", bound=AnyRecord)


def as_stored(record: _R) -> _R:
    """Return ``record`` exactly as a replay will read it.

    Feed this one to the pipeline, so that live and replay cannot differ: a whole
    number in a field of type float comes back as a float, NaN as ``None``, and a
    strap's name has lost its serial number.
    """
    if isinstance(record, Notification | Tick):
        return record
    if isinstance(record, LinkChange) and record.strap is not None:
        name = without_serial(record.strap.name)
        strap = msgspec.structs.replace(record.strap, name=name)
        record = msgspec.structs.replace(record, strap=strap)
    return cast(_R, _decoder.decode(_encoder.encode(record)))


def has_schema(name: str) -> bool:
    """Say whether payloads of this type are known here; a newer version has more."""
    return name == Tick.__name__ or name in _RECORDS or name in _EVENTS


@cache
def schema_json(name: str) -> bytes:
    """Return the JSON schema of a payload type, by the name of the type."""
    if name == Tick.__name__:
        return _encoder.encode({"title": name, "type": "object"})
    if name in _RECORDS:
        return _encoder.encode(msgspec.json.schema(_RECORDS[name]))
    schema = msgspec.json.schema(_EVENTS[name])
    own = schema["$defs"][name]
    own["properties"] |= {"v": {"const": 1}, "seq": {"type": "integer"}}
    own["required"] = ["v", "seq", *own["required"]]
    return _encoder.encode(schema)


def topic_metadata(number: int, channel: Channel) -> dict[str, str]:
    """Return the ``topic`` record that announces ``channel`` outside the chunks."""
    envelope = {"channel": str(number), "topic": channel.topic}
    return envelope | {"encoding": channel.encoding} | channel.metadata()


def announced(metadata: Mapping[str, str]) -> tuple[int, Channel]:
    """Return what :func:`topic_metadata` announced, or raise ``ValueError``."""
    if missing := {"channel", "topic", "encoding"} - metadata.keys():
        raise ValueError(f"no {missing} in a topic")
    channel = Channel.from_mcap(metadata["topic"], metadata["encoding"], metadata)
    return int(metadata["channel"]), channel
