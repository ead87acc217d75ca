"""NeuroKit2's Kubios method as oracle: the same beats, flag for flag and by class."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from biofeedback.model import Label
from biofeedback.signal.lipponen_tarvainen import FAR, classify
from biofeedback.signal.series import Ints
from biofeedback.simulator.heart import PROFILES, Heart, natural_breath
from tests.unit.rhythms import annotated_beats

CLASSES = {
    "ectopic": Label.ECTOPIC,
    "missed": Label.MISSED,
    "extra": Label.EXTRA,
    "longshort": Label.LONG_SHORT,
}


@pytest.fixture(scope="session")
def kubios() -> ModuleType:
    """The module of NeuroKit2 that flags."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import neurokit2  # noqa: F401

    return sys.modules["neurokit2.signal.signal_fixpeaks"]


def theirs(kubios: ModuleType, samples: Ints, rate_hz: int) -> dict[int, Label]:
    """NeuroKit2's flags by the interval they stand for: its beat 0 begins the first."""
    peaks = np.concatenate(([0], np.cumsum(samples)))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found, _ = kubios._find_artifacts(peaks, sampling_rate=rate_hz)
    return {
        int(k) - 1: label for name, label in CLASSES.items() for k in found[name] if k
    }


def ours(samples: Ints, rate_hz: int) -> dict[int, Label]:
    labels = classify(samples / rate_hz)
    return {k: label for k, label in enumerate(labels) if label is not Label.NORMAL}


def on_grid(rr_ms: object) -> Ints:
    return np.rint(np.asarray(rr_ms, float) * 1.024).astype(np.int64)


def test_mit_bih_100(kubios: ModuleType, real_data: Path) -> None:
    rr, _ = annotated_beats(real_data / "wfdb-python" / "100.atr")
    samples = np.rint(np.array(rr) * 0.36).astype(np.int64)
    found = ours(samples, 360)
    assert found == theirs(kubios, samples, 360)
    assert len(found) == 79


def test_polar_h10_slow_breathing_and_bigeminy(
    kubios: ModuleType, real_data: Path
) -> None:
    for name, column in (
        ("dont-hold-your-breath/sample_data_ibi.csv", 1),
        ("kbroman-detectPVC/polar_h10_rr.csv", 2),
    ):
        rows = np.genfromtxt(real_data / name, delimiter=",", skip_header=1)
        samples = on_grid(rows[:, column])
        assert ours(samples, 1024) == theirs(kubios, samples, 1024)


def test_a_day(kubios: ModuleType, real_data: Path) -> None:
    """Five gap-free stretches, 77 000 beats: one flag differs, of the first beats."""
    seconds = np.loadtxt(real_data / "physionet-nsr2db" / "nsr020_rr_secs.txt").ravel()
    samples = np.rint(seconds * 128).astype(np.int64)
    n_beats, differing = 0, list[int]()
    for part in np.split(samples, np.flatnonzero(seconds > 3)):
        stretch = part[1:]
        if len(stretch) > 9000:
            one, other = ours(stretch, 128), theirs(kubios, stretch, 128)
            n_beats += len(stretch)
            differing += [k for k in one | other if one.get(k) != other.get(k)]
    assert n_beats > 70_000
    # The mean that stands before the first interval is of 120 beats, not of all.
    assert len(differing) <= 1
    assert all(k < FAR for k in differing)


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_simulated_hearts(kubios: ModuleType, profile: str) -> None:
    heart, t_s, rr = Heart(PROFILES[profile], seed=3), 0.0, []
    for _ in range(1500):
        rr.append(heart.next_rr_ms(t_s, natural_breath))
        t_s += rr[-1] / 1000
    samples = on_grid(rr)
    assert ours(samples, 1024) == theirs(kubios, samples, 1024)


def test_random_series_with_false_intervals(kubios: ModuleType) -> None:
    random = np.random.default_rng(0)
    differing = 0
    for _ in range(200):
        n = int(random.integers(3, 400))
        rr = 900 + random.normal(0, random.choice([0, 2, 30, 150]), n)
        for k in random.integers(0, n, random.integers(0, 6)):
            rr[k] *= random.uniform(0.4, 2.2)
        samples = np.maximum(np.rint(rr), 200).astype(np.int64)
        one, other = ours(samples, 1024), theirs(kubios, samples, 1024)
        odd = [k for k in one | other if one.get(k) != other.get(k)]
        assert all(k < FAR for k in odd)
        assert n > 120 or not odd  # the same mean stands before the first
        differing += len(odd)
    assert differing <= 4
