"""Resonance: six criteria of a pace, one curve through several, and its doubt."""

from __future__ import annotations

import csv
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from biofeedback.signal.resonance import (
    Answer,
    Criteria,
    Pace,
    irregular,
    pace,
    resonance,
)
from biofeedback.signal.series import Series
from tests.unit.rhythms import modulated, on_grid, series
from tests.unit.test_signal_real import ECG_BEGAN, conditions, during, read

NS = 1_000_000_000


def breaths(
    rate_bpm: float, length_s: float, begin_s: float = 0
) -> list[tuple[int, int]]:
    period_s = 60 / rate_bpm
    n = int(length_s / period_s)
    at = [round((begin_s + k * period_s) * NS) for k in range(n + 1)]
    return list(pairwise(at))


def wave(rate_bpm: float, amplitude_bpm: float, *, hr_bpm: float = 60) -> Series:
    """A heart whose rate is a sine of this amplitude, one turn a breath."""
    hz = rate_bpm / 60
    return series(
        modulated(
            lambda t: on_grid(
                60_000 / (hr_bpm + amplitude_bpm * np.sin(2 * np.pi * hz * (t + 0.5)))
            ),
            150,
        )
    )


def tried(rate_bpm: float, amplitude_bpm: float, scatter: float = 0.1) -> Pace:
    found = tuple(
        Answer(
            begin_ns=0,
            end_ns=round(60 * NS / rate_bpm),
            amplitude_bpm=amplitude_bpm * (1 + off),
            phase_deg=10.0,
            rsa_bpm=2 * amplitude_bpm,
            strength=0.9,
        )
        for off in (-scatter, 0.0, scatter) * 3
    )
    criteria = Criteria(
        synchrony=1.0,
        rsa_bpm=2 * amplitude_bpm,
        lf_ms2=None,
        lf_peak_ms2_hz=None,
        smoothness=0.9,
        lf_peaks=None,
    )
    return Pace(rate_bpm=rate_bpm, answers=found, criteria=criteria, phase_deg=10.0)


def curve(resonance_bpm: float, width: float = 0.34) -> list[Pace]:
    found = []
    for rate in (6.5, 6.0, 5.5, 5.0, 4.5):
        ratio = rate / resonance_bpm
        gain = width * ratio / np.hypot(1 - ratio**2, width * ratio)
        found.append(tried(rate, 8 * float(gain)))
    return found


@pytest.mark.parametrize("rate_bpm", [4.5, 5.5, 6.5])
def test_a_sine_of_5_bpm_reads_10_at_every_pace(rate_bpm: float) -> None:
    found = pace(wave(rate_bpm, 5), rate_bpm, breaths(rate_bpm, 120))
    assert found.criteria.rsa_bpm == pytest.approx(10, rel=0.02)
    amplitudes = [answer.amplitude_bpm for answer in found.answers]
    assert np.mean(amplitudes) == pytest.approx(5, rel=0.02)
    assert found.criteria.synchrony == pytest.approx(1, abs=0.01)
    assert found.criteria.smoothness == pytest.approx(1, abs=0.02)
    assert found.criteria.lf_peaks == 1
    # A wave of A ms has A²/2 of power; at 60 bpm 5 bpm are some 84 ms.
    assert found.criteria.lf_ms2 == pytest.approx(84**2 / 2, rel=0.05)


def test_the_largest_answer_wins_and_between_two_paces_both_may() -> None:
    sure = resonance(curve(5.5))
    assert sure is not None
    assert sure.rate_bpm == 5.5
    assert sure.estimate_bpm == pytest.approx(5.5, abs=0.05)
    between = resonance(curve(5.25))
    assert between is not None
    assert sum(between.probabilities) == pytest.approx(1)
    assert max(between.probabilities) < sure.probability
    assert between.low_bpm < 5.25 < between.high_bpm


def test_more_scatter_is_more_doubt_and_the_same_seed_the_same_answer() -> None:
    paces = curve(5.6)
    assert resonance(paces, seed=3) == resonance(paces, seed=3)
    noisy = resonance(
        [tried(p.rate_bpm, p.answers[1].amplitude_bpm, 0.5) for p in paces]
    )
    calm = resonance(paces)
    assert noisy is not None
    assert calm is not None
    assert noisy.high_bpm - noisy.low_bpm > 1.5 * (calm.high_bpm - calm.low_bpm)


def test_how_loud_a_heart_is_does_not_matter() -> None:
    loud = [tried(p.rate_bpm, 3 * p.answers[1].amplitude_bpm) for p in curve(5.2)]
    assert resonance(loud) == resonance(curve(5.2))


def test_too_few_paces_give_no_estimate_and_an_edge_is_said_to_be_one() -> None:
    assert resonance(curve(5.5)[:2]) is None
    short = [
        Pace(
            rate_bpm=p.rate_bpm,
            answers=p.answers[:3],
            criteria=p.criteria,
            phase_deg=None,
        )
        for p in curve(5.5)
    ]
    assert resonance(short) is None
    edge = resonance(curve(4.3))
    assert edge is not None
    assert edge.at_edge


def test_a_real_heart_at_a_pace_it_followed(real_data: Path) -> None:
    """VU-AMS, three minutes of paced breathing: the study's noise comes from here."""
    folder = real_data / "wearable-hrv"
    start, end = conditions(folder)["breathing"]
    whole = read(folder / "test_vu.txt")
    begin_s = (start - ECG_BEGAN).total_seconds()
    found = pace(whole, 6, breaths(6, (end - start).total_seconds(), begin_s))
    amplitude = np.array([answer.amplitude_bpm for answer in found.answers])
    assert amplitude.mean() == pytest.approx(13.8, abs=0.3)
    assert 0.03 < amplitude.std(ddof=1) / amplitude.mean() < 0.09
    synchrony = found.criteria.synchrony
    assert synchrony is not None
    assert np.degrees(np.sqrt(-2 * np.log(synchrony))) == pytest.approx(6.5, abs=1)
    part = during(whole, ECG_BEGAN, start, end)
    assert not irregular(part), "RMSSD of 185 ms, and yet a wave"


def test_a_rhythm_without_a_pattern_is_irregular_and_a_quiet_one_is_not() -> None:
    random = np.random.default_rng(1)
    chance = [on_grid(rr) for rr in 750 + random.normal(0, 130, 400)]
    quiet = [on_grid(rr) for rr in 850 + random.normal(0, 12, 400)]
    assert irregular(series(chance))
    assert not irregular(series(quiet))
    assert not irregular(wave(6, 12))
    assert not irregular(series(chance[:40])), "too few to say so"


def test_a_bigeminy_is_not_read(real_data: Path) -> None:
    with (real_data / "kbroman-detectPVC" / "polar_h10_rr.csv").open() as file:
        rr_ms = [float(row["rr_ms"]) for row in csv.DictReader(file)]
    assert irregular(series(rr_ms))
