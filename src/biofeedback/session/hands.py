"""Who does the work on many files: this process, a pool, or anybody's executor."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
)
from multiprocessing import get_context
from types import TracebackType
from typing import Protocol, Self, TypeVar

from biofeedback.errors import BiofeedbackError, NotSoError


class Named(Protocol):
    """A file wherever it is, by what sentences call it."""

    @property
    def name(self) -> str:
        """What sentences call it."""


Item = TypeVar("Item", bound=Named)
Result = TypeVar("Result")
Work = Callable[[Item], Result]
Waiting = deque[tuple[Item, Future[Result] | Result]]

IN_FLIGHT = 64
"""Files handed out at once: enough for tens of workers, and no queue of 100 000."""


class Hands:
    """Does work on files, and outlives the workers that die of it.

    Parameters
    ----------
    executor
        Does the work and stays open. Should it break, the rest is done by a process
        of our own, one file at a time. One that lives on where its workers died (Dask)
        is asked once more for a file beside which that happened.
    jobs
        Processes to start where there is no ``executor``; 1 works in this very process,
        0 starts one for each core.
    """

    def __init__(self, executor: Executor | None = None, jobs: int = 1) -> None:
        self._jobs = jobs or os.cpu_count() or 1
        self._theirs = executor
        self._own: ProcessPoolExecutor | None = None
        self._alone: ProcessPoolExecutor | None = None
        self.here = executor is None and self._jobs == 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for pool in (self._own, self._alone):
            if pool is not None:  # after Ctrl-C, nobody waits for the rest
                pool.shutdown(wait=kind is None, cancel_futures=True)

    def begin(self, work: Work[Item, Result], path: Item) -> Future[Result]:
        """Hand ``path`` out."""
        if self.here:
            return _done(work, path)
        try:
            return (self._theirs or self._pool()).submit(work, path)
        except BrokenExecutor:
            if self._theirs is None:
                self._own = None
                return self._pool().submit(work, path)
        broken: Future[Result] = Future()
        broken.set_exception(BrokenExecutor())
        return broken

    def outcome(
        self, work: Work[Item, Result], path: Item, future: Future[Result]
    ) -> Result | BiofeedbackError:
        """Wait for what became of ``path``.

        Raises
        ------
        BiofeedbackError
            That ``work`` raised.
        NotSoError
            When the executor was closed meanwhile.
        """
        try:
            return future.result()
        except BiofeedbackError:
            raise
        except BrokenExecutor:
            return self._again(work, path)  # it may have been a file beside it
        except CancelledError as error:
            raise NotSoError(
                "The executor was closed before all files were done.",
                "Start again: what was kept is not computed again.",
            ) from error
        except Exception as error:  # one file of thousands must not end the others
            if _killed(error):
                return self._once_more(work, path)
            return _failed(path, error)

    def _once_more(
        self, work: Work[Item, Result], path: Item
    ) -> Result | BiofeedbackError:
        # Dask blames all files that a dead worker held. Asked for one after the other,
        # those that only lay beside the one it died of go through.
        try:
            return self.begin(work, path).result()
        except BiofeedbackError:
            raise
        except Exception as error:
            return _died(path, error) if _killed(error) else _failed(path, error)

    def _again(self, work: Work[Item, Result], path: Item) -> Result | BiofeedbackError:
        if self._alone is None:
            self._alone = _pool(1)
        future = self._alone.submit(work, path)
        try:
            return future.result()
        except BiofeedbackError:
            raise
        except BrokenExecutor as error:
            self._alone = None
            return _died(path, error)
        except Exception as error:
            return _failed(path, error)

    def _pool(self) -> ProcessPoolExecutor:
        if self._own is None:
            self._own = _pool(self._jobs)
        return self._own


def processes(jobs: int, n_files: int) -> int:
    """Return how many processes are worth it; for ``jobs`` 0, one for each core."""
    return max(1, min(jobs or os.cpu_count() or 1, n_files))


def in_order(
    work: Work[Item, Result],
    paths: Iterable[Item],
    jobs: int = 1,
    *,
    executor: Executor | None = None,
    in_flight: int = IN_FLIGHT,
    known: Callable[[Item], Result | None] | None = None,
) -> Generator[tuple[Item, Result | BiofeedbackError], None, None]:
    """Yield each path with what ``work`` makes of it, in their order.

    Parameters
    ----------
    work
        Can be sent to another process; its own errors are values.
    paths
        May be endless: one is taken only when there is room for it.
    jobs, executor
        See :class:`Hands`.
    in_flight
        Files handed out at once, at most.
    known
        Gives what needs no work, at once; ``None`` for a path that does.
    """
    waiting: Waiting[Item, Result] = deque()
    with Hands(executor, jobs) as hands:
        room = 1 if hands.here else max(1, in_flight)
        try:
            for path in paths:
                at_once = known(path) if known is not None else None
                if at_once is not None:
                    waiting.append((path, at_once))
                else:
                    waiting.append((path, hands.begin(work, path)))
                while len(waiting) >= room or (waiting and _is_there(waiting[0][1])):
                    first = _next(hands, work, waiting)
                    yield first
            while waiting:
                last = _next(hands, work, waiting)
                yield last
        except BaseException:  # Ctrl-C, or nobody wants the rest
            for _, one in waiting:
                if isinstance(one, Future):
                    one.cancel()
            raise


def _next(
    hands: Hands, work: Work[Item, Result], waiting: Waiting[Item, Result]
) -> tuple[Item, Result | BiofeedbackError]:
    path, one = waiting.popleft()
    if isinstance(one, Future):
        return path, hands.outcome(work, path, one)
    return path, one


def _is_there(one: object) -> bool:
    return one.done() if isinstance(one, Future) else True


def _done(work: Work[Item, Result], path: Item) -> Future[Result]:
    future: Future[Result] = Future()
    try:
        future.set_result(work(path))
    except Exception as error:
        future.set_exception(error)
    return future


def _killed(error: Exception) -> bool:
    # By its name: Dask need not be there.
    return type(error).__name__ == "KilledWorker"


def _died(path: Named, cause: Exception) -> NotSoError:
    error = NotSoError(
        f"'{path.name}' could not be analyzed: the process that did ended.",
        "It may have run out of memory: give the workers of the cluster more."
        if _killed(cause)
        else "It may have run out of memory; close other programs, or use fewer "
        "--jobs.",
    )
    error.__cause__ = cause
    return error


def _failed(path: Named, cause: Exception) -> NotSoError:
    error = NotSoError(
        f"'{path.name}' could not be analyzed: {type(cause).__name__}.",
        "This should not happen to any file: please report it. The other files do not "
        "depend on it.",
    )
    error.__cause__ = cause
    return error


def _pool(jobs: int) -> ProcessPoolExecutor:
    # Spawned, not forked: the same on all systems, and no thread is copied half-way.
    return ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=_let_ctrl_c_end_it
    )


def _let_ctrl_c_end_it() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
