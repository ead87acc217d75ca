"""EDF+, WFDB and XDF: what independent readers find is what was recorded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from biofeedback.errors import RecordingError
from biofeedback.model import Ask, Signal
from biofeedback.recording.compaction import compact
from biofeedback.recording.exporters import edf, wfdb_record, xdf
from biofeedback.recording.exporters.edf_file import (
    BDF,
    EDF,
    Annotation,
    Channel,
    edf_bytes,
)
from biofeedback.recording.exporters.options import EPOCH, ExportOptions
from biofeedback.recording.exporters.registry import export
from biofeedback.recording.exporters.sample_grid import groups_of
from biofeedback.recording.exporters.wfdb_annotations import annotation_bytes
from biofeedback.recording.exporters.xdf_file import (
    BOUNDARY_ID,
    Stream,
    xdf_chunks,
)
from biofeedback.recording.tables import Beats, Tables, Trace, read_tables
from biofeedback.session.clock import ManualClock
from biofeedback.session.opening import open_session
from biofeedback.session.simulated import SimulatedDriver
from tests.conftest import ROOT
from tests.recording.samples import new_writer

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PRIVATE = "Dr. Weiß called\n– 痛み"
SIGNALS = (Ask(signal=Signal.ECG), Ask(signal=Signal.ACC, rate_hz=50))
PLAIN = ExportOptions()
OPEN = ExportOptions(free_text=True, dates=True)
NAMES = ("calm", "dropouts", "ectopic", "full")


async def sitting(part: Path) -> Path:
    """Record a minute with ECG, acceleration, ratings and a lost link."""
    clock = ManualClock()
    driver = SimulatedDriver("dropouts", seed=3)
    session = open_session(
        driver, driver.found, part=part, person="P007", clock=clock, signals=SIGNALS
    )
    session.start()
    for second in range(70):
        await clock.advance(1)
        if second in (3, 60):
            await session.enter(
                type="pain_intensity",
                by="patient",
                value=6 - second // 30,
                text=PRIVATE,
            )
    await session.stop()
    final = part.with_suffix("")
    compact(part, final)
    return final


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tables]:
    examples = ROOT / "recordings" / "examples"
    found = {name: read_tables(examples / f"{name}.mcap") for name in NAMES[:3]}
    part = tmp_path_factory.mktemp("full") / "full.mcap.part"
    found["full"] = read_tables(asyncio.run(sitting(part)))
    return found


def test_the_recordings_have_what_the_tests_need(every: dict[str, Tables]) -> None:
    full = every["full"]
    for signal in (Signal.ECG, Signal.ACC):
        own = [one for one in full.traces if one.signal is signal]
        assert len(own) == 2, "a gap"
    assert len(set(full.beats.segment.tolist())) >= 2
    assert len(full.entries) == 2
    assert {"normal"} < set(every["ectopic"].beats.label.tolist())


def traces_of(tables: Tables, signal: Signal) -> tuple[Floats, NDArray[np.int32]]:
    """Return the times in ms and the values of all samples of a signal."""
    own = [one for one in tables.traces if one.signal is signal]
    return (
        np.concatenate([one.t_ms for one in own]),
        np.concatenate([one.values for one in own]),
    )


def assert_in_time(off_ms: Floats, step_ms: float) -> None:
    """Live times are off in the first 10 s of the clock, as the notes say."""
    assert np.abs(off_ms).max() < 500
    assert np.count_nonzero(np.abs(off_ms) > 0.75 * step_ms) < 11_000 / step_ms


def with_traces(tables: Tables, *traces: Trace) -> Tables:
    last_ns = max(round(float(one.t_ms[-1]) * 1e6) for one in traces)
    return msgspec.structs.replace(
        tables, traces=traces, duration_ns=max(tables.duration_ns, last_ns)
    )


def trace(rate_hz: float, n: int, *, t0_ms: float = 500.0, most: int = 900) -> Trace:
    values = np.random.default_rng(n).integers(-most, most + 1, (n, 1))
    return Trace(
        signal=Signal.ECG,
        source="strap",
        segment=0,
        t_ms=np.asarray(t0_ms + np.arange(n) * (1000 / rate_hz), np.float64),
        values=values.astype(np.int32),
    )


def test_a_recording_of_nothing_can_be_exported(
    every: dict[str, Tables], tmp_path: Path
) -> None:
    pyedflib = pytest.importorskip("pyedflib")
    wfdb: Any = pytest.importorskip("wfdb")
    part = tmp_path / "a.mcap.part"
    new_writer(part).close()
    for name, out in (("edf", "a.edf"), ("xdf", "a.xdf"), ("wfdb", "a")):
        exported = export(part, name, tmp_path / out, PLAIN)
        assert all(one.is_file() for one in exported.paths)
    with pyedflib.EdfReader(str(tmp_path / "a.edf")) as reader:
        assert reader.readSignal(0, digital=True).tolist() == [EDF.missing]
    assert wfdb.rdheader(str(tmp_path / "a" / "a")).n_sig == 0
    assert loaded(tmp_path / "a.xdf") == {}


def test_signals_of_two_rates_and_two_straps_stay_apart(
    every: dict[str, Tables], tmp_path: Path
) -> None:
    """A single sample has no rate of its own; it joins what it may belong to."""
    pyedflib = pytest.importorskip("pyedflib")
    pieces = [
        trace(130.0, 700),
        trace(130.2, 500, t0_ms=9_000),
        trace(260.0, 900, t0_ms=15_000),
        trace(130.0, 1, t0_ms=20_000),
        msgspec.structs.replace(trace(130.0, 333), source="second"),
    ]
    tables = with_traces(every["calm"], *pieces)
    edf.write(tables, tmp_path / "a.edf", PLAIN)
    with pyedflib.EdfReader(str(tmp_path / "a.edf")) as reader:
        found = [
            reader.readSignal(at, digital=True) for at in range(reader.signals_in_file)
        ]
        labels = reader.getSignalLabels()
    assert labels == ["ECG", "ECG 2", "ECG 3", "HR"]
    held = [signal[signal != EDF.missing].tolist() for signal in found]
    ecg = [piece.values[:, 0].tolist() for piece in pieces]
    assert held[0] == ecg[0] + ecg[1] + ecg[3]
    assert sorted(map(len, held[1:3])) == [333, 900]
    assert ecg[2] in held
    assert ecg[4] in held
    exported = wfdb_record.write(tables, tmp_path / "a", PLAIN)
    names = {one.name for one in exported.paths}
    assert {"a.dat", "a_ecg2.dat", "a_ecg3.dat", "a.rr", "a.ev"} < names


# --- EDF+ ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_edf_holds_every_sample_and_every_beat(
    every: dict[str, Tables], name: str, tmp_path: Path
) -> None:
    pyedflib = pytest.importorskip("pyedflib")
    tables = every[name]
    exported = edf.write(tables, tmp_path / "a.edf", PLAIN)
    assert exported.paths == (tmp_path / "a.edf", tmp_path / "a.edf.json")
    with pyedflib.EdfReader(str(tmp_path / "a.edf")) as reader:
        labels = reader.getSignalLabels()
        record_s = reader.datarecord_duration
        assert reader.getStartdatetime().year == 1985
        assert reader.getEquipment() == "Simulated heart"
        signals = {
            label: reader.readSignal(at, digital=True)
            for at, label in enumerate(labels)
        }
        per_record = {
            label: reader.samples_in_datarecord(at) for at, label in enumerate(labels)
        }
        onset_s, length_s, texts = reader.readAnnotations()
    axes = {"ACC X": 0, "ACC Y": 1, "ACC Z": 2}
    wanted = {"HR"} | ({"ECG", *axes} if name == "full" else set())
    assert set(labels) == wanted
    for label in wanted - {"HR"}:
        signal = Signal.ECG if label == "ECG" else Signal.ACC
        t_ms, values = traces_of(tables, signal)
        there = signals[label] != EDF.missing
        assert (signals[label][there] == values[:, axes.get(label, 0)]).all()
        step_ms = 1000 * record_s / per_record[label]
        assert_in_time(np.flatnonzero(there) * step_ms - t_ms, step_ms)
        if label in ("ECG", "ACC X"):
            # What the annotations call missing is what is missing.
            said = np.zeros(len(there), np.bool_)
            for onset, length, text in zip(onset_s, length_s, texts, strict=True):
                if text == f"BAD_ACQ_SKIP {label.removesuffix(' X')}":
                    first = round(1000 * onset / step_ms)
                    said[first : first + round(1000 * float(length) / step_ms)] = True
            assert (said == ~there).all()
            assert np.count_nonzero(~there) > 2 * per_record[label]
    beats = tables.beats
    found = [
        (onset, float(text.removeprefix("RR ")))
        for onset, text in zip(onset_s, texts, strict=True)
        if text.startswith("RR ")
    ]
    order = np.argsort(beats.t_ns, kind="stable")
    np.testing.assert_allclose(
        [each[0] for each in found], beats.t_ns[order] / 1e9, atol=1e-6
    )
    np.testing.assert_allclose(
        [each[1] for each in found], beats.rr_ms[order], atol=6e-4
    )
    counts = np.round(np.array([each[1] for each in found]) * 1.024)
    assert (counts == beats.rr_ms[order] * 1.024).all(), "the strap's counts come back"
    labels_found = [text.split()[1] for text in texts if text.startswith("label ")]
    assert labels_found == [x for x in beats.label[order].tolist() if x != "normal"]
    check_rates(tables, signals["HR"], record_s)


def check_rates(tables: Tables, hr: Floats, record_s: float) -> None:
    heart = tables.heart
    for k, value in enumerate(hr.tolist()):
        end_ns = round((k + 1) * record_s * 1e9)
        told = [
            (t, bpm)
            for t, bpm in zip(heart.t_ns.tolist(), heart.hr_bpm.tolist(), strict=True)
            if t < end_ns
        ]
        fresh = bool(told) and end_ns - told[-1][0] <= 3e9
        assert value == (told[-1][1] if fresh else EDF.missing)


def test_edf_is_read_alike_by_edfio_and_keeps_secrets(
    every: dict[str, Tables], tmp_path: Path
) -> None:
    edfio = pytest.importorskip("edfio")
    tables = every["full"]
    edf.write(tables, tmp_path / "a.edf", PLAIN)
    found = edfio.read_edf(tmp_path / "a.edf")
    assert found.local_patient_identification == "X X X X"
    assert found.local_recording_identification.startswith("Startdate X X X Simul")
    assert found.is_continuous
    _, values = traces_of(tables, Signal.ECG)
    digital = found.get_signal("ECG").digital
    assert (digital[digital != EDF.missing] == values[:, 0]).all()
    texts = [each.text for each in found.annotations]
    assert "pain_intensity 6 (by patient)" in texts
    assert any(text.startswith("Simulated heart") for text in texts)
    for path in tmp_path.iterdir():
        data = path.read_bytes()
        assert "Weiß".encode() not in data
        assert tables.info.id.encode() not in data
    assert json.loads((tmp_path / "a.edf.json").read_text())["dates"] == "removed"
    edf.write(tables, tmp_path / "b.edf", OPEN)
    told = edfio.read_edf(tmp_path / "b.edf")
    kept = [each.text for each in told.annotations]
    assert "pain_intensity 6 (by patient): Dr. Weiß called – 痛み" in kept
    began = tables.info.started_at_utc_ns // 1_000_000_000
    assert (
        told.startdatetime.replace(tzinfo=EPOCH.tzinfo) - EPOCH
    ).total_seconds() == began
    with pytest.raises(RecordingError, match="already a file"):
        edf.write(tables, tmp_path / "b.edf", OPEN)


def test_an_hour_of_a_strap_that_is_fast_keeps_its_times(
    every: dict[str, Tables], tmp_path: Path
) -> None:
    pyedflib = pytest.importorskip("pyedflib")
    one = trace(130.061, 468_219)  # as one strap was: 1.7 s an hour
    tables = with_traces(every["calm"], one)
    exported = edf.write(tables, tmp_path / "a.edf", PLAIN)
    assert "A record lasts 0.999531 s" in " ".join(exported.notes)
    with pyedflib.EdfReader(str(tmp_path / "a.edf")) as reader:
        record_s = reader.datarecord_duration
        signal = reader.readSignal(0, digital=True)
    at = np.flatnonzero(signal != EDF.missing)
    assert (signal[at] == one.values[:, 0]).all()
    assert np.abs(at * (1000 * record_s / 130) - one.t_ms).max() < 1000 / 130


def test_values_beyond_16_bits_make_a_bdf(
    every: dict[str, Tables], tmp_path: Path
) -> None:
    pyedflib = pytest.importorskip("pyedflib")
    one = trace(130.0, 700, most=8_000_000)
    exported = edf.write(with_traces(every["calm"], one), tmp_path / "a.edf", PLAIN)
    assert exported.paths[0] == tmp_path / "a.bdf"
    with pyedflib.EdfReader(str(tmp_path / "a.bdf")) as reader:
        signal = reader.readSignal(0, digital=True)
        n_annotations = len(reader.readAnnotations()[0])
    assert (signal[signal != BDF.missing] == one.values[:, 0]).all()
    assert n_annotations > len(every["calm"].beats)
    # Beyond even these, values are cut off and that is said.
    one.values[5] = 1 << 30
    exported = edf.write(with_traces(every["calm"], one), tmp_path / "b.edf", PLAIN)
    assert "1 values did not fit 24 bits" in " ".join(exported.notes)


def test_many_annotations_at_once_overflow_into_later_records(tmp_path: Path) -> None:
    pyedflib = pytest.importorskip("pyedflib")
    channel = Channel(
        label="HR", unit="bpm", transducer="", values=np.full((30, 1), 60)
    )
    notes = [Annotation(onset_us=2_000_000 + k, text=f"n{k}") for k in range(400)]
    data = edf_bytes(
        EDF,
        [channel],
        notes,
        start=EPOCH.replace(year=2026),
        record_us=999_531,
        patient="X X X X",
        recording="Startdate X X X ünknown",
    )
    path = tmp_path / "a.edf"
    path.write_bytes(data)
    with pyedflib.EdfReader(str(path)) as reader:
        onset_s, _, texts = reader.readAnnotations()
    assert list(texts) == [note.text for note in notes]
    np.testing.assert_allclose(onset_s, [note.onset_us / 1e6 for note in notes])
    assert len(data) < 30 * 800, "no record is as long as all of them"


# --- WFDB ---------------------------------------------------------------------------


def runs(symbols: list[str], samples: Ints) -> Iterator[tuple[Ints, list[str]]]:
    """Yield times and symbols of the beats of each segment, opening beat first."""
    at: list[int] = []
    for k, symbol in enumerate([*symbols, "~"]):
        if symbol == "~":
            yield samples[at], [symbols[i] for i in at]
            at = []
        elif symbol in "NQ":
            at.append(k)


def check_beats(beats: Beats, record: Path) -> None:
    wfdb: Any = pytest.importorskip("wfdb")
    annotations = wfdb.rdann(str(record), "rr")
    assert annotations.fs == 1024
    assert (np.diff(annotations.sample) > 0).all()
    found = list(runs(annotations.symbol, annotations.sample))
    segments = list(dict.fromkeys(beats.segment.tolist()))
    assert len(found) == len(segments)
    for (samples, symbols), segment in zip(found, segments, strict=True):
        own = beats.segment == segment
        assert (np.diff(samples) == beats.rr_ms[own] * 1.024).all()
        normal = [label == "normal" for label in beats.label[own].tolist()]
        assert [symbol == "N" for symbol in symbols[1:]] == normal


@pytest.mark.parametrize("name", NAMES)
def test_wfdb_gives_back_every_interval_exactly(
    every: dict[str, Tables], name: str, tmp_path: Path
) -> None:
    wfdb: Any = pytest.importorskip("wfdb")
    tables = every[name]
    exported = wfdb_record.write(tables, tmp_path / "P 007", PLAIN)
    assert all(one.parent == tmp_path / "P 007" for one in exported.paths)
    record = str(tmp_path / "P 007" / "P_007")
    annotations = wfdb.rdann(record, "rr")
    check_beats(tables.beats, Path(record))
    notes = [note for note in annotations.aux_note if note in xdf.LABELS]
    labels = tables.beats.label
    assert notes == labels[labels != "normal"].tolist()
    header = wfdb.rdheader(record)
    assert header.base_date.year == 1985
    assert "simulated: True" in header.comments
    assert f"recording_sha256: {tables.sha256}" in header.comments
    events = wfdb.rdann(record, "ev")
    assert set(events.symbol) == {'"'}
    ratings = [
        (sample, note)
        for sample, note in zip(events.sample, events.aux_note, strict=True)
        if note.startswith("pain_intensity")
    ]
    entries = [each for each in tables.entries if each.type == "pain_intensity"]
    assert len(ratings) == len(entries) == 2
    for (sample, note), entry in zip(ratings, entries, strict=True):
        assert note.startswith(f"pain_intensity {entry.value:g} ")
        assert abs(sample / 1024 - entry.t_ns / 1e9) < 0.002


def test_wfdb_holds_every_sample_and_says_where_none_are(
    every: dict[str, Tables], tmp_path: Path
) -> None:
    wfdb: Any = pytest.importorskip("wfdb")
    tables = every["full"]
    wfdb_record.write(tables, tmp_path / "a", PLAIN)
    for record, signal, units in (("a", Signal.ECG, "mV"), ("a_acc", Signal.ACC, "mG")):
        found = wfdb.rdrecord(str(tmp_path / "a" / record))
        t_ms, values = traces_of(tables, signal)
        there = np.isfinite(found.p_signal[:, 0])
        assert set(found.units) == {units}
        scale = 1000 if units == "mV" else 1
        assert (np.round(found.p_signal[there] * scale) == values).all()
        assert np.count_nonzero(~there) > found.fs, "the lost link"
        step_ms = 1000 / found.fs
        assert_in_time(np.flatnonzero(there) * step_ms - t_ms, step_ms)
        digital = wfdb.rdrecord(str(tmp_path / "a" / record), physical=False)
        checks = np.array(digital.checksum) - np.array(digital.calc_checksum())
        assert (checks % 65_536 == 0).all()
        (group,) = (one for one in groups_of(tables) if one.signal is signal)
        assert found.sig_name == list(group.names)


def test_what_comes_before_the_session_begins_is_kept(
    every: dict[str, Tables], tmp_path: Path
) -> None:
    wfdb: Any = pytest.importorskip("wfdb")
    pyedflib = pytest.importorskip("pyedflib")
    one = trace(130.0, 700, t0_ms=-1700.0)
    tables = with_traces(every["calm"], one)
    edf.write(tables, tmp_path / "a.edf", OPEN)
    with pyedflib.EdfReader(str(tmp_path / "a.edf")) as reader:
        signal = reader.readSignal(0, digital=True)
        texts = reader.readAnnotations()[2].tolist()
        header = reader.getStartdatetime().replace(tzinfo=EPOCH.tzinfo)
    assert (signal[signal != EDF.missing] == one.values[:, 0]).all()
    (said,) = (text for text in texts if text.startswith("Time 0 is"))
    began_s = (header - EPOCH).total_seconds() + float(said.split()[3])
    started_s = tables.info.started_at_utc_ns / 1e9
    first_s = began_s + np.flatnonzero(signal != EDF.missing)[0] / 130
    assert first_s - started_s == pytest.approx(-1.7, abs=0.004)
    wfdb_record.write(tables, tmp_path / "a", OPEN)
    found = wfdb.rdrecord(str(tmp_path / "a" / "a"))
    began_s = (found.base_datetime.replace(tzinfo=EPOCH.tzinfo) - EPOCH).total_seconds()
    there = np.isfinite(found.p_signal[:, 0])
    assert (np.round(1000 * found.p_signal[there, 0]) == one.values[:, 0]).all()
    first_s = began_s + np.flatnonzero(there)[0] / found.fs
    assert first_s - started_s == pytest.approx(-1.7, abs=0.005)


def test_edf_d_is_what_edflib_does_not_read(
    every: dict[str, Tables], tmp_path: Path
) -> None:
    """Why gaps are marked in an EDF+C: the reason stands in the module."""
    pyedflib = pytest.importorskip("pyedflib")
    edf.write(every["calm"], tmp_path / "a.edf", PLAIN)
    data = (tmp_path / "a.edf").read_bytes().replace(b"EDF+C", b"EDF+D", 1)
    (tmp_path / "d.edf").write_bytes(data)
    with pytest.raises(OSError, match=r"discontinuous|EDF\+D"):
        pyedflib.EdfReader(str(tmp_path / "d.edf"))


def test_wfdb_uses_24_bits_where_16_are_too_few(
    every: dict[str, Tables], tmp_path: Path
) -> None:
    wfdb: Any = pytest.importorskip("wfdb")
    one = trace(130.0, 700, most=40_000)
    wfdb_record.write(with_traces(every["calm"], one), tmp_path / "a", PLAIN)
    found = wfdb.rdrecord(str(tmp_path / "a" / "a"))
    there = np.isfinite(found.p_signal[:, 0])
    assert (np.round(1000 * found.p_signal[there, 0]) == one.values[:, 0]).all()


@st.composite
def many_beats(draw: st.DrawFn) -> Beats:
    """Return beats of several segments, gaps of up to a day and odd clocks."""
    t_ns, rows = draw(st.integers(0, 3_000_000_000)), []
    for segment in range(draw(st.integers(1, 4))):
        t_ns += draw(st.sampled_from([0, 10**9, 10**12, 86_400 * 10**9]))
        for _ in range(draw(st.integers(1, 6))):
            count = draw(st.integers(200, 3000))
            t_ns += count * 1_953_125 // 2 + draw(st.integers(-9_000_000, 9_000_000))
            label = draw(st.sampled_from(xdf.LABELS))
            rows.append((segment, t_ns, count * 125 / 128, label))
    n = len(rows)
    rr_ms = np.array([row[2] for row in rows])
    labels = np.array([row[3] for row in rows], "U10")
    return Beats(
        index=np.arange(n),
        segment=np.array([row[0] for row in rows], np.int64),
        t_ns=np.array([row[1] for row in rows], np.int64),
        rr_ms=rr_ms,
        nn_ms=np.where(labels == "normal", rr_ms, np.nan),
        label=labels,
        uncertainty_ms=np.ones(n),
        final=np.ones(n, np.bool_),
    )


@settings(max_examples=12, deadline=None)
@given(beats=many_beats())
def test_wfdb_any_series_of_counts_comes_back(
    every: dict[str, Tables], tmp_path_factory: pytest.TempPathFactory, beats: Beats
) -> None:
    tables = msgspec.structs.replace(every["calm"], beats=beats)
    out = tmp_path_factory.mktemp("any") / "a"
    wfdb_record.write(tables, out, PLAIN)
    check_beats(beats, out / "a")


@settings(max_examples=20, deadline=None)
@given(
    steps=st.lists(
        st.one_of(
            st.integers(1, 1023),
            st.sampled_from([1024, 65_535, 65_536, 2**31 - 1, 2**31, 2**33 + 5]),
        ),
        min_size=1,
        max_size=8,
    ),
    texts=st.lists(st.text(st.characters(codec="ascii", exclude_categories=["C"]))),
)
def test_wfdb_any_annotation_comes_back(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int], texts: list[str]
) -> None:
    wfdb: Any = pytest.importorskip("wfdb")
    samples = np.cumsum(steps).tolist()
    texts = [*texts, *["", "x" * 255, "y" * 254, "z" * 300]][: len(samples)]
    texts += [""] * (len(samples) - len(texts))
    codes = [(1, 13, 14, 16, 22)[k % 5] for k in range(len(samples))]
    data = annotation_bytes(zip(samples, codes, texts, strict=True), 1000)
    path = tmp_path_factory.mktemp("any") / "a.rr"
    path.write_bytes(data)
    found = wfdb.rdann(str(path.with_suffix("")), "rr")
    assert found.fs == 1000
    assert found.sample.tolist() == samples
    assert found.symbol == [("N", "Q", "~", "|", '"')[k % 5] for k in range(len(codes))]
    assert found.aux_note == [text[:255] for text in texts]


def test_wfdb_clock_is_the_one_on_which_intervals_are_whole(
    every: dict[str, Tables], tmp_path: Path
) -> None:
    wfdb: Any = pytest.importorskip("wfdb")
    calm = every["calm"]

    def written(name: str, rr_ms: Floats) -> tuple[Any, str]:
        beats = msgspec.structs.replace(calm.beats, rr_ms=rr_ms)
        tables = msgspec.structs.replace(calm, beats=beats)
        exported = wfdb_record.write(tables, tmp_path / name, PLAIN)
        annotations = wfdb.rdann(str(tmp_path / name / name), "rr")
        return annotations, " ".join(exported.notes)

    whole = np.round(calm.beats.rr_ms)
    annotations, said = written("ms", whole)
    assert annotations.fs == 1000
    assert (np.diff(annotations.sample) == whole).all()
    assert "1000 Hz" in said
    thirds = calm.beats.rr_ms + 1 / 3
    annotations, said = written("thirds", thirds)
    assert annotations.fs == 1024
    off_ms = np.diff(annotations.sample) / 1.024 - thirds
    assert np.abs(off_ms).max() < 1
    assert abs(off_ms.sum()) < 1, "rounding does not add up"
    assert "each is rounded" in said


def test_wfdb_intervals_that_take_no_time_are_no_beats(
    every: dict[str, Tables], tmp_path: Path
) -> None:
    wfdb: Any = pytest.importorskip("wfdb")
    calm = every["calm"].beats
    again = np.sort(np.concatenate([np.arange(len(calm)), [40, 40]]))
    fields = {
        name: getattr(calm, name)[again].copy()
        for name in calm.__struct_fields__
        if name != "index"
    }
    fields["rr_ms"][41:43] = 50 * 125 / 128
    fields["label"][41:43] = "artefact"
    beats = Beats(index=np.arange(len(again)), **fields)
    tables = msgspec.structs.replace(every["calm"], beats=beats)
    exported = wfdb_record.write(tables, tmp_path / "a", PLAIN)
    annotations = wfdb.rdann(str(tmp_path / "a" / "a"), "rr")
    check_beats(calm, tmp_path / "a" / "a")
    assert annotations.symbol.count("|") == 2
    assert "2 intervals that the strap added" in " ".join(exported.notes)


# --- XDF ----------------------------------------------------------------------------


def loaded(path: Path) -> dict[str, Any]:
    pyxdf: Any = pytest.importorskip("pyxdf")
    streams, header = pyxdf.load_xdf(path)
    assert header["info"]["version"] == ["1.0"]
    return {one["info"]["name"][0]: one for one in streams}


@pytest.mark.parametrize("name", NAMES)
def test_xdf_holds_everything_with_its_own_stamp(
    every: dict[str, Tables], name: str, tmp_path: Path
) -> None:
    tables = every[name]
    xdf.write(tables, tmp_path / "a.xdf", PLAIN)
    found = loaded(tmp_path / "a.xdf")
    signals = {"ECG", "ACC"} if name == "full" else set()
    assert set(found) == {"RR", "HR", "HRV", "Markers"} | signals
    for stream in found.values():
        footer = stream["footer"]["info"]
        stamps = stream["time_stamps"]
        assert int(footer["sample_count"][0]) == len(stamps)
        assert float(footer["first_timestamp"][0]) == stamps[0]
        assert float(footer["last_timestamp"][0]) == stamps[-1]
        desc = stream["info"]["desc"][0]
        provenance = desc["provenance"][0]
        assert provenance["recording_sha256"] == [tables.sha256]
        assert provenance["simulated"] == ["True"]
        channels = desc["channels"][0]["channel"]
        assert len(channels) == int(stream["info"]["channel_count"][0])
        assert all(channel["unit"][0] for channel in channels)
    beats, heart, metrics = tables.beats, tables.heart, tables.metrics
    order = np.argsort(beats.t_ns, kind="stable")
    rr = found["RR"]
    assert (rr["time_stamps"] == beats.t_ns[order] / 1e9).all()
    assert (rr["time_series"][:, 0] == beats.rr_ms[order]).all()
    np.testing.assert_array_equal(rr["time_series"][:, 1], beats.nn_ms[order])
    labels = [xdf.LABELS[int(code)] for code in rr["time_series"][:, 2]]
    assert labels == beats.label[order].tolist()
    assert (rr["time_series"][:, 3] == beats.segment[order]).all()
    np.testing.assert_array_equal(found["HR"]["time_series"][:, 0], heart.hr_bpm)
    assert (found["HR"]["time_stamps"] == heart.t_ns / 1e9).all()
    for at, column in enumerate(metrics.columns.values()):
        np.testing.assert_array_equal(found["HRV"]["time_series"][:, at], column)
    for label in signals:
        t_ms, values = traces_of(tables, Signal[label])
        assert (found[label]["time_series"] == values).all()
        stamps_ms = 1000 * found[label]["time_stamps"]
        step_ms = 1000 / float(found[label]["info"]["desc"][0]["fitted_srate"][0])
        assert_in_time(stamps_ms - t_ms, step_ms)
        gaps = np.abs(np.diff(stamps_ms) - step_ms) > 1e-6
        assert np.count_nonzero(gaps) == 1, "even, but for the lost link"
    markers = [json.loads(text) for (text,) in found["Markers"]["time_series"]]
    ratings = [(one["type"], one["value"]) for one in markers if "value" in one]
    assert [(e.type, e.value) for e in tables.entries] == [
        one for one in ratings if one[0] != "pacer"
    ]
    assert "Weiß".encode() not in (tmp_path / "a.xdf").read_bytes()


def test_xdf_keeps_text_only_when_asked_and_says_what_is_not_there(
    every: dict[str, Tables], tmp_path: Path
) -> None:
    full = msgspec.structs.replace(every["full"], traces=())
    xdf.write(full, tmp_path / "a.xdf", OPEN)
    texts = [text for (text,) in loaded(tmp_path / "a.xdf")["Markers"]["time_series"]]
    assert PRIVATE in [json.loads(text).get("text") for text in texts]
    nothing = msgspec.structs.replace(full, entries=(), pacer=(), links=())
    beats = msgspec.structs.replace(
        full.beats,
        **{name: getattr(full.beats, name)[:0] for name in Beats.__struct_fields__},
    )
    nothing = msgspec.structs.replace(nothing, beats=beats)
    exported = xdf.write(nothing, tmp_path / "b.xdf", PLAIN)
    assert "Nothing was recorded for RR, Markers" in " ".join(exported.notes)
    assert set(loaded(tmp_path / "b.xdf")) == {"HR", "HRV"}


@settings(max_examples=7, deadline=None)
@given(
    texts=st.lists(
        st.one_of(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
            st.sampled_from([255, 256, 65_536, 70_000]).map(lambda n: "x" * n),
        ),
        min_size=1,
        max_size=30,
    ),
    step_s=st.sampled_from([-0.5, 0.0, 0.01, 1.0, 40.0]),
)
def test_xdf_any_text_and_number_of_samples_comes_back(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], step_s: float
) -> None:
    texts = [*texts, *map(str, range(300))]  # more than one byte can count
    stream = Stream(
        name="any",
        type="Markers",
        format="string",
        rate_hz=0,
        channels=(("text", "1"),),
        stamps_s=np.arange(len(texts)) * step_s - 3.5,
        values=texts,
    )
    path = tmp_path_factory.mktemp("any") / "a.xdf"
    path.write_bytes(b"".join(xdf_chunks([stream], {"note": ["<&>\0'"]})))
    found = loaded(path)["any"]
    assert [text for (text,) in found["time_series"]] == texts
    assert (found["time_stamps"] == stream.stamps_s).all()


def test_xdf_can_be_read_on_behind_damage(
    every: dict[str, Tables], tmp_path: Path
) -> None:
    path = tmp_path / "a.xdf"
    xdf.write(every["calm"], path, PLAIN)
    data = bytearray(path.read_bytes())
    boundaries = [at for at in range(len(data)) if data.startswith(BOUNDARY_ID, at)]
    assert len(boundaries) == 16  # one for each 10 s, and the last tick
    data[boundaries[3] + 16] = 77  # no length of a length
    path.write_bytes(data)
    found = loaded(path)
    lost = (found["RR"]["time_stamps"] >= 40) & (found["RR"]["time_stamps"] < 50)
    assert not lost.any()
    assert found["RR"]["time_stamps"][-1] == every["calm"].beats.t_ns.max() / 1e9
