"""Text of other programs: the same beats whatever its shape, or one clear sentence."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from biofeedback.errors import RecordingError, SettingsError
from biofeedback.model import Signal
from biofeedback.recording.importers import polar_sensor_logger
from biofeedback.recording.importers.imported import Head, Imported, Options
from biofeedback.recording.importers.polar_samples import samples_of
from biofeedback.recording.importers.registry import detect, formats, read_foreign
from biofeedback.recording.importers.rr_text import read_rr_text
from biofeedback.recording.importers.text_table import read_table
from tests.unit.rhythms import rest

RR = [round(rr) for rr in rest(60)]
ENDS_MS = np.cumsum(RR).tolist()
BEGAN = datetime(2026, 4, 24, 14, 10, 16, tzinfo=UTC)

DATA = Path(__file__).parents[3] / "shared" / "data"


def stamps(
    began: datetime = BEGAN, form: str = "%Y-%m-%dT%H:%M:%S.%f", hop_s: float = 0.0
) -> list[str]:
    """Return when each beat arrived; the last half ``hop_s`` later on the wall."""
    return [
        (began + timedelta(milliseconds=end, seconds=hop_s * (i >= 30))).strftime(form)[
            : None if form.endswith("z") or not form.endswith("%f") else -3
        ]
        for i, end in enumerate(ENDS_MS)
    ]


def rows(header: str, *columns: Sequence[object], sep: str = ";") -> str:
    lines = [sep.join(map(str, row)) for row in zip(*columns, strict=True)]
    return "\n".join([header, *lines]) + "\n"


def polar_rr(sep: str = ";", times: list[str] | None = None) -> str:
    header = f"Phone timestamp{sep}RR-interval [ms]"
    return rows(header, times or stamps(), RR, sep=sep)


ELAPSED_S = [f"{end / 1000:.3f}" for end in ENDS_MS]

FILES: dict[str, tuple[str, str, str]] = {
    "polar-sensor-logger": ("Polar_H10_12345678_RR.txt", polar_rr(), "local-unknown"),
    "hrv-logger": (
        "2026-04-24_RR_0001.csv",
        rows(
            "date,rr,since start",
            stamps(form="%Y-%m-%d %H:%M:%S.%f"),
            RR,
            ENDS_MS,
            sep=",",
        ),
        "local-unknown",
    ),
    "empatica": (
        "IBI.csv",
        rows(
            f"{BEGAN.timestamp():.6f}, IBI",
            ELAPSED_S,
            [f"{rr / 1000:.3f}" for rr in RR],
            sep=",",
        ),
        "utc",
    ),
    "openhrv": (
        "session.csv",
        "event,value,timestamp\n"
        + "".join(
            f"InterBeatInterval,{rr},{stamp}\nMeanHrv,50,{stamp}\n"
            for rr, stamp in zip(RR, stamps(), strict=True)
        ),
        "local-unknown",
    ),
    "kubios": (
        "report.txt",
        "Kubios HRV Analysis Report\n====\nSoftware:,Kubios HRV Premium (ver 3.5.0)\n"
        "Mean RR (ms):,812.5\n\nRR Intervals (ms)\n-----\n"
        + "\n".join(map(str, RR))
        + "\n",
        "unknown",
    ),
    "polar-flow": (
        "flow.txt",
        "".join(f"{t}\t{rr}\n" for t, rr in zip(ELAPSED_S, RR, strict=True)),
        "unknown",
    ),
    "elite-hrv": (
        "2026-04-24 14-10-16.txt",
        "\n".join(map(str, RR)) + "\n",
        "local-unknown",
    ),
    "rr-text": ("rr.csv", rows("n,rr_ms", range(len(RR)), RR, sep=","), "unknown"),
}


def put(folder: Path, name: str, data: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def got(found: Imported) -> list[float]:
    return [beat.rr_ms for beat in found.beats]


def forward(found: Imported) -> None:
    """Beats of a segment lie their intervals apart, and none lies before another."""
    for one, two in zip(found.beats, found.beats[1:], strict=False):
        assert two.t_ns > one.t_ns
        assert two.index == one.index + 1
        if one.segment == two.segment:
            assert (two.t_ns - one.t_ns) / 1e6 == pytest.approx(two.rr_ms, abs=32)


# --- Every format ---------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_each_format_is_known_and_gives_its_beats(tmp_path: Path, name: str) -> None:
    file, text, zone = FILES[name]
    found = read_foreign(put(tmp_path, file, text))
    assert found.format == name
    assert got(found) == pytest.approx(RR)
    assert found.zone == zone
    assert found.duration_ns == pytest.approx(sum(RR) * 1e6, rel=1e-6)
    assert {beat.segment for beat in found.beats} == {0}
    forward(found)
    if found.started_at_utc_ns is not None:
        assert found.started_at_utc_ns == pytest.approx(
            BEGAN.timestamp() * 1e9, abs=2e6
        )
    if zone == "local-unknown":
        assert any("no zone" in note for note in found.notes)
        assert found.started_from == ("name" if name == "elite-hrv" else "file")


NEVER_QUOTED = ("empatica", "kubios", "openhrv")
WITHOUT_HEADER = ("polar-flow", "elite-hrv")
SHAPES = ("bom", "utf-16", "crlf", "cr", "no newline", "blank lines", "quoted")


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        (name, shape)
        for name in FILES
        for shape in SHAPES
        if shape != "quoted" or name not in NEVER_QUOTED
    ],
)
def test_the_shape_of_the_text_changes_nothing(
    tmp_path: Path, name: str, shape: str
) -> None:
    file, text, _ = FILES[name]
    if shape == "quoted":
        sep = next((each for each in "\t;," if each in text.split("\n")[1]), "\t")
        text = "".join(
            sep.join(f'"{cell}"' for cell in line.split(sep)) + "\n"
            for line in text.splitlines()
        )
        if name == "elite-hrv":
            file = "rr.txt"
    data = text.encode()
    match shape:
        case "bom":
            data = b"\xef\xbb\xbf" + data
        case "utf-16":
            data = text.encode("utf-16")
        case "crlf":
            data = data.replace(b"\n", b"\r\n")
        case "cr":
            data = data.replace(b"\n", b"\r")
        case "no newline":
            data = data.rstrip(b"\n")
        case "blank lines":
            data = data.replace(b"\n", b"\n\n")
    found = read_foreign(put(tmp_path, file, data))
    assert got(found) == pytest.approx(RR)
    if shape != "quoted":
        assert found.format == name


@pytest.mark.parametrize("name", FILES)
def test_a_row_cut_off_is_left_out(tmp_path: Path, name: str) -> None:
    file, text, _ = FILES[name]
    if name == "openhrv":
        text = text[: text.rindex("InterBeatInterval")] + "InterBeatInterval,8"
    elif name == "empatica":
        text = text[: text.rindex(",")]
    else:
        text = text.rstrip("\n")[:-2]  # one digit of the last interval is left
    assert got(read_foreign(put(tmp_path, file, text))) == pytest.approx(RR[:-1])


@pytest.mark.parametrize("name", [n for n in FILES if n not in WITHOUT_HEADER])
def test_a_header_alone_is_a_sentence(tmp_path: Path, name: str) -> None:
    file, text, _ = FILES[name]
    path = put(tmp_path, file, text.split("\n")[0] + "\n")
    with pytest.raises(RecordingError) as caught:
        read_foreign(path)
    assert file in caught.value.message
    assert caught.value.advice


def test_columns_are_found_by_name_in_any_order(tmp_path: Path) -> None:
    text = rows("RR-interval [ms];note;Phone timestamp", RR, RR, stamps())
    assert got(read_foreign(put(tmp_path, "a.txt", text))) == RR
    text = rows("since start,date,rr", ENDS_MS, stamps(), RR, sep=",")
    found = read_foreign(put(tmp_path, "b.csv", text))
    assert (found.format, got(found)) == ("hrv-logger", RR)


def test_decimal_commas(tmp_path: Path) -> None:
    commas = [f"{rr / 1000:.3f}".replace(".", ",") for rr in RR]
    alone = read_foreign(put(tmp_path, "rr.txt", "\n".join(commas)))
    assert got(alone) == pytest.approx(RR)
    few = read_foreign(put(tmp_path, "few.txt", "\n".join(f"{rr},5" for rr in RR)))
    assert got(few) == pytest.approx([rr + 0.5 for rr in RR])
    text = "Kubios HRV report\nTime;RR interval\n(s);(s)\n" + "".join(
        f"{t};{rr}\n".replace(".", ",") for t, rr in zip(ELAPSED_S, commas, strict=True)
    )
    assert got(read_foreign(put(tmp_path, "k.txt", text))) == pytest.approx(RR)


def test_seconds_beside_an_interval_are_no_decimal_comma(tmp_path: Path) -> None:
    text = "".join(f"{end // 1000},{rr}\n" for end, rr in zip(ENDS_MS, RR, strict=True))
    assert got(read_foreign(put(tmp_path, "t.csv", text))) == RR


def test_a_damaged_row_is_counted_and_breaks_the_run(tmp_path: Path) -> None:
    lines = polar_rr().splitlines()
    lines[31] = lines[31].replace(str(RR[30]), "x")
    found = read_foreign(put(tmp_path, "RR.txt", "\n".join(lines) + "\n"))
    assert got(found) == RR[:30] + RR[31:]
    assert [beat.segment for beat in found.beats] == [0] * 30 + [1] * 29
    assert any("1 row could not be read" in note for note in found.notes)


def test_what_is_declared_wins(tmp_path: Path) -> None:
    text = rows("date,rr,since start,other", stamps(), RR, ENDS_MS, RR[::-1], sep=",")
    path = put(tmp_path, "RR.csv", text)
    found = read_foreign(path, options=Options(start_utc_ns=5, column="other"))
    assert (found.started_at_utc_ns, found.started_from) == (5, "declared")
    assert (found.zone, got(found)) == ("utc", RR[::-1])
    with pytest.raises(RecordingError, match="no column 'nothing'"):
        read_foreign(path, options=Options(column="nothing"))
    with pytest.raises(SettingsError, match="no format 'nothing'"):
        read_foreign(path, format="nothing")


# --- Clocks ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("began", "hop_s", "says"),
    [
        (datetime(2026, 10, 25, 2, 59, 35, tzinfo=UTC), -3600, "went back an hour"),
        (datetime(2026, 4, 24, 12, tzinfo=UTC), -900, "was set back"),
    ],
)
def test_a_clock_that_goes_back_moves_no_beat(
    tmp_path: Path, began: datetime, hop_s: float, says: str
) -> None:
    text = polar_rr(times=stamps(began, hop_s=hop_s))
    found = read_foreign(put(tmp_path, "RR.txt", text))
    assert got(found) == RR
    assert found.duration_ns == sum(RR) * 1_000_000
    assert {beat.segment for beat in found.beats} == {0}
    assert any(says in note for note in found.notes)
    forward(found)


def test_an_hour_that_summer_time_leaves_out_is_no_gap(tmp_path: Path) -> None:
    turn = datetime(2026, 3, 29, 2, tzinfo=UTC)
    began = turn - timedelta(milliseconds=ENDS_MS[29] + 200)
    text = polar_rr(times=stamps(began, hop_s=3600))
    found = read_foreign(put(tmp_path, "RR.txt", text))
    assert {beat.segment for beat in found.beats} == {0}
    assert found.duration_ns == sum(RR) * 1_000_000
    assert any("went forward an hour" in note for note in found.notes)


def test_an_hour_without_data_is_a_gap(tmp_path: Path) -> None:
    found = read_foreign(put(tmp_path, "RR.txt", polar_rr(times=stamps(hop_s=3600))))
    assert [beat.segment for beat in found.beats] == [0] * 30 + [1] * 30
    assert found.duration_ns == pytest.approx((sum(RR) + 3_600_000) * 1e6, abs=2e9)
    forward(found)


def test_a_clock_without_a_date_passes_midnight(tmp_path: Path) -> None:
    midnight = datetime(2026, 4, 24, 23, 59, 40, tzinfo=UTC)
    text = polar_rr(times=stamps(midnight, "%H:%M:%S.%f"))
    found = read_foreign(put(tmp_path, "RR.txt", text))
    assert got(found) == RR
    assert {beat.segment for beat in found.beats} == {0}
    assert found.started_at_utc_ns is None
    assert "The clock passed midnight once." in found.notes


@pytest.mark.parametrize("zone", ["Z", "+0200", " +0200", "+02:00"])
def test_a_zone_is_kept(tmp_path: Path, zone: str) -> None:
    ahead = timedelta(0) if zone == "Z" else timedelta(hours=2)
    times = [stamp + zone for stamp in stamps(BEGAN + ahead)]
    text = rows("date,rr,since start", times, RR, ENDS_MS, sep=",")
    found = read_foreign(put(tmp_path, "RR.csv", text))
    assert found.zone == ("utc" if zone == "Z" else "offset")
    assert found.started_at_utc_ns == pytest.approx(BEGAN.timestamp() * 1e9, abs=2e6)


# --- Polar Sensor Logger --------------------------------------------------------


def polar_ecg(n: int, hole: int = 0) -> str:
    lines = ["Phone timestamp;sensor timestamp [ns];timestamp [ms];ecg [uV]"]
    for i in range(n):
        ns = 599618164814402794 + 7_692_288 * (i + (hole if i >= n // 2 else 0))
        stamp = BEGAN + timedelta(seconds=i / 130)
        lines.append(
            f"{stamp:%Y-%m-%dT%H:%M:%S}.{stamp.microsecond // 1000:03d};{ns};"
            f"{(ns - 599618164814402794) / 1e6};{i % 50 - 25}"
        )
    return "\n".join(lines) + "\n"


def test_polar_ecg_runs_on_the_straps_clock(tmp_path: Path) -> None:
    head = Head.of(put(tmp_path, "Polar_H10_7A3F2B1C_ECG.txt", polar_ecg(400, 260)))
    assert detect(head).NAME == polar_sensor_logger.NAME
    # Not read as a whole: that looks for beats, and its detector is slow to load.
    table = read_table(head.path, lambda names: "ecg_uv" in names)
    signals, start, _ = samples_of(table, table.cells(0))
    one, two = signals
    assert {each.signal for each in signals} == {Signal.ECG}
    assert one.rate_hz == pytest.approx(1e9 / 7_692_288)
    assert two.t0_ns == pytest.approx(460 * 7_692_288, abs=1000)
    assert [len(one.values), len(two.values)] == [200, 200]
    joined = np.concatenate((one.values, two.values))[:, 0]
    assert joined.tolist() == [i % 50 - 25 for i in range(400)]
    assert start.at_utc_ns == BEGAN.timestamp() * 1e9


def test_samples_without_the_straps_clock_are_spread_evenly(tmp_path: Path) -> None:
    lines = [line.split(";") for line in polar_ecg(261).splitlines()]
    text = "\n".join(f"{line[0]};{line[3]}" for line in lines) + "\n"
    table = read_table(put(tmp_path, "ECG.txt", text), lambda names: "ecg_uv" in names)
    (signal,), _, notes = samples_of(table, table.cells(0))
    assert signal.rate_hz == pytest.approx(130, rel=1e-3)
    assert any("spread evenly" in note for note in notes)


def test_polar_acceleration(tmp_path: Path) -> None:
    n = 100
    text = rows(
        "Phone timestamp,sensor timestamp [ns],Z [mg],X [mg],Y [mg]",
        [f"{BEGAN:%Y-%m-%dT%H:%M:%S}.000"] * n,
        [5 + 20_000_000 * i for i in range(n)],
        [1000] * n,
        range(n),
        [-3] * n,
        sep=",",
    )
    found = read_foreign(put(tmp_path, "ACC.csv", text))
    (signal,) = found.signals
    assert signal.signal is Signal.ACC
    assert signal.rate_hz == pytest.approx(50)
    assert signal.values.dtype == np.int32
    assert signal.values.tolist() == [[i, -3, 1000] for i in range(n)]


def test_polar_heart_rate(tmp_path: Path) -> None:
    seconds = [BEGAN + timedelta(seconds=i) for i in range(30)]
    text = "Phone timestamp;HR [bpm];HRV [ms];Breathing interval [rpm];\n" + "".join(
        f"{at:%Y-%m-%dT%H:%M:%S}.000;{60 + i}\n" for i, at in enumerate(seconds)
    )
    found = read_foreign(put(tmp_path, "Polar_H10_7A3F2B1C_HR.txt", text))
    assert found.device == "Polar H10"
    assert "7A3F2B1C" not in repr(found)
    assert found.rates == tuple((i * 1_000_000_000, 60.0 + i) for i in range(30))
    assert not found.beats
    assert any("no RR" in note for note in found.notes)


PPI_HEADERS = (
    "Phone Data RX timestamp;PP-interval [ms];error estimate [ms];blocker;contact;"
    "contact;hr [bpm]",
    "Phone timestamp;PP-interval [ms];error estimate [ms];blocker;skin contact;"
    "skin contact supported;HR [bpm]",
)


@pytest.mark.parametrize("header", PPI_HEADERS)
def test_pulse_intervals_that_must_not_be_used_are_gaps(
    tmp_path: Path, header: str
) -> None:
    n = len(RR)
    blocker = [int(i == 20) for i in range(n)]
    contact = [int(i != 40) for i in range(n)]
    text = rows(header, stamps(), RR, [10] * n, blocker, contact, [1] * n, [60] * n)
    found = read_foreign(put(tmp_path, "PPI.txt", text))
    assert got(found) == [rr for i, rr in enumerate(RR) if i not in (20, 40)]
    assert [found.beats[i].segment for i in (0, 19, 20, 38, 39)] == [0, 0, 1, 1, 2]
    assert found.duration_ns == sum(RR) * 1_000_000
    assert any("2 intervals were left out" in note for note in found.notes)


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Phone timestamp;sensor timestamp [ns];X [dps];Y [dps];Z [dps]", "5;1;2;3"),
        ("Phone timestamp;sensor timestamp [ns];channel 0", "5;1"),
        ("Phone timestamp;Marker start/stop", "MARKER_START"),
    ],
)
def test_signals_that_are_not_read_are_told(
    tmp_path: Path, header: str, row: str
) -> None:
    path = put(tmp_path, "X.txt", f"{header}\n{stamps()[0]};{row}\n")
    with pytest.raises(RecordingError, match="not read here"):
        read_foreign(path)


# --- What else the formats hold -------------------------------------------------


def test_hrv_logger_reads_the_events_beside_it(tmp_path: Path) -> None:
    file, text, _ = FILES["hrv-logger"]
    put(
        tmp_path,
        "2026-04-24_Events_0001.csv",
        "date,timestamp,annotation,manual\n"
        '2026-04-24 14:10:16,0,"Rest, eyes closed",false\n'
        "2026-04-24 14:10:31,15000,Breathing,true\n",
    )
    found = read_foreign(put(tmp_path, file, text))
    assert [(mark.t_ns, mark.text) for mark in found.marks] == [
        (0, "Rest, eyes closed"),
        (15_000_000_000, "Breathing"),
    ]
    with pytest.raises(RecordingError, match="events of an HRV Logger"):
        read_foreign(tmp_path / "2026-04-24_Events_0001.csv")


def test_hrv_logger_with_unix_times(tmp_path: Path) -> None:
    began_ms = round(BEGAN.timestamp() * 1000)
    text = rows(
        "timestamp, rr, since_start \n",
        [began_ms + end for end in ENDS_MS],
        RR,
        ENDS_MS,
        sep=",",
    )
    found = read_foreign(put(tmp_path, "RR.csv", text))
    assert (found.format, found.zone) == ("hrv-logger", "utc")
    assert found.started_at_utc_ns == pytest.approx(began_ms * 1e6, abs=1e6)


def test_hrv4training_has_no_heartbeats_to_give(tmp_path: Path) -> None:
    text = (
        "date;timestamp_measurement;HR;AVNN;SDNN;rMSSD;HRV4T_Recovery_Points\n"
        "2026-04-24;2026-04-24 07:10:00;52;1150;80;75;9.2\n"
    )
    with pytest.raises(RecordingError, match="one row a day, and no heartbeats"):
        read_foreign(put(tmp_path, "MyMeasurements.csv", text))


def test_openhrv_annotations_with_commas(tmp_path: Path) -> None:
    file, text, _ = FILES["openhrv"]
    at = stamps()[10]
    text = text.replace(
        f"MeanHrv,50,{at}", f"Annotation,eyes closed, breathing slowly,{at}"
    )
    found = read_foreign(put(tmp_path, file, text))
    (mark,) = found.marks
    assert mark.text == "eyes closed, breathing slowly"
    assert mark.t_ns == pytest.approx(ENDS_MS[10] * 1e6, abs=2e6)


def test_empatica_gaps_of_one_beat_are_seen(tmp_path: Path) -> None:
    file, text, _ = FILES["empatica"]
    lines = text.splitlines()
    del lines[21]
    found = read_foreign(put(tmp_path, file, "\n".join(lines) + "\n"))
    assert [beat.segment for beat in found.beats] == [0] * 20 + [1] * 39
    assert found.beats[20].t_ns == pytest.approx(ENDS_MS[21] * 1e6)


def test_a_polar_flow_session_keeps_no_name(tmp_path: Path) -> None:
    text = (
        "Name,Sport,Date,Start time,Duration,Average heart rate (bpm)\n"
        "Ada Lovelace,Other indoor,24-04-2026,14:10:16,00:00:03,61\n"
        "Sample rate,Time,HR (bpm),Speed (km/h)\n"
        "1,00:00:00,60,\n1,00:00:01,61,\n1,00:00:02,,\n1,00:00:03,62,\n"
    )
    found = read_foreign(put(tmp_path, "session.csv", text))
    assert found.rates == ((0, 60.0), (1_000_000_000, 61.0), (3_000_000_000, 62.0))
    assert found.started_at_utc_ns == BEGAN.timestamp() * 1e9
    assert found.zone == "local-unknown"
    assert "Ada" not in repr(found)
    tabs = read_foreign(put(tmp_path, "session.tsv", text.replace(",", "\t")))
    assert tabs.rates == found.rates


def test_kubios_series_and_wide_report(tmp_path: Path) -> None:
    series = "# SIGNAL/SERIES EXPORT - KUBIOS\n# File:\tx\n" + "".join(
        f"{rr:.3f}\n" for rr in RR
    )
    found = read_foreign(put(tmp_path, "series.txt", series))
    assert (found.format, got(found)) == ("kubios", RR)
    wide = "Kubios HRV version 3.5\n\nRR INTERVAL DATA,,,FFT SPECTRUM\n"
    wide += "Time,RR interval,,Frequency,PSD\n(s),(s),,(Hz),(s^2/Hz)\n"
    wide += "".join(
        f"{t},{rr / 1000},,0.1,0.2\n" for t, rr in zip(ELAPSED_S, RR, strict=True)
    )
    wide += ",,,0.3,0.4\nHR Zones,1\n"
    assert got(read_foreign(put(tmp_path, "wide.txt", wide))) == pytest.approx(RR)
    with pytest.raises(RecordingError, match="without RR intervals"):
        read_foreign(put(tmp_path, "none.txt", "Kubios HRV report\nMean RR,812\n"))


# --- What is no recording -------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"\n \r\n", "is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0", "picture"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "picture"),
        (b"%PDF-1.7\n", "PDF"),
        (b"PK\x03\x04\x14\0", "ZIP"),
        (b"<!DOCTYPE html><p>800</p>", "web page"),
        (b"Dear all,\nsee you at ten.\n", "no column of RR"),
        (b"time,temperature\n1,36.5\n2,36.6\n", "RR"),
        (bytes(range(256)) * 4, "no format"),
    ],
)
def test_a_wrong_file_is_one_sentence(tmp_path: Path, data: bytes, says: str) -> None:
    with pytest.raises(RecordingError, match=says) as caught:
        read_foreign(put(tmp_path, "file.bin", data))
    assert "file.bin" in caught.value.message
    assert caught.value.advice


def test_a_folder_and_nothing_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="is a folder"):
        read_foreign(tmp_path)
    with pytest.raises(RecordingError, match="cannot be read"):
        read_foreign(tmp_path / "nothing.csv")


# --- Anything at all ------------------------------------------------------------


def damaged(seed: random.Random, text: str) -> bytes:
    """Return the text with some of it changed, cut, doubled or made of noise."""
    data = bytearray(text.encode(seed.choice(["utf-8", "utf-8-sig", "utf-16"])))
    for _ in range(seed.randrange(6)):
        at = seed.randrange(len(data) + 1)
        match seed.randrange(7):
            case 0:
                data[at : at + 1] = bytes([seed.randrange(256)])
            case 1:
                del data[at : at + seed.randrange(200)]
            case 2:
                data[at:at] = data[at : at + seed.randrange(200)]
            case 3:
                odd = [b"nan", b"1e308", b"-9", b";;", b'"', b"\n\n", b",", b"1_0",
                       b"99999999999999999999", "µ".encode(), b"\t", b"0", b"#",
                       b"9999-12-31T23:59:59", b"0001-01-01T00:00:00", b"inf",
                       b"2026-04-24T14:10:16+23:59", b"1e-300"]  # fmt: skip
                data[at:at] = seed.choice(odd)
            case 4:
                data = data[:at]
            case 5:
                data = data.replace(
                    seed.choice([b";", b",", b"\t", b"\n", b".", b":"]),
                    seed.choice([b";", b",", b"\t", b"\r", b"", b" "]),
                )
            case _:
                data[at:at] = seed.randbytes(seed.randrange(8))
        if not data:
            break
    return bytes(data)


def test_nothing_but_sentences_comes_of_2000_damaged_files(tmp_path: Path) -> None:
    seed = random.Random(5)
    short = [
        (file, "\n".join(text.split("\n")[:14]) + "\n")
        for file, text, _ in FILES.values()
    ]
    short += [
        ("ACC.txt", polar_ecg(20).replace("ecg [uV]", "x")),
        ("PPI.txt", PPI_HEADERS[0] + "\n" + f"{stamps()[0]};800;9;0;1;1;60\n" * 9),
        (
            "flow.csv",
            "Name,Date,Start time,Duration\nA,24-04-2026,14:10:16,00:00:03\n"
            "Sample rate,Time,HR (bpm)\n" + "1,00:00:01,60\n" * 9,
        ),
    ]
    text_formats = [each.NAME for each in formats()][5:]
    read = sentences = 0
    for turn in range(2000):
        file, text = seed.choice(short)
        path = put(tmp_path, file, damaged(seed, text))
        # Half of them as what another format would make of them.
        format = seed.choice(text_formats) if turn % 2 else None
        try:
            found = read_foreign(path, format=format)
        except (RecordingError, SettingsError) as error:
            assert error.message  # noqa: PT017
            sentences += 1
            continue
        read += 1
        forward_in_time(found)
    assert read > 300
    assert sentences > 300


def forward_in_time(found: Imported) -> None:
    ends = [beat.t_ns for beat in found.beats]
    assert ends == sorted(ends)
    assert 0 <= found.duration_ns <= 31 * 86_400 * 10**9
    assert all(0 < beat.rr_ms <= 3000 for beat in found.beats)


# --- Real recordings ------------------------------------------------------------


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared recordings are not here")
@pytest.mark.parametrize(
    ("file", "format"),
    [
        ("dont-hold-your-breath/sample_data_ibi.csv", "rr-text"),
        ("kbroman-detectPVC/polar_h10_rr.csv", "rr-text"),
        ("wearable-hrv/test_rhythm.csv", "hrv-logger"),
        ("wearable-hrv/test_vu.txt", "rr-text"),
    ],
)
def test_real_recordings_give_the_beats_they_always_gave(
    file: str, format: str
) -> None:
    found = read_foreign(DATA / file)
    assert found.format == format
    assert found.beats == read_rr_text(DATA / file).beats
