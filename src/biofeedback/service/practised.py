"""What was practised in a session, read off its recording and nothing else.

So a catalogue that is made anew says the same.
"""

from __future__ import annotations

import logging
import statistics
from collections.abc import Sequence
from pathlib import Path

import msgspec

from biofeedback.model import ClockReading, Entry, PacerEvent
from biofeedback.practice import pacer
from biofeedback.practice.phases import as_it_happened, begins_practice, paced_span
from biofeedback.recording.reader import Recording, open_recording
from biofeedback.session.contents import contents_of
from biofeedback.session.followed import followed_in
from biofeedback.store import PractisedRow, Store

_LOGGER = logging.getLogger(__name__)

MS_PER_MINUTE = 60_000
OWN = ("strap", "simulated")
"""A replay shows what was practised before, an import what was elsewhere."""


class _Told(msgspec.Struct):
    t_ms: float
    rsa_bpm: float | None = None
    in_phase_pct: float | None = None


def keep_practised(store: Store, session_id: str, path: Path) -> None:
    """Keep what the recording ``path`` says was practised in its session. Blocks.

    A recording that cannot be understood is no reason to lose its session: that is
    logged, and what was kept before stays.

    Raises
    ------
    StoreError
        When it cannot be kept.
    """
    try:
        row = practised_in(path)
    except Exception:
        _LOGGER.exception("What was practised in a session could not be found")
        return
    if row is None:
        store.forget_practised(session_id)
    else:
        store.keep_practised(row)


def practised_in(path: Path) -> PractisedRow | None:
    """Return what was practised in the recording ``path``. Blocks.

    ``None`` where the pacer never came on screen, and for an imported recording.
    ``rsa_bpm`` and ``in_phase_pct`` are the medians of what was told live during the
    practice; ``followed_pct`` is that of ``analyze``.

    Raises
    ------
    RecordingError
        When the file is damaged or foreign.
    """
    if open_recording(path).info.source not in OWN:
        return None
    contents = contents_of(path)
    recording: Recording = contents.recording
    entries = as_it_happened(contents.entries)
    if not any(map(begins_practice, entries)):
        return None
    from_ms, to_ms = paced_span(entries, 1000 * contents.duration_s)
    followed = followed_in(
        contents.series.timed(),
        contents.schedule,
        from_ms,
        to_ms,
        recording if contents.has_acc else None,
    )
    told = _told(recording, from_ms, to_ms)
    return PractisedRow(
        session_id=recording.info.id,
        practice=_name(entries),
        minutes=max(to_ms - from_ms, 0.0) / MS_PER_MINUTE,
        rate_bpm=_held_longest(contents.schedule, from_ms, to_ms),
        rsa_bpm=_median([one.rsa_bpm for one in told]),
        in_phase_pct=_median([one.in_phase_pct for one in told]),
        followed_pct=None if followed is None else followed.followed_pct,
        symptom=_symptom(entries),
        utc_offset_s=_offset_s(recording),
    )


def _symptom(entries: Sequence[Entry]) -> bool:
    """Say whether somebody felt dizzy, and did not take it back."""
    taken_back = {entry.corrects for entry in entries if entry.type == "correction"}
    return any(
        entry.type == "symptom" and entry.id not in taken_back for entry in entries
    )


def _name(entries: Sequence[Entry]) -> str | None:
    named = [entry.text for entry in entries if entry.type == "practice" and entry.text]
    return named[-1] if named else None


def _held_longest(
    schedule: Sequence[PacerEvent], from_ms: float, to_ms: float
) -> float | None:
    """Return the pace that was on screen for longest, all its times together."""
    held = pacer.held_ms(schedule, from_ms, to_ms)
    return max(held, key=lambda part: held[part]).rate_bpm if held else None


def _told(recording: Recording, from_ms: float, to_ms: float) -> list[_Told]:
    decoder = msgspec.json.Decoder(_Told)
    told = (
        decoder.decode(data)
        for _, kind, data in recording.outputs()
        if kind == "metrics"
    )
    return [one for one in told if from_ms <= one.t_ms <= to_ms]


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _offset_s(recording: Recording) -> int | None:
    for _, record in recording.inputs():
        if isinstance(record, ClockReading):
            return record.utc_offset_s
    return None
