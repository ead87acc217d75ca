"""What it takes to keep something for good: ``python -m bench.store [--json]``.

One rating and one row of the audit, each in a transaction of its own that is on the
disk when it returns (SQLite with ``synchronous=FULL``, PostgreSQL with
``synchronous_commit=on``), by one writer and by eight at once. PostgreSQL runs on this
machine, on the same disk, reached by a socket. "One at a time" is a rating that waits
for all others, as every writer of SQLite does: what single statements are spared.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import insert
from ulid import ULID

from biofeedback.store import RatingRow, SessionRow, Store, StoreError
from biofeedback.store import tables as t
from biofeedback.store.engine import writing
from biofeedback.store.mapping import columns_of
from tests.postgres import a_server

NOW_NS = 1_795_800_000_000_000_000
SESSION = "A" * 26
N_WRITES = 2000
WRITERS = (1, 8)

Write = Callable[[Store], None]


def rate(store: Store) -> None:
    """Keep a rating, as a patient gives it."""
    store.add_rating(_rating())


def rate_alone(store: Store) -> None:
    """Keep a rating while nobody else decides anything."""
    with writing(store._engine) as connection:
        connection.execute(insert(t.ratings).values(columns_of(_rating())))


def audit(store: Store) -> None:
    """Add a row to the audit."""
    store.audit.add(actor="T-7Q2M9K", role="therapist", action="watch")


def read(store: Store) -> None:
    """Ask for one session."""
    store.session(SESSION)


WRITES: dict[str, Write] = {
    "rating": rate,
    "rating, one at a time": rate_alone,
    "audit row": audit,
    "session read": read,
}


def measured(store: Store, write: Write, n_writers: int, n: int) -> dict[str, float]:
    """Return the quantiles of how long one write took, and how many a second.

    ``refused`` counts those that waited for another for five seconds.
    """
    begin = threading.Barrier(n_writers)
    refused: list[StoreError] = []

    def work(_: int) -> list[float]:
        for _ in range(10):
            write(store)  # the connection is made
        begin.wait()
        took = []
        for _ in range(n // n_writers):
            began = time.perf_counter()
            try:
                write(store)
            except StoreError as error:
                refused.append(error)
            took.append(time.perf_counter() - began)
        return took

    with ThreadPoolExecutor(n_writers) as pool:
        began = time.perf_counter()
        times = [one for part in pool.map(work, range(n_writers)) for one in part]
        lasted = time.perf_counter() - began
    cuts = statistics.quantiles(times, n=100)
    return {
        "p50_us": cuts[49] * 1e6,
        "p99_us": cuts[98] * 1e6,
        "per_s": len(times) / lasted,
        "refused": len(refused),
    }


@contextmanager
def stores() -> Iterator[dict[str, Store]]:
    """Give a store of each kind, on the same disk."""
    with (
        tempfile.TemporaryDirectory() as folder,
        a_server(Path(tempfile.gettempdir())) as server,
    ):
        found = {
            "SQLite": Store(Path(folder), now_ns=lambda: NOW_NS),
            "PostgreSQL": Store(Path(folder), server.fresh(), now_ns=lambda: NOW_NS),
        }
        for store in found.values():
            store.add_session(_session(store))
        yield found
        for store in found.values():
            store.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all of it, and print it."""
    parser = argparse.ArgumentParser(prog="bench.store", description=__doc__)
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--writes", type=int, default=N_WRITES)
    options = parser.parse_args(arguments)
    found = []
    with stores() as both:
        for what, write in WRITES.items():
            for n_writers in WRITERS:
                for name, store in both.items():
                    figures = measured(store, write, n_writers, options.writes)
                    found.append(
                        {"what": what, "writers": n_writers, "store": name, **figures}
                    )
    if options.json:
        print(json.dumps(found, indent=1))
        return
    print(
        f"{'':<24}{'writers':>8}  {'':<12}{'p50 µs':>9}{'p99 µs':>9}{'per s':>8}"
        f"{'refused':>9}"
    )
    for one in found:
        print(
            f"{one['what']:<24}{one['writers']:>8}  {one['store']:<12}"
            f"{one['p50_us']:>9.0f}{one['p99_us']:>9.0f}{one['per_s']:>8.0f}{one['refused']:>9}"
        )


def _session(store: Store) -> SessionRow:
    return SessionRow(
        id=SESSION,
        person_id=store.person().id,
        plan="practice",
        source="simulated",
        simulated=True,
        strap_name="Simulated heart",
        started_at_utc_ns=NOW_NS,
    )


def _rating() -> RatingRow:
    return RatingRow(
        id=str(ULID()),
        session_id=SESSION,
        type="pain_intensity",
        value=6.0,
        unit="nrs_0_10",
        moment="before",
        at_utc_ns=NOW_NS,
        in_recording=True,
        prompt="How intense is your pain right now?",
    )


if __name__ == "__main__":
    main()
