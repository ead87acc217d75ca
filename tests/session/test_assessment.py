"""The whole assessment: from beats to the report, and back from a planted heart."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from bench.resonance import irregular_one, one, reliability, report, scene, summary
from bench.resonance_hearts import Noise, Planted, intervals
from biofeedback.practice.resonance import NotScored
from biofeedback.session.assessment import ASSUMED, UNRELIABLE, Assessment, assess
from biofeedback.signal.series import Series


def heart(resonance_bpm: float = 5.4) -> Planted:
    return Planted(
        resonance_bpm=resonance_bpm,
        damping=0.17,
        amplitude_bpm=9,
        hr_bpm=66,
        delay_s=1.0,
    )


def found(
    noise: Noise | None = None, form: str = "stepped", seed: int = 4
) -> Assessment:
    paces, end_s = scene(form)
    calm = noise or msgspec.structs.replace(Noise(), ectopic_share=0.0)
    random = np.random.default_rng(seed)
    return report(intervals(heart(), paces, calm, random, end_s), paces, end_s, form)


def test_the_report_lists_all_that_is_asked_of_it() -> None:
    """I.9: rate, duration, ratio, breath error, artefacts, criteria, chance, date."""
    told = found()
    assert (told.status, told.missing) == ("complete", ())
    assert told.date == "1970-01-01T00:00:00+00:00"
    assert told.rest_rr_ms == pytest.approx(60_000 / 66, rel=0.05)
    assert [step.rate_bpm for step in told.steps] == [6.5, 6, 5.5, 5, 4.5]
    for step in told.steps:
        assert step.duration_s == pytest.approx(120, abs=14)
        assert step.inhale_pct == 40
        assert step.breath_error_bpm is not None
        assert step.breath_error_bpm < 0.2
        assert step.artefact_pct is not None
        assert step.artefact_pct < 5
        assert None not in msgspec.structs.astuple(step.criteria)
        assert step.probability is not None
    assert sum(step.probability or 0 for step in told.steps) == pytest.approx(1)
    assert told.estimate is not None
    assert told.estimate.rate_bpm == 5.5
    assert told.estimate.estimate_bpm == pytest.approx(5.4, abs=0.25)
    assert told.estimate.low_bpm < 5.4 < told.estimate.high_bpm


def test_the_sliding_form_finds_the_same_heart() -> None:
    told = found(form="sliding")
    assert told.form == "sliding"
    assert told.estimate is not None
    assert told.estimate.estimate_bpm == pytest.approx(5.4, abs=0.25)
    assert len(told.steps) == 5


def test_steps_too_short_to_measure_a_breath_leave_it_incomplete_and_say_so() -> None:
    paces, end_s = scene(steps_s=60)
    calm = msgspec.structs.replace(Noise(), ectopic_share=0.0)
    beats = intervals(heart(), paces, calm, np.random.default_rng(1), end_s)
    told = report(beats, paces, end_s, steps_s=60)
    assert (told.status, told.breathing) == ("incomplete", "assumed")
    assert told.breathing_note == ASSUMED == "Pacing assumed, not measured."
    assert "6.5: breath_error_bpm" in told.missing
    assert "6.5: lf_ms2" in told.missing
    assert "4.5: too_short" in told.missing
    assert told.estimate is None, "two paces of four breaths make no curve"


def test_a_step_that_was_not_followed_is_not_scored_and_says_why() -> None:
    paces, end_s = scene()
    off = tuple(
        msgspec.structs.replace(p, breathed_bpm=12.0) if p.rate_bpm == 5.5 else p
        for p in paces
    )
    random = np.random.default_rng(2)
    calm = msgspec.structs.replace(Noise(), ectopic_share=0.0)
    told = report(intervals(heart(), off, calm, random, end_s), off, end_s, "stepped")
    step = told.steps[2]
    assert step.rate_bpm == 5.5
    assert not step.scored
    assert step.not_scored in (NotScored.BREATHING_OFF, NotScored.UNSTEADY)
    assert step.probability is None
    assert told.status == "incomplete"
    assert told.estimate is not None, "four others count"


def test_a_session_without_steps_has_no_assessment() -> None:
    nothing = assess(Series.of(()), (), [], end_ms=1000.0, started_at_utc_ns=0)
    assert nothing is None


def test_an_irregular_rhythm_gets_words_and_no_number() -> None:
    from bench.resonance_hearts import fibrillating

    paces, end_s = scene()
    beats = fibrillating(np.random.default_rng(5), end_s)
    told = report(beats, paces, end_s, "stepped")
    assert (told.status, told.estimate, told.reason) == ("unreliable", None, UNRELIABLE)
    assert "not reliable, not a finding" in UNRELIABLE
    assert all(not irregular_one(seed)["estimated"] for seed in range(12))


def test_planted_resonances_are_found_and_the_probabilities_are_true() -> None:
    """A small, fixed part of the study; the whole stands in docs/resonance.md."""
    answers = [one(seed) for seed in range(24)]
    row = summary(answers)
    assert row["within_pct"] >= 90
    assert row["covered_pct"] >= 85
    assert row["brier"] < 0.4
    low, *_, high = reliability(answers)
    assert low["true_pct"] < 5
    assert high["true_pct"] > 80
