"""The live journal: append-only, at most one second from the disk."""

from __future__ import annotations

import io
import os
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mcap.writer import CompressionType, IndexType, Writer

from biofeedback.errors import RecordingError
from biofeedback.model import AnyRecord, LinkChange, SessionInfo
from biofeedback.recording import durable
from biofeedback.recording.format import (
    FIRST_SEQUENCE,
    MAX_PAYLOAD_BYTES,
    MESSAGE_CHANNELS,
    SAMPLES_KIND,
    Channel,
    channel_of,
    encode,
    samples_channel,
)
from biofeedback.recording.layout import Channels, software_metadata, write_preamble
from biofeedback.recording.metadata import sealed, session_metadata
from biofeedback.recording.names import without_serial
from biofeedback.wire.samples import signal_of

if TYPE_CHECKING:
    from typing_extensions import Buffer

MIN_FREE_BYTES = 50_000_000
"""An hour of heart alone takes 3 MB, and 1.3 MB more while it is being closed."""

LIVE_CHUNK_BYTES = 1 << 20

FLUSHES_PER_WRITER = 600
"""MCAP's writer keeps 365 bytes for each chunk until its end: begin a new one."""


SAID_AGAIN_AFTER = (10, 100)
"""After so many flushes, or seconds, session and topics are announced once more: a
damaged beginning must not cost what follows."""


