"""NN at even times: through the points, by few of them, the same bits either way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofeedback.signal.interpolation import cubic
from biofeedback.signal.resampling import MAX_BRIDGE, STEP, Resampler, resample
from biofeedback.signal.series import UNITS_PER_MS, UNITS_PER_S, Ints

counts = st.lists(st.integers(320, 2000), min_size=1, max_size=80)


def one_by_one(clock: Ints, nn: Ints) -> tuple[int, list[float]]:
    line, found = Resampler(), list[float]()
    for at, value in zip(clock.tolist(), nn.tolist(), strict=True):
        found += line.add(at, value)
    return line.last - len(found) + 1, found


@given(counts)
def test_one_by_one_and_all_at_once_have_the_same_bits(rr_1024: list[int]) -> None:
    nn = 625 * np.array(rr_1024, np.int64)
    first, samples = resample(np.cumsum(nn), nn)
    begin, found = one_by_one(np.cumsum(nn), nn)
    assert found == samples.tolist()
    if found:
        assert begin == first


@given(counts, st.integers(0, 40))
def test_going_on_after_a_row_is_as_if_it_had_come_one_by_one(
    rr_1024: list[int], n: int
) -> None:
    nn = 625 * np.array(rr_1024, np.int64)
    clock = np.cumsum(nn)
    line = Resampler()
    line.resume(clock[:n], nn[:n])
    rest = [
        value
        for at, rr in zip(clock[n:].tolist(), nn[n:].tolist(), strict=True)
        for value in line.add(at, rr)
    ]
    whole = resample(clock, nn)[1].tolist()
    before = resample(clock[:n], nn[:n])[1].tolist()
    assert before + rest == whole


def test_a_sample_depends_on_eight_nn_only() -> None:
    random = np.random.default_rng(1)
    nn = np.rint(random.normal(900, 40, 60)).astype(np.int64) * UNITS_PER_MS
    clock = np.cumsum(nn)
    first, samples = resample(clock, nn)
    begin, part = resample(clock[20:28], nn[20:28])
    at = begin - first
    assert len(part) in (3, 4)
    assert samples[at : at + len(part)].tolist() == part.tolist()


def test_it_passes_through_its_points_and_keeps_polynomials() -> None:
    clock = np.cumsum(np.array([4, 3, 5, 4, 6, 3, 4, 5, 3, 4, 4, 5, 4])) * STEP
    t = clock / UNITS_PER_S
    values = 800 + 30 * t - 2 * t**2 + 0.1 * t**3
    nn = np.rint(values * UNITS_PER_MS).astype(np.int64)
    first, samples = resample(clock, nn)
    at = (first + np.arange(len(samples))) / 4
    assert samples == pytest.approx(800 + 30 * at - 2 * at**2 + 0.1 * at**3, abs=0.002)
    on_points = np.isin(at, t)
    assert on_points.sum() == 6
    assert samples[on_points] == pytest.approx(
        nn[np.isin(t, at)] / UNITS_PER_MS, abs=1e-9
    )


@pytest.mark.parametrize(
    ("hz", "mean_ms", "loss_pct"),
    [(0.1, 1000, 0.1), (0.1, 700, 0.1), (0.25, 850, 0.5), (0.3, 1000, 2.7)],
)
def test_its_power_is_that_of_the_natural_spline(
    hz: float, mean_ms: float, loss_pct: float
) -> None:
    nn_ms, t = [], 0.0
    while t < 320:
        rr = mean_ms + 20 * np.sin(2 * np.pi * hz * t)
        nn_ms.append(rr)
        t += rr / 1000
    nn = np.rint(np.array(nn_ms) * UNITS_PER_MS).astype(np.int64)
    clock = np.cumsum(nn)
    first, ours = resample(clock, nn)
    at = (first + np.arange(len(ours))) / 4
    spline = cubic(clock / UNITS_PER_S, nn / UNITS_PER_MS, at)
    window = np.hanning(len(ours))

    def power(samples: np.ndarray) -> float:
        spectrum = np.abs(np.fft.rfft((samples - samples.mean()) * window)) ** 2
        near = np.abs(np.fft.rfftfreq(len(samples), 0.25) - hz) < 0.02
        return float(spectrum[near].sum())

    assert 1 - loss_pct / 100 < power(ours) / power(spline) < 1.001


def test_no_line_is_laid_over_four_seconds() -> None:
    line = Resampler()
    assert line.bridges(0)
    line.add(UNITS_PER_S, UNITS_PER_S)
    assert line.bridges(UNITS_PER_S + MAX_BRIDGE)
    assert not line.bridges(UNITS_PER_S + MAX_BRIDGE + 1)
