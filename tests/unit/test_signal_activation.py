"""Body activation: closed forms, calibration on planted truths, and real people."""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from scipy import stats

from biofeedback.model import Activation, Baseline
from biofeedback.signal import history, student_t
from biofeedback.signal.activation import (
    CORRELATION,
    HR_SD_BPM,
    LN_RMSSD_SD,
    PRIOR_WEIGHT,
    Abstention,
    ActivationTracker,
    Beside,
    Estimate,
    Reading,
    baseline_of,
    beside_felt,
    estimate,
    refusal,
)
from biofeedback.signal.series import UNITS_PER_S, Floats, Series
from biofeedback.simulator.heart import PROFILES, Heart, HeartProfile, natural_breath
from tests.unit.rhythms import on_grid, rest, series

PEOPLE = 150
REST = [(60.0, 40.0), (62.0, 38.0), (61.0, 41.0), (60.0, 42.0), (62.0, 39.0)]


def minute(
    hr_bpm: float = 61.0, rmssd_ms: float = 40.0, **over: float | bool | None
) -> Reading:
    usual = Reading(
        hr_bpm=hr_bpm, rmssd_ms=rmssd_ms, clean_s=60, artefact_pct=0, moving=False
    )
    return msgspec.structs.replace(usual, **over)


def known(found: Estimate) -> Activation:
    assert isinstance(found, Activation)
    return found


def resting(n: int = 5) -> Baseline:
    found = baseline_of(REST[:n])
    assert found is not None
    return found


# --- Closed forms ---------------------------------------------------------------------


@pytest.mark.parametrize("degrees", [6, 8, 10, 12, 14])
def test_student_s_t_is_scipy_s(degrees: int) -> None:
    t = stats.t(degrees)
    assert student_t.quantile_95(degrees) == pytest.approx(t.ppf(0.95), rel=1e-12)
    for x in (-7.0, -0.3, 0.0, 1.0, 4.5):
        assert student_t.below(x, degrees) == pytest.approx(t.cdf(x), abs=1e-14)


def test_a_minute_like_the_baseline_is_usual_and_centred_on_it() -> None:
    rest = resting()
    found = known(estimate(minute(rest.hr_bpm, math.exp(rest.ln_rmssd)), rest))
    assert found.band == "usual"
    assert found.low == pytest.approx(-found.high, abs=1e-9)
    assert found.baseline_s == 300
    assert 0.5 < found.confidence < 1


def test_the_score_is_the_difference_of_both_z() -> None:
    rest = resting()
    up = minute(
        rest.hr_bpm + 3 * rest.hr_sd_bpm,
        math.exp(rest.ln_rmssd - 4 * rest.ln_rmssd_sd),
    )
    down = minute(
        rest.hr_bpm - 3 * rest.hr_sd_bpm,
        math.exp(rest.ln_rmssd + 4 * rest.ln_rmssd_sd),
    )
    higher, lower = known(estimate(up, rest)), known(estimate(down, rest))
    assert (higher.low + higher.high) / 2 == pytest.approx(7)
    assert (lower.low, lower.high) == pytest.approx((-higher.high, -higher.low))
    assert (higher.band, lower.band) == ("higher", "lower")
    assert higher.confidence == pytest.approx(lower.confidence)
    assert higher.confidence >= 0.95


def test_a_z_that_cancels_another_leaves_the_usual() -> None:
    """Heart rate and variability both up: no activation is read into that."""
    rest = resting()
    found = estimate(
        minute(
            rest.hr_bpm + 5 * rest.hr_sd_bpm,
            math.exp(rest.ln_rmssd + 5 * rest.ln_rmssd_sd),
        ),
        rest,
    )
    assert known(found).band == "usual"


def test_only_one_s_own_ratio_counts() -> None:
    """RMSSD in other units, or of a heart with twice as much: the same estimate."""
    double = baseline_of([(hr, 2 * rmssd) for hr, rmssd in REST])
    one, two = estimate(minute(66, 30), resting()), estimate(minute(66, 60), double)
    assert known(one).low == pytest.approx(known(two).low)


def test_a_short_baseline_is_said_to_be_so_and_is_less_sure() -> None:
    found = []
    for n in range(1, 6):
        rest = baseline_of([(61.0, 40.0)] * n)
        assert rest is not None
        assert rest.whole == (n == 5)
        found.append(known(estimate(minute(), rest)))
    assert [one.baseline_s for one in found] == [60, 120, 180, 240, 300]
    for shorter, longer in itertools.pairwise(found):
        assert shorter.high > longer.high
        assert shorter.confidence < longer.confidence