class RecordingWriter:
    """Writes one session to a new file, ``….mcap.part`` by custom.

    :meth:`record` and :meth:`message` only touch memory. You must call :meth:`sync`
    at least once a second, from any thread; what it returns is safe on disk. The
    file has no end mark: :func:`~biofeedback.recording.compaction.compact` makes the
    finished recording of it, and until then every reader takes its valid part.

    Parameters
    ----------
    path
        The file to create; it must not exist.
    info
        What is known of the session; a serial number in ``strap_name`` is left out.
    practice
        What is known of the practice (see :data:`.metadata.UNKNOWN_PRACTICE`).
    origin
        Where an imported session came from.
    min_free_bytes
        Refuse to begin with less free space than this.

    Raises
    ------
    RecordingError
        When the file cannot be created, or when anything cannot be written. After
        the first such failure all further calls refuse: what is on disk stays valid.
    """

    def __init__(
        self,
        path: Path,
        info: SessionInfo,
        *,
        practice: Mapping[str, str] | None = None,
        origin: Mapping[str, str] | None = None,
        min_free_bytes: int = MIN_FREE_BYTES,
    ) -> None:
        self.path = path
        self._utc_ns = info.started_at_utc_ns
        self._appending = threading.Lock()
        self._syncing = threading.Lock()
        self._failure: RecordingError | None = None
        self._closed = False
        self._last = FIRST_SEQUENCE - 1
        self._good_bytes = 0
        self._descriptor = _create(path, min_free_bytes)
        self._memory = _Memory()
        self._n_flushes = 0
        self._mcap = self._new_mcap()
        self._channels = Channels(self._mcap)
        session = session_metadata(info, practice or {})
        self._session = sealed(session)
        write_preamble(
            self._mcap,
            session=session,
            software=software_metadata(info.software),
            origin=origin,
        )
        self.sync()

    def record(self, sequence: int, record: AnyRecord) -> None:
        """Append an input; ``sequence`` counts from 1, messages included."""
        if isinstance(record, LinkChange) and record.strap is not None:
            name = record.strap.name
            if name != without_serial(name):
                raise ValueError("pass records through as_stored() first")
        self._append(sequence, channel_of(record), record.t_ns, encode(record))

    def message(
        self, sequence: int, t_ns: int, kind: str, data: bytes, source: str = "strap"
    ) -> None:
        """Append a live message as it was sent, at ``t_ns``.

        Messages and records share one count. ``source`` counts for samples only.
        """
        if kind == SAMPLES_KIND:
            channel = samples_channel(signal_of(data), source)
        else:
            channel = MESSAGE_CHANNELS[kind]
        self._append(sequence, channel, t_ns, data)

    def _append(self, sequence: int, channel: Channel, t_ns: int, data: bytes) -> None:
        if len(data) > MAX_PAYLOAD_BYTES:
            raise ValueError(f"{len(data)} bytes are too many for one record")
        with self._appending:
            self._check()
            if sequence != self._last + 1:
                raise ValueError(f"sequence {sequence} does not follow {self._last}")
            log_time = self._utc_ns + t_ns
            self._mcap.add_message(
                channel_id=self._channels.id_of(channel),
                log_time=log_time,
                publish_time=log_time,
                data=data,
                sequence=sequence,
            )
            self._last = sequence

    def sync(self) -> int:
        """Bring everything appended so far to the disk; may take a while.

        Returns
        -------
        int
            The last sequence that is now safe (0: none yet).
        """
        with self._syncing:
            with self._appending:
                self._check()
                self._mcap.flush()  # type: ignore[no-untyped-call]
                data, last = self._memory.take(), self._last
                self._n_flushes += 1
                if (
                    self._n_flushes in SAID_AGAIN_AFTER
                    or self._n_flushes % FLUSHES_PER_WRITER == 0
                ):
                    self._mcap = self._new_mcap()
                    self._mcap.add_metadata("session", self._session)
                    self._channels = self._channels.announced_by(self._mcap)
            try:
                durable.write_all(self._descriptor, data)
                durable.sync(self._descriptor)
            except OSError as error:
                raise self._fail(error) from error
            self._good_bytes += len(data)
            return last

    def _new_mcap(self) -> Writer:
        return Writer(
            self._memory,
            chunk_size=LIVE_CHUNK_BYTES,
            compression=CompressionType.ZSTD,
            index_types=IndexType.NONE,
        )

    def close(self) -> None:
        """Sync and close; the ``.part`` file stays. Closing twice is harmless."""
        if self._closed:
            return
        try:
            if self._failure is None:
                self.sync()
        finally:
            with self._syncing, self._appending:
                self._closed = True
                os.close(self._descriptor)

    def _check(self) -> None:
        if self._failure is not None:
            raise RecordingError(self._failure.message, self._failure.advice)
        if self._closed:
            raise RecordingError("This recording is closed.", "Start a new session.")

    def _fail(self, error: OSError) -> RecordingError:
        # After a failed fsync the system may have dropped the pages and call the next
        # one a success (fsyncgate, PostgreSQL 2018): never try again.
        failure = durable.explained(
            f"{self.path.name} could not be written any further.", error
        )
        failure.advice += " What was written so far is kept and can be recovered."
        with self._appending:
            self._failure = failure
        try:
            os.ftruncate(self._descriptor, self._good_bytes)
        except OSError:
            pass  # readers stop at the torn chunk anyway
        return RecordingError(failure.message, failure.advice)


class _Memory(io.BytesIO):
    # What the MCAP writer sees as its file, so that it never waits for the disk. Its
    # position counts on while the bytes are taken out.

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._size = 0

    def write(self, data: Buffer, /) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._size += len(part)
        return len(part)

    def tell(self) -> int:
        return self._size

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data


def _create(path: Path, min_free_bytes: int) -> int:
    try:
        descriptor = durable.create(path)
    except OSError as error:
        raise durable.explained(
            f"The recording {path.name} could not be created.", error
        ) from error
    free_bytes = shutil.disk_usage(path.parent).free
    if free_bytes < min_free_bytes:
        os.close(descriptor)
        path.unlink()
        raise RecordingError(
            f"Only {free_bytes / 1e6:.0f} MB are free on the disk; a recording needs "
            f"{min_free_bytes / 1e6:.0f} MB to begin.",
            "Free some space, or choose a folder on another disk.",
        )
    durable.lock(descriptor)
    return descriptor
