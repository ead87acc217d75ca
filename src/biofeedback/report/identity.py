"""Who a report is of, and what of that it may tell."""

from __future__ import annotations

from biofeedback.model import Value


class Identity(Value, frozen=True):
    """Who a report is of, and what of that it may tell.

    ``who`` and ``session`` stand on the page. ``first_utc_ns`` is when the person's
    first session began. ``reader`` is the code of whoever reads it: their own marks
    keep their words. ``deidentified``: no date, no code; and what was typed only with
    ``free_text``.
    """

    who: str
    session: str
    first_utc_ns: int
    reader: str | None = None
    deidentified: bool = False
    free_text: bool = True


class Past(Value, frozen=True):
    """One earlier practice, and how far the heart moved with the breath in it."""

    started_at_utc_ns: int
    rsa_bpm: float
