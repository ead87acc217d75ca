"""The adaptive pacer: the pace moves slowly towards where the heart answers more.

Every two minutes the breaths of those minutes are looked at, and the pace moves by a
tenth of a breath a minute, or stays and says why. All of it is a pure function of what
was measured: the same looks give the same way.

How it decides: the answer at a pace is the mean of RSA (peak-to-trough per breath). A
line is laid through the logarithms of the answers at paces near the present one, each
weighted by its uncertainty. Where its slope is larger than 1.6 of its standard errors
(the dead zone), the pace follows it. Where too little is known for a line, paces up to
0.3 away are tried; where they are alike, the pace goes back to where it came from, and
stays.

*Deviations*: no publication gives such a rule; jlamprou/HRVBioFeedback moves by 0.1 in
two minutes too. The dead zone is our own, chosen on simulated hearts. Answers also grow
while somebody settles down, and a way that has gone in one direction only cannot tell
the two apart: it may follow that growth for a step or two.
"""

from __future__ import annotations

import math
from enum import StrEnum

import msgspec

from biofeedback.model import Value

STEP_BPM = 0.1
"""The most that the pace moves in two minutes."""

LOOK_MS = 120_000.0
AGAIN_MS = 30_000.0
"""When to look again where there was too little to go by."""

LIMITS_BPM = (4.5, 7.0)

MIN_BREATHS = 6
"""Whole clean breaths out of the nine to fourteen of two minutes."""

MIN_IN_PHASE_PCT = 50.0
"""Below, more than half of the breaths did not keep the pacer's time."""

LEAST_ANSWER_BPM = 0.5
"""A swing below half a beat a minute is none that could be compared."""

NEAR_BPM = 0.45
"""Answers at paces no further away are compared: nearly a line on a resonance curve."""

DEAD_ZONE = 1.6
"""Standard errors that a slope must exceed to be followed."""

TRIED_BPM = 0.3
"""How far a trial goes, and how far apart paces must be for a line through them."""

LEAST_SPREAD = 0.05
"""Breaths differ by 5 % at least, so that a few alike ones do not look certain."""

KEPT = 60
"""Answers that are kept: two hours of them."""


class Reason(StrEnum):
    """Why the pace moved, or did not."""

    STRONGER = "stronger"  # the heart answered more on this side
    TRYING = "trying"  # too little is known of the paces beside this one
    ALIKE = "alike"  # what was tried is not surely stronger: back, and stay
    AT_LIMIT = "at_limit"  # stronger on a side where the limits end
    OUTSIDE = "outside"  # somebody chose a pace outside the limits
    NOT_FOLLOWED = "not_followed"
    NOT_SUITABLE = "not_suitable"  # the rhythm does not suit such measures
    FEW_BREATHS = "few_breaths"
    NO_ANSWER = "no_answer"


TOO_LITTLE = frozenset(
    {
        Reason.NOT_FOLLOWED,
        Reason.NOT_SUITABLE,
        Reason.FEW_BREATHS,
        Reason.NO_ANSWER,
    }
)
"""Reasons for which nothing was learnt: it looks again soon."""


class Look(Value, frozen=True):
    """What was measured in the last two minutes at one pace.

    ``rsa_bpm`` holds the peak-to-trough of each whole breath, ``None`` where it was not
    clean; ``followed`` and ``in_phase_pct`` are ``None`` where they are not known.
    """

    rate_bpm: float
    rsa_bpm: tuple[float | None, ...]
    followed: bool | None
    in_phase_pct: float | None
    suitable: bool


class Answer(Value, frozen=True):
    """How much the heart answered at one pace.

    ``mean_bpm`` is the mean over ``n_breaths``, ``se`` the standard error of its
    natural logarithm.
    """

    rate_bpm: float
    mean_bpm: float
    n_breaths: int
    se: float


class Move(Value, frozen=True):
    """What was decided, with the numbers it was decided by.

    ``answer_bpm`` is that of the last two minutes, ``answer_before_bpm`` the newest one
    at another pace. ``slope`` is the relative change of the answer per breath a minute,
    and ``slope_se`` its standard error; ``None`` where only one pace is known.
    """

    reason: Reason
    from_bpm: float
    to_bpm: float
    n_breaths: int
    answer_bpm: float | None = None
    answer_before_bpm: float | None = None
    rate_before_bpm: float | None = None
    n_breaths_before: int | None = None
    slope: float | None = None
    slope_se: float | None = None

    @property
    def text(self) -> str:
        """Return it as canonical JSON: sorted keys, no spaces."""
        return msgspec.json.encode(self, order="sorted").decode()


class Walk(Value, frozen=True):
    """What is known on the way, oldest answer first.

    ``home_bpm`` is the pace that trials begin at and return to: the one that somebody
    chose, or the one that was surely stronger. ``to_bpm`` is where the last move led.
    """

    answers: tuple[Answer, ...] = ()
    home_bpm: float | None = None
    to_bpm: float | None = None


