"""RR intervals as text, one a line: what Kubios HRV and most other programs read.

Intervals of 1/1024 s do not fit whole milliseconds, so there are two files of each: one
rounded, one with three decimals. Such files know no time: a gap looks like nothing at
all, so ``provenance.json`` tells where the gaps are.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from biofeedback.recording.exporters.entries import gaps_of
from biofeedback.recording.exporters.options import (
    Exported,
    ExportOptions,
    staged,
    written,
)
from biofeedback.recording.exporters.provenance import (
    PROVENANCE_NAME,
    privacy_notes,
    provenance_of,
    write_provenance,
)

if TYPE_CHECKING:
    from biofeedback.recording.tables import Tables

NAME = "kubios"
TITLE = "Kubios HRV (RR intervals as text)"
FOLDER = True

Floats = NDArray[np.float64]


def write(tables: Tables, out: Path, options: ExportOptions) -> Exported:
    """Write the folder ``out``: ``rr.txt`` and ``nn.txt``, each also with 3 decimals.

    The lines are intervals in ms and nothing else: no header and no comments, which
    some readers take for data.

    Parameters
    ----------
    tables, options
        The recording, and what may be told of it.
    out
        A folder that is not there yet, or empty.

    Raises
    ------
    RecordingError
        When ``out`` is there already or cannot be written.
    """
    names = {
        "rr": "rr.txt",
        "nn": "nn.txt",
        "rr_decimals": "rr_3_decimals.txt",
        "nn_decimals": "nn_3_decimals.txt",
    }
    return write_intervals(tables, out, options, name=NAME, files=names)


def write_intervals(
    tables: Tables,
    out: Path,
    options: ExportOptions,
    *,
    name: str,
    files: dict[str, str],
) -> Exported:
    """Write all intervals and the normal ones, rounded and with three decimals.

    ``files`` names ``rr``, ``nn``, ``rr_decimals`` and ``nn_decimals``.
    """
    rr_ms = tables.beats.rr_ms
    normal = ~np.isnan(tables.beats.nn_ms)
    nn_ms = tables.beats.nn_ms[normal]
    provenance = provenance_of(tables, options, name)
    provenance |= _told(tables, normal)
    with staged(out, folder=True) as folder:
        for kind, values in (("rr", rr_ms), ("nn", nn_ms)):
            _lines(folder / files[kind], [str(one) for one in rounded(values).tolist()])
            exact = [f"{one:.3f}" for one in values.tolist()]
            _lines(folder / files[f"{kind}_decimals"], exact)
        write_provenance(folder / PROVENANCE_NAME, provenance)
    return Exported(
        paths=written(out),
        notes=(*_notes(provenance, files), *privacy_notes(options)),
    )


def rounded(rr_ms: Floats) -> NDArray[np.int64]:
    """Return whole milliseconds; halves go up.

    >>> rounded(np.array([937.5, 936.5, 936.4])).tolist()
    [938, 937, 936]
    """
    return np.floor(rr_ms + 0.5).astype(np.int64)


def _lines(path: Path, lines: Sequence[str]) -> None:
    body = "".join(f"{line}\n" for line in lines)
    path.write_text(body, encoding="ascii", newline="\n")


def _told(tables: Tables, normal: NDArray[np.bool_]) -> dict[str, Any]:
    gaps = gaps_of(tables.beats)
    before_nn = np.concatenate([[0], np.cumsum(normal)])
    return {
        "n_rr": len(tables.beats),
        "n_nn": int(normal.sum()),
        "gaps": [
            {
                "after_rr_line": gap.before,
                "after_nn_line": int(before_nn[gap.before]),
                "start_s": gap.start_ns / 1e9,
                "duration_s": (gap.end_ns - gap.start_ns) / 1e9,
            }
            for gap in gaps
        ],
        "lines_that_are_not_normal": (np.flatnonzero(~normal) + 1).tolist(),
        "first_interval_starts_s": (
            (int(tables.beats.t_ns[0]) - round(tables.beats.rr_ms[0] * 1e6)) / 1e9
            if len(tables.beats)
            else None
        ),
        "rounding": "Halves of a millisecond are rounded up.",
    }


def _notes(provenance: dict[str, Any], files: dict[str, str]) -> tuple[str, ...]:
    n_rr, n_nn = provenance["n_rr"], provenance["n_nn"]
    notes = [
        f"{files['rr']} holds all {n_rr} intervals as measured; {files['nn']} the "
        f"{n_nn} that were judged normal.",
        "Whole milliseconds are rounded from 1/1024 s: the files with three decimals "
        "are closer.",
    ]
    gaps = provenance["gaps"]
    if gaps:
        lost_s = sum(gap["duration_s"] for gap in gaps)
        notes.append(
            f"There are {len(gaps)} gaps ({lost_s:.1f} s in all), which these files "
            f"cannot show; {PROVENANCE_NAME} tells where they are."
        )
    if n_nn < n_rr:
        notes.append(
            f"In {files['nn']} the intervals on both sides of {n_rr - n_nn} left-out "
            "ones stand next to each other: RMSSD of it is not the true one."
        )
    return tuple(notes)
