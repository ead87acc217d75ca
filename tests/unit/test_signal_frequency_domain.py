"""Spectra: a sine reads its own power, and nothing is read where nothing is known."""

from __future__ import annotations

import numpy as np
import pytest

from biofeedback.signal.frequency_domain import (
    FLAGGED,
    LISTENING,
    SAMPLES,
    describe,
    psd_64,
    spectrum,
    welch_300,
)
from biofeedback.signal.interpolation import cubic
from tests.unit.rhythms import rest, series, sine

S = 1_000_000_000


@pytest.mark.parametrize("hz", [0.075, 0.0917, 0.1, 0.1083])
def test_a_60_ms_sine_has_1800_ms2_in_lf(hz: float) -> None:
    found = [
        spectrum(
            series(sine(hz, amplitude_ms=60, length_s=75, noise_ms=5, seed=seed)),
            70 * S,
        )
        for seed in range(20)
    ]
    lf = np.array([s.lf_ms2 for s in found], float)
    peaks = np.array([s.lf_peak_hz for s in found], float)
    assert lf.mean() == pytest.approx(1800, rel=0.05)
    assert peaks.mean() == pytest.approx(hz, abs=0.002)
    assert all(s.coherence_ratio is not None and s.coherence_ratio > 3 for s in found)


def test_a_sine_at_a_quarter_hertz_is_hf() -> None:
    found = spectrum(series(sine(0.25, amplitude_ms=30, length_s=80)), 79 * S)
    assert found.hf_ms2 == pytest.approx(450, rel=0.05)
    assert found.lf_ms2 is not None
    assert found.lf_ms2 < 5


def test_power_goes_with_the_square_and_ignores_level_and_slope() -> None:
    random = np.random.default_rng(5)
    samples = random.normal(0, 20, SAMPLES)
    one, triple = psd_64(samples), psd_64(3 * samples)
    assert triple == pytest.approx(9 * one, rel=1e-9)
    moved = psd_64(samples + 900 + 0.3 * np.arange(SAMPLES))
    assert moved == pytest.approx(one, rel=1e-6, abs=1e-6)
    assert describe(triple).coherence_ratio == pytest.approx(
        describe(one).coherence_ratio
    )


def test_all_power_of_a_hann_segment_is_kept() -> None:
    """Parseval: the density integrates to the windowed mean square."""
    random = np.random.default_rng(6)
    samples = random.normal(0, 20, SAMPLES)
    density = psd_64(samples)
    assert density.sum() * 4 / 2048 == pytest.approx(400, rel=0.25)


def test_listening_until_there_are_64_s() -> None:
    found = series([1000.0] * 100)
    assert spectrum(found, 63 * S).reason == LISTENING
    assert spectrum(found.slice(0, 66), 66 * S).reason is None
    assert spectrum(found, 100 * S + 6 * S).reason == LISTENING  # too old


def test_a_metronome_has_no_peak() -> None:
    found = spectrum(series([1000.0] * 100), 100 * S)
    assert found.lf_peak_hz is None
    assert found.coherence_ratio is None
    assert found.lf_ms2 == pytest.approx(0, abs=1e-12)


def test_a_gap_ends_the_segment() -> None:
    rr = rest(200)
    segments = [0] * 100 + [1] * 100
    found = series(rr, segments)
    end_ns = int(found.t_ns[130])
    assert spectrum(found, end_ns).reason == LISTENING
    assert spectrum(found, int(found.t_ns[-1])).reason is None


def test_more_than_5_pct_flags_are_refused() -> None:
    rr = rest(120)
    for at in (60, 80):
        rr[at : at + 2] = [600.0, 1100.0]
    found = series(rr)
    assert spectrum(found, int(found.t_ns[-1])).reason == FLAGGED


def test_a_few_flags_hardly_move_the_power() -> None:
    rr = sine(0.1, amplitude_ms=60, length_s=100)
    clean = spectrum(series(rr), 99 * S).lf_ms2
    rr[70:72] = [rr[70] * 0.7, rr[71] + rr[70] * 0.3]
    assert spectrum(series(rr), 99 * S).lf_ms2 == pytest.approx(clean, rel=0.05)


def test_welch_of_a_sine() -> None:
    t = np.arange(1200) / 4
    lf, hf = welch_300(900 + 60 * np.sin(2 * np.pi * 0.1 * t))
    assert lf == pytest.approx(1800, rel=0.01)
    assert hf == pytest.approx(0, abs=1)


def test_a_cubic_spline_passes_through_its_points_and_keeps_a_line() -> None:
    x = np.cumsum(np.random.default_rng(1).uniform(0.5, 1.5, 30))
    y = np.sin(x)
    assert cubic(x, y, x) == pytest.approx(y, abs=1e-14)
    between = np.linspace(x[0], x[-1], 200)
    assert cubic(x, 3 * x + 1, between) == pytest.approx(3 * between + 1)
    assert cubic(x, y, between)[20:-20] == pytest.approx(
        np.sin(between)[20:-20], abs=0.06
    )
