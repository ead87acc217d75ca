"""What both pages have in common."""

from __future__ import annotations

from biofeedback.report.values import Number
from biofeedback.report.wording import NBSP, NOT_KNOWN, STREAMS, listed, lower, number

WIDE_MM, HALF_MM, NARROW_MM = 182.0, 88.0, 92.0
"""Widths of pictures: of the page, of one of two columns, of a phone."""

LONGEST_NAME = 40
"""Signs of a pseudonym: some are brought along by an import."""

NOT_SHARED = "Not shared."
SIMULATED = "Simulated heart"
DEIDENTIFIED = "De-identified"


def badges(*, simulated: bool, deidentified: bool) -> tuple[str, ...]:
    """Return what must be seen at once."""
    found = ((SIMULATED, simulated), (DEIDENTIFIED, deidentified))
    return tuple(text for text, holds in found if holds)


def withheld(streams: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Return the row that says what is not shared, if anything is not."""
    if not streams:
        return ()
    kept = listed(STREAMS[one] for one in streams)
    return (("Not shared", f"{kept[:1].upper()}{kept[1:]}."),)


def value(found: Number, digits: int = 0, unit: str | None = None) -> str:
    r"""Return a number with its unit, or that it is not known and why.

    >>> value(Number(value=61.2, unit="bpm")), value(Number.of(None, "bpm", "Why."))
    ('61\xa0bpm', 'not known: why.')
    """
    if found.value is None:
        return f"{NOT_KNOWN}: {lower(found.reason or '')}"
    unit = found.unit if unit is None else unit
    return f"{number(found.value, digits)}{NBSP if unit else ''}{unit}"


def minutes(found: Number) -> str:
    r"""Return a length in minutes, short ones to the tenth.

    >>> minutes(Number(value=2.5, unit="min")), minutes(Number(value=12.4, unit="min"))
    ('2.5\xa0min', '12\xa0min')
    """
    length = found.value
    short = length is not None and length < 10 and round(length, 1) % 1
    return value(found, 1 if short else 0)
