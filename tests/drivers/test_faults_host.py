"""The fault list, 1 to 11: the computer's own Bluetooth. See ``docs/straps.md``."""

from __future__ import annotations

import pytest

from biofeedback.errors import ADVICE
from biofeedback.model import LinkReason, LinkState, LinkStep
from biofeedback.simulator.bluez_objects import Adapter
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.bus import PrivateBus
from biofeedback_drivers.options import Options
from tests.drivers.room import eventually
from tests.drivers.scene import MODES, UNHURRIED, Scene, scene


async def trouble(at: Scene, reason: LinkReason) -> None:
    """See the driver wait because of ``reason``, and say what to do about it."""
    change = await at.reached(LinkStep.BACKOFF, reason)
    assert change.advice == ADVICE[reason]
    assert change.state is LinkState.SEARCHING
    assert change.retry_in_ms is not None
    assert LinkStep.CONNECTING not in at.steps


async def test_fault_01_no_bus_socket(bus: PrivateBus) -> None:
    await bus.stop_daemon()
    async with scene(bus, up=False) as at:
        at.begin()
        await trouble(at, LinkReason.NO_BUS)
        await bus.start()
        await at.bluez.start()
        await at.beats()
        await at.end()
        await at.ble.close()
        await at.bluez.stop()
        await bus.stop_daemon()  # as it was when the scene was set


async def test_fault_01_no_bus_is_tried_until_the_end(bus: PrivateBus) -> None:
    await bus.stop_daemon()
    async with scene(bus, up=False) as at:
        at.begin()
        await trouble(at, LinkReason.NO_BUS)
        await at.end()


async def test_fault_02_no_bluetooth_service(bus: PrivateBus) -> None:
    async with scene(bus, up=False) as at:
        at.begin()
        await trouble(at, LinkReason.NO_DAEMON)
        status = await at.ble.status()
        assert (status.available, status.reason) == (False, LinkReason.NO_DAEMON)


async def test_fault_03_bluetooth_service_starts_late(bus: PrivateBus) -> None:
    async with scene(bus, up=False) as at:
        at.begin()
        await trouble(at, LinkReason.NO_DAEMON)
        await at.bluez.start()
        await at.beats()
        await at.reached(LinkStep.STREAMING)


async def test_fault_04_no_adapter(bus: PrivateBus) -> None:
    async with scene(bus, adapter=Adapter(present=False)) as at:
        at.begin()
        await trouble(at, LinkReason.NO_ADAPTER)
        await at.bluez.plug()
        await at.beats()
        await at.reached(LinkStep.STREAMING)


async def test_fault_05_adapter_off_at_start(bus: PrivateBus) -> None:
    async with scene(bus, adapter=Adapter(powered=False)) as at:
        at.begin()
        await trouble(at, LinkReason.ADAPTER_OFF)
        await at.bluez.power(True)
        await at.beats()
        await at.reached(LinkStep.STREAMING)


@MODES
async def test_fault_06_adapter_off_and_on_mid_stream(
    bus: PrivateBus, start: bool
) -> None:
    async with scene(bus, start=start) as at:
        at.begin()
        await at.beats()
        await at.bluez.power(False)
        await at.reached(LinkStep.LOST)
        change = await at.reached(LinkStep.BACKOFF, LinkReason.ADAPTER_OFF)
        assert change.state is LinkState.RECONNECTING
        await at.bluez.power(True)
        await at.beats()
        await at.reached(LinkStep.STREAMING)


@MODES
async def test_fault_07_unplug_and_replug(bus: PrivateBus, start: bool) -> None:
    async with scene(bus, start=start) as at:
        at.begin()
        await at.beats()
        await at.bluez.unplug()
        # Bleak tells nobody: without the watch this would take the silence's 5 s.
        # BlueZ removes the device before its adapter.
        await at.reached(LinkStep.LOST, LinkReason.LINK_LOST)
        await at.reached(LinkStep.BACKOFF, LinkReason.NO_ADAPTER)
        await at.bluez.plug()
        await at.beats()
        await at.reached(LinkStep.STREAMING)


@MODES
async def test_fault_08_bluetooth_service_crashes_and_returns(
    bus: PrivateBus, start: bool
) -> None:
    async with scene(bus, start=start) as at:
        at.begin()
        await at.beats()
        await at.bluez.stop()
        await at.reached(LinkStep.LOST, LinkReason.NO_DAEMON)
        await at.reached(LinkStep.BACKOFF, LinkReason.NO_DAEMON)
        await at.bluez.start()
        await at.beats()
        await at.reached(LinkStep.STREAMING)


async def test_fault_08_it_crashes_while_services_are_looked_up(
    bus: PrivateBus,
) -> None:
    async with scene(bus, timing=UNHURRIED) as at:
        at.strap.services_hang = True
        at.begin()
        await eventually(lambda: at.strap.connected, "a link without services")
        await at.bluez.stop()
        await at.reached(LinkStep.BACKOFF, LinkReason.NO_DAEMON)
        at.strap.services_hang = False
        await at.bluez.start()
        await at.beats()
        await at.reached(LinkStep.STREAMING)


@MODES
async def test_fault_09_dbus_daemon_restarts(bus: PrivateBus, start: bool) -> None:
    async with scene(bus, start=start) as at:
        at.begin()
        await at.beats()
        await bus.stop_daemon()
        await at.reached(LinkStep.LOST)
        await at.reached(LinkStep.BACKOFF, LinkReason.NO_BUS)
        await at.bluez.stop()  # it has lost its connection, too
        await bus.start()
        await at.bluez.start()
        await at.beats()
        await at.reached(LinkStep.STREAMING)


async def test_fault_10_permission_denied(bus: PrivateBus) -> None:
    async with scene(bus) as at:
        await bus.deny("org.bluez")
        at.begin()
        await trouble(at, LinkReason.PERMISSION)
        await bus.deny()
        await at.beats()
        await at.reached(LinkStep.STREAMING)


@pytest.mark.parametrize("named_by", ["hci1", "00:1A:7D:DA:71:14"])
async def test_fault_11_the_second_adapter_is_chosen(
    bus: PrivateBus, named_by: str
) -> None:
    second = Adapter(name="hci1", address="00:1A:7D:DA:71:14")
    strap = VirtualStrap(near="hci1")
    async with scene(
        bus, strap, beside=(second,), options=Options(adapter=named_by)
    ) as at:
        at.begin()
        await at.beats()
        await at.bluez.power(False)  # the first one is none of our business
        await at.beats()
        assert at.strap.links == 1
        await at.bluez.power(False, second)
        await at.reached(LinkStep.BACKOFF, LinkReason.ADAPTER_OFF)
        await at.bluez.power(True, second)
        await at.beats()
        await at.reached(LinkStep.STREAMING)


async def test_fault_11_an_adapter_that_is_not_there(bus: PrivateBus) -> None:
    async with scene(bus, options=Options(adapter="hci7")) as at:
        at.begin()
        await trouble(at, LinkReason.NO_ADAPTER)
