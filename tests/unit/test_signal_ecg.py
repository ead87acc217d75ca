"""Two series of beats of one heart: the offset, the matching, the differences."""

from __future__ import annotations

import math

import numpy as np
import pytest

from biofeedback.signal.beat_offset import TOLERANCE_MS
from biofeedback.signal.ecg import (
    BeatAgreement,
    EcgBeats,
    beat_agreement,
    refine,
    rr_runs,
)
from biofeedback.signal.series import Floats
from tests.unit.rhythms import rest, series, sine


def times(rr_ms: list[float]) -> Floats:
    return np.concatenate(([0.0], np.cumsum(rr_ms)))


def ecg(t_ms: Floats, start_ms: float = -2000, end_ms: float | None = None) -> EcgBeats:
    end_ms = float(t_ms[-1]) + 2000 if end_ms is None else end_ms
    return EcgBeats(start_ms=start_ms, end_ms=end_ms, t_ms=tuple(t_ms.tolist()))


def compared(peaks: Floats, *runs: Floats) -> BeatAgreement:
    found = beat_agreement([ecg(peaks)], runs)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "shift_ms", [-1800.0, 0.0, 37.5, 400.0, 1234.0, 2600.0, 4900.0]
)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_constant_delay_is_found_and_taken_out(shift_ms: float, seed: int) -> None:
    t = times(rest(300, seed))
    found = compared(t, t + shift_ms)
    assert found.certain
    assert found.offset_ms == pytest.approx(shift_ms, abs=1e-6)
    assert found.offset_range_ms == pytest.approx(0, abs=1e-6)
    assert found.n_ecg == found.n_rr == found.n_matched
    assert found.only_ecg == found.only_rr == 0
    assert found.sensitivity_pct == found.ppv_pct == 100
    assert found.rr_bias_ms == pytest.approx(0, abs=1e-6)
    assert found.rr_sd_ms == pytest.approx(0, abs=1e-6)
    assert found.rmssd_ecg_ms == pytest.approx(found.rmssd_rr_ms, abs=1e-6)


def test_missed_and_extra_beats_are_counted_on_the_side_they_lack() -> None:
    rr = sine(0.1, amplitude_ms=60, length_s=300)
    t = times(rr)
    missed, extra = [50, 120, 121, 260], [80, 200]
    strap = np.sort(np.concatenate((np.delete(t, missed), t[extra] + 400))) + 1500
    found = compared(t, strap)
    assert (found.only_ecg, found.only_rr) == (len(missed), len(extra))
    assert found.n_ecg == len(t)
    assert found.sensitivity_pct == pytest.approx(100 * (1 - len(missed) / len(t)))
    assert found.ppv_pct == pytest.approx(100 * found.n_matched / found.n_rr)
    # Neither kind makes a pair of neighbours: the differences stay clean.
    assert found.rr_sd_ms == pytest.approx(0, abs=1e-6)
    gone = 3 + 2  # two of the missed are neighbours; each extra lies in one interval
    assert found.n_pairs == len(rr) - (len(missed) + 3) - (gone - 3)


def test_swapping_the_two_swaps_the_two() -> None:
    t = times(rest(300))
    strap = np.delete(t, [40, 90]) + 0.0
    ecg_alone = np.delete(t, [150])
    one, other = compared(ecg_alone, strap), compared(strap, ecg_alone)
    assert (one.only_ecg, one.only_rr) == (other.only_rr, other.only_ecg) == (2, 1)
    assert one.sensitivity_pct == other.ppv_pct
    assert one.rmssd_ecg_ms == other.rmssd_rr_ms


def test_known_errors_of_the_intervals_give_their_known_spread() -> None:
    random = np.random.default_rng(2)
    t = times(rest(2000))
    late = random.normal(0, 10, len(t))
    found = compared(t, t + 900 + late)
    # An interval has two ends: the variance of its error is twice that of one.
    assert found.rr_sd_ms == pytest.approx(10 * math.sqrt(2), rel=0.05)
    assert found.rr_bias_ms == pytest.approx(0, abs=0.02)
    # RMSSD of the intervals is that of second differences of the beats.
    for rmssd_ms, beats_ms in (
        (found.rmssd_ecg_ms, t),
        (found.rmssd_rr_ms, t + late),
    ):
        squares = np.diff(beats_ms, 2) ** 2
        assert rmssd_ms == pytest.approx(math.sqrt(squares.mean()), abs=1e-6)


@pytest.mark.parametrize("ppm", [-1000, -40, 40, 1000])
def test_clocks_that_drift_apart_still_match(ppm: int) -> None:
    t = times(rest(4000))  # nearly an hour: seconds apart by the end
    found = compared(t, t * (1 + ppm / 1e6) + 1200)
    assert found.n_matched == found.n_ecg == found.n_rr
    assert found.offset_range_ms == pytest.approx(abs(ppm) / 1e6 * t[-1], rel=0.02)
    assert found.rr_bias_ms == pytest.approx(850 * ppm / 1e6, rel=0.02)


