"""The format's promises: topics, schemas, names without serials."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from biofeedback import recording
from biofeedback.errors import RecordingError
from biofeedback.model import (
    AnyEvent,
    AnyRecord,
    Entry,
    LinkChange,
    LinkState,
    Notification,
    SessionInfo,
    Signal,
    Strap,
)
from biofeedback.recording import format as layout
from biofeedback.recording import metadata
from biofeedback.recording.names import without_serial
from tests.recording.samples import EVERY_RECORD, INFO


def test_every_record_type_has_a_topic_and_every_topic_one_meaning() -> None:
    assert {type(r) for r in EVERY_RECORD} == set(get_args(AnyRecord))
    channels = [layout.channel_of(r) for r in EVERY_RECORD]
    channels += layout.MESSAGE_CHANNELS.values()
    channels += [
        layout.samples_channel(signal, source)
        for signal in Signal
        for source in ("strap", "a/b")
    ]
    topics = [(c.topic, c.encoding) for c in channels]
    assert len(set(topics)) == len(set(channels))


def test_every_live_message_has_a_topic() -> None:
    """JSON has one for each kind; samples are bytes, with one for each signal."""
    kinds = {event.__struct_config__.tag for event in get_args(AnyEvent)}
    assert {*layout.MESSAGE_CHANNELS, layout.SAMPLES_KIND} == kinds
    assert layout.SAMPLES_KIND not in layout.MESSAGE_CHANNELS
    for signal in Signal:
        channel = layout.samples_channel(signal, "strap")
        assert channel.topic == f"/{signal}/strap"
        assert channel.role is layout.Role.DERIVED
        assert channel == layout.Channel.from_mcap(
            channel.topic, channel.encoding, channel.metadata()
        )


@pytest.mark.parametrize("record", EVERY_RECORD, ids=lambda r: type(r).__name__)
def test_a_record_comes_back_as_it_went(record: AnyRecord) -> None:
    channel = layout.channel_of(record)
    stored = layout.Stored(
        sequence=1, channel=channel, t_ns=record.t_ns, data=layout.encode(record)
    )
    assert layout.decode(stored) == record
    assert channel == layout.Channel.from_mcap(
        channel.topic, channel.encoding, channel.metadata()
    )
    announcement = layout.topic_metadata(3, channel)
    assert layout.announced(announcement) == (3, channel)


def test_a_payload_that_contradicts_its_envelope_is_refused() -> None:
    record = EVERY_RECORD[0]
    stored = layout.Stored(
        sequence=7,
        channel=layout.channel_of(record),
        t_ns=99,
        data=layout.encode(record),
    )
    with pytest.raises(RecordingError, match="Record 7 on /config contradicts"):
        layout.decode(stored)


def test_schemas_describe_what_is_written() -> None:
    tick = msgspec.json.decode(layout.schema_json("Tick"))
    assert tick == {"title": "Tick", "type": "object"}
    config = msgspec.json.decode(layout.schema_json("Config"))
    assert {"record", "t_ns", "algorithm"} <= set(config["$defs"]["Config"]["required"])
    beat = msgspec.json.decode(layout.schema_json("BeatEvent"))
    own = beat["$defs"]["BeatEvent"]
    assert own["properties"]["kind"] == {"enum": ["beat"]}
    assert {"v", "seq", "kind", "rr_ms"} <= set(own["required"])


@pytest.mark.parametrize(
    ("advertised", "kept"),
    [
        ("Polar H10 1A2B3C4D", "Polar H10"),
        ("Anna's H10", "H10"),
        ("12345678-ABCD-4234-ABCD-1234567890AB", "strap"),
        ("Polar H9 A1B2C32E", "Polar H9"),
        ("HRM-Dual:123456", "HRM-Dual"),
        ("TICKR 12AB", "TICKR"),
        ("Movesense 174630000192", "Movesense"),
        ("COOSPO H808S 0012345", "COOSPO H808S"),
        ("AA:BB:CC:DD:EE:FF", "strap"),
        ("1A2B3C4D", "strap"),
        ("Polar H10", "Polar H10"),
        ("Forerunner 945", "Forerunner 945"),
        ("Simulated strap", "Simulated strap"),
        ("", "strap"),
    ],
)
def test_a_serial_number_is_no_part_of_a_name(advertised: str, kept: str) -> None:
    assert without_serial(advertised) == kept


def test_as_stored_is_what_a_replay_reads() -> None:
    link = LinkChange(
        t_ns=1,
        source="strap",
        state=LinkState.STREAMING,
        strap=Strap(name="Polar H10 1A2B3C4D"),
    )
    stored = layout.as_stored(link)
    assert stored.strap is not None
    assert stored.strap.name == "Polar H10"
    # JSON knows no difference between 4 and 4.0; the encoder of messages does.
    whole = Entry(t_ns=1, id="a", type="arousal", by="patient", value=4)
    assert msgspec.json.encode(layout.as_stored(whole).value) == b"4.0"
    raw = Notification(t_ns=1, source="strap", characteristic="2a37", data=b"\xff")
    assert layout.as_stored(raw) is raw


def test_session_metadata_come_back() -> None:
    info = SessionInfo(
        id="null",
        started_at_utc_ns=2**62,
        person="7",
        plan="true",
        source="replay",
        simulated=True,
        strap_name="Polar H10",
        software="0",
        replay_of="null",
        speed=0.25,
    )
    for each in (info, INFO):
        pairs = metadata.session_metadata(each, {"posture": "sitting"})
        assert metadata.session_info(pairs) == each
        practice = metadata.practice_of(pairs)
        assert practice["posture"] == "sitting"
        assert practice["breathing_control"] == "unknown"


def test_a_seal_notices_a_changed_character() -> None:
    sealed = metadata.sealed({"person": "P001"})
    assert metadata.unsealed(sealed) == {"person": "P001"}
    for broken in ({**sealed, "person": "P002"}, {"person": "P001"}):
        with pytest.raises(ValueError, match="checksum"):
            metadata.unsealed(broken)


def test_no_module_uses_a_reader_that_forgets_checksums() -> None:
    package = Path(recording.__file__).parents[1]
    files = list(package.rglob("*.py"))
    imported: set[str] = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module)
                imported |= {f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
    assert "mcap.writer" in imported
    assert not imported & {"mcap.reader", "mcap.stream_reader"}
