"""Thousands of files: each analyzed on its own, wherever there are hands for it.

Any :class:`concurrent.futures.Executor` does the work: processes of this machine, or a
:class:`~.cluster.Cluster`. The numbers do not depend on who computed them.

Whoever does the work fetches the file: those of a storage never pass through here. A
file is the same as before where its storage says so by its version, or else where its
content says so by its SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import msgspec

from biofeedback.errors import BiofeedbackError, RecordingError
from biofeedback.model import Value
from biofeedback.session.cluster import Cluster, differ
from biofeedback.session.hands import IN_FLIGHT, in_order
from biofeedback.session.places import Named, Place, place_of
from biofeedback.session.provenance import sha256_of, software


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


class Held(Value, frozen=True):
    """What a place held when it was last read: a content, and how its storage calls it.

    ``version`` is ``None`` where the storage promises nothing.
    """

    sha256: str
    version: str | None = None


class Memory(Protocol):
    """What is remembered of places, as :class:`~.results.Results` does."""

    def last(self, place: Named) -> Held | None:
        """Return what ``place`` held, if what that gives need not be computed again."""


class Outcome(Value, frozen=True):
    """What became of one file.

    ``analysis`` is one object of ``analyze --json``; ``session`` the head of a
    recording (pseudonym, plan), ``None`` for text. ``sha256`` is that of the content,
    ``None`` where it is not known; ``version`` what a storage calls this content, where
    it promises to mean no other. ``lasting`` errors lie in the content: the same bytes
    would be refused again. ``skipped`` files were known already.
    """

    path: Named
    sha256: str | None = None
    version: str | None = None
    analysis: dict[str, Any] | None = None
    session: dict[str, Any] | None = None
    error: Any = None  # a BiofeedbackError; msgspec does not look into it
    lasting: bool = False
    skipped: bool = False


class Task(Value, frozen=True):
    """A file to analyze, unless it still is what it was when it was last read."""

    place: Named
    held: Held | None = None

    @property
    def name(self) -> str:
        """What sentences call it."""
        return self.place.name


def analyze_many(
    paths: Iterable[Named | str],
    *,
    parameters: Parameters | None = None,
    executor: Executor | None = None,
    jobs: int = 1,
    in_flight: int | None = None,
    skip: Callable[[str], bool] | None = None,
    memory: Memory | None = None,
) -> Iterator[Outcome]:
    """Yield what the analysis of each path gives, in their order.

    Parameters
    ----------
    paths
        Paths, URLs or places. May be endless: one is taken only when there is room for
        it.
    parameters
        What to compute; the same for all.
    executor
        Does the work, and stays open: it is yours. ``None`` starts ``jobs`` processes.
    jobs
        Processes to start where there is no ``executor``: 1 works in this one, 0 starts
        one for each core.
    in_flight
        Files handed out at once, at most. ``None``: 64, or four for each thread of a
        larger cluster.
    skip
        Is asked with the SHA-256 of each content on this computer before it is handed
        out; what it knows is not analyzed. Without it nothing is hashed beforehand.
        The paths that go to a :class:`~.cluster.Cluster` are hashed there, for
        ``memory``.
    memory
        Remembers what places held. What did not change is not analyzed, and not even
        fetched where its storage says so.

    Raises
    ------
    SettingsError
        When the windows cannot be cut as asked, a package is missing, or a worker has
        other versions.
    NotSoError
        When the executor was closed, or the cluster went away, before all was done.

    Notes
    -----
    A worker that dies costs its own file only, whose outcome holds the error.
    """
    on_cluster = isinstance(executor, Cluster)
    work = partial(
        _analyzed,
        parameters=parameters or Parameters(),
        expected=software() if on_cluster else None,
    )
    if in_flight is None:
        in_flight = IN_FLIGHT
        if isinstance(executor, Cluster):
            in_flight = max(IN_FLIGHT, 4 * executor.n_threads)
    if on_cluster:
        skip = None
    known = partial(_known, skip=skip)
    tasks = (
        _task(path, memory, on_cluster=on_cluster, hashed=skip is not None)
        for path in paths
    )
    for task, found in in_order(
        work, tasks, jobs, executor=executor, in_flight=in_flight, known=known
    ):
        if isinstance(found, BiofeedbackError):
            yield Outcome(path=task.place, error=found)
        else:
            yield found


def _task(
    path: Named | str, memory: Memory | None, *, on_cluster: bool, hashed: bool
) -> Task:
    place = place_of(path) if isinstance(path, str) else path
    if isinstance(place, Path):
        if hashed:  # here, where all contents are known: no place needs remembering
            return Task(place=place)
        if on_cluster:
            place = place.absolute()  # a worker stands in a folder of its own
    return Task(place=place, held=None if memory is None else memory.last(place))


def _known(task: Task, skip: Callable[[str], bool] | None) -> Outcome | None:
    """Tell what is known of a file without fetching it."""
    place, held = task.place, task.held
    if isinstance(place, Place):
        if held is None or held.version is None or held.version != place.version:
            return None
        return Outcome(
            path=place, sha256=held.sha256, version=held.version, skipped=True
        )
    if skip is None:
        return None
    try:
        sha256 = sha256_of(place)
    except RecordingError as error:
        return Outcome(path=place, error=error)
    if skip(sha256):
        return Outcome(path=place, sha256=sha256, skipped=True)
    return None


def _analyzed(
    task: Task, parameters: Parameters, expected: dict[str, str] | None
) -> Outcome:
    """Analyze a file, here or wherever this runs."""
    if expected is not None:  # a worker of a cluster, which may have joined just now
        _check(expected)
    place = task.place
    if isinstance(place, Place):
        return _of_storage(place, task.held, parameters)
    if expected is not None and not place.exists():
        return Outcome(path=place, error=_unseen(place))
    if (same := _same(place, place, task.held)) is not None:
        return same
    return _of_file(place, parameters)


def _of_storage(place: Place, held: Held | None, parameters: Parameters) -> Outcome:
    from biofeedback.session.fetched import current_version, fetched

    try:
        if held is not None and held.version is not None:
            if current_version(place) == held.version:
                return Outcome(
                    path=place, sha256=held.sha256, version=held.version, skipped=True
                )
        with fetched(place) as found:
            outcome = _same(found.path, place, held)
            if outcome is None:
                outcome = _of_file(found.path, parameters)
    except RecordingError as error:
        return Outcome(path=place, error=error)
    if outcome.analysis is not None:
        outcome.analysis["file"] = place.name
    return msgspec.structs.replace(outcome, path=place, version=found.version)


def _same(path: Path, place: Named, held: Held | None) -> Outcome | None:
    """Tell that a file holds what it held before."""
    if held is None:
        return None
    try:
        same = sha256_of(path) == held.sha256
    except RecordingError:  # told by whoever reads it
        return None
    return Outcome(path=place, sha256=held.sha256, skipped=True) if same else None


def _of_file(path: Path, parameters: Parameters) -> Outcome:
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


def _unseen(path: Path) -> RecordingError:
    return RecordingError(
        f"The worker on '{socket.gethostname()}' does not see '{path}'.",
        "Put it in a folder that all workers share, or give the URL of a storage.",
    )


def _check(expected: dict[str, str]) -> None:
    here = software()
    if here != expected:
        raise differ(
            f"The worker on '{socket.gethostname()}'",
            {
                name: (here.get(name, "none"), version)
                for name, version in expected.items()
                if here.get(name) != version
            },
        )


def _head(path: Path) -> dict[str, Any] | None:
    from biofeedback.recording.reader import open_recording
    from biofeedback.session.contents import is_recording

    if not is_recording(path):
        return None
    info = open_recording(path).info
    return {"id": info.id, "person": info.person, "plan": info.plan}
