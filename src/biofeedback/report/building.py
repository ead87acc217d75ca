"""Finds what a session's report says: from the rows of the store and the recording."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone

from biofeedback import __version__
from biofeedback.model import Entry
from biofeedback.practice.history import NS_PER_S, local_day
from biofeedback.practice.phases import (
    as_it_happened,
    paced_span,
)
from biofeedback.report.heart_part import heart_part, usual_before
from biofeedback.report.identity import Identity, Past
from biofeedback.report.marks import mark_of, words_part
from biofeedback.report.practice_part import Inside, breathing_part
from biofeedback.report.ratings_part import ratings_part
from biofeedback.report.reasons import (
    NO_RECORDING,
)
from biofeedback.report.streams import streams_of_entry
from biofeedback.report.values import (
    Number,
    SessionReport,
)
from biofeedback.session.contents import Contents
from biofeedback.store import PractisedRow, Quality, RatingRow, SessionRow
from biofeedback.store.rows import Stream


def build_session(
    session: SessionRow,
    contents: Contents | None,
    *,
    identity: Identity,
    streams: frozenset[Stream],
    practised: PractisedRow | None = None,
    quality: Quality | None = None,
    loss: str | None = None,
    ratings: Sequence[RatingRow] = (),
    past: Iterable[Past] = (),
    algorithm: str,
) -> SessionReport:
    """Return the report of one session, with the parts of ``streams`` alone.

    Parameters
    ----------
    contents
        What its recording holds; ``None`` where that is gone or cannot be read.
    quality, loss
        What the recording is worth as a whole, and what a crash took from it.
    past
        Practices of this person; those before this one are what is usual.
    algorithm
        The version of the numbers.
    """
    entries = [] if contents is None else _standing(contents.entries)
    end_s = _end_s(session, contents)
    from_ms, to_ms = paced_span(entries, 1000 * (end_s or 0.0))
    inside = Inside.of(contents, from_ms, to_ms)
    own = _allowed(entries, streams)
    usual = usual_before(session, past)
    return SessionReport(
        who=identity.who,
        session=identity.session,
        started=None if identity.deidentified else _started(session, practised),
        day=_day(session, practised, identity) if identity.deidentified else None,
        simulated=session.simulated,
        deidentified=identity.deidentified,
        duration=Number.of(None if end_s is None else end_s / 60, "min", NO_RECORDING),
        breathing=(
            breathing_part(contents, entries, inside, practised)
            if Stream.BREATHING in streams
            else None
        ),
        heart=(
            heart_part(contents, inside, practised, quality, loss, usual)
            if Stream.HEART in streams
            else None
        ),
        ratings=ratings_part(ratings) if Stream.RATINGS in streams else None,
        words=words_part(own, identity) if Stream.NOTES in streams else None,
        marks=tuple(mark_of(one, streams, identity) for one in own),
        withheld=tuple(one.value for one in Stream if one not in streams),
        software=f"biofeedback {__version__}",
        algorithm=algorithm,
    )


def _standing(entries: Iterable[Entry]) -> list[Entry]:
    """Return what was entered and not taken back, by when it happened."""
    entries = list(entries)
    gone = {entry.corrects for entry in entries if entry.corrects}
    return [entry for entry in as_it_happened(entries) if entry.id not in gone]


def _allowed(entries: Iterable[Entry], streams: frozenset[Stream]) -> list[Entry]:
    return [one for one in entries if streams_of_entry(one.type, one.by) <= streams]


def _end_s(session: SessionRow, contents: Contents | None) -> float | None:
    if contents is not None:
        return contents.duration_s
    if session.ended_at_utc_ns is None:
        return None
    return (session.ended_at_utc_ns - session.started_at_utc_ns) / NS_PER_S


def _started(session: SessionRow, practised: PractisedRow | None) -> str:
    offset_s = 0 if practised is None else practised.utc_offset_s or 0
    seconds = session.started_at_utc_ns // NS_PER_S
    zone = timezone(timedelta(seconds=offset_s)) if offset_s else UTC
    return datetime.fromtimestamp(seconds, zone).isoformat()


def _day(
    session: SessionRow, practised: PractisedRow | None, identity: Identity
) -> int:
    offset_s = 0 if practised is None else practised.utc_offset_s or 0
    first = local_day(identity.first_utc_ns, offset_s)
    return (local_day(session.started_at_utc_ns, offset_s) - first).days + 1
