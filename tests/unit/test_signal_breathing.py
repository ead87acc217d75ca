"""Breathing rate: right where it is sure, silent where it cannot be."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from biofeedback.model import Breathing, PacerEvent
from biofeedback.practice.pacer import state_at
from biofeedback.signal.breathing import (
    MIN_CONFIDENCE,
    best,
    breathing_from_rr,
    followed,
)
from biofeedback.signal.breathing_acc import AccBreathing
from biofeedback.signal.frequency_domain import psd_64
from biofeedback.signal.segments import clean_segments
from biofeedback.signal.series import Floats
from biofeedback.simulator.body import Body
from biofeedback.simulator.heart import Heart, HeartProfile, natural_breath
from biofeedback.simulator.heart import profile_named as profile
from biofeedback.simulator.waves import acc_mg
from tests.unit.rhythms import series

NS = 1_000_000_000
RATES = [3, 4.5, 6, 8, 10, 13, 16, 20]
BreathAt = Callable[[float], tuple[float, float]]


def paced(rate: float) -> BreathAt:
    schedule = (
        PacerEvent(
            t_ms=0,
            origin_ms=0,
            rate_bpm=rate,
            inhale_pct=40,
            hold_in_ms=0,
            hold_out_ms=0,
            from_breath=0,
        ),
    )
    return lambda t_s: (state_at(schedule, t_s * 1000).fullness, rate)


def rr_of(heart: Heart, breath: BreathAt, length_s: float = 130) -> list[float]:
    t_s, found = 0.0, []
    while t_s < length_s:
        found.append(round(heart.next_rr_ms(t_s, breath) * 1.024) / 1.024)
        t_s += found[-1] / 1000
    return found


def by_rr(rr_ms: list[float]) -> list[Breathing]:
    lines = (breathing_from_rr(row) for row in clean_segments(series(rr_ms)).density)
    return [found for found in lines if found is not None]


def chest(breath: BreathAt, length_s: float, seed: int = 0) -> Floats:
    body = Body.of_heart(Heart(profile("calm"), seed), breath)
    random = np.random.default_rng(seed)
    times_s = np.arange(0, length_s, 0.04)
    frames = (times_s[at : at + 36] for at in range(0, len(times_s), 36))
    return np.concatenate([np.array(acc_mg(body, f, random), float) for f in frames])


def feed(
    acc: AccBreathing,
    samples: Floats,
    *,
    start_s: float = 0.0,
    interval_ms: float = 40.0,
    frame: int = 36,
    segment: int = 0,
) -> int:
    """Give the samples in frames; return when the last was, in ns."""
    values = np.rint(samples).astype(int)
    t_ns = 0
    for first in range(0, len(values), frame):
        part = values[first : first + frame]
        last = first + len(part) - 1
        t_ns = round((start_s + last * interval_ms / 1000) * NS)
        acc.add(t_ns, tuple(part.ravel().tolist()), interval_ms, segment)
    return t_ns


def told(samples: Floats) -> Breathing | None:
    acc = AccBreathing()
    return acc.rate(feed(acc, samples))


# --- The chest ----------------------------------------------------------------------


@pytest.mark.parametrize("rate", RATES)
def test_the_chest_of_the_simulated_strap_tells_its_pace(rate: float) -> None:
    found = told(chest(paced(rate), 64.2))
    assert found is not None
    assert found.source == "acc"
    assert found.breaths_per_min == pytest.approx(rate, abs=0.2)
    assert followed(found, rate) is True
    assert followed(found, rate + 0.8) is False


def test_it_does_not_matter_how_the_strap_sits() -> None:
    samples = chest(paced(6), 64.2)
    found = told(samples)
    turned = told(samples[:, [2, 0, 1]] * np.array([1, -1, 1]))
    assert found is not None
    assert turned is not None
    assert turned.breaths_per_min == pytest.approx(found.breaths_per_min, abs=1e-6)


def test_frames_of_any_size_tell_the_same() -> None:
    samples = chest(paced(6), 64.2)
    answers = set()
    for frame in (1, 7, 36, 5000):
        acc = AccBreathing()
        answers.add(acc.rate(feed(acc, samples, frame=frame)))
    assert len(answers) == 1


@pytest.mark.parametrize("rate_hz", [25, 50, 100, 200])
def test_every_sampling_rate_is_brought_to_five_a_second(rate_hz: int) -> None:
    at_s = np.arange(0, 64, 1 / rate_hz)
    samples = np.outer(20 * np.sin(2 * np.pi * at_s / 10), [0.2, 0.9, 0.4])
    acc = AccBreathing()
    now_ns = feed(acc, samples + np.array([0, 0, 1000]), interval_ms=1000 / rate_hz)
    found = acc.rate(now_ns)
    assert found is not None
    assert found.breaths_per_min == pytest.approx(6, abs=0.05)


def test_fast_tremor_does_not_alias_into_a_breath() -> None:
    at_s = np.arange(0, 64, 0.04)
    tremor = 20 * np.sin(2 * np.pi * 9.8 * at_s)  # picked at 5 Hz: 0.2 Hz
    breath = 20 * np.sin(2 * np.pi * 0.1 * at_s)
    found = told(np.outer(tremor + breath, [0.2, 0.9, 0.4]))
    assert found is not None
    assert found.breaths_per_min == pytest.approx(6, abs=0.05)
    assert found.confidence > 0.9


def test_thirty_seconds_and_three_breaths_are_needed() -> None:
    breath = chest(paced(10), 64.2)
    assert told(breath[: 25 * 29]) is None
    assert told(breath[: 25 * 31]) is not None
    slow = chest(paced(4), 64.2)
    assert told(slow[: 25 * 40]) is None
    assert told(slow) is not None


def test_noise_and_a_still_chest_are_not_believed() -> None:
    random = np.random.default_rng(3)
    believed = 0
    for _ in range(40):
        still = random.normal(0, 2, (1610, 3)) + np.array([30, -180, 980])
        found = told(still)
        believed += found is not None and found.confidence >= MIN_CONFIDENCE
    assert believed == 0
    assert told(np.zeros((1610, 3))) is None


def test_irregular_breathing_is_mostly_not_believed() -> None:
    random = np.random.default_rng(4)
    believed = 0
    for _ in range(40):
        cycles_s = 4 * np.exp(random.normal(0, 0.5, 60))
        turns = np.interp(np.arange(0, 64.4, 0.04), np.cumsum(cycles_s), np.arange(60))
        tilt = np.outer(25 * np.cos(2 * np.pi * turns), [0.2, 0.9, 0.4])
        found = told(tilt + random.normal(0, 2, tilt.shape))
        believed += found is not None and found.confidence >= MIN_CONFIDENCE
    assert believed <= 4


def test_a_new_segment_and_old_samples_tell_nothing() -> None:
    samples = chest(paced(6), 64.2)
    acc = AccBreathing()
    now_ns = feed(acc, samples)
    assert acc.rate(now_ns) is not None
    assert acc.rate(now_ns + 4 * NS) is None
    assert acc.moving(now_ns + 4 * NS) is None
    now_ns = feed(acc, samples[:100], start_s=70, segment=1)
    assert acc.rate(now_ns) is None
    assert AccBreathing().rate(0) is None
    assert AccBreathing().moving(0) is None


def test_an_hour_later_it_tells_the_newest_minute() -> None:
    acc = AccBreathing()
    feed(acc, chest(paced(12), 200))
    now_ns = feed(acc, chest(paced(6), 64.2), start_s=200)
    found = acc.rate(now_ns)
    assert found is not None
    assert found.breaths_per_min == pytest.approx(6, abs=0.2)


# --- Movement -----------------------------------------------------------------------


@pytest.mark.parametrize("rate", RATES)
def test_still_sitting_is_not_movement(rate: float) -> None:
    samples = chest(paced(rate), 64.2)
    deep = samples + 2 * (samples - samples.mean(axis=0))  # three times as much
    for still in (samples, deep):
        acc = AccBreathing()
        now_ns = feed(acc, still)
        assert acc.moving(now_ns) is False


def test_walking_is_movement_and_so_is_leaning_back() -> None:
    samples = chest(natural_breath, 64.2)
    at_s = np.arange(len(samples)) * 0.04
    walking = samples.copy()
    walking[:, 2] += np.where(at_s > 60, 150 * np.sin(2 * np.pi * 1.8 * at_s), 0)
    leaning = samples.copy()
    lean = 10 / (1 + np.exp(-(at_s - 61) / 0.3))  # degrees, within two seconds
    leaning[:, 1] += 1000 * np.sin(np.radians(lean))
    for moved in (walking, leaning):
        acc = AccBreathing()
        now_ns = feed(acc, moved)
        assert acc.moving(now_ns) is True
        assert acc.rate(now_ns) is None


def test_after_movement_half_a_minute_is_waited_for() -> None:
    samples = chest(paced(6), 64.2)
    samples[200:300, 0] += 400 * np.sin(2 * np.pi * np.arange(100) / 12)
    acc = AccBreathing()
    feed(acc, samples[:1000])
    now_ns = feed(acc, samples[1000:], start_s=40)
    assert acc.moving(now_ns) is False
    found = acc.rate(now_ns)
    assert found is not None
    assert found.breaths_per_min == pytest.approx(6, abs=0.3)


# --- The heart ----------------------------------------------------------------------


@pytest.mark.parametrize("rate", RATES)
def test_a_heart_that_answers_tells_the_breath(rate: float) -> None:
    for seed in range(4):
        for found in by_rr(rr_of(Heart(profile("calm"), seed), paced(rate))):
            assert found.source == "rr"
            if found.confidence >= MIN_CONFIDENCE:
                assert found.breaths_per_min == pytest.approx(rate, abs=0.5)


@pytest.mark.parametrize("rate", [4.5, 6, 8, 10, 13])
def test_and_mostly_surely(rate: float) -> None:
    found = by_rr(rr_of(Heart(profile("calm"), 1), paced(rate), 400))
    sure = [one for one in found if one.confidence >= MIN_CONFIDENCE]
    assert len(sure) >= 0.8 * len(found) > 0


def test_a_heart_that_does_not_answer_is_not_believed() -> None:
    mute = HeartProfile(name="mute", rsa_ms=0.0, wander_ms=0.0)
    found = [b for seed in range(6) for b in by_rr(rr_of(Heart(mute, seed), paced(6)))]
    sure = [one for one in found if one.confidence >= MIN_CONFIDENCE]
    assert len(sure) <= 0.1 * max(1, len(found))


def test_a_slow_pressure_wave_is_not_six_breaths_a_minute() -> None:
    at_s = np.arange(256) / 4
    noise = np.random.default_rng(0).normal(0, 8, 256)
    wave = 30 * np.sin(2 * np.pi * 0.1 * at_s)
    found = breathing_from_rr(psd_64(900 + wave + noise))
    assert found is not None
    assert found.breaths_per_min == pytest.approx(6, abs=0.2)
    large = breathing_from_rr(psd_64(900 + 5 * wave + 5 * noise))
    assert large is not None
    assert large.confidence > found.confidence


def test_an_even_heart_tells_nothing() -> None:
    assert breathing_from_rr(psd_64(np.full(256, 900.0))) is None


# --- Followed -----------------------------------------------------------------------


def test_thirteen_breaths_do_not_follow_a_pacer_of_six() -> None:
    assert followed(told(chest(natural_breath, 64.2)), 6) is False
    for found in by_rr(rr_of(Heart(profile("calm"), 2), natural_breath)):
        assert followed(found, 6) is False


def test_followed_is_half_a_breath_a_minute_or_unknown() -> None:
    def at(rate: float, confidence: float = 0.9) -> Breathing:
        return Breathing(breaths_per_min=rate, confidence=confidence, source="acc")

    assert followed(at(6.5), 6) is True
    assert followed(at(6.51), 6) is False
    assert followed(at(6, 0.69), 6) is None
    assert followed(None, 6) is None


def test_the_chest_goes_before_the_heart_where_it_is_sure() -> None:
    acc = Breathing(breaths_per_min=13, confidence=0.8, source="acc")
    rr = Breathing(breaths_per_min=6, confidence=0.9, source="rr")
    unsure = Breathing(breaths_per_min=3, confidence=0.2, source="acc")
    assert best(acc, rr) is acc
    assert best(unsure, rr) is rr
    assert best(None, rr) is rr
    assert best(acc, None) is acc
    assert best(None, None) is None


# --- Real recordings ----------------------------------------------------------------


def test_a_polar_h10_in_slow_breathing(real_data: Path) -> None:
    path = real_data / "dont-hold-your-breath" / "sample_data_ibi.csv"
    rr = np.loadtxt(path, delimiter=",")[:, 1].tolist()
    found = by_rr(rr)
    sure = [one.breaths_per_min for one in found if one.confidence >= MIN_CONFIDENCE]
    assert len(sure) >= 0.75 * len(found)
    assert min(sure) > 2.7
    assert max(sure) < 5.5


def test_paced_breathing_is_told_from_the_other_conditions(real_data: Path) -> None:
    conditions = vu_conditions(real_data / "wearable-hrv")
    answers = {
        name: [followed(found, 6) for found in by_rr(rr)]
        for name, rr in conditions.items()
    }
    assert set(answers.pop("breathing")) == {True}
    others = [answer for found in answers.values() for answer in found]
    assert True not in others
    assert False in others


def vu_conditions(folder: Path) -> dict[str, list[float]]:
    """RR in ms of each condition, by the clock."""
    beats = []
    for line in (folder / "test_vu.txt").read_text().splitlines()[3:]:
        cells = line.split("\t")
        beats.append((clock_s(cells[0].split("/")[1]), float(cells[2])))
    found: dict[str, list[float]] = {}
    start_s = math.nan
    with (folder / "test_events.csv").open(encoding="utf-8") as events:
        for row in csv.DictReader(events):
            at_s = clock_s(row["timestamp"])
            if row["datapoint"] == "start":
                start_s = at_s
            else:
                inside = [rr for t_s, rr in beats if start_s < t_s <= at_s]
                found[row["conditions"]] = inside
    return found


def clock_s(text: str) -> float:
    hours, minutes, seconds = text.split(":")
    return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
