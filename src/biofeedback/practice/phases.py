"""When in a session the pace on screen was really being followed."""

from __future__ import annotations

import re
from collections.abc import Iterable

from biofeedback.model import Entry

NS_PER_MS = 1_000_000

_ASSESSMENT = "resonance/"
_UNPACED = ("rest", "done")
_NUMBER = re.compile(r"\d+(\.\d+)?", re.ASCII)


def begins_practice(entry: Entry) -> bool:
    """Say whether ``entry`` marks that the pacer came on screen."""
    return entry.type == "phase" and entry.text == "practice"


def ends_practice(entry: Entry) -> bool:
    """Say whether ``entry`` marks that the pacer left the screen.

    A plan's next step does so as well; a practice of a plan marks its own phase.
    """
    return entry.moment == "after" or entry.type in ("symptom", "plan")


def paced_after(entry: Entry, paced: bool) -> bool:
    """Say whether a pace is followed from ``entry`` on, if it was ``paced`` before.

    A session counts as paced from its start, unless somebody answers questions before
    practice: then it is not until the pacer comes on screen. The steps of an assessment
    are paced, and its rests are not.
    """
    if begins_practice(entry):
        return True
    assessed = _assessment_paced(entry)
    if assessed is not None:
        return assessed
    if entry.moment == "before" or ends_practice(entry):
        return False
    return paced


def _assessment_paced(entry: Entry) -> bool | None:
    text = entry.text or ""
    if entry.type != "phase" or not text.startswith(_ASSESSMENT):
        return None
    part = text.removeprefix(_ASSESSMENT)
    if part in _UNPACED:
        return False
    return True if part == "sliding" or _NUMBER.fullmatch(part) else None


def practice_span(entries: Iterable[Entry], end_ms: float) -> tuple[float, float]:
    """Return from when to when (ms) the pacer was on screen.

    It begins with the phase ``practice`` and ends with the first answer given after
    it, or with "dizzy". A session without that mark was practice from its start.
    """
    start_ms, found = 0.0, False
    for entry in entries:
        if begins_practice(entry):
            start_ms, found = entry.t_ns / NS_PER_MS, True
        elif found and ends_practice(entry):
            return start_ms, entry.t_ns / NS_PER_MS
    return start_ms, end_ms
