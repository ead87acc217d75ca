"""The live journal: append-only, at most one second from the disk."""

from __future__ import annotations

import errno
import io
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping
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
    Stored,
    channel_of,
    encode,
    samples_channel,
)
from biofeedback.recording.layout import Channels, software_metadata, write_preamble
from biofeedback.recording.metadata import sealed, session_info, session_metadata
from biofeedback.recording.names import without_serial
from biofeedback.recording.walk import Walk
from biofeedback.wire.samples import signal_of

if TYPE_CHECKING:
    from typing_extensions import Buffer

MIN_FREE_BYTES = 50_000_000
"""An hour of heart alone takes 3 MB, and 1.3 MB more while it is being closed."""

LIVE_CHUNK_BYTES = 1 << 20

FLUSHES_PER_WRITER = 600
"""MCAP's writer keeps 365 bytes for each chunk until its end: begin a new one."""


AT_REST = -1
"""In place of a descriptor: the file is not open."""

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
    metadata
        Of a copy: the ``session``, ``software`` and ``recovery`` records of what it is
        a copy of, which are then written as they are.
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
        metadata: Mapping[str, Mapping[str, str]] | None = None,
        min_free_bytes: int = MIN_FREE_BYTES,
    ) -> None:
        known = metadata or {}
        session = known.get("session") or session_metadata(info, practice or {})
        self._begin(path, info, session, _create(path, min_free_bytes))
        write_preamble(
            self._mcap,
            session=session,
            software=known.get("software") or software_metadata(info.software),
            recovery=known.get("recovery"),
            origin=origin,
        )
        self.sync()

    def _begin(
        self, path: Path, info: SessionInfo, session: Mapping[str, str], descriptor: int
    ) -> None:
        self.path = path
        self.info = info
        self._utc_ns = info.started_at_utc_ns
        self._appending = threading.Lock()
        self._syncing = threading.Lock()
        self._failure: RecordingError | None = None
        self._closed = False
        self._last = self._safe = FIRST_SEQUENCE - 1
        self._good_bytes = 0
        self._descriptor = descriptor
        self._memory = _Memory()
        self._n_flushes = 0
        self._mcap = self._new_mcap()
        self._channels = Channels(self._mcap)
        self._session = sealed(session)

    @classmethod
    def going_on(
        cls, path: Path, told: Callable[[Stored], None] | None = None
    ) -> RecordingWriter:
        """Go on with a journal that was cut off: kill, crash, full disk, power cut.

        What was torn behind its last whole chunk is taken off the file; the next
        sequence follows what is left. Reads the whole file, and tells ``told`` each
        entry that is in it.

        Raises
        ------
        RecordingError
            When it is no journal, is finished, is being written, or is damaged before
            its end: it is then left as it is.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
        except OSError as error:
            raise _unopened(path, error) from error
        try:
            if not durable.lock(descriptor):
                raise RecordingError(
                    f"{path.name} is being written by a running session.",
                    "End that session first.",
                )
            return cls._gone_on(path, descriptor, told)
        except BaseException:
            os.close(descriptor)
            raise

    @classmethod
    def _gone_on(
        cls, path: Path, descriptor: int, told: Callable[[Stored], None] | None
    ) -> RecordingWriter:
        session = Walk(path).metadata()["session"]
        info = _info(path, session)
        walk = Walk(path, started_ns=info.started_at_utc_ns, gaps_allowed=True)
        if walk.complete:
            raise RecordingError(
                f"{path.name} is finished.", "Nothing can be added to it."
            )
        self = cls.__new__(cls)
        self._begin(path, info, session, descriptor)
        for stored in walk.entries():
            self._last = stored.sequence
            if told is not None:
                told(stored)
        if walk.goes_on_behind_damage():
            raise RecordingError(
                f"The recording {path.name} is damaged before its end.",
                f"'biofeedback recover {path.name}' saves what can be saved.",
            )
        self._safe = self._last
        self._good_bytes = path.stat().st_size - walk.lost_bytes
        try:
            os.ftruncate(descriptor, self._good_bytes)
            os.lseek(descriptor, self._good_bytes, os.SEEK_SET)
            durable.sync(descriptor)
        except OSError as error:
            raise _unopened(path, error) from error
        self._announce_again(walk.channels())
        return self

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

    def append(self, stored: Stored, *, after_gap: bool = False) -> None:
        """Append an entry of another recording of this session, as it is.

        ``after_gap`` says that the entries missing before it are missing there too.
        """
        if after_gap and stored.sequence > self._last:
            self._last = stored.sequence - 1
        self._append(stored.sequence, stored.channel, stored.t_ns, stored.data)

    @property
    def last(self) -> int:
        """The last sequence that was appended (0: none yet)."""
        return self._last

    @property
    def safe(self) -> int:
        """The last sequence that is safe on the disk."""
        return self._safe

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
                    self._announce_again(self._channels.all)
            try:
                descriptor = self._awake()
                durable.write_all(descriptor, data)
                durable.sync(descriptor)
            except OSError as error:
                raise self._fail(error) from error
            self._good_bytes += len(data)
            self._safe = last
            return last

    def rest(self) -> None:
        """Let the file go until the next :meth:`sync`, of which nothing is in it yet.

        Whoever writes thousands of journals cannot hold them all open. Meanwhile the
        file is not locked. One that is being synced is not let go: nobody waits here.
        """
        if not self._syncing.acquire(blocking=False):
            return
        try:
            if self._descriptor != AT_REST and not self._closed:
                os.close(self._descriptor)
                self._descriptor = AT_REST
        finally:
            self._syncing.release()

    def _awake(self) -> int:
        if self._descriptor == AT_REST:
            descriptor = os.open(self.path, os.O_WRONLY | getattr(os, "O_CLOEXEC", 0))
            self._descriptor = descriptor
            durable.lock(descriptor)
            if os.lseek(descriptor, 0, os.SEEK_END) != self._good_bytes:
                raise OSError(errno.EIO, "somebody else wrote it")
        return self._descriptor

    def _announce_again(self, known: Iterable[Channel]) -> None:
        self._mcap.add_metadata("session", self._session)
        self._channels = Channels(self._mcap, known)

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
                if self._descriptor != AT_REST:
                    os.close(self._descriptor)

    def _check(self) -> None:
        if self._failure is not None:
            known = RecordingError(self._failure.message, self._failure.advice)
            raise known from self._failure.__cause__
        if self._closed:
            raise RecordingError("This recording is closed.", "Start a new session.")

    def _fail(self, error: OSError) -> RecordingError:
        # After a failed fsync the system may have dropped the pages and call the next
        # one a success (fsyncgate, PostgreSQL 2018): never try again.
        failure = durable.explained(
            f"{self.path.name} could not be written any further.", error
        )
        failure.advice += " What was written so far is kept and can be recovered."
        failure.__cause__ = error  # a full disk stays that, whoever hears of it later
        with self._appending:
            self._failure = failure
        try:
            if self._descriptor != AT_REST:
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


def _info(path: Path, session: Mapping[str, str]) -> SessionInfo:
    try:
        return session_info(session)
    except ValueError as error:
        raise RecordingError(
            f"{path.name} does not say which session it holds ({error}).",
            "It may come from a newer version: update this program and try again.",
        ) from error


def _unopened(path: Path, error: OSError) -> RecordingError:
    return durable.explained(f"{path.name} could not be gone on with.", error)


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
