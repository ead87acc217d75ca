"""NeuroKit2 as oracle: equal on gap-free windows, equal gap rule across gaps."""

from __future__ import annotations

import warnings
from types import ModuleType

import msgspec
import numpy as np
import pytest

from biofeedback.model import RefereeValues
from biofeedback.signal import neurokit
from biofeedback.signal.conformity import (
    RefereeWindow,
    even_samples,
    max_difference,
    referee_window,
)
from biofeedback.signal.frequency_domain import welch_300
from tests.unit.rhythms import judged, lane_of, rest, sine

S = 1_000_000_000


def window(
    rr: list[float], window_s: int, segments: list[int] | None = None
) -> RefereeWindow:
    lane = lane_of(judged(rr, segments))
    asked = referee_window(lane, int(lane.series.clock[-1]), window_s)
    assert asked is not None
    return asked


@pytest.mark.usefixtures("nk")
@pytest.mark.parametrize("window_s", [60, 300])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_equal_on_gap_free_windows(window_s: int, seed: int) -> None:
    rr = sine(0.1, amplitude_ms=50, length_s=330, noise_ms=15, seed=seed)
    asked = window(rr, window_s)
    theirs = neurokit.referee(asked.nn_ms, asked.nn_t_s)
    ours = asked.ours
    for name in ("hr_bpm", "rmssd_ms", "sdnn_ms", "pnn50_pct"):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name), abs=1e-9)
    if window_s == 300:
        assert ours.lf_ms2 == pytest.approx(theirs.lf_ms2, rel=1e-9)
        assert ours.hf_ms2 == pytest.approx(theirs.hf_ms2, rel=1e-9)
    else:
        assert ours.lf_ms2 is None
    difference = max_difference(ours, theirs)
    assert difference is not None
    assert difference < 1e-6


@pytest.mark.usefixtures("nk")
@pytest.mark.parametrize("n", [400, 402, 403])
def test_across_gaps_and_flags_the_differences_are_the_same_ones(n: int) -> None:
    rr = rest(n)
    rr[150:152] = [600.0, 1100.0]
    rr[250] = 250.0
    asked = window(rr, 300, [0] * 200 + [1] * (n - 200))
    theirs = neurokit.referee(asked.nn_ms, asked.nn_t_s)
    assert asked.ours.rmssd_ms == pytest.approx(theirs.rmssd_ms, abs=1e-9)
    assert asked.ours.pnn50_pct == pytest.approx(theirs.pnn50_pct, abs=1e-9)
    assert asked.ours.sdnn_ms == pytest.approx(theirs.sdnn_ms, abs=1e-9)


def test_welch_on_equal_samples(nk: ModuleType) -> None:
    random = np.random.default_rng(4)
    for n in (1200, 1201, 1187, 1203):
        samples = 900 + random.normal(0, 30, n).cumsum() * 0.1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            power = nk.signal_power(
                samples,
                frequency_band=[(0.04, 0.15), (0.15, 0.4)],
                sampling_rate=4,
                max_frequency=0.5,
                normalize=False,
            ).iloc[0]
        assert welch_300(samples) == pytest.approx(tuple(power), rel=1e-12)


def test_resampling_is_the_same(nk: ModuleType) -> None:
    asked = window(sine(0.1, amplitude_ms=50, length_s=310, noise_ms=15), 300)
    nn, t = np.array(asked.nn_ms), np.array(asked.nn_t_s)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs, _, _ = nk.intervals_process(
            nn, intervals_time=t, interpolate=True, interpolation_rate=4
        )
    assert even_samples(nn, t) == pytest.approx(theirs, rel=1e-12)


@pytest.mark.usefixtures("nk")
def test_too_few_intervals_give_no_number_and_no_error() -> None:
    nothing = RefereeValues(
        hr_bpm=None,
        rmssd_ms=None,
        sdnn_ms=None,
        pnn50_pct=None,
        lf_ms2=None,
        hf_ms2=None,
    )
    assert neurokit.referee((), ()) == nothing
    assert neurokit.referee((800.0,), (0.0,)) == nothing
    assert neurokit.referee((800.0,) * 6, tuple(0.8 * n for n in range(6))) is not None


@pytest.mark.usefixtures("nk")
def test_the_full_analysis_is_json_and_bounded() -> None:
    asked = window(sine(0.1, amplitude_ms=50, length_s=120, noise_ms=15), 300)
    found = neurokit.full_analysis(asked.nn_ms, asked.nn_t_s)
    back = msgspec.json.decode(msgspec.json.encode(found))
    assert back["time"]["RMSSD"] == pytest.approx(asked.ours.rmssd_ms)
    assert back["frequency"]["LF"] > back["frequency"]["HF"]
    assert asked.ours.rmssd_ms is not None
    assert back["nonlinear"]["SD1"] == pytest.approx(
        asked.ours.rmssd_ms / np.sqrt(2), rel=0.02
    )
    assert back["nonlinear_beats"] == len(asked.nn_ms)
    assert back["n_bridged"] == 0
    t_s = [t + (20 if n > 50 else 0) for n, t in enumerate(asked.nn_t_s)]
    assert neurokit.full_analysis(asked.nn_ms, t_s)["n_bridged"] == 1


def test_the_window_is_on_the_beat_clock() -> None:
    asked = window(rest(100), 60)
    t, nn = np.array(asked.nn_t_s), np.array(asked.nn_ms)
    assert np.diff(t) * 1000 == pytest.approx(nn[1:], abs=1e-6)


def test_too_short_a_window_is_not_asked_about() -> None:
    lane = lane_of(judged(rest(9)))
    assert referee_window(lane, int(lane.series.clock[-1]), 60) is None
    assert len(lane.series) == 9


def test_the_largest_difference_skips_what_one_side_lacks() -> None:
    ours = RefereeValues(
        hr_bpm=60.0,
        rmssd_ms=30.0,
        sdnn_ms=None,
        pnn50_pct=1.0,
        lf_ms2=None,
        hf_ms2=5.0,
    )
    theirs = msgspec.structs.replace(ours, rmssd_ms=30.5, sdnn_ms=9.0, hf_ms2=None)
    assert max_difference(ours, theirs) == 0.5
    nothing = RefereeValues(**dict.fromkeys(RefereeValues.__struct_fields__))
    assert max_difference(ours, nothing) is None
