"""Resonance: at which pace the heart answers the breath most, and how sure that is.

A person breathes at several paces in turn. Of each pace six criteria are read, in the
order in which clinicians look at them (:class:`Criteria`); of all together one curve,
and from its doubt a probability for each pace (:func:`resonance`). The criteria are
never mixed into a score: no weights for that exist.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Sequence

import numpy as np

from biofeedback.model import Value
from biofeedback.signal.breathing_paced import Shape, breath_swing
from biofeedback.signal.frequency_domain import BIN_HZ, LF, LF_HZ, SEGMENT_S, describe
from biofeedback.signal.history import spectra
from biofeedback.signal.interpolation import cubic
from biofeedback.signal.respiration import Breath
from biofeedback.signal.series import NS_PER_S, Complexes, Floats, Series

SETTLE_S = 15.0
"""Left out at the start of a pace: the heart swings into it for one to two breaths."""

MIN_BREATHS = 4
"""Clean breaths below which a pace has no mean whose doubt could be told."""

MIN_PACES = 3
"""Paces below which a curve of three unknowns has no maximum."""

SPECTRUM_EVERY_S = 28
"""Spectra of a pace end so far apart: three of them fill two minutes."""

PEAK_SHARE = 0.10
"""A maximum counts as a peak from this share of the largest on: leakage of the Hann
window stays 31 dB below, a second wave worth a look does not."""

REPLICATES = 1000
BLOCK = 2
"""Breaths drawn together: one answer is still ringing when the next begins."""

STRETCH = 1.5
"""How much wider the draws are made than ``BLOCK`` breaths are: blood pressure waves
outlast a block. With ``BETWEEN_SD`` chosen so that the probabilities of
``docs/resonance.md`` are calibrated."""

BETWEEN_SD = 0.05
"""What one pace's answer may differ by beyond its breaths' scatter (natural log): how
deep somebody breathes is not the same at each pace, and nobody measures it."""

LIMITS_BPM = (4.25, 6.75)
"""Where a resonance is looked for: half a step beyond the paces on offer."""

GRID_BPM = 0.02
WIDTHS = np.exp(np.linspace(math.log(0.15), math.log(1.0), 15))
USUAL_WIDTH, WIDTH_SD = 0.34, 0.5
"""Twice the damping. RSA at the resonance is 4 to 10 times that of normal breathing
(BioSource tutor), which is a width of 0.54 to 0.21; the middle, and its spread as a
natural log."""

MIN_IRREGULAR_SHARE, MIN_ROUGHNESS = 0.08, 1.3
"""RMSSD as a share of the mean RR, and RMSSD² / SDNN², above both of which a rhythm is
irregular: a large breath wave has the first and never the second, a quiet heart the
second and never the first (``docs/resonance.md``)."""

MIN_NN_TO_JUDGE = 60


class Answer(Value, frozen=True):
    """How the heart answered one paced breath.

    ``amplitude_bpm`` is that of the wave that keeps the breath's time, ``phase_deg``
    how far it lags the pacer, ``rsa_bpm`` peak to trough, and ``strength`` the share
    of the movement that is this wave.
    """

    begin_ns: int
    end_ns: int
    amplitude_bpm: float
    phase_deg: float
    rsa_bpm: float
    strength: float

    @property
    def breaths_per_min(self) -> float:
        """The pace of this breath."""
        return 60 * NS_PER_S / (self.end_ns - self.begin_ns)


class Criteria(Value, frozen=True):
    """The six criteria of one pace, in order of priority (``None``: not known).

    ``synchrony`` (0 to 1) is how steadily the heart keeps step with the breath: the
    mean vector of the phases. ``lf_peak_ms2_hz`` is the height of the largest peak in
    0.04 to 0.15 Hz, ``smoothness`` (0 to 1) the share of the heart's movement within a
    breath that is one smooth wave, ``lf_peaks`` how many peaks LF has.
    """

    synchrony: float | None
    rsa_bpm: float | None
    lf_ms2: float | None
    lf_peak_ms2_hz: float | None
    smoothness: float | None
    lf_peaks: int | None


class Pace(Value, frozen=True):
    """All that was measured at one pace; ``phase_deg`` is the mean of its phases."""

    rate_bpm: float
    answers: tuple[Answer, ...]
    criteria: Criteria
    phase_deg: float | None


class Resonance(Value, frozen=True):
    """Where the answer is strongest.

    ``probability`` belongs to ``rate_bpm``, one of the paces that were tried;
    ``probabilities`` to each of them, in their order. ``estimate_bpm`` lies between
    paces, and in 90 of 100 cases the resonance lies from ``low_bpm`` to ``high_bpm``.
    ``at_edge``: it may lie beyond the paces that were tried.
    """

    rate_bpm: float
    probability: float
    probabilities: tuple[float, ...]
    estimate_bpm: float
    low_bpm: float
    high_bpm: float
    at_edge: bool


def answers(
    series: Series,
    breaths: Sequence[Breath],
    shape_at: Callable[[int], Shape] | None = None,
) -> tuple[Answer, ...]:
    """Return the heart's answers to those of ``breaths`` that are clean.

    Parameters
    ----------
    series
        Judged intervals.
    breaths
        Start and end of the pacer's breaths, in ns.
    shape_at
        The pacer's shape at an instant (ns); by default 40 % in, 60 % out.

    Notes
    -----
    Amplitude is that of the fundamental after the line from the breath's first instant
    to its last is taken out (see
    :func:`~biofeedback.signal.breathing_paced.paced_breath`), divided by what the mean
    over an interval takes from a wave of this period: slower paces would otherwise
    gain 1 % over faster ones.
    """
    found = []
    for begin_ns, end_ns in breaths:
        shape = shape_at((begin_ns + end_ns) // 2) if shape_at else Shape()
        swing = breath_swing(series, begin_ns, end_ns, shape)
        if swing is None or swing.phase_deg is None:
            continue
        found.append(
            Answer(
                begin_ns=begin_ns,
                end_ns=end_ns,
                amplitude_bpm=_amplitude(series, begin_ns, end_ns),
                phase_deg=swing.phase_deg,
                rsa_bpm=swing.rsa_bpm,
                strength=swing.strength,
            )
        )
    return tuple(found)


def pace(
    series: Series,
    rate_bpm: float,
    breaths: Sequence[Breath],
    shape_at: Callable[[int], Shape] | None = None,
    settle_s: float = SETTLE_S,
) -> Pace:
    """Return what was measured at one pace.

    Parameters
    ----------
    series
        Judged intervals of the session.
    rate_bpm
        What the pace is called.
    breaths
        Its breaths in ns, in their order.
    settle_s
        Breaths that begin so soon after the first are left out.
    """
    settled = [b for b in breaths if b[0] >= breaths[0][0] + settle_s * NS_PER_S]
    found = answers(series, settled, shape_at)
    density = _density(series, settled) if settled else None
    mean = _mean_direction(found)
    criteria = Criteria(
        synchrony=abs(mean) if found else None,
        rsa_bpm=_mean([a.rsa_bpm for a in found]),
        lf_ms2=None if density is None else float(describe(density)[LF]),
        lf_peak_ms2_hz=None if density is None else _largest(density),
        smoothness=_mean([a.strength for a in found]),
        lf_peaks=None if density is None else _n_peaks(density),
    )
    return Pace(
        rate_bpm=rate_bpm,
        answers=found,
        criteria=criteria,
        phase_deg=math.degrees(cmath.phase(mean)) if found else None,
    )


def resonance(paces: Sequence[Pace], *, seed: int = 0) -> Resonance | None:
    """Return where the answer is strongest, with its doubt.

    The answer to each pace is the mean amplitude of its breaths in the direction of
    their mean phase. Through the answers (their logs) the curve of a damped oscillator
    is laid, by least squares with a prior on its width alone; its maximum is the
    resonance. Breaths are drawn anew, ``BLOCK`` at a time within each pace, and each
    answer moved by ``BETWEEN_SD``; what share of the draws has its maximum nearest to a
    pace is the probability that this one is the strongest.

    Parameters
    ----------
    paces
        Those that count, at different rates.
    seed
        Of the draws: the same breaths and seed give the same answer.

    Returns
    -------
    ``None`` with fewer than three paces of four clean breaths each.

    Notes
    -----
    Phase takes no part: a strap's constant delay (0.4–2.6 s) turns it as a resonance
    does. Nor is a trend over the session taken out: it cannot be told from the order of
    the paces.

    Examples
    --------
    >>> def tried(rate, amplitude):
    ...     wave = [Answer(begin_ns=0, end_ns=round(6e10 / rate), amplitude_bpm=a,
    ...                    phase_deg=0, rsa_bpm=2 * a, strength=1)
    ...             for a in (amplitude - 0.3, amplitude, amplitude + 0.3) * 3]
    ...     return Pace(rate_bpm=rate, answers=tuple(wave), phase_deg=0,
    ...                 criteria=Criteria(synchrony=1, rsa_bpm=2 * amplitude,
    ...                     lf_ms2=None, lf_peak_ms2_hz=None, smoothness=1,
    ...                     lf_peaks=None))
    >>> found = resonance([tried(6.5, 7), tried(6, 9), tried(5.5, 10), tried(5, 9)])
    >>> found.rate_bpm, found.probability > 0.9
    (5.5, True)
    """
    usable = [p for p in paces if len(p.answers) >= MIN_BREATHS]
    if len(usable) < MIN_PACES:
        return None
    random = np.random.default_rng(seed)
    rate = np.array(
        [float(np.mean([a.breaths_per_min for a in p.answers])) for p in usable]
    )
    projected = [_projected(p.answers) for p in usable]
    mean = np.array([float(p.mean()) for p in projected])
    if (mean <= 0).any():
        return None
    doubt = np.array([float(p.std(ddof=1)) / math.sqrt(len(p)) for p in projected])
    weight = 1 / ((doubt / mean) ** 2 + BETWEEN_SD**2)
    drawn = np.stack([_drawn(p, random) for p in projected], axis=1)
    floor = 0.05 * mean  # a draw of nothing but noise still has a logarithm
    logs = np.log(np.maximum(drawn, floor))
    logs += random.normal(0, BETWEEN_SD, logs.shape)
    at = _maxima(logs, rate, weight)
    named = np.array([p.rate_bpm for p in usable])
    nearest = np.abs(np.log(at[:, None] / named)).argmin(axis=1)
    share = np.bincount(nearest, minlength=len(usable)) / len(at)
    order = {id(p): float(s) for p, s in zip(usable, share, strict=True)}
    best = int(share.argmax())
    low, middle, high = np.quantile(at, (0.05, 0.5, 0.95)).tolist()
    return Resonance(
        rate_bpm=float(named[best]),
        probability=float(share[best]),
        probabilities=tuple(order.get(id(p), 0.0) for p in paces),
        estimate_bpm=middle,
        low_bpm=low,
        high_bpm=high,
        at_edge=bool(low < named.min() - 0.125 or high > named.max() + 0.125),
    )


def irregular(series: Series) -> bool:
    """Say whether the rhythm is too irregular for a breath wave to be read off it.

    True where successive NN jump a lot (RMSSD above 8 % of the mean RR) *and* as much
    as if each interval were drawn by itself (RMSSD² above 1.3 SDNN²; it is 2 for pure
    chance, 0.4 for a wave at 6 a minute and 60 bpm). It names no rhythm: premature
    beats, poor contact and more can do the same.
    """
    nn = series.normal
    both = nn[1:] & nn[:-1] & series.joined[1:]
    if np.count_nonzero(both) < MIN_NN_TO_JUDGE:
        return False
    square = float(np.mean(np.diff(series.rr_ms)[both] ** 2))
    mean, variance = float(series.rr_ms[nn].mean()), float(series.rr_ms[nn].var())
    jumps = math.sqrt(square) > MIN_IRREGULAR_SHARE * mean
    return jumps and square > MIN_ROUGHNESS * variance


def _amplitude(series: Series, begin_ns: int, end_ns: int) -> float:
    """Return the amplitude (bpm) of the wave that keeps the breath's time."""
    first, last = np.searchsorted(series.t_ns, (begin_ns, end_ns)).tolist()
    span = slice(max(0, first - 2), min(len(series), last + 3))
    rr_ms = series.rr_ms[span]
    middle_s = (series.t_ns[span] - begin_ns) / NS_PER_S - rr_ms / 2000
    keep = series.normal[span]
    period_s = (end_ns - begin_ns) / NS_PER_S
    instants, turn = _grid()
    hr_bpm = cubic(middle_s[keep], 60_000 / rr_ms[keep], instants * period_s)
    level = hr_bpm - (hr_bpm[-1] - hr_bpm[0]) * instants
    wave = 2 * complex(level[:-1] @ turn) / len(turn)
    mean_s = float(rr_ms[keep].mean()) / 1000
    return abs(wave) / float(np.sinc(mean_s / period_s))


