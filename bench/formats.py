"""The same records in other formats, each written as its own world writes it.

Every one takes what the journal takes: a sequence, a topic, a time and the payload.
None but the journal has a checksum.
"""

from __future__ import annotations

import csv
import os
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from bench.xdf import XdfWriter
from biofeedback.recording.format import (
    JSON_ENCODING,
    SAMPLES_KIND,
    Channel,
    Stored,
)
from biofeedback.wire.samples import decode_samples

NS_PER_S = 1_000_000_000
STARTED = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


class Format(Protocol):
    """One file while it is written, and how it is read."""

    name: str

    def append(self, stored: Stored) -> None:
        """Take one record."""

    def sync(self) -> None:
        """Do what this format does once a second."""

    def close(self) -> None:
        """Finish the file."""

    def scan(self) -> Iterator[tuple[str, bytes]]:
        """Yield topic and payload of everything."""

    def seek(self, t_ns: int) -> str:
        """Return the topic of the first record at ``t_ns`` or later."""


class Csv:
    """OpenHRV's way: ``event,value,timestamp``, in a buffered text file.

    With ``durable`` it is flushed and brought to the disk once a second.
    """

    def __init__(self, path: Path, *, durable: bool) -> None:
        self.name = "CSV, fsync" if durable else "CSV, buffered (as OpenHRV)"
        self._path, self._durable = path, durable
        self._file = path.open("w", newline="")
        self._rows = csv.writer(self._file)
        self._rows.writerow(("event", "value", "timestamp"))

    def append(self, stored: Stored) -> None:
        """Write a row; bytes as hex digits."""
        text = stored.channel.encoding == JSON_ENCODING
        value = stored.data.decode() if text else stored.data.hex()
        at = STARTED + timedelta(microseconds=stored.t_ns / 1000)
        self._rows.writerow((stored.channel.topic, value, at.isoformat()))

    def sync(self) -> None:
        """Bring it to the disk, if that is wanted."""
        if self._durable:
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close it."""
        self._file.close()

    def scan(self) -> Iterator[tuple[str, bytes]]:
        """Read all rows."""
        csv.field_size_limit(1 << 24)
        with self._path.open(newline="") as file:
            rows = csv.reader(file)
            next(rows)
            for topic, value, _ in rows:
                yield topic, _payload(value)

    def seek(self, t_ns: int) -> str:
        """Read rows until it is late enough: there is no index."""
        wanted = STARTED + timedelta(microseconds=t_ns / 1000)
        with self._path.open(newline="") as file:
            rows = csv.reader(file)
            next(rows)
            return next(r[0] for r in rows if datetime.fromisoformat(r[2]) >= wanted)


def _payload(value: str) -> bytes:
    return value.encode() if value.startswith("{") else bytes.fromhex(value)


class Sqlite:
    """One database a recording: WAL, ``synchronous=FULL``, a commit a second."""

    name = "SQLite, WAL, FULL"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._topics: dict[str, int] = {}
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
            "CREATE TABLE topic (id INTEGER PRIMARY KEY, name TEXT);"
            "CREATE TABLE record (sequence INTEGER PRIMARY KEY, topic INTEGER,"
            " t_ns INTEGER, data BLOB);"
            "CREATE INDEX at ON record (t_ns);"
        )
        self._db.execute("BEGIN")

    def append(self, stored: Stored) -> None:
        """Insert a row."""
        name = stored.channel.topic
        if (topic := self._topics.get(name)) is None:
            topic = self._topics[name] = len(self._topics)
            self._db.execute("INSERT INTO topic VALUES (?, ?)", (topic, name))
        row = (stored.sequence, topic, stored.t_ns, stored.data)
        self._db.execute("INSERT INTO record VALUES (?, ?, ?, ?)", row)

    def sync(self) -> None:
        """Commit."""
        self._db.execute("COMMIT")
        self._db.execute("BEGIN")

    def close(self) -> None:
        """Commit, and put the journal into the file."""
        self._db.execute("COMMIT")
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._db.close()

    def scan(self) -> Iterator[tuple[str, bytes]]:
        """Read all rows in order."""
        db = sqlite3.connect(self._path)
        yield from db.execute(
            "SELECT name, data FROM record JOIN topic ON topic = id ORDER BY sequence"
        )
        db.close()

    def seek(self, t_ns: int) -> str:
        """Ask the index."""
        db = sqlite3.connect(self._path)
        (topic,) = db.execute(
            "SELECT name FROM record JOIN topic ON topic = id WHERE t_ns >= ?"
            " ORDER BY t_ns, sequence LIMIT 1",
            (t_ns,),
        ).fetchone()
        db.close()
        return str(topic)


class Xdf:
    """A stream a topic: text for JSON and bytes, numbers for samples.

    With ``durable`` it is flushed and brought to the disk once a second.
    """

    def __init__(self, path: Path, *, durable: bool) -> None:
        self.name = "XDF, fsync" if durable else "XDF, buffered"
        self._path, self._durable = path, durable
        self._file = path.open("wb")
        self._xdf = XdfWriter(self._file)

    def append(self, stored: Stored) -> None:
        """Write a chunk of samples."""
        channel: Channel = stored.channel
        t_s = stored.t_ns / NS_PER_S
        if channel.kind == SAMPLES_KIND:
            _, samples = decode_samples(stored.data)
            last_s, step_s = samples.t_ms / 1000, samples.interval_ms / 1000
            self._xdf.numbers(
                channel.topic, samples.values, samples.channels, last_s, step_s
            )
        elif channel.encoding == JSON_ENCODING:
            self._xdf.text(channel.topic, stored.data.decode(), t_s)
        else:
            self._xdf.text(channel.topic, stored.data.hex(), t_s)

    def sync(self) -> None:
        """Bring it to the disk, if that is wanted."""
        if self._durable:
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Write the footers."""
        self._xdf.close()
        self._file.close()

    def _loaded(self) -> list[dict[str, dict[str, list[str]]]]:
        import pyxdf

        found: list[dict[str, dict[str, list[str]]]]
        found, _ = pyxdf.load_xdf(
            str(self._path), synchronize_clocks=False, dejitter_timestamps=False
        )
        return found

    def scan(self) -> Iterator[tuple[str, bytes]]:
        """Load everything, stream by stream: samples are arrays then."""
        for stream in self._loaded():
            topic = stream["info"]["name"][0]
            series = stream["time_series"]
            if isinstance(series, list):
                yield from ((topic, _payload(row[0])) for row in series)
            else:
                yield topic, b""

    def seek(self, t_ns: int) -> str:
        """Load everything, and search: there is no index."""
        first: list[tuple[float, str]] = []
        for stream in self._loaded():
            stamps = stream["time_stamps"]
            late = [s for s in map(float, stamps) if s >= t_ns / NS_PER_S]
            if late:
                first.append((late[0], stream["info"]["name"][0]))
        return min(first)[1]
