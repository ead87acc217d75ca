"""What must hold for every packet: written is read, and no bytes break a parser."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from biofeedback.wire import (
    Anomaly,
    BatteryLevel,
    BodyLocation,
    DeviceInformation,
    HeartRateMeasurement,
)
from biofeedback.wire.device_information import CHARACTERISTICS

UINT16 = st.integers(0, 0xFFFF)


@st.composite
def measurements(draw: st.DrawFn) -> HeartRateMeasurement:
    wide = draw(st.booleans())
    return HeartRateMeasurement(
        hr_bpm=draw(st.integers(0, 0xFFFF if wide else 0xFF)),
        contact=draw(st.sampled_from([None, False, True])),
        energy_kj=draw(st.none() | UINT16),
        rr_1024=draw(st.none() | st.lists(UINT16, max_size=12).map(tuple)),
        wide=wide,
    )


@given(measurements())
def test_what_is_written_is_read(measurement: HeartRateMeasurement) -> None:
    read = HeartRateMeasurement.from_bytes(bytes(measurement))
    assert msgspec.structs.replace(read, anomalies=()) == measurement


@pytest.mark.parametrize(
    ("wide", "contact", "energy_kj", "rr_count"),
    [
        *itertools.product(
            (False, True), (None, False, True), (None, 0, 65535), (None, *range(1, 10))
        )
    ],
)
def test_each_combination_of_optional_fields(
    wide: bool, contact: bool | None, energy_kj: int | None, rr_count: int | None
) -> None:
    measurement = HeartRateMeasurement(
        hr_bpm=300 if wide else 61,
        contact=contact,
        energy_kj=energy_kj,
        rr_1024=None if rr_count is None else tuple(range(900, 900 + rr_count)),
        wide=wide,
    )
    assert HeartRateMeasurement.from_bytes(bytes(measurement)) == measurement


@given(st.binary(max_size=64))
@example(b"")
@example(b"\xff")
def test_no_bytes_break_the_heart_rate_parser(data: bytes) -> None:
    measurement = HeartRateMeasurement.from_bytes(data)
    if measurement.hr_bpm is None:
        assert Anomaly.SHORT in measurement.anomalies
        return
    again = HeartRateMeasurement.from_bytes(bytes(measurement))
    # What could be read can be written; only what was odd about the bytes is lost.
    assert msgspec.structs.replace(again, anomalies=()) == msgspec.structs.replace(
        measurement, anomalies=()
    )


@given(measurements(), st.data())
def test_a_truncated_packet_keeps_its_whole_intervals(
    measurement: HeartRateMeasurement, data: st.DataObject
) -> None:
    whole = bytes(measurement)
    cut = HeartRateMeasurement.from_bytes(
        whole[: data.draw(st.integers(0, len(whole)))]
    )
    rr, cut_rr = measurement.rr_1024 or (), cut.rr_1024 or ()
    assert rr[: len(cut_rr)] == cut_rr


@given(st.binary(max_size=4))
def test_no_bytes_break_battery_or_body_location(data: bytes) -> None:
    pct = BatteryLevel.from_bytes(data).pct
    assert pct is None or bytes(BatteryLevel(pct=pct)) == data[:1]
    place = BodyLocation.from_bytes(data)
    assert place is None or bytes(place) == data[:1]


@given(st.dictionaries(st.sampled_from([*CHARACTERISTICS, "2a38"]), st.binary()))
def test_no_bytes_break_the_device_information(values: dict[str, bytes]) -> None:
    information = DeviceInformation.from_bytes(values)
    assert DeviceInformation.from_bytes(information.to_bytes()) == information
