"""How copies ended, in one small file each beside them: what outlives their journals.

``FOLDER/HOME/SESSION.json``. It is written when the end of a session came and all of it
is on the disk, and again when its recording is finished. So a hub that was killed in
between knows what is left to do, and one that is asked what it has need not look into
recordings; and whose they were is still known when a person is erased.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from biofeedback.model import SessionInfo, Value
from biofeedback.recording import durable
from biofeedback.session.clock import NS_PER_S

SESSION_ID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
"""A ULID; what looks otherwise never becomes the name of a file."""

SILENT_DAYS = 30
"""When nothing came for so long the rest never will: the copy is finished as it is."""

TOO_LATE = f"Nothing of it came for {SILENT_DAYS} days: what had come is kept."


class Fate(Value, frozen=True):
    """A copy that has ended.

    ``last`` and ``content_sha256`` are what the home said of its recording, ``path`` is
    where the finished copy lies, relative to the data folder, ``done`` whether it does.
    ``recovery`` says why it is not as it should be; of a home that fell ``silent`` the
    rest never came.
    """

    last: int
    content_sha256: str
    path: str
    recovery: dict[str, str] | None = None
    has_gaps: bool = False
    silent: bool = False
    done: bool = False


class Arrived(Value, frozen=True):
    """A copy that is to be finished: ``part`` becomes ``final``.

    It may have become that before a crash. With ``recovery`` something of it is not
    there, and the sentence says what.
    """

    home: str
    session: str
    part: Path
    final: Path
    recovery: dict[str, str] | None
    has_gaps: bool
    silent: bool


def final_path(info: SessionInfo) -> str:
    """Return where the finished copy of a session lies, in the data folder."""
    began = datetime.fromtimestamp(info.started_at_utc_ns / NS_PER_S, UTC)
    return f"recordings/{began:%Y/%m}/{info.id}.mcap"


def read(folder: Path, session: str) -> Fate | None:
    """Return how the copy of a session in this folder ended; ``None``: it has not.

    A file that is damaged counts as none: the home is asked again. Blocks.

    Raises
    ------
    OSError
        When it cannot be read.
    """
    try:
        return msgspec.json.decode(_at(folder, session).read_bytes(), type=Fate)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def keep(folder: Path, session: str, fate: Fate) -> None:
    """Write down how a copy ended; it is on the disk when this returns. Blocks.

    Raises
    ------
    OSError
        When it cannot be written.
    """
    durable.replace(_at(folder, session), msgspec.json.encode(fate))


def forget(folder: Path, session: str) -> None:
    """Take it back: the copy has not ended. Blocks.

    Raises
    ------
    OSError
        When it cannot be removed.
    """
    _at(folder, session).unlink(missing_ok=True)
    durable.sync_folder(folder)


def all_in(folder: Path) -> Iterator[tuple[str, Fate]]:
    """Yield each session of a home's folder that has ended, and how. Blocks."""
    for path in sorted(folder.glob("*.json")):
        if SESSION_ID.fullmatch(path.stem):
            fate = read(folder, path.stem)
            if fate is not None:
                yield path.stem, fate


def _at(folder: Path, session: str) -> Path:
    return folder / f"{session}.json"
