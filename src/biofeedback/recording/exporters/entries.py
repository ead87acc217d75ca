"""What happened in a session, as rows that every format of tables writes alike."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from biofeedback.model import Entry, Value
from biofeedback.recording.exporters.options import NS_PER_S, ExportOptions

if TYPE_CHECKING:
    from biofeedback.recording.tables import Beats, Tables

KIND = re.compile(r"[a-z][a-z0-9_.]{0,63}")
ROLES = frozenset(
    {"patient", "therapist", "researcher", "admin", "system", "service", "import"}
)
CODED = re.compile(r"([PTRA])-[0-9A-Z]{6}")
"""An account's code; its letter says the role, which is all that leaves."""

ROLE_OF_LETTER = {"P": "patient", "T": "therapist", "R": "researcher", "A": "admin"}
SCALES = frozenset(
    {"nrs_0_10", "sam_1_9", "ms", "s", "min", "bpm", "pct", "count", "breaths/min"}
)
OTHER = "other"

BREATHS_PER_MIN = "breaths_per_min"
GAP, PACER, LINK = "gap", "pacer", "link"


class Row(Value, frozen=True, kw_only=True):
    """Something that happened at ``onset_ns`` since the start of the session.

    ``superseded`` says that a later row corrects this one (``corrects`` names it).
    """

    onset_ns: int
    duration_ns: int = 0
    kind: str
    value: float | None = None
    scale: str | None = None
    by: str
    moment: str | None = None
    text: str | None = None
    id: str | None = None
    corrects: str | None = None
    superseded: bool = False


class Gap(Value, frozen=True, kw_only=True):
    """From ``start_ns`` to ``end_ns`` nothing is known of the heart."""

    start_ns: int
    end_ns: int
    before: int
    """Number of beats that came before it."""


def rows_of(tables: Tables, options: ExportOptions) -> tuple[Row, ...]:
    """Return ratings, marks, phases, gaps, paces and states of the link, by onset."""
    superseded = {one.corrects for one in tables.entries if one.corrects}
    rows = [_entry(one, superseded, options) for one in tables.entries]
    rows += [
        Row(
            onset_ns=gap.start_ns,
            duration_ns=gap.end_ns - gap.start_ns,
            kind=GAP,
            by="system",
        )
        for gap in gaps_of(tables.beats)
    ]
    rows += _paces(tables)
    rows += _links(tables)
    return tuple(sorted(rows, key=lambda row: row.onset_ns))


def gaps_of(beats: Beats) -> tuple[Gap, ...]:
    """Return where segments end and begin: no beats are known in between."""
    ends = np.flatnonzero(np.diff(beats.segment)) + 1
    return tuple(
        Gap(
            start_ns=(start := int(beats.t_ns[k - 1])),
            # An interval may reach back over what was lost; then nothing is missing.
            end_ns=max(start, int(beats.t_ns[k]) - round(beats.rr_ms[k] * 1e6)),
            before=int(k),
        )
        for k in ends
    )


def role_of(by: str, options: ExportOptions) -> str:
    """Return who did it as a role; a word that is none might be a name."""
    if by in ROLES or options.free_text:
        return by
    coded = CODED.fullmatch(by)
    return OTHER if coded is None else ROLE_OF_LETTER[coded[1]]


def kind_of(entry: Entry) -> str:
    """Return the type of an entry; one that is no identifier becomes ``other``."""
    return entry.type if KIND.fullmatch(entry.type) else OTHER


def scale_of(entry: Entry, options: ExportOptions) -> str | None:
    """Return the scale of an entry's value; unknown words count as typed text."""
    unit = entry.unit
    return unit if unit is None or unit in SCALES or options.free_text else OTHER


def moment_of(entry: Entry, options: ExportOptions) -> str | None:
    """Return ``before``, ``during`` or ``after`` the practice."""
    known = entry.moment in (None, "before", "during", "after")
    return entry.moment if known or options.free_text else OTHER


def _entry(entry: Entry, superseded: set[str], options: ExportOptions) -> Row:
    return Row(
        onset_ns=entry.t_ns,
        kind=kind_of(entry),
        value=entry.value,
        scale=scale_of(entry, options),
        by=role_of(entry.by, options),
        moment=moment_of(entry, options),
        text=options.text_of(entry),
        id=options.identifier(entry.id),
        corrects=options.identifier(entry.corrects) if entry.corrects else None,
        superseded=entry.id in superseded,
    )


def _paces(tables: Tables) -> Iterator[Row]:
    starts = [round(pace.origin_ms * 1e6) for pace in tables.pacer]
    ends = [*starts[1:], max(tables.duration_ns, *starts)] if starts else []
    for pace, start, end in zip(tables.pacer, starts, ends, strict=True):
        yield Row(
            onset_ns=start,
            duration_ns=max(0, end - start),
            kind=PACER,
            value=pace.rate_bpm,
            scale=BREATHS_PER_MIN,
            by="system",
        )


def _links(tables: Tables) -> Iterator[Row]:
    starts = [round(link.t_ms * 1e6) for link in tables.links]
    ends = [*starts[1:], max(tables.duration_ns, *starts)] if starts else []
    for link, start, end in zip(tables.links, starts, ends, strict=True):
        yield Row(
            onset_ns=start,
            duration_ns=max(0, end - start),
            kind=f"{LINK}.{link.state.value}",
            by="system",
        )


def seconds(t_ns: int) -> str:
    """Return ``t_ns`` in seconds, with every digit.

    >>> seconds(1_500_000_000), seconds(-1)
    ('1.500000000', '-0.000000001')
    """
    whole, rest = divmod(abs(t_ns), NS_PER_S)
    return f"{'-' if t_ns < 0 else ''}{whole}.{rest:09d}"


def number(value: float | None) -> str:
    """Return the shortest text that reads back as ``value``; empty if unknown.

    >>> number(937.5), number(4.0), number(None), number(float("nan"))
    ('937.5', '4', '', '')
    """
    if value is None or value != value:
        return ""
    if float(value).is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(float(value))
