"""FHIR and Open mHealth: read back by others, value by value."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

import numpy as np
import pytest

from biofeedback.recording.exporters.options import ExportOptions, iso_utc
from biofeedback.recording.tables import Tables, read_tables
from tests.recording.exporting import (
    DEFAULT,
    EXAMPLES,
    FORMULA,
    TOLD,
    known,
    when,
    written,
)

Model: TypeAlias = Any
"""A model of pydantic, whose fields are anything."""


def bundle_of(tables: Tables, out: Path, options: ExportOptions = DEFAULT) -> Model:
    bundles = pytest.importorskip("fhir.resources.R4B.bundle")
    written(tables, "fhir", out, options)
    return bundles.Bundle.model_validate_json(out.read_text())


def observations(bundle: Model, system: str, code: str) -> list[Model]:
    return [
        entry.resource
        for entry in bundle.entry
        if entry.resource.get_resource_type() == "Observation"
        and any(
            (one.system, one.code) == (system, code)
            for one in entry.resource.code.coding
        )
    ]


LOINC = "http://loinc.org"


def test_fhir_holds_metrics_under_the_right_codes(
    interrupted: Tables, tmp_path: Path
) -> None:
    from biofeedback.recording.exporters.fhir_codes import OWN

    calm = read_tables(EXAMPLES / "calm.mcap")
    for number, tables in enumerate((calm, interrupted)):
        bundle = bundle_of(tables, tmp_path / f"{number}.json")
        assert bundle.type == "collection"
        seconds = tables.metrics.t_ns / 10**9
        for system, code, name, unit in (
            (LOINC, "8867-4", "hr_bpm_60s", "/min"),
            (LOINC, "80404-7", "sdnn_ms_60s", "ms"),
            (OWN, "rmssd", "rmssd_ms_60s", "ms"),
            (OWN, "pnn50", "pnn50_pct_60s", "%"),
        ):
            expected = {}
            for end_s in (60, 120):
                value = float(tables.metrics.columns[name][seconds == end_s][0])
                if not math.isnan(value):
                    expected[end_s] = value
            found = {}
            for one in observations(bundle, system, code):
                assert one.valueQuantity.code == one.valueQuantity.unit == unit
                period = one.effectivePeriod
                assert (period.end - period.start).total_seconds() == 60
                started = iso_utc(DEFAULT.started_utc_ns(tables), digits=6)
                end_s = round((period.end - when(started)).total_seconds())
                found[end_s] = float(one.valueQuantity.value)
            assert found == expected
            for one in observations(bundle, OWN, "rmssd"):
                assert all(coding.system != LOINC for coding in one.code.coding)
    assert len(expected) < 2, "a window that was not known is left out"


@pytest.mark.parametrize("which", ["tables", "interrupted"])
def test_fhir_holds_each_interval_with_its_time(
    which: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    from biofeedback.recording.exporters.fhir_codes import OWN

    tables: Tables = request.getfixturevalue(which)
    bundle = bundle_of(tables, tmp_path / "bundle.json")
    series = observations(bundle, OWN, "rr-series")
    beats = tables.beats
    assert len(series) == len(set(beats.segment.tolist()))
    t_ns: list[int] = []
    rr_ms: list[float] = []
    nn_ms: list[float | None] = []
    started = when(iso_utc(DEFAULT.started_utc_ns(tables), digits=6))
    for one in series:
        data = one.valueSampledData
        assert data.period is None, "beats are not evenly spaced"
        (absent,) = data.period__ext.extension
        assert absent.valueCode == "not-applicable"
        assert data.dimensions == 3
        words = data.data.split()
        start_s = (one.effectivePeriod.start - started).total_seconds()
        t_ns += [round(start_s * 1e9 + float(word) * 1e6) for word in words[::3]]
        rr_ms += [float(word) for word in words[1::3]]
        nn_ms += [None if word == "E" else float(word) for word in words[2::3]]
    assert rr_ms == beats.rr_ms.tolist()
    assert nn_ms == known(beats.nn_ms)
    # FHIR's readers know microseconds.
    assert np.abs(np.array(t_ns) - beats.t_ns).max() <= 2000


def test_fhir_holds_what_was_reported(tables: Tables, tmp_path: Path) -> None:
    from biofeedback.recording.exporters.fhir_codes import OWN

    bundle = bundle_of(tables, tmp_path / "bundle.json")
    (pain,) = observations(bundle, LOINC, "72514-3")
    assert (pain.valueInteger, pain.status) == (4, "corrected")
    assert pain.category[0].coding[0].code == "survey"
    assert pain.component[0].valueString == "during"
    assert pain.device is None, "no device measured it"
    (arousal,) = observations(bundle, OWN, "felt-arousal")
    assert arousal.valueInteger == 6
    (craving,) = (
        one for one in observations(bundle, OWN, "event") if one.valueQuantity
    )
    assert float(craving.valueQuantity.value) == 2.5
    paces = observations(bundle, OWN, "pacer-rate")
    assert [float(one.valueQuantity.value) for one in paces] == [6, 5.5]
    assert [one.note for one in observations(bundle, OWN, "event")].count(None) == 3

    told = bundle_of(tables, tmp_path / "told.json", TOLD)
    notes = [one.note[0].text for one in observations(told, OWN, "event") if one.note]
    assert FORMULA in notes


def test_fhir_refers_only_to_what_is_in_it(tables: Tables, tmp_path: Path) -> None:
    bundle = bundle_of(tables, tmp_path / "bundle.json")
    urls = [entry.fullUrl for entry in bundle.entry]
    assert len(set(urls)) == len(urls)
    text = (tmp_path / "bundle.json").read_text()
    raw = json.loads(text)
    assert set(_references(raw)) <= set(urls)
    resources = {entry.resource.get_resource_type(): entry for entry in bundle.entry}
    assert set(resources) == {
        *("Patient", "Device", "CodeSystem", "Observation", "Provenance")
    }
    patient = resources["Patient"].resource
    assert patient.identifier[0].value == "P-007"
    assert patient.name is None
    assert patient.birthDate is None
    labels = {one.code for one in resources["Observation"].resource.meta.security}
    assert labels == {"PSEUDED", "HTEST"}, "simulated: test health data"
    known_codes = {one.code for one in resources["CodeSystem"].resource.concept}
    system = resources["CodeSystem"].resource.url
    assert {code for owner, code in _codings(raw) if owner == system} <= known_codes
    provenance = resources["Provenance"].resource
    assert provenance.entity[0].what.identifier.value == tables.sha256
    assert len(provenance.target) == text.count('"resourceType": "Observation"')


def _walk(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for one in value.values():
            yield from _walk(one)
    elif isinstance(value, list):
        for one in value:
            yield from _walk(one)


def _references(raw: object) -> Iterator[str]:
    return (one["reference"] for one in _walk(raw) if "reference" in one)


def _codings(raw: object) -> Iterator[tuple[str, str]]:
    return (
        (one["system"], one["code"])
        for one in _walk(raw)
        if {"system", "code"} <= set(one)
    )


def test_omh_data_points_keep_their_schemas(tables: Tables, tmp_path: Path) -> None:
    exported = written(tables, "omh", tmp_path / "out")
    intervals = json.loads((tmp_path / "out" / "rr-interval.json").read_text())
    rates = json.loads((tmp_path / "out" / "heart-rate.json").read_text())
    for points, name, version in (
        (intervals, "rr-interval", "1.0"),
        (rates, "heart-rate", "2.0"),
    ):
        for point in points:
            # header 1.2 requires these; names and places as in its JSON schema.
            assert set(point) == {"header", "body"}
            header = point["header"]
            UUID(header["id"])
            assert when(header["creation_date_time"]).tzinfo is not None
            assert header["schema_id"] == {
                "namespace": "omh",
                "name": name,
                "version": version,
            }
            assert header["user_id"] == "P-007"
            assert header["acquisition_provenance"] == {
                "source_name": "Simulated heart"
            }, "nothing was sensed"
    ids = {point["header"]["id"] for point in (*intervals, *rates)}
    assert len(ids) == len(intervals) + len(rates)
    started = when(iso_utc(DEFAULT.started_utc_ns(tables), digits=6))
    beats = tables.beats
    assert [point["body"]["rr_interval"] for point in intervals] == [
        {"value": value, "unit": "ms"} for value in beats.rr_ms.tolist()
    ]
    for point, t_ns, rr_ms in zip(
        intervals, beats.t_ns.tolist(), beats.rr_ms.tolist(), strict=True
    ):
        frame = point["body"]["effective_time_frame"]["time_interval"]
        start, end = (when(frame[f"{k}_date_time"]) for k in ("start", "end"))
        assert abs((end - started).total_seconds() - t_ns / 1e9) < 3e-6
        assert abs((end - start).total_seconds() - rr_ms / 1000) < 3e-6
    rates_bpm = [point["body"]["heart_rate"]["value"] for point in rates]
    known_bpm = tables.heart.hr_bpm[~np.isnan(tables.heart.hr_bpm)]
    assert rates_bpm == known_bpm.tolist()
    assert {point["body"]["heart_rate"]["unit"] for point in rates} == {"beats/min"}
    assert any("no schema for heart rate variability" in n for n in exported.notes)
