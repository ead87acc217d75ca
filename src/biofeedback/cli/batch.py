"""Many files at once: in a pool of processes, with a bar where somebody watches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from biofeedback.errors import BiofeedbackError

Result = TypeVar("Result")


def each(
    work: Callable[[Path], Result], paths: Sequence[Path], jobs: int
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
    from biofeedback.session.hands import in_order, processes

    for _, outcome in in_order(work, paths, processes(jobs, len(paths))):
        yield outcome


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
