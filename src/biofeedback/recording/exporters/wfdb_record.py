"""WFDB: the format of PhysioNet, with every RR interval exact.

Written here (signal and annotation files are two pages of specification: WFDB
Programmer's Guide, header(5), signal(5) and annot(5)), because the library imports
matplotlib and pandas. A folder ``NAME`` holds

- ``NAME.hea`` and ``NAME.dat``: the ECG, 1 µV a step (a header alone where none is);
- ``NAME_acc.hea`` and ``.dat``: the acceleration, a record of its own because its rate
  is no multiple of the ECG's;
- ``NAME.rr``: beats, on a clock of 1024 Hz, so that the differences between the beats
  of a segment are the strap's own counts of 1/1024 s;
- ``NAME.ev``: what was entered, paced and told of the link, as notes.

All begin at the same instant, that of the headers' base time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from biofeedback.recording.exporters.entries import rows_of
from biofeedback.recording.exporters.options import (
    EPOCH,
    NS_PER_S,
    Exported,
    ExportOptions,
    staged,
    written,
)
from biofeedback.recording.exporters.provenance import privacy_notes, provenance_of
from biofeedback.recording.exporters.remarks import remark
from biofeedback.recording.exporters.sample_grid import (
    Group,
    groups_of,
    laid_out,
    origin_ns,
)
from biofeedback.recording.exporters.wfdb_annotations import (
    LONGEST_AUX,
    NOTE,
    Annotation,
    Timeline,
    annotation_bytes,
)

if TYPE_CHECKING:
    from biofeedback.recording.tables import Tables

NAME = "wfdb"
TITLE = "WFDB (PhysioNet)"
FOLDER = True


def write(tables: Tables, out: Path, options: ExportOptions) -> Exported:
    """Write a folder of WFDB files; ``out``'s last part names the record.

    Raises
    ------
    RecordingError
        When ``out`` is there already or cannot be written.
    """
    name = re.sub(r"\W", "_", out.name, flags=re.ASCII).strip("_") or "session"
    groups = groups_of(tables)
    origin = origin_ns(tables, groups)
    provenance = provenance_of(tables, options, NAME)
    comments = [f"# {key}: {value}" for key, value in provenance.items()]
    timeline = Timeline(tables.beats, origin)
    if timeline.early:
        origin -= -(-timeline.early // timeline.hz) * NS_PER_S
        timeline = Timeline(tables.beats, origin)
    base = _base(options.started_utc_ns(tables) + origin)
    remarks, n_cut = _remarks(tables, options, origin, timeline.hz)
    notes = [*privacy_notes(options), *_beat_notes(timeline)]
    with staged(out, folder=True) as folder:
        names = _record_names(name, groups)
        if name not in names:
            head = f"{name} 0 {timeline.hz} {_length(tables, origin, timeline.hz)}"
            lines = [f"{head} {base}", *comments]
            (folder / f"{name}.hea").write_text("\n".join(lines) + "\n", "utf-8")
        for record, group in names.items():
            notes += _record(folder, record, group, origin, base, comments)
        for suffix, annotations in (("rr", timeline.annotations), ("ev", remarks)):
            data = annotation_bytes(annotations, timeline.hz)
            (folder / f"{name}.{suffix}").write_bytes(data)
    if n_cut:
        notes.append(f"{n_cut} notes were cut at {LONGEST_AUX} bytes.")
    notes.append(
        "WFDB has no place for the strap's heart rate, the metrics, how uncertain a "
        "beat's time is, and a pace's inhalation and holds: export csv for these."
    )
    return Exported(paths=written(out), notes=tuple(notes))


def _beat_notes(timeline: Timeline) -> Iterator[str]:
    if timeline.exact:
        yield (
            f"Beats are on a clock of {timeline.hz} Hz: differences within a segment "
            "are the intervals exactly."
        )
    else:
        yield (
            "Intervals are no whole counts of 1/1024 s or 1 ms: each is rounded to "
            "1/1024 s, by less than 1 ms, and the rounding does not add up."
        )
    if timeline.off_ms:
        half, most = float(np.median(timeline.off_ms)), max(timeline.off_ms)
        yield (
            f"Half of the beats lie within {half:.0f} ms of the times told live, all "
            f"within {most:.0f} ms: a segment's intervals are summed from one start, "
            "and live times settle."
        )
    yield (
        "N is an interval judged normal. Q is any other, with our label as its text: "
        "no claim about the rhythm. ~ marks a gap, over which no difference may be "
        "taken; the beat after it only begins the first interval."
    )
    if timeline.n_timeless:
        yield (
            f"{timeline.n_timeless} intervals that the strap added take no time; they "
            "are marked | with their length as text."
        )


def _base(utc_ns: int) -> str:
    seconds, rest_ns = divmod(utc_ns, NS_PER_S)
    stamp = EPOCH + timedelta(seconds=seconds)
    return f"{stamp:%H:%M:%S}.{rest_ns // 1_000_000:03d} {stamp:%d/%m/%Y}"


def _length(tables: Tables, origin: int, hz: int) -> int:
    return max(1, (tables.duration_ns - origin) * hz // NS_PER_S)


def _remarks(
    tables: Tables, options: ExportOptions, origin: int, hz: int
) -> tuple[list[Annotation], int]:
    found: list[Annotation] = []
    n_cut = 0
    for row in rows_of(tables, options):
        # A note at sample 0 would be taken for one about the file.
        sample = max(1, round((row.onset_ns - origin) * hz / NS_PER_S))
        text = remark(row)
        n_cut += len(text.encode()) > LONGEST_AUX
        if found:
            sample = max(sample, found[-1][0] + 1)  # one annotation at a time
        found.append((sample, NOTE, text))
    return found, n_cut


def _record_names(name: str, groups: tuple[Group, ...]) -> dict[str, Group]:
    names: dict[str, Group] = {}
    for group in groups:
        record = name if group.signal == "ecg" else f"{name}_{group.signal}"
        number = 2
        while record in names:
            record, number = f"{name}_{group.signal}{number}", number + 1
        names[record] = group
    return names


def _record(
    folder: Path,
    record: str,
    group: Group,
    origin: int,
    base: str,
    comments: list[str],
) -> Iterator[str]:
    # What the header says is what the samples are laid by.
    rate = f"{group.rate_hz:.6f}".rstrip("0").rstrip(".")
    layout = laid_out(group.traces, rate_hz=float(rate), origin_ns=origin)
    bits = 16 if np.abs(layout.values.astype(np.int64)).max() < 1 << 15 else 24
    # The lowest value is the format's own sign for "no sample" (signal(5)).
    missing, most = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    clipped = np.clip(layout.values, -most, most)
    n_clipped = int(np.count_nonzero(clipped != layout.values))
    values = np.where(layout.there[:, None], clipped, missing).astype("<i4")
    data = values.view("u1").reshape(*values.shape, 4)[..., : bits // 8]
    (folder / f"{record}.dat").write_bytes(data.tobytes())
    n, n_channels = values.shape
    per_unit, unit = ("1000", "mV") if group.unit == "uV" else ("1", group.unit)
    lines = [f"{record} {n_channels} {rate} {n} {base}"]
    for at, label in enumerate(group.names):
        checksum = int(values[:, at].astype(np.int64).sum()) & 0xFFFF
        checksum -= 0x10000 if checksum > 0x7FFF else 0
        lines.append(
            f"{record}.dat {bits} {per_unit}(0)/{unit} {bits} 0 {values[0, at]} "
            f"{checksum} 0 {label}"
        )
    (folder / f"{record}.hea").write_text(
        "\n".join([*lines, *comments]) + "\n", "utf-8"
    )
    yield (
        f"{record}: {rate} Hz is the true rate by the session's clock; "
        f"{layout.sentence}"
    )
    n_missing = int(np.count_nonzero(~layout.there))
    if n_missing:
        yield (
            f"{record}: {n_missing / float(rate):.3g} s without samples hold "
            f"{missing}, which readers of WFDB know as 'no sample'."
        )
    if n_clipped:
        yield f"{record}: {n_clipped} values did not fit {bits} bits and were cut off."
