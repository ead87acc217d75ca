"""What a fault left of a recording, counted."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from biofeedback.errors import RecordingError
from biofeedback.model import Value
from biofeedback.recording.format import Stored
from biofeedback.recording.reader import open_recording
from biofeedback.recording.recover import recover_file


class Outcome(Value, frozen=True, kw_only=True):
    """One try.

    ``acknowledged`` records were said to be safe, ``lost`` of them are not there
    afterwards, and ``wrong`` are there but not as they were written.
    """

    acknowledged: int
    lost: int
    wrong: int

    @property
    def kept_pct(self) -> float:
        """Share of the acknowledged records that are there, and right."""
        if not self.acknowledged:
            return 100.0
        return 100 * (self.acknowledged - self.lost - self.wrong) / self.acknowledged


class Report(Value, frozen=True, kw_only=True):
    """All tries of one fault."""

    fault: str
    outcomes: tuple[Outcome, ...]

    @property
    def acknowledged(self) -> int:
        """Records that were said to be safe, in all tries."""
        return sum(outcome.acknowledged for outcome in self.outcomes)

    @property
    def lost(self) -> int:
        """How many of them are not there."""
        return sum(outcome.lost for outcome in self.outcomes)

    @property
    def wrong(self) -> int:
        """How many of them are there, but not as they were written."""
        return sum(outcome.wrong for outcome in self.outcomes)

    @property
    def mean_pct(self) -> float:
        """What a try kept on the average."""
        return sum(o.kept_pct for o in self.outcomes) / len(self.outcomes)

    @property
    def least_pct(self) -> float:
        """What the worst try kept."""
        return min(outcome.kept_pct for outcome in self.outcomes)


class Truth:
    """What is in a recording before it is harmed."""

    def __init__(self, entries: Iterable[Stored]) -> None:
        self.entries = list(entries)
        self._by_sequence = {stored.sequence: stored for stored in self.entries}

    @classmethod
    def of(cls, path: Path) -> Truth:
        """Read it from the whole file."""
        return cls(open_recording(path).all())

    def compare(
        self, found: Iterable[Stored], acknowledged: int | None = None
    ) -> Outcome:
        """Count what of the first ``acknowledged`` sequences (all) was found."""
        if acknowledged is None:
            acknowledged = len(self.entries)
        there: set[int] = set()
        wrong = 0
        for stored in found:
            if stored.sequence in there or stored != self._by_sequence.get(
                stored.sequence
            ):
                wrong += 1
            else:
                there.add(stored.sequence)
        kept = sum(sequence <= acknowledged for sequence in there)
        return Outcome(
            acknowledged=acknowledged, lost=acknowledged - kept - wrong, wrong=wrong
        )


def read(path: Path, truth: Truth) -> Outcome:
    """Read a harmed file as everybody does: up to the damage, or not at all."""
    try:
        return truth.compare(open_recording(path).all())
    except RecordingError:
        return truth.compare(())


def recover(path: Path, truth: Truth) -> Outcome:
    """Do what `biofeedback recover` does, and read the new file."""
    out = path.with_name("out.mcap")
    try:
        done = recover_file(path, out)
    except RecordingError:
        return truth.compare(())
    outcome = truth.compare(open_recording(done.path).all())
    out.unlink(missing_ok=True)
    return outcome
