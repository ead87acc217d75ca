"""What may leave with an export, and how files are put where they belong.

An export is de-identified unless somebody asks otherwise: no text that was typed, and
no date. The pseudonym stays, and so does the time of day.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from biofeedback.errors import RecordingError
from biofeedback.model import Entry, Value

if TYPE_CHECKING:
    from biofeedback.recording.tables import Tables

NS_PER_S = 1_000_000_000
NS_PER_DAY = 86_400 * NS_PER_S

UNKNOWN_DATE_UTC_NS = 473_385_600 * NS_PER_S
"""1985-01-01: what EDF+ writes where a date is not known (its specification, 2.1.3.3:
the "clipping date" of the field ``startdate``)."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

MARKS = frozenset(
    {
        *("phase", "practice", "posture", "eyes", "symptom", "correction"),
        *("plan", "deviation"),
    }
)
"""Entries whose text is a name of ours, as long as it looks like one."""

MARK = re.compile(
    r"[a-z][a-z0-9_-]{0,39}(/[a-z0-9_.]{1,40}|: [a-z_]{1,20})?|only finished"
)


class ExportOptions(Value, frozen=True, kw_only=True):
    """What an export may tell.

    Parameters
    ----------
    free_text
        Keep what people typed: notes and the wording of questions.
    dates
        Keep the date. Without it every civil time keeps its time of day on 1985-01-01,
        and identifiers that hold a time are replaced.
    created_at_utc_ns
        When the export is made, UTC in ns since 1970. It is told only with ``dates``.
    """

    free_text: bool = False
    dates: bool = False
    created_at_utc_ns: int = 0

    def started_utc_ns(self, tables: Tables) -> int:
        """Return when the session started: UTC in ns since 1970, perhaps in 1985."""
        started_ns = tables.info.started_at_utc_ns
        if self.dates:
            return started_ns
        return UNKNOWN_DATE_UTC_NS + started_ns % NS_PER_DAY

    def created_utc_ns(self, tables: Tables) -> int:
        """Return when the export was made; without dates, when the session ended."""
        if self.dates:
            return self.created_at_utc_ns
        return self.started_utc_ns(tables) + tables.duration_ns

    def identifier(self, text: str) -> str:
        """Return ``text`` for a session's or an entry's id.

        They are ULIDs, of which the first ten letters are a date and time to the
        millisecond. Without dates they are hashed: the same id gives the same hash, and
        its 80 random bits keep anyone from trying all times.
        """
        if self.dates:
            return text
        return hashlib.sha256(f"biofeedback {text}".encode()).hexdigest()[:26]

    def session_id(self, tables: Tables) -> str:
        """Return the session's id, or a hash of it."""
        return self.identifier(tables.info.id)

    def text_of(self, entry: Entry) -> str | None:
        """Return what was typed, where that is asked for; and the names of phases.

        Which phase of which practice began is nobody's own words: the page has them
        from our files.
        """
        known = entry.type in MARKS and MARK.fullmatch(entry.text or "") is not None
        return entry.text if self.free_text or known else None


class Exported(Value, frozen=True, kw_only=True):
    """What was written, and what to know of it: a sentence each."""

    paths: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def iso_utc(utc_ns: int, *, digits: int = 3) -> str:
    """Return ISO 8601 with ``Z``, rounded down to ``digits`` of a second.

    >>> iso_utc(473_385_600_123_456_789)
    '1985-01-01T00:00:00.123Z'
    """
    seconds, rest_ns = divmod(utc_ns, NS_PER_S)
    stamp = (EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{rest_ns:09d}"[: digits + 1] if digits else ""
    return f"{stamp}{fraction}Z"


def fresh(out: Path) -> None:
    """Refuse to write over anything: an export never replaces what is there.

    Raises
    ------
    RecordingError
        When ``out`` exists and is not an empty folder, or its folder is not there.
    """
    if not out.parent.is_dir():
        raise RecordingError(
            f"There is no folder '{out.parent}'.", "Create it, or choose another."
        )
    if out.is_dir() and not out.is_symlink():
        if any(out.iterdir()):
            raise RecordingError(
                f"The folder '{out}' is not empty, and nothing in it is replaced.",
                "Give the name of a new folder.",
            )
    elif out.exists() or out.is_symlink():
        raise RecordingError(
            f"There is already a file '{out}', which is not replaced.",
            "Choose another name.",
        )


@contextmanager
def staged(out: Path, *, folder: bool) -> Iterator[Path]:
    """Give a temporary name beside ``out``, which becomes ``out`` when all went well.

    Nothing half-written ever bears the final name; after an error nothing is left.
    Only their owner may read the files (mode 0600 and 0700), as with recordings.

    Raises
    ------
    RecordingError
        When ``out`` may not be written (:func:`fresh`), or the disk refuses.
    """
    fresh(out)
    into = out.is_dir()
    if into and not folder:
        raise RecordingError(f"'{out}' is a folder.", "Give the name of a file.")
    # An empty folder stays the one it is: somebody may be in it.
    name = f".{out.name}.{os.getpid()}.tmp"
    temporary = out / name if into else out.with_name(name)
    try:
        if folder:
            temporary.mkdir(mode=0o700)
        yield temporary
        _owner_only(temporary)
        if into:
            for one in sorted(temporary.iterdir()):
                one.rename(out / one.name)
        else:
            _take_its_place(temporary, out)
    except OSError as error:
        raise RecordingError(
            f"'{out}' cannot be written: {error.strerror or error}.",
            "Check that there is room and that you may write there.",
        ) from error
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


def _take_its_place(temporary: Path, out: Path) -> None:
    if temporary.is_file():
        # A hard link fails where the name was taken meanwhile; a rename would replace
        # what is there. USB sticks often know no hard links.
        try:
            os.link(temporary, out)
        except FileExistsError:
            raise
        except OSError:
            fresh(out)
        else:
            return
    temporary.rename(out)


def _owner_only(path: Path) -> None:
    if path.is_dir():
        for one in path.rglob("*"):
            one.chmod(0o700 if one.is_dir() else 0o600)
    elif path.exists():
        path.chmod(0o600)


def written(out: Path) -> tuple[Path, ...]:
    """Return the files of an export, sorted: of a folder, or the file itself."""
    if not out.is_dir():
        return (out,)
    return tuple(sorted(one for one in out.rglob("*") if one.is_file()))
