"""Polar's signals: whatever runs on a strap is stopped in the end."""

from __future__ import annotations

import asyncio
import time

import pytest

from biofeedback.model import Ask, Signal
from biofeedback.simulator.bluez import VirtualBlueZ
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.wire.polar_pmd import (
    Command,
    EcgFrame,
    Measurement,
    Op,
)
from tests.drivers.room import eventually
from tests.drivers.wearer import (
    ACC,
    ECG,
    MODES,
    PATIENT,
    QUICK,
    STOP_ACC,
    STOP_ECG,
    an_h10,
    worn,
)


@pytest.fixture
def strap() -> VirtualStrap:
    return an_h10()


@MODES
async def test_what_an_earlier_link_left_running_is_started_anew(
    bluez: VirtualBlueZ, strap: VirtualStrap, start_notify: bool
) -> None:
    async with worn(strap, start_notify=start_notify) as first:
        await first.polar.open()
        await first.polar.want((Ask(signal=Signal.ACC, rate_hz=25),))
        # The link is lost: nothing is stopped.
    assert first.running == {Measurement.ACC}
    async with worn(strap, start_notify=start_notify) as wearer:
        await wearer.polar.open()
        await wearer.polar.want((Ask(signal=Signal.ACC, rate_hz=100),))
        assert wearer.running == {Measurement.ACC}
        ops = [Command.from_bytes(data).op for data in wearer.written]
        assert ops == [Op.GET_SETTINGS, Op.START, Op.STOP, Op.START]
        await wearer.polar.close()
        assert wearer.running == frozenset()
    assert wearer.told == []


@MODES
async def test_frames_that_nobody_asked_for_are_stopped(
    bluez: VirtualBlueZ, strap: VirtualStrap, start_notify: bool
) -> None:
    async with worn(strap, start_notify=start_notify) as killed:
        await killed.polar.open()
        await killed.polar.want((ECG,))
    async with worn(strap, start_notify=start_notify) as wearer:
        await wearer.polar.open()
        await wearer.sees(EcgFrame)
        await wearer.polar.want(())
        assert wearer.running == frozenset()
        await wearer.polar.close()
    assert wearer.written == [STOP_ECG, STOP_ACC]


async def test_what_a_killed_process_left_is_stopped_at_the_end(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    async with worn(strap) as killed:
        await killed.polar.open()
        await killed.polar.want((ECG, ACC))
    async with worn(strap) as wearer:
        await wearer.polar.open()
        await wearer.polar.close()
        assert wearer.running == frozenset()


@MODES
async def test_a_lost_link_ends_it_quietly(
    bluez: VirtualBlueZ, strap: VirtualStrap, start_notify: bool
) -> None:
    async with worn(strap, start_notify=start_notify) as wearer:
        await wearer.polar.open()
        await wearer.polar.want((ECG,))
        await bluez.drop(strap)
        await eventually(lambda: not wearer.client.is_connected, "the end of the link")
        began_s = time.monotonic()
        await wearer.polar.want((ACC,))
        await wearer.polar.close()
        assert time.monotonic() - began_s < PATIENT.pmd_reply_s
    assert wearer.told == []


async def test_an_end_in_the_middle_of_a_wish_still_stops(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    assert strap.pmd is not None
    async with worn(strap) as wearer:
        await wearer.polar.open()
        strap.pmd.lost_replies = 2  # of the settings and of the start
        wish = asyncio.create_task(wearer.polar.want((ECG,)))
        await eventually(lambda: bool(wearer.written), "the first command")
        strap.pmd.lost_replies = 0
        began_s = time.monotonic()
        await wearer.polar.close()
        await wish
        assert time.monotonic() - began_s < PATIENT.stop_s + PATIENT.pmd_reply_s
        assert wearer.running == frozenset()
    assert wearer.told == []
    assert {STOP_ECG, STOP_ACC} <= set(wearer.written)


async def test_a_cancelled_wish_is_stopped_as_well(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    assert strap.pmd is not None
    async with worn(strap) as wearer:
        await wearer.polar.open()
        await wearer.polar.want((ECG,))
        await wearer.polar.want(())
        strap.pmd.lost_replies = 1  # of the start, which it obeys
        wish = asyncio.create_task(wearer.polar.want((ECG,)))
        await eventually(lambda: wearer.running == {Measurement.ECG}, "the start")
        wish.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wish
        await wearer.polar.close()
        assert wearer.running == frozenset()


@MODES
async def test_an_end_while_it_opens_still_stops(
    bluez: VirtualBlueZ, strap: VirtualStrap, start_notify: bool
) -> None:
    async with worn(strap, start_notify=start_notify) as killed:
        await killed.polar.open()
        await killed.polar.want((ECG,))
    async with worn(strap, start_notify=start_notify) as wearer:
        bluez.calls.clear()
        opening = asyncio.create_task(wearer.polar.open())
        while not any("Notify" in call for call in bluez.calls):  # noqa: ASYNC110
            await asyncio.sleep(0)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        assert opening.cancelled()
        await wearer.polar.close()
        assert wearer.running == frozenset()


async def test_stops_that_hang_leave_time_for_the_others(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    assert strap.pmd is not None
    async with worn(strap, timing=QUICK) as wearer:
        await wearer.polar.open()
        await wearer.polar.want((ACC, ECG))
        strap.pmd.lost_replies = 1
        await wearer.polar.close()
        assert wearer.written[-2:] == [STOP_ACC, STOP_ECG]
        assert wearer.running == frozenset()
