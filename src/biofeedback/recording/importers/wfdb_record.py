"""WFDB records of PhysioNet: annotated beats, and the ECG they were annotated in.

A record is several files of one name: ``100.hea`` describes it, ``100.atr`` (or
``.qrs``, ``.ecg``, ``.rr``) has annotations, ``100.dat`` samples. Any of them may be
given; those beside it are read too. Formats: header(5), annot(5), signal(5) of the WFDB
Applications Guide.
"""

from __future__ import annotations

import re
import warnings
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from biofeedback.errors import PackageError, RecordingError
from biofeedback.model import Value
from biofeedback.recording.importers.beat_runs import Placed, from_times
from biofeedback.recording.importers.imported import (
    HEAD_BYTES,
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
)
from biofeedback.recording.importers.wfdb_annotations import (
    look_like_annotations,
    parse,
)
from biofeedback.recording.importers.wfdb_samples import TITLE, Header, read_signals

NAME = "wfdb"

ANNOTATORS = ("atr", "ecg", "qrs", "rr", "ari", "man", "wqrs", "gqrs", "xqrs")
"""Best first: reference annotations, then those of detectors."""

BEATS = frozenset("NLRBAaJSVrFejnE/fQ?")
"""Annotations that are a beat (PhysioBank's codes; ``?`` is one not yet classified)."""

PLAIN = frozenset("N?")

NOISE = frozenset("~[]!")
"""The signal changes for the worse or better, or flutters: what lies across is no
interval. An isolated artefact (``|``) takes no beat away."""

FORMATS = frozenset(
    "0 8 16 24 32 61 80 160 212 310 311 508 516 524".split()
)  # of samples, signal(5)

LEAST_BYTES = 2
MOST_HZ = 1_000_000.0
_RECORD = re.compile(r"[-\w]+(/\d+)?[ \t]+\d+([ \t]+[\d.]+\S*)?([ \t].*)?")
_NOT_NAMED = re.compile(r"[^-\w]")


def matches(head: Head) -> bool:
    """Whether it is a header, an annotation file, or samples that a header names."""
    if _is_header(head.data, head.path.stem):
        return True
    header = head.path.with_suffix(".hea")
    if header != head.path and header.is_file():
        try:
            data = header.read_bytes()[:HEAD_BYTES]
        except OSError:
            return False
        if _is_header(data, header.stem):
            named = [line.split()[0] for line in _header_lines(data)[1:]]
            return head.path.name in named or _is_annotations(head.data)
    return _is_annotations(head.data)


def read(path: Path, options: Options) -> Imported:
    """Read a record, of which ``path`` is any file.

    Parameters
    ----------
    options
        ``column`` names the annotator ("qrs") where a record has several.

    Raises
    ------
    RecordingError
        When no file of the record has beats or an ECG, or they are damaged.
    SettingsError
        When the package wfdb is not installed.
    """
    try:
        import wfdb
    except ImportError as error:
        raise PackageError("Reading WFDB", "wfdb", "formats") from error
    with guarded(path, TITLE), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return _read(wfdb, path, options)


def _read(wfdb: ModuleType, path: Path, options: Options) -> Imported:
    read_bytes(path, 1)
    record = path.with_suffix("")
    notes: list[str] = []
    header, damage = None, None
    try:
        header = _header(wfdb, record)
    except RecordingError as error:
        # Annotations may have a clock of their own, and do without.
        damage = error
        notes.append(error.message)
    signals = read_signals(wfdb, record, header, notes)
    annotated = _annotated(path, header, options, notes)
    if header is None and annotated is None:
        if damage is not None:
            raise damage
        raise RecordingError(
            f"{path.name} is one file of a WFDB record whose header "
            f"{record.name}.hea is not beside it.",
            "Put the files of a record into one folder.",
        )
    start, length_ns = Start(), 0
    if header is not None:
        start = _start(header)
        length_ns = round((header.sig_len or 0) / header.fs * 1e9)
    placed = Placed(beats=(), n_gaps=0, n_left_out=0)
    marks: tuple[Mark, ...] = ()
    if annotated is not None:
        placed, marks = annotated
        notes.append(gaps_note(placed.n_gaps))
    return assembled(
        path,
        name=NAME,
        title=TITLE,
        start=start,
        options=options,
        anchored=True,
        beats=placed.beats,
        signals=signals,
        marks=marks,
        length_ns=length_ns,
        notes=notes,
    )


# --- Which files there are --------------------------------------------------------


def _header_lines(data: bytes) -> list[str]:
    text = data.decode("utf-8-sig", "replace")
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _is_header(data: bytes, stem: str) -> bool:
    if b"\0" in data:
        return False
    lines = _header_lines(data)
    if not lines or not _RECORD.fullmatch(lines[0]):
        return False
    n_signals = int(lines[0].split()[1])
    if not n_signals:
        # 'name 0 360': two numbers and nothing else would be any table.
        return len(lines) == 1 and lines[0].split()[0] == stem
    described = [line.split() for line in lines[1 : 1 + n_signals]]
    return len(described) == n_signals and all(
        len(words) >= 2
        and not words[0].replace(".", "").isdigit()
        and ("/" in lines[0].split()[0] or _sample_format(words[1]) in FORMATS)
        for words in described
    )


def _sample_format(word: str) -> str:
    return re.split(r"[x:+]", word, maxsplit=1)[0]


def _is_annotations(data: bytes) -> bool:
    return look_like_annotations(data, cut=len(data) >= HEAD_BYTES)


