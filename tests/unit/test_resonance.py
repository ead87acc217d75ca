"""The protocol of the assessment as values."""

from __future__ import annotations

from itertools import pairwise

import pytest

from biofeedback.errors import SettingsError
from biofeedback.model import Entry
from biofeedback.practice import pacer
from biofeedback.practice.resonance import (
    DAY_NS,
    NotScored,
    Recheck,
    Tried,
    part_at,
    plan,
    recheck,
    rests,
    tried,
    why_not,
)

NS_PER_S = 1_000_000_000


def mark(
    at_s: float, text: str, type: str = "phase", at_ms: float | None = None
) -> Entry:
    return Entry(
        t_ns=round(at_s * NS_PER_S),
        id="1",
        type=type,
        by="person",
        text=text,
        at_ms=at_ms,
    )


def test_stepped_goes_down_in_halves_with_two_minutes_each() -> None:
    parts = plan()
    assert [p.kind for p in parts] == ["rest", "step"] * 5
    steps = parts[1::2]
    assert [p.paces[0].rate_bpm for p in steps] == [6.5, 6, 5.5, 5, 4.5]
    assert {p.lasts_s for p in parts} == {120}
    at = part_at(parts, 250)
    assert at is not None
    assert at.text == "resonance/rest"
    assert [p.lasts_s for p in plan(steps_s=30, rests_s=10)[:2]] == [10, 30]


def test_sliding_grows_by_67_ms_a_breath_from_6_75_to_4_25() -> None:
    rest, slide = plan("sliding")
    periods = [60_000 / pace.rate_bpm for pace in slide.paces]
    steps = [late - early for early, late in pairwise(periods)]
    assert steps == pytest.approx([67] * len(steps))
    assert slide.paces[0].rate_bpm == 6.75
    assert slide.paces[-1].rate_bpm == pytest.approx(4.25, abs=0.02)
    assert (rest.kind, rest.lasts_s) == ("rest", 120)
    assert slide.lasts_s == pytest.approx(15 * 60, rel=0.02)
    begins = [pace.at_s for pace in slide.paces]
    assert begins[1] == pytest.approx(periods[0] / 1000)


def test_lengths_that_nobody_should_breathe_are_refused() -> None:
    for steps_s, rests_s in ((5, 120), (120, 0), (3600, 120)):
        with pytest.raises(SettingsError, match="not offered"):
            plan(steps_s=steps_s, rests_s=rests_s)


def test_every_pace_is_one_the_pacer_offers() -> None:
    for form in ("stepped", "sliding"):
        for part in plan(form):
            for pace in part.paces:
                pacer.check(
                    rate_bpm=pace.rate_bpm, inhale_pct=40, hold_in_ms=0, hold_out_ms=0
                )


def test_a_step_recorded_again_replaces_the_earlier_one() -> None:
    entries = [
        mark(0, "resonance/rest"),
        mark(120, "resonance/6.5"),
        mark(240, "resonance/rest"),
        mark(360, "resonance/6"),
        mark(480, "resonance/rest"),
        mark(900, "resonance/6.5", at_ms=899_500),
    ]
    assert tried(entries, 1_000_000) == (
        Tried(rate_bpm=6, begin_ms=360_000, end_ms=480_000),
        Tried(rate_bpm=6.5, begin_ms=899_500, end_ms=1_000_000),
    )
    assert rests(entries, 1_000_000)[-1] == (480_000, 899_500)


def test_dizzy_ends_the_step_and_other_phases_are_none() -> None:
    entries = [
        mark(10, "resonance/6"),
        mark(40, "dizzy", "symptom"),
        mark(60, "body_scan/feet"),
    ]
    assert tried(entries, 90_000) == (
        Tried(rate_bpm=6, begin_ms=10_000, end_ms=40_000),
    )


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({}, None),
        ({"error_bpm": 0.5, "artefact_pct": 5.0}, None),
        ({"error_bpm": 0.51}, NotScored.BREATHING_OFF),
        ({"artefact_pct": 5.1}, NotScored.ARTEFACTS),
        ({"error_bpm": None, "synchrony": 0.4}, NotScored.UNSTEADY),
        ({"error_bpm": None, "smoothness": 0.1}, NotScored.UNSTEADY),
        ({"n_breaths": 3}, NotScored.TOO_SHORT),
        ({"artefact_pct": None, "n_breaths": 0}, NotScored.TOO_SHORT),
        ({"synchrony": None}, NotScored.TOO_SHORT),
    ],
)
def test_what_counts(found: dict[str, float | None], reason: NotScored | None) -> None:
    good = {
        "error_bpm": 0.1,
        "artefact_pct": 0.0,
        "synchrony": 0.9,
        "smoothness": 0.8,
        "n_breaths": 9,
    }
    assert why_not(**{**good, **found}) is reason  # type: ignore[arg-type]


def test_look_again_when_it_is_old_or_rr_at_rest_has_moved() -> None:
    def ask(days: float, now_ms: float | None) -> Recheck:
        return recheck(
            at_utc_ns=0,
            now_utc_ns=round(days * DAY_NS),
            rest_rr_ms=900,
            rest_rr_now_ms=now_ms,
        )

    assert ask(27, 930) == Recheck(due=False)
    assert ask(1, 830) == Recheck(due=True, because="rest_rr")
    assert ask(29, None) == Recheck(due=True, because="age")
