"""Smoothness priors against exact arithmetic, the closed form and NeuroKit2."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from biofeedback.signal.detrending import LAMBDA, smoothness_priors
from biofeedback.signal.series import Floats

RATE_HZ = 4


def tachogram(n: int, seed: int = 0) -> Floats:
    """RR (ms) at 4 Hz: a slow breath, noise and a drift."""
    t = np.arange(n, dtype=np.float64) / RATE_HZ
    noise = np.random.default_rng(seed).normal(0, 15, n)
    return np.asarray(900 + 60 * np.sin(0.2 * np.pi * t) + noise + 0.3 * t, np.float64)


def dense(z: Floats, lam: float = LAMBDA) -> Floats:
    """The paper's equation as it is written, with the whole matrix."""
    d2 = np.diff(np.eye(len(z)), 2, axis=0)
    assert d2.shape == (len(z) - 2, len(z))
    trend = np.linalg.solve(np.eye(len(z)) + lam**2 * d2.T @ d2, z)
    return np.asarray(z - trend, np.float64)


def exact(z: Floats, lam: int) -> Floats:
    """The same in fractions: Gaussian elimination without rounding."""
    n = len(z)
    d2 = [[{0: 1, 1: -2, 2: 1}.get(j - i, 0) for j in range(n)] for i in range(n - 2)]
    rows = [
        [
            Fraction((i == j) + lam**2 * sum(row[i] * row[j] for row in d2))
            for j in range(n)
        ]
        + [Fraction(float(z[i]))]
        for i in range(n)
    ]
    for i in range(n):
        for below in range(i + 1, min(i + 3, n)):
            share = rows[below][i] / rows[i][i]
            rows[below] = [
                b - share * a for a, b in zip(rows[i], rows[below], strict=True)
            ]
    trend = [Fraction(0)] * n
    for i in reversed(range(n)):
        known = sum((rows[i][j] * trend[j] for j in range(i + 1, n)), Fraction(0))
        trend[i] = (rows[i][n] - known) / rows[i][i]
    return np.array([float(Fraction(float(z[i])) - trend[i]) for i in range(n)])


@pytest.mark.parametrize("n", [3, 4, 5, 6, 40])
@pytest.mark.parametrize("lam", [1, 500])
def test_equals_the_equation_in_exact_arithmetic(n: int, lam: int) -> None:
    z = tachogram(n)
    assert smoothness_priors(z, lam) == pytest.approx(exact(z, lam), abs=1e-10)


@pytest.mark.parametrize("n", [256, 1200])
def test_equals_the_dense_solve(n: int) -> None:
    z = tachogram(n) - 900
    # The dense solve itself is off by some 1e-9, and by 4e-8 with the mean left in.
    assert smoothness_priors(z) == pytest.approx(dense(z), abs=1e-8)
    z = z / 100
    assert smoothness_priors(z) == pytest.approx(dense(z), abs=1e-9)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 17, 1200])
def test_lines_are_gone(n: int) -> None:
    t = np.arange(n, dtype=float)
    assert not smoothness_priors(np.full(n, 901.3)).any()
    assert not smoothness_priors(900 + 0.25 * t).any()  # exact in binary
    assert np.abs(smoothness_priors(900 + 3.3 * t)).max() < 1e-8
    assert smoothness_priors(tachogram(n) + 1000 - 2 * t) == pytest.approx(
        smoothness_priors(tachogram(n)), abs=1e-8
    )


def test_linear_and_the_same_backwards() -> None:
    one, two = tachogram(300, 1), tachogram(300, 2)
    both = smoothness_priors(2 * one - 3 * two)
    apart = 2 * smoothness_priors(one) - 3 * smoothness_priors(two)
    assert both == pytest.approx(apart, abs=1e-8)
    assert smoothness_priors(one[::-1])[::-1] == pytest.approx(
        smoothness_priors(one), abs=1e-8
    )
    assert not smoothness_priors(one, lam=0).any()  # nothing is smooth: all is trend


@pytest.mark.parametrize("hz", [0.01, 0.02, 0.0285, 0.0355, 0.05, 0.1, 0.25, 1.0])
def test_keeps_of_a_sine_what_the_closed_form_says(hz: float) -> None:
    n = 8000
    w = 2 * np.pi * hz / RATE_HZ
    kept = 1 - 1 / (1 + LAMBDA**2 * (2 - 2 * np.cos(w)) ** 2)
    z = np.sin(w * np.arange(n))
    middle = slice(n // 4, 3 * n // 4)  # the ends have less to lean on
    assert smoothness_priors(z)[middle] == pytest.approx(kept * z[middle], abs=1e-9)


def test_the_cut_off() -> None:
    hz = np.linspace(0.02, 0.05, 30_001)
    w = 2 * np.pi * hz / RATE_HZ
    kept = 1 - 1 / (1 + LAMBDA**2 * (2 - 2 * np.cos(w)) ** 2)
    assert hz[np.searchsorted(kept, 0.5)] == pytest.approx(0.0285, abs=5e-5)
    assert hz[np.searchsorted(kept, np.sqrt(0.5))] == pytest.approx(0.0355, abs=5e-5)


@pytest.mark.parametrize("n", [3, 4, 7, 256, 1200])
@pytest.mark.parametrize("lay", [np.ascontiguousarray, np.asfortranarray])
def test_a_batch_gives_the_bits_of_each_alone(
    n: int, lay: type[NDArray[np.float64]]
) -> None:
    many = lay(np.array([tachogram(n, seed) for seed in range(50)]))
    together = smoothness_priors(many)
    before = many.copy()
    for row, alone in zip(together, many, strict=True):
        assert row.tobytes() == smoothness_priors(alone.copy()).tobytes()
    assert (many == before).all()
    assert smoothness_priors(many[7:8]).tobytes() == together[7:8].tobytes()


def test_nothing_in_nothing_out_and_what_makes_no_sense() -> None:
    assert smoothness_priors(np.zeros(0)).shape == (0,)
    assert smoothness_priors(np.zeros((0, 256))).shape == (0, 256)
    assert smoothness_priors(np.zeros((3, 0))).shape == (3, 0)
    with pytest.raises(ValueError, match="at least 0"):
        smoothness_priors(np.zeros(9), -1)
    with pytest.raises(ValueError, match="dimensions"):
        smoothness_priors(np.zeros((2, 2, 9)))


def test_whole_numbers_are_taken_too() -> None:
    z = tachogram(100).astype(np.float32)
    assert smoothness_priors(z).dtype == np.float64
