"""The engine in its shapes: one person, many at once, a whole recording; same bits."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from biofeedback.model import Interval, Label, Stage, WindowMetrics, Windows
from biofeedback.signal.fleet import Fleet
from biofeedback.signal.frequency_domain import FLAGGED, LISTENING, SAMPLES
from biofeedback.signal.history import spectra, windows
from biofeedback.signal.lane import KEPT_BEATS, LENGTHS, Lane, Numbers
from biofeedback.signal.resampling import STEP
from biofeedback.signal.segments import Welch, clean_segments, mean_spectrum
from biofeedback.signal.series import UNITS_PER_S, Series
from biofeedback.signal.time_domain import (
    UNSUITABLE,
    judged_variability,
    window_metrics,
)
from tests.unit.rhythms import judged, lane_of, on_grid, rest, sine

S = 1_000_000_000


class Person:
    """A heart with gaps and flags, some of which are judged otherwise in the end."""

    def __init__(self, seed: int, n: int = 900) -> None:
        random = np.random.default_rng(seed)
        self.beats: list[tuple[Interval, Interval]] = []  # provisional, final
        t_ns = segment = 0
        for index in range(n):
            if random.random() < 0.004:
                segment += 1
                t_ns += int(random.uniform(0, 40) * S)
            rr = on_grid(850 + 60 * math.sin(0.6 * t_ns / S) + random.normal(0, 15))
            t_ns += round(rr * 1e6)
            flag = Label.ECTOPIC if random.random() < 0.01 else Label.NORMAL
            early = flag if random.random() < 0.98 else Label.MISSED
            abrupt = bool(random.random() < 0.02)

            def interval(label: Label, stage: Stage) -> Interval:
                return Interval(
                    index=index,  # noqa: B023
                    segment=segment,  # noqa: B023
                    t_ns=t_ns,  # noqa: B023
                    rr_ms=rr,  # noqa: B023
                    label=label,
                    nn_ms=None,
                    abrupt=abrupt,  # noqa: B023
                    stage=stage,
                )

            self.beats.append(
                (interval(early, Stage.PROVISIONAL), interval(flag, Stage.FINAL))
            )
        self.n_added = self.n_settled = 0

    def live(self, lane: Lane, now_ns: int) -> None:
        """Let the beats come that a strap would have sent by now."""
        while self.n_added + 2 < len(self.beats):
            newest = self.beats[self.n_added + 2][0]
            if newest.t_ns > now_ns:
                break
            lane.hear(newest.t_ns)
            lane.take(self.beats[self.n_added][0])
            self.n_added += 1
            while self.n_settled < self.n_added - 49:
                lane.take(self.beats[self.n_settled][1])
                self.n_settled += 1

    def series(self) -> Series:
        """What is judged by now, as a recording."""
        return Series.of(
            pair[k < self.n_settled]
            for k, pair in enumerate(self.beats[: self.n_added])
        )


def seconds(people: list[Person], lanes: list[Lane], until_s: int) -> Iterator[int]:
    for second in range(1, until_s):
        for person, lane in zip(people, lanes, strict=True):
            person.live(lane, second * S)
        yield second


def same(one: Numbers, other: Numbers) -> bool:
    """Compare to the last bit."""
    densities = [
        n.density.tolist() if n.density is not None else 0 for n in (one, other)
    ]
    return (
        one.windows == other.windows
        and one.unsuitable == other.unsuitable
        and one.spectrum == other.spectrum
        and one.breathing == other.breathing
        and one.welch == other.welch
        and densities[0] == densities[1]
    )


def test_many_at_once_are_each_as_if_alone() -> None:
    people = [Person(seed) for seed in range(9)]
    fleet = Fleet(capacity=2)  # it has to grow
    lanes = [fleet.open() for _ in people]
    n_spectra = n_welch = 0
    for second in seconds(people, lanes, 700):
        now_ns = [second * S + 1000 * k for k in range(len(lanes))]
        many = fleet.tick(lanes, now_ns)
        for k, lane in enumerate(lanes):
            alone = lane.numbers(now_ns[k])
            assert same(alone, many.of(k)), (second, k)
            n_spectra += alone.spectrum.reason is None
            n_welch += alone.welch.n_segments == 8
    assert n_spectra > 2000
    assert n_welch > 100


def test_running_sums_are_the_sums_of_the_intervals() -> None:
    """Whatever was flagged, judged again or dropped to make room."""
    people = [Person(seed, n=2200) for seed in (20, 21)]
    fleet = Fleet()
    lanes = [fleet.open() for _ in people]
    for second in seconds(people, lanes, 1800):
        if second % 83 or second < 100:
            continue
        for person, lane in zip(people, lanes, strict=True):
            whole, end = person.series(), lane.end(second * S)
            found = lane.windows(second * S)
            for length, window in zip(LENGTHS, values(found), strict=True):
                expected = judged_variability(whole.on_clock(end - length, end))
                for name in ("hr_bpm", "rmssd_ms", "sdnn_ms"):
                    value = getattr(window, name)
                    if value is not None:
                        assert value == pytest.approx(getattr(expected, name), abs=1e-9)
                assert 0 <= window.coverage <= 1
    assert all(len(lane.series) >= 0.9 * KEPT_BEATS for lane in lanes)


def test_live_segments_are_those_of_the_recording() -> None:
    person = Person(3, n=2000)
    lane = Fleet().open()
    live: dict[int, Welch] = {}
    for second in seconds([person], [lane], 1500):
        welch = lane.current_welch(second * S)
        if welch.n_segments:
            live[lane.welch_end] = welch
    whole = clean_segments(person.series())
    density = dict(zip(whole.end.tolist(), whole.density, strict=True))
    assert len(live) > 15
    ends = list(live)
    for k, end in enumerate(ends):
        n = live[end].n_segments
        newest = np.array([density[e] for e in ends[k + 1 - n : k + 1]])
        assert mean_spectrum(newest) == live[end]  # the same bits


def test_a_recording_at_every_second_is_what_a_lane_says_then() -> None:
    intervals = judged([on_grid(rr) for rr in rest(500, seed=8)])
    whole = Series.of(intervals)
    lane = Fleet().open()
    for interval in intervals:
        lane.take(interval)
        end = lane.end(interval.t_ns)
        found = windows(whole, np.array([end]), LENGTHS).metrics[0].tolist()
        assert values(lane.windows(interval.t_ns)) == tuple(map(window_metrics, found))
    density, _ = spectra(whole, np.array([lane.newest_sample * STEP]))
    numbers = lane.numbers(int(intervals[-1].t_ns))
    assert numbers.density is not None
    assert numbers.density.tolist() == density[0].tolist()


def test_an_empty_lane_knows_nothing_and_a_returned_row_is_empty_again() -> None:
    fleet = Fleet()
    lane = lane_of(judged(sine(0.1, amplitude_ms=50, length_s=500)), fleet)
    assert lane.numbers(500 * S).welch.n_segments == 8
    fleet.close(lane)
    again = fleet.open()
    assert again.row == lane.row
    numbers = again.numbers(S)
    assert numbers.spectrum.reason == LISTENING
    assert numbers.welch.n_segments == 0
    assert numbers.windows.w30.n_nn == 0
    assert same(numbers, fleet.tick([again], [S]).of(0))


def test_silence_moves_the_windows_on() -> None:
    lane = lane_of(judged([1000.0] * 400))
    assert lane.windows(404 * S).w30.coverage == 1.0
    assert lane.windows(405 * S).w30.n_nn == 30
    assert lane.windows(406 * S).w30.n_nn == 24
    assert lane.windows(450 * S).w30.n_nn == 0
    assert lane.windows(450 * S).w300.n_nn == 250


def test_a_spectrum_needs_64_s_a_steady_line_and_few_flags() -> None:
    steady = judged(sine(0.1, amplitude_ms=50, length_s=68))
    lane = lane_of(steady)
    assert lane.numbers(steady[-1].t_ns).spectrum.reason == LISTENING
    longer = judged(sine(0.1, amplitude_ms=50, length_s=75))
    lane, now_ns = lane_of(longer), longer[-1].t_ns
    assert lane.numbers(now_ns).spectrum.lf_peak_hz == pytest.approx(0.1, abs=0.001)
    assert lane.numbers(now_ns + 6 * S).spectrum.reason == LISTENING
    gap = judged(sine(0.1, amplitude_ms=50, length_s=75), [0] * 40 + [1] * 45)
    assert lane_of(gap).numbers(gap[-1].t_ns).spectrum.reason == LISTENING
    flagged = [flag(i) if i.index in (30, 40, 50, 60, 70) else i for i in longer]
    assert lane_of(flagged).numbers(now_ns).spectrum.reason == FLAGGED


def test_dense_ectopy_withholds_everything_but_the_quality() -> None:
    bigeminy = judged([650.0, 1100.0] * 200)
    numbers = lane_of(bigeminy).numbers(bigeminy[-1].t_ns)
    assert numbers.unsuitable
    assert numbers.spectrum.reason == UNSUITABLE
    for window in values(numbers.windows):
        assert (window.hr_bpm, window.rmssd_ms, window.sdnn_ms) == (None, None, None)
        assert window.coverage > 0.9


def test_a_judgement_that_changes_moves_only_what_lies_beside_it() -> None:
    rr = sine(0.1, amplitude_ms=50, length_s=150, noise_ms=10)
    intervals = judged(rr)
    provisional = [changed(i, stage=Stage.PROVISIONAL) for i in intervals]
    lane, clean = Fleet().open(), Fleet().open()
    for interval in provisional:
        lane.take(interval)
        clean.take(flag(interval) if interval.index == 100 else interval)
    for interval in intervals[:100]:
        lane.take(interval)
    assert lane.revised_clock == -1
    lane.take(flag(intervals[100], stage=Stage.FINAL))
    assert lane.revised_clock == int(lane.series.clock[100])
    now_ns = intervals[-1].t_ns
    one, other = lane.numbers(now_ns), clean.numbers(now_ns)
    assert one.windows == other.windows
    assert one.density is not None
    assert other.density is not None
    assert one.density.tolist() == other.density.tolist()


def test_a_segment_spans_64_s_to_the_sample() -> None:
    found = clean_segments(Series.of(judged(sine(0.1, amplitude_ms=50, length_s=200))))
    assert (np.diff(found.end) == SAMPLES // 2 * STEP).all()
    assert (found.end % (SAMPLES // 2 * STEP) == 0).all()
    inside = found.within(int(found.end[0]) - 64 * UNITS_PER_S, int(found.end[2]))
    assert len(inside) == 3
    assert len(found.within(int(found.end[0]), int(found.end[2]))) == 1


def values(found: Windows) -> tuple[WindowMetrics, WindowMetrics, WindowMetrics]:
    return found.w30, found.w60, found.w300


def changed(
    interval: Interval, *, label: Label | None = None, stage: Stage | None = None
) -> Interval:
    return Interval(
        index=interval.index,
        segment=interval.segment,
        t_ns=interval.t_ns,
        rr_ms=interval.rr_ms,
        label=interval.label if label is None else label,
        nn_ms=interval.nn_ms if label is None else None,
        abrupt=interval.abrupt,
        stage=interval.stage if stage is None else stage,
    )


def flag(interval: Interval, *, stage: Stage | None = None) -> Interval:
    return changed(interval, label=Label.ECTOPIC, stage=stage)
