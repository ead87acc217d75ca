"""Turns a journal into the finished recording: smaller, indexed, proven equal.

Each step leaves one good copy to go on from, whatever stops it: until
:meth:`Compaction.publish` that is the ``.part``, afterwards the finished file.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from biofeedback.errors import RecordingError
from biofeedback.model import Value
from biofeedback.recording import durable
from biofeedback.recording.dense import DenseWriter
from biofeedback.recording.layout import SUMMARY_NAME, Channels, write_preamble
from biofeedback.recording.metadata import sealed
from biofeedback.recording.reader import Recording, Survey, open_recording
from biofeedback.recording.sealed import opened, sha256_of

N_CHUNKS = 128
"""Into so many a recording is cut, so that damage to one costs less than 1 % of it."""

CHUNK_BYTES = (1 << 10, 256 << 10)
"""No chunk is smaller (it would compress badly) or larger (a seek would take long)."""

PART_SUFFIX = ".part"


class Compacted(Value, frozen=True):
    """A finished recording; ``sha256`` is that of the whole file.

    ``lost_bytes`` of the journal were damaged or torn, and ``missing`` are the ranges
    of sequences lost with them; both are zero and empty unless something went wrong.
    """

    path: Path
    size_bytes: int
    n_records: int
    sha256: str
    lost_bytes: int = 0
    missing: tuple[tuple[int, int], ...] = ()


def compact(part: Path, final: Path, summary: bytes | None = None) -> Compacted:
    """Make the finished recording ``final`` of the journal ``part``, and drop that.

    ``summary`` is attached as ``summary.json``. May be called again after any
    interruption. Blocks for about 1.5 s per hour of data.

    Raises
    ------
    RecordingError
        When ``part`` cannot be read, is still being written, or ``final`` cannot be
        written or is something else; ``part`` is then untouched.
    """
    return Compaction(part, final, summary).run()


class Compaction:
    """The steps of :func:`compact`: write, check, publish, tidy.

    ``recovery`` says why a journal is finished late; a ``recovery`` record is also
    written whenever something of the journal was lost. With ``keep`` the journal stays
    beside the finished file.
    """

    def __init__(
        self,
        part: Path,
        final: Path,
        summary: bytes | None = None,
        *,
        recovery: Mapping[str, str] | None = None,
        keep: bool = False,
    ) -> None:
        self._part = part
        self._final = final
        self._temporary = final.with_name(final.name + ".tmp")
        self._summary = summary
        self._why = recovery
        self._keep = keep

    @cached_property
    def _recording(self) -> Recording:
        return open_recording(self._part, salvage=True)

    @cached_property
    def _survey(self) -> Survey:
        return self._recording.survey(salvage=True)

    def run(self) -> Compacted:
        """Take all steps."""
        try:
            with Locked(self._part):
                if not self._is_published():
                    self.write()
                    self.check()
                    self.publish()
                if not self._keep:
                    self.tidy()
            return self._result()
        except OSError as error:
            raise durable.explained(
                f"The recording {self._final.name} could not be finished; "
                f"{self._part.name} still holds everything.",
                error,
            ) from error

    def write(self) -> None:
        """Write the temporary file and force it to the disk."""
        self._temporary.unlink(missing_ok=True)
        descriptor = durable.create(self._temporary)
        try:
            with os.fdopen(descriptor, "wb") as file:
                least, most = CHUNK_BYTES
                chunk_size = self._survey.n_bytes // N_CHUNKS
                mcap = DenseWriter(file, min(max(chunk_size, least), most))
                self._copy(mcap)
                mcap.finish()
                file.flush()
                durable.sync(file.fileno())
        except OSError:
            self._temporary.unlink(missing_ok=True)
            raise

    def check(self) -> None:
        """Read the temporary file back: it must hold exactly the same."""
        copy = open_recording(self._temporary)
        survey = copy.survey()
        same = (survey.n_records, survey.content_sha256) == (
            self._survey.n_records,
            self._survey.content_sha256,
        )
        if not (copy.complete and same and copy.summary() == self._summary):
            self._temporary.unlink()
            raise RecordingError(
                f"The finished copy of {self._part.name} differs from it and was "
                "removed.",
                "Nothing is lost. Check the disk and the memory of this computer.",
            )

    def publish(self) -> None:
        """Give the finished file its name, at once and for good."""
        os.replace(self._temporary, self._final)
        durable.sync_folder(self._final.parent)

    def tidy(self) -> None:
        """Remove the journal."""
        self._part.unlink()
        durable.sync_folder(self._part.parent)

    def _is_published(self) -> bool:
        # An earlier attempt may have been stopped just before tidy().
        if not self._final.exists():
            return False
        there = open_recording(self._final)
        if there.survey().content_sha256 == self._survey.content_sha256:
            return there.complete
        raise RecordingError(
            f"There is another recording named {self._final.name} already.",
            "Move one of the two away.",
        )

    def _copy(self, mcap: DenseWriter) -> None:
        recording = self._recording
        started_ns = recording.info.started_at_utc_ns
        write_preamble(
            mcap,
            session=recording.session,
            software=recording.software,
            recovery=self._loss_report(),
            origin=recording.origin,
        )
        channels = Channels(mcap)
        log_time = started_ns
        for stored in recording.salvage():
            log_time = started_ns + stored.t_ns
            mcap.add_message(
                channel_id=channels.id_of(stored.channel),
                log_time=log_time,
                publish_time=log_time,
                data=stored.data,
                sequence=stored.sequence,
            )
        if self._summary is not None:
            mcap.add_attachment(
                create_time=log_time,
                log_time=log_time,
                name=SUMMARY_NAME,
                media_type="application/json",
                data=self._summary,
            )
        # Without these nothing can be read, so they stand at both ends.
        mcap.add_metadata("session", sealed(recording.session))
        channels.announce_again()

    def _loss_report(self) -> dict[str, str] | None:
        survey = self._survey
        if self._why is None and not survey.lost_bytes and not survey.missing:
            return None
        ranges = ", ".join(f"{first}-{last}" for first, last in survey.missing)
        return {
            **(self._why or {}),
            "records_kept": str(survey.n_records),
            "bytes_lost": str(survey.lost_bytes),
            "sequences_missing": ranges,
        }

    def _result(self) -> Compacted:
        return weighed(
            self._final,
            self._survey.n_records,
            lost_bytes=self._survey.lost_bytes,
            missing=self._survey.missing,
        )


def weighed(
    path: Path,
    n_records: int,
    *,
    lost_bytes: int = 0,
    missing: tuple[tuple[int, int], ...] = (),
) -> Compacted:
    """Return what is to be known of a finished file of ``n_records``, sealed or not.

    Raises
    ------
    OSError
        When it cannot be read.
    """
    with opened(path) as file:
        size_bytes = file.seek(0, os.SEEK_END)
    return Compacted(
        path=path,
        size_bytes=size_bytes,
        n_records=n_records,
        sha256=sha256_of(path),
        lost_bytes=lost_bytes,
        missing=missing,
    )


class Locked:
    """Holds a journal's lock, so that a running session's is never touched.

    Raises
    ------
    BusyError
        On entering, when a session still writes it.
    OSError
        On entering, when it cannot be opened.
    """

    # Windows refuses to remove a file that is open, so it must not be open here.

    def __init__(self, part: Path) -> None:
        self._part = part
        self._descriptor = -1

    def __enter__(self) -> None:
        """Take the lock."""
        if sys.platform == "win32":
            return
        self._descriptor = os.open(self._part, os.O_RDONLY)
        if not durable.lock(self._descriptor):
            os.close(self._descriptor)
            raise BusyError(
                f"{self._part.name} is being written by a running session.",
                "End that session first.",
            )

    def __exit__(self, *_: object) -> None:
        """Let it go."""
        if self._descriptor >= 0:
            os.close(self._descriptor)


class BusyError(RecordingError):
    """The journal belongs to a session that is still running."""
