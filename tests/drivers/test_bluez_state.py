"""One look at BlueZ for all who ask at once, and one rule for the adapter."""

from __future__ import annotations

import asyncio

import pytest
from dbus_fast import Variant

from biofeedback.errors import LinkError
from biofeedback.model import LinkReason
from biofeedback.simulator.bluez import VirtualBlueZ
from biofeedback.simulator.bluez_objects import ADAPTER, Adapter, Interfaces
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.bus import PrivateBus
from biofeedback_drivers.bluez_state import (
    AdapterSeen,
    SharedLook,
    adapter_in_use,
    state_of_bluez,
)
from tests.drivers.room import driver


class Peripheral(Adapter):
    """An adapter that cannot connect to straps."""

    def interfaces(self) -> Interfaces:
        seen = super().interfaces()
        seen[ADAPTER]["Roles"] = Variant("as", ["peripheral"])
        return seen


LOOK = "org.freedesktop.DBus.ObjectManager.GetManagedObjects"


async def test_a_hundred_questions_at_once_are_one_look(bluez: VirtualBlueZ) -> None:
    radio = driver().radio
    bluez.calls.clear()
    answers = await asyncio.gather(*(radio.held() for _ in range(100)))
    assert answers == [()] * 100
    assert bluez.calls.count(LOOK) == 1


async def test_no_answer_is_older_than_its_question(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    shared = SharedLook()
    bluez.calls.clear()
    early = asyncio.create_task(shared.state())
    while LOOK not in bluez.calls:  # noqa: ASYNC110 - nobody announces it
        await asyncio.sleep(0)
    await bluez.power(False)
    late = await asyncio.gather(*(shared.state() for _ in range(10)))
    assert not any(each.adapters[0].powered for each in late)
    assert (await early).adapters
    assert bluez.calls.count(LOOK) == 2


async def test_a_question_that_nobody_waits_for_is_dropped(
    bluez: VirtualBlueZ,
) -> None:
    shared, before = SharedLook(), asyncio.all_tasks()
    for _ in range(3):
        asked = [asyncio.create_task(shared.state()) for _ in range(3)]
        await asyncio.sleep(0.001)
        for each in asked[1:]:
            each.cancel()
        assert (await asked[0]).adapters  # the others' end is not its own
        for each in (last := [asyncio.create_task(shared.state()) for _ in range(3)]):
            await asyncio.sleep(0)
            each.cancel()
        await asyncio.gather(*asked, *last, return_exceptions=True)
    async with asyncio.timeout(5):
        while asyncio.all_tasks() != before:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    assert (await shared.state()).adapters


async def test_all_are_told_why_there_is_no_answer(bus: PrivateBus) -> None:
    shared = SharedLook()
    answers = await asyncio.gather(
        *(shared.state() for _ in range(5)), return_exceptions=True
    )
    assert [each.reason for each in answers if isinstance(each, LinkError)] == [
        LinkReason.NO_DAEMON
    ] * 5


@pytest.mark.parametrize(
    ("hci0", "hci1", "used", "reason"),
    [
        ((True, True), (True, True), "hci0", None),
        ((False, True), (True, True), "hci1", None),
        # An adapter that is off helps more than one that cannot connect.
        ((True, False), (False, True), "hci1", LinkReason.ADAPTER_OFF),
        ((True, False), (True, False), "hci0", LinkReason.NO_ADAPTER),
    ],
)
async def test_the_driver_means_the_adapter_that_the_doctor_names(
    bus: PrivateBus,
    hci0: tuple[bool, bool],
    hci1: tuple[bool, bool],
    used: str,
    reason: LinkReason | None,
) -> None:
    first, second = (
        (Adapter if central else Peripheral)(
            name=name, address=f"00:1A:7D:DA:71:1{name[-1]}", powered=powered
        )
        for name, (powered, central) in (("hci0", hci0), ("hci1", hci1))
    )
    async with VirtualBlueZ(bus.address, adapter=first, others=(second,)):
        seen = adapter_in_use((await state_of_bluez()).adapters, None)
        assert isinstance(seen, AdapterSeen)
        assert seen.name == used
        assert (await driver().status()).reason is reason
