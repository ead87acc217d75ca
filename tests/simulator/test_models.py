"""Each model of strap is known by its profile, and its packets look like its own."""

from __future__ import annotations

import pytest

from biofeedback.errors import SettingsError
from biofeedback.simulator.models import MODELS, StrapModel, address_of, model_named
from biofeedback.wire.heart_rate import HeartRateMeasurement
from biofeedback.wire.profiles import PLAIN, PROFILES, RR, Contact, profile_of


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.id)
def test_its_profile_recognises_it(model: StrapModel) -> None:
    assert profile_of(model.name(7)).id == model.id
    information = model.make.information
    said = information.model if information else None
    assert profile_of("renamed by its owner", said).id == model.id


def test_every_profile_has_a_model() -> None:
    assert {each.id for each in (*PROFILES, PLAIN)} == set(MODELS)


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.id)
def test_its_packets_are_what_the_profile_expects(model: StrapModel) -> None:
    profile = profile_of(model.name())
    sent = bytes(HeartRateMeasurement(hr_bpm=60, contact=True, rr_1024=(1000, 1010)))
    dressed = [
        HeartRateMeasurement.from_bytes(model.style.dress(sent, number))
        for number in range(1, 7)
    ]
    rr = {each.rr_1024 for each in dressed}
    match profile.rr:
        case RR.NONE:
            assert rr == {None}
        case RR.EXTRA:
            assert rr == {(1000, 1010), (1000, 1010, 53)}
        case RR.ALL | RR.UNKNOWN:
            assert rr == {(1000, 1010)}
    if profile.contact is Contact.ABSENT:
        assert {each.contact for each in dressed} == {None}
    assert {each.hr_bpm for each in dressed} == {60}
    offers = (
        {each.measurement.name for each in model.make.pmd.offers}
        if (model.make.pmd)
        else set()
    )
    assert offers == {each.name for each in profile.signals}


def test_a_garmin_strap_adds_the_interval_that_was_reported() -> None:
    sent = bytes(HeartRateMeasurement(hr_bpm=56, contact=True, rr_1024=(1069,)))
    dressed = model_named("garmin_hrm").style.dress(sent, 3)
    assert dressed == bytes.fromhex("10382d043500")


def test_a_coospo_counts_energy_in_wide_packets() -> None:
    sent = bytes(HeartRateMeasurement(hr_bpm=56, rr_1024=(1069,)))
    dressed = model_named("coospo").style.dress(sent, 25)
    assert dressed == bytes.fromhex("1f380002002d04")


def test_names_and_addresses_are_each_their_own() -> None:
    names = [model_named("polar_h10").name(n) for n in range(1, 301)]
    assert len(set(names)) == len({address_of(n) for n in range(1, 301)}) == 300
    assert names[0] == "Polar H10 00000001"


def test_an_unknown_model_names_those_there_are() -> None:
    with pytest.raises(SettingsError, match="polar_h10, polar_h9"):
        model_named("elephant")
