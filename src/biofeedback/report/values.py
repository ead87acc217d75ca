"""What a report knows. A number that is not known says why; none is ever guessed.

A part is ``None`` where its stream is not shared: what is not in these values cannot
stand on a page.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from biofeedback.model import Value
from biofeedback.practice.ratings import RatingType

RatedType: TypeAlias = RatingType | Literal["gap"]


class Number(Value, frozen=True):
    """A number with its unit; ``value`` is ``None`` for the ``reason`` beside it."""

    value: float | None
    unit: str
    reason: str | None = None

    @classmethod
    def of(cls, value: float | None, unit: str, reason: str) -> Number:
        """Return it; ``reason`` counts where there is no value.

        >>> Number.of(None, "bpm", "No beats came.").reason
        'No beats came.'
        >>> Number.of(61.0, "bpm", "No beats came.").reason is None
        True
        """
        return cls(value=value, unit=unit, reason=reason if value is None else None)


class Measure(Value, frozen=True):
    """A number of the heart, and what it was got from.

    ``window`` is how long that is, ``coverage`` how much of it normal intervals fill,
    ``artefact`` which share of its intervals were flagged.
    """

    name: str
    number: Number
    window: Number
    coverage: Number
    artefact: Number


class Usual(Value, frozen=True):
    """The person's own practices of the ``days`` before: median and middle half (bpm).

    All ``None`` for the ``reason`` beside them where there are too few.
    """

    days: int
    n: int
    median: float | None
    low: float | None
    high: float | None
    reason: str | None = None


class Trace(Value, frozen=True):
    """Heart rate over the session in bins of ``bin_s``; ``None`` where beats lack.

    ``low_bpm`` and ``high_bpm`` are the slowest and the fastest beat of a bin: with
    slow breathing the room between them is the heart's answer.
    """

    bin_s: float
    mean_bpm: tuple[float | None, ...]
    low_bpm: tuple[float | None, ...]
    high_bpm: tuple[float | None, ...]


class Rated(Value, frozen=True):
    """One question, or the gap, before and after; ``points`` is after less before.

    ``pct`` and ``band`` are for pain intensity alone. ``lowest`` and ``highest`` bound
    the scale.
    """

    type: RatedType
    lowest: int
    highest: int
    before: Number
    during: tuple[float, ...]
    after: Number
    points: Number
    pct: Number | None = None
    band: str | None = None


class BreathingPart(Value, frozen=True):
    """What was practised, at which pace, and how well it was followed.

    ``practice`` ``None`` is breathing alone. ``rate`` is the pace held longest, beside
    the ``slowest`` and the ``fastest`` one. ``exhale`` is the rest of a breath without
    its holds. ``from_s`` and ``to_s`` are when it was practised.
    """

    practice: str | None
    from_s: float
    to_s: float
    minutes: Number
    rate: Number
    slowest: Number
    fastest: Number
    inhale: Number
    exhale: Number
    followed: Number
    in_phase: Number

    @property
    def varied(self) -> bool:
        """Say whether there was more than one pace."""
        return self.slowest.value != self.fastest.value


class HeartPart(Value, frozen=True):
    """How well the heart is known, and how it answered the breath.

    ``coverage``, ``artefact`` and ``n_gaps`` are of the whole session, and so is
    ``suitable``, ``None`` where that is not known; ``trouble`` says why it does not
    suit, or what was lost. ``amplitude`` is RSA, from peak to trough.
    """

    coverage: Number
    artefact: Number
    n_gaps: Number
    suitable: bool | None
    trouble: str | None
    measures: tuple[Measure, ...]
    amplitude: Measure
    usual: Usual
    trace: Trace | None


class RatingsPart(Value, frozen=True):
    """The questions in the order they are asked, the gap behind the two of pain."""

    rated: tuple[Rated, ...]

    def answered(self) -> tuple[Rated, ...]:
        """Return those that were answered at least once."""
        return tuple(
            one
            for one in self.rated
            if one.before.value is not None or one.after.value is not None or one.during
        )


class Words(Value, frozen=True):
    """Something the person wrote, ``t_s`` into the session."""

    t_s: float
    type: str
    text: str


class WordsPart(Value, frozen=True):
    """What the person marked and wrote, and when they stopped since they felt unwell.

    ``posture`` and ``eyes`` are ``None`` where they were not noted. ``left_out`` says
    why words that were written are not told.
    """

    posture: str | None
    eyes: str | None
    wrote: tuple[Words, ...]
    symptoms: tuple[Words, ...]
    left_out: str | None = None


class Mark(Value, frozen=True):
    """Something that happened ``t_s`` into the session, and who marked it."""

    t_s: float
    type: str
    by: str
    value: float | None = None
    unit: str | None = None
    text: str | None = None


class SessionReport(Value, frozen=True):
    """One session. ``withheld`` are the streams that are not shared.

    ``who`` is a pseudonym, or a code where it is de-identified; then ``started`` is
    ``None``, and ``day`` counts from the person's first session, which is 1.
    ``started`` is ISO 8601 where the person was.
    """

    who: str
    session: str
    started: str | None
    day: int | None
    simulated: bool
    deidentified: bool
    duration: Number
    breathing: BreathingPart | None
    heart: HeartPart | None
    ratings: RatingsPart | None
    words: WordsPart | None
    marks: tuple[Mark, ...]
    withheld: tuple[str, ...]
    software: str
    algorithm: str


class Average(Value, frozen=True):
    """A week's mean of ``n`` answers (points) with its 95 % interval.

    ``low`` and ``high`` are ``None`` below two answers.
    """

    n: int
    mean: Number
    low: float | None = None
    high: float | None = None


class RatedWeek(Value, frozen=True):
    """What was answered in one week; ``n_pauses`` is a plain number."""

    intensity_before: Average
    intensity_after: Average
    unpleasantness_before: Average
    unpleasantness_after: Average
    gap_before: Average
    gap_after: Average
    gap_change: Average
    craving: Average
    self_control: Average
    peg: Number
    n_pauses: int


class Week(Value, frozen=True):
    """One week, ``number`` in these weeks from 1; what was not done is not known.

    ``monday`` is ``None`` where it is de-identified.
    """

    number: int
    monday: str | None
    practised: Number | None
    n_practices: int | None
    rated: RatedWeek | None


class Swing(Value, frozen=True):
    """The heart's answer in one practice, ``day`` days after the first Monday.

    ``rolling`` is the median of the practices of the fortnight up to this one.
    """

    day: float
    rsa: Number
    rolling: Number


class SwingPart(Value, frozen=True):
    """The heart's answers, and the person's own range over these weeks."""

    swings: tuple[Swing, ...]
    usual: Usual


class TrendReport(Value, frozen=True):
    """Some weeks of one person. ``symptoms`` counts practices stopped as unwell."""

    who: str
    until: str | None
    simulated: bool
    deidentified: bool
    weeks: tuple[Week, ...]
    swing: SwingPart | None
    gap_change: Average | None
    n_symptoms: int | None
    withheld: tuple[str, ...]
    software: str
