"""When in a session the pace on screen was really being followed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec

from biofeedback.model import Entry

NS_PER_MS = 1_000_000

OWN_BREATHS = "practice/own_breaths"

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


def paced_span(entries: Sequence[Entry], end_ms: float) -> tuple[float, float]:
    """Return from when to when (ms) the pacer was followed.

    As :func:`practice_span`, but without the own breaths at the end: whoever then
    leaves every question open practises no longer for that.
    """
    from_ms, to_ms = practice_span(entries, end_ms)
    own_ms = [
        entry.t_ns / NS_PER_MS
        for entry in entries
        if entry.type == "phase" and entry.text == OWN_BREATHS
    ]
    return from_ms, min([to_ms, *(ms for ms in own_ms[-1:] if ms > from_ms)])


def as_it_happened(entries: Iterable[Entry]) -> list[Entry]:
    """Return what was entered by when it was, also where it arrived later."""
    timed = [
        entry
        if entry.at_ms is None
        else msgspec.structs.replace(entry, t_ns=round(entry.at_ms * NS_PER_MS))
        for entry in entries
    ]
    return sorted(timed, key=lambda entry: entry.t_ns)
