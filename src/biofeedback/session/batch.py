"""Thousands of files: each analyzed on its own, wherever there are hands for it.

Any :class:`concurrent.futures.Executor` does the work: processes of this machine, or a
cluster by way of ``dask.distributed.Client.get_executor()``. The numbers do not depend
on who computed them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from biofeedback.errors import BiofeedbackError, RecordingError
from biofeedback.model import Value
from biofeedback.session.hands import IN_FLIGHT, in_order
from biofeedback.session.provenance import sha256_of


class Parameters(Value, frozen=True):
    """What is asked of an analysis, as :func:`~.analysis.analyze_file` takes it."""

    window_s: float | None = None
    step_s: float | None = None
    column: str | None = None
    unit: str | None = None
    detrend: str = "line"

    @property
    def text(self) -> str:
        """All of them as JSON, in the same letters however they were given."""
        told = {
            name: float(value) if isinstance(value, int) else value  # 60 is 60.0
            for name, value in msgspec.to_builtins(self).items()
        }
        return json.dumps(told, sort_keys=True)

    @property
    def sha256(self) -> str:
        """A name for this choice: the SHA-256 of :attr:`text`."""
        return hashlib.sha256(self.text.encode()).hexdigest()


class Outcome(Value, frozen=True):
    """What became of one file.

    ``analysis`` is one object of ``analyze --json``; ``session`` the head of a
    recording (pseudonym, plan), ``None`` for text. ``sha256`` is that of the content,
    ``None`` where it is not known. ``lasting`` errors lie in the content: the same
    bytes would be refused again. ``skipped`` files were known already.
    """

    path: Path
    sha256: str | None = None
    analysis: dict[str, Any] | None = None
    session: dict[str, Any] | None = None
    error: Any = None  # a BiofeedbackError; msgspec does not look into it
    lasting: bool = False
    skipped: bool = False


def analyze_many(
    paths: Iterable[Path],
    *,
    parameters: Parameters | None = None,
    executor: Executor | None = None,
    jobs: int = 1,
    in_flight: int = IN_FLIGHT,
    skip: Callable[[str], bool] | None = None,
) -> Iterator[Outcome]:
    """Yield what the analysis of each path gives, in their order.

    Parameters
    ----------
    paths
        May be endless: a path is taken only when there is room for it.
    parameters
        What to compute; the same for all.
    executor
        Does the work, and stays open: it is yours. ``None`` starts ``jobs`` processes.
    jobs
        Processes to start where there is no ``executor``: 1 works in this one, 0 starts
        one for each core.
    in_flight
        Files handed out at once, at most.
    skip
        Is asked with the SHA-256 of each content before it is handed out; what it knows
        is not analyzed. Without it nothing is hashed beforehand.

    Raises
    ------
    SettingsError
        When the windows cannot be cut as asked.
    NotSoError
        When the executor was closed before all was done.

    Notes
    -----
    A worker that dies costs its own file only, whose outcome holds the error.
    """
    work = partial(_analyzed, parameters=parameters or Parameters())
    known = None if skip is None else partial(_known, skip=skip)
    for path, found in in_order(
        work, paths, jobs, executor=executor, in_flight=in_flight, known=known
    ):
        if isinstance(found, BiofeedbackError):
            yield Outcome(path=path, error=found)
        else:
            yield found


def _known(path: Path, skip: Callable[[str], bool]) -> Outcome | None:
    try:
        sha256 = sha256_of(path)
    except RecordingError as error:
        return Outcome(path=path, error=error)
    if skip(sha256):
        return Outcome(path=path, sha256=sha256, skipped=True)
    return None


def _analyzed(path: Path, parameters: Parameters) -> Outcome:
    from biofeedback.session.analysis import analyze_file
    from biofeedback.signal.segments import Detrend

    try:
        analysis = analyze_file(
            path,
            parameters.window_s,
            parameters.step_s,
            column=parameters.column,
            unit=parameters.unit,
            detrend=Detrend(parameters.detrend),
        )
        session = _head(path)
    except RecordingError as error:
        return _refused(path, error)
    sha256 = analysis["provenance"]["input"]["sha256"]
    return Outcome(path=path, sha256=sha256, analysis=analysis, session=session)


def _refused(path: Path, refusal: RecordingError) -> Outcome:
    try:
        sha256 = sha256_of(path)
    except RecordingError as error:  # a disk or a right: tomorrow it may be there
        return Outcome(path=path, error=error)
    return Outcome(path=path, sha256=sha256, error=refusal, lasting=True)


def _head(path: Path) -> dict[str, Any] | None:
    from biofeedback.recording.reader import open_recording
    from biofeedback.session.contents import is_recording

    if not is_recording(path):
        return None
    info = open_recording(path).info
    return {"id": info.id, "person": info.person, "plan": info.plan}
