"""Labels: what is impossible, what is premature, and what is only a large RSA."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from biofeedback.model import Label
from biofeedback.signal.series import Series
from biofeedback.signal.time_domain import judged_variability, unsuitable
from tests.unit.rhythms import annotated_beats, judged, rest, series, sine


def column(path: Path, number: int, skip: int = 0) -> list[float]:
    lines = path.read_text().splitlines()[skip:]
    return [float(line.split(",")[number]) for line in lines]


@pytest.mark.parametrize("rr_ms", [53.0, 299.0, 2001.0, 65_000.0])
def test_impossible_intervals_are_artefacts_and_keep_their_value(rr_ms: float) -> None:
    interval = judged([*rest(20), rr_ms, *rest(5)])[20]
    assert (interval.label, interval.rr_ms, interval.nn_ms) == (
        Label.ARTEFACT,
        rr_ms,
        None,
    )


def test_a_premature_beat_spoils_the_intervals_on_both_its_sides() -> None:
    rr = rest(60)
    rr[30:32] = [600.0, 1100.0]
    labels = [interval.label for interval in judged(rr)]
    assert [i for i, label in enumerate(labels) if label is Label.ECTOPIC] == [30, 31]


def test_a_missed_beat_is_flagged() -> None:
    rr = rest(60)
    rr[30] = 1700.0
    labels = [interval.label for interval in judged(rr)]
    assert [i for i, label in enumerate(labels) if label is Label.ECTOPIC] == [30]


def test_a_large_rsa_is_not_flagged() -> None:
    rr = sine(0.1, amplitude_ms=200, length_s=300)
    assert all(interval.label is Label.NORMAL for interval in judged(rr))


def test_a_lasting_change_of_rate_is_accepted_after_a_while() -> None:
    rr = [1000.0] * 30 + [600.0] * 60
    labels = [interval.label for interval in judged(rr)]
    assert labels[-45:] == [Label.NORMAL] * 45


def test_a_segment_begins_without_context() -> None:
    intervals = judged([1000.0] * 20 + [600.0] * 20, [0] * 20 + [1] * 20)
    assert {interval.label for interval in intervals} == {Label.NORMAL}


def test_alternating_intervals_do_not_suit() -> None:
    assert unsuitable(series([900.0, 500.0] * 40)) is not None
    assert unsuitable(series(rest(80))) is None


def test_a_polar_h10_in_slow_breathing_has_no_flag(real_data: Path) -> None:
    rr = column(real_data / "dont-hold-your-breath" / "sample_data_ibi.csv", 1)
    assert {interval.label for interval in judged(rr)} == {Label.NORMAL}


def test_mit_bih_100_against_its_annotations(real_data: Path) -> None:
    rr, premature = annotated_beats(real_data / "wfdb-python" / "100.atr")
    assert (len(rr), sum(premature)) == (2272, 34)
    touched = np.array(premature)
    touched[1:] |= np.array(premature)[:-1]
    intervals = judged(rr)
    flagged = np.array([i.label is not Label.NORMAL for i in intervals])
    assert flagged[np.array(premature)].all()
    assert np.array_equal(flagged, touched)  # 68 of 68, and no other
    # The intervals of annotated normal beats alone give 27.48 (raw 63.23).
    ours = judged_variability(Series.of(intervals)).rmssd_ms
    assert ours == pytest.approx(27.48, abs=0.01)


def test_dense_ectopy_on_a_polar_h10_is_refused(real_data: Path) -> None:
    rr = column(real_data / "kbroman-detectPVC" / "polar_h10_rr.csv", 2, skip=1)
    found = series(rr)
    assert np.count_nonzero(~found.normal) > 350  # of 798
    assert unsuitable(found) is not None