def _grid(points: int = 128) -> tuple[Floats, Complexes]:
    instants: Floats = np.arange(points + 1) / points
    return instants, np.exp(-2j * np.pi * instants[:-1])


def _density(series: Series, breaths: Sequence[Breath]) -> Floats | None:
    """Return the mean spectrum of 64 s segments within a pace, if there is one."""
    begin_ns, end_ns = breaths[0][0], breaths[-1][1]
    t_ns = np.arange(
        end_ns, begin_ns + SEGMENT_S * NS_PER_S - 1, -SPECTRUM_EVERY_S * NS_PER_S
    )
    newest = np.searchsorted(series.t_ns, t_ns, side="right") - 1
    newest = newest[newest >= 0]
    if not len(newest):
        return None
    density, _ = spectra(series, series.clock[newest])
    known = ~np.isnan(density).any(axis=1)
    if not known.any():
        return None
    mean: Floats = density[known].mean(axis=0)
    return mean


def _lf_maxima(density: Floats) -> list[float]:
    first, stop = math.ceil(LF_HZ[0] / BIN_HZ), math.floor(LF_HZ[1] / BIN_HZ) + 1
    row = density.tolist()
    return [
        row[k]
        for k in range(first, stop)
        if row[k] > row[k - 1] and row[k] >= row[k + 1]
    ]


