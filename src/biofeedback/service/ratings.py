"""What a person may rate, and between which ends."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from biofeedback.errors import SettingsError

RatingType: TypeAlias = Literal["pain_intensity", "pain_unpleasantness", "arousal"]
Moment: TypeAlias = Literal["before", "during", "after"]

SCALES: dict[str, tuple[int, int, str]] = {
    # NRS-11 for each of the two (Farrar 2001; Price 1994), SAM's nine steps for
    # arousal (Bradley and Lang 1994).
    "pain_intensity": (0, 10, "nrs_0_10"),
    "pain_unpleasantness": (0, 10, "nrs_0_10"),
    "arousal": (1, 9, "sam_1_9"),
}

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
        low, high, _ = SCALES[self.type]
        if not low <= self.value <= high:
            raise SettingsError(
                f"'value' cannot be {self.value} for {self.type}.",
                f"Choose a whole number from {low} to {high}.",
            )