def test_five_equal_minutes_do_not_make_a_standard_deviation_of_nothing() -> None:
    rest = baseline_of([(61.0, 40.0)] * 5)
    assert rest is not None
    floor = math.sqrt(PRIOR_WEIGHT / (PRIOR_WEIGHT + 4))
    assert rest.hr_sd_bpm == pytest.approx(HR_SD_BPM * floor)
    assert rest.ln_rmssd_sd == pytest.approx(LN_RMSSD_SD * floor)


def test_no_minutes_are_no_baseline() -> None:
    assert baseline_of([]) is None
    assert estimate(minute(), None) is Abstention.NO_BASELINE


def test_unknown_stillness_lowers_the_confidence_only() -> None:
    still = known(estimate(minute(), resting()))
    unknown = known(estimate(minute(moving=None), resting()))
    assert (unknown.band, unknown.low) == (still.band, still.low)
    assert unknown.confidence < still.confidence


@pytest.mark.parametrize(
    ("over", "why"),
    [
        ({"paced": True}, Abstention.PACED),
        ({"moving": True}, Abstention.MOVED),
        ({"age_s": 10.5}, Abstention.OLD),
        ({"suitable": False}, Abstention.UNSUITABLE),
        ({"artefact_pct": 5.1}, Abstention.ARTEFACTS),
        ({"clean_s": 56.9}, Abstention.SHORT),
        ({"hr_bpm": None}, Abstention.SHORT),
        ({"rmssd_ms": None}, Abstention.SHORT),
        ({"rmssd_ms": 0.0}, Abstention.SHORT),
        ({"paced": True, "moving": True, "hr_bpm": None}, Abstention.PACED),
        ({"clean_s": 57.0, "artefact_pct": 5.0, "age_s": 10.0}, None),
    ],
)
def test_it_abstains_and_says_why(
    over: dict[str, object], why: Abstention | None
) -> None:
    reading = msgspec.structs.replace(minute(), **over)
    assert refusal(reading) is why
    if why is not None:
        assert estimate(reading, resting()) is why


def test_the_sentences_are_short_and_calm() -> None:
    for why in Abstention:
        assert why.endswith(".")
        assert all(len(one.split()) <= 15 for one in why.split(". "))
        assert not set("!?") & set(why)


# --- Beside what is felt --------------------------------------------------------------


@pytest.mark.parametrize(
    ("band", "felt", "beside"),
    [
        ("lower", 1, Beside.ALIKE),
        ("lower", 5, Beside.BODY_CALMER),
        ("lower", 9, Beside.BODY_CALMER),
        ("usual", 3, Beside.BODY_MORE_STIRRED),
        ("usual", 4, Beside.ALIKE),
        ("usual", 6, Beside.ALIKE),
        ("usual", 7, Beside.BODY_CALMER),
        ("higher", 2, Beside.BODY_MORE_STIRRED),
        ("higher", 7, Beside.ALIKE),
    ],
)
def test_body_and_feeling_stand_side_by_side(
    band: str, felt: float, beside: Beside
) -> None:
    found = Activation(band=band, low=-1, high=1, confidence=0.8, baseline_s=300)
    assert beside_felt(found, felt) is beside
    unsure = msgspec.structs.replace(found, confidence=0.49)
    assert beside_felt(unsure, felt) is None
    assert beside_felt(None, felt) is None


# --- One session, second by second ----------------------------------------------------


def test_the_baseline_is_gathered_before_the_practice_and_then_used() -> None:
    tracker = ActivationTracker()
    told = [tracker.tick(s, minute()) for s in range(60, 150)]
    tracker.begin_practice()
    told += [tracker.tick(s, minute(55, 90, paced=True)) for s in range(150, 400)]
    after = [tracker.tick(s, minute(61, 40)) for s in range(400, 500)]
    assert set(told[:90]) == {Abstention.BASELINE}
    assert set(told[90:]) == {Abstention.PACED}
    assert tracker.baseline is not None
    assert tracker.baseline.length_s == 120
    assert set(after[:59]) == {Abstention.JUST_PACED}
    assert all(known(one).baseline_s == 120 for one in after[59:])


def test_after_five_minutes_it_estimates_what_shares_nothing_with_them() -> None:
    tracker = ActivationTracker()
    told = {s: tracker.tick(s, minute()) for s in range(60, 400)}
    estimated = [s for s, one in told.items() if isinstance(one, Activation)]
    assert estimated == list(range(360, 400))
    assert tracker.baseline is not None
    assert tracker.baseline.whole