def _largest(density: Floats) -> float | None:
    return max(_lf_maxima(density), default=None)


def _n_peaks(density: Floats) -> int:
    found = _lf_maxima(density)
    return sum(height >= PEAK_SHARE * max(found) for height in found)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _mean_direction(found: Sequence[Answer]) -> complex:
    if not found:
        return 0j
    return sum(cmath.rect(1, math.radians(a.phase_deg)) for a in found) / len(found)


def _projected(found: Sequence[Answer]) -> Floats:
    """Return each answer's part in the direction of their sum."""
    waves = np.array(
        [cmath.rect(a.amplitude_bpm, math.radians(a.phase_deg)) for a in found]
    )
    total = waves.sum()
    if total == 0:
        return np.zeros(len(waves))
    return np.real(waves * np.conj(total / abs(total)))


def _drawn(values: Floats, random: np.random.Generator) -> Floats:
    """Return the means of ``REPLICATES`` draws of blocks of breaths.

    Deviations are stretched for what few breaths hide of their own scatter, and for
    waves that outlast a block.
    """
    n = len(values)
    n_blocks = math.ceil(n / BLOCK)
    starts = random.integers(0, n, (REPLICATES, n_blocks))
    chosen = (starts[..., None] + np.arange(BLOCK)) % n
    means = values[chosen.reshape(REPLICATES, -1)[:, :n]].mean(axis=1)
    mean = values.mean()
    stretched: Floats = mean + (means - mean) * STRETCH * math.sqrt(n / (n - 1))
    return stretched


def _maxima(logs: Floats, rate: Floats, weight: Floats) -> Floats:
    """Return where the best curve of each row of ``logs`` has its maximum."""
    low, high = LIMITS_BPM
    at: Floats = np.arange(low, high + GRID_BPM / 2, GRID_BPM)
    ratio = rate / at[:, None, None]
    across = WIDTHS[:, None] * ratio
    curve = np.log(across / np.hypot(1 - ratio**2, across)).reshape(-1, len(rate))
    share = weight / weight.sum()
    curve = curve - (curve @ share)[:, None]
    level = logs - (logs @ share)[:, None]
    misfit = (curve**2) @ weight - 2 * (level * weight) @ curve.T
    prior = (np.log(WIDTHS / USUAL_WIDTH) / WIDTH_SD) ** 2
    misfit += np.tile(prior, len(at))
    best: Floats = at[misfit.argmin(axis=1) // len(WIDTHS)]
    return best