def test_the_tolerance() -> None:
    t = times([1000.0 + 60 * math.sin(i) for i in range(200)])
    for away_ms, matched in ((TOLERANCE_MS - 1, True), (TOLERANCE_MS + 1, False)):
        strap = t + 1000.0
        strap[100] += away_ms
        found = compared(t, strap)
        assert (found.only_ecg, found.only_rr) == ((0, 0) if matched else (1, 1))


def test_each_stretch_and_each_run_has_an_offset_of_its_own() -> None:
    t = times(rest(600))
    first, second = t[:250], t[300:]
    found = beat_agreement(
        [ecg(t[:400], end_ms=t[399]), ecg(t[420:], start_ms=t[420])],
        [first + 700, second + 2100],
    )
    assert found is not None
    assert found.only_ecg == found.only_rr == 0
    assert found.offset_range_ms == pytest.approx(1400, abs=1e-6)
    # Between the runs and between the stretches nothing is counted.
    first_s, last_s = (first[-1] - first[0]) / 1000, (second[-1] - second[0]) / 1000
    assert found.covered_s < first_s + last_s
    assert found.covered_s == pytest.approx(
        first_s + last_s - (t[420] - t[399]) / 1000 - 2 - 2, abs=3
    )
    assert found.n_pairs < found.n_matched - 2


def test_a_part_without_beats_in_the_ecg_leads_nobody_astray() -> None:
    t = times(rest(600))
    heard = np.concatenate((t[:200], t[350:]))
    found = compared(heard, t + 800)
    assert (found.only_ecg, found.only_rr) == (0, 150)
    assert found.offset_range_ms == pytest.approx(0, abs=1e-6)


def test_a_metronome_fits_everywhere_and_says_so() -> None:
    t = times([1000.0] * 200)
    found = compared(t, t + 300)
    assert not found.certain
    assert found.offset_ms == pytest.approx(300)
    assert found.sensitivity_pct == found.ppv_pct == 100


def test_two_hearts_do_not_agree() -> None:
    random = np.random.default_rng(5)
    one = times((800 + random.normal(0, 120, 400)).tolist())
    two = times((800 + random.normal(0, 120, 400)).tolist())
    found = compared(one, two)
    assert not found.certain
    assert found.sensitivity_pct is not None
    assert found.sensitivity_pct < 75


def test_too_little_to_compare_is_not_compared() -> None:
    t = times(rest(300))
    assert beat_agreement([], [t]) is None
    assert beat_agreement([ecg(t)], []) is None
    assert beat_agreement([ecg(t)], [t[:10]]) is None
    assert beat_agreement([ecg(t[:10])], [t]) is None
    assert beat_agreement([ecg(t)], [t + 400_000]) is None
    assert beat_agreement([EcgBeats(start_ms=0, end_ms=9e5, t_ms=())], [t]) is None


# --- Runs of the strap ---


def test_a_run_is_exact_and_begins_one_interval_earlier() -> None:
    rr = rest(50)
    (run,) = rr_runs(series(rr))
    assert len(run) == 51
    assert np.diff(run) == pytest.approx(rr, abs=1e-9)
    assert run[0] == pytest.approx(0, abs=1e-3)


def test_runs_end_at_gaps() -> None:
    runs = rr_runs(series(rest(60), [0] * 20 + [1] * 30 + [2] * 10))
    assert [len(run) for run in runs] == [21, 31, 11]
    assert rr_runs(series([])) == ()


# --- Between the samples ---


def gauss(centres: Floats, n: int, width: float) -> Floats:
    k = np.arange(n)[:, None]
    drawn: Floats = np.exp(-0.5 * ((k - centres) / width) ** 2).sum(axis=1)
    return drawn


def test_a_parabola_is_found_exactly() -> None:
    for true in (19.6, 20.0, 20.3):
        x = 100 - 3 * (np.arange(41) - true) ** 2
        for guess in (19, 20, 21):
            assert refine(x, [guess]) == pytest.approx([true])
        assert refine(-5 * x[::-1] + 7, [20]).tolist() == [20]  # no maximum


def test_an_r_wave_is_placed_within_a_twentieth_of_a_sample() -> None:
    centres = 30 + 100 * np.arange(100) + np.linspace(-0.5, 0.5, 100)
    x = gauss(centres, 10_100, width=1.4)
    peaks = np.rint(centres).astype(int).tolist()
    error = refine(x, peaks) - centres
    assert np.abs(error).max() < 0.05
    assert np.std(error) < np.std(np.rint(centres) - centres) / 10
    assert refine(700 - 3 * 1000 + 1000 * x, peaks) == pytest.approx(refine(x, peaks))


def test_edges_and_flat_tops_keep_their_index() -> None:
    assert refine([5, 4, 3, 2, 1], [0]).tolist() == [0]
    assert refine([1, 2, 3, 4, 5], [4]).tolist() == [4]
    assert refine([0] * 9, [4]).tolist() == [4]
    assert refine([0, 0, 7, 7, 7, 7, 7, 0, 0], [4]).tolist() == [4]
    assert refine([1, 2], [1]).tolist() == [1]
    assert refine([], []).tolist() == []
    assert refine([1, 2, 3, 2, 1], []).tolist() == []
