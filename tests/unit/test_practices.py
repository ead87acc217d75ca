"""Guided practices as data: every file is whole, and time is divided exactly."""

from __future__ import annotations

import itertools
import json

import pytest

from biofeedback.errors import SettingsError
from biofeedback.practice.practices import packaged, read_practice, timeline

LENGTHS = (3, 10, 20)


def test_the_seven_practices_are_there() -> None:
    skills = {one.id: one.skills for one in packaged()}
    assert skills == {
        "body_scan": ("mindfulness",),
        "compassion": ("mindfulness",),
        "mindful_breathing": ("mindfulness",),
        "movement": ("movement",),
        "reappraisal": ("reappraisal",),
        "savoring": ("savoring",),
        "zoom": ("zoom_in", "zoom_out"),
    }


@pytest.mark.parametrize("minutes", LENGTHS)
def test_phases_fill_the_practice_without_a_hole(minutes: int) -> None:
    for practice in packaged():
        moments = timeline(practice, minutes)
        assert moments[0].start_ms == 0
        assert moments[-1].end_ms == minutes * 60_000
        for one, later in itertools.pairwise(moments):
            assert one.end_ms == later.start_ms
        for moment in moments:
            assert moment.sentences_ms[0] == moment.start_ms
            assert max(moment.sentences_ms) < moment.end_ms


def test_the_page_has_the_same_instants() -> None:
    """The values that dashboard/tests/script.test.ts holds the page to."""
    scan = next(one for one in packaged() if one.id == "body_scan")
    starts = [moment.start_ms for moment in timeline(scan, 10)]
    assert starts == [0, 42857, 128571, 214286, 300000, 385714, 471429, 514286]
    assert timeline(scan, 10)[1].sentences_ms == (42857, 71428, 100000)
    assert timeline(scan, 20)[1].sentences_ms == (85714, 130714, 175714)


@pytest.mark.parametrize("minutes", [0, 2.9, 20.5, 600])
def test_other_lengths_are_refused_with_the_limits(minutes: float) -> None:
    with pytest.raises(SettingsError, match="between 3 and 20"):
        timeline(packaged()[0], minutes)


PHASE = {"id": "arrive", "weight": 1, "sentences": 2}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"phases": []}, "phases"),
        ({"phases": [PHASE, PHASE]}, "one name"),
        ({"phases": [{**PHASE, "weight": 0}]}, "weight"),
        ({"phases": [{**PHASE, "seconds": 5}]}, "seconds"),
        ({"skills": ["levitation"]}, "skills"),
        ({"id": "Body Scan"}, "id"),
    ],
)
def test_a_file_that_is_no_practice_says_where(
    change: dict[str, object], word: str
) -> None:
    whole: dict[str, object] = {
        "id": "mine",
        "version": 1,
        "skills": ["mindfulness"],
        "phases": [PHASE],
    }
    assert read_practice(json.dumps(whole)).phases[0].pacer is True
    with pytest.raises(SettingsError, match=word):
        read_practice(json.dumps({**whole, **change}))


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(SettingsError, match="not a practice"):
        read_practice(b"\xff{")
