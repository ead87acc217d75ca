"""The fault list, 18 to 25: connecting. See ``docs/straps.md``."""

from __future__ import annotations

import msgspec
import pytest
from bleak import BleakClient, BleakScanner

from biofeedback.model import LinkReason, LinkState, LinkStep
from biofeedback.simulator.bluez_objects import Adapter
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.bus import PrivateBus
from biofeedback_drivers.connecting import CONNECT_ATTEMPTS
from tests.drivers.room import eventually
from tests.drivers.scene import BRISK, HASTY, MODES, QUICK, UNHURRIED, scene

CONNECT = "org.bluez.Device1.Connect"
FAILED = "org.bluez.Error.Failed"
ABORT = (FAILED, "le-connection-abort-by-local")
BROKEN = (FAILED, "Input/output error")


async def test_fault_18_connect_hangs(bus: PrivateBus) -> None:
    async with scene(bus, timing=BRISK) as at:
        at.strap.connect_hangs = True
        at.begin()
        change = await at.reached(LinkStep.BACKOFF, LinkReason.TIMEOUT)
        assert change.state is LinkState.SEARCHING
        at.strap.connect_hangs = False
        await at.beats()
        await at.reached(LinkStep.STREAMING)


async def test_fault_18_a_service_that_answers_nothing_cannot_hold_the_end(
    bus: PrivateBus,
) -> None:
    async with scene(bus, timing=BRISK) as at:
        at.strap.connect_hangs = at.strap.disconnect_hangs = True
        at.begin()
        await at.reached(LinkStep.BACKOFF, LinkReason.TIMEOUT)
        await at.reached(LinkStep.CONNECTING)
        await at.end()
        at.strap.connect_hangs = at.strap.disconnect_hangs = False


async def test_fault_19_aborted_by_the_host(bus: PrivateBus) -> None:
    async with scene(bus) as at:
        at.strap.connect_errors.append(ABORT)
        at.begin()
        await at.beats()
        assert at.bluez.calls.count(CONNECT) == 2
        # Bleak tries again by itself: nobody needs to know.
        assert LinkStep.BACKOFF not in at.steps


async def test_fault_20_fails_until_it_succeeds(bus: PrivateBus) -> None:
    async with scene(bus) as at:
        failures = 2 * CONNECT_ATTEMPTS + 1
        at.strap.connect_errors.extend([BROKEN] * failures)
        at.begin()
        change = await at.reached(LinkStep.BACKOFF, LinkReason.LINK_LOST)
        assert change.state is LinkState.SEARCHING
        await at.beats()
        assert at.bluez.calls.count(CONNECT) == failures + 1
        await at.reached(LinkStep.STREAMING)


@MODES
async def test_fault_20_three_bad_connects_after_a_drop(
    bus: PrivateBus, start: bool
) -> None:
    async with scene(bus, start=start) as at:
        at.begin()
        await at.beats()
        at.strap.connect_errors.extend([BROKEN] * 3)
        await at.bluez.drop(at.strap)
        await at.streams_again(LinkReason.LINK_LOST)
        assert not at.strap.connect_errors


async def test_fault_21_drop_while_resolving(bus: PrivateBus) -> None:
    async with scene(bus) as at:
        at.strap.drops_while_resolving = 2
        at.begin()
        await at.beats()
        assert at.strap.links == 3
        await at.reached(LinkStep.STREAMING)


async def test_fault_22_services_never_resolve(bus: PrivateBus) -> None:
    async with scene(bus, timing=BRISK) as at:
        at.strap.services_hang = True
        at.begin()
        await at.reached(LinkStep.BACKOFF, LinkReason.TIMEOUT)
        await eventually(lambda: not at.strap.connected, "an end of the useless link")
        at.strap.services_hang = False
        await at.beats()
        await at.reached(LinkStep.STREAMING)


async def test_fault_22_the_adapter_goes_while_services_are_looked_up(
    bus: PrivateBus,
) -> None:
    async with scene(bus, timing=UNHURRIED) as at:
        at.strap.services_hang = True
        at.begin()
        await eventually(lambda: at.strap.connected, "a link without services")
        await at.bluez.unplug()
        await at.reached(LinkStep.BACKOFF, LinkReason.NO_ADAPTER)
        at.strap.services_hang = False
        await at.bluez.plug()
        await at.beats()
        await at.reached(LinkStep.STREAMING)


@MODES
async def test_fault_23_already_connected_by_a_dead_process(
    bus: PrivateBus, start: bool
) -> None:
    async with scene(bus, start=start) as at:
        device = await BleakScanner.find_device_by_address(at.strap.address)
        assert device is not None
        left = BleakClient(device)
        await left.connect()
        at.begin()
        await at.beats()
        assert at.strap.links == 1
        assert at.bluez.calls.count(CONNECT) == 1
        assert LinkStep.SCANNING not in at.steps
        await at.end()
        await left.disconnect()


async def test_fault_24_out_of_slots(bus: PrivateBus) -> None:
    other = VirtualStrap(address="A0:9E:1A:00:00:02", name="TICKR 0002")
    async with scene(bus, None, other, adapter=Adapter(slots=1)) as at:
        device = await BleakScanner.find_device_by_address(other.address)
        assert device is not None
        async with BleakClient(device):
            at.begin()
            change = await at.reached(LinkStep.BACKOFF, LinkReason.SLOTS_FULL)
            assert "Disconnect a device" in str(change.advice)
            assert not at.strap.connected
        await at.beats()
        await at.reached(LinkStep.STREAMING)


LATER = [LinkStep.STREAMING, LinkStep.STALE, LinkStep.LOST, LinkStep.BACKOFF]
"""The steps that come after data."""


@pytest.mark.parametrize("step", LinkStep)
async def test_fault_25_cancelled_during_each_state(
    bus: PrivateBus, step: LinkStep
) -> None:
    # HASTY lets a silence be noticed at once; the long wait leaves time to cancel.
    timing = msgspec.structs.replace(
        HASTY if step is LinkStep.STALE else QUICK, backoff_min_s=5, backoff_max_s=5
    )
    async with scene(bus, timing=timing) as at:
        at.strap.hidden = step is LinkStep.SCANNING
        at.begin()
        if step in (
            LinkStep.STREAMING,
            LinkStep.STALE,
            LinkStep.LOST,
            LinkStep.BACKOFF,
        ):
            await at.beats()
        if step in (LinkStep.LOST, LinkStep.BACKOFF):
            await at.bluez.drop(at.strap)
        await at.reached(step)
        await at.end()
        assert not at.strap.connected
        assert not at.strap.subscribed.is_set()
        assert not at.bluez.adapter.discoverers
        assert at.steps[-1] is not LinkStep.LOST or step is LinkStep.LOST
