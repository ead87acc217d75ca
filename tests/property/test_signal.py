"""Invariances of the signal floor."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofeedback.model import Beat
from biofeedback.signal.beats import BeatClock, rr_ms
from biofeedback.signal.interpolation import cubic
from biofeedback.signal.series import Series
from biofeedback.signal.time_domain import raw_variability
from tests.unit.rhythms import judged

S = 1_000_000_000

counts = st.lists(st.integers(320, 2000), min_size=3, max_size=60)
packets = st.lists(
    st.tuples(
        st.integers(0, 20 * S),
        st.lists(st.integers(0, 65_535), max_size=9).map(tuple),
    ),
    max_size=40,
)


@given(counts, st.integers(0, 500))
def test_rmssd_and_sdnn_do_not_see_a_shift(rr: list[int], shift: int) -> None:
    one = raw_variability(Series.of(judged([rr_ms(n) for n in rr])))
    other = raw_variability(Series.of(judged([rr_ms(n + shift) for n in rr])))
    assert one.rmssd_ms == other.rmssd_ms  # exact on the grid
    assert one.sdnn_ms == pytest.approx(other.sdnn_ms, abs=1e-9)


@given(counts, st.sampled_from([0.5, 2.0, 4.0]))
def test_rmssd_and_sdnn_scale(rr: list[int], scale: float) -> None:
    one = raw_variability(Series.of(judged([rr_ms(n) for n in rr])))
    other = raw_variability(Series.of(judged([scale * rr_ms(n) for n in rr])))
    assert one.rmssd_ms is not None
    assert other.rmssd_ms == pytest.approx(scale * one.rmssd_ms, abs=1e-9)
    assert one.sdnn_ms is not None
    assert other.sdnn_ms == pytest.approx(scale * one.sdnn_ms, abs=1e-9)


@given(packets)
def test_no_arrivals_lose_beats_or_turn_time_back(
    steps: list[tuple[int, tuple[int, ...]]],
) -> None:
    clock, t_ns = BeatClock(), 0
    beats: list[Beat] = []
    for step_ns, rr_1024 in steps:
        t_ns += step_ns
        beats += clock.measure(t_ns, rr_1024)
    beats += clock.flush()
    sent = [rr_ms(n) for _, rr_1024 in steps for n in rr_1024 if n > 0]
    assert [beat.rr_ms for beat in beats] == sent
    assert [beat.index for beat in beats] == list(range(len(sent)))
    for one, two in pairwise(beats):
        assert two.t_ns > one.t_ns
        assert two.segment - one.segment in (0, 1)
    assert all(beat.uncertainty_ms > 0 for beat in beats)


@given(counts)
def test_judging_never_touches_the_raw_interval(rr: list[int]) -> None:
    raw = [rr_ms(n) for n in rr]
    intervals = judged(raw)
    assert [interval.rr_ms for interval in intervals] == raw
    assert all(i.nn_ms in (None, i.rr_ms) for i in intervals)


@given(counts)
def test_a_spline_keeps_its_points(rr: list[int]) -> None:
    y = np.array([rr_ms(n) for n in rr])
    x = np.cumsum(y) / 1000
    assert cubic(x, y, x) == pytest.approx(y, rel=1e-12)
    assert all(math.isfinite(v) for v in cubic(x, y, np.linspace(x[0], x[-1], 50)))
