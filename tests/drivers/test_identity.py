"""A strap is known by its serial number or name, not by its address alone."""

from __future__ import annotations

import msgspec
import pytest

from biofeedback.model import FoundStrap, LinkReason, LinkState, LinkStep
from biofeedback.session.driver import named
from biofeedback.simulator.bluez import VirtualBlueZ
from biofeedback.simulator.bluez_objects import Make
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.bus import PrivateBus
from biofeedback.wire import DeviceInformation
from biofeedback_drivers.identity import Identity, has_unit_number
from tests.drivers.room import HASTY, Room, driver, eventually, packet

TWIN = "HRM Dual"


def strap_at(number: int, name: str = TWIN) -> FoundStrap:
    address = f"A0:9E:1A:00:00:{number:02X}"
    return FoundStrap(id=f"ble:{address}", name=name, address=address)


@pytest.mark.parametrize(
    ("name", "numbered"),
    [
        ("Polar H10 1A2B3C4D", True),
        ("Polar Sense ABCD1234", True),
        ("TICKR 5E3A", True),
        ("Movesense 174630000192", True),
        ("HRM-Dual:123456", True),
        ("Polar H10", False),
        ("TICKR", False),
        ("Decade", False),
        ("HRM Dual", False),
        ("", False),
    ],
)
def test_names_that_carry_the_number_of_one_unit(name: str, numbered: bool) -> None:
    assert has_unit_number(name) is numbered


def test_an_address_is_taken_at_its_word_the_first_time() -> None:
    identity = Identity(strap_at(1))
    assert identity.is_wanted(strap_at(1, "whatever it is called"))
    assert not identity.is_wanted(strap_at(2))
    assert identity.accept(strap_at(1), "S1")


def test_the_serial_number_decides_between_twins() -> None:
    identity = Identity(strap_at(1))
    assert identity.accept(strap_at(1), "S1")
    assert identity.may_be(strap_at(2))
    assert not identity.accept(strap_at(2), "S2")
    assert not identity.may_be(strap_at(2))  # put aside
    assert identity.accept(strap_at(3), "S1")
    assert identity.is_wanted(strap_at(3))  # it has moved there


def test_the_same_address_with_another_serial_is_another_strap() -> None:
    identity = Identity(strap_at(1))
    assert identity.accept(strap_at(1), "S1")
    assert not identity.accept(strap_at(1), "S2")
    assert not identity.is_wanted(strap_at(1))


def test_without_serial_numbers_only_a_numbered_name_counts() -> None:
    plain, numbered = Identity(strap_at(1)), Identity(strap_at(1, "TICKR 5E3A"))
    assert plain.accept(strap_at(1), None)
    assert not plain.accept(strap_at(2), None)
    assert numbered.accept(strap_at(1, "TICKR 5E3A"), None)
    assert numbered.accept(strap_at(2, "TICKR 5E3A"), None)


def test_asked_for_by_name_the_first_one_sticks() -> None:
    identity = Identity(named("hrm"))
    assert identity.is_wanted(strap_at(1))
    assert not identity.is_wanted(strap_at(1, "Polar H10"))
    assert identity.accept(strap_at(1), "S1")
    assert not identity.is_wanted(strap_at(2))
    assert not identity.accept(strap_at(2), "S2")


def test_asked_for_by_an_address_there_is_no_name_to_go_by() -> None:
    identity = Identity(named("A0:9E:1A:00:00:01"))
    assert not identity.may_be(strap_at(2, "A0:9E:1A:00:00:01"))
    assert identity.is_wanted(strap_at(1))


def test_straps_without_a_name_are_not_alike() -> None:
    identity = Identity(strap_at(1, "Heart rate strap"))
    assert not identity.may_be(strap_at(2, "Heart rate strap"))


# --- Through real Bleak ---


def twin(number: int, serial: str | None) -> VirtualStrap:
    information = DeviceInformation(manufacturer="Garmin", serial=serial)
    return VirtualStrap(
        address=strap_at(number).address, name=TWIN, make=Make(information=information)
    )


async def test_a_strap_that_changes_its_address_is_found_again(
    bus: PrivateBus,
) -> None:
    before, after = twin(1, "S1"), twin(9, "S1")
    async with VirtualBlueZ(bus.address, before) as bluez, Room(bluez, before) as room:
        room.begin()
        await room.streams(1000)
        await bluez.take_away(before)
        bluez.add(after)
        room.strap = after
        await room.streams(1001)
        assert room.sent() == [packet(1000), packet(1001)]


async def test_a_twin_is_never_taken_for_the_strap(bus: PrivateBus) -> None:
    ours, other = twin(1, "S1"), twin(2, "S2")
    async with VirtualBlueZ(bus.address, ours, other) as bluez, Room(bluez, ours) as at:
        at.begin(driver(HASTY))
        await at.streams(1000)
        await bluez.hide(ours)
        await at.change(LinkState.RECONNECTING, LinkReason.NOT_FOUND)
        await eventually(lambda: other.links == 1, "a look at the twin")
        await eventually(lambda: not other.connected, "a goodbye to the twin")
        assert LinkStep.SUBSCRIBING not in at.steps[at.steps.index(LinkStep.LOST) :]
        await bluez.show(ours)
        await at.streams(1001)
        assert at.sent() == [packet(1000), packet(1001)]
        assert other.links == 1


async def test_one_strap_is_not_opened_twice(room: Room) -> None:
    ble = driver()
    room.begin(ble)
    await room.streams(1000)
    async with Room(room.bluez, room.strap) as second:
        second.begin(ble)
        await second.change(LinkState.SEARCHING, LinkReason.BUSY)
        assert len(ble.radio.sources) == 2
        assert room.strap.links == 1
        await room.end()
        await second.streams(1001)
        assert second.sent() == [packet(1001)]
    await eventually(lambda: not ble.radio.sources, "an end of both")


async def test_two_sources_asking_by_one_name_take_two_straps(bus: PrivateBus) -> None:
    ble, straps = driver(), (twin(1, "S1"), twin(2, "S2"))
    async with (
        VirtualBlueZ(bus.address, *straps) as bluez,
        Room(bluez, straps[0]) as one,
        Room(bluez, straps[1]) as two,
    ):
        one.begin(ble, named("HRM"))
        two.begin(ble, named("HRM"))
        await eventually(
            lambda: all(each.subscribed.is_set() for each in straps), "two links"
        )
        await straps[0].notify(packet(900))
        await straps[1].notify(packet(1100))
        await eventually(lambda: len(one.sent() + two.sent()) == 2, "both packets")
        assert sorted((*one.sent(), *two.sent())) == sorted((packet(900), packet(1100)))
        assert [each.links for each in straps] == [1, 1]


def test_the_found_strap_itself_is_never_changed() -> None:
    wanted = strap_at(1)
    copy = msgspec.structs.replace(wanted)
    Identity(wanted).accept(strap_at(1, "Another name"), "S1")
    assert wanted == copy
