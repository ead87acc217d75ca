"""What was marked and written, as far as it may be told."""

from __future__ import annotations

from collections.abc import Iterable

from biofeedback.model import Entry
from biofeedback.practice.history import NS_PER_S
from biofeedback.recording.exporters.entries import SCALES as SCALE_NAMES
from biofeedback.recording.exporters.options import MARK
from biofeedback.report.identity import Identity
from biofeedback.report.reasons import (
    KEPT_BACK,
)
from biofeedback.report.streams import NOTES, OF_THE_PRACTICE, role_of, streams_of_entry
from biofeedback.report.values import (
    Mark,
    Words,
    WordsPart,
)
from biofeedback.store.rows import Stream

NAMED_NOTES = frozenset({"posture", "eyes"})
NAMED = OF_THE_PRACTICE | NAMED_NOTES | {"sharing", "watching", "hand", "symptom"}
"""Marks whose text is a name of ours."""

UNITS = SCALE_NAMES | {"breaths/min"}

WITHOUT_WORDS = frozenset({"adapt", "message_shown", "correction"})
"""Marks whose text is numbers or an id, which may hold a time."""


def last_name(entries: Iterable[Entry], type: str) -> str | None:
    """Return the name that the last entry of a type has, if it is one of ours."""
    named = [name_of(entry.text) for entry in entries if entry.type == type]
    known = [name for name in named if name is not None]
    return known[-1] if known else None


def name_of(text: str | None) -> str | None:
    """Return a name of ours; whatever else stands there may have been typed."""
    return text if text and MARK.fullmatch(text) else None


def words_part(entries: Iterable[Entry], identity: Identity) -> WordsPart:
    """Return what the person marked and wrote."""
    wrote, symptoms = [], []
    entries = list(entries)
    for entry in entries:
        if streams_of_entry(entry.type, entry.by) != NOTES or entry.type in NAMED_NOTES:
            continue
        t_s, text = entry.t_ns / NS_PER_S, entry.text or ""
        if entry.type == "symptom":
            symptoms.append(
                Words(t_s=t_s, type=entry.type, text=name_of(text) or "unwell")
            )
        elif text and entry.type != "correction":
            wrote.append(Words(t_s=t_s, type=entry.type, text=text))
    kept_back = bool(wrote) and not identity.free_text
    return WordsPart(
        posture=last_name(entries, "posture"),
        eyes=last_name(entries, "eyes"),
        wrote=() if kept_back else tuple(wrote),
        symptoms=tuple(symptoms),
        left_out=KEPT_BACK if kept_back else None,
    )


def mark_of(entry: Entry, streams: frozenset[Stream], identity: Identity) -> Mark:
    """Return what may be told of one entry; its streams are shared."""
    return Mark(
        t_s=entry.t_ns / NS_PER_S,
        type=entry.type,
        by=role_of(entry.by) if identity.deidentified else entry.by,
        value=entry.value,
        unit=entry.unit if entry.unit in UNITS else None,
        text=_text(entry, streams, identity),
    )


def _text(entry: Entry, streams: frozenset[Stream], identity: Identity) -> str | None:
    if entry.type in NAMED:
        return name_of(entry.text)
    if entry.type in WITHOUT_WORDS or not identity.free_text:
        return None
    # What somebody else wrote of a person is told only with the person's notes.
    own = identity.reader is not None and entry.by == identity.reader
    return entry.text if own or Stream.NOTES in streams else None
