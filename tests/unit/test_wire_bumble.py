"""Bumble's Heart Rate codec and ours say the same of the same bytes."""

from __future__ import annotations

import itertools

import pytest
from bumble.profiles.heart_rate_service import HeartRateService

from biofeedback.wire import HeartRateMeasurement

Theirs = HeartRateService.HeartRateMeasurement

COMBINATIONS = list(
    itertools.product(
        (0, 61, 255, 256, 65535),
        (None, False, True),
        (None, 0, 1337, 65535),
        (None, *range(1, 10)),
    )
)
"""Rate, contact, energy, and how many intervals: 600 packets."""


def ours(
    hr_bpm: int, contact: bool | None, energy_kj: int | None, rr_count: int | None
) -> HeartRateMeasurement:
    return HeartRateMeasurement(
        hr_bpm=hr_bpm,
        contact=contact,
        energy_kj=energy_kj,
        rr_1024=None if rr_count is None else tuple(range(700, 700 + rr_count)),
        wide=hr_bpm > 0xFF,
    )


def theirs(measurement: HeartRateMeasurement) -> Theirs:
    assert measurement.hr_bpm is not None
    rr_1024 = measurement.rr_1024
    return Theirs(
        heart_rate=measurement.hr_bpm,
        sensor_contact_detected=measurement.contact,
        energy_expended=measurement.energy_kj,
        rr_intervals=None if rr_1024 is None else [raw / 1024 for raw in rr_1024],
    )


@pytest.mark.parametrize("contact", [None, False, True])
def test_both_write_the_same_bytes(contact: bool | None) -> None:
    for combination in COMBINATIONS:
        if combination[1] is contact:
            measurement = ours(*combination)
            assert bytes(theirs(measurement)) == bytes(measurement), combination


@pytest.mark.parametrize("contact", [None, False, True])
def test_both_read_the_same_values(contact: bool | None) -> None:
    for combination in COMBINATIONS:
        if combination[1] is contact:
            data = bytes(ours(*combination))
            mine, other = HeartRateMeasurement.from_bytes(data), Theirs.from_bytes(data)
            assert other.heart_rate == mine.hr_bpm
            assert other.sensor_contact_detected == mine.contact
            assert other.energy_expended == mine.energy_kj
            rr_1024 = mine.rr_1024
            assert other.rr_intervals == (
                None if rr_1024 is None else tuple(raw / 1024 for raw in rr_1024)
            )


def test_every_raw_interval_survives_both() -> None:
    # Bumble holds seconds and truncates as it writes: int(rr * 1024). Counts of
    # 1/1024 s are exact in binary, so nothing is lost on the way through it.
    for raw in range(0, 0x10000, 7):
        data = bytes(HeartRateMeasurement(hr_bpm=60, rr_1024=(raw,)))
        assert bytes(Theirs.from_bytes(data)) == data


def test_bumble_truncates_an_interval_between_two_counts() -> None:
    # 855.9 counts become 855: a simulator built on it would be 1 ms short.
    data = bytes(Theirs(heart_rate=60, rr_intervals=[855.9 / 1024]))
    assert HeartRateMeasurement.from_bytes(data).rr_1024 == (855,)


def test_an_odd_tail_breaks_bumble_and_not_us() -> None:
    data = bytes.fromhex("10 3c 00 04 07")
    with pytest.raises(Exception, match="requires a buffer"):
        Theirs.from_bytes(data)
    assert HeartRateMeasurement.from_bytes(data).rr_1024 == (1024,)
