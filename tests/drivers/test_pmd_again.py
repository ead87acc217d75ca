"""Polar's signals: what was refused or fell silent is tried again."""

from __future__ import annotations

import asyncio
import time

import msgspec
import pytest

from biofeedback.model import LinkReason, Signal
from biofeedback.simulator.bluez import VirtualBlueZ
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.bluez_troubles import att_error
from biofeedback.wire import uuids
from biofeedback.wire.polar_pmd import (
    EcgFrame,
    Measurement,
)
from tests.drivers.room import eventually
from tests.drivers.wearer import (
    ACC,
    ECG,
    ECG_START,
    MODES,
    PATIENT,
    QUICK,
    STOP_ECG,
    an_h10,
    worn,
)


@pytest.fixture
def strap() -> VirtualStrap:
    return an_h10()


REFUSALS = pytest.mark.parametrize(
    "refusal",
    [
        ("org.bluez.Error.Failed", "Software failure"),
        att_error(0x05),
        att_error(0x0E),
    ],
    ids=["failed", "0x05", "0x0e"],
)


@REFUSALS
async def test_a_refused_signal_ends_no_other_and_all_are_stopped(
    bluez: VirtualBlueZ, strap: VirtualStrap, refusal: tuple[str, str]
) -> None:
    async with worn(strap, timing=QUICK) as wearer:
        await wearer.polar.open()
        await wearer.polar.want((ECG,))
        strap.write_errors[uuids.PMD_CONTROL_POINT] = refusal
        await wearer.polar.want((ECG, ACC))
        assert len(wearer.told) == 1  # why there is no acceleration
        frames = len(wearer.frames)
        await eventually(lambda: len(wearer.frames) > frames, "more ECG")
        strap.write_errors.clear()
        await wearer.polar.close()
        assert wearer.running == frozenset()


@REFUSALS
async def test_what_could_not_be_written_is_tried_again(
    bluez: VirtualBlueZ, strap: VirtualStrap, refusal: tuple[str, str]
) -> None:
    async with worn(strap, timing=QUICK) as wearer:
        await wearer.polar.open()
        strap.write_errors[uuids.PMD_CONTROL_POINT] = refusal
        await wearer.polar.want((ECG,))
        strap.write_errors.clear()
        await asyncio.sleep(QUICK.pmd_again_s)
        await wearer.polar.want((ECG,))
        # A person must pair it first; to ask again might open a window each time.
        wanted = set() if refusal == att_error(0x05) else {Measurement.ECG}
        assert wearer.running == wanted
        await wearer.polar.close()
    assert len(wearer.told) == 1


@pytest.mark.parametrize("short", [uuids.PMD_CONTROL_POINT, uuids.PMD_DATA])
async def test_a_subscription_that_failed_is_tried_again(
    bluez: VirtualBlueZ, strap: VirtualStrap, short: str
) -> None:
    strap.notify_errors[short] = att_error(0x0E)
    async with worn(strap, timing=QUICK) as wearer:
        assert await wearer.polar.open() == (Signal.ECG, Signal.ACC)
        await wearer.polar.want(())
        assert wearer.told == []  # nobody asked
        await wearer.polar.want((ECG,))
        ((reason, advice),) = wearer.told
        assert reason is None
        assert "could not be asked for more than the heart rate" in str(advice)
        assert wearer.written == []
        strap.notify_errors.clear()
        await asyncio.sleep(QUICK.pmd_again_s)
        await wearer.polar.want((ECG,))
        await wearer.sees(EcgFrame)
        await wearer.polar.close()
        assert wearer.running == frozenset()


