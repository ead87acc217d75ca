"""A recording gives back what went in, or says that it cannot."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biofeedback.errors import RecordingError
from biofeedback.model import (
    AnyRecord,
    Config,
    Entry,
    LinkChange,
    LinkReason,
    LinkState,
    Notification,
    PacerCommand,
    RefereeReport,
    RefereeValues,
    Strap,
    Tick,
)
from biofeedback.recording.compaction import compact
from biofeedback.recording.format import as_stored
from biofeedback.recording.names import without_serial
from biofeedback.recording.reader import Recording, open_recording
from tests.recording.samples import INFO, new_writer, write_final, write_part

N_TRIES = 200


def content(recording: Recording) -> list[object]:
    return [*recording.inputs(), *recording.outputs()]


def test_a_flipped_bit_in_a_finished_file_is_always_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    write_final(path, seconds=20)
    whole = path.read_bytes()
    truth = content(open_recording(path))
    rng = random.Random(11)
    for _ in range(N_TRIES):
        bit = rng.randrange(len(whole) * 8)
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            recording = open_recording(path)
            assert recording.info == INFO, bit
            assert recording.summary() in (b'{"hr_bpm": 61}', None), bit
            found = content(recording)
        except RecordingError:
            continue
        # Only a broken end mark leaves a readable file: one that says so.
        assert not recording.complete, bit
        assert found == truth, bit


def test_a_flipped_bit_in_a_journal_never_gives_a_wrong_value(tmp_path: Path) -> None:
    part = tmp_path / "a.mcap.part"
    write_part(part, seconds=20)
    whole = part.read_bytes()
    truth = list(open_recording(part).all())
    rng = random.Random(12)
    kept = []
    for _ in range(N_TRIES):
        bit = rng.randrange(len(whole) * 8)
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        part.write_bytes(damaged)
        try:
            prefix = list(open_recording(part).all())
        except RecordingError:
            prefix = []  # the bit is in what comes before the first record
        recording = open_recording(part, salvage=True)
        assert recording.info == INFO, bit
        salvaged = list(recording.salvage())
        survey = recording.survey(salvage=True)
        assert prefix == truth[: len(prefix)], bit
        assert all(stored in truth for stored in salvaged), bit
        assert len(salvaged) >= len(prefix), bit
        n_missing = sum(last - first + 1 for first, last in survey.missing)
        assert survey.last == len(salvaged) + n_missing, bit
        kept.append(len(salvaged) / len(truth))
    assert min(kept) > 0.9  # one chunk of thirty, or its announcement of a topic


t_ns = st.integers(0, 2**60)
text = st.text(max_size=20)
number = st.floats(allow_nan=False, allow_infinity=False)
names = st.text(min_size=1, max_size=8)
maybe_text = st.none() | text
maybe_number = st.none() | number
milliseconds = st.integers(0, 10_000)

records: st.SearchStrategy[AnyRecord] = st.one_of(
    st.builds(
        Notification,
        t_ns=t_ns,
        source=names,
        characteristic=st.sampled_from(["2a37", "2a19", "link"]),
        data=st.binary(max_size=20),
    ),
    st.builds(
        LinkChange,
        t_ns=t_ns,
        source=names,
        state=st.sampled_from(LinkState),
        reason=st.none() | st.sampled_from(LinkReason),
        advice=maybe_text,
        strap=st.none()
        | st.builds(
            Strap,
            name=text,
            model=maybe_text,
            battery_pct=st.none() | st.integers(0, 100),
        ),
    ),
    st.builds(Tick, t_ns=t_ns),
    st.builds(
        Entry,
        t_ns=t_ns,
        id=text,
        type=text,
        by=text,
        value=maybe_number,
        unit=maybe_text,
        text=maybe_text,
        latency_ms=st.none() | milliseconds,
        corrects=maybe_text,
    ),
    st.builds(
        PacerCommand,
        t_ns=t_ns,
        by=text,
        rate_bpm=number,
        inhale_pct=number,
        hold_in_ms=milliseconds,
        hold_out_ms=milliseconds,
    ),
    st.builds(
        Config,
        t_ns=t_ns,
        algorithm=text,
        simulated=st.booleans(),
        rate_bpm=number,
        inhale_pct=number,
        seed=st.none() | st.integers(0, 2**63),
        profile=maybe_text,
    ),
    st.builds(
        RefereeReport,
        t_ns=t_ns,
        window_s=st.sampled_from([30, 60, 300]),
        neurokit=st.builds(
            RefereeValues,
            hr_bpm=maybe_number,
            rmssd_ms=maybe_number,
            sdnn_ms=maybe_number,
            pnn50_pct=maybe_number,
            lf_ms2=maybe_number,
            hf_ms2=maybe_number,
        ),
        max_difference=maybe_number,
    ),
)
sent = st.tuples(
    st.sampled_from(["heart", "beat", "metrics", "link", "event"]), st.binary()
)


@given(steps=st.lists(records | sent | st.just("sync"), max_size=40))
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_order_of_anything_comes_back_in_order(
    tmp_path: Path, steps: list[AnyRecord | tuple[str, bytes] | str]
) -> None:
    part, final = tmp_path / "a.mcap.part", tmp_path / "a.mcap"
    part.unlink(missing_ok=True)
    final.unlink(missing_ok=True)
    writer = new_writer(part)
    inputs: list[tuple[int, AnyRecord]] = []
    outputs: list[tuple[int, str, bytes]] = []
    sequence = 0
    for step in steps:
        if isinstance(step, str):
            assert writer.sync() == sequence
            continue
        sequence += 1
        if isinstance(step, tuple):
            writer.message(sequence, sequence, *step)
            outputs.append((sequence, *step))
        else:
            record = as_stored(step)
            writer.record(sequence, record)
            inputs.append((sequence, record))
    writer.close()
    survey = open_recording(part).survey()
    compact(part, final)
    recording = open_recording(final)
    assert recording.complete
    assert recording.survey() == survey
    assert list(recording.inputs()) == inputs
    assert list(recording.outputs()) == outputs
    assert [s.sequence for s in recording.all()] == list(range(1, sequence + 1))


@given(records)
@settings(deadline=None)
def test_what_is_stored_once_is_stored_for_good(record: AnyRecord) -> None:
    once = as_stored(record)
    assert as_stored(once) == once


@given(st.text() | st.from_regex(r"[A-Za-z]{1,8} [0-9A-F]{8}", fullmatch=True))
@settings(deadline=None)
def test_a_name_without_serial_has_none_to_lose(name: str) -> None:
    assert without_serial(without_serial(name)) == without_serial(name)


@given(st.binary(max_size=300))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_a_sentence(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.mcap"
    for begin in (b"", b"\x89MCAP0\r\n", HEAD):
        path.write_bytes(begin + data)
        with pytest.raises(RecordingError):
            open_recording(path)


HEAD = (
    b"\x89MCAP0\r\n\x01"
    + (24).to_bytes(8, "little")
    + (13).to_bytes(4, "little")
    + b"biofeedback/1"
    + (3).to_bytes(4, "little")
    + b"any"
)
