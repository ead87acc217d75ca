"""Finishes what a crash, a kill or a power cut left behind."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from biofeedback.errors import RecordingError
from biofeedback.model import Value
from biofeedback.recording import durable
from biofeedback.recording.compaction import (
    PART_SUFFIX,
    BusyError,
    Compaction,
    Locked,
)
from biofeedback.recording.reader import Recording, open_recording

JOURNALS = f"*.mcap{PART_SUFFIX}"
DAMAGED_SUFFIX = ".damaged"
UNFINISHED = "was not closed properly"
ELSEWHERE = "If there is a copy of it elsewhere, use that one."


class Recovered(Value, frozen=True):
    """What became of one unfinished recording.

    ``path`` is the finished file; when ``session_id`` is ``None`` it could not be
    finished, and ``path`` is where the journal lies. ``sentence`` is for a person.
    """

    part: Path
    path: Path
    session_id: str | None
    n_records: int
    lost_bytes: int
    missing: tuple[tuple[int, int], ...]
    sentence: str


def recover_all(folder: Path, *, at: datetime | None = None) -> tuple[Recovered, ...]:
    """Finish every unfinished recording below ``folder``, as :func:`recover_parts`."""
    return recover_parts(find_parts(folder), at=at)


def find_parts(folder: Path) -> tuple[Path, ...]:
    """Return every journal below ``folder``.

    A service asks at start-up, before a session of its own has one there as well.
    """
    return tuple(sorted(folder.rglob(JOURNALS)))


def recover_parts(
    parts: Iterable[Path], *, at: datetime | None = None
) -> tuple[Recovered, ...]:
    """Finish these unfinished recordings.

    Journals of running sessions are left alone. Those nothing can be read from are
    renamed, never removed. Never raises for the sake of one file.
    """
    at = at or datetime.now(UTC)
    reports = (_recover(part, at) for part in parts)
    return tuple(report for report in reports if report is not None)


def recover_file(
    path: Path, out: Path | None = None, *, at: datetime | None = None
) -> Recovered:
    """Salvage one recording, unfinished or damaged, whatever can be read of it.

    Parameters
    ----------
    path
        The recording. A journal (``.part``) is finished under its own name and then
        removed, as at start-up; with ``out``, or when it is damaged, it stays.
    out
        The new file; for a damaged recording ``NAME.recovered.mcap`` beside it.
    at
        When this happens; now, if not given.

    Raises
    ------
    RecordingError
        When nothing can be saved, a session still writes it, or ``out`` is taken.
    """
    recording = _opened(path)
    if _is_whole(recording):
        return Recovered(
            part=path,
            path=path,
            session_id=recording.info.id,
            n_records=recording.survey().n_records,
            lost_bytes=0,
            missing=(),
            sentence=f"The recording {path.name} is whole; nothing needs saving.",
        )
    survey = recording.survey(salvage=True)
    if not survey.n_records:
        raise RecordingError(
            f"Nothing of {path.name} can be saved: no whole record is left in it.",
            ELSEWHERE,
        )
    journal = path.name.endswith(PART_SUFFIX)
    lost = bool(survey.lost_bytes or survey.missing)
    name = path.name.removesuffix(PART_SUFFIX)
    if out is None:
        out = path.with_name(name if journal else f"{path.stem}.recovered.mcap")
    if out.exists() and (not journal or out.samefile(path)):
        raise RecordingError(
            f"{out.name} exists already and is not overwritten.",
            "Choose another name with --out.",
        )
    at = at or datetime.now(UTC)
    recovery = {"recovered_at": at.isoformat(), "tool": "biofeedback recover"}
    keep = not journal or lost or out != path.with_name(name)
    done = Compaction(path, out, recovery=recovery, keep=keep).run()
    return Recovered(
        part=path,
        path=done.path,
        session_id=recording.info.id,
        n_records=done.n_records,
        lost_bytes=done.lost_bytes,
        missing=done.missing,
        sentence=_sentence(
            path.name,
            done.lost_bytes,
            done.missing,
            what="was damaged" if recording.complete else UNFINISHED,
        ),
    )


def _opened(path: Path) -> Recording:
    try:
        return open_recording(path, salvage=True)
    except RecordingError as error:
        if "biofeedback recover" in error.advice:  # that is what is being done
            raise RecordingError(error.message, ELSEWHERE) from error
        raise


def _is_whole(recording: Recording) -> bool:
    if not recording.complete:
        return False
    try:
        recording.survey()
    except RecordingError:
        return False
    return True


def _recover(part: Path, at: datetime) -> Recovered | None:
    try:
        with Locked(part):  # of a session that just begins, it is still empty
            try:
                session_id = open_recording(part, salvage=True).info.id
            except RecordingError as error:
                if isinstance(error.__cause__, OSError):  # the disk, not the content
                    return _left(part, part, error)
                return _left(part, _set_aside(part), error)
    except (BusyError, FileNotFoundError):
        return None
    except OSError as error:
        told = durable.explained(f"{part.name} could not be read.", error)
        return _left(part, part, told)
    final = part.with_name(part.name.removesuffix(PART_SUFFIX))
    recovery = {"recovered_at": at.isoformat(), "tool": "biofeedback recover"}
    try:
        done = Compaction(part, final, recovery=recovery).run()
    except BusyError:
        return None
    except RecordingError as error:  # the next start tries again
        return _left(part, part, error)
    return Recovered(
        part=part,
        path=done.path,
        session_id=session_id,
        n_records=done.n_records,
        lost_bytes=done.lost_bytes,
        missing=done.missing,
        sentence=_sentence(final.name, done.lost_bytes, done.missing),
    )


def _sentence(
    name: str,
    lost_bytes: int,
    missing: tuple[tuple[int, int], ...],
    *,
    what: str = UNFINISHED,
) -> str:
    sentence = f"The recording {name} {what} and has been recovered"
    if missing:
        n_lost = sum(last - first + 1 for first, last in missing)
        return f"{sentence}; {n_lost} records in it were damaged and are lost."
    if lost_bytes:
        return f"{sentence}; its last moment, {lost_bytes} bytes, was torn and is lost."
    return f"{sentence}; nothing that was safe is lost."


def _set_aside(part: Path) -> Path:
    path = part.with_name(part.name + DAMAGED_SUFFIX)
    try:
        os.rename(part, path)
        durable.sync_folder(path.parent)
    except OSError:
        return part
    return path


def _left(part: Path, path: Path, error: RecordingError) -> Recovered:
    return Recovered(
        part=part,
        path=path,
        session_id=None,
        n_records=0,
        lost_bytes=0,
        missing=(),
        sentence=f"{error} The file is kept as {path.name}.",
    )
