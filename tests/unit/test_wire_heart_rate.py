"""0x2A37 packets as real straps send them, named after what is special about them."""

from __future__ import annotations

import pytest

from biofeedback.wire.heart_rate import Anomaly, HeartRateMeasurement

HRM = HeartRateMeasurement

VECTORS = {
    # Polar H10: contact "not supported", two intervals above 60 bpm.
    "h10 two rr": ("10 48 40 03 52 03", HRM(hr_bpm=72, rr_1024=(832, 850))),
    # Below 60 bpm a second may pass without a beat: no RR, and no flag for it.
    "h10 no beat this second": ("00 34", HRM(hr_bpm=52)),
    # Polar H7: contact supported and detected, flags 0b0010110.
    "h7 on the skin": ("16 3c 00 04", HRM(hr_bpm=60, contact=True, rr_1024=(1024,))),
    "h7 off the skin": ("14 3c 00 04", HRM(hr_bpm=60, contact=False, rr_1024=(1024,))),
    "detected without supported is not supported": ("02 3c", HRM(hr_bpm=60)),
    # Garmin HRM-Dual: 53/1024 s is no heartbeat; it is kept and flagged.
    "hrm-dual extra rr": (
        "10 38 2d 04 35 00",
        HRM(hr_bpm=56, rr_1024=(1069, 53), anomalies=(Anomaly.RR_IMPLAUSIBLE,)),
    ),
    "energy shifts rr": (
        "18 5a 39 05 98 02",
        HRM(hr_bpm=90, energy_kj=1337, rr_1024=(664,)),
    ),
    "uint16 rate": ("01 2c 01", HRM(hr_bpm=300, wide=True)),
    "uint16 rate, energy, contact, rr": (
        "1f 46 00 10 00 6d 03",
        HRM(hr_bpm=70, wide=True, contact=True, energy_kj=16, rr_1024=(877,)),
    ),
    "nine rr fill an mtu of 23": (
        "10 78" + " 00 02" * 9,
        HRM(hr_bpm=120, rr_1024=(512,) * 9),
    ),
    "optical band, no rr ever": ("06 44", HRM(hr_bpm=68, contact=True)),
}

ODD = {
    "empty": ("", HRM(hr_bpm=None, anomalies=(Anomaly.SHORT,))),
    "flags only": ("00", HRM(hr_bpm=None, anomalies=(Anomaly.SHORT,))),
    "half a uint16 rate": (
        "01 2c",
        HRM(hr_bpm=None, wide=True, anomalies=(Anomaly.SHORT,)),
    ),
    "half an energy": ("08 5a 39", HRM(hr_bpm=90, anomalies=(Anomaly.SHORT,))),
    "odd tail": (
        "10 3c 00 04 07",
        HRM(hr_bpm=60, rr_1024=(1024,), anomalies=(Anomaly.ODD_TAIL,)),
    ),
    "rr flag without rr": (
        "10 3c",
        HRM(hr_bpm=60, rr_1024=(), anomalies=(Anomaly.RR_FLAG_WITHOUT_RR,)),
    ),
    "rate zero": ("00 00", HRM(hr_bpm=0, anomalies=(Anomaly.HR_ZERO,))),
    "rr zero": (
        "10 3c 00 00",
        HRM(hr_bpm=60, rr_1024=(0,), anomalies=(Anomaly.RR_IMPLAUSIBLE,)),
    ),
    "rr of 64 seconds": (
        "10 3c ff ff",
        HRM(hr_bpm=60, rr_1024=(65535,), anomalies=(Anomaly.RR_IMPLAUSIBLE,)),
    ),
    "reserved bits": ("e0 3c", HRM(hr_bpm=60, anomalies=(Anomaly.RESERVED_BITS,))),
    "bytes nobody announced": (
        "00 3c 01",
        HRM(hr_bpm=60, anomalies=(Anomaly.TRAILING,)),
    ),
}


@pytest.mark.parametrize("name", VECTORS)
def test_a_good_packet_reads_and_writes(name: str) -> None:
    packet, expected = VECTORS[name]
    data = bytes.fromhex(packet)
    assert HRM.from_bytes(data) == expected
    if name != "detected without supported is not supported":
        assert bytes(expected) == data


@pytest.mark.parametrize("name", ODD)
def test_an_odd_packet_is_read_as_far_as_it_goes(name: str) -> None:
    packet, expected = ODD[name]
    assert HRM.from_bytes(bytes.fromhex(packet)) == expected


def test_several_anomalies_are_all_listed() -> None:
    measurement = HRM.from_bytes(bytes.fromhex("30 00 35 00 01"))
    assert set(measurement.anomalies) == {
        Anomaly.RESERVED_BITS,
        Anomaly.HR_ZERO,
        Anomaly.ODD_TAIL,
        Anomaly.RR_IMPLAUSIBLE,
    }


def test_intervals_become_milliseconds_without_rounding() -> None:
    assert HRM(hr_bpm=60, rr_1024=(1069, 1024)).rr_ms == (1043.9453125, 1000.0)
    assert HRM(hr_bpm=60).rr_ms == ()


@pytest.mark.parametrize(
    ("rr_1024", "plausible"), [(279, False), (280, True), (2560, True), (2561, False)]
)
def test_plausible_intervals_lie_between_273_and_2500_ms(
    rr_1024: int, plausible: bool
) -> None:
    packet = HRM.from_bytes(bytes(HRM(hr_bpm=60, rr_1024=(rr_1024,))))
    assert (Anomaly.RR_IMPLAUSIBLE not in packet.anomalies) is plausible


@pytest.mark.parametrize(
    "measurement",
    [
        HRM(hr_bpm=None),
        HRM(hr_bpm=256),
        HRM(hr_bpm=65536, wide=True),
        HRM(hr_bpm=-1),
        HRM(hr_bpm=60, energy_kj=65536),
        HRM(hr_bpm=60, rr_1024=(70000,)),
    ],
)
def test_what_cannot_be_a_packet_is_refused(measurement: HRM) -> None:
    with pytest.raises(ValueError, match=r"packet|wide"):
        bytes(measurement)
