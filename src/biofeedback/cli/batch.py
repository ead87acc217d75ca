"""Many files at once: in a pool of processes, with a bar where somebody watches."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from biofeedback.errors import BiofeedbackError, NotSoError

Result = TypeVar("Result")
Work = Callable[[Path], Result]


def each(
    work: Work[Result], paths: Sequence[Path], jobs: int
) -> Iterator[Result | BiofeedbackError]:
    """Yield what ``work`` makes of each path, in their order.

    Parameters
    ----------
    work
        Can be sent to another process; its own errors are values.
    jobs
        Processes at once; 0 stands for one for each core. A single one needs no other
        process.
    """
    jobs = min(jobs or os.cpu_count() or 1, len(paths))
    if jobs <= 1:
        yield from map(work, paths)
        return
    with _pool(jobs) as pool:
        futures: list[Future[Result]] = [pool.submit(work, path) for path in paths]
        try:
            for path, future in zip(paths, futures, strict=True):
                outcome = _outcome(work, path, future)
                yield outcome
        except BaseException:  # Ctrl-C, or nobody wants the rest
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _outcome(
    work: Work[Result], path: Path, future: Future[Result]
) -> Result | BiofeedbackError:
    try:
        return future.result()
    except BrokenProcessPool:
        pass  # by this file or by one beside it: it is tried again alone
    with _pool(1) as alone:
        try:
            return alone.submit(work, path).result()
        except BrokenProcessPool:
            return NotSoError(
                f"'{path.name}' could not be analyzed: the process that did ended.",
                "It may have run out of memory; close other programs, or use fewer "
                "--jobs.",
            )


def _pool(jobs: int) -> ProcessPoolExecutor:
    # Spawned, not forked: the same on all systems, and no thread is copied half-way.
    return ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=_let_ctrl_c_end_it
    )


def _let_ctrl_c_end_it() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def watched(outcomes: Iterable[Result], total: int, what: str) -> Iterator[Result]:
    """Yield ``outcomes``, with a bar on the other stream if that is a terminal."""
    if total < 2 or not sys.stderr.isatty():
        yield from outcomes
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True) as progress:
        yield from progress.track(outcomes, total=total, description=what)
