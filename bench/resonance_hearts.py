"""Hearts with a planted resonance, breathing at the paces of an assessment.

The heart is a damped oscillator driven by the breath; what hides it is made as strong
as in a real recording of paced breathing, or stronger (``docs/resonance.md``).
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from biofeedback.model import Beat, Interval, Value
from biofeedback.signal.artefacts import judge_all

Floats: TypeAlias = NDArray[np.float64]

STEP_S = 0.05
STRAP_DELAY_S = (0.4, 2.6)


class Noise(Value, frozen=True):
    """What hides the answer; each is a standard deviation unless said otherwise."""

    wander: float = 0.12
    """Of waves of blood pressure and slower (0.02 to 0.15 Hz), as a share of the
    answer at the resonance: both grow with how much a heart varies at all."""
    least_wander_bpm: float = 0.6
    beat_ms: float = 7.0
    """From beat to beat, by itself."""
    drift_bpm: float = 2.5
    """Of the baseline over minutes."""
    depth: float = 0.08
    """Of a breath's depth, as a share."""
    depth_between: float = 0.04
    """Of the depth from one pace to the next, as a share."""
    phase_s: float = 0.16
    """By how much a breath is ahead of or behind the pacer."""
    ectopic_share: float = 0.01

    def times(self, factor: float) -> Noise:
        """Return all but the premature beats, stronger or weaker."""
        return Noise(
            wander=self.wander * factor,
            least_wander_bpm=self.least_wander_bpm * factor,
            beat_ms=self.beat_ms * factor,
            drift_bpm=self.drift_bpm * factor,
            depth=self.depth * factor,
            depth_between=self.depth_between * factor,
            phase_s=self.phase_s * factor,
            ectopic_share=self.ectopic_share,
        )


class Planted(Value, frozen=True):
    """One heart: at its resonance the wave has ``amplitude_bpm``."""

    resonance_bpm: float
    damping: float
    amplitude_bpm: float
    hr_bpm: float
    delay_s: float

    @classmethod
    def drawn(cls, random: np.random.Generator) -> Planted:
        """Draw a person."""
        return cls(
            resonance_bpm=float(random.uniform(4.5, 6.5)),
            damping=float(np.exp(random.uniform(math.log(0.105), math.log(0.27)))),
            amplitude_bpm=float(np.exp(random.uniform(math.log(4), math.log(12)))),
            hr_bpm=float(random.uniform(58, 82)),
            delay_s=float(random.uniform(*STRAP_DELAY_S)),
        )


class PacedWhile(Value, frozen=True):
    """One pace: from when to when, how fast the pacer, how fast the person."""

    begin_s: float
    end_s: float
    rate_bpm: float
    breathed_bpm: float


def intervals(
    heart: Planted,
    paces: tuple[PacedWhile, ...],
    noise: Noise,
    random: np.random.Generator,
    end_s: float,
) -> tuple[Interval, ...]:
    """Return the judged intervals of a whole assessment, as a strap would send them."""
    rr_ms = beats_ms(heart, paces, noise, random, end_s)
    return judged(rr_ms, heart.delay_s)


def fibrillating(random: np.random.Generator, end_s: float) -> tuple[Interval, ...]:
    """Return intervals each of which is drawn nearly by itself, as in fibrillation.

    Mean 550 to 950 ms, a spread of 12 to 28 % of it, neighbours alike by -0.1 to 0.2.
    """
    mean_ms = float(random.uniform(550, 950))
    spread, alike = float(random.uniform(0.12, 0.28)), float(random.uniform(-0.1, 0.2))
    n = round(1000 * end_s / mean_ms * 1.1)
    drawn = random.gamma(1 / spread**2, spread**2, n) - 1
    for k in range(1, n):
        drawn[k] = alike * drawn[k - 1] + math.sqrt(1 - alike**2) * drawn[k]
    rr_ms = np.maximum(mean_ms * (1 + drawn), 300.0)
    return judged(np.round(rr_ms * 1.024) / 1.024, 1.0)


def judged(rr_ms: Floats, delay_s: float) -> tuple[Interval, ...]:
    """Return intervals that arrive so much later than they were."""
    t_ms = np.cumsum(rr_ms)
    shift_ms = 1000 * delay_s
    return judge_all(
        Beat(
            index=k,
            segment=0,
            t_ns=round((t + shift_ms) * 1e6),
            rr_ms=rr,
            uncertainty_ms=0.0,
        )
        for k, (t, rr) in enumerate(zip(t_ms.tolist(), rr_ms.tolist(), strict=True))
    )