@MODES
async def test_a_stream_that_falls_silent_is_told_once_and_started_anew(
    bluez: VirtualBlueZ, strap: VirtualStrap, start_notify: bool
) -> None:
    assert strap.pmd is not None
    timing = msgspec.structs.replace(QUICK, pmd_silence_s=0.5)
    async with worn(strap, start_notify=start_notify, timing=timing) as wearer:
        await wearer.polar.open()
        await wearer.polar.want((ECG,))
        await wearer.sees(EcgFrame)
        await wearer.polar.want((ECG,))
        assert wearer.told == []
        for silence in range(1, 3):
            strap.pmd.streams.clear()  # it says nothing, and nothing comes
            await asyncio.sleep(0.6)
            frames = len(wearer.frames)
            await wearer.polar.want((ECG,))
            await eventually(lambda: len(wearer.frames) > frames, "ECG")  # noqa: B023
            assert wearer.written[-2:] == [STOP_ECG, ECG_START]
            assert wearer.written.count(ECG_START) == silence + 1
        await wearer.polar.close()
        assert wearer.running == frozenset()
    ((reason, advice),) = wearer.told
    assert reason is LinkReason.TIMEOUT
    assert "sends none" in str(advice)


async def test_a_usual_late_start_is_no_silence() -> None:
    assert PATIENT.pmd_silence_s >= 45.0  # the first ECG may take 30 s


async def test_a_strap_that_never_answers_is_told_once_and_tried_again(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    assert strap.pmd is not None
    # Deaf and dumb: nothing is answered and no frame comes.
    strap.pmd.late_start_s = 1e6
    async with worn(strap, timing=QUICK) as wearer:
        await wearer.polar.open()
        strap.pmd.lost_replies = 1000
        await wearer.polar.want((ACC,))
        assert [reason for reason, _ in wearer.told] == [LinkReason.TIMEOUT]
        tried = len(wearer.written)
        assert tried <= 2 * QUICK.pmd_attempts
        strap.pmd.lost_replies = 0
        await asyncio.sleep(QUICK.pmd_again_s)
        await wearer.polar.want((ACC,))
        assert wearer.running == {Measurement.ACC}
        assert len(wearer.told) == 1
        strap.pmd.lost_replies = 1000
        began_s = time.monotonic()
        await wearer.polar.close()
        assert time.monotonic() - began_s < QUICK.stop_s + 3
        assert wearer.running == frozenset()  # it obeyed all the same


async def test_a_strap_that_stops_by_itself_is_started_again(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    assert strap.pmd is not None
    async with worn(strap) as wearer:
        await wearer.polar.open()
        await wearer.polar.want((ECG,))
        await strap.notify(strap.pmd.give_up(), uuids.PMD_CONTROL_POINT)
        await eventually(
            lambda: wearer.of(uuids.PMD_CONTROL_POINT)[-1][0] == 0x01,
            "word of the stop",
        )
        await wearer.polar.want((ECG,))
        assert wearer.running == {Measurement.ECG}
        await wearer.polar.close()


async def test_a_write_that_fails_is_tried_again(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    strap.write_errors[uuids.PMD_CONTROL_POINT] = att_error(0x0E)
    async with worn(strap, timing=QUICK) as wearer:
        await wearer.polar.open()
        await wearer.polar.want((ECG,))
        assert [reason for reason, _ in wearer.told] == [LinkReason.TIMEOUT]
        del strap.write_errors[uuids.PMD_CONTROL_POINT]
        await asyncio.sleep(QUICK.pmd_again_s)
        await wearer.polar.want((ECG,))
        assert wearer.running == {Measurement.ECG}
        await wearer.polar.close()


async def test_a_trouble_that_is_over_is_taken_back(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    async with worn(strap, timing=QUICK) as wearer:
        await wearer.polar.open()
        strap.write_errors[uuids.PMD_CONTROL_POINT] = (
            "org.bluez.Error.Failed",
            "Software failure",
        )
        await wearer.polar.want((ECG,))
        assert [advice is None for _, advice in wearer.told] == [False]
        strap.write_errors.clear()

        async def well() -> bool:
            await wearer.polar.want((ECG,))
            return wearer.told[-1] == (None, None)

        async with asyncio.timeout(8):
            while not await well():  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.02)
        assert any(isinstance(each, EcgFrame) for each in wearer.frames)
        await wearer.polar.want((ECG,))
        assert len(wearer.told) == 2  # said once, taken back once
