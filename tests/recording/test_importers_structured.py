"""WFDB, EDF, XDF, BIDS and Open mHealth: written by others' libraries, read by ours."""

from __future__ import annotations

import gzip
import json
import random
import struct
import warnings
from collections.abc import Callable, Sequence
from datetime import date, time
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from biofeedback.errors import BiofeedbackError, RecordingError
from biofeedback.model import Signal
from biofeedback.recording.exporters.options import ExportOptions
from biofeedback.recording.exporters.registry import exporter
from biofeedback.recording.importers import (
    bids,
    edf,
    omh,
    wfdb_annotations,
    wfdb_record,
    xdf,
)
from biofeedback.recording.importers.beat_runs import from_intervals
from biofeedback.recording.importers.imported import Head, Imported, Options
from biofeedback.recording.tables import Tables
from tests.conftest import ROOT
from tests.unit.rhythms import rest

RR_MS = [float(round(rr)) for rr in rest(60)]
FORMATS: tuple[ModuleType, ...] = (edf, xdf, wfdb_record, bids, omh)


def take(module: ModuleType, path: Path, **said: str | int) -> Imported:
    """Read a file as ``import`` does, and see that no other format wants it."""
    head = Head.of(path)
    assert [each.NAME for each in FORMATS if each.matches(head)] == [module.NAME]
    found = module.read(path, msgspec.convert(said, Options))
    assert isinstance(found, Imported)
    assert found.format == module.NAME
    return found


def rr_of(found: Imported) -> list[float]:
    return [beat.rr_ms for beat in found.beats]


def ends_ms(rr_ms: Sequence[float], start_ms: float = 0.0) -> list[float]:
    return [start_ms + float(end) for end in np.cumsum(rr_ms)]


def drawn_ecg(times_s: NDArray[np.float64], rate_hz: float) -> NDArray[np.float64]:
    """Draw an ECG in mV: an R and a T wave for each time, on breath and hum."""
    t_s = np.arange(0, times_s[-1] + 1, 1 / rate_hz)
    values: NDArray[np.float64] = 0.05 * np.sin(2 * np.pi * 0.25 * t_s) + 0.01 * np.sin(
        30 * t_s
    )
    for beat_s in times_s:
        values += 1.2 * np.exp(-0.5 * ((t_s - beat_s) / 0.012) ** 2)
        values += 0.2 * np.exp(-0.5 * ((t_s - beat_s - 0.25) / 0.04) ** 2)
    return values


# --- WFDB ---------------------------------------------------------------------------


def wfdb_files(
    folder: Path,
    symbols: Sequence[str],
    samples: Sequence[int],
    *,
    fs: float = 1024,
    extension: str = "rr",
    header: bool = True,
) -> Path:
    wfdb = pytest.importorskip("wfdb")
    aux = ["hello" if symbol == '"' else "" for symbol in symbols]
    wfdb.wrann(
        "s01", extension, np.array(samples), symbol=list(symbols), aux_note=aux, fs=fs,
        write_dir=str(folder),
    )  # fmt: skip
    if header:
        ecg = 1000 * drawn_ecg(np.array(samples) / fs, 130)
        wfdb.wrsamp(
            "s01", fs=130, units=["uV"], sig_name=["ECG"], p_signal=ecg[:, None],
            fmt=["16"], adc_gain=[1.0], baseline=[0], base_time=time(10, 0, 0, 500000),
            base_date=date(2026, 11, 22), write_dir=str(folder),
        )  # fmt: skip
    return folder / f"s01.{extension}"


def test_wfdb_reads_a_reference_of_mit_bih_without_its_samples(
    real_data: Path,
) -> None:
    pytest.importorskip("wfdb")
    folder = real_data / "wfdb-python"
    found = take(wfdb_record, folder / "100.atr")
    # 2239 N, 33 A and 1 V: 2273 beats with 2272 intervals between them.
    assert len(found.beats) == 2272
    assert {beat.segment for beat in found.beats} == {0}
    assert found.duration_ns == pytest.approx(650_000 / 360 * 1e9)
    assert found.beats[0].t_ns == round(370 / 360 * 1e9)
    assert found.beats[0].rr_ms == pytest.approx((370 - 77) / 360 * 1000)
    labels = [mark.text[0] for mark in found.marks if mark.type == "beat-label"]
    assert (labels.count("A"), labels.count("V")) == (33, 1)
    assert any("100.dat) are not beside it" in note for note in found.notes)
    assert take(wfdb_record, folder / "100.hea") == found


@pytest.mark.parametrize("given", ["s01.rr", "s01.hea", "s01.dat"])
def test_wfdb_gives_the_same_for_any_file_of_a_record(
    tmp_path: Path, given: str
) -> None:
    samples = np.cumsum([512, *(round(rr * 1.024) for rr in RR_MS)]).tolist()
    wfdb_files(tmp_path, "N" * len(samples), samples)
    found = take(wfdb_record, tmp_path / given)
    assert rr_of(found) == (np.diff(samples) * 1000 / 1024).tolist()
    assert found.beats[0].t_ns == samples[1] * 1_000_000_000 // 1024
    assert (found.zone, found.started_from) == ("local-unknown", "file")
    assert found.started_at_utc_ns == 1_795_341_600_500_000_000
    (signal,) = found.signals
    assert (signal.signal, signal.rate_hz, signal.t0_ns) == (Signal.ECG, 130.0, 0)
    times_s = np.array(samples) / 1024
    written = np.rint(1000 * drawn_ecg(times_s, 130))
    assert np.abs(signal.values[:, 0] - written).max() <= 1


