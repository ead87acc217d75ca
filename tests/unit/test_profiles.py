"""What is known of each model: found by name or model number, and complete."""

from __future__ import annotations

import pytest

from biofeedback.model import Signal
from biofeedback.wire.profiles import (
    PLAIN,
    PROFILES,
    RR,
    Contact,
    profile_of,
    profile_with,
)


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("Polar H10 1A2B3C4D", "polar_h10"),
        ("Polar H9 1A2B3C4D", "polar_h9"),
        ("Polar H7 1A2B3C12", "polar_h7"),
        ("Polar Sense 1A2B3C4D", "polar_optical"),
        ("Polar OH1 1A2B3C4D", "polar_optical"),
        ("HRM-Dual:123456", "garmin_hrm"),
        ("HRM-Pro:123456", "garmin_hrm"),
        ("HRMPro+123456", "garmin_hrm"),
        ("TICKR 12AB", "wahoo"),
        ("TRACKR 12AB", "wahoo"),
        ("Movesense 204830000123", "movesense"),
        ("CooSpo H6 0012345", "coospo"),
        ("808S 0012345", "coospo"),
        ("Decathlon Dual HR", "decathlon"),
        ("", "heart_rate"),
        ("H10", "heart_rate"),
        ("My belt", "heart_rate"),
    ],
)
def test_a_name_tells_the_model(name: str, id: str) -> None:
    assert profile_of(name).id == id
    assert profile_of(name.upper()).id == id


def test_the_model_number_wins_over_a_name_that_was_changed() -> None:
    assert profile_of("Anna's belt", "H10").id == "polar_h10"
    assert profile_of("Polar H9 12345678", "H10").id == "polar_h10"
    assert profile_of("Polar H10 12345678", "unheard of").id == "polar_h10"


def test_every_profile_can_be_found_again() -> None:
    ids = [profile.id for profile in (*PROFILES, PLAIN)]
    assert len(set(ids)) == len(ids)
    for profile in PROFILES:
        assert profile_with(profile.id) is profile
        for name in profile.names:
            assert name == name.casefold()
            assert profile_of(name) is profile
        for model in profile.models:
            assert model == model.casefold()
            assert profile_of("", model) is profile
    assert profile_with("never heard of") is profile_with(None) is PLAIN


def test_what_is_known_is_what_was_measured_or_reported() -> None:
    latency_ms = {p.id: p.latency_ms for p in PROFILES if p.latency_ms is not None}
    # Physiol. Meas. 46 (2025) 085001, median RR latency
    assert latency_ms == {
        "polar_h10": 2600,
        "garmin_hrm": 700,
        "wahoo": 2100,
        "movesense": 400,
    }
    assert {p.id for p in PROFILES if p.rr is RR.NONE} == {"polar_optical"}
    assert {p.id for p in PROFILES if p.rr is RR.EXTRA} == {"garmin_hrm"}
    absent = {p.id for p in PROFILES if p.contact is Contact.ABSENT}
    assert {"polar_h10"} <= absent
    assert "polar_h7" not in absent
    assert profile_with("polar_h10").signals == (Signal.ECG, Signal.ACC)
    assert Signal.PPI in profile_with("polar_optical").signals
    assert not profile_with("polar_h9").signals
    for profile in (*PROFILES, PLAIN):
        assert profile.links >= 1
        assert all(quirk.endswith(".") for quirk in (*profile.quirks, profile.hint))
