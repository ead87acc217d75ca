"""WFDB annotations: the file, and the beats of a recording in it."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from biofeedback.recording.exporters.options import NS_PER_S

if TYPE_CHECKING:
    from biofeedback.recording.tables import Beats

COUNTS_HZ = 1024
MS_HZ = 1000

NORMAL, UNCLASSIFIED, QUALITY, ARTEFACT, NOTE = 1, 13, 14, 16, 22
"""Annotation codes: ``N``, ``Q``, ``~``, ``|`` and ``"`` (ecgcodes.h)."""

_SKIP, _AUX = 59, 63
_LONGEST_STEP = 0x3FF
_LONGEST_SKIP = 0x7FFF_FFFF
LONGEST_AUX = 255

Annotation: TypeAlias = tuple[int, int, str]
"""Sample number, code and auxiliary text."""


class Timeline:
    """Beats of a recording as annotations, and how truly they are told."""

    def __init__(self, beats: Beats, origin: int) -> None:
        self.hz, self.exact = _clock(beats)
        self.off_ms: list[float] = []
        self.early = 0  # counts by which the first beat lies before the origin
        self.n_timeless = 0
        self.annotations: list[Annotation] = []
        edges = np.flatnonzero(np.diff(beats.segment)) + 1
        for rows in np.split(np.arange(len(beats)), edges):
            if len(rows):
                self._segment(beats, rows, origin)

    def _segment(self, beats: Beats, rows: NDArray[np.int64], origin: int) -> None:
        takes_time = ~_timeless(beats)[rows]
        counts = np.where(takes_time, beats.rr_ms[rows] * (self.hz / 1000), 0.0)
        # Sums are rounded, not intervals: an error does not add up.
        sums = np.round(np.cumsum(counts)).astype(np.int64)
        ideal = (beats.t_ns[rows] - origin) * (self.hz / NS_PER_S)
        # Live times settle (``signal.beats``): those that are known best count.
        doubt_ms = beats.uncertainty_ms[rows]
        best = doubt_ms <= 1.25 * doubt_ms.min()
        start = round(float(np.median((ideal - sums)[best])))
        if self.annotations:
            # The mark of the break, then the beat that the first interval begins with.
            last = self.annotations[-1][0]
            start = max(start, last + 2)
            segment = int(beats.segment[rows[0]])
            self.annotations.append((last + 1, QUALITY, f"gap before {segment}"))
        self.early = max(self.early, -start)
        start = max(start, 0)
        places = start + sums
        self.off_ms += (np.abs(places - ideal) * (1000 / self.hz)).tolist()
        labels = beats.label[rows].tolist()
        opening = NORMAL if labels[0] == "normal" else UNCLASSIFIED
        self.annotations.append((start, opening, f"segment {beats.segment[rows[0]]}"))
        timeless_here = 0
        for place, label, takes, rr_ms in zip(
            places.tolist(), labels, takes_time.tolist(), beats.rr_ms[rows].tolist(),
            strict=True,
        ):  # fmt: skip
            if takes:
                timeless_here = 0
                code = NORMAL if label == "normal" else UNCLASSIFIED
                self.annotations.append((place, code, "" if code == 1 else label))
            else:  # no beat by its code: the intervals around it stay what they are
                timeless_here += 1
                self.n_timeless += 1
                text = f"{label} {rr_ms:.3f} ms, takes no time"
                self.annotations.append((place + timeless_here, ARTEFACT, text))


def _timeless(beats: Beats) -> NDArray[np.bool_]:
    """Return which intervals take no time: a strap added them (``signal.beats``)."""
    still = np.zeros(len(beats), np.bool_)
    still[1:] = (np.diff(beats.t_ns) == 0) & (np.diff(beats.segment) == 0)
    still[beats.label != "artefact"] = False
    return still


def _clock(beats: Beats) -> tuple[int, bool]:
    """Return the clock on which every interval is a whole count, and if there is one.

    Straps count 1/1024 s; most files of other apps have whole milliseconds.
    """
    rr_ms = beats.rr_ms[~_timeless(beats)]
    for hz in (COUNTS_HZ, MS_HZ):
        counts = rr_ms * (hz / 1000)
        if np.all(np.abs(counts - np.round(counts)) < 1e-6):
            return hz, True
    return COUNTS_HZ, False


def annotation_bytes(annotations: Iterable[Annotation], hz: int) -> bytes:
    """Return an annotation file in the MIT format.

    Parameters
    ----------
    annotations
        In the order of time.
    hz
        Their clock, noted at the head of the file; without it the record's rate counts.
    """
    data = bytearray(_word(NOTE, 0) + _aux(f"## time resolution: {hz}"))
    before = 0
    for sample, code, text in annotations:
        step = sample - before
        while step > _LONGEST_STEP:
            skip = min(step, _LONGEST_SKIP)
            # A PDP-11 wrote the first of these: the high half comes first.
            data += _word(_SKIP, 0) + struct.pack("<HH", skip >> 16, skip & 0xFFFF)
            step -= skip
        data += _word(code, step)
        if text:
            data += _aux(text)
        before = sample
    return bytes(data + b"\0\0")


def _word(code: int, low: int) -> bytes:
    return struct.pack("<H", code << 10 | low)


def _aux(text: str) -> bytes:
    data = text.encode()[:LONGEST_AUX].decode(errors="ignore").encode()
    return _word(_AUX, len(data)) + data + b"\0" * (len(data) % 2)
