"""Polar's signals when a strap refuses, is silent or says odd things."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from biofeedback.model import Ask, LinkReason, Signal
from biofeedback.simulator.bluez import VirtualBlueZ
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.bluez_troubles import att_error
from biofeedback.simulator.fault import World
from biofeedback.simulator.faults import FAULTS
from biofeedback.wire import uuids
from biofeedback.wire.polar_pmd import (
    Command,
    EcgFrame,
    Measurement,
    Op,
    Status,
    UnknownFrame,
)
from tests.drivers.room import eventually
from tests.drivers.wearer import (
    ACC,
    ECG,
    ECG_START,
    MODES,
    QUICK,
    Wearer,
    an_h10,
    worn,
)


@pytest.fixture
def strap() -> VirtualStrap:
    return an_h10()


def pmd(wearer: Wearer) -> World:
    return World(bus=None, bluez=None, straps=(wearer.strap,))  # type: ignore[arg-type]


@MODES
@pytest.mark.parametrize("lost", [1, 2])
async def test_lost_replies_are_asked_for_again(
    bluez: VirtualBlueZ, strap: VirtualStrap, start_notify: bool, lost: int
) -> None:
    assert strap.pmd is not None
    async with worn(strap, start_notify=start_notify, timing=QUICK) as wearer:
        await wearer.polar.open()
        strap.pmd.lost_replies = lost  # of the settings
        await wearer.polar.want((ACC,))
        assert wearer.running == {Measurement.ACC}
        await wearer.polar.want(())
        strap.pmd.lost_replies = lost  # of the start: then it is "already in state"
        await wearer.polar.want((ACC,))
        assert wearer.running == {Measurement.ACC}
        strap.pmd.lost_replies = lost  # of the stop
        await wearer.polar.want(())
        assert wearer.running == frozenset()
        await wearer.polar.close()
    assert wearer.told == []
    # A lost answer to a start is no reason to stop what it started.
    ops = [Command.from_bytes(data).op for data in wearer.written if data[1] == 2]
    assert len(ops) >= 5 + 3 * lost
    assert [op for op, _ in itertools.groupby(ops)] == [
        Op.GET_SETTINGS,
        Op.START,
        Op.STOP,
        Op.START,
        Op.STOP,
    ]


async def test_frames_are_an_answer_too(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    assert strap.pmd is not None
    async with worn(strap, timing=QUICK) as wearer:
        await wearer.polar.open()
        strap.pmd.lost_replies = 1000
        await wearer.polar.want((ECG,))
        assert wearer.running == {Measurement.ECG}
        strap.pmd.lost_replies = 0
        await wearer.polar.close()
        assert wearer.running == frozenset()
    assert wearer.told == []
    assert ECG_START in wearer.written  # the usual settings, as none were told


@MODES
async def test_a_short_answer_to_a_start_is_enough(
    bluez: VirtualBlueZ, strap: VirtualStrap, start_notify: bool
) -> None:
    assert strap.pmd is not None
    async with worn(strap, start_notify=start_notify) as wearer:
        await wearer.polar.open()
        async with FAULTS["pmd_short_start"].during(pmd(wearer)):
            await wearer.polar.want((ECG, ACC))
        assert wearer.running == {Measurement.ECG, Measurement.ACC}
        await wearer.sees(EcgFrame)
        await wearer.polar.close()
    assert wearer.told == []


async def test_a_reply_may_come_in_parts(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    assert strap.pmd is not None
    async with worn(strap) as wearer:
        await wearer.polar.open()
        server = strap.pmd
        server.lost_replies = 1
        wish = asyncio.create_task(wearer.polar.want((ACC,)))
        await eventually(lambda: server.lost_replies == 0, "the first command")
        for part in (
            "f0 01 02 00 01 00 01 64 00 01 01",
            "f0 01 02 00 00 10 00 02 01 04 00",
        ):
            await strap.notify(bytes.fromhex(part), uuids.PMD_CONTROL_POINT)
        await wish
        await wearer.polar.close()
    assert bytes.fromhex("02 02 00 01 64 00 01 01 10 00 02 01 04 00") in wearer.written


async def test_already_in_state_without_end_counts_as_started(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    assert strap.pmd is not None
    async with worn(strap) as wearer:
        await wearer.polar.open()
        await wearer.polar.want((ECG,))  # its settings are known now
        await wearer.polar.want(())
        strap.pmd.refusals.extend([Status.ALREADY_IN_STATE] * 3)
        await wearer.polar.want((ECG,))
        count = len(wearer.written)
        await wearer.polar.want((ECG,))
        assert len(wearer.written) == count
        await wearer.polar.close()
    assert wearer.told == []


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status.IN_CHARGER, "while it is in its charger"),
        (Status.INVALID_RATE, "(it answered INVALID_RATE)"),
        (Status.NOT_SUPPORTED, "(it answered NOT_SUPPORTED)"),
    ],
)
async def test_a_refused_signal_is_left_out_and_told_once(
    bluez: VirtualBlueZ, strap: VirtualStrap, status: Status, words: str
) -> None:
    assert strap.pmd is not None
    async with worn(strap) as wearer:
        await wearer.polar.open()
        strap.pmd.refusals.append(status)
        for _ in range(3):
            await wearer.polar.want((ECG, ACC))
        assert wearer.running == {Measurement.ACC}
        ((reason, advice),) = wearer.told
        assert reason is None
        assert words in str(advice)
        # Asked for otherwise, it is tried again.
        await wearer.polar.want((Ask(signal=Signal.ECG, rate_hz=130), ACC))
        assert wearer.running == {Measurement.ECG, Measurement.ACC}
        await wearer.polar.close()


async def test_a_stream_may_start_late(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    assert strap.pmd is not None
    strap.pmd.late_start_s = 20.0  # one second, at this speed
    async with worn(strap) as wearer:
        await wearer.polar.open()
        await wearer.polar.want((ECG,))
        await wearer.polar.want((ECG,))
        await wearer.sees(EcgFrame)
        assert wearer.written.count(ECG_START) == 1  # not asked for twice
        await wearer.polar.close()


@MODES
async def test_frames_that_nobody_knows_are_handed_on(
    bluez: VirtualBlueZ, strap: VirtualStrap, start_notify: bool
) -> None:
    assert strap.pmd is not None
    strap.pmd.odd_frames = 2
    async with worn(strap, start_notify=start_notify) as wearer:
        await wearer.polar.open()
        await wearer.polar.want((ECG,))
        await wearer.sees(EcgFrame)
        await wearer.polar.close()
    assert [type(each) for each in wearer.frames[:3]] == [
        UnknownFrame,
        UnknownFrame,
        EcgFrame,
    ]


@pytest.mark.parametrize("where", ["notify", "write"])
async def test_a_strap_that_wants_pairing_is_told_and_stays_connected(
    bluez: VirtualBlueZ, strap: VirtualStrap, where: str
) -> None:
    errors = strap.notify_errors if where == "notify" else strap.write_errors
    errors[uuids.PMD_CONTROL_POINT] = att_error(0x05)
    async with worn(strap) as wearer:
        await wearer.polar.open()
        for _ in range(2):
            await wearer.polar.want((ECG, ACC))
        await wearer.polar.close()
        assert wearer.client.is_connected
    assert [reason for reason, _ in wearer.told][:1] == [LinkReason.PAIRING_NEEDED]
    assert len(wearer.told) == 1
