"""Results of thousands of files as Parquet: a folder that grows, and survives.

::

    OUT/summary/*.parquet     a row for each file
    OUT/windows/*.parquet     a row for each window of each file, where asked for
    OUT/refused/*.parquet     a row for each file that holds nothing to analyze
    OUT/places/*.parquet      which content was where, to know it again

Rows are kept a batch at a time. ``summary/batch-N`` is written last and makes the
batch count; what an ended program left without it is removed. At the end the small
files are joined to ``part-N``, which names those that it replaces: whichever of the two
a kill leaves behind, the next start knows.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from biofeedback.errors import NotSoError, RecordingError, SettingsError
from biofeedback.recording import durable
from biofeedback.session import parquet
from biofeedback.session.batch import Held, Outcome, Parameters
from biofeedback.session.places import Named, key_of
from biofeedback.session.result_rows import FORMAT, PLACES, Row, rows_of, schema_of

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_FILES = 64
BATCH_S = 30.0
"""A batch is kept when it has so many files, or is so old when another comes."""

PART_ROWS = 250_000
"""Small files are joined until they hold so many rows."""

ORDER = ("windows", "refused", "places", "summary")
"""Tables in the order of writing: ``summary`` makes a batch count."""


SENTENCE = ("message", "advice")


class Results:
    """A folder of results, open for writing.

    Parameters
    ----------
    folder
        Made if need be.
    parameters
        What all that is added was asked for.
    now_s
        Tells the time in seconds since whenever: a batch must not wait for long.
    batch_files
        Files in a batch, which is what a kill loses at most.

    Raises
    ------
    SettingsError
        When pyarrow is missing, or the folder cannot be used.
    NotSoError
        When another program is writing to it.
    RecordingError
        When a file in it is damaged.
    """

    def __init__(
        self,
        folder: Path,
        parameters: Parameters,
        now_s: Callable[[], float],
        *,
        batch_files: int = BATCH_FILES,
    ) -> None:
        from biofeedback.pipeline import ALGORITHM

        parquet.arrow()
        self.folder = folder
        self.parameters = parameters
        self._now_s, self._batch_files = now_s, batch_files
        self._key = {"algorithm": ALGORITHM, "parameters_sha256": parameters.sha256}
        self._waiting: dict[str, list[Row]] = {}
        self._n_waiting, self._since_s = 0, 0.0
        self._claimed: set[str] = set()
        self.n_added = self.n_known = 0
        self._lock = _locked(folder)
        try:
            for table in ORDER:
                self._repair(table)
            self._number = max(map(_number, self._files()), default=0)
            summary, refused = self._ours("summary"), self._ours("refused", *SENTENCE)
            self._done = {sha256 for (sha256,) in summary}
            self._refusals = {sha256: said for sha256, *said in refused}
            self._places = {
                place: Held(sha256=sha256, version=version)
                for place, sha256, version in self._all("places", *PLACES)
            }
        except BaseException:
            os.close(self._lock)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.keep()
            if kind is None:
                self.join()
        finally:
            os.close(self._lock)

    def has(self, sha256: str | None) -> bool:
        """Tell whether what this content gives is here."""
        return sha256 in self._done or sha256 in self._refusals

    def last(self, place: Named) -> Held | None:
        """Return what ``place`` held, if what that gives is here."""
        held = self._places.get(key_of(place) or "")
        return held if held is not None and self.has(held.sha256) else None

    def claim(self, sha256: str) -> bool:
        """Tell whether this content is here or on its way; from now on it is."""
        if self.has(sha256) or sha256 in self._claimed:
            return True
        self._claimed.add(sha256)
        return False

    @property
    def told(self) -> str:
        """What happened, as a sentence."""
        files = "file" if self.n_added == 1 else "files"
        return (
            f"{self.n_added} {files} analyzed, {self.n_known} there already: "
            f"{self.folder}"
        )

    def refusal(self, sha256: str | None) -> RecordingError | None:
        """Return why this content was refused, if it was."""
        found = self._refusals.get(sha256 or "")
        return RecordingError(*found) if found is not None else None

    def add(self, outcome: Outcome) -> None:
        """Take an outcome in, unless it is here or may be another tomorrow.

        Raises
        ------
        NotSoError
            When a batch is due and cannot be written.
        """
        sha256 = outcome.sha256
        if sha256 is None:
            return
        if outcome.skipped or self.has(sha256):
            rows: dict[str, list[Row]] = {}
            self.n_known += self.has(sha256)
        elif outcome.error is None:
            rows = rows_of(outcome, self.parameters)
            self._done.add(sha256)
            self.n_added += 1
        elif outcome.lasting:
            rows = rows_of(outcome, self.parameters)
            self._refusals[sha256] = [outcome.error.message, outcome.error.advice]
            self.n_added += 1
        else:
            return
        rows |= self._remembered(outcome.path, sha256, outcome.version)
        if rows:
            self._wait(rows)

    def _remembered(
        self, place: Named, sha256: str, version: str | None
    ) -> dict[str, list[Row]]:
        key, held = key_of(place), Held(sha256=sha256, version=version)
        if key is None or self._places.get(key) == held:
            return {}
        self._places[key] = held
        return {"places": [{"place": key, "sha256": sha256, "version": version}]}

    def _wait(self, rows: dict[str, list[Row]]) -> None:
        for table, more in rows.items():
            self._waiting.setdefault(table, []).extend(more)
        if not self._n_waiting:
            self._since_s = self._now_s()
        self._n_waiting += 1
        waited_s = self._now_s() - self._since_s
        if self._n_waiting >= self._batch_files or waited_s >= BATCH_S:
            self.keep()

    def keep(self) -> None:
        """Write what is waiting, and force it to the disk.

        Raises
        ------
        NotSoError
            When it cannot be written.
        """
        if not self._n_waiting:
            return
        pa = parquet.arrow()
        number = self._number + 1  # if it fails, the next time takes the place of this
        for table in ORDER:
            rows = self._waiting.get(table, [])
            if rows or table == "summary":
                found = pa.Table.from_pylist(rows, schema_of(table))
                self._write(table, f"batch-{number:06d}", found)
        self._number = number
        self._waiting.clear()
        self._n_waiting = 0

    def join(self) -> None:
        """Make few large files of many small ones.

        Raises
        ------
        NotSoError
            When they cannot be written; nothing is lost then.
        """
        for table in ORDER:
            group: list[Path] = []
            n_rows = 0
            for path in self._files(table):
                n, _ = _about(path)
                if n >= PART_ROWS and _is_part(path):
                    continue
                group.append(path)
                n_rows += n
                if n_rows >= PART_ROWS:
                    self._join(table, group)
                    group, n_rows = [], 0
            self._join(table, group)

    def _join(self, table: str, group: list[Path]) -> None:
        if not group or (len(group) == 1 and _is_part(group[0])):
            return
        pa = parquet.arrow()
        found = pa.concat_tables(  # an older version may have had fewer columns
            [parquet.read(path) for path in group], promote_options="default"
        )
        self._number += 1
        name = f"part-{self._number:06d}"
        self._write(table, name, found, [path.name for path in group])
        for path in group:
            path.unlink()

    def _files(self, *tables: str) -> list[Path]:
        return [
            path
            for table in tables or ORDER
            for path in sorted((self.folder / table).glob("*-*.parquet"), key=_number)
        ]

    def _ours(self, table: str, *names: str) -> list[list[str]]:
        """Return the rows that were got with our algorithm and choice, by content."""
        key = [*self._key.values()]
        return [
            [*found]
            for *found, algorithm, chosen in self._all(
                table, "sha256", *names, *self._key
            )
            if [algorithm, chosen] == key
        ]

    def _all(self, table: str, *names: str) -> list[tuple[Any, ...]]:
        """Return some columns of all rows, the oldest first."""
        return [
            row
            for path in self._files(table)
            for row in zip(
                *(
                    column.to_pylist()
                    for column in parquet.read(path, names).select(names).columns
                ),
                strict=True,
            )
        ]

    def _repair(self, table: str) -> None:
        """Remove what an ended program left: half a file, half a batch, a double."""
        for path in (self.folder / table).glob(".*.tmp"):
            path.unlink()
        for path in self._files(table):
            for name in _about(path)[1]:
                path.with_name(name).unlink(missing_ok=True)
        for path in self._files(table):
            counts = self.folder / "summary" / path.name
            if not (_is_part(path) or counts.exists()):
                path.unlink()

    def _write(
        self, table: str, name: str, rows: pa.Table, replaces: Iterable[str] = ()
    ) -> None:
        told = {"format": FORMAT, "table": table, "replaces": json.dumps([*replaces])}
        parquet.write(self.folder / table / f"{name}.parquet", rows, told)


def _locked(folder: Path) -> int:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SettingsError(
            f"Results cannot be kept in '{folder}': {error.strerror}.",
            "Give the name of a folder.",
        ) from error
    if not durable.lock(descriptor):
        os.close(descriptor)
        raise NotSoError(
            f"Another program is writing results to '{folder}'.",
            "Let it end, or choose another folder.",
        )
    return descriptor


def _about(path: Path) -> tuple[int, list[str]]:
    """Return how many rows a file of results holds, and which files it replaces."""
    n_rows, told = parquet.about(path)
    if told.get("format") != FORMAT:
        raise SettingsError(
            f"'{path}' does not hold results of this version.",
            "Choose another folder.",
        )
    try:
        return n_rows, [str(name) for name in json.loads(told["replaces"])]
    except (KeyError, ValueError) as error:
        raise parquet.damaged(path) from error


def _is_part(path: Path) -> bool:
    return path.name.startswith("part-")


def _number(path: Path) -> int:
    digits = path.stem.rpartition("-")[2]
    return int(digits) if digits.isdigit() else 0
