"""Battery, body location, device information and UUIDs."""

from __future__ import annotations

import pytest

from biofeedback.wire import BatteryLevel, BodyLocation, DeviceInformation, uuids
from biofeedback.wire.device_information import CHARACTERISTICS, text


def test_battery_reads_per_cent() -> None:
    assert BatteryLevel.from_bytes(b"\x64").pct == 100
    assert BatteryLevel.from_bytes(b"\x00").pct == 0


@pytest.mark.parametrize("data", [b"", b"\x65", b"\xff"])
def test_battery_nonsense_is_unknown(data: bytes) -> None:
    assert BatteryLevel.from_bytes(data).pct is None


@pytest.mark.parametrize("pct", [None, -1, 101])
def test_battery_refuses_what_is_no_per_cent(pct: int | None) -> None:
    with pytest.raises(ValueError, match="0 to 100"):
        bytes(BatteryLevel(pct=pct))


def test_body_location_is_a_word() -> None:
    place = BodyLocation.from_bytes(b"\x05")
    assert place is BodyLocation.EAR_LOBE
    assert place.word == "ear lobe"
    assert bytes(place) == b"\x05"


@pytest.mark.parametrize("data", [b"", b"\x07", b"\xff\x01"])
def test_unknown_body_location_is_none(data: bytes) -> None:
    assert BodyLocation.from_bytes(data) is None


def test_device_information_of_an_h10() -> None:
    information = DeviceInformation.from_bytes(
        {
            "2a29": b"Polar Electro Oy\x00",
            "2a24": b"H10",
            "2a26": b"5.0.0\x00\x00",
            "2a27": b"00760690.03",
            "2a38": b"\x01",
        }
    )
    assert information == DeviceInformation(
        manufacturer="Polar Electro Oy",
        model="H10",
        firmware="5.0.0",
        hardware="00760690.03",
    )


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", None),
        (b"\x00\x00", None),
        (b"   ", None),
        (b" H10 \x00", "H10"),
        (b"\x00H10", "H10"),
        (b"H10\x00leftover", "H10"),
        (b"TICKR\xff", "TICKR\N{REPLACEMENT CHARACTER}"),
        (b"H\x0710\n", "H10"),
        ("Größe".encode(), "Größe"),
    ],
)
def test_text_survives_what_straps_send(data: bytes, expected: str | None) -> None:
    assert text(data) == expected


def test_uuids_go_both_ways() -> None:
    for short in (*CHARACTERISTICS, uuids.HEART_RATE_SERVICE, uuids.BATTERY_LEVEL):
        assert uuids.to_uuid16(uuids.to_uuid128(short)) == short
    assert uuids.to_uuid16("2A37") == "2a37"


def test_a_vendors_own_uuid_has_no_short_form() -> None:
    assert uuids.to_uuid16("fb005c80-02e7-f387-1cad-8acd2d8df0c8") is None


@pytest.mark.parametrize("short", ["", "2a3", "02a37", "zzzz"])
def test_a_wrong_short_uuid_is_refused(short: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - int() has its own words
        uuids.to_uuid128(short)


def test_polar_s_own_characteristics_have_names() -> None:
    for name in (uuids.PMD_SERVICE, uuids.PMD_CONTROL_POINT, uuids.PMD_DATA):
        full = uuids.to_uuid128(name)
        assert full.startswith("fb005c8")
        assert uuids.to_short(full.upper()) == name
        assert uuids.to_uuid16(full) is None
    assert uuids.to_short(uuids.to_uuid128("2a37")) == "2a37"
    assert uuids.to_short("fb005c51-02e7-f387-1cad-8acd2d8df0c8") is None