def decide(walk: Walk, look: Look) -> tuple[Walk, Move]:
    """Return what is known after ``look``, and where the pace goes.

    >>> look = Look(rate_bpm=6.0, rsa_bpm=(8.0,) * 11, followed=True,
    ...     in_phase_pct=100.0, suitable=True)
    >>> walk, move = decide(Walk(), look)
    >>> str(move.reason), move.to_bpm
    ('trying', 5.9)
    >>> _, move = decide(walk, msgspec.structs.replace(look, followed=False))
    >>> str(move.reason), move.to_bpm
    ('not_followed', 6.0)
    """
    clean = [rsa for rsa in look.rsa_bpm if rsa is not None]
    refused = _refused(look, clean)
    if refused is not None:
        return walk, Move(
            reason=refused,
            from_bpm=look.rate_bpm,
            to_bpm=look.rate_bpm,
            n_breaths=len(clean),
        )
    answer = _answer(look.rate_bpm, clean)
    before = next(
        (known for known in reversed(walk.answers) if not _same(known, answer)), None
    )
    chosen = walk.to_bpm is None or abs(walk.to_bpm - look.rate_bpm) > STEP_BPM / 2
    home_bpm = look.rate_bpm if chosen or walk.home_bpm is None else walk.home_bpm
    answers = (*walk.answers, answer)[-KEPT:]
    slope, slope_se = _slope(answers, look.rate_bpm)
    sure = slope is not None and slope_se is not None
    sure = sure and abs(slope or 0.0) > DEAD_ZONE * (slope_se or 0.0)
    if sure:
        reason, to_bpm = _up(look.rate_bpm, slope or 0.0)
        home_bpm = to_bpm
    else:
        reason, to_bpm = _trial(answers, look.rate_bpm, home_bpm)
    walk = Walk(answers=answers, home_bpm=home_bpm, to_bpm=to_bpm)
    return walk, Move(
        reason=reason,
        from_bpm=look.rate_bpm,
        to_bpm=to_bpm,
        n_breaths=answer.n_breaths,
        answer_bpm=round(answer.mean_bpm, 3),
        answer_before_bpm=None if before is None else round(before.mean_bpm, 3),
        rate_before_bpm=None if before is None else before.rate_bpm,
        n_breaths_before=None if before is None else before.n_breaths,
        slope=None if slope is None else round(slope, 4),
        slope_se=None if slope_se is None else round(slope_se, 4),
    )


def _refused(look: Look, clean: list[float]) -> Reason | None:
    low, high = LIMITS_BPM
    if not look.suitable:
        return Reason.NOT_SUITABLE
    if look.followed is False:
        return Reason.NOT_FOLLOWED
    if look.in_phase_pct is None or look.in_phase_pct < MIN_IN_PHASE_PCT:
        return Reason.NOT_FOLLOWED
    if len(clean) < MIN_BREATHS:
        return Reason.FEW_BREATHS
    if sum(clean) < LEAST_ANSWER_BPM * len(clean):
        return Reason.NO_ANSWER
    if not low - 1e-9 <= look.rate_bpm <= high + 1e-9:
        return Reason.OUTSIDE
    return None


def _answer(rate_bpm: float, clean: list[float]) -> Answer:
    n = len(clean)
    mean = sum(clean) / n
    spread = math.sqrt(sum((rsa - mean) ** 2 for rsa in clean) / (n - 1)) / mean
    return Answer(
        rate_bpm=rate_bpm,
        mean_bpm=mean,
        n_breaths=n,
        se=max(spread, LEAST_SPREAD) / math.sqrt(n),
    )


def _slope(
    answers: tuple[Answer, ...], rate_bpm: float
) -> tuple[float | None, float | None]:
    """Return the weighted line's slope near ``rate_bpm``, and its standard error."""
    near = [a for a in answers if abs(a.rate_bpm - rate_bpm) <= NEAR_BPM]
    weights = [a.se**-2 for a in near]
    total = sum(weights)
    middle = sum(w * a.rate_bpm for w, a in zip(weights, near, strict=True)) / total
    spread = sum(
        w * (a.rate_bpm - middle) ** 2 for w, a in zip(weights, near, strict=True)
    )
    if spread < 1e-6 * total:
        return None, None
    rise = sum(
        w * (a.rate_bpm - middle) * math.log(a.mean_bpm)
        for w, a in zip(weights, near, strict=True)
    )
    return rise / spread, 1 / math.sqrt(spread)


def _up(rate_bpm: float, slope: float) -> tuple[Reason, float]:
    low, high = LIMITS_BPM
    to_bpm = round(rate_bpm + math.copysign(STEP_BPM, slope), 3)
    if low <= to_bpm <= high:
        return Reason.STRONGER, to_bpm
    return Reason.AT_LIMIT, rate_bpm


def _trial(
    answers: tuple[Answer, ...], rate_bpm: float, home_bpm: float
) -> tuple[Reason, float]:
    """Go on with a trial, or back home from it."""
    near = [a.rate_bpm for a in answers if abs(a.rate_bpm - rate_bpm) <= NEAR_BPM]
    away = rate_bpm - home_bpm
    if max(near) - min(near) < TRIED_BPM - 1e-9:
        # Slower first: most people's resonance lies below six (Truman and Shaffer).
        slower = LIMITS_BPM[0] <= home_bpm - TRIED_BPM + 1e-9 and away <= 1e-9
        step = -STEP_BPM if slower else STEP_BPM
        return Reason.TRYING, round(rate_bpm + step, 3)
    if abs(away) < STEP_BPM / 2:
        return Reason.ALIKE, rate_bpm
    step = math.copysign(min(STEP_BPM, abs(away)), -away)
    return Reason.ALIKE, round(rate_bpm + step, 3)


def _same(one: Answer, other: Answer) -> bool:
    return abs(one.rate_bpm - other.rate_bpm) < STEP_BPM / 2