def test_an_earlier_baseline_of_the_day_is_used_at_once_and_kept() -> None:
    tracker = ActivationTracker(resting())
    assert known(tracker.tick(60, minute())).baseline_s == 300
    assert tracker.baseline == resting()


def test_no_quiet_minute_before_practice_is_no_baseline() -> None:
    tracker = ActivationTracker()
    assert tracker.tick(30, minute(clean_s=30)) is Abstention.SHORT
    tracker.begin_practice()
    tracker.tick(40, minute(paced=True))
    assert tracker.tick(300, minute()) is Abstention.NO_BASELINE


def test_time_held_for_paced_may_turn_out_not_to_have_been() -> None:
    tracker = ActivationTracker()
    for s in range(1, 70):
        tracker.tick(s, minute(paced=True))
    assert tracker.tick(70, minute()) is Abstention.JUST_PACED
    tracker.not_paced_so_far()
    assert tracker.tick(71, minute()) is Abstention.BASELINE
    assert tracker.baseline is not None


def test_no_minute_with_movement_in_it_is_told_or_taken() -> None:
    tracker = ActivationTracker()
    tracker.tick(60, minute(moving=True))
    assert {tracker.tick(s, minute()) for s in range(61, 120)} == {Abstention.MOVED}
    assert tracker.baseline is None
    assert tracker.tick(120, minute()) is Abstention.BASELINE
    assert tracker.baseline is not None


def test_the_same_readings_give_the_same_estimates() -> None:
    random = np.random.default_rng(1)
    readings = [
        minute(random.normal(61, 2), random.normal(40, 4), age_s=random.uniform(0, 2))
        for _ in range(400)
    ]
    one, other = ActivationTracker(), ActivationTracker()
    first = [one.tick(60 + k, reading) for k, reading in enumerate(readings)]
    assert first == [other.tick(60 + k, r) for k, r in enumerate(readings)]


# --- Planted truths -------------------------------------------------------------------


def minutes_of(found: Series, ends_s: Sequence[float]) -> Iterator[Reading]:
    """What the engine tells of the minutes that end there."""
    ends = np.round(np.asarray(ends_s) * UNITS_PER_S).astype(np.int64)
    held = history.windows(found, ends, [60 * UNITS_PER_S])
    for row, unsuitable in zip(held.metrics[:, 0], held.unsuitable[:, 0], strict=True):
        coverage, _, artefact_pct, hr, rmssd = row[:5].tolist()
        yield Reading(
            hr_bpm=None if math.isnan(hr) else hr,
            rmssd_ms=None if math.isnan(rmssd) else rmssd,
            clean_s=60 * coverage,
            artefact_pct=artefact_pct,
            moving=False,
            suitable=not unsuitable,
        )


def spread_of_somebody(random: np.random.Generator) -> tuple[float, float]:
    """How much one person's minutes vary: as those of the people measured do."""
    hr, ln = np.sqrt(PRIOR_WEIGHT / random.chisquare(PRIOR_WEIGHT, 2))
    return HR_SD_BPM * hr, LN_RMSSD_SD * ln


def wander(random: np.random.Generator, n: int) -> Floats:
    a, b = random.normal(size=(2, n))
    return np.array([a, CORRELATION * a + math.sqrt(1 - CORRELATION**2) * b])


def covers(found: Estimate, rest: Baseline, hr_bpm: float, ln_rmssd: float) -> bool:
    found = known(found)
    truth = hr_bpm / rest.hr_sd_bpm - ln_rmssd / rest.ln_rmssd_sd
    return found.low <= truth <= found.high


@pytest.mark.parametrize("n", [1, 3, 5])
def test_nine_of_ten_bands_hold_the_truth(n: int) -> None:
    random = np.random.default_rng(n)
    held = []
    for _ in range(4000):
        hr_sd, ln_sd = spread_of_somebody(random)
        shift_bpm, shift_ln = random.uniform(-8, 15), random.uniform(-1, 0.5)
        hr, ln = wander(random, n + 1)
        hr, ln = 70 + hr_sd * hr, 3.4 + ln_sd * ln
        rest = baseline_of([*zip(hr[:n], np.exp(ln[:n]), strict=True)])
        assert rest is not None
        now = minute(hr[n] + shift_bpm, math.exp(ln[n] + shift_ln))
        held.append(covers(estimate(now, rest), rest, shift_bpm, shift_ln))
    assert 0.88 <= np.mean(held) <= 0.92


