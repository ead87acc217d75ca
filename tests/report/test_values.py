"""What a report knows: every number from where it should be, or why it is not known."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
import pytest

from biofeedback.report.glance import change_said
from biofeedback.report.heart_part import usual_of
from biofeedback.report.reasons import FEW_USUAL, NOT_ALIKE
from biofeedback.report.streams import (
    OF_THE_ROOM,
    OF_THERAPISTS,
    streams_of_entry,
)
from biofeedback.report.values import Number, Rated, SessionReport
from biofeedback.service.gate import streams_of_event
from biofeedback.service.room_state import MARKS, ROOM_TYPES
from biofeedback.session.analysis import analyze_file
from biofeedback.store import Stream
from tests.report.made import (
    EVERY,
    MASKED,
    PLANTED,
    THERAPIST,
    WHO,
    answers,
    entry,
    session,
    trend,
)
from tests.shelf import EXAMPLES


def numbers(value: object) -> Iterator[Number]:
    """Yield every number inside a report."""
    if isinstance(value, Number):
        yield value
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from numbers(getattr(value, name))
    elif isinstance(value, tuple):
        for one in value:
            yield from numbers(one)


def rated(report: SessionReport, type: str) -> Rated:
    assert report.ratings is not None
    return next(one for one in report.ratings.rated if one.type == type)


def test_the_numbers_of_the_heart_are_those_of_analyze() -> None:
    found = analyze_file(EXAMPLES / "calm.mcap")
    # Nothing marked as practice: then it is the whole session, as for analyze.
    report = session(entries=(), practised=None)
    heart, breathing = report.heart, report.breathing
    assert heart is not None
    assert breathing is not None
    by_name = {one.name: one.number.value for one in heart.measures}
    assert by_name == {
        "heart_rate": pytest.approx(found["hr_bpm"], rel=1e-3),
        "rmssd": pytest.approx(found["rmssd_ms"], rel=1e-2),
    }
    assert heart.amplitude.number.value == pytest.approx(found["rsa_bpm"], rel=1e-2)
    assert heart.coverage.value == pytest.approx(100 * found["coverage"])
    assert heart.artefact.value == found["artefact_pct"]
    assert breathing.rate.value == found["practice"]["rate_bpm"] == 6.0
    assert breathing.followed.value == found["practice"]["followed_pct"]
    assert (breathing.inhale.value, breathing.exhale.value) == (40.0, 60.0)
    assert heart.usual.reason == NOT_ALIKE, "what is usual is told of practices"


def test_the_numbers_of_a_practice_are_of_its_own_window() -> None:
    report = session()
    heart, breathing = report.heart, report.breathing
    assert heart is not None
    assert breathing is not None
    assert (breathing.from_s, breathing.to_s) == (10.0, 130.0)
    for one in (heart.amplitude, *heart.measures):
        assert one.window.value == 120.0
        assert one.coverage.value == pytest.approx(99, abs=1)
        assert one.artefact.value == 0.0
    assert heart.amplitude.number.value == 13.5, "as it was kept"
    assert (breathing.followed.value, breathing.in_phase.value) == (93.0, 97.0)
    assert report.started == "2026-11-26T14:44:36+01:00"


def test_usual_is_the_own_four_weeks_before() -> None:
    heart = session().heart
    assert heart is not None
    usual = heart.usual
    # Of 9, 10, 12 and 20; what is older than 28 days is not in it.
    assert (usual.n, usual.low, usual.median, usual.high) == (4, 9.75, 11.0, 14.0)
    few = session(past=()).heart
    assert few is not None
    assert few.usual.median is None
    assert few.usual.reason == FEW_USUAL
    assert usual_of([1.0, 2.0], 28, "why").reason == "why"


@pytest.mark.parametrize(
    ("before", "after", "said", "pct"),
    [
        (
            7,
            5,
            "2 points lower (29 %), below the 30 % mark",
            pytest.approx(-28.571, 1e-4),
        ),
        (10, 7, "3 points lower (30 %), moderate (30 % or more)", -30.0),
        (8, 4, "4 points lower (50 %), substantial (50 % or more)", -50.0),
        (5, 6, "1 point higher (20 %)", 20.0),
        (5, 5, "no change", 0.0),
        (0, 2, "2 points higher", None),
    ],
)
def test_a_change_of_pain_is_said_in_words(
    before: int, after: int, said: str, pct: float | None
) -> None:
    report = session(ratings=answers(pain_intensity=(before, after)))
    found = rated(report, "pain_intensity")
    assert change_said(found).replace("\N{NO-BREAK SPACE}", " ") == said
    assert found.pct is not None
    assert found.pct.value == pct
    if before == 0:
        assert found.pct.reason == "Before was 0: nothing is divided by it."


def test_the_gap_stands_beside_what_it_is_made_of() -> None:
    report = session()
    gap = rated(report, "gap")
    told = (gap.before.value, gap.after.value, gap.points.value)
    assert told == (1.0, -1.0, -2.0)
    assert rated(report, "pain_unpleasantness").band is None, "intensity alone has one"
    assert rated(report, "pain_unpleasantness").pct is None
    half = rated(session(ratings=answers(pain_intensity=(7, 5))), "gap")
    assert half.points.value is None
    assert half.points.reason


@pytest.mark.parametrize(
    "report",
    [
        pytest.param(
            lambda: session(recording=None, ratings=(), past=()), id="nothing"
        ),
        pytest.param(
            lambda: session(recording="ectopic", practised=None), id="ectopic"
        ),
        pytest.param(lambda: session(recording="dropouts", practised=None), id="gaps"),
        pytest.param(session, id="everything"),
        pytest.param(trend, id="trend"),
        pytest.param(lambda: trend(empty=True), id="empty trend"),
    ],
)
def test_a_number_is_known_or_says_why_not(report: object) -> None:
    made = report() if callable(report) else report
    found = list(numbers(made))
    assert len(found) > 15
    for one in found:
        assert (one.value is None) == bool(one.reason), one
        assert one.unit


def test_while_breathing_is_paced_no_balance_is_told() -> None:
    text = msgspec.json.encode(session()).decode()
    for name in ("lf_ms2", "hf_ms2", "lfhf", "coherence", "activation", "stress"):
        assert name not in text.lower()


def test_a_stop_is_told_plainly_unless_it_was_taken_back() -> None:
    words = session().words
    assert words is not None
    assert [(one.t_s, one.text) for one in words.symptoms] == [(130.0, "dizzy")]
    taken_back = entry(135, "correction", "only finished", corrects="symptom130")
    words = session(entries=(*PLANTED, taken_back)).words
    assert words is not None
    assert words.symptoms == ()


def test_what_others_wrote_goes_with_the_notes_or_is_the_readers_own() -> None:
    def text(streams: frozenset[Stream], reader: str) -> str | None:
        identity = msgspec.structs.replace(WHO, reader=reader)
        report = session(streams=streams, identity=identity)
        return next(mark.text for mark in report.marks if mark.type == "tearful")

    assert text(EVERY, "T-AAAAAA") == "zebra of the therapist"
    assert text(frozenset(), THERAPIST) == "zebra of the therapist"
    assert text(frozenset(), "T-AAAAAA") is None


def test_a_week_without_practice_is_not_known_and_never_zero() -> None:
    report = trend()
    empty = [w for w in report.weeks if w.practised and w.practised.value is None]
    assert [week.number for week in empty] == [5]
    assert empty[0].practised is not None
    assert empty[0].practised.reason
    assert empty[0].rated is not None
    assert empty[0].rated.peg.value is None
    assert all(w.practised and w.practised.value != 0 for w in report.weeks)
    assert sum(w.rated.n_pauses for w in report.weeks if w.rated) == sum(
        w.n_practices or 0 for w in report.weeks
    )


def test_the_rolling_median_needs_three_practices_in_a_fortnight() -> None:
    part = trend().swing
    assert part is not None
    rolling = [one.rolling.value for one in part.swings]
    assert rolling[:2] == [None, None]
    assert rolling[2] == 11.0, "of 11, 13 and 10"
    assert part.usual.n == len(part.swings)


def test_deidentified_reports_hold_no_day_and_no_code() -> None:
    for report in (session(identity=MASKED), trend(deidentified=True)):
        text = msgspec.json.encode(report).decode()
        assert not re.search(r"20\d\d|zebra|T-7Q2M9K|P-7K2M9Q", text), text
    masked = session(identity=MASKED)
    assert (masked.started, masked.day) == (None, 41)
    assert {mark.by for mark in masked.marks} == {"patient", "therapist"}
    assert masked.words is not None
    assert masked.words.left_out
    asked = msgspec.structs.replace(MASKED, free_text=True)
    words = session(identity=asked).words
    assert words is not None
    assert [one.text for one in words.wrote] == ["zebra of the patient"]


def test_a_report_and_the_live_room_share_by_the_same_streams() -> None:
    assert OF_THERAPISTS == MARKS
    assert OF_THE_ROOM | {"pacer_proposed", "pacer_accepted", "pacer_declined"} == (
        ROOM_TYPES
    )
    for one in PLANTED:
        event = {"type": one.type, "by": one.by, "text": one.text, "moment": None}
        assert streams_of_entry(one.type, one.by) == streams_of_event(event), one
