"""Damaged bytes: never a wrong value, and hardly a record lost."""

from __future__ import annotations

import pytest

from biofeedback.errors import RecordingError
from biofeedback.recording.reader import open_recording
from biofeedback.recording.recover import recover_all
from tests.recording.faults import damage
from tests.recording.faults.outcome import recover
from tests.recording.faults.recordings import FINISHED, FORMS, JOURNAL, Specimen

N_TRIES = 100  # of each form: 200 of each fault
N_HOLES = 20
LEAST_PCT = 99.0

SECONDS = 240
"""Enough for more than a hundred chunks in either form: one of them may be lost."""


@pytest.fixture(scope="module")
def specimen(tmp_path_factory: pytest.TempPathFactory) -> Specimen:
    return Specimen(
        tmp_path_factory.mktemp("specimen"), SECONDS, kinds=frozenset({"metrics"})
    )


@pytest.mark.parametrize("form", FORMS)
def test_after_a_flipped_bit_nothing_is_wrong_and_99_percent_is_kept(
    specimen: Specimen, form: str
) -> None:
    for bit, data in damage.flips(specimen.bytes[form], N_TRIES, seed=11):
        recording = open_recording(specimen.harmed(form, data), salvage=True)
        assert recording.info == specimen.info, bit
        outcome = specimen.truth.compare(recording.salvage())
        assert outcome.wrong == 0, bit
        assert outcome.kept_pct >= LEAST_PCT, bit


@pytest.mark.parametrize("form", FORMS)
def test_what_a_flip_cost_is_told_by_recover(specimen: Specimen, form: str) -> None:
    truth = specimen.truth
    chunk = damage.chunks(specimen.bytes[form])[60]
    bit = 8 * (chunk.end - 30)  # in what is compressed
    path = specimen.harmed(form, damage.flipped(specimen.bytes[form], bit))
    if form == FINISHED:
        with pytest.raises(RecordingError, match=r"is damaged.*biofeedback recover"):
            list(open_recording(path).all())
        outcome = recover(path, truth)
        assert path.exists()  # the damaged one is nobody's to remove
    else:
        (report,) = recover_all(path.parent)
        ((first, last),) = report.missing
        assert f"{last - first + 1} records in it were damaged" in report.sentence
        recording = open_recording(report.path)
        assert recording.recovery is not None
        assert recording.recovery["sequences_missing"] == f"{first}-{last}"
        outcome = truth.compare(recording.all())
        assert outcome.lost == last - first + 1
    assert LEAST_PCT <= outcome.kept_pct < 100


@pytest.mark.parametrize("form", FORMS)
def test_the_first_bytes_may_be_damaged_too(specimen: Specimen, form: str) -> None:
    """The magic, the header and the session: without these a reader knows nothing."""
    whole = specimen.bytes[form]
    preamble = damage.chunks(whole)[0].start
    for byte in range(0, 900, 23):
        path = specimen.harmed(form, damage.flipped(whole, 8 * byte + byte % 8))
        recording = open_recording(path, salvage=True)
        assert recording.info == specimen.info, byte
    path = specimen.harmed(form, bytes(preamble) + whole[preamble:])
    with pytest.raises(RecordingError):
        open_recording(path)
    assert recover(path, specimen.truth).kept_pct == 100


@pytest.mark.parametrize("form", FORMS)
def test_a_cut_off_file_gives_a_prefix(specimen: Specimen, form: str) -> None:
    entries = specimen.truth.entries
    whole = specimen.bytes[form]
    spans = damage.chunks(whole)
    lengths = set()
    for data in damage.cuts(whole, N_TRIES, seed=13):
        path = specimen.harmed(form, data)
        try:
            recording = open_recording(path)
        except RecordingError:
            assert (
                len(data) < spans[0].start
            )  # only what names the session is there, or less
            continue
        assert not recording.complete
        found = list(recording.all())
        assert found == entries[: len(found)]
        lengths.add(len(found))
        assert bool(found) == (spans[0].end <= len(data))
    assert len(lengths) > 50


def test_the_recovery_of_a_cut_off_journal_tells_what_was_torn(
    specimen: Specimen,
) -> None:
    for data in damage.cuts(specimen.journal, 5, seed=14):
        path = specimen.harmed(JOURNAL, data)
        n_left = len(list(open_recording(path).all()))
        (report,) = recover_all(path.parent)
        assert report.n_records == n_left
        assert "was not closed properly and has been recovered" in report.sentence
        assert ("was torn and is lost" in report.sentence) == bool(report.lost_bytes)
        entries = specimen.truth.entries[:n_left]
        assert list(open_recording(report.path).all()) == entries


@pytest.mark.parametrize("form", FORMS)
def test_a_tail_of_zeros_costs_only_what_it_covers(
    specimen: Specimen, form: str
) -> None:
    whole = specimen.bytes[form]
    path = specimen.harmed(form, damage.zero_appended(whole))
    assert recover(path, specimen.truth).kept_pct == 100
    zeroed = damage.zero_tail(whole)
    path = specimen.harmed(form, zeroed)
    found = list(open_recording(path).all())
    assert found == specimen.truth.entries[: len(found)]
    spans = damage.chunks(whole)
    n_covered = sum(span.end > len(whole) - (8 << 10) for span in spans)
    outcome = recover(path, specimen.truth)
    assert outcome.wrong == 0
    assert outcome.kept_pct >= 100 * (1 - n_covered / len(spans)) - 1


@pytest.mark.parametrize("form", FORMS)
def test_a_hole_costs_only_what_it_covers(specimen: Specimen, form: str) -> None:
    whole = specimen.bytes[form]
    spans = damage.chunks(whole)
    for start, data in damage.holes(whole, N_HOLES, seed=15):
        recording = open_recording(specimen.harmed(form, data), salvage=True)
        outcome = specimen.truth.compare(recording.salvage())
        n_covered = sum(
            span.end > start and span.start < start + damage.HOLE_BYTES
            for span in spans
        )
        assert outcome.wrong == 0, start
        assert outcome.kept_pct >= 100 * (1 - n_covered / len(spans)) - 1, start


@pytest.mark.parametrize("form", FORMS)
def test_a_chunk_that_is_there_twice_counts_once(specimen: Specimen, form: str) -> None:
    path = specimen.harmed(form, damage.doubled(specimen.bytes[form], at=50))
    assert recover(path, specimen.truth).kept_pct == 100


@pytest.mark.parametrize("form", FORMS)
def test_of_two_chunks_in_wrong_order_one_is_lost_and_none_is_wrong(
    specimen: Specimen, form: str
) -> None:
    path = specimen.harmed(form, damage.swapped(specimen.bytes[form], at=50))
    outcome = recover(path, specimen.truth)
    assert outcome.wrong == 0
    assert LEAST_PCT <= outcome.kept_pct < 100
