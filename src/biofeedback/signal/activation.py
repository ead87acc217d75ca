"""Body activation (estimate): today's minute against this person's own resting minutes.

The score is z(HR) − z(ln RMSSD): how many of the baseline's standard deviations heart
rate lies above, and variability below, the baseline of the same day and posture. What
is told is the interval that holds it in 90 of 100 cases, and a band; never a point.
Nobody is compared with anybody else, and where the numbers cannot bear it
(:class:`Abstention`) nothing is estimated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from typing import TypeAlias

from biofeedback.model import Activation, Baseline, Value
from biofeedback.signal import student_t

WINDOW_S = 60
"""Length of a minute, for HR and RMSSD alike (Munoz 2015: RMSSD of 10 s agrees with
that of 4–5 min at r = 0.85, of 120 s at r = 0.99; a minute lies between)."""

MAX_WINDOWS = 5
"""Minutes of a whole baseline (Task Force 1996: five minutes)."""

MAX_ARTEFACT_PCT = 5.0
MIN_CLEAN_S = WINDOW_S * (1 - MAX_ARTEFACT_PCT / 100)
"""A whole minute must be clean, but for the share that artefacts may take of it: were
it all of it, no artefact could be tolerated."""

MAX_AGE_S = 10.0
"""Older than this, the newest heartbeat does not speak of now."""

HR_SD_BPM = 1.8
LN_RMSSD_SD = 0.16
PRIOR_WEIGHT = 5
"""How much a resting person's minutes usually spread, and how many minutes' worth that
knowledge counts: five minutes alone know a standard deviation to a third only. Medians
of the SD in quiet five minutes: 1.7 bpm and 0.16 in ``nsr020`` (34 blocks below 90
bpm), 1.0 and 0.09 in MIT-BIH 100; one sitting of VU P37: 2.8 and 0.14. They are floors
too: no SD is taken to be below 0.75 of them in five minutes."""

CORRELATION = -0.35
"""Of HR and ln RMSSD from minute to minute (34 quiet blocks of ``nsr020``)."""

SPREAD = math.sqrt(2 * (1 - CORRELATION))
"""Standard deviation of the score from one resting minute to the next."""

USUAL = 1.645 * SPREAD
"""Nine of ten resting minutes have scores within this."""

STILLNESS_UNKNOWN = 0.8
"""Confidence left where nothing tells whether somebody moved. Our choice."""

MIN_CONFIDENCE_BESIDE = 0.5
CALM_TO, STIRRED_FROM = 3, 7
"""Felt arousal, 1 to 9, in thirds."""

LOWER, AS_USUAL, HIGHER = "lower", "usual", "higher"


class Abstention(StrEnum):
    """Why there is no estimate, as a sentence that can be shown."""

    PACED = "Not estimated while you breathe with the pacer."
    JUST_PACED = "Not estimated in the first minute after the pacer."
    MOVED = "Not estimated within a minute of moving."
    OLD = "Not estimated until heartbeats arrive again."
    UNSUITABLE = "Not estimated, as this rhythm does not suit it."
    ARTEFACTS = "Not estimated while more than one beat in twenty is unclear."
    SHORT = "Not estimated before a whole minute of clear heartbeats."
    BASELINE = "Not estimated yet. Your usual level is being measured."
    NO_BASELINE = "Not estimated, as no quiet minute came before the practice."


class Beside(StrEnum):
    """How the body stands to what is felt. None of the three is an error."""

    ALIKE = "alike"
    BODY_CALMER = "body_calmer"
    BODY_MORE_STIRRED = "body_more_stirred"


class Reading(Value, frozen=True):
    """The last minute in numbers.

    ``clean_s`` is seconds of normal intervals in it, ``age_s`` how long ago its newest
    heartbeat was; ``moving`` is ``None`` where nothing tells.
    """

    hr_bpm: float | None
    rmssd_ms: float | None
    clean_s: float
    artefact_pct: float
    age_s: float = 0.0
    paced: bool = False
    moving: bool | None = None
    suitable: bool = True


Estimate: TypeAlias = Activation | Abstention


def baseline_of(minutes: Sequence[tuple[float, float]]) -> Baseline | None:
    """Return the baseline of successive minutes that do not overlap.

    Parameters
    ----------
    minutes
        HR (bpm) and RMSSD (ms, above 0) of each; only the first five count.

    Returns
    -------
    ``None`` without any.

    Examples
    --------
    >>> found = baseline_of([(60, 40), (62, 38), (61, 41), (60, 42), (62, 39)])
    >>> found.hr_bpm, round(found.hr_sd_bpm, 2), round(found.ln_rmssd_sd, 3)
    (61.0, 1.5, 0.122)
    """
    used = minutes[:MAX_WINDOWS]
    if not used:
        return None
    hr_bpm, hr_sd_bpm = _level([hr for hr, _ in used], HR_SD_BPM)
    ln_rmssd, ln_rmssd_sd = _level([math.log(ms) for _, ms in used], LN_RMSSD_SD)
    return Baseline(
        length_s=float(WINDOW_S * len(used)),
        n_windows=len(used),
        hr_bpm=hr_bpm,
        hr_sd_bpm=hr_sd_bpm,
        ln_rmssd=ln_rmssd,
        ln_rmssd_sd=ln_rmssd_sd,
    )


def estimate(reading: Reading, baseline: Baseline | None) -> Estimate:
    """Return body activation in the last minute, or why it is not estimated.

    Parameters
    ----------
    reading
        That minute.
    baseline
        Of the same person, day and posture, none of it within ``reading``.

    Returns
    -------
    ``low`` and ``high`` hold the true score in 90 of 100 cases: the one a much longer
    look at both levels would give, in the baseline's standard deviations. The band is
    ``higher`` or ``lower`` where all of that lies on one side of 0, else ``usual``.
    ``confidence`` is how probable what the band says is: a score on that side of 0, or
    one as nine of ten resting minutes have it.

    Notes
    -----
    The difference of one minute from the mean of n varies 1 + 1/n times as much as a
    minute does. The variance is that of n minutes and the usual one, weighted 5 : n − 1
    (the conjugate scaled inverse χ² prior; Gelman et al., Bayesian Data Analysis, 2.6
    and 3.3), so each z follows Student's t with n + 4 degrees of freedom; their
    difference is taken as the t with equal variance and kurtosis, 2 n + 4 degrees.

    *Deviations*: a z-score takes the baseline's own SD alone. Of five minutes that is
    uncertain by a third, and of one there is none.

    Examples
    --------
    >>> rest = baseline_of([(60, 40), (62, 38), (61, 41), (60, 42), (62, 39)])
    >>> minute = Reading(hr_bpm=72, rmssd_ms=24, clean_s=60, artefact_pct=0)
    >>> found = estimate(minute, rest)
    >>> found.band, round(found.low, 1), round(found.high, 1)
    ('higher', 8.2, 14.8)
    >>> estimate(Reading(hr_bpm=72, rmssd_ms=24, clean_s=31, artefact_pct=0), rest)
    <Abstention.SHORT: 'Not estimated before a whole minute of clear heartbeats.'>
    """
    refused = refusal(reading)
    if refused is not None:
        return refused
    if baseline is None:
        return Abstention.NO_BASELINE
    assert reading.hr_bpm is not None
    assert reading.rmssd_ms is not None
    score = (reading.hr_bpm - baseline.hr_bpm) / baseline.hr_sd_bpm
    score -= (math.log(reading.rmssd_ms) - baseline.ln_rmssd) / baseline.ln_rmssd_sd
    scale, degrees = _spread(baseline.n_windows)
    half = scale * student_t.quantile_95(degrees)
    low, high = score - half, score + half
    if low <= 0 <= high:
        band = AS_USUAL
        confidence = student_t.below((USUAL - score) / scale, degrees)
        confidence -= student_t.below((-USUAL - score) / scale, degrees)
    else:
        band = HIGHER if score > 0 else LOWER
        confidence = student_t.below(abs(score) / scale, degrees)
    return Activation(
        band=band,
        low=low,
        high=high,
        confidence=confidence * (STILLNESS_UNKNOWN if reading.moving is None else 1.0),
        baseline_s=baseline.length_s,
    )


def refusal(reading: Reading) -> Abstention | None:
    """Return why nothing may be read off this minute; ``None`` if something may."""
    if reading.paced:
        return Abstention.PACED
    if reading.moving:
        return Abstention.MOVED
    if reading.age_s > MAX_AGE_S:
        return Abstention.OLD
    if not reading.suitable:
        return Abstention.UNSUITABLE
    if reading.artefact_pct > MAX_ARTEFACT_PCT:
        return Abstention.ARTEFACTS
    known = reading.hr_bpm is not None and bool(reading.rmssd_ms)
    if reading.clean_s < MIN_CLEAN_S or not known:
        return Abstention.SHORT
    return None


def beside_felt(found: Activation | None, felt_arousal: float) -> Beside | None:
    """Return how the body's band stands to felt arousal (1 calm to 9 stirred up).

    The scale is taken in thirds. ``None`` where the estimate is missing, or so unsure
    (below 0.5) that a difference would say nothing.

    Examples
    --------
    >>> calm = Activation(
    ...     band="lower", low=-8, high=-1, confidence=0.97, baseline_s=300
    ... )
    >>> beside_felt(calm, 7)
    <Beside.BODY_CALMER: 'body_calmer'>
    """
    if found is None or found.confidence < MIN_CONFIDENCE_BESIDE:
        return None
    body = (LOWER, AS_USUAL, HIGHER).index(found.band)
    felt = (felt_arousal > CALM_TO) + (felt_arousal >= STIRRED_FROM)
    if body == felt:
        return Beside.ALIKE
    return Beside.BODY_CALMER if body < felt else Beside.BODY_MORE_STIRRED


class ActivationTracker:
    """Gathers the baseline of a session, then estimates once a second.

    The baseline is the first five whole minutes that may be read and do not overlap,
    or as many as come before the practice. No minute is told that shares heartbeats
    with the baseline, with the pacer's time or with movement.

    Parameters
    ----------
    baseline
        An earlier one of the same person and day; then none is gathered.
    """

    def __init__(self, baseline: Baseline | None = None) -> None:
        self.baseline = baseline
        self._minutes: list[tuple[float, float]] = []
        self._gathering = baseline is None
        self._taken_s = self._paced_s = self._moved_s = -math.inf

    @property
    def gathering(self) -> bool:
        """Whether the baseline may still grow."""
        return self._gathering

    def begin_practice(self) -> None:
        """End the baseline: what comes later is no rest before the practice."""
        self._gathering = False

    def not_paced_so_far(self) -> None:
        """Learn that what was held for paced was not."""
        self._paced_s = -math.inf

    def tick(self, now_s: float, reading: Reading) -> Estimate:
        """Return the estimate at ``now_s`` (session time), or why there is none."""
        if reading.paced:
            self._paced_s = now_s
            if self._minutes:
                self.begin_practice()
        if reading.moving:
            self._moved_s = now_s
        refused = refusal(reading)
        if refused is not None:
            return refused
        oldest_s = now_s - reading.age_s - WINDOW_S
        if oldest_s < self._paced_s:
            return Abstention.JUST_PACED
        if oldest_s < self._moved_s:
            return Abstention.MOVED
        if oldest_s < self._taken_s:
            return Abstention.BASELINE
        if not self._gathering:
            return estimate(reading, self.baseline)
        self._take(now_s, reading)
        return Abstention.BASELINE

    def _take(self, now_s: float, reading: Reading) -> None:
        assert reading.hr_bpm is not None
        assert reading.rmssd_ms is not None
        self._taken_s = now_s - reading.age_s
        self._minutes.append((reading.hr_bpm, reading.rmssd_ms))
        self.baseline = baseline_of(self._minutes)
        self._gathering = len(self._minutes) < MAX_WINDOWS


def _level(values: Sequence[float], usual_sd: float) -> tuple[float, float]:
    n = len(values)
    mean = math.fsum(values) / n
    squares = math.fsum((value - mean) ** 2 for value in values)
    variance = (PRIOR_WEIGHT * usual_sd**2 + squares) / (PRIOR_WEIGHT + n - 1)
    return mean, math.sqrt(variance)


@lru_cache
def _spread(n_windows: int) -> tuple[float, int]:
    """Return the scale and degrees of freedom of the t that the score's error has."""
    each = PRIOR_WEIGHT + n_windows - 1
    both = 2 * each - 4
    variance = SPREAD**2 * (1 + 1 / n_windows) * each / (each - 2)
    return math.sqrt(variance * (both - 2) / both), both
