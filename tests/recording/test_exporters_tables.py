"""Exports as tables: read back by others, value by value."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from biofeedback.model import Signal
from biofeedback.recording.exporters.entries import gaps_of
from biofeedback.recording.exporters.options import iso_utc
from biofeedback.recording.tables import Tables
from tests.recording.exporting import (
    CREATED_NS,
    DEFAULT,
    FORMULA,
    TOLD,
    floats,
    known,
    rows_in,
    written,
)

NORMAL = "normal"


@pytest.mark.parametrize("which", ["tables", "interrupted"])
def test_csv_holds_the_very_same_numbers(
    which: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    tables: Tables = request.getfixturevalue(which)
    written(tables, "csv", tmp_path / "out")
    beats, rows = tables.beats, rows_in(tmp_path / "out" / "beats.csv")
    assert list(rows[0]) == [
        *("t_s", "t_utc", "rr_ms", "ok", "artefact", "nn_ms", "segment"),
        "uncertainty_ms",
    ]
    assert [int(Decimal(row["t_s"]) * 10**9) for row in rows] == beats.t_ns.tolist()
    assert [float(row["rr_ms"]) for row in rows] == beats.rr_ms.tolist()
    assert floats(row["nn_ms"] for row in rows) == known(beats.nn_ms)
    assert [row["artefact"] or NORMAL for row in rows] == beats.label.tolist()
    assert [row["ok"] == "1" for row in rows] == (beats.label == NORMAL).tolist()
    assert [int(row["segment"]) for row in rows] == beats.segment.tolist()
    assert [float(row["uncertainty_ms"]) for row in rows] == (
        beats.uncertainty_ms.tolist()
    )
    started_ns = DEFAULT.started_utc_ns(tables)
    assert [row["t_utc"] for row in rows] == [
        iso_utc(started_ns + t_ns) for t_ns in beats.t_ns.tolist()
    ]
    assert rows[0]["t_utc"].startswith("1985-01-0")
    clock = iso_utc(tables.info.started_at_utc_ns, digits=9)[10:]
    assert iso_utc(started_ns, digits=9)[10:] == clock, "the time of day is kept"

    metrics = rows_in(tmp_path / "out" / "metrics.csv")
    assert list(metrics[0]) == ["t_s", "t_utc", *tables.metrics.columns]
    for name, column in tables.metrics.columns.items():
        assert floats(row[name] for row in metrics) == known(column), name


def test_csv_holds_every_sample(tables: Tables, tmp_path: Path) -> None:
    written(tables, "csv", tmp_path / "out")
    for signal, columns in (
        (Signal.ECG, ("ecg_uv",)),
        (Signal.ACC, ("x_mg", "y_mg", "z_mg")),
    ):
        traces = [one for one in tables.traces if one.signal is signal]
        rows = rows_in(tmp_path / "out" / f"{signal.value}.csv")
        assert len(rows) == sum(map(len, traces)) > 1000
        values = [[int(row[name]) for name in columns] for row in rows]
        assert values == np.concatenate([one.values for one in traces]).tolist()
        times_s = np.array([float(row["t_s"]) for row in rows])
        t_ms = np.concatenate([one.t_ms for one in traces])
        assert np.abs(times_s * 1000 - t_ms).max() < 1e-5


def test_csv_is_what_pandas_reads(tables: Tables, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    written(tables, "csv", tmp_path / "out")
    frame = pandas.read_csv(
        tmp_path / "out" / "beats.csv",
        parse_dates=["t_utc"],
        float_precision="round_trip",
    )
    assert frame["rr_ms"].tolist() == tables.beats.rr_ms.tolist()
    assert frame["nn_ms"].isna().tolist() == np.isnan(tables.beats.nn_ms).tolist()
    assert frame["nn_ms"].isna().any()
    assert str(frame["t_utc"].dt.tz) == "UTC"
    assert set(frame["t_utc"].dt.year) == {1985}


def test_csv_tells_ratings_corrections_and_gaps(
    tables: Tables, interrupted: Tables, tmp_path: Path
) -> None:
    written(tables, "csv", tmp_path / "a")
    rows = rows_in(tmp_path / "a" / "events.csv")
    assert list(rows[0])[:7] == [
        *("onset_s", "duration_s", "kind", "value", "scale", "by", "text")
    ]
    pain = [row for row in rows if row["kind"] == "pain_intensity"]
    assert [(row["value"], row["superseded"]) for row in pain] == [
        ("9", "1"),
        ("4", "0"),
    ]
    assert pain[1]["corrects"] == pain[0]["id"] != ""
    planted = [row for row in rows if row["kind"] == "note"]
    assert [row["by"] for row in planted] == ["other", "therapist"]
    assert {row["text"] for row in rows} == {""}
    paces = rows_in(tmp_path / "a" / "pacer.csv")
    assert [float(row["rate_bpm"]) for row in paces] == [6, 5.5]

    written(interrupted, "csv", tmp_path / "b")
    rows = rows_in(tmp_path / "b" / "events.csv")
    gaps = [row for row in rows if row["kind"] == "gap"]
    assert len(gaps) == len(set(interrupted.beats.segment.tolist())) - 1 == 4
    assert sum(float(row["duration_s"]) for row in gaps) > 20


def test_no_cell_is_a_formula(tables: Tables, tmp_path: Path) -> None:
    written(tables, "csv", tmp_path / "out", TOLD)
    texts = [row["text"] for row in rows_in(tmp_path / "out" / "events.csv")]
    assert f"'{FORMULA}" in texts
    for path in (tmp_path / "out").glob("*.csv"):
        for row in rows_in(path):
            for cell in row.values():
                if cell.startswith(("=", "+", "-", "@", "\t", "\r")):
                    float(cell)  # a negative number is no formula


@pytest.mark.parametrize("name", ["kubios", "elite-hrv"])
@pytest.mark.parametrize("which", ["tables", "interrupted"])
def test_intervals_as_text_lose_nothing_in_silence(
    name: str, which: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    tables: Tables = request.getfixturevalue(which)
    exported = written(tables, name, tmp_path / "out")
    beats = tables.beats
    normal = ~np.isnan(beats.nn_ms)
    whole: dict[str, list[str]] = {}
    exact: dict[str, list[str]] = {}
    for path in exported.paths:
        if path.suffix == ".txt":
            lines = path.read_text(encoding="ascii").splitlines()
            kind = "nn" if "nn" in path.name.lower() else "rr"
            (exact if "decimals" in path.name else whole)[kind] = lines
    for kind, values in (("rr", beats.rr_ms), ("nn", beats.nn_ms[normal])):
        assert [int(line) for line in whole[kind]] == [
            math.floor(value + 0.5) for value in values.tolist()
        ]
        assert [Decimal(line) for line in exact[kind]] == [
            round(Decimal(value), 3) for value in values.tolist()
        ]
    told = json.loads((tmp_path / "out" / "provenance.json").read_text())
    left_out = told["lines_that_are_not_normal"]
    assert left_out == (np.flatnonzero(~normal) + 1).tolist()
    assert len(whole["nn"]) == len(whole["rr"]) - len(left_out)
    gaps = gaps_of(beats)
    assert [gap["after_rr_line"] for gap in told["gaps"]] == [g.before for g in gaps]
    notes = " ".join(exported.notes)
    assert (f"{len(gaps)} gaps" in notes) is bool(gaps)
    assert (f"{len(left_out)} left-out" in notes) is bool(left_out)


def test_our_own_reader_of_text_reads_them(tables: Tables, tmp_path: Path) -> None:
    from biofeedback.recording.importers.rr_text import read_rr_text

    written(tables, "kubios", tmp_path / "out")
    text = read_rr_text(tmp_path / "out" / "rr_3_decimals.txt")
    assert text.unit == "ms"
    read = np.array([beat.rr_ms for beat in text.beats])
    assert np.abs(read - tables.beats.rr_ms).max() <= 0.0005


@pytest.mark.parametrize("which", ["tables", "interrupted"])
def test_parquet_as_arrow_and_duckdb_read_it(
    which: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    duckdb = pytest.importorskip("duckdb")
    tables: Tables = request.getfixturevalue(which)
    written(tables, "parquet", tmp_path / "out")
    beats = tables.beats
    file = tmp_path / "out" / "beats.parquet"
    table = parquet.read_table(file, page_checksum_verification=True)
    assert str(table.schema.field("t_utc").type) == "timestamp[ns, tz=UTC]"
    started_ns = DEFAULT.started_utc_ns(tables)
    utc_ns = table["t_utc"].cast("int64").to_pylist()
    assert utc_ns == (beats.t_ns + started_ns).tolist()
    for name in ("index", "segment", "t_ns", "rr_ms", "uncertainty_ms", "final"):
        assert table[name].to_pylist() == getattr(beats, name).tolist(), name
    assert table["nn_ms"].to_pylist() == known(beats.nn_ms)
    assert table["label"].to_pylist() == beats.label.tolist()
    metadata = table.schema.metadata
    assert metadata[b"biofeedback.recording_sha256"].decode() == tables.sha256
    assert metadata[b"biofeedback.algorithm"].startswith(b"biofeedback-signal/")
    column = parquet.ParquetFile(file).metadata.row_group(0).column(0)
    assert column.compression == "ZSTD"

    with duckdb.connect() as connection:
        found = connection.execute(
            "select index, t_ns, rr_ms, nn_ms, label, segment, session_id, "
            f"epoch_ns(t_utc) from '{file}' order by index"
        ).fetchall()
        assert [row[:7] for row in found] == list(
            zip(
                beats.index.tolist(),
                beats.t_ns.tolist(),
                beats.rr_ms.tolist(),
                known(beats.nn_ms),
                beats.label.tolist(),
                beats.segment.tolist(),
                [DEFAULT.session_id(tables)] * len(beats),
                strict=True,
            )
        )
        # Older DuckDB knows time zones to the microsecond only.
        got_ns = np.array([row[7] for row in found])
        assert np.abs(got_ns - np.array(utc_ns)).max() < 1000
        for name, values in tables.metrics.columns.items():
            metrics = tmp_path / "out" / "metrics.parquet"
            rows = connection.execute(f"select \"{name}\" from '{metrics}'").fetchall()
            assert [row[0] for row in rows] == known(values), name


def test_parquet_holds_every_sample_and_event(tables: Tables, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    written(tables, "parquet", tmp_path / "out", TOLD)
    for trace in tables.traces:
        table = parquet.read_table(tmp_path / "out" / f"{trace.signal.value}.parquet")
        names = ["ecg_uv"] if trace.signal is Signal.ECG else ["x_mg", "y_mg", "z_mg"]
        values = [table[name].to_pylist() for name in names]
        assert values == trace.values.T.tolist()
        t_ms = np.array(table["t_ns"].to_pylist()) / 1e6
        assert np.abs(t_ms - trace.t_ms).max() < 1e-5
    events = parquet.read_table(tmp_path / "out" / "events.parquet").to_pylist()
    typed = {entry.id: entry for entry in tables.entries}
    told = {row["id"]: row for row in events if row["id"]}
    assert set(told) == set(typed)
    for id, entry in typed.items():
        row = told[id]
        assert (row["value"], row["text"]) == (entry.value, entry.text)
        assert (row["kind"], row["by"]) == (entry.type, entry.by)
        assert row["t_ns"] == entry.t_ns
        expected_ns = tables.info.started_at_utc_ns + entry.t_ns
        assert row["t_utc"].value == expected_ns
    provenance = json.loads((tmp_path / "out" / "provenance.json").read_text())
    assert provenance["exported_at_utc"] == iso_utc(CREATED_NS)
    assert (provenance["dates"], provenance["free_text"]) == ("kept", "kept")
