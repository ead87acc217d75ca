"""The gate: whatever a message holds, what is not allowed stays inside."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofeedback.model import AnyEvent, Entry, EntryEvent, SamplesEvent, Signal
from biofeedback.practice.ratings import SCALES
from biofeedback.report.identity import Identity
from biofeedback.report.marks import mark_of
from biofeedback.service import gate
from biofeedback.service.gate import EVENT_FIELDS, FIELDS, frame_passes, passed
from biofeedback.service.room_state import MARKS, ROOM_TYPES
from biofeedback.store import Stream

ALL = frozenset(Stream)
HEAD: Mapping[str, Any] = {"v": 1, "seq": 7, "t_ms": 1500.0}

allowed = st.frozensets(st.sampled_from(Stream))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner)
    ),
    max_leaves=6,
)
owner = {
    (kind, name): stream
    for kind, fields in FIELDS.items()
    for stream, names in fields.items()
    for name in names
}
names = st.sampled_from(sorted({name for _, name in owner} | EVENT_FIELDS | {"new"}))
kinds = st.sampled_from([*FIELDS, "event", "samples", "replay", "tomorrow", "hello"])


def text_of(kind: str, fields: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode({**fields, **HEAD, "kind": kind})


def fields_of(data: bytes | None) -> dict[str, Any]:
    message = {} if data is None else msgspec.json.decode(data)
    return {name: value for name, value in message.items() if name not in gate.ENVELOPE}


@given(kinds, st.dictionaries(names | st.text(max_size=6), values), allowed)
def test_a_withheld_field_never_gets_out(
    kind: str, fields: dict[str, Any], allowed: frozenset[Stream]
) -> None:
    data = text_of(kind, fields)
    out = passed(kind, data, allowed)
    for name in fields_of(out):
        if kind == "event":
            assert gate.streams_of_event(msgspec.json.decode(data)) <= allowed
            assert name in EVENT_FIELDS
        else:
            assert owner[kind, name] in allowed
    if out is not None:  # what got out is as it was
        was = fields_of(data)
        assert all(was[name] == value for name, value in fields_of(out).items())


@given(kinds, st.dictionaries(names, values), allowed)
def test_what_may_go_goes_and_is_not_made_anew(
    kind: str, fields: dict[str, Any], allowed: frozenset[Stream]
) -> None:
    data = text_of(kind, fields)
    out = passed(kind, data, allowed)
    if kind != "event":
        may = {n for n in fields if owner.get((kind, n)) in allowed}
        assert set(fields_of(out)) == may - gate.ENVELOPE
    if out is not None and fields_of(out).keys() == fields_of(data).keys():
        assert out is data


@given(st.binary(max_size=40) | values.map(msgspec.json.encode), kinds, allowed)
def test_what_is_no_message_stays_inside(
    data: bytes, kind: str, allowed: frozenset[Stream]
) -> None:
    assert passed(kind, data, allowed) is None


@given(st.dictionaries(names, values), allowed)
def test_a_message_under_another_name_stays_inside(
    fields: dict[str, Any], allowed: frozenset[Stream]
) -> None:
    assert passed("heart", text_of("beat", fields), allowed) is None


entries = st.fixed_dictionaries(
    {
        "id": st.text(max_size=4),
        "type": st.sampled_from(
            [*SCALES, *MARKS, *ROOM_TYPES, "phase", "thought", "symptom", "adapt"]
        ),
        "by": st.sampled_from(["person", "program", "system", "T-7Q2M9K", "Dr. Kim"]),
        "value": st.none() | st.floats(0, 9),
        "unit": st.sampled_from([None, "min", "nrs_0_10", "I feel sad"]),
        "text": st.sampled_from([None, "practice", "a/b", "I hurt so much", "dizzy"]),
        "moment": st.sampled_from([None, "before", "in the night"]),
    }
)


@given(entries, allowed)
def test_what_a_person_wrote_needs_consent_to_notes(
    entry: dict[str, Any], allowed: frozenset[Stream]
) -> None:
    out = fields_of(passed("event", text_of("event", entry), allowed - {Stream.NOTES}))
    room = entry["type"] in ROOM_TYPES
    mark = entry["type"] in MARKS and entry["by"] == "T-7Q2M9K"
    if not room and not mark:
        assert "I hurt so much" not in out.values()
        if entry["type"] not in SCALES:
            assert "I feel sad" not in out.values()
            assert "in the night" not in out.values()


@given(entries, allowed)
def test_the_room_s_own_events_always_pass(
    entry: dict[str, Any], allowed: frozenset[Stream]
) -> None:
    for type in ROOM_TYPES - {"message"}:
        data = text_of("event", {**entry, "type": type})
        assert passed("event", data, allowed) is data


@given(entries, allowed, st.sampled_from([None, "T-7Q2M9K", "T-000000"]))
def test_what_another_therapist_wrote_needs_consent_to_notes(
    entry: dict[str, Any], allowed: frozenset[Stream], reader: str | None
) -> None:
    entry = {**entry, "by": "T-7Q2M9K"}
    identity = Identity(who="", session="", first_utc_ns=0, reader=reader)
    for type in MARKS | {"message"}:
        data = text_of("event", {**entry, "type": type})
        out = passed("event", data, allowed, reader=reader)
        told = fields_of(out)
        assert {"type", "by", "id"} <= told.keys(), "that it was is always told"
        if reader == "T-7Q2M9K" or Stream.NOTES in allowed or entry["text"] is None:
            assert out is data
        else:
            assert fields_of(data).keys() - told.keys() == {"text"}
            written = Entry(t_ns=0, id="", type=type, by=entry["by"], text="as it was")
            assert mark_of(written, allowed, identity).text is None, "as in a report"


def test_every_field_of_every_message_belongs_somewhere() -> None:
    """A new field or kind must be given to a stream, or nobody ever gets it."""
    for event in typing.get_args(AnyEvent):
        if event is SamplesEvent:
            continue
        own = {field.encode_name for field in msgspec.structs.fields(event)}
        if event is EntryEvent:
            assert own - {"t_ms"} == EVENT_FIELDS
            continue
        kind = str(event.__struct_config__.tag)
        known = [name for names in FIELDS[kind].values() for name in names]
        assert sorted(known) == sorted(own - {"t_ms"}), kind


@pytest.mark.parametrize(
    ("type", "by", "text", "needs"),
    [
        ("arousal", "person", None, {Stream.RATINGS}),
        ("arousal", "person", "so sad", {Stream.RATINGS, Stream.NOTES}),
        ("phase", "person", "practice", {Stream.BREATHING}),
        ("phase", "person", None, {Stream.BREATHING}),
        ("phase", "person", "I feel sad today", {Stream.NOTES}),
        ("thought", "person", "calm", {Stream.NOTES}),
        ("symptom", "person", "dizzy", {Stream.NOTES}),
        ("talking", "person", "x", {Stream.NOTES}),
        ("talking", "T-7Q2M9K", "x", set()),
        ("hand", "person", "up", set()),
        ("adapt", "system", "{}", {Stream.HEART, Stream.BREATHING}),
        ("adapt", "person", "{}", {Stream.NOTES}),
        ("records_lost", "system", "3 were lost", {Stream.HEART}),
        ("records_lost", "person", "3 were lost", {Stream.NOTES}),
        ("tomorrow", "system", "x", {Stream.NOTES}),
    ],
)
def test_what_an_event_needs(
    type: str, by: str, text: str | None, needs: set[Stream]
) -> None:
    event = {"type": type, "by": by, "text": text}
    assert gate.streams_of_event(event) == needs


@given(allowed)
def test_frames_need_the_heart_and_movement_the_breath_too(
    allowed: frozenset[Stream],
) -> None:
    assert frame_passes(Signal.ECG, allowed) == (Stream.HEART in allowed)
    both = {Stream.HEART, Stream.BREATHING} <= allowed
    assert frame_passes(Signal.ACC, allowed) == both
    assert not frame_passes(None, allowed)
    assert not frame_passes(Signal.PPI, ALL), "it has no frames"
