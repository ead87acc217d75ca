"""Tables as text: columns are found by their names, wherever they stand."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biofeedback.errors import RecordingError
from biofeedback.model import Value
from biofeedback.recording.importers.imported import LINE_END, decoded, read_bytes

Floats = NDArray[np.float64]

HEADER_LINES = 30
SEPARATORS = ("\t", ";", ",")


class TextTable(Value, frozen=True):
    """A header and the rows below it.

    ``names`` are the columns' names in lower case with ``_`` for all that is neither
    letter nor digit: ``RR-interval [ms]`` is ``rr_interval_ms``. ``above`` are the
    lines before the header.
    """

    path: Path
    names: tuple[str, ...]
    rows: Any  # list[list[str]]
    above: tuple[str, ...]

    def at(self, *names: str) -> int | None:
        """Return the column that has the first of these names that there is."""
        for name in names:
            if name in self.names:
                return self.names.index(name)
        return None

    def rr_at(self, declared: str | None, *names: str) -> int | None:
        """Return the column of RR intervals: the declared one, or a named one.

        Raises
        ------
        RecordingError
            When the declared column is not there.
        """
        if declared is None:
            return self.at(*names)
        if name_of(declared) in self.names:
            return self.names.index(name_of(declared))
        if declared.isdecimal() and 1 <= int(declared) <= len(self.names):
            return int(declared) - 1
        raise RecordingError(
            f"{self.path.name} has no column '{declared}'.",
            f"Its columns are {', '.join(self.names)}.",
        )

    def cells(self, column: int) -> list[str]:
        """Return a column as text; a cell that is not there is empty."""
        return [row[column] if column < len(row) else "" for row in self.rows]

    def numbers(self, column: int) -> Floats:
        """Return a column as numbers; what is none is NaN."""
        return np.array([number(cell) for cell in self.cells(column)], np.float64)


def read_lines(path: Path) -> tuple[list[str], bool]:
    """Return the lines of a text file, and whether the last one has an end.

    Raises
    ------
    RecordingError
        When it cannot be read, is empty, or is not text.
    """
    text = decoded(read_bytes(path))
    if text is None:
        raise RecordingError(
            f"{path.name} is not a text file.",
            "Give the file as it was exported, not a picture or document of it.",
        )
    lines = LINE_END.split(text)
    finished = not lines[-1].strip()
    lines = [line for line in lines if line.strip()]
    if not lines:
        raise RecordingError(
            f"{path.name} is empty.", "Export it again from where it came from."
        )
    return lines, finished


def read_table(path: Path, is_header: Callable[[set[str]], bool]) -> TextTable:
    """Read the table below the first line whose names are what is looked for.

    A row that was cut off at the end of the file is left out, if that can be seen.

    Raises
    ------
    RecordingError
        When it cannot be read, or has no such header or no rows below it.
    """
    lines, finished = read_lines(path)
    found = find_header(lines, is_header)
    if found is None:
        raise RecordingError(
            f"{path.name} has no header with the columns of this format.",
            "Let the format be found, or name another one.",
        )
    at, names, separator = found
    rows = [split(line, separator) for line in lines[at + 1 :]]
    if not finished:
        drop_cut(rows)
    if not rows:
        raise RecordingError(
            f"{path.name} has a header and no rows below it.",
            "Nothing was recorded in it, or it was exported too early.",
        )
    return TextTable(path=path, names=names, rows=rows, above=tuple(lines[:at]))


def find_header(
    lines: Sequence[str], is_header: Callable[[set[str]], bool]
) -> tuple[int, tuple[str, ...], str] | None:
    """Return where the header is, its names and its separator."""
    at = -1
    for line in lines[:HEADER_LINES]:
        at += 1
        if len(line) > 4096:
            continue
        for separator in SEPARATORS:
            if separator in line:
                names = tuple(name_of(cell) for cell in split(line, separator))
                if is_header(set(names)):
                    return at, names, separator
    return None


def drop_cut(rows: list[list[str]]) -> None:
    """Leave out a last row that was cut off, where that can be seen.

    It has fewer cells than the one before, or its last number is short: ``93`` where
    the ten before it are near 900, or ``0.9`` where they have three decimals.
    """
    if len(rows) < 3:
        return
    before, last = rows[-11:-1], rows[-1]
    if len(last) < len(before[-1]):
        del rows[-1]
        return
    known = [number(row[-1]) for row in before if row]
    value = number(last[-1]) if last else np.nan
    if np.isnan(value) or np.isnan(known).any():
        return
    decimals = {len(row[-1].partition(".")[2]) for row in before}
    shorter = len(last[-1].partition(".")[2])
    # A number that fell to a tenth lost a digit; decimals are counted if all agree.
    if value < 0.2 * float(np.median(known)) and len(last[-1]) < len(before[-1][-1]):
        del rows[-1]
    elif len(decimals) == 1 and shorter < decimals.pop():
        del rows[-1]


def name_of(cell: str) -> str:
    """Return a column's name in lower case, with ``_`` between its words.

    >>> name_of("ecg [µV]"), name_of(" HR (bpm)")
    ('ecg_uv', 'hr_bpm')
    """
    plain = cell.lower().replace("µ", "u").replace("μ", "u")
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


def split(line: str, separator: str) -> list[str]:
    """Return the cells of a line; a separator within quotes is text."""
    if '"' in line:
        try:
            return [
                cell.strip()
                for row in csv.reader([line], delimiter=separator)
                for cell in row
            ]
        except csv.Error:
            pass
    return [cell.strip() for cell in line.split(separator)]


def number(cell: str) -> float:
    """Return a number, with a decimal point or comma; NaN for anything else.

    >>> number("0,812"), number("812"), number("1_0"), number("inf")
    (0.812, 812.0, nan, nan)
    """
    if "," in cell and cell.count(",") == 1 and "." not in cell:
        cell = cell.replace(",", ".")
    if "_" in cell:
        return np.nan
    try:
        value = float(cell)
    except ValueError:
        return np.nan
    return value if np.isfinite(value) else np.nan
