"""Reads a recording while it grows: each call goes on where the last one ended."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from mcap.opcode import Opcode

from biofeedback.recording.format import Stored
from biofeedback.recording.frames import (
    MAGIC,
    DamageError,
    frame_at,
    parse_chunk,
    parse_metadata,
)
from biofeedback.recording.walk import Walk

READ_BYTES = 1 << 20
"""So much is read at once: a sealed recording is opened as a whole each time."""


class Tail(Walk):
    """The entries of a recording, as they come to be safe on the disk.

    It holds no file open between calls and never reads a chunk twice. Of a journal that
    grows it must be told how far it is safe: what was written can be seen before it is
    on the disk. Damage ends it; only a reader of the whole file can say so.

    Parameters
    ----------
    path
        The journal, ``….mcap.part`` by custom, or a finished recording.
    started_ns
        The start of the session in UTC, from which ``t_ns`` counts.
    after
        Go on behind this sequence.
    gaps_allowed
        Whether sequences may be missing: only where it is known that some are.
    """

    def __init__(
        self, path: Path, *, started_ns: int, after: int = 0, gaps_allowed: bool = False
    ) -> None:
        super().__init__(path, started_ns=started_ns, gaps_allowed=gaps_allowed)
        self._after = after
        self._offset = len(MAGIC)
        self._held: deque[Stored] = deque()

    def more(self, safe: int | None, *, most_bytes: int) -> tuple[Stored, ...]:
        """Return what comes next, up to the sequence ``safe`` (``None``: all of it).

        At least one entry, where there is one, and else no more than ``most_bytes``.
        Blocks.

        Raises
        ------
        RecordingError
            When the recording is not there any more, or cannot be read.
        """
        found: list[Stored] = []
        n_bytes = 0
        while self._held or self._read_on(safe):
            entry = self._held[0]
            n_bytes += len(entry.data)
            if safe is not None and entry.sequence > safe:
                break
            if found and n_bytes > most_bytes:
                break
            found.append(self._held.popleft())
        return tuple(found)

    def _read_on(self, safe: int | None) -> bool:
        if safe is not None and self._last >= safe:
            return False
        n_bytes = 0
        with self._open() as file:
            size = file.seek(0, 2)
            while self._offset < size and n_bytes < READ_BYTES:
                try:
                    frame = frame_at(file, self._offset, size)
                    if frame.opcode == Opcode.DATA_END:
                        break
                    if frame.opcode == Opcode.CHUNK:
                        for entry in self._stored(parse_chunk(frame.body)):
                            if entry.sequence > self._after:
                                self._held.append(entry)
                                n_bytes += len(entry.data)
                    elif frame.opcode == Opcode.METADATA:
                        self._announced(*parse_metadata(frame.body))
                except DamageError:
                    break  # perhaps it is being written just now
                self._offset = frame.end
        return bool(self._held)
