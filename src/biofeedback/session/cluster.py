"""A Dask cluster as an executor: its scheduler hands out, its workers compute.

What can go wrong with it is told in a sentence: nobody answers, versions differ, the
scheduler or all workers went away. Nothing of that loses what was kept.
"""

from __future__ import annotations

import concurrent.futures
import logging
import re
import socket
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, InvalidStateError
from contextlib import contextmanager, suppress
from functools import partial
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from biofeedback.errors import NotSoError, PackageError, SettingsError
from biofeedback.session.provenance import PARTS

P = ParamSpec("P")
T = TypeVar("T")

Versions = Mapping[str, str | None]

ADDRESS = re.compile(r"(tcp|tls)://(\[[^]]+\]|[^:/\[]+):(\d+)/?")

NUMBERS = ("biofeedback", *PARTS)
"""What numbers depend on: the same here and at each worker."""

TALK = ("python", "dask", "distributed")
"""What they talk with: the same everywhere."""

POLL_S = 1.0
CONNECT_S = 10.0
PATIENCE_S = 60.0
"""How long a cluster may be without any worker: they may be starting again."""

AGAIN = "What was kept stays: start again, and the rest is computed."


class ClusterError(NotSoError):
    """A cluster that cannot be reached, or went away."""


class Cluster(Executor):
    """The workers of a Dask cluster, as an executor.

    Parameters
    ----------
    address
        Of the scheduler: ``tcp://host:8786``, or ``tls://…`` with the certificates
        that Dask's own settings name.
    connect_s
        How long to wait for an answer.
    patience_s
        How long it may be without any worker, at the beginning and later.

    Raises
    ------
    SettingsError
        When the address is none, Dask is missing, or versions differ.
    ClusterError
        When nobody answers, or there are no workers.
    """

    def __init__(
        self,
        address: str,
        *,
        connect_s: float = CONNECT_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        found = ADDRESS.fullmatch(address)
        if found is None:
            raise SettingsError(
                f"'{address}' is no address of a Dask scheduler.",
                "Give one such as tcp://host:8786 or tls://host:8786.",
            )
        self.address = address
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._waiting: set[Future[Any]] = set()
        self._gone: ClusterError | None = None
        self._closed = threading.Event()
        distributed = _distributed()
        _reach(found[1], found[2].strip("[]"), int(found[3]), connect_s)
        with _told(address):
            self._client = distributed.Client(
                address, timeout=connect_s, set_as_default=False, name="biofeedback"
            )
        # Not 'pure': the same file may hold something else now.
        self._executor = self._client.get_executor(pure=False)
        try:
            self._check()
        except BaseException:
            self._close()
            raise
        threading.Thread(target=self._watch, name="cluster", daemon=True).start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.shutdown(wait=kind is None)  # after Ctrl-C, nobody waits for the rest

    @property
    def n_threads(self) -> int:
        """How many files the workers compute at once, as of now."""
        with _told(self.address):
            return sum(self._client.nthreads().values())

    def submit(
        self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """Hand work out.

        Raises
        ------
        ClusterError
            When the cluster went away.
        """
        ours: Future[T] = Future()
        with self._lock:
            if self._gone is not None:
                raise self._gone
            self._waiting.add(ours)
        try:
            theirs = self._executor.submit(fn, *args, **kwargs)
        except Exception as error:
            with self._lock:
                self._waiting.discard(ours)  # nobody ever tells what became of it
            raise self._lost() from error
        ours.add_done_callback(partial(self._take_back, theirs))
        theirs.add_done_callback(partial(self._done, ours))
        return ours

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster, which goes on; what is queued of ours is cancelled."""
        with self._lock:
            waiting = list(self._waiting)
        if wait and not cancel_futures:
            concurrent.futures.wait(waiting)
        for one in waiting:
            one.cancel()
        self._close()

    def _done(self, ours: Future[Any], theirs: Future[Any]) -> None:
        """Tell what became of work, in the thread of Dask's loop."""
        with self._lock:
            self._waiting.discard(ours)
        with suppress(InvalidStateError):  # ours was cancelled
            if theirs.cancelled():  # as all are when the link to the scheduler breaks
                ours.set_exception(self._lost())
            elif (error := theirs.exception()) is not None:
                ours.set_exception(error)
            else:
                ours.set_result(theirs.result())

    def _take_back(self, theirs: Future[Any], ours: Future[Any]) -> None:
        with self._lock:
            self._waiting.discard(ours)
        if ours.cancelled() and self._client.status == "running":
            with suppress(Exception):  # the scheduler goes, and has forgotten it
                theirs.cancel()

    def _check(self) -> None:
        with _told(self.address):
            with suppress(TimeoutError):
                self._client.wait_for_workers(1, timeout=self._patience_s)
            found = self._client.get_versions(packages=list(NUMBERS))
        if not found["workers"]:
            raise ClusterError(
                f"The cluster at {self.address} has no workers.",
                f"Start one: dask worker {self.address}.",
            )
        here = found["client"]["packages"]
        _compare("The scheduler", found["scheduler"]["packages"], here, TALK)
        for name, worker in found["workers"].items():
            who = f"The worker at {name}"
            _compare(who, worker["packages"], here, (*NUMBERS, *TALK))

    def _watch(self) -> None:
        """Notice that nobody is there any more to do the work."""
        alone_s = 0.0
        while not self._closed.wait(POLL_S):
            if not self._waiting:
                alone_s = 0.0
                continue
            try:
                alone_s = 0.0 if self._client.nthreads() else alone_s + POLL_S
            except Exception:  # its words are of threads and streams
                if self._client.status != "running":
                    self._fail(self._lost())
                continue
            if alone_s >= self._patience_s:
                self._fail(
                    ClusterError(
                        f"All workers of the cluster at {self.address} went away.",
                        AGAIN,
                    )
                )

    def _lost(self) -> ClusterError:
        with self._lock:
            self._gone = self._gone or ClusterError(
                f"The scheduler at {self.address} went away.", AGAIN
            )
            return self._gone

    def _fail(self, error: ClusterError) -> None:
        with self._lock:
            self._gone = self._gone or error
            waiting, self._waiting = self._waiting, set()
        for one in waiting:
            with suppress(InvalidStateError):
                one.set_exception(error)

    def _close(self) -> None:
        self._closed.set()
        with suppress(Exception):  # it may be gone
            self._client.close(timeout=2)


def differ(who: str, versions: Mapping[str, tuple[str, str]]) -> SettingsError:
    """Return the error that versions (theirs, ours) differ."""
    listed = ", ".join(
        f"{name} {theirs} (here {ours})" for name, (theirs, ours) in versions.items()
    )
    return SettingsError(
        f"{who} has other versions: {listed}.",
        "Numbers must come from the same ones: install the same everywhere, and start "
        "again.",
    )


def _compare(
    who: str, theirs: Versions, here: Versions, names: tuple[str, ...]
) -> None:
    pairs = {name: (_short(theirs, name), _short(here, name)) for name in names}
    differing = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    if differing:
        raise differ(who, differing)


def keep_quiet() -> None:
    """Let Dask say nothing at the terminal: what matters is told in a sentence."""
    _distributed()
    for name in (
        *("distributed", "distributed.client", "distributed.gc"),
        *("tornado", "tornado.application", "asyncio"),
    ):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    for name in ("distributed", "tornado"):
        warnings.filterwarnings("ignore", module=rf"{name}\b")


def _distributed() -> Any:  # noqa: ANN401
    try:
        import distributed
    except ImportError:
        raise PackageError("Work on a cluster", "dask", "dask") from None
    return distributed


def _reach(scheme: str, host: str, port: int, connect_s: float) -> None:
    """Tell at once what Dask would try for long, or wait for without an end."""
    address = f"{scheme}://{host}:{port}"
    try:
        with socket.create_connection((host, port), timeout=connect_s) as found:
            if scheme == "tcp":  # who listens there speaks first
                with _told(address):
                    found.recv(1)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or "no answer in time"
        raise ClusterError(
            f"No scheduler is reached at {address} ({why}).",
            "Check the address and the network, and that 'dask scheduler' runs there.",
        ) from error


@contextmanager
def _told(address: str) -> Iterator[None]:
    """Say in a sentence why a scheduler does not talk with us."""
    try:
        yield
    except (OSError, TypeError, ValueError, RuntimeError) as error:
        tls = address.startswith("tls")
        raise ClusterError(
            f"What is at {address} does not answer as a Dask scheduler.",
            "Check that Dask's settings name the certificates that the scheduler "
            "trusts (DASK_DISTRIBUTED__COMM__TLS__CA_FILE, __CLIENT__CERT, "
            "__CLIENT__KEY)."
            if tls
            else "Check the port; a scheduler with certificates needs tls://.",
        ) from error


def _short(packages: Versions, name: str) -> str:
    """Return a version; of Python without what changes no number."""
    version = packages.get(name) or "none"
    return ".".join(version.split(".")[:2]) if name == "python" else version
