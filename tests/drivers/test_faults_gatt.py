"""The fault list, 26 to 36: what a connected strap offers. See ``docs/straps.md``."""

from __future__ import annotations

import msgspec
import pytest

from biofeedback.model import Ask, LinkReason, LinkState, LinkStep, Signal, Strap
from biofeedback.simulator.bluez_objects import Make
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.bluez_troubles import att_error
from biofeedback.simulator.bus import PrivateBus
from biofeedback.simulator.models import MODELS
from biofeedback.wire import uuids
from biofeedback.wire.polar_pmd import Status
from tests.drivers.room import eventually
from tests.drivers.scene import MODES, QUICK, Scene, scene

HEART_RATE = (uuids.to_uuid128(uuids.HEART_RATE_SERVICE),)
ECG = (Ask(signal=Signal.ECG),)
READ = "org.bluez.GattCharacteristic1.ReadValue"


class Liar(VirtualStrap):
    """Advertises a heart rate whatever it has."""

    @property
    def advertised(self) -> tuple[str, ...]:
        return HEART_RATE


async def test_fault_26_heart_rate_service_missing(bus: PrivateBus) -> None:
    async with scene(bus, Liar(make=Make(heart_rate=False))) as at:
        at.begin()
        change = await at.reached(LinkStep.LOST, LinkReason.NO_HEART_RATE)
        assert "another strap" in str(change.advice)
        at.strap.change_firmware(Make())
        await at.beats()
        await at.reached(LinkStep.STREAMING)


async def test_fault_27_battery_and_information_missing(bus: PrivateBus) -> None:
    bare = VirtualStrap(make=Make(information=None, battery_pct=None, location=None))
    async with scene(bus, bare) as at:
        at.begin()
        await at.beats()
        change = await at.reached(LinkStep.STREAMING)
        # Its name tells the model's profile; nothing else is known, or made up.
        assert change.strap == Strap(name=bare.name, profile="polar_h10")
        assert at.sent("2a19") == []


async def test_fault_28_reads_in_progress(bus: PrivateBus) -> None:
    async with scene(bus) as at:
        at.strap.busy_reads = 3
        at.begin()
        await at.beats()
        change = await at.reached(LinkStep.STREAMING)
        assert change.strap is not None
        assert (change.strap.model, change.strap.battery_pct) == ("H10", 80)


@pytest.mark.parametrize(
    "error",
    [("org.bluez.Error.NotPermitted", "Not paired"), att_error(0x05)],
    ids=["not-paired", "att-05"],
)
async def test_fault_29_pairing_wanted(bus: PrivateBus, error: tuple[str, str]) -> None:
    async with scene(bus) as at:
        at.strap.notify_errors["2a37"] = error
        at.begin()
        change = await at.reached(LinkStep.LOST, LinkReason.PAIRING_NEEDED)
        assert change.state is LinkState.SEARCHING
        assert "Pair it" in str(change.advice)
        del at.strap.notify_errors["2a37"]
        await at.beats()
        await at.reached(LinkStep.STREAMING)


async def test_fault_29_an_unpaired_read_costs_only_its_value(bus: PrivateBus) -> None:
    async with scene(bus) as at:
        at.strap.read_errors["2a24"] = ("org.bluez.Error.NotPermitted", "Not paired")
        at.begin()
        await at.beats()
        change = await at.reached(LinkStep.STREAMING)
        assert change.strap is not None
        assert (change.strap.model, change.strap.firmware) == (None, "5.0.0")


async def test_fault_30_not_authorized(bus: PrivateBus) -> None:
    async with scene(bus) as at:
        at.strap.notify_errors["2a37"] = ("org.bluez.Error.NotAuthorized", "")
        at.begin()
        await at.reached(LinkStep.LOST, LinkReason.PAIRING_NEEDED)
        del at.strap.notify_errors["2a37"]
        await at.beats()
        await at.reached(LinkStep.STREAMING)


NOT_SUPPORTED = ("org.bluez.Error.NotSupported", "Operation is not supported")


