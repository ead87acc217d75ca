"""What changed between two answers (domain facts I.11 to I.13)."""

from __future__ import annotations

import pytest
from scipy.stats import t

from biofeedback.practice.means import GAP_ROUNDING_SD, Mean, mean_of, t_975
from biofeedback.practice.ratings import (
    SCALES,
    Answer,
    Change,
    Gap,
    RatingType,
    changes_of,
)


def test_both_pains_are_eleven_steps_of_their_own() -> None:
    for type in ("pain_intensity", "pain_unpleasantness", "craving", "self_control"):
        assert SCALES[type] == (0, 10, "nrs_0_10")
    assert SCALES["arousal"][:2] == (1, 9)


@pytest.mark.parametrize(
    ("before", "after", "points", "pct", "band"),
    [
        (7, 5, -2, -200 / 7, "below_30"),  # I.12
        (10, 7, -3, -30, "moderate"),
        (10, 8, -2, -20, "minimal"),
        (10, 9, -1, -10, "minimal"),
        (9, 6, -3, -100 / 3, "moderate"),
        (6, 3, -3, -50, "substantial"),
        (1, 0, -1, -100, "substantial"),
        (5, 4.75, -0.25, -5, "below_minimal"),
        (4, 4, 0, 0, "same"),
        (4, 6, 2, 50, "higher"),
        (0, 0, 0, None, "same"),  # never divided by
        (0, 3, 3, None, "higher"),
        (None, 3, None, None, None),
        (3, None, None, None, None),
    ],
)
def test_a_change_of_intensity(
    before: float | None,
    after: float | None,
    points: float | None,
    pct: float | None,
    band: str | None,
) -> None:
    change = Change(type="pain_intensity", before=before, after=after)
    assert change.points == points
    assert change.pct == (None if pct is None else pytest.approx(pct))
    assert change.band == band


@pytest.mark.parametrize("type", [t for t in SCALES if t != "pain_intensity"])
def test_nothing_else_has_a_percentage(type: RatingType) -> None:
    change = Change(type=type, before=8, after=4)
    assert (change.points, change.pct, change.band) == (-4, None, None)


def answers(*given: tuple[str, float, str]) -> list[Answer]:
    return [Answer(type=t, value=v, moment=m) for t, v, m in given]


def test_the_gap_needs_all_four() -> None:
    three = answers(
        ("pain_intensity", 6, "before"),
        ("pain_unpleasantness", 7, "before"),
        ("pain_intensity", 6, "after"),
    )
    assert changes_of(three).gap == Gap(before=1, after=None)
    assert changes_of(three).gap.change is None
    four = [*three, *answers(("pain_unpleasantness", 4, "after"))]
    assert changes_of(four).gap.change == -3


def test_the_last_answer_of_a_moment_counts_and_marks_are_none() -> None:
    found = changes_of(
        answers(
            ("craving", 8, "before"),
            ("craving", 6, "before"),
            ("craving", 5, "during"),
            ("craving", 4, "during"),
            ("phase", 3, "during"),
        )
    )
    assert found.changes == (Change(type="craving", before=6, after=None),)
    assert found.during == {"craving": (5, 4)}


def test_the_interval_is_students() -> None:
    for degrees in (1, 2, 3, 4, 7, 28, 61):
        assert t_975(degrees) == pytest.approx(t.ppf(0.975, degrees), rel=1e-12)
    found = mean_of([-3, 0, 2, -5])
    low, high = t.interval(0.95, 3, loc=-1.5, scale=(29 / 3) ** 0.5 / 2)
    assert found.low == pytest.approx(low)
    assert found.high == pytest.approx(high)


def test_one_answer_has_no_interval_and_equal_ones_are_not_exact() -> None:
    assert mean_of([]) == Mean(n=0)
    assert mean_of([-2]) == Mean(n=1, mean=-2)
    # Two equal whole numbers are not known exactly.
    equal = mean_of([-1, -1], least_sd=GAP_ROUNDING_SD)
    assert equal.mean == -1
    assert equal.low is not None
    assert equal.high is not None
    assert equal.high - equal.low == pytest.approx(
        2 * t.ppf(0.975, 1) * GAP_ROUNDING_SD / 2**0.5
    )
