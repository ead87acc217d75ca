"""EDF, EDF+ and BDF: signals in records of equal length, and annotations between them.

Formats: Kemp & Olivan 2003 (Clin Neurophysiol 114:1755) and the EDF+ specification at
edfplus.info. Beats are annotations ``RR 937.5`` at the time of the beat, as our export
writes them; a file without gets its beats from its ECG.
"""

from __future__ import annotations

import re
import warnings
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from biofeedback.errors import PackageError, RecordingError
from biofeedback.recording.importers.beat_runs import Placed, from_intervals
from biofeedback.recording.importers.edf_layout import (
    FIXED_BYTES,
    Annotation,
    Layout,
    plain_number,
    read_annotations,
    unbroken,
)
from biofeedback.recording.importers.edf_signals import read_rates, read_signals
from biofeedback.recording.importers.imported import (
    Head,
    Imported,
    Mark,
    Options,
    read_bytes,
)
from biofeedback.recording.importers.parts import (
    Start,
    assembled,
    gaps_note,
    guarded,
    rows_note,
)

if TYPE_CHECKING:
    from biofeedback.recording.importers.edf_signals import File

NAME = "edf"
TITLE = "EDF"

EDF_MAGIC = b"0       "
BDF_MAGIC = b"\xffBIOSEMI"
RR_UNCERTAINTY_MS = 1.0
"""Of a beat's time: annotations are written to the millisecond or better."""

SAME_MS = 0.01

_SKIP = re.compile(r"BAD_ACQ_SKIP(?: (.*))?")
"""MNE's word for a stretch without samples; ours names the signal behind it."""

_ZERO = re.compile(r"Time 0 is (0\.\d+) s after the header's start")
"""The header's start is a whole second. EDF+ can put the fraction into the time of the
first record; our export says it in words, and keeps the session's own times."""

_GAP = re.compile(r"gap\b.*", re.IGNORECASE)
_LABEL = re.compile(r"label (\w+)")
_RR = re.compile(r"RR(?:[ _-]?interval)?[ :=]+([\d.]+)(?: *ms)?", re.IGNORECASE)


def matches(head: Head) -> bool:
    """Whether it begins as EDF or BDF do, and its counts are numbers."""
    data = head.data
    if not data.startswith((EDF_MAGIC, BDF_MAGIC)) or len(data) < 192:
        return False
    return data[184:192].strip().isdigit()


def read(path: Path, options: Options) -> Imported:
    """Read ECG, acceleration, annotations and beats of an EDF(+) or BDF(+) file.

    Parameters
    ----------
    options
        ``column`` is the label of the channel that holds the ECG; ``unit`` its unit,
        where the file gives none.

    Raises
    ------
    RecordingError
        When the header is damaged, or there is neither a beat nor an ECG.
    SettingsError
        When the package edfio is not installed.
    """
    try:
        import edfio
    except ImportError as error:
        raise PackageError("Reading EDF", "edfio", "formats") from error
    with guarded(path, TITLE), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return _read(edfio, path, options)


