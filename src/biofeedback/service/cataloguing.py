"""Makes the catalogue anew from the recordings: the files are the truth, it is not.

What stands only in the database cannot come from there: ratings given after a session,
sign-ins, and sessions whose recording is gone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np

from biofeedback.errors import BiofeedbackError, RecordingError
from biofeedback.model import Entry, Value
from biofeedback.recording.compaction import weighed
from biofeedback.recording.reader import Recording, open_recording
from biofeedback.recording.recover import find_parts
from biofeedback.recording.sealed import is_there, recordings_in
from biofeedback.service.kept_assessments import keep_assessment
from biofeedback.service.node_id import origin_of
from biofeedback.service.practised import keep_practised
from biofeedback.session.analysis import RATINGS
from biofeedback.session.contents import contents_of
from biofeedback.signal.summary import summarise
from biofeedback.store import (
    LossReport,
    Quality,
    RatingRow,
    RecordingRow,
    SessionRow,
    SessionState,
    Store,
)
from biofeedback.store.erasing import finish_erasing

_LOGGER = logging.getLogger(__name__)

NS_PER_MS = 1_000_000
RECORDINGS = "recordings"
FINISHED = (SessionState.COMPLETE, SessionState.RECOVERED)


class Rebuilt(Value, frozen=True):
    """What a rebuilt catalogue holds.

    ``refused`` says of each file that could not be read why; ``missing`` are sessions
    that were listed and whose recording is gone.
    """

    n_recordings: int
    n_ratings: int
    n_unfinished: int
    refused: tuple[str, ...]
    missing: tuple[str, ...]


def rebuild(store: Store, tell: Callable[[str], None] | None = None) -> Rebuilt:
    """Bring the store in line with the recordings in its data folder. Blocks.

    May be run at any time on a folder that no service holds; run twice, it changes
    nothing the second time. ``tell`` is told each file that could not be read.

    Where other nodes share the store, what they have is left as it is: that no file of
    it lies here says nothing.

    Raises
    ------
    StoreError
        When the database cannot be read or written.
    """
    finish_erasing(store)  # else what is left of it would be listed again
    node = None if not store.is_shared else origin_of(store.data)
    folder = store.data / RECORDINGS
    refused, found, n_ratings = [], set[str](), 0
    paths = sorted(recordings_in(folder), key=_order)
    if not paths or _order(paths[0])[0]:
        store.person()  # whose computer this is comes before whoever was imported
    for path in paths:
        try:
            session, recording, ratings = catalogued(store, path, node=node)
        except BiofeedbackError as error:
            refused.append(f"{path.name}: {error}")
            if tell is not None:
                tell(refused[-1])
            continue
        store.restore_session(session, recording, ratings)
        keep_practised(store, session.id, path)
        keep_assessment(store, session.id, path)
        found.add(session.id)
        n_ratings += len(ratings)
    missing = []
    for id, known in store.recordings().items():
        gone = id not in found and not is_there(store.data / known.path)
        if known.state in FINISHED and gone:
            if store.is_shared and store.session(id).node != node:
                continue
            missing.append(id)
            lost = LossReport(sentence="Its recording is not there any more.")
            state = SessionState.FAILED
            row = RecordingRow(session_id=id, path=known.path, state=state, loss=lost)
            store.finish_session(id, state, recording=row)
    return Rebuilt(
        n_recordings=len(found),
        n_ratings=n_ratings,
        n_unfinished=len(find_parts(folder)),
        refused=tuple(refused),
        missing=tuple(missing),
    )


def _order(path: Path) -> tuple[bool, int, str]:
    # Own sessions first, the oldest first: the first person is whose computer this is.
    try:
        info = open_recording(path).info
    except BiofeedbackError:
        return True, 0, path.name
    return info.source == "imported", info.started_at_utc_ns, path.name


def catalogued(
    store: Store, path: Path, *, node: str | None = None
) -> tuple[SessionRow, RecordingRow, tuple[RatingRow, ...]]:
    """Return what the catalogue should say of the finished recording ``path``.

    ``node`` is whose session it was, where that is not known yet.

    Raises
    ------
    RecordingError
        When it is damaged, unfinished or foreign.
    """
    recording = open_recording(path)
    if not recording.complete:
        raise RecordingError(
            "It is cut off.", f"'biofeedback recover {path.name}' saves what is left."
        )
    survey = recording.survey()  # every checksum, before anything is believed
    info = recording.info
    end_ns, entries = _read(recording)
    loss = _loss(recording)
    state = SessionState.COMPLETE if loss is None else SessionState.RECOVERED
    known = store.find_session(info.id)
    session = SessionRow.of(
        info,
        store.person_called(info.person).id if known is None else known.person_id,
        ended_at_utc_ns=info.started_at_utc_ns + end_ns,
        state=state,
        node=node if known is None else known.node,
    )
    file = weighed(path, survey.n_records)
    row = RecordingRow(
        session_id=info.id,
        path=path.relative_to(store.data).as_posix(),
        state=state,
        size_bytes=file.size_bytes,
        n_records=file.n_records,
        sha256=file.sha256,
        loss=loss,
        quality=quality_or_none(path),
    )
    ratings = tuple(
        _rating(info.id, info.started_at_utc_ns, entry)
        for entry in entries
        if entry.value is not None and entry.moment is not None
    )
    return session, row, ratings


def quality_of(path: Path) -> Quality:
    """Return what a recording is worth by today's judgement of its bytes. Blocks.

    Raises
    ------
    RecordingError
        When it is damaged or foreign.
    """
    contents = contents_of(path)
    series = contents.series
    summary = summarise(series, contents.duration_s)
    return Quality(
        duration_s=contents.duration_s,
        n_beats=summary.n_beats,
        coverage=summary.coverage,
        artefact_pct=summary.artefact_pct,
        # The first interval follows nothing.
        n_gaps=max(0, int(np.count_nonzero(~series.joined)) - 1),
        suitable=summary.suitable,
        reason=None if summary.suitable else summary.reason,
        n_ratings=sum(entry.type in RATINGS for entry in contents.entries),
    )


def quality_or_none(path: Path) -> Quality | None:
    """Return :func:`quality_of`, or ``None`` where it cannot be found. Blocks."""
    try:
        return quality_of(path)
    except Exception:  # a session is not lost for want of this
        _LOGGER.exception("The quality of a recording could not be found")
        return None


def _read(recording: Recording) -> tuple[int, list[Entry]]:
    end_ns, entries = 0, []
    for _, record in recording.inputs():
        end_ns = max(end_ns, record.t_ns)
        if isinstance(record, Entry):
            entries.append(record)
    return end_ns, entries


def _loss(recording: Recording) -> LossReport | None:
    report = recording.recovery
    if report is None:
        return None
    lost_bytes = int(report.get("bytes_lost", "0"))
    missing = report.get("sequences_missing", "")
    sentence = "It was not closed properly and has been recovered"
    if missing:
        sentence += f"; the records {missing} are lost"
    elif lost_bytes:
        sentence += f"; its last moment, {lost_bytes} bytes, is lost"
    return LossReport(sentence=sentence + ".", lost_bytes=lost_bytes)


def _rating(session_id: str, started_ns: int, entry: Entry) -> RatingRow:
    assert entry.value is not None
    assert entry.moment is not None
    return RatingRow(
        id=entry.id,
        session_id=session_id,
        type=entry.type,
        value=entry.value,
        unit=entry.unit or "",
        moment=entry.moment,
        at_utc_ns=started_ns + entry.t_ns,
        in_recording=True,
        t_ms=entry.t_ns / NS_PER_MS,
        prompt=entry.prompt,
        latency_ms=entry.latency_ms,
        device=entry.device,
    )
