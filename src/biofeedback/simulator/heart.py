"""A heart whose rate answers the breath.

The interval between two beats is a baseline, plus the answer to the breath
(respiratory sinus arrhythmia, strongest at the heart's own resonance), plus a slow
drift, a Mayer-like wander and noise. Profiles add ectopic beats and dropouts. All
chance comes from one seed: the same seed and breath give the same heart.

It is made to look right on a screen and to hold planted truths for tests; it is no
model of any person.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from biofeedback.errors import SettingsError
from biofeedback.model import Value

Breath = Callable[[float], tuple[float, float]]
"""At a time in seconds: how full the lungs are (0–1) and breaths a minute."""

NATURAL_BREATHS_PER_MIN = 13.0


class HeartProfile(Value, frozen=True):
    """What kind of heart is played. Times in milliseconds unless named otherwise.

    ``rsa_ms`` is the peak-to-trough answer of the RR interval to a breath at the
    resonance; away from it the answer falls as that of a damped oscillator whose
    width is ``damping``.
    """

    name: str
    mean_rr_ms: float = 900.0
    rsa_ms: float = 180.0
    resonance_breaths_per_min: float = 5.6
    damping: float = 0.35
    drift_ms: float = 25.0
    wander_ms: float = 10.0
    noise_ms: float = 7.0
    ectopic_share: float = 0.0
    dropout_every_s: float | None = None
    dropout_s: float = 0.0


PROFILES: dict[str, HeartProfile] = {
    profile.name: profile
    for profile in (
        HeartProfile(name="calm"),
        HeartProfile(
            name="anxious",
            mean_rr_ms=700.0,
            rsa_ms=60.0,
            drift_ms=15.0,
            wander_ms=8.0,
            noise_ms=5.0,
        ),
        HeartProfile(name="ectopic", ectopic_share=0.03),
        HeartProfile(name="dropouts", dropout_every_s=45.0, dropout_s=8.0),
        HeartProfile(
            name="metronome", rsa_ms=0.0, drift_ms=0.0, wander_ms=0.0, noise_ms=0.0
        ),
    )
}


def profile_named(name: str) -> HeartProfile:
    """Return the profile called ``name``.

    Raises
    ------
    SettingsError
        When there is none, naming those there are.
    """
    try:
        return PROFILES[name]
    except KeyError:
        raise SettingsError(
            f"There is no simulated heart called '{name}'.",
            f"Choose one of: {', '.join(PROFILES)}.",
        ) from None


class Heart:
    """Beats one at a time: :meth:`next_rr_ms` at the time of the last beat.

    Parameters
    ----------
    profile
        What kind of heart.
    seed
        Of the only source of chance.
    """

    def __init__(self, profile: HeartProfile, seed: int) -> None:
        self.profile = profile
        self._rng = np.random.default_rng(seed)
        self._drift_phase = float(self._rng.uniform(0, 2 * math.pi))
        self._wander_phase = float(self._rng.uniform(0, 2 * math.pi))
        self._compensate_ms = 0.0

    def next_rr_ms(self, t_s: float, breath: Breath) -> float:
        """Return the interval that begins at ``t_s`` with the lungs as they are.

        The draws are the same in number for every beat, so that two hearts with one
        seed stay in step whatever their profiles are.
        """
        profile = self.profile
        noise = float(self._rng.normal()) * profile.noise_ms
        ectopic = float(self._rng.random()) < profile.ectopic_share
        early = float(self._rng.uniform(0.55, 0.68))
        lag_s = 0.7  # the sinus node follows the lungs a little later
        fullness, breaths_per_min = breath(t_s - lag_s + profile.mean_rr_ms / 2000)
        # The heart quickens while the lungs fill: a short interval when full.
        rsa = profile.rsa_ms * self.gain(breaths_per_min) * (0.5 - fullness)
        drift = profile.drift_ms * math.sin(
            2 * math.pi * t_s / 180.0 + self._drift_phase
        )
        wander = profile.wander_ms * math.sin(
            2 * math.pi * 0.04 * t_s + self._wander_phase
        )
        normal = profile.mean_rr_ms + rsa + drift + wander + noise
        if self._compensate_ms:
            interval = normal + self._compensate_ms
            self._compensate_ms = 0.0
        elif ectopic:
            interval = normal * early
            self._compensate_ms = normal - interval  # the pause after a premature beat
        else:
            interval = normal
        return max(interval, 300.0)

    def gain(self, breaths_per_min: float) -> float:
        """Return how strongly the heart answers this pace, 1 at its resonance."""
        ratio = breaths_per_min / self.profile.resonance_breaths_per_min
        width = 2 * self.profile.damping
        return width * ratio / math.hypot(1 - ratio**2, width * ratio)


def natural_breath(t_s: float) -> tuple[float, float]:
    """Breathe as someone does who is not being paced."""
    share = (t_s * NATURAL_BREATHS_PER_MIN / 60) % 1.0
    return (1 - math.cos(2 * math.pi * share)) / 2, NATURAL_BREATHS_PER_MIN
