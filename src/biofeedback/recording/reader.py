"""Reads recordings, finished or not, and hands out only what a checksum vouches for.

The stock readers check CRCs only when asked to, give metadata no check at all, and
refuse unfinished files. This one walks the file frame by frame with one chunk in
memory:

- a finished file must be whole: every byte lies under a checksum, and the first that
  does not fit raises;
- an unfinished file (a session that is running, a process that was killed) ends where
  its last whole chunk does.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

from biofeedback.errors import RecordingError
from biofeedback.model import AnyRecord, SamplesEvent, SessionInfo, Value
from biofeedback.recording.format import (
    SAMPLES_KIND,
    Role,
    Stored,
    decode,
)
from biofeedback.recording.layout import SUMMARY_NAME
from biofeedback.recording.metadata import practice_of, session_info
from biofeedback.recording.walk import Walk
from biofeedback.wire.samples import decode_samples

ENVELOPE_BYTES = 31
"""What MCAP adds to each payload: code, length, channel, sequence and two times."""


class Survey(Value, frozen=True):
    """What is in a recording, counted and weighed.

    ``content_sha256`` covers sequence, log time, topic and payload of every entry;
    ``missing`` are the ranges of sequences that are not there, both ends included.
    ``n_bytes`` is what the entries take before compression.
    """

    n_inputs: int
    n_messages: int
    n_bytes: int
    last: int | None
    content_sha256: str
    lost_bytes: int
    missing: tuple[tuple[int, int], ...]

    @property
    def n_records(self) -> int:
        """Inputs and messages together."""
        return self.n_inputs + self.n_messages


class Recording:
    """One recording, opened for reading; holds no file open between calls.

    Every method that iterates reads the file anew. On a finished file, damage raises
    :class:`~biofeedback.errors.RecordingError` where it is met; an unfinished file
    ends there. With ``salvage`` it may also be damaged before its first record.
    """

    def __init__(self, path: Path, *, salvage: bool = False) -> None:
        walk = Walk(path, salvage=salvage)
        metadata = walk.metadata()
        self.path = path
        self.complete: bool = walk.complete
        self.session: Mapping[str, str] = metadata["session"]
        self.software: Mapping[str, str] = metadata.get("software", {})
        self.recovery: Mapping[str, str] | None = metadata.get("recovery")
        self.origin: Mapping[str, str] | None = metadata.get("import")
        try:
            self.info: SessionInfo = session_info(self.session)
        except ValueError as error:
            raise RecordingError(
                f"{path.name} does not say which session it holds ({error}).",
                "It may come from a newer version: update this program and try again.",
            ) from error

    @property
    def practice(self) -> dict[str, str]:
        """What was noted of the practice (``unknown`` where it was not)."""
        return practice_of(self.session)

    def all(self) -> Iterator[Stored]:
        """Yield everything in the order of sequence."""
        return self._walk().entries()

    def inputs(self) -> Iterator[tuple[int, AnyRecord]]:
        """Yield each input with its sequence: what a replay is fed with."""
        for stored in self.all():
            if stored.channel.role is Role.INPUT:
                yield stored.sequence, decode(stored)

    def outputs(self) -> Iterator[tuple[int, str, bytes]]:
        """Yield sequence, kind and JSON text of each message that was sent live.

        Samples are in :meth:`samples`.
        """
        for stored in self.all():
            channel = stored.channel
            if channel.role is not Role.INPUT and channel.kind != SAMPLES_KIND:
                yield stored.sequence, channel.kind, stored.data

    def samples(self) -> Iterator[tuple[int, SamplesEvent]]:
        """Yield sequence and content of each frame of ECG or acceleration."""
        for stored in self.all():
            if stored.channel.kind != SAMPLES_KIND:
                continue
            try:
                _, event = decode_samples(stored.data, stored.channel.source)
            except ValueError as error:
                raise RecordingError(
                    f"Record {stored.sequence} on {stored.channel.topic} cannot be "
                    f"understood ({error}).",
                    "It may come from a newer version: update this program and try "
                    "again.",
                ) from error
            yield stored.sequence, event

    def salvage(self) -> Iterator[Stored]:
        """Yield what can be saved: damage is skipped, up to the next whole chunk."""
        return self._walk(salvage=True).entries()

    def summary(self) -> bytes | None:
        """Return ``summary.json``; ``None`` when there is none."""
        return self._walk().attachment(SUMMARY_NAME)

    def survey(self, *, salvage: bool = False) -> Survey:
        """Read everything once, and count it."""
        walk = self._walk(salvage=salvage)
        started_ns = self.info.started_at_utc_ns
        digest = hashlib.sha256()
        n_inputs = n_records = n_bytes = 0
        last: int | None = None
        for stored in walk.entries():
            last = stored.sequence
            n_records += 1
            n_inputs += stored.channel.role is Role.INPUT
            n_bytes += ENVELOPE_BYTES + len(stored.data)
            digest.update(struct.pack("<IQ", last, started_ns + stored.t_ns))
            for part in (stored.channel.topic.encode(), stored.data):
                digest.update(struct.pack("<I", len(part)) + part)
        return Survey(
            n_inputs=n_inputs,
            n_messages=n_records - n_inputs,
            n_bytes=n_bytes,
            last=last,
            content_sha256=digest.hexdigest(),
            lost_bytes=walk.lost_bytes,
            missing=tuple(walk.missing),
        )

    def _walk(self, *, salvage: bool = False) -> Walk:
        return Walk(
            self.path,
            started_ns=self.info.started_at_utc_ns,
            salvage=salvage,
            gaps_allowed=salvage or self.recovery is not None,
        )


def open_recording(path: Path | str, *, salvage: bool = False) -> Recording:
    """Open a recording, finished or not.

    With ``salvage`` its beginning may be damaged, as long as it says anywhere which
    session it holds; then only :meth:`Recording.salvage` can read it.

    Raises
    ------
    RecordingError
        With a sentence: not there, a folder, empty, foreign, too new, or damaged
        before its first record.
    """
    return Recording(Path(path), salvage=salvage)
