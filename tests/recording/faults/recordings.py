"""Recordings to be harmed: of a simulated heart, with all that was sent live."""

from __future__ import annotations

import shutil
from pathlib import Path

from biofeedback.model import Tick
from biofeedback.pipeline import Pipeline
from biofeedback.recording.compaction import Compaction
from biofeedback.recording.format import as_stored
from biofeedback.recording.reader import open_recording
from biofeedback.session.transcript import Transcript
from tests.recording.faults.outcome import Truth
from tests.recording.samples import new_writer
from tests.session.kill_writer import simulated_records

JOURNAL = "journal"
FINISHED = "finished file"
FORMS = (JOURNAL, FINISHED)


class Specimen:
    """One session, as its journal and as the finished file.

    ``folder`` is where harmed copies of them may lie. With ``kinds`` only these live
    messages are in it, so that it is read faster.
    """

    def __init__(
        self,
        folder: Path,
        seconds: int,
        *,
        seed: int = 1,
        kinds: frozenset[str] | None = None,
    ) -> None:
        self.seconds = seconds
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        part, final = folder / "whole.mcap.part", folder / "whole.mcap"
        _write(part, seconds, seed, kinds)
        Compaction(part, final, b'{"hr_bpm": 61}', keep=True).run()
        self.truth = Truth.of(part)
        self.journal = part.read_bytes()
        self.finished = final.read_bytes()
        self.info = open_recording(final).info
        self.bytes = {JOURNAL: self.journal, FINISHED: self.finished}

    def harmed(self, form: str, data: bytes) -> Path:
        """Put ``data`` where a journal or a finished file would lie, all alone."""
        home = self.folder / "harmed"
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        path = home / ("a.mcap" if form == FINISHED else "a.mcap.part")
        path.write_bytes(data)
        return path


def _write(part: Path, seconds: int, seed: int, kinds: frozenset[str] | None) -> None:
    writer = new_writer(part)
    transcript = Transcript(Pipeline())
    sequence = 0
    for record in map(as_stored, simulated_records(seed, seconds)):
        sequence += 1
        writer.record(sequence, record)
        for message in transcript.feed(record):
            if kinds is not None and message.kind not in kinds:
                continue
            sequence += 1
            writer.message(sequence, record.t_ns, message.kind, message.data)
        if isinstance(record, Tick):
            writer.sync()
    writer.close()