def _read(edfio: ModuleType, path: Path, options: Options) -> Imported:
    head = read_bytes(path, FIXED_BYTES)
    if not head.startswith((EDF_MAGIC, BDF_MAGIC)):
        raise RecordingError(
            f"{path.name} is not an EDF or BDF file.", "Check which file it is."
        )
    is_bdf = head.startswith(BDF_MAGIC)
    layout = Layout.of(path, sample_bytes=3 if is_bdf else 2)
    file_of = edfio.read_bdf if is_bdf else edfio.read_edf
    edf = file_of(path, header_encoding="latin-1")
    notes: list[str] = []
    if layout.n_records < layout.n_told or layout.spare_bytes:
        notes.append(
            f"The file ends early: {layout.n_records} of {layout.n_told} records "
            "are whole."
        )
    onsets_s, annotations, n_unreadable = read_annotations(path, layout)
    notes.append(rows_note(n_unreadable, "annotations"))
    # The record starts with its first data, a fraction of a second after the header's
    # whole second, which annotations count from.
    zero_s = float(onsets_s[0])
    starts_ms = 1000 * (onsets_s - zero_s)
    if len(onsets_s) < layout.n_records:
        notes.append(
            f"{layout.n_records - len(onsets_s)} records at the end have no time of "
            "their own and were not read."
        )
    cuts = unbroken(starts_ms, 1000 * layout.record_s)
    if len(cuts) > 1:
        notes.append(f"The signals have {len(cuts) - 1} gaps.")
    skips = [
        (_SKIP.sub(r"\1", each.text), 1000 * (each.t_s - zero_s), 1000 * each.lasts_s)
        for each in annotations
        if _SKIP.fullmatch(each.text)
    ]
    signals = read_signals(edf, layout, starts_ms, cuts, skips, options, notes)
    placed, marks, n_rr = _beats(annotations, zero_s, starts_ms, cuts)
    if n_rr:
        notes.append("RR intervals are annotations at the time of each beat.")
        notes.append(gaps_note(placed.n_gaps))
        notes.append(rows_note(placed.n_left_out, "intervals"))
    length_ms = float(starts_ms[-1]) + 1000 * layout.record_s if len(starts_ms) else 0.0
    return assembled(
        path,
        name=NAME,
        title=TITLE,
        start=_start(edf, annotations),
        options=options,
        anchored=True,
        beats=placed.beats,
        rates=read_rates(edf, layout, starts_ms),
        signals=signals,
        marks=marks,
        length_ns=round(length_ms * 1e6),
        device=_device(edf),
        notes=notes,
    )


def _beats(
    annotations: list[Annotation],
    zero_s: float,
    starts_ms: NDArray[np.float64],
    cuts: list[tuple[int, int]],
) -> tuple[Placed, list[Mark], int]:
    t_ms, rr_ms, marks = [], [], list[Mark]()
    gaps_ms: list[float] = []
    for each in annotations:
        at_ms = 1000 * (each.t_s - zero_s)
        at_ns = round(at_ms * 1e6)
        told = _RR.fullmatch(each.text)
        value = plain_number(told[1]) if told else None
        if value is not None:
            t_ms.append(at_ms)
            rr_ms.append(value)
        elif (label := _LABEL.fullmatch(each.text)) is not None:
            marks.append(Mark(t_ns=at_ns, type="beat-label", text=label[1]))
        else:
            marks.append(Mark(t_ns=at_ns, type="annotation", text=each.text))
            if _GAP.fullmatch(each.text):
                gaps_ms.append(at_ms)
    ends_ms = np.array(t_ms, np.float64)
    gap_ms = np.array([starts_ms[first] for first, _ in cuts[1:]], np.float64)
    order = np.argsort(ends_ms, kind="stable")
    ends_ms, intervals = ends_ms[order], np.array(rr_ms, np.float64)[order]
    # An interval that reaches back across a gap in the file is still one if it was
    # measured; a gap breaks the series where no interval bridges it.
    behind = np.searchsorted(gap_ms, ends_ms, side="right")
    bridged = np.searchsorted(gap_ms, ends_ms - intervals, side="right") < behind
    breaks = (np.diff(behind, prepend=behind[:1]) > 0) & ~bridged
    # A gap that is annotated begins with the last beat before it.
    said = np.searchsorted(np.sort(gaps_ms), ends_ms - SAME_MS, side="right")
    breaks |= np.diff(said, prepend=said[:1]) > 0
    placed = from_intervals(
        ends_ms, intervals, uncertainty_ms=RR_UNCERTAINTY_MS, breaks=breaks
    )
    return placed, marks, len(rr_ms)


# --- When, and with what ------------------------------------------------------------


def _start(edf: File, annotations: list[Annotation]) -> Start:
    # edfio raises where the date is not told ('Startdate X') or makes no sense.
    try:
        civil = edf.startdatetime
    except Exception:
        return Start()
    for each in annotations:
        if (told := _ZERO.fullmatch(each.text)) is not None:
            civil += timedelta(seconds=float(told[1]))
            break
    return Start.civil(civil)


def _device(edf: File) -> str:
    try:
        return str(edf.recording.equipment_code)
    except Exception:
        return ""