def test_wfdb_takes_no_interval_across_noise(tmp_path: Path) -> None:
    samples = [100, 1100, 2100, 2600, 3100, 4100, 5000, 5100, 9500, 10500]
    path = wfdb_files(tmp_path, 'NNN~NV"NNN', samples, header=False)
    found = take(wfdb_record, path)
    assert [(b.segment, round(b.rr_ms * 1.024)) for b in found.beats] == [
        (0, 1000), (0, 1000), (1, 1000), (1, 1000), (2, 1000),
    ]  # fmt: skip
    assert [(mark.type, mark.text) for mark in found.marks] == [
        ("annotation", "~"), ("beat-label", "V"), ("annotation", "hello"),
    ]  # fmt: skip
    assert found.started_at_utc_ns is None


def test_wfdb_samples_that_end_early_are_read_as_far_as_they_go(
    tmp_path: Path,
) -> None:
    samples = np.arange(1, 20) * 900
    wfdb_files(tmp_path, "N" * len(samples), samples.tolist())
    data = (tmp_path / "s01.dat").read_bytes()
    (tmp_path / "s01.dat").write_bytes(data[:1301])
    found = take(wfdb_record, tmp_path / "s01.rr")
    assert len(found.signals[0].values) == 650
    assert "The samples of s01 end early." in found.notes


def test_wfdb_reads_no_file_from_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / "record"
    folder.mkdir()
    wfdb_files(folder, "NNNN", [100, 1000, 2000, 3000])
    (folder / "s01.dat").rename(tmp_path / "s01.dat")
    header = (folder / "s01.hea").read_text().replace("s01.dat", "../s01.dat")
    (folder / "s01.hea").write_text(header)
    found = wfdb_record.read(folder / "s01.rr", Options())
    assert len(found.beats) == 3
    assert not found.signals
    assert "s01.hea is not a whole WFDB file, or is damaged." in found.notes


def test_wfdb_says_which_file_is_missing(tmp_path: Path) -> None:
    wfdb = pytest.importorskip("wfdb")
    wfdb.wrann("x", "atr", np.array([100, 400]), symbol=["N", "N"],
               write_dir=str(tmp_path))  # fmt: skip
    with pytest.raises(RecordingError, match=r"not beside it|header x\.hea"):
        wfdb_record.read(tmp_path / "x.atr", Options())
    with pytest.raises(RecordingError, match=r"no annotations 'x\.qrs'"):
        wfdb_record.read(tmp_path / "x.atr", Options(column="qrs"))


# --- EDF ----------------------------------------------------------------------------