def wandering_heart(
    profile: HeartProfile,
    random: np.random.Generator,
    shift_bpm: float,
    shift_ln: float,
) -> list[float]:
    """Six minutes of a heart whose sixth has the shift, on top of its own wander."""
    # Its own slow waves are left out: this wander stands in their place.
    still = msgspec.structs.replace(profile, drift_ms=0.0, wander_ms=0.0)
    heart = Heart(still, int(random.integers(2**31)))
    hr_sd, ln_sd = spread_of_somebody(random)
    found: list[float] = []
    # The heart runs on its own time: a planted rate must not also change how finely
    # the breath is sampled, and with it RMSSD.
    own_s = t_s = 0.0
    for k, (hr, ln) in enumerate(wander(random, 6).T):
        last = k == 5
        hr_bpm = 60_000 / still.mean_rr_ms + hr_sd * hr + shift_bpm * last
        times = math.exp(ln_sd * ln + shift_ln * last)
        while t_s < 60 * (k + 1) + 4 * last:
            rr_ms = heart.next_rr_ms(own_s, natural_breath)
            own_s += rr_ms / 1000
            swing = times * (rr_ms - still.mean_rr_ms)
            found.append(on_grid(60_000 / max(hr_bpm, 40) + swing))
            t_s += found[-1] / 1000
    return found


@pytest.mark.parametrize("name", ["calm", "anxious"])
def test_the_bands_hold_the_shifts_planted_in_a_heart(name: str) -> None:
    random = np.random.default_rng(5)
    held = []
    for _ in range(PEOPLE):
        shift_bpm, shift_ln = random.uniform(-4, 12), random.uniform(-0.8, 0.4)
        rr_ms = wandering_heart(PROFILES[name], random, shift_bpm, shift_ln)
        # Without the step up or down, which no heart takes within one beat.
        *before, now = minutes_of(series(rr_ms), [60, 120, 180, 240, 300, 363])
        rest = baseline_of([(m.hr_bpm or 0, m.rmssd_ms or 0) for m in before])
        assert rest is not None
        found = estimate(now, rest)
        if isinstance(found, Activation):
            held.append(covers(found, rest, shift_bpm, shift_ln))
    assert len(held) > 0.9 * PEOPLE
    # Three standard errors of a share of 0.90.
    assert np.mean(held) == pytest.approx(0.9, abs=3 * math.sqrt(0.09 / PEOPLE))


def test_corrupted_minutes_are_not_told() -> None:
    random = np.random.default_rng(2)
    refused = []
    for seed in range(20):
        rr = np.array(rest(500, seed))
        struck = random.choice(np.arange(5, 495), 50, replace=False)
        rr[struck] *= random.choice([0.5, 0.6, 1.6, 2.0], 50)
        readings = minutes_of(series(rr.tolist()), range(60, 361, 60))
        refused += [refusal(reading) is not None for reading in readings]
    assert np.mean(refused) >= 0.95


# --- Real people ----------------------------------------------------------------------


def test_a_day_in_the_laboratory(real_data: Path) -> None:
    """VU P37: higher on their feet; sums in the head change nothing, for them."""
    folder = real_data / "wearable-hrv"

    def second(clock: str) -> float:
        hours, minutes, seconds = clock.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)

    rows = [
        line.split("\t")
        for line in (folder / "test_vu.txt").read_text(encoding="utf-8").splitlines()
    ][2:]
    start_s = second(rows[0][0].split("/")[1])
    spans: dict[str, list[float]] = {}
    with (folder / "test_events.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            spans.setdefault(row["conditions"], []).append(
                second(row["timestamp"]) - start_s
            )
    beats = series([float(row[2]) for row in rows[1:]])

    def told(condition: str) -> list[Reading]:
        start, end = spans[condition]
        return list(minutes_of(beats, np.arange(start + 60, end + 1, 60).tolist()))

    rest = baseline_of([(m.hr_bpm or 0, m.rmssd_ms or 0) for m in told("sitting")])
    assert rest is not None
    assert rest.whole

    def bands(condition: str) -> list[str]:
        return [
            found.band
            for reading in told(condition)
            if isinstance(found := estimate(reading, rest), Activation)
        ]

    assert set(bands("arithmetic")) == {"usual"}
    assert set(bands("recovery")) == {"usual"}
    assert set(bands("standing")) == {"higher"}
    assert set(bands("walking")) == {"higher"}
    assert set(bands("biking")) == {"higher"}
