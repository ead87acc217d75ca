"""The copy of one recording while it comes in: each entry once, in order, as it was.

Knows nothing of networks, stores or consents. Whatever comes, in whatever order and
however often, what is in the file is a beginning of what lies at the home.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

import msgspec

from biofeedback.clinic.parcels import Begun, Entries
from biofeedback.model import SessionInfo
from biofeedback.recording.format import MAX_PAYLOAD_BYTES, Stored
from biofeedback.recording.metadata import session_info
from biofeedback.recording.writer import RecordingWriter

MOST_CHANNELS = 256
"""A recording has a dozen topics; MCAP can count to 65 535."""

MOST_MISSING = 1_000_000
"""A recording that lost more entries in one piece lost a day."""

LONGEST_WORD = 256
LAST_NS = 1 << 62
EARLIEST_NS, LATEST_NS = 946_684_800 * 10**9, 4_102_444_800 * 10**9
"""2000 and 2100: a session that began at another time has no month to lie in."""

_NOTHING = 0


class Taken(Enum):
    """What became of entries that came in."""

    NEW = "new"
    """Some of them were missing, and are there now."""
    KNOWN = "known"
    """All of them were there."""
    HOLE = "hole"
    """Some before them are missing: none was taken."""
    CONTRADICTION = "contradiction"
    """Others are there by the same numbers: none was taken."""


class CopyWriter:
    """Writes one copy; made by :meth:`begin`, or gone on with by :meth:`going_on`."""

    def __init__(self, writer: RecordingWriter) -> None:
        self._writer = writer
        # By sequence, of each entry that is there: to tell a repetition from a
        # contradiction without reading the file.
        self._weights = array("I")
        self._channels: set[str] = set()

    @classmethod
    def begin(cls, path: Path, begun: Begun, person: str) -> CopyWriter:
        """Begin a new copy, of a session of whom the clinic calls ``person``. Blocks.

        Whether there is room for it is not looked at.

        Raises
        ------
        RecordingError
            When it cannot be created.
        """
        metadata: dict[str, Mapping[str, str]] = {
            "session": {**begun.metadata, "person": person}
        }
        if begun.software:
            metadata["software"] = begun.software
        if begun.recovery is not None:
            metadata["recovery"] = begun.recovery
        writer = RecordingWriter(
            path,
            session_info(metadata["session"]),
            metadata=metadata,
            min_free_bytes=0,
        )
        return cls(writer)

    @classmethod
    def going_on(cls, path: Path) -> CopyWriter:
        """Go on with a copy after whatever it was that ended the hub. Blocks.

        Raises
        ------
        RecordingError
            When it cannot be read, or is damaged before its end.
        """
        known: list[tuple[int, int, str]] = []
        writer = RecordingWriter.going_on(
            path,
            lambda stored: known.append(
                (stored.sequence, weight_of(stored), stored.channel.topic)
            ),
        )
        copy = cls(writer)
        for sequence, weight, topic in known:
            copy._know(sequence, weight, topic)
        return copy

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self._writer.path

    @property
    def info(self) -> SessionInfo:
        """Which session it is."""
        return self._writer.info

    @property
    def last(self) -> int:
        """The last sequence that came in; nothing before it is missing."""
        return self._writer.last

    @property
    def safe(self) -> int:
        """The last sequence that is on the disk."""
        return self._writer.safe

    def take(self, parcel: Entries) -> Taken:
        """Take what of these checked entries is not there yet. Touches memory only.

        Raises
        ------
        RecordingError
            When an earlier :meth:`sync` failed.
        """
        last = self.last
        new = []
        for stored in parcel.entries:
            if stored.sequence > last:
                new.append(stored)
            elif self._weight(stored.sequence) != weight_of(stored):
                return Taken.CONTRADICTION
        if not new:
            return Taken.KNOWN
        n_known = len(parcel.entries) - len(new)
        before = parcel.entries[n_known - 1].sequence if n_known else parcel.after
        if before > last:
            return Taken.HOLE
        if before < last:  # what it says is missing at home came in before
            return Taken.CONTRADICTION
        for stored in new:
            after_gap = stored.sequence != self._writer.last + 1
            self._writer.append(stored, after_gap=after_gap)
            self._know(stored.sequence, weight_of(stored), stored.channel.topic)
        return Taken.NEW

    def is_full_of_topics(self, parcel: Entries) -> bool:
        """Say whether these would be too many topics for one recording."""
        topics = {stored.channel.topic for stored in parcel.entries}
        return len(self._channels | topics) > MOST_CHANNELS

    def sync(self) -> int:
        """Bring what came in to the disk; return the last sequence there. Blocks.

        Raises
        ------
        RecordingError
            When that fails; this copy is then to be gone on with anew.
        """
        return self._writer.sync()

    def rest(self) -> None:
        """Let the file go until the next :meth:`sync`."""
        self._writer.rest()

    def close(self) -> None:
        """Bring the last to the disk and let the file go. Blocks.

        Raises
        ------
        RecordingError
            When that fails.
        """
        self._writer.close()

    def _weight(self, sequence: int) -> int:
        return self._weights[sequence - 1] if sequence else _NOTHING

    def _know(self, sequence: int, weight: int, topic: str) -> None:
        if (n_missing := sequence - 1 - len(self._weights)) > 0:
            self._weights.extend(array("I", [_NOTHING]) * n_missing)
        self._weights.append(weight)
        self._channels.add(topic)


def weight_of(stored: Stored) -> int:
    """Return a number that another entry hardly has; never 0."""
    head = f"{stored.t_ns} {stored.channel.topic}".encode()
    return zlib.crc32(stored.data, zlib.crc32(head)) or 1


def check_begun(begun: Begun) -> SessionInfo:
    """Return which session begins, if that can be one of a home.

    Raises
    ------
    ValueError
        When it cannot.
    """
    info = session_info({**begun.metadata, "person": ""})
    if info != msgspec.structs.replace(begun.info, person=""):
        raise ValueError("it says two things of its session")
    if info.id != begun.session:
        raise ValueError("it is of another session")
    if info.source not in ("strap", "simulated") or info.replay_of is not None:
        raise ValueError("only what was recorded at the home is copied")
    if not EARLIEST_NS <= info.started_at_utc_ns < LATEST_NS:
        raise ValueError("it began at no time there can be")
    return info


def check_entries(parcel: Entries) -> None:
    """Check that these can be entries of a recording.

    Raises
    ------
    ValueError
        When they cannot.
    """
    before = parcel.after
    if before < 0:
        raise ValueError("there is nothing before the first entry")
    for stored in parcel.entries:
        if not 0 < stored.sequence - before <= MOST_MISSING:
            raise ValueError("entries are not in their order")
        before = stored.sequence
        if len(stored.data) > MAX_PAYLOAD_BYTES or not 0 <= stored.t_ns < LAST_NS:
            raise ValueError("an entry is larger or later than there are any")
    if before >= 1 << 32:
        raise ValueError("there are too many entries")
    for channel in {stored.channel for stored in parcel.entries}:
        words = msgspec.structs.astuple(channel)
        if not channel.topic or any(len(word) > LONGEST_WORD for word in words):
            raise ValueError("a topic has no name that can be kept")


def same_session(info: SessionInfo, other: SessionInfo) -> bool:
    """Say whether two infos are of the same session, whoever it is called at."""
    return msgspec.structs.replace(info, person="") == msgspec.structs.replace(
        other, person=""
    )
