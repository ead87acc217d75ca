"""One series of beats for every signal."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from biofeedback.model import Ask, Notification, Signal
from biofeedback.simulator.body import Body
from biofeedback.simulator.heart import PROFILES
from biofeedback.simulator.strap import SimulatedStrap
from biofeedback.wire.polar_pmd import (
    EcgFrame,
    Response,
    Status,
    control_from_bytes,
    frame_from_bytes,
)

S = 1_000_000_000


@given(
    st.lists(st.floats(300, 3000), min_size=1, max_size=80),
    st.lists(st.floats(0.01, 9), min_size=1, max_size=40),
)
def test_each_interval_is_given_once_whatever_the_steps(
    rr_ms: list[float], steps_s: list[float]
) -> None:
    body = Body.of_rr(rr_ms)
    given_rr: list[int] = []
    times_s = list(itertools.accumulate(steps_s, initial=0.0))
    for before, after in itertools.pairwise(times_s):
        given_rr += body.intervals(before, after)
    counts = [round(each * 1.024) for each in rr_ms]
    ended = [
        rr
        for rr, end in zip(counts, itertools.accumulate(counts), strict=True)
        if end <= times_s[-1] * 1024
    ]
    assert given_rr == ended


def test_beats_and_intervals_agree_over_an_hour() -> None:
    body = Body()
    for minute in range(60):
        beats = body.beats(minute * 60, minute * 60 + 60)
        rr = body.intervals(minute * 60, minute * 60 + 60)
        gaps = [round((b - a) * 1024) for a, b in itertools.pairwise(beats)]
        assert tuple(gaps) == rr[len(rr) - len(gaps) :]
        assert len(rr) > 50


def sent(strap: SimulatedStrap, t_ns: int, characteristic: str) -> list[bytes]:
    return [
        each.data
        for each in strap.advance(t_ns)
        if isinstance(each, Notification) and each.characteristic == characteristic
    ]


def test_the_simulated_strap_measures_when_asked() -> None:
    strap = SimulatedStrap(PROFILES["calm"], 1)
    assert sent(strap, 5 * S, "pmd_data") == []
    strap.ask((Ask(signal=Signal.ECG), Ask(signal=Signal.ACC, rate_hz=25)))
    happened = [each for each in strap.advance(9 * S) if isinstance(each, Notification)]
    kinds = [each.characteristic for each in happened]
    assert kinds[:4] == ["pmd_cp_write", "pmd_cp", "pmd_cp_write", "pmd_cp"]
    assert [each.t_ns for each in happened] == sorted(each.t_ns for each in happened)
    ecg = [
        frame
        for each in happened
        if each.characteristic == "pmd_data"
        and isinstance(frame := frame_from_bytes(each.data), EcgFrame)
    ]
    assert len(ecg) == 7
    assert max(value for each in ecg for value in each.samples) > 600
    strap.ask(())
    assert [each.hex() for each in sent(strap, 20 * S, "pmd_cp_write")] == [
        "0300",
        "0302",
    ]
    assert sent(strap, 30 * S, "pmd_data") == []


def test_it_refuses_what_it_cannot_measure_and_goes_on() -> None:
    strap = SimulatedStrap(PROFILES["calm"], 1)
    strap.ask((Ask(signal=Signal.PPI),))
    (answer,) = sent(strap, 2 * S, "pmd_cp")
    response = control_from_bytes(answer)
    assert isinstance(response, Response)
    assert response.status is Status.NOT_SUPPORTED
    assert len(sent(strap, 10 * S, "2a37")) == 8


def test_asking_changes_nothing_of_the_heart() -> None:
    plain, asked = (SimulatedStrap(PROFILES["ectopic"], 4) for _ in range(2))
    asked.ask((Ask(signal=Signal.ECG),))
    for second in range(1, 120):
        assert sent(plain, second * S, "2a37") == sent(asked, second * S, "2a37")