@MODES
async def test_fault_31_subscribing_not_supported(bus: PrivateBus, start: bool) -> None:
    async with scene(bus, start=start) as at:
        at.strap.notify_errors["2a37"] = NOT_SUPPORTED
        at.begin()
        await at.reached(LinkStep.LOST, LinkReason.NO_HEART_RATE)
        assert LinkStep.STREAMING not in at.steps
        del at.strap.notify_errors["2a37"]
        await at.beats()
        await at.reached(LinkStep.STREAMING)


@MODES
async def test_fault_31_a_battery_that_cannot_be_subscribed_to(
    bus: PrivateBus, start: bool
) -> None:
    async with scene(bus, start=start) as at:
        at.strap.notify_errors["2a19"] = NOT_SUPPORTED
        at.begin()
        await at.beats()
        assert at.sent("2a19") == [bytes([80])]


# --- Polar's measurement service ---


async def flows(at: Scene, count: int = 2) -> None:
    """See so many more frames of a Polar signal arrive."""
    before = len(at.sent("pmd_data"))
    await at.until(lambda: len(at.sent("pmd_data")) >= before + count, "frames")


def h10() -> VirtualStrap:
    """Return an H10 that lives faster, so that its frames need not be waited for."""
    strap = MODELS["polar_h10"].strap()
    strap.time.hasten(10.0)
    return strap


SOON = msgspec.structs.replace(QUICK, pmd_reply_s=0.2, pmd_again_s=0.2)
"""Waits for a reply no longer than a test does."""


async def test_fault_32_firmware_too_old_for_ecg(bus: PrivateBus) -> None:
    make = MODELS["polar_h10"].make
    old = VirtualStrap(make=Make(pmd=make.pmd, pmd_commands=False))
    async with scene(bus, old) as at:
        at.signals = ECG
        at.begin()
        await at.beats()
        change = await at.reached(LinkStep.STREAMING, LinkReason.FIRMWARE_OLD)
        assert change.state is LinkState.STREAMING
        assert "too old" in str(change.advice)
        await at.beats()
        assert LinkStep.LOST not in at.steps


@MODES
async def test_fault_33_already_in_state(bus: PrivateBus, start: bool) -> None:
    async with scene(bus, h10(), start=start) as at:
        pmd = at.strap.pmd
        assert pmd is not None
        at.signals = ECG
        at.begin()
        await at.beats()
        await flows(at)
        # The strap goes on measuring without a link: then it is "already in state".
        await at.bluez.drop(at.strap)
        await at.streams_again(LinkReason.LINK_LOST)
        await flows(at)
        statuses = [answer[3] for answer in pmd.answers]
        assert Status.ALREADY_IN_STATE in statuses
        await at.end()
        assert pmd.running == frozenset()


async def test_fault_34_a_lost_reply(bus: PrivateBus) -> None:
    async with scene(bus, h10(), timing=SOON) as at:
        assert at.strap.pmd is not None
        at.strap.pmd.lost_replies = 1
        at.signals = ECG
        at.begin()
        await at.beats()
        await flows(at)
        await at.beats()
        assert LinkStep.LOST not in at.steps


async def test_fault_34_no_reply_ever_costs_the_ecg_only(bus: PrivateBus) -> None:
    async with scene(bus, h10(), timing=SOON) as at:
        pmd = at.strap.pmd
        assert pmd is not None
        pmd.lost_replies = 10_000
        at.signals = ECG
        at.begin()
        await at.beats()
        await eventually(lambda: bool(pmd.commands), "a command")
        await at.beats()
        assert LinkStep.LOST not in at.steps


async def test_fault_35_a_short_start_response(bus: PrivateBus) -> None:
    async with scene(bus, h10()) as at:
        assert at.strap.pmd is not None
        at.strap.pmd.short_start = True
        at.signals = ECG
        at.begin()
        await at.beats()
        await flows(at)


@MODES
async def test_fault_36_stale_handles_after_new_firmware(
    bus: PrivateBus, start: bool
) -> None:
    async with scene(bus, start=start) as at:
        at.begin()
        await at.beats()
        before = {each.path for each in at.strap.characteristics()}
        at.strap.change_firmware()
        await at.bluez.drop(at.strap)
        await at.streams_again(LinkReason.LINK_LOST)
        assert before.isdisjoint(each.path for each in at.strap.characteristics())
        change = at.changes[-1]
        assert change.strap is not None
        assert change.strap.model == "H10"
