"""Where in an EDF its records lie, when each begins, and what is annotated in them."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biofeedback.errors import RecordingError
from biofeedback.model import Value

FIXED_BYTES = 256
ANNOTATIONS = ("EDF Annotations", "BDF Annotations")
CONTINUES_MS = 1.0
"""A record that begins this close to where the one before ended continues it."""

_TAL = re.compile(rb"([+-]\d+(?:\.\d*)?)(?:\x15(\d*(?:\.\d*)?))?\x14([^\x00]*)\x14\x00")


class Layout(Value, frozen=True):
    """Where in the file a record's samples lie."""

    header_bytes: int
    sample_bytes: int
    record_s: float
    n_told: int
    labels: tuple[str, ...]
    n_samples: tuple[int, ...]
    n_records: int
    spare_bytes: int

    @classmethod
    def of(cls, path: Path, *, sample_bytes: int) -> Layout:
        """Read the header; ``sample_bytes`` is 2 in an EDF and 3 in a BDF.

        Raises
        ------
        RecordingError
            When it ends early or contradicts itself, or no data follow.
        """
        with path.open("rb") as file:
            fixed = file.read(FIXED_BYTES).decode("latin-1")
            n_signals = int(fixed[252:256])
            rest = file.read(FIXED_BYTES * n_signals).decode("latin-1")
        if not 0 < n_signals or len(rest) < FIXED_BYTES * n_signals:
            raise RecordingError(
                f"{path.name} ends within its header.", "Copy it once more."
            )
        labels = [rest[16 * i : 16 * i + 16].strip() for i in range(n_signals)]
        at = 216 * n_signals
        counts = [int(rest[at + 8 * i : at + 8 * i + 8]) for i in range(n_signals)]
        header_bytes = int(fixed[184:192])
        record_bytes = sample_bytes * sum(counts)
        record_s = float(fixed[244:252])
        if min(counts) < 0 or not record_bytes or not 0 <= record_s < 1e6:
            raise RecordingError(
                f"{path.name} has a header that contradicts itself.",
                "Export it once more.",
            )
        if header_bytes != FIXED_BYTES * (n_signals + 1):
            raise RecordingError(
                f"{path.name} has a header of another length than it says.",
                "Export it once more.",
            )
        n_records, spare = divmod(path.stat().st_size - header_bytes, record_bytes)
        told = int(fixed[236:244])
        if n_records < 1:
            raise RecordingError(
                f"{path.name} has a header and no data.", "Copy it once more."
            )
        return cls(
            header_bytes=header_bytes,
            sample_bytes=sample_bytes,
            record_s=record_s,
            n_told=told if told >= 0 else n_records,
            labels=tuple(labels),
            n_samples=tuple(counts),
            n_records=n_records,
            spare_bytes=spare,
        )

    @property
    def record_bytes(self) -> int:
        """How long a record is."""
        return self.sample_bytes * sum(self.n_samples)

    def annotation_bytes(self) -> list[slice]:
        """Return where annotations lie within a record."""
        ends = self.sample_bytes * np.cumsum(self.n_samples)
        return [
            slice(int(end) - self.sample_bytes * n, int(end))
            for label, n, end in zip(self.labels, self.n_samples, ends, strict=True)
            if label in ANNOTATIONS
        ]


def unbroken(starts_ms: NDArray[np.float64], record_ms: float) -> list[tuple[int, int]]:
    """Return runs of records that continue one another: first, stop."""
    if record_ms <= 0:
        return [(0, len(starts_ms))]
    late_ms = np.diff(starts_ms) - record_ms
    breaks = (np.flatnonzero(np.abs(late_ms) > CONTINUES_MS) + 1).tolist()
    bounds = [0, *breaks, len(starts_ms)]
    return list(pairwise(bounds))


# --- Annotations ----------------------------------------------------------------------


class Annotation(Value, frozen=True):
    """A text at a time since the start that the header tells."""

    t_s: float
    lasts_s: float
    text: str


def read_annotations(
    path: Path, layout: Layout
) -> tuple[NDArray[np.float64], list[Annotation], int]:
    """Return when each record starts, what is annotated, and how much is unreadable.

    edfio reads annotations, too, and gives up a file for one damaged byte in them.
    """
    places = layout.annotation_bytes()
    onsets = np.arange(layout.n_records, dtype=np.float64)
    onsets *= layout.record_s
    if not places:
        return onsets, [], 0
    found: list[Annotation] = []
    n_unreadable = 0
    told = np.full(layout.n_records, np.nan)
    with path.open("rb") as file:
        file.seek(layout.header_bytes)
        for number in range(layout.n_records):
            record = file.read(layout.record_bytes)
            for i, place in enumerate(places):
                lists = list(_TAL.finditer(record[place]))
                timed = (
                    lists and not lists[0].start() and not lists[0][3].strip(b"\x14")
                )
                if i == 0 and timed:
                    told[number] = float(lists.pop(0)[1])
                left = _TAL.sub(b"", record[place]).strip(b"\x00")
                n_unreadable += bool(left)
                for each in lists:
                    found += [
                        Annotation(
                            t_s=float(each[1]), lasts_s=_length(each[2]), text=text
                        )
                        for raw in each[3].split(b"\x14")
                        if (text := raw.decode("utf-8", "replace").strip())
                    ]
    # A first record may start a fraction after the whole second of the header, and
    # everything counts from that second.
    known = np.isfinite(told)
    if known.any():
        first = int(np.flatnonzero(known)[0])
        onsets += told[first] - onsets[first]
        # A record whose own time is damaged, or lies before its end, continues the one
        # before it. Behind the last that has a time, the bytes may be shifted.
        last = int(np.flatnonzero(known)[-1])
        for number in range(first + 1, last + 1):
            onsets[number] = onsets[number - 1] + layout.record_s
            if known[number] and told[number] > onsets[number] - CONTINUES_MS / 1000:
                onsets[number] = told[number]
        onsets = onsets[: last + 1]
    return onsets, found, n_unreadable


def _length(raw: bytes | None) -> float:
    return plain_number((raw or b"0").decode("ascii")) or 0.0


def plain_number(text: str) -> float | None:
    """Return a number, or ``None`` where the text is none."""
    try:
        return float(text)
    except ValueError:
        return None