def beats_ms(
    heart: Planted,
    paces: tuple[PacedWhile, ...],
    noise: Noise,
    random: np.random.Generator,
    end_s: float,
) -> Floats:
    """Return RR intervals on the grid of 1/1024 s."""
    length_s = end_s + 10
    n = round(length_s / STEP_S)
    lungs = _lungs(paces, n, noise, random)
    hr = heart.hr_bpm + heart.amplitude_bpm * _driven(heart, lungs)
    wander_bpm = max(noise.wander * heart.amplitude_bpm, noise.least_wander_bpm)
    hr += wander_bpm * _coloured(n, random, low_hz=0.02, high_hz=0.15)
    hr += noise.drift_bpm * _coloured(n, random, low_hz=0.0005, high_hz=0.008)
    # The sinus node adds up rate until a beat is due.
    turns = np.concatenate(([0.0], np.cumsum(hr / 60 * STEP_S)))
    due = np.arange(1.0, turns[-1])
    rr = 1000 * np.diff(np.interp(due, turns, np.arange(n + 1) * STEP_S))
    early = np.where(
        random.random(len(rr)) < noise.ectopic_share,
        rr * random.uniform(0.32, 0.45, len(rr)),
        0.0,
    )
    rr -= early
    rr[1:] += early[:-1]  # the pause after a premature beat
    rr += random.normal(0, noise.beat_ms, len(rr))
    on_grid: Floats = np.round(np.maximum(rr, 300.0) * 1.024) / 1.024
    return on_grid


def _lungs(
    paces: tuple[PacedWhile, ...],
    n: int,
    noise: Noise,
    random: np.random.Generator,
) -> Floats:
    """Return how full the lungs are (mean 0, ± 1), free between the paces."""
    found = np.zeros(n)
    between, behind, was = 1.0, 0.0, -math.inf
    t = 0.0
    while t < n * STEP_S:
        now = next((p for p in paces if p.begin_s <= t + 0.01 < p.end_s), None)
        if now is None:
            period, depth = 60 / float(random.normal(14, 1.5)), 0.5
            begin = t
            later = [p.begin_s for p in paces if p.begin_s > t]
            if later and t + period > later[0]:
                period = max(later[0] - t, 0.2)
            behind = 0.0
            t += period
        else:
            if (name := round(2 * now.rate_bpm)) != was:
                between, was = float(random.normal(1, noise.depth_between)), name
            period = 60 / now.breathed_bpm
            # How far a person is behind lasts for some breaths.
            behind = 0.6 * behind + 0.8 * float(random.normal(0, noise.phase_s))
            begin = t + behind
            depth = between * max(0.3, float(random.normal(1, noise.depth)))
            t += period
        stop = begin + period
        first, last = max(0, math.ceil(begin / STEP_S)), math.ceil(stop / STEP_S)
        share = (np.arange(first, min(last, n)) * STEP_S - begin) / period
        inhale = 0.4
        rising = np.clip(share / inhale, 0, 1)
        falling = np.clip((share - inhale) / (1 - inhale), 0, 1)
        found[first : min(last, n)] = depth * (
            np.cos(np.pi * falling) - np.cos(np.pi * rising) - 1
        )
    return found


def _driven(heart: Planted, lungs: Floats) -> Floats:
    """Return the answer of a damped oscillator, 1 at its resonance.

    Band-pass of second order, exact in the frequency domain (zero-padded ends).
    """
    n = 2 * len(lungs)
    hz = np.fft.rfftfreq(n, STEP_S)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = hz / (heart.resonance_bpm / 60)
        width = 2 * heart.damping
        gain = 1j * width * ratio / (1 - ratio**2 + 1j * width * ratio)
    answer = np.fft.irfft(np.fft.rfft(lungs, n) * gain, n)[: len(lungs)]
    return np.asarray(answer)


def _coloured(
    n: int, random: np.random.Generator, *, low_hz: float, high_hz: float
) -> Floats:
    """Return noise with power as 1/f within a band, of SD 1."""
    hz = np.fft.rfftfreq(n, STEP_S)
    inside = (hz >= low_hz) & (hz <= high_hz)
    power = np.zeros(len(hz))
    power[inside] = 1 / np.sqrt(hz[inside])
    wave = np.fft.irfft(power * np.exp(2j * np.pi * random.random(len(hz))), n)
    return np.asarray(wave / wave.std())
