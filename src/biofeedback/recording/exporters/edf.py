"""EDF+: signals and annotations, for EDFbrowser, MNE and sleep software.

- ``ECG`` in uV and ``ACC X`` to ``ACC Z`` in mG, each step one unit; ``HR`` once a
  record in bpm, the newest rate that the strap had told by its end.
- A record is as long as the ECG's true rate makes it (0.999531 s for 130 samples), not
  a nominal second: a strap's 130 Hz is off by seconds within hours.
- Beats are annotations ``RR 937.500``: the interval in ms that ends at this time. One
  that is not normal has a second, ``label ectopic``.
- EDF+C has no gaps and its integers no NaN. The lowest value (−32768) is kept for "no
  sample" in every signal, and each stretch without samples is annotated
  ``BAD_ACQ_SKIP ECG`` with its duration, the word by which MNE leaves it out. EDF+D
  would cut all signals where one of them has a gap, at whole records only, and
  EDFlib (pyedflib) does not read it.
- Values that need more than 16 bits make the file a BDF+ (24 bits).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from biofeedback.recording.exporters.edf_file import (
    BDF,
    EDF,
    US_PER_S,
    Annotation,
    Channel,
    Kind,
    duration_text,
    edf_bytes,
)
from biofeedback.recording.exporters.entries import rows_of
from biofeedback.recording.exporters.options import (
    EPOCH,
    NS_PER_S,
    Exported,
    ExportOptions,
    staged,
)
from biofeedback.recording.exporters.provenance import (
    privacy_notes,
    provenance_of,
    statement,
    write_provenance,
)
from biofeedback.recording.exporters.remarks import MOST_LETTERS, cut, remark
from biofeedback.recording.exporters.sample_grid import (
    Group,
    Layout,
    groups_of,
    laid_out,
    origin_ns,
    runs_of,
)

if TYPE_CHECKING:
    from biofeedback.recording.tables import Tables

NAME = "edf"
TITLE = "EDF+"
FOLDER = False

HR_FRESH_NS = 3 * NS_PER_S
"""A rate that was told longer ago says nothing of now."""

SLOWEST_HZ = 0.5
"""A slower signal does not set how long a record is."""


def write(tables: Tables, out: Path, options: ExportOptions) -> Exported:
    """Write an EDF+ file, and its provenance beside it as ``NAME.edf.json``.

    Raises
    ------
    RecordingError
        When ``out`` is there already or cannot be written.
    """
    sheet = _Sheet(tables, options)
    if sheet.kind is BDF:
        out = out.with_suffix(".bdf")
    beside = out.with_name(out.name + ".json")
    with staged(beside, folder=False) as note, staged(out, folder=False) as file:
        write_provenance(note, provenance_of(tables, options, NAME))
        file.write_bytes(sheet.data())
    notes = (*privacy_notes(options), *sheet.notes())
    return Exported(paths=(out, beside), notes=notes)


class _Sheet:
    """A recording on the even grid of an EDF."""

    def __init__(self, tables: Tables, options: ExportOptions) -> None:
        self.tables, self.options = tables, options
        self.groups = groups_of(tables)
        self.origin = origin_ns(tables, self.groups)
        most = max((_largest(group) for group in self.groups), default=0)
        self.kind: Kind = EDF if most <= EDF.most else BDF
        self.record_us = _record_us(self.groups)
        self.n_clipped = self.n_cut = 0
        self.sentences: list[str] = []
        self.gaps: list[Annotation] = []
        per_record = [self._per_record(group) for group in self.groups]
        layouts = [
            laid_out(
                group.traces,
                rate_hz=n * US_PER_S / self.record_us,
                origin_ns=self.origin,
            )
            for group, n in zip(self.groups, per_record, strict=True)
        ]
        lengths = [
            -(-len(one.there) // n) for one, n in zip(layouts, per_record, strict=True)
        ]
        told_us = (tables.duration_ns - self.origin) // 1000
        self.n_records = max(1, -(-told_us // self.record_us), *lengths)
        self.channels: list[Channel] = []
        for group, n, layout in zip(self.groups, per_record, layouts, strict=True):
            self._lay(group, n, layout)
        self.channels.append(self._rates())

    def _per_record(self, group: Group) -> int:
        return max(1, round(group.rate_hz * self.record_us / US_PER_S))

    def _lay(self, group: Group, n: int, layout: Layout) -> None:
        total = self.n_records * n
        there = np.zeros(total, np.bool_)
        there[: len(layout.there)] = layout.there
        values = np.full((total, len(group.names)), self.kind.missing, np.int64)
        clipped = np.clip(layout.values, -self.kind.most, self.kind.most)
        self.n_clipped += int(np.count_nonzero(clipped != layout.values))
        values[there] = clipped[layout.there]
        name = group.names[0].removesuffix(" X")
        self.sentences.append(f"{name}: {layout.sentence}")
        for first, end in runs_of(~there):
            self.gaps.append(
                Annotation(
                    onset_us=first * self.record_us // n,
                    duration_us=(end - first) * self.record_us // n,
                    text=f"BAD_ACQ_SKIP {name}",
                )
            )
        for at, label in enumerate(group.names):
            self.channels.append(
                Channel(
                    label=label,
                    unit=group.unit,
                    transducer=self._transducer(),
                    values=values[:, at].reshape(self.n_records, n),
                )
            )

    def _transducer(self) -> str:
        device = self.tables.info.strap_name or "chest strap"
        return f"{device[:40]}; {self.kind.missing} means no sample"

    def _rates(self) -> Channel:
        heart = self.tables.heart
        starts = self.origin + np.arange(self.n_records) * (self.record_us * 1000)
        # The newest by the end of the record: a strap tells one a second.
        ends = starts + self.record_us * 1000
        newest = np.searchsorted(heart.t_ns, ends, side="left") - 1
        values = np.full(self.n_records, self.kind.missing, np.int64)
        if len(heart):
            fresh = (newest >= 0) & (ends - heart.t_ns[newest] <= HR_FRESH_NS)
            known = fresh & np.isfinite(heart.hr_bpm[newest])
            values[known] = np.round(heart.hr_bpm[newest[known]]).astype(np.int64)
        return Channel(
            label="HR",
            unit="bpm",
            transducer=self._transducer(),
            values=values[:, None],
        )

    def data(self) -> bytes:
        """Return the file."""
        started_ns = self.options.started_utc_ns(self.tables) + self.origin
        start = EPOCH + timedelta(seconds=started_ns // NS_PER_S)
        info = self.tables.info
        date = f"{start:%d}-{_MONTHS[start.month - 1]}-{start:%Y}"
        device = "_".join(info.strap_name.split()) or "X"
        words = ["Startdate", date if self.options.dates else "X", "X", "X", device]
        words += ["simulated"] if info.simulated else []
        words += ["imported"] if info.source == "imported" else []
        return edf_bytes(
            self.kind,
            self.channels,
            [*self._about(started_ns), *self._beats(), *self._remarks(), *self.gaps],
            start=start,
            record_us=self.record_us,
            patient="X X X X",
            recording=" ".join(words),
        )

    def _about(self, started_ns: int) -> Iterator[Annotation]:
        for sentence in statement(self.tables).split(". "):
            yield Annotation(onset_us=0, text=sentence.rstrip("."))
        rest_ns = started_ns % NS_PER_S
        yield Annotation(
            onset_us=0, text=f"Time 0 is 0.{rest_ns:09d} s after the header's start"
        )

    def _beats(self) -> Iterator[Annotation]:
        beats = self.tables.beats
        for t_ns, rr_ms, label in zip(
            beats.t_ns.tolist(), beats.rr_ms.tolist(), beats.label.tolist(), strict=True
        ):
            onset_us = self._onset_us(t_ns)
            yield Annotation(onset_us=onset_us, text=f"RR {rr_ms:.3f}")
            if label != "normal":
                yield Annotation(onset_us=onset_us, text=f"label {label}")

    def _remarks(self) -> Iterator[Annotation]:
        for row in rows_of(self.tables, self.options):
            text = remark(row)
            self.n_cut += len(text) > MOST_LETTERS
            yield Annotation(
                onset_us=self._onset_us(row.onset_ns),
                duration_us=row.duration_ns // 1000,
                text=cut(text),
            )

    def _onset_us(self, t_ns: int) -> int:
        return max(0, round((t_ns - self.origin) / 1000))

    def notes(self) -> Iterator[str]:
        """Yield what became of it, a sentence each."""
        if self.kind is BDF:
            yield "Some values need more than 16 bits, so this is a BDF+ (24 bits)."
        if self.groups:
            yield (
                f"A record lasts {duration_text(self.record_us)} s: the true rate of "
                f"{self.groups[0].names[0].split()[0]} by the session's clock."
            )
        yield from self.sentences
        yield (
            f"{self.kind.missing} means no sample, in every signal; such stretches of "
            "ECG and ACC are annotated BAD_ACQ_SKIP. Nothing was filled in."
        )
        if self.n_clipped:
            yield (
                f"{self.n_clipped} values did not fit {8 * self.kind.n_bytes} bits and "
                "were cut off."
            )
        if self.n_cut:
            yield f"{self.n_cut} remarks were cut at {MOST_LETTERS} letters."
        yield (
            "HR is the newest rate the strap had told by the end of a record, at most "
            "3 s before; annotations are rounded to 1 µs and intervals to 0.001 ms."
        )
        yield (
            "EDF+ has no place for the metrics, the pseudonym, segments and how "
            "uncertain a beat's time is: export csv for these."
        )


_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV",
           "DEC")  # fmt: skip


def _largest(group: Group) -> int:
    return max(int(np.abs(one.values.astype(np.int64)).max()) for one in group.traces)


def _record_us(groups: tuple[Group, ...]) -> int:
    if not groups or groups[0].rate_hz < SLOWEST_HZ:
        return US_PER_S
    rate_hz = groups[0].rate_hz
    return round(max(1, round(rate_hz)) / rate_hz * US_PER_S)
