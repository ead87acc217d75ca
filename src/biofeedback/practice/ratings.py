"""What a person may rate, what changed between two answers, and how sure that is.

Two questions about pain, since pain is not suffering: how strong it is, and how
unpleasant. Their difference is the *gap*. In a study of meditation unpleasantness moved
more than intensity: by 57 and 40 % (Zeidan et al. 2011,
doi:10.1523/JNEUROSCI.5791-10.2011).

Sources
-------
Farrar et al. 2001, Pain 94:149-158, doi:10.1016/S0304-3959(01)00349-9 (n = 2724): on
the 11-point scale of pain intensity a fall of about 2 points or 30 % goes with "much
improved". Dworkin et al. 2008 (IMMPACT), J Pain 9:105-121,
doi:10.1016/j.jpain.2007.09.005: 10-20 % is minimal, 30 % and more moderate, 50 % and
more substantial. Both speak of groups of patients over weeks; for one person before
and after one practice they are words for a size, not proof of an effect. For
unpleasantness, craving and the others no such value is agreed upon: only the points
are told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Literal, TypeAlias, get_args

from biofeedback.model import Value

RatingType: TypeAlias = Literal[
    "pain_intensity",
    "pain_unpleasantness",
    "arousal",
    "craving",
    "self_control",
    "mood",
]
Moment: TypeAlias = Literal["before", "during", "after"]

SCALES: Mapping[str, tuple[int, int, str]] = {
    # NRS-11 for each of the two (Farrar 2001; Price 1994), nine steps for arousal
    # (Bradley and Lang 1994; the drawing is our own).
    "pain_intensity": (0, 10, "nrs_0_10"),
    "pain_unpleasantness": (0, 10, "nrs_0_10"),
    "arousal": (1, 9, "sam_1_9"),
    # As in the event-contingent logs of the pilot trial of MORE in methadone treatment.
    "craving": (0, 10, "nrs_0_10"),
    "self_control": (0, 10, "nrs_0_10"),
    "mood": (0, 10, "nrs_0_10"),
}
"""The lowest answer, the highest one and the name of the scale, by type."""


class Band(StrEnum):
    """How large a fall of pain intensity is, in IMMPACT's words.

    What lies under 30 % is "below the 30 % mark", in three sizes: ``MINIMAL`` is what
    IMMPACT calls so (10-20 %); for 20-30 % it has no word.
    """

    HIGHER = "higher"
    SAME = "same"
    BELOW_MINIMAL = "below_minimal"
    MINIMAL = "minimal"
    BELOW_30 = "below_30"
    MODERATE = "moderate"
    SUBSTANTIAL = "substantial"


class Change(Value, frozen=True):
    """One question before and after; ``None`` where it was not answered.

    Examples
    --------
    >>> change = Change(type="pain_intensity", before=7, after=5)
    >>> change.points, round(change.pct, 1), change.band.value
    (-2, -28.6, 'below_30')
    >>> Change(type="pain_intensity", before=10, after=7).band.value
    'moderate'
    >>> Change(type="pain_intensity", before=0, after=2).pct is None
    True
    >>> Change(type="pain_unpleasantness", before=8, after=4).band is None
    True
    """

    type: RatingType
    before: float | None
    after: float | None

    @property
    def points(self) -> float | None:
        """After less before: negative is lower."""
        if self.before is None or self.after is None:
            return None
        return self.after - self.before

    @property
    def pct(self) -> float | None:
        """The points in percent of before, for pain intensity alone.

        ``None`` for every other question, where an answer is missing, and where before
        is 0: nothing is divided by it.
        """
        if self.type != "pain_intensity" or self.points is None or not self.before:
            return None
        return 100 * self.points / self.before

    @property
    def band(self) -> Band | None:
        """How large the change of pain intensity is; ``None`` for other questions."""
        if self.type != "pain_intensity" or self.points is None:
            return None
        if self.points > 0:
            return Band.HIGHER
        if self.points == 0 or not self.before:
            return Band.SAME
        fall = -self.points  # compared as products: 10 to 7 is exactly 30 %
        if 10 * fall >= 5 * self.before:
            return Band.SUBSTANTIAL
        if 10 * fall >= 3 * self.before:
            return Band.MODERATE
        if 10 * fall > 2 * self.before:
            return Band.BELOW_30
        return Band.MINIMAL if 10 * fall >= self.before else Band.BELOW_MINIMAL


class Gap(Value, frozen=True):
    """Unpleasantness less intensity, before and after, in points.

    Each is ``None`` unless both questions were answered at that moment.

    Examples
    --------
    >>> Gap(before=1, after=-2).change
    -3
    """

    before: float | None
    after: float | None

    @property
    def change(self) -> float | None:
        """After less before: negative is less unpleasant than the strength tells."""
        if self.before is None or self.after is None:
            return None
        return self.after - self.before


class Answer(Value, frozen=True):
    """One answer, as far as a change needs it."""

    type: str
    value: float
    moment: str | None


class Changes(Value, frozen=True):
    """What was answered around one practice, question by question.

    ``during`` are the answers given in between, in order. Of several at one moment the
    last one counts.
    """

    changes: tuple[Change, ...]
    during: Mapping[str, tuple[float, ...]]
    gap: Gap


def changes_of(answers: Iterable[Answer]) -> Changes:
    """Return the changes of one practice, from its answers in order.

    A question nobody answered is not among them. Types that have no scale are left out.
    """
    at: dict[tuple[str, str | None], list[float]] = {}
    for answer in answers:
        at.setdefault((answer.type, answer.moment), []).append(answer.value)

    def last(type: str, moment: Moment) -> float | None:
        given = at.get((type, moment))
        return given[-1] if given else None

    def gap(moment: Moment) -> float | None:
        bother = last("pain_unpleasantness", moment)
        hurt = last("pain_intensity", moment)
        return None if bother is None or hurt is None else bother - hurt

    types: tuple[RatingType, ...] = get_args(RatingType)
    answered = [t for t in types if any(type == t for type, _ in at)]
    return Changes(
        changes=tuple(
            Change(type=t, before=last(t, "before"), after=last(t, "after"))
            for t in answered
        ),
        during={t: tuple(at.get((t, "during"), ())) for t in answered},
        gap=Gap(before=gap("before"), after=gap("after")),
    )
