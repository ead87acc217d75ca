"""A replay gives the same bytes: live, closed, at any speed, in any interleaving."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biofeedback.model import (
    AdaptCommand,
    AnyRecord,
    Config,
    Entry,
    LinkChange,
    LinkState,
    Notification,
    PacerCommand,
    RefereeReport,
    RefereeValues,
    Strap,
    Tick,
)
from biofeedback.pipeline import Pipeline
from biofeedback.recording.compaction import compact
from biofeedback.recording.format import as_stored
from biofeedback.recording.reader import open_recording
from biofeedback.session.replay import replay_messages, verify
from biofeedback.session.transcript import Message, Transcript
from biofeedback.wire.heart_rate import HeartRateMeasurement
from tests.recording.samples import NS_PER_S, new_writer
from tests.session.kill_writer import simulated_records


def record_session(
    path: Path, records: list[AnyRecord], *, forge: bytes = b"", skip: int = 0
) -> list[Message]:
    """Do what the runner does, into a finished file; return what was sent.

    ``forge`` is put in the place of the last message's last digit, and the ``skip``-th
    message is not written, to see whether verify notices.
    """
    part = path.with_name(path.name + ".part")
    writer = new_writer(part)
    transcript = Transcript(Pipeline())
    live: list[Message] = []
    sequence = 0
    for record in map(as_stored, records):
        sequence += 1
        writer.record(sequence, record)
        for message in transcript.feed(record):
            live.append(message)
            data = message.data
            if forge and message.kind == "beat":
                data = data.replace(b'"index":3,', b'"index":' + forge + b",")
            if len(live) == skip:
                continue
            sequence += 1
            writer.message(sequence, record.t_ns, message.kind, data)
        if isinstance(record, Tick):
            writer.sync()
    writer.close()
    compact(part, path)
    return live


@pytest.fixture
def session(tmp_path: Path) -> tuple[Path, list[Message]]:
    path = tmp_path / "a.mcap"
    return path, record_session(path, list(simulated_records(seed=1, seconds=90)))


def test_a_replay_is_the_live_session(session: tuple[Path, list[Message]]) -> None:
    path, live = session
    recording = open_recording(path)
    assert {"heart", "beat", "metrics", "link", "pacer"} <= {m.kind for m in live}
    assert list(replay_messages(recording)) == live
    assert [data for _, _, data in recording.outputs()] == [m.data for m in live]
    verdict = verify(path)
    assert verdict.ok
    assert verdict.complete
    assert verdict.n_messages == len(live)
    assert verdict.sentence.startswith("a.mcap is whole: ")
    assert verdict.first_difference is None


def test_a_forged_message_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    record_session(path, list(simulated_records(seed=1, seconds=20)), forge=b"33")
    verdict = verify(path)
    assert not verdict.ok
    difference = verdict.first_difference
    assert difference is not None
    assert (difference.kind, difference.field) == ("beat", "index")
    assert (difference.recorded, difference.replayed) == ("33", "3")
    assert (
        f"differs from its replay at record {difference.sequence} (beat) in index"
        in verdict.sentence
    )


def test_a_message_that_was_not_recorded_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    records = list(simulated_records(seed=1, seconds=20))
    live = record_session(path, records, skip=10)
    verdict = verify(path)
    assert not verdict.ok
    assert verdict.n_messages in (9, 10)
    path.unlink()
    record_session(path, records, skip=len(live))
    verdict = verify(path)
    assert not verdict.ok
    assert "recorded nothing" in verdict.sentence


def test_damage_and_foreign_files_are_a_verdict(
    session: tuple[Path, list[Message]], tmp_path: Path
) -> None:
    path, _ = session
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole)
    verdict = verify(path)
    assert not verdict.ok
    assert "is damaged" in verdict.sentence
    assert "recover" in verdict.advice
    assert "not there" in verify(tmp_path / "absent.mcap").advice


def test_a_cut_recording_is_not_called_whole(
    session: tuple[Path, list[Message]],
) -> None:
    path, _ = session
    path.write_bytes(path.read_bytes()[:-9])
    verdict = verify(path)
    assert not verdict.ok
    assert not verdict.complete
    assert "unfinished or cut off" in verdict.sentence


rr = st.integers(300, 1600)
packets = st.builds(
    HeartRateMeasurement,
    hr_bpm=st.integers(0, 255),
    contact=st.none() | st.booleans(),
    energy_kj=st.none() | st.integers(0, 65535),
    rr_1024=st.none() | st.lists(rr, max_size=4).map(tuple),
).map(bytes)
happenings: st.SearchStrategy[AnyRecord] = st.one_of(
    st.builds(
        Notification,
        t_ns=st.just(0),
        source=st.just("strap"),
        characteristic=st.just("2a37"),
        data=packets | st.binary(max_size=20),
    ),
    st.just(Tick(t_ns=0)),
    st.just(Tick(t_ns=0)),
    st.builds(
        LinkChange,
        t_ns=st.just(0),
        source=st.just("strap"),
        state=st.sampled_from(LinkState),
        strap=st.none() | st.just(Strap(name="Polar H10 1A2B3C4D")),
    ),
    st.builds(
        Entry,
        t_ns=st.just(0),
        id=st.just("1"),
        type=st.sampled_from(["pain_intensity", "marker"]),
        by=st.just("patient"),
        value=st.none() | st.integers(0, 10) | st.floats(0, 10),
        text=st.none() | st.text(max_size=10),
    ),
    st.builds(
        PacerCommand,
        t_ns=st.just(0),
        by=st.just("patient"),
        rate_bpm=st.floats(3, 20) | st.integers(3, 20),
        inhale_pct=st.floats(20, 80),
    ),
    st.builds(AdaptCommand, t_ns=st.just(0), by=st.just("patient"), on=st.booleans()),
    st.builds(
        RefereeReport,
        t_ns=st.just(0),
        window_s=st.just(60),
        neurokit=st.builds(
            RefereeValues,
            hr_bpm=st.none() | st.floats(),
            rmssd_ms=st.none() | st.floats(),
            sdnn_ms=st.none(),
            pnn50_pct=st.none(),
            lf_ms2=st.none(),
            hf_ms2=st.none(),
        ),
        max_difference=st.none() | st.floats(),
    ),
)
waits_ms = st.integers(0, 8000)


@given(st.lists(st.tuples(waits_ms, happenings), max_size=60))
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_interleaving_replays_the_same(
    tmp_path: Path, steps: list[tuple[int, AnyRecord]]
) -> None:
    path = tmp_path / "a.mcap"
    path.unlink(missing_ok=True)
    records: list[AnyRecord] = [
        Config(t_ns=0, algorithm="1", simulated=True, rate_bpm=6, inhale_pct=40)
    ]
    t_ns = 0
    for wait_ms, record in steps:
        t_ns += wait_ms * NS_PER_S // 1000
        records.append(msgspec.structs.replace(record, t_ns=t_ns))
    live = record_session(path, records)
    assert list(replay_messages(open_recording(path))) == live
    verdict = verify(path)
    assert verdict.ok, verdict