def edf_file(
    path: Path, *, rr: bool = True, bdf: bool = False, mv: bool = True
) -> Path:
    edfio = pytest.importorskip("edfio")
    kind, channel = ("Bdf", "BdfSignal") if bdf else ("Edf", "EdfSignal")
    times_s = np.array([400.0, *ends_ms(RR_MS, 400)])[:40] / 1000
    ecg = drawn_ecg(times_s, 130)
    n = len(ecg) // 130 * 130
    scale, unit = (1, "mV") if mv else (1000, "uV")
    signals = [
        getattr(edfio, channel)(
            ecg[:n] * scale, 130, label="EKG II", physical_dimension=unit,
            physical_range=(-4 * scale, 4 * scale),
        ),
        *(
            getattr(edfio, channel)(
                np.full(n // 130 * 26, g), 26, label=f"ACC {axis}",
                physical_dimension="g", physical_range=(-8, 8),
            )
            for axis, g in (("X", 0.5), ("Y", -1.0), ("Z", 0.0))
        ),
    ]  # fmt: skip
    annotations = [edfio.EdfAnnotation(3.25, None, "sits down")]
    if rr:
        annotations += [
            edfio.EdfAnnotation(round(t, 6), None, f"RR {ms:g}")
            for t, ms in zip(times_s[1:].tolist(), RR_MS, strict=False)
        ]
    file = getattr(edfio, kind)(
        signals,
        recording=edfio.Recording(
            startdate=date(2026, 11, 22), equipment_code="Polar_H10_7A3F2B1C"
        ),
        starttime=time(10, 0, 0, 250_000),
        annotations=annotations,
    )
    file.write(path)
    return path


@pytest.mark.parametrize("bdf", [False, True])
def test_edf_gives_beats_samples_and_notes(tmp_path: Path, bdf: bool) -> None:
    path = edf_file(tmp_path / "a.edf", bdf=bdf)
    found = take(edf, path)
    assert rr_of(found) == RR_MS[:39]
    assert {beat.segment for beat in found.beats} == {0}
    assert found.beats[0].t_ns == pytest.approx(4e8 + RR_MS[0] * 1e6, abs=2000)
    assert found.started_at_utc_ns == 1_795_341_600_250_000_000
    assert (found.zone, found.device) == ("local-unknown", "Polar H10")
    assert [(mark.t_ns, mark.text) for mark in found.marks] == [
        (3_250_000_000, "sits down")
    ]
    ecg, acc = found.signals
    assert (ecg.signal, ecg.rate_hz, ecg.t0_ns) == (Signal.ECG, 130.0, 0)
    assert ecg.values.max() == pytest.approx(1200, abs=70)
    assert acc.signal is Signal.ACC
    assert acc.values[0].tolist() == pytest.approx([500, -1000, 0], abs=1)
    assert found.duration_ns == pytest.approx(len(ecg.values) / 130 * 1e9)
    microvolts = take(edf, edf_file(tmp_path / "b.edf", bdf=bdf, mv=False))
    assert np.abs(microvolts.signals[0].values - ecg.values).max() <= 1


def test_edf_without_beats_finds_them_in_its_ecg(tmp_path: Path) -> None:
    found = take(edf, edf_file(tmp_path / "a.edf", rr=False))
    assert any("found in the ECG" in note for note in found.notes)
    # The detector does not see the very first and last beats.
    assert len(found.beats) >= 36
    true_ms = np.array(ends_ms(RR_MS, 400))
    at_ms = np.array([beat.t_ns / 1e6 for beat in found.beats])
    nearest = np.abs(at_ms[:, None] - true_ms).argmin(axis=1)
    assert np.abs(at_ms - true_ms[nearest]).max() < 2
    assert np.abs(np.array(rr_of(found)) - np.array(RR_MS)[nearest]).max() < 3


def with_gap(path: Path, record: int, seconds: int) -> None:
    """Make an EDF+C an EDF+D: each record from ``record`` on begins later."""
    data = path.read_bytes().replace(b"EDF+C", b"EDF+D", 1)
    for number in range(200, record - 1, -1):
        for fraction in (".25", ""):
            old = f"+{number}{fraction}\x14\x14\x00".encode()
            new = f"+{number + seconds}{fraction}\x14\x14\x00".encode()
            if old in data:
                assert len(old) == len(new)
                data = data.replace(old, new)
    path.write_bytes(data)


def test_edf_with_a_gap_has_two_pieces(tmp_path: Path) -> None:
    path = edf_file(tmp_path / "a.edf", rr=False)
    with_gap(path, 20, 40)
    head = edf.read(path, Options())
    first, second, *acc = head.signals
    assert (first.segment, second.segment, len(acc)) == (0, 1, 2)
    assert len(first.values) == 20 * 130
    assert (first.t0_ns, second.t0_ns) == (0, 60_000_000_000)
    assert "The signals have 1 gaps." in head.notes
    assert {beat.segment for beat in head.beats} == {0, 1}
    assert all(not 20e9 < beat.t_ns < 60e9 for beat in head.beats)


def test_edf_cut_short_gives_what_is_there(tmp_path: Path) -> None:
    path = edf_file(tmp_path / "a.edf")
    whole = take(edf, path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    found = take(edf, path)
    assert rr_of(found) == rr_of(whole)[: len(found.beats)]
    assert 20 <= len(found.beats) < 39
    assert any("ends early" in note for note in found.notes)
    path.write_bytes(data[:700])
    with pytest.raises(RecordingError, match="header"):
        edf.read(path, Options())


def test_edf_of_annotations_alone(tmp_path: Path) -> None:
    edfio = pytest.importorskip("edfio")
    notes = [
        edfio.EdfAnnotation(round(t_ms / 1000, 3), None, f"RR {rr:g}")
        for t_ms, rr in zip(ends_ms(RR_MS), RR_MS, strict=True)
    ]
    edfio.Edf([], annotations=notes).write(tmp_path / "a.edf")
    found = take(edf, tmp_path / "a.edf")
    assert rr_of(found) == RR_MS
    assert {beat.segment for beat in found.beats} == {0}
    assert found.duration_ns == pytest.approx(sum(RR_MS) * 1e6, abs=1e6)


def test_edf_with_a_hole_gives_nothing_that_is_shifted(tmp_path: Path) -> None:
    path = edf_file(tmp_path / "a.edf")
    whole = take(edf, path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + data[len(data) // 2 + 101 :])
    found = take(edf, path)
    assert any("have no time of their own" in note for note in found.notes)
    assert rr_of(found) == RR_MS[: len(found.beats)]
    ecg = found.signals[0].values
    assert 10 * 130 < len(ecg) < 20 * 130
    sound = ecg[: len(ecg) - 130]  # the record that has the hole
    assert (sound == whole.signals[0].values[: len(sound)]).all()


def test_edf_written_by_edflib_is_read_too(tmp_path: Path) -> None:
    pyedflib = pytest.importorskip("pyedflib")
    path = tmp_path / "a.edf"
    with pyedflib.EdfWriter(str(path), 1, file_type=pyedflib.FILETYPE_EDFPLUS) as out:
        out.setSignalHeader(
            0,
            {
                "label": "ECG", "dimension": "uV", "sample_frequency": 130,
                "physical_max": 3000, "physical_min": -3000, "digital_max": 32767,
                "digital_min": -32768, "transducer": "", "prefilter": "",
            },
        )  # fmt: skip
        values = 1000 * drawn_ecg(np.arange(0.5, 30, 0.8), 130)
        out.writeSamples([values[: 30 * 130]])
        for t_ms, rr in zip(ends_ms(RR_MS), RR_MS, strict=True):
            out.writeAnnotation(t_ms / 1000, -1, f"RR {rr:g}")
    found = take(edf, path)
    # EDFlib keeps one annotation for each record of data and time to 100 µs.
    assert rr_of(found) == RR_MS[: len(found.beats)]
    assert len(found.beats) >= 30
    assert np.abs(found.signals[0].values[:, 0] - values[: 30 * 130]).max() < 1


# --- XDF ------------------------------------------------------------------------------


class XdfWriter:
    """A few lines of the XDF specification: enough for a test."""

    def __init__(self, when: str = "2026-11-22T10:00:00+0100") -> None:
        self.data = b"XDF:"
        self.counts: dict[int, int] = {}
        self.chunk(
            1,
            f"<info><version>1.0</version><datetime>{when}</datetime></info>".encode(),
        )

    def chunk(self, tag: int, body: bytes) -> None:
        self.data += b"\x04" + struct.pack("<IH", len(body) + 2, tag) + body

    def boundary(self) -> None:
        self.chunk(5, bytes.fromhex("43a546dccbf5410fb30ed5467383cbe4"))

    def stream(
        self, number: int, name: str, kind: str, form: str, *,
        n: int = 1, rate: float = 0, unit: str = "",
    ) -> None:  # fmt: skip
        channels = f"<channel><unit>{unit}</unit></channel>" * n
        self.chunk(
            2,
            struct.pack("<I", number)
            + f"<info><name>{name}</name><type>{kind}</type><channel_count>{n}"
            f"</channel_count><nominal_srate>{rate}</nominal_srate><channel_format>{form}"
            f"</channel_format><desc><model>Polar H10</model><channels>{channels}"
            "</channels></desc></info>".encode(),
        )  # fmt: skip

    def samples(
        self,
        number: int,
        form: str,
        stamps: Sequence[float] | NDArray[np.float64],
        rows: Sequence[Any],
    ) -> None:
        body = struct.pack("<I", number) + b"\x04" + struct.pack("<I", len(stamps))
        for stamp, row in zip(stamps, rows, strict=True):
            body += b"\x08" + struct.pack("<d", stamp)
            if form == "s":
                text = str(row).encode()
                body += b"\x01" + bytes([len(text)]) + text
            else:
                body += struct.pack(f"<{len(row)}{form}", *row)
        self.chunk(3, body)


def xdf_file(path: Path, *, seconds: bool = False, arrivals: bool = False) -> Path:
    out = XdfWriter()
    out.stream(1, "RR", "RR", "double64", unit="s" if seconds else "ms")
    out.stream(2, "strap ECG", "ECG", "int32", rate=130, unit="microvolts")
    out.stream(3, "ACC", "Accelerometer", "int16", n=3, rate=26, unit="mG")
    out.stream(4, "marks", "Markers", "string")
    out.stream(5, "HR", "HR", "float32", unit="bpm")
    out.stream(6, "Gaze", "Gaze", "float32", rate=60)
    zero = 98_765.5
    beats = np.array(ends_ms(RR_MS)) / 1000 + zero
    shown: NDArray[np.float64] = (
        np.ceil(beats) if arrivals else beats
    )  # straps notify once a second
    scale = 1000.0 if seconds else 1.0
    out.samples(1, "d", shown[:30], [(rr / scale,) for rr in RR_MS[:30]])
    out.boundary()
    out.samples(1, "d", shown[30:], [(rr / scale,) for rr in RR_MS[30:]])
    t_s = zero + np.arange(1300) / 130.061
    late = np.where(np.arange(1300) < 650, 0, 2.0)  # a hole of two seconds
    out.samples(2, "i", t_s + late, [(i,) for i in range(1300)])
    out.samples(3, "h", zero + np.arange(260) / 26, [(i, -i, 1000) for i in range(260)])
    out.samples(4, "s", [zero + 2.5], ["eyes closed"])
    out.samples(5, "f", [zero + 1, zero + 2], [(61.0,), (62.0,)])
    path.write_bytes(out.data)
    return path


@pytest.mark.parametrize("seconds", [False, True])
def test_xdf_sorts_streams_by_what_they_are(tmp_path: Path, seconds: bool) -> None:
    pytest.importorskip("pyxdf")
    found = take(xdf, xdf_file(tmp_path / "a.xdf", seconds=seconds))
    assert rr_of(found) == pytest.approx(RR_MS)
    assert found.beats[0].t_ns == pytest.approx(RR_MS[0] * 1e6, abs=1000)
    assert {beat.segment for beat in found.beats} == {0}
    one, two, acc = found.signals
    assert (one.segment, two.segment) == (0, 1)
    assert one.rate_hz == pytest.approx(130.061, abs=0.001)
    assert two.t0_ns == pytest.approx((650 / 130.061 + 2) * 1e9, abs=1e6)
    assert one.values[:, 0].tolist() == list(range(650))
    assert acc.values[7].tolist() == [7, -7, 1000]
    assert [(mark.type, mark.text) for mark in found.marks] == [
        ("marker", "eyes closed")
    ]
    assert found.marks[0].t_ns == pytest.approx(2.5e9, abs=1000)
    assert [hr for _, hr in found.rates] == [61.0, 62.0]
    assert (found.zone, found.device) == ("offset", "Polar H10")
    assert found.started_at_utc_ns == pytest.approx(1_795_338_000 * 10**9, abs=1e6)
    assert any("Gaze" in note for note in found.notes)


def test_xdf_stamps_of_arrival_are_not_taken_for_beats(tmp_path: Path) -> None:
    pytest.importorskip("pyxdf")
    found = take(xdf, xdf_file(tmp_path / "a.xdf", arrivals=True))
    assert rr_of(found) == RR_MS
    assert {beat.segment for beat in found.beats} == {0}
    steps_ms = np.diff([beat.t_ns / 1e6 for beat in found.beats])
    assert steps_ms == pytest.approx(RR_MS[1:], abs=0.001)
    assert found.beats[0].uncertainty_ms >= 1000


def test_xdf_goes_on_behind_damage(tmp_path: Path) -> None:
    pytest.importorskip("pyxdf")
    path = xdf_file(tmp_path / "a.xdf")
    data = bytearray(path.read_bytes())
    boundary = data.index(bytes.fromhex("43a546dc"))
    data[boundary - 700] ^= 0xFF  # a count in the samples before it
    data[boundary - 400 : boundary - 300] = b"\xff" * 100
    path.write_bytes(data)
    found = take(xdf, path)
    assert any("were not read" in note for note in found.notes)
    assert rr_of(found)[-30:] == RR_MS[30:]
    path.write_bytes(bytes(data[: len(data) * 3 // 4]))
    assert rr_of(take(xdf, path))[-30:] == RR_MS[30:]


def test_xdf_that_asks_for_the_moon_gets_a_sentence(tmp_path: Path) -> None:
    pytest.importorskip("pyxdf")
    out = XdfWriter()
    out.stream(1, "marks", "Markers", "string", n=4096)
    out.chunk(3, struct.pack("<I", 1) + b"\x08" + struct.pack("<Q", 2**40))
    (tmp_path / "a.xdf").write_bytes(out.data)
    with pytest.raises(RecordingError, match="holds no heartbeats"):
        xdf.read(tmp_path / "a.xdf", Options())


# --- BIDS -----------------------------------------------------------------------------

STEM = "sub-01_ses-02_task-rest"


def bids_files(
    folder: Path, *, sidecar: bool = True, rr: bool = True, newline: str = "\n",
    mark: str = "",
) -> Path:  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    ecg = 1000 * drawn_ecg(np.arange(0.5, 10, 0.9), 130)
    path = folder / f"{STEM}_recording-ecg_physio.tsv.gz"
    rows = newline.join(f"{value:.0f}\t{i % 3}" for i, value in enumerate(ecg))
    path.write_bytes(gzip.compress((mark + rows + newline).encode()))
    if sidecar:
        told = {
            "SamplingFrequency": 130, "StartTime": -0.5, "Columns": ["cardiac", "t"],
            "cardiac": {"Units": "uV"}, "ManufacturersModelName": "Polar H10",
        }  # fmt: skip
        (folder / f"{STEM}_recording-ecg_physio.json").write_text(
            mark + json.dumps(told), encoding="utf-8"
        )
    if rr:
        lines = ["onset\tduration\ttrial_type\tvalue\trr_ms\tsegment\ttext"]
        lines += ["1.5\t0\tpain_intensity\t4\tn/a\tn/a\ta bit"]
        lines += [
            f"{t / 1000:.3f}\t0\tbeat\tn/a\t{ms:g}\t{int(i >= 40)}\tn/a"
            for i, (t, ms) in enumerate(zip(ends_ms(RR_MS), RR_MS, strict=True))
        ]
        (folder / f"{STEM}_events.tsv").write_bytes(
            (mark + newline.join(lines)).encode()
        )
    return path


@pytest.mark.parametrize(("newline", "mark"), [("\n", ""), ("\r\n", "\ufeff")])
def test_bids_reads_a_run_from_any_of_its_files(
    tmp_path: Path, newline: str, mark: str
) -> None:
    path = bids_files(tmp_path, newline=newline, mark=mark)
    found = take(bids, path)
    assert rr_of(found) == RR_MS
    assert [beat.segment for beat in found.beats] == [0] * 40 + [1] * 20
    (signal,) = found.signals
    assert (signal.rate_hz, signal.t0_ns) == (130.0, 0)  # 0.5 s before the events
    assert found.beats[0].t_ns == pytest.approx(5e8 + RR_MS[0] * 1e6, abs=1e6)
    assert signal.values.max() == pytest.approx(1200, rel=0.05)
    assert [(m.type, m.value, m.text) for m in found.marks] == [
        ("pain_intensity", 4.0, "a bit")
    ]
    assert found.device == "Polar H10"
    for name in (f"{STEM}_events.tsv", f"{STEM}_recording-ecg_physio.json"):
        assert rr_of(take(bids, tmp_path / name)) == RR_MS


def test_bids_inherits_a_description(tmp_path: Path) -> None:
    folder = tmp_path / "sub-01" / "ses-02" / "beh"
    path = bids_files(folder, sidecar=False)
    with pytest.raises(RecordingError, match=r"description .*physio\.json is missing"):
        bids.read(path, Options())
    told = {"SamplingFrequency": 200, "Columns": ["ecg", "x"], "ecg": {"Units": "mV"}}
    (tmp_path / "task-rest_physio.json").write_text(json.dumps(told))
    found = take(bids, path)
    assert found.signals[0].rate_hz == 200.0
    assert found.signals[0].values.max() == pytest.approx(1_200_000, rel=0.05)
    assert any("does not say when it starts" in note for note in found.notes)


def test_bids_intervals_in_a_column(tmp_path: Path) -> None:
    path = tmp_path / f"{STEM}_physio.tsv"
    rows = ["n/a"] * 5000
    for t_ms, rr in zip(ends_ms(RR_MS[:50]), RR_MS, strict=False):
        rows[round(t_ms / 10)] = f"{rr / 1000:.3f}"
    path.write_text("\n".join(rows))
    told = {"SamplingFrequency": 100, "StartTime": 0, "Columns": ["rr"]}
    path.with_suffix(".json").write_text(json.dumps(told))
    found = take(bids, path)
    assert rr_of(found) == pytest.approx(RR_MS[:50])
    held = "\n".join("0.800" for _ in range(500))
    path.write_text(held)
    with pytest.raises(RecordingError) as error:
        bids.read(path, Options())
    assert "many times" in error.value.advice


def test_bids_cut_short_gives_what_is_there(tmp_path: Path) -> None:
    path = bids_files(tmp_path)
    path.write_bytes(path.read_bytes()[:2000])
    found = take(bids, path)
    assert 0 < len(found.signals[0].values) < 10 * 130
    assert any("ends early" in note for note in found.notes)
    assert rr_of(found) == RR_MS


# --- Open mHealth ---------------------------------------------------------------------


def omh_points(zone: str = "Z") -> list[dict[str, Any]]:
    def point(
        name: str, version: str, body: dict[str, Any], t_ms: float
    ) -> dict[str, Any]:
        minute, rest_ms = divmod(t_ms, 60_000)
        stamp = f"2026-11-22T10:{int(minute):02}:{rest_ms / 1000:06.3f}{zone}"
        return {
            "header": {
                "id": "0", "creation_date_time": "2026-11-22T11:00:00Z",
                "schema_id": {"namespace": "omh", "name": name, "version": version},
                "acquisition_provenance": {"source_name": "Polar H10 7A3F2B1C"},
            },
            "body": {**body, "effective_time_frame": {"date_time": stamp}},
        }  # fmt: skip

    points = [
        point("rr-interval", "1.0", {"rr_interval": {"value": rr, "unit": "ms"}}, t_ms)
        for t_ms, rr in zip(ends_ms(RR_MS), RR_MS, strict=True)
    ]
    rate = {"heart_rate": {"value": 61, "unit": "beats/min"}}
    weight = {"body_weight": {"value": 70, "unit": "kg"}}
    points.insert(3, point("heart-rate", "2.0", rate, 4000))
    points.append(point("body-weight", "2.0", weight, 5000))
    return points


@pytest.mark.parametrize("layout", ["list", "lines", "windows", "shimmer"])
def test_omh_in_every_layout(tmp_path: Path, layout: str) -> None:
    points = omh_points()
    text = {
        "list": json.dumps(points, indent=2),
        "lines": "\n".join(map(json.dumps, points)),
        "windows": "\ufeff" + "\r\n".join(map(json.dumps, points)) + "\r\n",
        "shimmer": json.dumps({"shim": "x", "body": points}),
    }[layout]
    path = tmp_path / "a.json"
    path.write_bytes(text.encode())
    found = take(omh, path)
    assert rr_of(found) == RR_MS
    assert {beat.segment for beat in found.beats} == {0}
    assert found.rates == ((4_000_000_000, 61.0),)
    assert found.started_at_utc_ns == 1_795_341_600 * 10**9
    assert (found.zone, found.started_from) == ("utc", "file")
    assert found.device == "Polar H10"
    assert "1 data points of other kinds were not read." in found.notes


def test_omh_one_alone_with_an_offset_and_seconds(tmp_path: Path) -> None:
    point = omh_points("+01:00")[0]
    point["body"]["rr_interval"] = {"value": 0.9, "unit": "sec"}
    path = tmp_path / "a.json"
    path.write_text(json.dumps(point))
    found = take(omh, path)
    assert rr_of(found) == [900.0]
    assert found.zone == "offset"
    declared = take(omh, path, start_utc_ns=5)
    assert (declared.started_at_utc_ns, declared.started_from) == (5, "declared")


def test_omh_shuffled_is_sorted_and_a_hole_is_a_gap(tmp_path: Path) -> None:
    points = [each for i, each in enumerate(omh_points()) if not 20 <= i < 24]
    random.Random(1).shuffle(points)
    path = tmp_path / "a.json"
    path.write_text(json.dumps(points))
    found = take(omh, path)
    assert [beat.segment for beat in found.beats] == [0] * 19 + [1] * 37
    assert rr_of(found) == RR_MS[:19] + RR_MS[23:]


def test_omh_cut_short_gives_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    text = json.dumps(omh_points())
    path.write_text(text[: len(text) // 2])
    found = take(omh, path)
    assert rr_of(found) == RR_MS[: len(found.beats)]
    assert 25 <= len(found.beats) < 35
    assert any("damaged after" in note for note in found.notes)
    path.write_text('[{"header": {"schema_id": {"namespace": "omh"}}, "body": {}}]')
    with pytest.raises(RecordingError, match="has no RR intervals or heart rates"):
        take(omh, path)


# --- What is none of them -----------------------------------------------------------


@pytest.mark.parametrize("module", FORMATS)
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"812\n830\n845\n",
        b"\xff\xfe8\x001\x002\x00",
        b"Phone timestamp;RR-interval [ms]\r\n2026-04-24T14:10:16.752;937\r\n",
        b"XDF:",
        b"0       " + b" " * 300,
        b"\xffBIOSEMI" + b"1" * 600,
        b"[]",
        b"{}",
        b"[" * 100_000,
        gzip.compress(b"1\t2\n", mtime=0),
        bytes(range(256)) * 20,
    ],
)
def test_a_wrong_file_gets_one_sentence(
    tmp_path: Path, module: ModuleType, data: bytes
) -> None:
    path = tmp_path / "file.dat"
    path.write_bytes(data)
    with pytest.raises(RecordingError) as error:
        module.read(path, Options())
    assert error.value.message.count(". ") == 0
    assert error.value.message.endswith(".")
    assert error.value.advice
    with pytest.raises(RecordingError):
        module.read(tmp_path / "absent", Options())
    with pytest.raises(RecordingError):
        module.read(tmp_path, Options())


def test_no_format_takes_what_is_not_its_own(tmp_path: Path) -> None:
    here = Path(__file__)
    texts = [here, *here.parent.glob("*.py")]
    plain = tmp_path / "rr.txt"
    plain.write_text("\n".join(str(rr) for rr in RR_MS))
    table = tmp_path / "rr.csv"
    table.write_text("100 2 360\n800 16\n810 16\n")
    picture = tmp_path / "picture"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8)
    recordings = (ROOT / "recordings" / "examples").glob("*.mcap")
    for path in (*texts, *recordings, plain, table, picture):
        assert not [each.NAME for each in FORMATS if each.matches(Head.of(path))], path


Make = Callable[[Path], Path]


def _small_edf(folder: Path) -> Path:
    edfio = pytest.importorskip("edfio")
    path = folder / "a.edf"
    signal = edfio.EdfSignal(
        np.arange(60.0), 10, label="ECG", physical_dimension="uV",
        physical_range=(-500, 500),
    )  # fmt: skip
    notes = [edfio.EdfAnnotation(i * 0.8, None, "RR 800") for i in range(1, 7)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        edfio.Edf([signal], annotations=notes).write(path)
    return path


def _small_xdf(folder: Path) -> Path:
    out = XdfWriter()
    out.stream(1, "RR", "RR", "double64", unit="ms")
    out.stream(2, "m", "Markers", "string")
    out.samples(1, "d", [1.0, 1.8, 2.6], [(800,), (800,), (800,)])
    out.boundary()
    out.samples(2, "s", [2.0], ["x"])
    out.samples(1, "d", [3.4], [(800,)])
    path = folder / "a.xdf"
    path.write_bytes(out.data)
    return path


def _small_wfdb(folder: Path) -> Path:
    return wfdb_files(folder, "NN~NN", [100, 1000, 1500, 2000, 3000], header=False)


def _small_header(folder: Path) -> Path:
    return wfdb_files(folder, "NNN", [100, 1000, 2000]).with_suffix(".hea")


def _small_bids(folder: Path) -> Path:
    bids_files(folder)
    return folder / f"{STEM}_events.tsv"


def _small_sidecar(folder: Path) -> Path:
    return bids_files(folder).with_name(f"{STEM}_recording-ecg_physio.json")


def _small_samples(folder: Path) -> Path:
    return bids_files(folder)


def _small_omh(folder: Path) -> Path:
    path = folder / "a.json"
    path.write_text(json.dumps(omh_points()[:4]))
    return path


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Return ``data`` after an accident: bits, bytes, a cut, a hole, a part twice."""
    found = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8))):
        if not found:
            break
        at = chance.randrange(len(found))
        kind = chance.randrange(6)
        if kind == 0:
            found[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            found[at] = chance.choice(b'\x00\xff-+.0 9eE\n\t{["')
        elif kind == 2:
            del found[at:]
        elif kind == 3:
            del found[at : at + chance.randrange(1, 40)]
        elif kind == 4:
            found[at:at] = found[at : at + chance.randrange(1, 40)]
        else:
            found[at : at + 4] = chance.randbytes(4)
    return bytes(found)


@pytest.mark.parametrize(
    ("module", "make", "n"),
    [
        (edf, _small_edf, 300),
        (xdf, _small_xdf, 300),
        (wfdb_record, _small_wfdb, 150),
        (wfdb_record, _small_header, 150),
        (bids, _small_bids, 100),
        (bids, _small_sidecar, 100),
        (bids, _small_samples, 100),
        (omh, _small_omh, 300),
    ],
)
def test_accidents_give_a_result_or_a_sentence(
    tmp_path: Path, module: ModuleType, make: Make, n: int
) -> None:
    path = make(tmp_path)
    sound = path.read_bytes()
    chance = random.Random(f"{module.NAME} {path.suffix}")
    n_read, sentences = 0, list[str]()
    for _ in range(n):
        path.write_bytes(mutated(sound, chance) or b"\0")
        module.matches(Head.of(path))
        try:
            found = module.read(path, Options())
        except BiofeedbackError as error:
            sentences.append(error.message)
            continue
        n_read += 1
        assert found.duration_ns >= 0
        assert all(0 < beat.rr_ms <= 3000 for beat in found.beats)
        assert all(0 <= beat.t_ns <= found.duration_ns for beat in found.beats)
        assert [beat.index for beat in found.beats] == list(range(len(found.beats)))
        segments = [beat.segment for beat in found.beats]
        assert segments == sorted(segments)
        assert all(0 <= mark.t_ns <= found.duration_ns for mark in found.marks)
    assert n_read > 0
    assert all(sentence.endswith(".") for sentence in sentences)


def test_wfdb_annotations_are_those_that_wfdb_reads(tmp_path: Path) -> None:
    wfdb = pytest.importorskip("wfdb")
    chance = random.Random(5)
    for fs in (None, 250, 1024, 128.5):
        samples = np.cumsum([chance.choice((3, 900, 70_000)) for _ in range(300)])
        symbols = [chance.choice(list('NVA+~"|[]Q')) for _ in samples]
        aux = [chance.choice(("", "(N", "odd", "even")) for _ in samples]
        wfdb.wrann("a", "atr", samples, symbol=symbols, aux_note=aux, fs=fs,
                   write_dir=str(tmp_path))  # fmt: skip
        told = wfdb.rdann(str(tmp_path / "a"), "atr")
        ours = wfdb_annotations.parse((tmp_path / "a.atr").read_bytes())
        assert list(ours.times) == told.sample.tolist() == samples.tolist()
        assert list(ours.symbols) == told.symbol == symbols
        assert list(ours.texts) == told.aux_note == aux
        assert ours.hz == told.fs == fs
        assert ours.whole


def test_wfdb_definitions_that_hang_other_readers(tmp_path: Path) -> None:
    path = wfdb_files(tmp_path, "NNNN", [100, 1000, 2000, 3000], header=False)
    wrong = path.read_bytes().replace(b"## time resolution", b"## time resolutiom")
    path.write_bytes(wrong)
    with pytest.raises(RecordingError, match="what its times are counted in"):
        wfdb_record.read(path, Options())


# --- What we wrote ourselves --------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "pattern", "off_ms"),
    [
        (edf, "out.edf", 0.0005),  # it has three decimals
        (xdf, "out.xdf", 0),
        (wfdb_record, "out/out.rr", 0),
        (bids, "out/sub-*/**/*_events.tsv", 0),
        (omh, "out/rr-interval.json", 0),
    ],
)
def test_our_own_exports_come_back(
    tmp_path: Path,
    interrupted: Tables,
    module: ModuleType,
    pattern: str,
    off_ms: float,
) -> None:
    chosen = exporter(module.NAME)
    out = tmp_path / ("out" if chosen.FOLDER else f"out.{module.NAME}")
    chosen.write(interrupted, out, ExportOptions(dates=True, created_at_utc_ns=0))
    (path,) = tmp_path.glob(pattern)
    found = take(module, path)
    order = np.argsort(interrupted.beats.t_ns, kind="stable")
    told_ms = interrupted.beats.rr_ms[order]
    assert np.abs(np.array(rr_of(found)) - told_ms).max() <= off_ms
    breaks = np.diff(interrupted.beats.segment[order]) > 0
    ours = np.diff([beat.segment for beat in found.beats]) > 0
    if module is not omh:  # which knows times, but no gaps
        assert ours.tolist() == breaks.tolist()
    assert not (ours & ~breaks).any()
    if module is not bids:
        assert found.zone == ("utc" if module in (xdf, omh) else "local-unknown")
        assert found.started_at_utc_ns is not None
        started_ns = interrupted.info.started_at_utc_ns
        late_s = (found.started_at_utc_ns - started_ns) / 1e9
        # Where a format has no start, the first interval begins the record.
        first_s = (interrupted.beats.t_ns[order][0] / 1e6 - told_ms[0]) / 1000
        assert late_s == pytest.approx(first_s if module is omh else 0, abs=0.002)
    if module is not omh:
        assert found.marks


@pytest.mark.parametrize("module", [edf, wfdb_record, omh])
def test_a_date_that_was_left_out_stays_out(
    tmp_path: Path, interrupted: Tables, module: ModuleType
) -> None:
    chosen = exporter(module.NAME)
    out = tmp_path / ("out" if chosen.FOLDER else f"out.{module.NAME}")
    chosen.write(interrupted, out, ExportOptions(created_at_utc_ns=0))
    path = out if out.is_file() else next(out.glob("*rr*"))
    found = take(module, path)
    assert (found.started_at_utc_ns, found.zone) == (None, "unknown")


def test_beats_never_run_backwards_whatever_the_times() -> None:
    rng = np.random.default_rng(1)
    for _ in range(1000):
        n = int(rng.integers(2, 80))
        rr_ms = rng.uniform(300, 1500, n)
        t_ms = np.cumsum(rr_ms) + rng.uniform(0, 3000, n)
        for _ in range(int(rng.integers(0, 4))):
            t_ms[int(rng.integers(0, n)) :] += rng.uniform(-20_000, 20_000)
        beats = from_intervals(t_ms, rr_ms, uncertainty_ms=1.0).beats
        times = [beat.t_ns for beat in beats]
        assert times == sorted(times)
