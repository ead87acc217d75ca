"""An EDF+C or BDF+C file, byte by byte.

Written here because a strap's true rate makes records of an odd length (0.999531 s).
edfio 0.4.18 computes durations in binary fractions: for 1093 of 2000 such lengths and
numbers of records those of 130 Hz, 50 Hz and 1 Hz came out unequal, which it refuses.
Here all times are whole microseconds.

References
----------
Kemp B, Olivan J. European data format 'plus' (EDF+). Clin Neurophysiol 114 (2003)
1755-1761. BDF is the same with 24 bits (BioSemi).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biofeedback.model import Value

US_PER_S = 1_000_000


class Kind(Value, frozen=True, kw_only=True):
    """EDF or BDF; ``missing`` is the value that no sample has."""

    name: str
    n_bytes: int
    version: bytes

    @property
    def missing(self) -> int:
        """The lowest value there is: kept for "no sample"."""
        return -(1 << (8 * self.n_bytes - 1))

    @property
    def most(self) -> int:
        """The highest value; the lowest of a sample is its negative."""
        return -self.missing - 1


EDF = Kind(name="EDF", n_bytes=2, version=b"0")
BDF = Kind(name="BDF", n_bytes=3, version=b"\xffBIOSEMI")


class Channel(Value, frozen=True, kw_only=True):
    """One signal: ``values`` has shape (records, samples a record), one unit a step."""

    label: str
    unit: str
    transducer: str
    values: Any


class Annotation(Value, frozen=True, kw_only=True):
    """A text at ``onset_us``; ``duration_us`` 0 is an instant."""

    onset_us: int
    duration_us: int = 0
    text: str


def edf_bytes(
    kind: Kind,
    channels: Sequence[Channel],
    annotations: Sequence[Annotation],
    *,
    start: datetime,
    record_us: int,
    patient: str,
    recording: str,
) -> bytes:
    """Return the file.

    Parameters
    ----------
    kind
        ``EDF`` or ``BDF``; all values must lie in it.
    channels
        At least one; all with the same number of records.
    annotations
        In any order; those that fill a record overflow into the next ones.
    start
        To the whole second: the header holds no more.
    record_us
        Duration of a record in µs.
    """
    n_records = len(channels[0].values)
    noted = _annotation_records(annotations, n_records, record_us, kind.n_bytes)
    n_notes = noted.shape[1] // kind.n_bytes
    label = f"{kind.name} Annotations"
    fields: list[list[tuple[str, int]]] = []
    for channel in channels:
        n = channel.values.shape[1]
        fields.append(
            _signal_fields(kind, channel.label, channel.transducer, channel.unit, n)
        )
    fields.append(_signal_fields(kind, label, "", "", n_notes))
    head = kind.version.ljust(8) + b"".join(
        _field(text, width)
        for text, width in (
            (patient, 80),
            (recording, 80),
            (f"{start:%d.%m.%y}", 8),
            (f"{start:%H.%M.%S}", 8),
            (str(256 * (len(fields) + 1)), 8),
            (f"{kind.name}+C", 44),
            (str(n_records), 8),
            (duration_text(record_us), 8),
            (str(len(fields)), 4),
        )
    )
    # All labels, then all transducers, and so on.
    head += b"".join(_field(*of[at]) for at in range(10) for of in fields)
    parts = [
        np.ascontiguousarray(channel.values.astype("<i4"))
        .view("u1")
        .reshape(n_records, -1, 4)[..., : kind.n_bytes]
        .reshape(n_records, -1)
        for channel in channels
    ]
    return head + np.concatenate([*parts, noted], axis=1).tobytes()


def duration_text(record_us: int) -> str:
    """Return the duration of a record in seconds, as the header has it.

    >>> duration_text(999_531), duration_text(1_000_000)
    ('0.999531', '1')
    """
    return _seconds(record_us).rstrip("0").rstrip(".")


def _signal_fields(
    kind: Kind, label: str, transducer: str, unit: str, n: int
) -> list[tuple[str, int]]:
    low, high = str(kind.missing), str(kind.most)
    return [
        (label, 16), (transducer, 80), (unit, 8), (low, 8), (high, 8), (low, 8),
        (high, 8), ("", 80), (str(n), 8), ("", 32),
    ]  # fmt: skip


def _field(text: str, width: int) -> bytes:
    """Return printable ASCII of so many bytes; other letters become ``_``."""
    shown = "".join(one if " " <= one <= "~" else "_" for one in text)
    return shown[:width].encode("ascii").ljust(width)


def _seconds(us: int) -> str:
    return f"{us // US_PER_S}.{us % US_PER_S:06d}"


def _annotation_records(
    annotations: Sequence[Annotation], n_records: int, record_us: int, n_bytes: int
) -> NDArray[np.uint8]:
    """Return (records, bytes): each with its own time, then what happened by then."""
    starts = [
        f"+{_seconds(k * record_us)}\x14\x14\0".encode() for k in range(n_records)
    ]
    lists = [(one.onset_us, _list(one)) for one in sorted(annotations, key=_by_onset)]
    width = max((len(data) for _, data in lists), default=0) + len(starts[-1])
    width = max(width, 15 + len(starts[-1]))
    while True:
        width += -width % n_bytes
        rows = _filled(starts, lists, width, record_us)
        if rows is not None:
            data = b"".join(row.ljust(width, b"\0") for row in rows)
            return np.frombuffer(data, np.uint8).reshape(n_records, width)
        width += width // 4


def _by_onset(annotation: Annotation) -> int:
    return annotation.onset_us


def _list(one: Annotation) -> bytes:
    """Return a time-stamped annotation list (TAL) with one annotation."""
    text = "".join(" " if letter < " " else letter for letter in one.text)
    length = f"\x15{_seconds(one.duration_us)}" if one.duration_us else ""
    return f"+{_seconds(max(0, one.onset_us))}{length}\x14{text}\x14\0".encode()


def _filled(
    starts: list[bytes], lists: list[tuple[int, bytes]], width: int, record_us: int
) -> list[bytes] | None:
    """Return the annotations of each record, or ``None`` if this is too narrow."""
    rows: list[bytes] = []
    at = 0
    for k, start in enumerate(starts):
        row, last = start, k == len(starts) - 1
        while (
            at < len(lists)
            and (last or lists[at][0] < (k + 1) * record_us)
            and len(row) + len(lists[at][1]) <= width
        ):
            row += lists[at][1]
            at += 1
        rows.append(row)
    return rows if at == len(lists) else None
