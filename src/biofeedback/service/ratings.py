"""An answer as it comes in, checked against its scale."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

from biofeedback.errors import SettingsError
from biofeedback.practice.ratings import SCALES, Moment, RatingType

LONGEST_LATENCY_MS = 24 * 3600 * 1000

Prompt: TypeAlias = Annotated[str, msgspec.Meta(max_length=500)]
Device: TypeAlias = Annotated[str, msgspec.Meta(max_length=200)]
Latency: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=LONGEST_LATENCY_MS)]


class Rating(msgspec.Struct, frozen=True, kw_only=True):
    """One answer to one question, as the question was shown.

    Raises
    ------
    SettingsError
        When the value does not lie on the scale of its type.
    """

    type: RatingType
    value: int
    moment: Moment
    prompt: Prompt | None = None
    latency_ms: Latency | None = None
    device: Device | None = None

    @property
    def unit(self) -> str:
        """The scale, in a word."""
        return SCALES[self.type][2]

    def check(self) -> None:
        """Refuse a value that is not on the scale."""
        check_on_scale(self.type, self.value)


def check_on_scale(type: str, value: float | None) -> None:
    """Refuse a rating that is no whole number on the scale of its type.

    Raises
    ------
    SettingsError
        Naming the scale's ends.
    """
    low, high, _ = SCALES[type]
    if value is None or value != int(value) or not low <= value <= high:
        raise SettingsError(
            f"'value' cannot be {value} for {type}.",
            f"Choose a whole number from {low} to {high}.",
        )
