"""How long the database takes."""

from __future__ import annotations

import time
from collections.abc import Iterator

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from biofeedback.figures import AnyFigure, Durations
from biofeedback.store.engine import WRITES

BEGAN_S, WROTE = "biofeedback_began_s", "biofeedback_wrote"


class StoreTimes:
    """Counts how long each transaction has a connection, its end included.

    A commit is over when it is on the disk, which SQLAlchemy tells of only by the
    connection being given back.
    """

    def __init__(self, engine: Engine) -> None:
        self._reads, self._writes = Durations(), Durations()
        event.listen(engine, "checkout", self._taken)
        event.listen(engine, "begin", self._begun)
        event.listen(engine, "checkin", self._given_back)

    def figures(self) -> Iterator[AnyFigure]:
        """Return how long they took."""
        yield self._writes.spread(
            "store_write_seconds", "Transactions of the database that wrote."
        )
        yield self._reads.spread(
            "store_read_seconds", "Transactions of the database that only read."
        )

    def _taken(
        self, _: DBAPIConnection, entry: ConnectionPoolEntry, __: PoolProxiedConnection
    ) -> None:
        entry.info[BEGAN_S] = time.perf_counter()

    def _begun(self, connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITES, False)
        connection.info[WROTE] = bool(writes)

    def _given_back(
        self, _: DBAPIConnection | None, entry: ConnectionPoolEntry
    ) -> None:
        began_s = entry.info.pop(BEGAN_S, None)
        wrote = entry.info.pop(WROTE, False)
        if began_s is not None:
            times = self._writes if wrote else self._reads
            times.take(time.perf_counter() - began_s)
