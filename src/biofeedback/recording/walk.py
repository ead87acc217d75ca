"""One walk through a recording's bytes, from the magic to the end or to the damage."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mcap.opcode import Opcode
from mcap.records import Channel as McapChannel

from biofeedback.errors import RecordingError
from biofeedback.recording.durable import explained
from biofeedback.recording.format import (
    FIRST_SEQUENCE,
    PROFILE,
    Channel,
    Stored,
    announced,
)
from biofeedback.recording.frames import (
    MAGIC,
    DamageError,
    MessagePart,
    Part,
    any_metadata,
    check_end,
    frame_at,
    next_chunk,
    parse_attachment,
    parse_chunk,
    parse_header,
    parse_metadata,
)
from biofeedback.recording.sealed import opened


class Walk:
    """One pass over one file: where it is, what it has learned, what it has lost.

    Parameters
    ----------
    path
        The file.
    started_ns
        The start of the session in UTC, from which ``t_ns`` counts.
    salvage
        Skip damage and go on with the next whole chunk.
    gaps_allowed
        Whether sequences may be missing: only where it is known that some are.
    """

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
        self._elsewhere = False
        self._last = FIRST_SEQUENCE - 1
        self.lost_bytes = 0
        self.missing: list[tuple[int, int]] = []
        with self._open() as file:
            self._size = file.seek(0, 2)
            file.seek(max(self._size - len(MAGIC), 0))
            self.complete = file.read() == MAGIC and self._size > len(MAGIC)

    def metadata(self) -> dict[str, dict[str, str]]:
        """Return the metadata that comes before the first chunk, by name.

        Where that is damaged, salvage takes what stands elsewhere.
        """
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
            if not self._salvage and (self.complete or "session" not in found):
                raise self._damaged(damage) from damage
        if self._salvage and "session" not in found:
            with self._open() as file:
                for name, pairs in any_metadata(file, self._size):
                    found.setdefault(name, pairs)
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
                    if self._salvage:
                        self._learn_elsewhere(file)
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

    def channels(self) -> tuple[Channel, ...]:
        """Return the topics that were met so far, in the order of their numbers."""
        return tuple(self._channels[number] for number in sorted(self._channels))

    def goes_on_behind_damage(self) -> bool:
        """Say, after :meth:`entries`, whether a whole chunk follows what was lost.

        Then it is damage within; otherwise its end was torn.
        """
        if not self.lost_bytes:
            return False
        with self._open() as file:
            return (
                next_chunk(file, self._size - self.lost_bytes + 1, self._size)
                is not None
            )

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

    def _learn_elsewhere(self, file: BinaryIO) -> None:
        # What announced a topic may lie in the damage, in the chunk and before it.
        if self._elsewhere:
            return
        self._elsewhere = True
        for name, pairs in any_metadata(file, self._size):
            if name != "topic":
                continue
            try:
                number, channel = announced(pairs)
            except ValueError:
                continue
            self._channels.setdefault(number, channel)

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
        return _Opened(self._path, salvage=self._salvage)

    def _damaged(self, why: object) -> RecordingError:
        return RecordingError(
            f"The recording {self._path.name} is damaged: {why}.",
            f"'biofeedback recover {self._path.name}' saves what can be saved.",
        )


class _Opened:
    # The file, known to begin like a recording; system errors become sentences.

    def __init__(self, path: Path, *, salvage: bool) -> None:
        self._path = path
        self._salvage = salvage
        self._file: BinaryIO | None = None

    def __enter__(self) -> BinaryIO:
        name = self._path.name or str(self._path)
        try:
            self._file = file = opened(self._path)
            begin = file.read(len(MAGIC))
        except OSError as error:
            raise explained(f"{name} could not be read.", error) from error
        try:
            _check_begin(file, begin, name, salvage=self._salvage)
        except BaseException:
            file.close()
            raise
        return file

    def __exit__(self, *_: object) -> None:
        assert self._file is not None
        self._file.close()


def _check_begin(file: BinaryIO, begin: bytes, name: str, *, salvage: bool) -> None:
    if not begin:
        raise RecordingError(
            f"{name} is empty.", "The session ended before anything was recorded."
        )
    if salvage and _names_a_session(file):
        return
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


def _names_a_session(file: BinaryIO) -> bool:
    # Only this program writes such a record: its seal stands for the header's sake.
    size = file.seek(0, 2)
    return any(name == "session" for name, _ in any_metadata(file, size))
