"""What another program measured becomes a session like any other."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from biofeedback.errors import RecordingError
from biofeedback.model import Beat, Signal
from biofeedback.pipeline import Pipeline
from biofeedback.recording.importers.imported import (
    Imported,
    ImportedSignal,
    Mark,
    Options,
)
from biofeedback.recording.reader import open_recording
from biofeedback.recording.tables import read_tables
from biofeedback.session.analysis import analyze_file
from biofeedback.session.importing import import_file, records_of
from biofeedback.session.replay import verify
from biofeedback.wire.imported import decode_beats, encode_beats

S = 1_000_000_000
SAME = (
    *("n_beats", "n_nn", "artefact_pct", "suitable", "hr_bpm", "rmssd_ms", "sdnn_ms"),
    *("pnn50_pct", "raw", "lf_ms2", "hf_ms2", "lf_peak_hz", "coherence_ratio"),
)


def rr_ms(n: int = 200) -> list[int]:
    k = np.arange(n)
    swing = 60 * np.sin(2 * np.pi * k / 11)
    return [round(rr) for rr in 900 + swing + 7 * np.sin(k * k)]


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "Anna Muster 2026-11-02.txt"
    path.write_text("".join(f"{rr}\n" for rr in rr_ms()))
    return path


def test_it_is_a_session_like_any_other(text: Path, tmp_path: Path) -> None:
    report = import_file(text, tmp_path / "out")
    assert (report.n_beats, report.path.parent) == (200, tmp_path / "out")
    verdict = verify(report.path)
    assert verdict.ok, verdict.sentence
    tables = read_tables(report.path)
    assert tables.beats.rr_ms.tolist() == rr_ms(), "exactly as they were"
    assert tables.beats.t_ns.tolist() == (np.cumsum(rr_ms()) * 1_000_000).tolist()
    assert not tables.pacer, "nothing paced the breath"
    assert [link.state.value for link in tables.links] == ["streaming", "ended"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        report.path.name
    ]


def test_its_numbers_are_those_of_the_file(text: Path, tmp_path: Path) -> None:
    of_text = analyze_file(text)
    of_recording = analyze_file(import_file(text, tmp_path).path)
    for key in SAME:
        assert of_recording[key] == of_text[key], key
    assert of_recording["practice"] is None


def test_it_says_where_it_came_from_and_not_whose_it_is(
    text: Path, tmp_path: Path
) -> None:
    recording = open_recording(import_file(text, tmp_path / "out").path)
    assert recording.info.source == "imported"
    assert not recording.info.simulated
    assert recording.origin is not None
    assert recording.origin["format"] == "rr-text"
    assert recording.origin["file_bytes"] == str(text.stat().st_size)
    notes = msgspec.json.decode(recording.origin["notes"])
    assert notes[0].startswith("RR in ms")
    for name in (b"Anna", b"Muster", text.name.encode()):
        assert name not in recording.path.read_bytes()


def test_twice_is_noticed(text: Path, tmp_path: Path) -> None:
    first = import_file(text, tmp_path / "out").path.read_bytes()
    with pytest.raises(RecordingError, match="imported before"):
        import_file(text, tmp_path / "out")
    again = import_file(text, tmp_path / "elsewhere").path
    assert again.read_bytes() == first


def test_a_start_that_is_said_is_kept(text: Path, tmp_path: Path) -> None:
    options = Options(start_utc_ns=1_795_000_000 * S)
    report = import_file(text, tmp_path / "a", options=options)
    assert report.info.started_at_utc_ns == 1_795_000_000 * S
    unknown = import_file(text, tmp_path / "b")
    assert unknown.info.started_at_utc_ns == 0
    origin = open_recording(unknown.path).origin
    assert origin is not None
    assert origin["started_from"] == "unknown"


def test_what_is_nothing_leaves_nothing_behind(tmp_path: Path) -> None:
    for name, content in (
        ("empty.txt", b""),
        ("words.txt", b"once upon a time\n"),
        ("picture.png", b"\x89PNG\r\n\x1a\n" + bytes(50)),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(RecordingError) as told:
            import_file(path, tmp_path / "out")
        assert told.value.advice
    assert not list(tmp_path.glob("out/*"))


def test_rates_samples_and_marks_come_along() -> None:
    wave = np.arange(-650, 650, dtype=np.int32)[:, None]
    found = Imported(
        format="test",
        beats=(Beat(index=0, segment=0, t_ns=S, rr_ms=800.25, uncertainty_ms=0.0),),
        duration_ns=10 * S,
        rates=((2 * S, 61.6), (3 * S, 300.0)),
        signals=(
            ImportedSignal(
                signal=Signal.ECG, rate_hz=130.0, t0_ns=0, segment=0, values=wave
            ),
        ),
        marks=(Mark(t_ns=4 * S, type="annotation", text="began"),),
    )
    pipeline = Pipeline()
    events = [e for r in records_of(found, "A" * 26) for e in pipeline.receive(r)]
    times = [record.t_ns for record in records_of(found, "A" * 26)]
    assert times == sorted(times)
    hearts = [e.hr_bpm for e in events if e.__struct_config__.tag == "heart"]  # type: ignore[union-attr]
    assert hearts == [62, 300]
    samples = [e for e in events if e.__struct_config__.tag == "samples"]
    values = [v for e in samples for v in e.values]  # type: ignore[union-attr]
    assert values == wave.ravel().tolist()
    (entry,) = pipeline.entries
    assert (entry.type, entry.text, entry.by) == ("annotation", "began", "import")
    assert pipeline.intervals[0].rr_ms == 800.25


def test_beats_survive_their_bytes() -> None:
    beats = tuple(
        Beat(index=k, segment=k // 3, t_ns=k * S, rr_ms=1000 / 3 + k, uncertainty_ms=k)
        for k in range(7)
    )
    assert decode_beats(encode_beats(beats)) == beats
    with pytest.raises(ValueError, match="version"):
        decode_beats(b"\x02")
    with pytest.raises(ValueError, match="whole beats"):
        decode_beats(encode_beats(beats)[:-1])


def test_no_name_of_a_file_gets_in_and_no_type_that_was_typed(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    stem = "sub-AnnaSmith_task-rest"
    (folder / f"{stem}_events.tsv").write_text(
        "onset\tduration\ttrial_type\tvalue\n"
        + "".join(f"{0.9 * k:.1f}\t0\trr\t900\n" for k in range(1, 60))
        + "20.0\t0\tcalled Dr Meier 0171\tn/a\n"
    )
    path = import_file(folder / f"{stem}_events.tsv", tmp_path / "out").path
    recording = open_recording(path)
    assert recording.origin is not None
    assert "Smith" not in recording.origin["notes"]
    assert recording.origin["file_suffix"] == ".tsv"
    entries = read_tables(path).entries
    assert all(entry.type in ("annotation", "marker") for entry in entries)
    told = [entry.text for entry in entries]
    assert not told or "called Dr Meier 0171" in str(told)


@pytest.mark.parametrize("year_ns", [-S, 2**63, 10**19])
def test_a_start_that_does_not_fit_is_refused(
    text: Path, tmp_path: Path, year_ns: int
) -> None:
    with pytest.raises(RecordingError, match="before 1970 or after 2261"):
        import_file(text, tmp_path / "out", options=Options(start_utc_ns=year_ns))
    assert not (tmp_path / "out").exists()
