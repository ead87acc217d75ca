"""Guided practices as data: which phases, how long, and when a sentence comes.

The words stand in the languages of the dashboard, by the same names. Lengths are
shares, so that one file serves three minutes and twenty: sentences stay as many, and
the silence between them grows.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

import msgspec

from biofeedback.errors import SettingsError
from biofeedback.model import Value

SHORTEST_MIN, LONGEST_MIN = 3.0, 20.0
"""Below, a phase would be over before its sentences are said."""

LONGEST_SILENCE_MS = 45_000
"""Sentences of a phase do not lie further apart than this."""

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z_]{0,39}$")]
Skill = Literal[
    "mindfulness", "zoom_in", "zoom_out", "reappraisal", "savoring", "movement"
]


class Phase(Value, frozen=True, forbid_unknown_fields=True):
    """A part of a practice: its share of the whole, and how many sentences it has.

    Without ``pacer`` the pacer steps back while it lasts.
    """

    id: Name
    weight: Annotated[float, msgspec.Meta(gt=0, le=100)]
    sentences: Annotated[int, msgspec.Meta(ge=1, le=12)]
    pacer: bool = True


class Practice(Value, frozen=True, forbid_unknown_fields=True):
    """One guided practice."""

    id: Name
    version: Annotated[int, msgspec.Meta(ge=1)]
    skills: Annotated[tuple[Skill, ...], msgspec.Meta(min_length=1)]
    phases: Annotated[tuple[Phase, ...], msgspec.Meta(min_length=1, max_length=20)]


class Moment(Value, frozen=True):
    """A phase in time: ms since the practice began."""

    phase: str
    start_ms: int
    end_ms: int
    sentences_ms: tuple[int, ...]
    pacer: bool


def read_practice(text: str | bytes) -> Practice:
    """Return the practice that a file describes.

    Raises
    ------
    SettingsError
        When it is no practice; says where it is wrong.
    """
    try:
        found = msgspec.json.decode(text, type=Practice)
    except msgspec.MsgspecError as error:
        raise SettingsError(
            f"This is not a practice: {error}.",
            "Compare it with those in biofeedback/practice/practice_files.",
        ) from error
    ids = [phase.id for phase in found.phases]
    if len(set(ids)) != len(ids):
        raise SettingsError(
            f"Two phases of {found.id} have one name.",
            "Give each its own, so that the recording can tell them apart.",
        )
    return found


def timeline(practice: Practice, minutes: float) -> tuple[Moment, ...]:
    """Return when each phase and each sentence begins.

    Raises
    ------
    SettingsError
        When the practice is not offered at this length.
    """
    if not SHORTEST_MIN <= minutes <= LONGEST_MIN:
        raise SettingsError(
            f"A practice of {minutes:g} minutes is not offered.",
            f"Choose between {SHORTEST_MIN:g} and {LONGEST_MIN:g} minutes.",
        )
    whole = sum(phase.weight for phase in practice.phases)
    total_ms, before = minutes * 60_000, 0.0
    found = []
    for phase in practice.phases:
        start_ms = _whole(total_ms * before / whole)
        before += phase.weight
        end_ms = _whole(total_ms * before / whole)
        gap_ms = min((end_ms - start_ms) / phase.sentences, LONGEST_SILENCE_MS)
        found.append(
            Moment(
                phase=phase.id,
                start_ms=start_ms,
                end_ms=end_ms,
                sentences_ms=tuple(
                    _whole(start_ms + i * gap_ms) for i in range(phase.sentences)
                ),
                pacer=phase.pacer,
            )
        )
    return tuple(found)


@cache
def packaged() -> tuple[Practice, ...]:
    """Return the practices that come with the program, by their file's name."""
    folder = files("biofeedback.practice") / "practice_files"
    entries = sorted(folder.iterdir(), key=lambda one: one.name)
    return tuple(
        read_practice(entry.read_bytes())
        for entry in entries
        if entry.name.endswith(".json")
    )


def _whole(ms: float) -> int:
    return int(ms + 0.5)  # as the page rounds