def _header(wfdb: ModuleType, record: Path) -> Header | None:
    """Return the header, or ``None`` where there is none."""
    path = record.with_suffix(".hea")
    if not path.is_file():
        return None
    with guarded(path, TITLE):
        found = wfdb.rdheader(str(record))
        if not 0 < float(found.fs) <= MOST_HZ:
            raise RecordingError(
                f"{path.name} does not say how many samples a second it has.",
                "Without it, no time in the record is known.",
            )
        return found


def _start(header: Header) -> Start:
    if header.base_date is None or header.base_time is None:
        return Start()
    return Start.civil(datetime.combine(header.base_date, header.base_time))


# --- Annotations --------------------------------------------------------------------


class _Labels(Value, frozen=True):
    """Annotations of one annotator: ``symbols[i]`` is at ``t_ms[i]``."""

    t_ms: Any
    symbols: tuple[str, ...]
    texts: tuple[str, ...]
    hz: float


def _annotated(
    path: Path, header: Header | None, options: Options, notes: list[str]
) -> tuple[Placed, tuple[Mark, ...]] | None:
    chosen, others = _annotator(path, options)
    marks: list[Mark] = []
    unread = []
    for other in others:
        if _has_beats(other):
            unread.append(other.suffix[1:])
        else:
            marks += _marks(_labels(other, header, notes))
    if unread:
        notes.append(f"Other annotations were not read: {', '.join(unread)}.")
    if chosen is None:
        return (
            (Placed(beats=(), n_gaps=0, n_left_out=0), tuple(marks)) if marks else None
        )
    labels = _labels(chosen, header, notes)
    is_beat = np.array([symbol in BEATS for symbol in labels.symbols], np.bool_)
    is_noise = np.array([symbol in NOISE for symbol in labels.symbols], np.bool_)
    at = np.flatnonzero(is_beat)
    noise_before = np.cumsum(is_noise)[at]
    runs = np.split(labels.t_ms[at], np.flatnonzero(np.diff(noise_before)) + 1)
    placed = from_times(runs, uncertainty_ms=500 / labels.hz)
    notes.append(
        f"Intervals are those between the annotated beats of {chosen.name}, to "
        f"{1000 / labels.hz:.3g} ms."
    )
    n_noise = int(np.count_nonzero(is_noise))
    if n_noise:
        notes.append(f"Marks of noise break the series ({n_noise}).")
    labelled = _marks(labels)
    n_labelled = sum(mark.type == "beat-label" for mark in labelled)
    if n_labelled:
        notes.append(f"{n_labelled} beats have a label of their own, kept as marks.")
    return placed, (*labelled, *marks)


def _marks(labels: _Labels) -> list[Mark]:
    """Return all but plain beats."""
    marks = []
    for t_ms, symbol, text in zip(
        labels.t_ms.tolist(), labels.symbols, labels.texts, strict=True
    ):
        if symbol in PLAIN:
            continue
        kind = "beat-label" if symbol in BEATS else "annotation"
        said = f"{symbol} {text}".strip() if symbol in BEATS else (text or symbol)
        marks.append(Mark(t_ns=round(t_ms * 1e6), type=kind, text=said))
    return marks


def _annotator(path: Path, options: Options) -> tuple[Path | None, list[Path]]:
    """Return the annotations to take beats from, and all others beside them."""
    found = sorted(
        (
            one
            for one in path.parent.iterdir()
            if one.stem == path.stem
            and one.suffix not in (".hea", ".dat", "")
            and _holds_annotations(one)
        ),
        key=lambda one: (_rank(one.suffix[1:]), one.name),
    )
    if options.column is not None:
        chosen = path.with_suffix(f".{options.column.lstrip('.')}")
        if not chosen.is_file():
            raise RecordingError(
                f"There are no annotations '{chosen.name}' beside {path.name}.",
                "Name the annotator as its file ends: atr, qrs, ...",
            )
    elif path in found:
        chosen = path
    else:
        with_beats = (one for one in found if _has_beats(one))
        first = next(with_beats, None)
        if first is None:
            return None, found
        chosen = first
    return chosen, [one for one in found if one != chosen]


def _has_beats(path: Path) -> bool:
    return any(symbol in BEATS for symbol in parse(read_bytes(path)).symbols)


def _rank(annotator: str) -> int:
    known = annotator in ANNOTATORS
    return ANNOTATORS.index(annotator) if known else len(ANNOTATORS)


def _holds_annotations(path: Path) -> bool:
    if not path.suffix or _NOT_NAMED.search(path.suffix[1:]):
        return False
    try:
        with path.open("rb") as file:
            data = file.read(HEAD_BYTES)
    except OSError:
        return False
    known = path.suffix[1:] in ANNOTATORS and len(data) >= LEAST_BYTES
    if known or _is_annotations(data):
        return True
    found = parse(data)  # of notes only, perhaps
    return found.whole and len(found.times) > 0


def _labels(path: Path, header: Header | None, notes: list[str]) -> _Labels:
    found = parse(read_bytes(path))
    # The annotations' own clock, if they have one, is finer than that of the samples.
    hz = found.hz or float(header.fs if header is not None else 0)
    if not 0 < hz <= MOST_HZ:
        raise RecordingError(
            f"{path.name} does not say what its times are counted in.",
            f"Put its header {path.with_suffix('.hea').name} beside it.",
        )
    if not found.whole:
        notes.append(f"{path.name} ends early or is damaged: what made sense was read.")
    order = sorted(range(len(found.times)), key=found.times.__getitem__)
    return _Labels(
        t_ms=np.array([found.times[i] for i in order], np.float64) * (1000 / hz),
        symbols=tuple(found.symbols[i] for i in order),
        texts=tuple(found.texts[i] for i in order),
        hz=hz,
    )
