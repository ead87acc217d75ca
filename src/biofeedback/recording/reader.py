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
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from mcap.opcode import Opcode
from mcap.records import Channel as McapChannel

from biofeedback.errors import RecordingError
from biofeedback.model import AnyRecord, SessionInfo, Value
from biofeedback.recording.durable import explained
from biofeedback.recording.format import (
    FIRST_SEQUENCE,
    PROFILE,
    Channel,
    Role,
    Stored,
    announced,
    decode,
    practice_of,
    session_info,
)
from biofeedback.recording.frames import (
    MAGIC,
    DamageError,
    MessagePart,
    Part,
    check_end,
    frame_at,
    next_chunk,
    parse_attachment,
    parse_chunk,
    parse_header,
    parse_metadata,
)
from biofeedback.recording.layout import SUMMARY_NAME


class Survey(Value, frozen=True):
    """What is in a recording, counted and weighed.

    ``content_sha256`` covers sequence, log time, topic and payload of every entry;
    ``missing`` are the ranges of sequences that are not there, both ends included.
    """

    n_inputs: int
    n_messages: int
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
    ends there.
    """

    def __init__(self, path: Path) -> None:
        walk = _Walk(path)
        metadata = walk.metadata()
        self.path = path
        self.complete: bool = walk.complete
        self.session: Mapping[str, str] = metadata["session"]
        self.software: Mapping[str, str] = metadata.get("software", {})
        self.recovery: Mapping[str, str] | None = metadata.get("recovery")
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
        """Yield sequence, kind and JSON text of each message that was sent live."""
        for stored in self.all():
            if stored.channel.role is not Role.INPUT:
                yield stored.sequence, stored.channel.kind, stored.data

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
        n_inputs = n_records = 0
        last: int | None = None
        for stored in walk.entries():
            last = stored.sequence
            n_records += 1
            n_inputs += stored.channel.role is Role.INPUT
            digest.update(struct.pack("<IQ", last, started_ns + stored.t_ns))
            for part in (stored.channel.topic.encode(), stored.data):
                digest.update(struct.pack("<I", len(part)) + part)
        return Survey(
            n_inputs=n_inputs,
            n_messages=n_records - n_inputs,
            last=last,
            content_sha256=digest.hexdigest(),
            lost_bytes=walk.lost_bytes,
            missing=tuple(walk.missing),
        )

    def _walk(self, *, salvage: bool = False) -> _Walk:
        return _Walk(
            self.path,
            started_ns=self.info.started_at_utc_ns,
            salvage=salvage,
            gaps_allowed=salvage or self.recovery is not None,
        )


def open_recording(path: Path | str) -> Recording:
    """Open a recording, finished or not.

    Raises
    ------
    RecordingError
        With a sentence: not there, a folder, empty, foreign, too new, or damaged
        before its first record.
    """
    return Recording(Path(path))


class _Walk:
    # One pass over one file: where it is, what it has learned, what it has lost.

    def __init__(
        self,
        path: Path,
        *,
        started_ns: int = 0,
        salvage: bool = False,
        gaps_allowed: bool = False,
    ) -> None:
        self._path = path
        self._started_ns = started_ns
        self._salvage = salvage
        self._gaps_allowed = gaps_allowed
        self._channels: dict[int, Channel] = {}
        self._last = FIRST_SEQUENCE - 1
        self.lost_bytes = 0
        self.missing: list[tuple[int, int]] = []
        with self._open() as file:
            self._size = file.seek(0, 2)
            file.seek(max(self._size - len(MAGIC), 0))
            self.complete = file.read() == MAGIC and self._size > len(MAGIC)

    def metadata(self) -> dict[str, dict[str, str]]:
        """Return the metadata that comes before the first chunk, by name."""
        found: dict[str, dict[str, str]] = {}
        offset = len(MAGIC)
        try:
            with self._open() as file:
                while offset < self._size:
                    frame = frame_at(file, offset, self._size)
                    if frame.opcode == Opcode.METADATA:
                        name, pairs = parse_metadata(frame.body)
                        found[name] = pairs
                    elif frame.opcode in (Opcode.CHUNK, Opcode.DATA_END):
                        break
                    offset = frame.end
        except DamageError as damage:
            if self.complete or "session" not in found:
                raise self._damaged(damage) from damage
        if "session" not in found:
            raise self._damaged("it does not say which session it holds")
        return found

    def attachment(self, wanted: str) -> bytes | None:
        """Return the bytes of an attachment; ``None`` when there is none."""
        offset = len(MAGIC)
        try:
            with self._open() as file:
                while offset < self._size:
                    frame = frame_at(file, offset, self._size)
                    if frame.opcode == Opcode.ATTACHMENT:
                        name, data = parse_attachment(frame.body)
                        if name == wanted:
                            return data
                    elif frame.opcode == Opcode.DATA_END:
                        break
                    offset = frame.end
        except DamageError as damage:
            if self.complete:
                raise self._damaged(damage) from damage
        return None

    def entries(self) -> Iterator[Stored]:
        """Yield everything that checksums vouch for, in order."""
        strict = self.complete and not self._salvage
        crc = zlib.crc32(MAGIC)
        offset = len(MAGIC)
        with self._open() as file:
            while offset < self._size:
                found: list[Stored] = []
                try:
                    frame = frame_at(file, offset, self._size)
                    if frame.opcode == Opcode.DATA_END:
                        if strict:
                            check_end(file, frame, crc, self._size)
                        return
                    if frame.opcode == Opcode.CHUNK:
                        found = self._stored(parse_chunk(frame.body))
                    elif frame.opcode == Opcode.METADATA:
                        self._announced(*parse_metadata(frame.body))
                    elif frame.opcode == Opcode.ATTACHMENT:
                        parse_attachment(frame.body)
                except DamageError as damage:
                    if strict:
                        raise self._damaged(damage) from damage
                    go_on = (
                        next_chunk(file, offset + 1, self._size)
                        if self._salvage
                        else None
                    )
                    lost_to = self._size if go_on is None else go_on
                    self.lost_bytes += lost_to - offset
                    offset = lost_to
                    continue
                yield from found
                offset = frame.end
                if strict:
                    crc = zlib.crc32(frame.body, zlib.crc32(frame.head, crc))
        if strict:
            raise self._damaged("its end is missing")

    def _stored(self, parts: list[Part]) -> list[Stored]:
        found = []
        for part in parts:
            if isinstance(part, MessagePart):
                channel = self._channels.get(part.channel_id)
                if channel is None:
                    if self._salvage:
                        continue  # its announcement was in a chunk that is lost
                    raise DamageError("a record belongs to no topic")
                if part.sequence != self._last + 1:
                    self._note_gap(part.sequence)
                self._last = part.sequence
                found.append(
                    Stored(
                        sequence=part.sequence,
                        channel=channel,
                        t_ns=part.log_time - self._started_ns,
                        data=part.payload,
                    )
                )
            else:
                self._learn(part)
        return found

    def _announced(self, name: str, pairs: dict[str, str]) -> None:
        if name != "topic":
            return
        try:
            number, channel = announced(pairs)
        except ValueError as error:
            raise DamageError(f"a topic makes no sense ({error})") from error
        self._channels[number] = channel

    def _learn(self, channel: McapChannel) -> None:
        try:
            self._channels[channel.id] = Channel.from_mcap(
                channel.topic, channel.message_encoding, channel.metadata
            )
        except ValueError as error:
            raise DamageError(f"a topic makes no sense ({error})") from error

    def _note_gap(self, sequence: int) -> None:
        expected = self._last + 1
        if sequence < expected:
            raise DamageError(f"record {sequence} is out of order")
        if not self._gaps_allowed:
            raise DamageError(f"record {expected} is missing")
        self.missing.append((expected, sequence - 1))

    def _open(self) -> _Opened:
        return _Opened(self._path)

    def _damaged(self, why: object) -> RecordingError:
        return RecordingError(
            f"The recording {self._path.name} is damaged: {why}.",
            f"'biofeedback recover {self._path.name}' saves what can be saved.",
        )


class _Opened:
    # The file, known to begin like a recording; system errors become sentences.

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None

    def __enter__(self) -> BinaryIO:
        name = self._path.name or str(self._path)
        try:
            self._file = file = self._path.open("rb")
            begin = file.read(len(MAGIC))
        except OSError as error:
            raise explained(f"{name} could not be read.", error) from error
        try:
            _check_begin(file, begin, name)
        except BaseException:
            file.close()
            raise
        return file

    def __exit__(self, *_: object) -> None:
        assert self._file is not None
        self._file.close()


def _check_begin(file: BinaryIO, begin: bytes, name: str) -> None:
    if not begin:
        raise RecordingError(
            f"{name} is empty.", "The session ended before anything was recorded."
        )
    if begin != MAGIC:
        raise RecordingError(
            f"{name} is not a recording.",
            "Choose a file that ends in .mcap, or import it first.",
        )
    try:
        frame = frame_at(file, len(MAGIC), file.seek(0, 2))
        if frame.opcode != Opcode.HEADER:
            raise DamageError("its head is missing")
        profile = parse_header(frame.body)
    except DamageError as damage:
        raise RecordingError(
            f"The recording {name} is damaged: {damage}.",
            "Nothing can be read from it; look for a copy.",
        ) from damage
    if profile != PROFILE:
        family = PROFILE.partition("/")[0]
        if profile.startswith(f"{family}/"):
            raise RecordingError(
                f"{name} was written by a newer version of this program.",
                "Update this program and try again.",
            )
        raise RecordingError(
            f"{name} is an MCAP file, but of another program.",
            "Choose a recording made by this program.",
        )
