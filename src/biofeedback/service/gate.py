"""What of a live message may leave for somebody who is not the person.

Every field of every message belongs to a stream, or is not sent: what is not listed
here is withheld, so a field or a kind that is new tomorrow stays inside until somebody
says where it belongs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from biofeedback.model import Signal
from biofeedback.practice.ratings import SCALES
from biofeedback.recording.exporters.options import MARK
from biofeedback.service.room_state import MARKS, ROOM_TYPES, TAKEN_BACK
from biofeedback.store.rows import Stream

HEART, BREATHING = frozenset({Stream.HEART}), frozenset({Stream.BREATHING})
RATINGS, NOTES = frozenset({Stream.RATINGS}), frozenset({Stream.NOTES})
FREE: frozenset[Stream] = frozenset()
"""Of no stream: the room's own events tell nothing of the body."""

ENVELOPE = frozenset({"v", "seq", "t_ms", "kind"})

FIELDS: Mapping[str, Mapping[Stream, frozenset[str]]] = {
    "link": {
        Stream.HEART: frozenset(
            {"state", "step", "reason", "advice", "strap", "retry_in_ms"}
        )
    },
    "heart": {Stream.HEART: frozenset({"hr_bpm", "contact"})},
    "beat": {
        Stream.HEART: frozenset(
            {"index", "segment", "rr_ms", "label", "nn_ms", "uncertainty_ms"}
            | {"provisional"}
        )
    },
    "metrics": {
        Stream.HEART: frozenset(
            {"window_s", "lf_ms2", "hf_ms2", "power_s", "lf_peak_hz", "rsa_bpm"}
            | {"rsa_ms", "coherence_ratio", "activation", "activation_reason"}
            | {"suitable", "reason", "settled_index"}
        ),
        Stream.BREATHING: frozenset(
            {"phase_deg", "in_phase_pct", "breathing", "followed"}
        ),
    },
    "restated": {Stream.HEART: frozenset({"at_ms", "window_s"})},
    "referee": {Stream.HEART: frozenset({"window_s", "neurokit", "max_difference"})},
    "gap": {Stream.HEART: frozenset({"from_seq", "to_seq"})},
    "signals": {Stream.HEART: frozenset({"by", "signals"})},
    "pacer": {
        Stream.BREATHING: frozenset(
            {"origin_ms", "rate_bpm", "inhale_pct", "hold_in_ms", "hold_out_ms"}
            | {"from_breath"}
        )
    },
}
"""Which fields of which kind belong to which stream; events go by their type."""

EVENT_FIELDS = frozenset(
    {"id", "type", "by", "value", "unit", "text", "moment", "at_ms"}
)

NAMED = frozenset({"phase", "practice", "plan", "deviation"})
"""Events whose text is a name of ours, as long as it looks like one."""

NOTICES = frozenset({"records_lost", "recording_stopped"})

TYPED = MARKS | {"message"}
"""Events of therapists whose text is their own words."""

CODE = re.compile(r"[A-Z]-[0-9A-Z]{6}")

FRAMES: Mapping[Signal, frozenset[Stream]] = {
    Signal.ECG: HEART,
    # The strap moves with the chest: acceleration is the breath as well.
    Signal.ACC: HEART | BREATHING,
}


def passed(
    kind: str, data: bytes, allowed: frozenset[Stream], *, reader: str | None = None
) -> bytes | None:
    """Return the message as it may be sent, ``None`` where nothing of it may.

    Where nothing is withheld it is ``data`` itself.

    Parameters
    ----------
    kind, data
        A live message: its kind, and its JSON text.
    allowed
        The streams that the person lets this viewer have.
    reader
        The code of this viewer's account.
    """
    try:
        message = msgspec.json.decode(data)
    except msgspec.DecodeError:
        return None
    if not isinstance(message, dict) or message.get("kind") != kind:
        return None
    if kind == "event":
        fields = _event(message, allowed, reader)
    else:
        fields = _fields(kind, allowed)
    if not fields & message.keys():
        return None
    fields |= ENVELOPE
    if message.keys() <= fields:
        return data
    return msgspec.json.encode({k: v for k, v in message.items() if k in fields})


def frame_passes(signal: Signal | None, allowed: frozenset[Stream]) -> bool:
    """Say whether a binary frame of this signal may be sent."""
    needs = None if signal is None else FRAMES.get(signal)
    return needs is not None and needs <= allowed


def streams_of_event(event: Mapping[str, Any]) -> frozenset[Stream]:
    """Return the streams that all must be allowed for an event to be seen.

    What nobody thought of counts as a note: it may hold anything.
    """
    type, by, text = event.get("type"), event.get("by"), event.get("text")
    if not isinstance(type, str) or not isinstance(by, str):
        return NOTES
    if type in ROOM_TYPES:
        return FREE
    if (type in MARKS or type == TAKEN_BACK) and CODE.fullmatch(by):
        return FREE  # a therapist's own
    if type in SCALES:
        return RATINGS if text is None else RATINGS | NOTES
    if by == "system" and type in NOTICES:
        return HEART
    if by == "system" and type == "adapt":
        return HEART | BREATHING  # how the heart answered which pace
    if type in NAMED and _is_ours(event):
        return BREATHING
    return NOTES


def stands(event: Mapping[str, Any]) -> bool:
    """Say whether an event tells how things stand, not how somebody is."""
    return streams_of_event(event) <= BREATHING


def _is_ours(event: Mapping[str, Any]) -> bool:
    # The names of our practices and their phases, and nothing that was typed.
    text = event.get("text")
    named = text is None or (isinstance(text, str) and MARK.fullmatch(text) is not None)
    return named and event.get("unit") in (None, "min") and event.get("moment") is None


def _fields(kind: str, allowed: frozenset[Stream]) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for stream, fields in FIELDS.get(kind, {}).items():
        if stream in allowed:
            found |= fields
    return found


def _event(
    message: Mapping[str, Any], allowed: frozenset[Stream], reader: str | None
) -> frozenset[str]:
    if not streams_of_event(message) <= allowed:
        return frozenset()
    if NOTES <= allowed or message.get("by") == reader or message.get("text") is None:
        return EVENT_FIELDS
    # What another therapist wrote is told only with the person's notes, as in a report.
    is_typed = message.get("type") in TYPED
    return EVENT_FIELDS - {"text"} if is_typed else EVENT_FIELDS
