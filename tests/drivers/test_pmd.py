"""Polar's signals over real Bleak: started, changed, and always stopped."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from biofeedback.model import Ask, LinkReason, Signal
from biofeedback.simulator.bluez import VirtualBlueZ
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.bluez_troubles import att_error
from biofeedback.simulator.models import MODELS
from biofeedback.wire import uuids
from biofeedback.wire.polar_pmd import (
    AccFrame,
    Command,
    EcgFrame,
    Measurement,
    Op,
    PpiFrame,
    Setting,
    Status,
)
from tests.drivers.wearer import (
    ACC,
    ECG,
    ECG_START,
    MODES,
    PPI,
    STOP_ACC,
    STOP_ECG,
    STOP_PPI,
    an_h10,
    worn,
)


@pytest.fixture
def strap() -> VirtualStrap:
    return an_h10()


@MODES
async def test_an_h10_sends_ecg_and_acceleration_until_it_is_stopped(
    bluez: VirtualBlueZ, strap: VirtualStrap, start_notify: bool
) -> None:
    async with worn(strap, start_notify=start_notify) as wearer:
        assert await wearer.polar.open() == (Signal.ECG, Signal.ACC)
        await wearer.polar.want((ECG, ACC))
        assert wearer.running == {Measurement.ECG, Measurement.ACC}
        ecg = await wearer.sees(EcgFrame)
        assert isinstance(ecg, EcgFrame)
        assert len(ecg.samples) == 73
        acc = await wearer.sees(AccFrame)
        assert isinstance(acc, AccFrame)
        assert ecg.anomalies == acc.anomalies == ()

        await wearer.polar.close()
        assert wearer.running == frozenset()
    assert wearer.told == []
    assert wearer.written == [
        bytes.fromhex("01 00"),
        ECG_START,
        bytes.fromhex("01 02"),
        bytes.fromhex("02 02 00 01 32 00 01 01 10 00 02 01 08 00"),
        STOP_ECG,
        STOP_ACC,
    ]
    assert [reply.status for reply in wearer.replies] == [Status.OK] * 6


async def test_it_listens_before_it_asks(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    async with worn(strap) as wearer:
        await wearer.polar.open()
        await wearer.polar.want((ECG,))
        calls = [call.rpartition(".")[2] for call in bluez.calls]
        first = calls.index("WriteValue")
        assert calls[:first].count("StartNotify") == 2
        assert calls[:first].count("ReadValue") == 1
        await wearer.polar.close()


@MODES
async def test_a_read_that_comes_as_a_notification_is_no_reply(
    bluez: VirtualBlueZ, strap: VirtualStrap, start_notify: bool
) -> None:
    async with worn(strap, start_notify=start_notify) as wearer:
        await wearer.polar.open()
        await wearer.client.read_gatt_char(uuids.to_uuid128(uuids.PMD_CONTROL_POINT))
        await wearer.polar.want((ECG,))
        await wearer.client.read_gatt_char(uuids.to_uuid128(uuids.PMD_CONTROL_POINT))
        await wearer.sees(EcgFrame)
        assert wearer.running == {Measurement.ECG}
        await wearer.polar.close()
    # The control point indicates only, so BlueZ has no AcquireNotify for it.
    echoed = [data for data in wearer.of(uuids.PMD_CONTROL_POINT) if data[0] == 0x0F]
    assert len(echoed) >= 2


@MODES
async def test_an_optical_band_sends_pulse_intervals_and_compressed_acceleration(
    bluez: VirtualBlueZ, start_notify: bool
) -> None:
    band = MODELS["polar_optical"].strap(2)
    band.time.hasten(200)  # the first intervals take 25 s
    bluez.add(band)
    async with worn(band, start_notify=start_notify) as wearer:
        assert await wearer.polar.open() == (Signal.ACC, Signal.PPI)
        await wearer.polar.want((PPI, ACC))
        ppi = await wearer.sees(PpiFrame)
        assert isinstance(ppi, PpiFrame)
        assert all(300 < each.pp_ms < 2000 for each in ppi.samples)
        acc = await wearer.sees(AccFrame)
        assert isinstance(acc, AccFrame)
        assert acc.compressed
        start = next(r for r in wearer.replies if (r.op, r.measurement) == (2, 2))
        x, y, z = acc.milli_g(start.factor)[-1]
        assert 700 < (x * x + y * y + z * z) ** 0.5 < 1300  # a body at rest feels 1 g
        await wearer.polar.close()
        assert wearer.running == frozenset()
    assert b"\x02\x03" in wearer.written  # no settings
    assert {STOP_ACC, STOP_PPI} <= set(wearer.written)


async def test_a_wish_that_did_not_change_costs_nothing(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    async with worn(strap) as wearer:
        await wearer.polar.open()
        await wearer.polar.want((ECG,))
        count = len(wearer.written)
        for _ in range(5):
            await wearer.polar.want((ECG,))
        assert len(wearer.written) == count
        await wearer.polar.close()


async def test_a_wish_may_change(bluez: VirtualBlueZ, strap: VirtualStrap) -> None:
    fast = Ask(signal=Signal.ACC, rate_hz=180)
    async with worn(strap) as wearer:
        await wearer.polar.open()
        await wearer.polar.want((ECG, ACC))
        await wearer.polar.want((fast,))
        assert wearer.running == {Measurement.ACC}
        last = [Command.from_bytes(data) for data in wearer.written[-3:]]
        assert [each.op for each in last] == [Op.STOP, Op.STOP, Op.START]
        assert last[-1].settings.get(Setting.RATE) == (200,)
        await wearer.polar.want(())
        assert wearer.running == frozenset()
        await wearer.polar.want((ECG,))
        assert wearer.running == {Measurement.ECG}
        await wearer.polar.close()
    assert wearer.told == []


async def test_wishes_at_once_are_granted_one_after_the_other(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    async with worn(strap) as wearer:
        await wearer.polar.open()
        await asyncio.gather(
            *(wearer.polar.want(asks) for asks in ((ECG,), (), (ECG, ACC), (ACC,)))
        )
        assert wearer.running == {Measurement.ACC}
        await wearer.polar.close()
    assert wearer.told == []


# --- What a strap does not offer ----------------------------------------------------


async def test_old_firmware_is_told_and_the_heart_rate_goes_on(
    bluez: VirtualBlueZ,
) -> None:
    old = MODELS["polar_h10"].strap(2)
    old.make = replace(old.make, pmd_commands=False)
    bluez.add(old)
    async with worn(old) as wearer:
        assert await wearer.polar.open() == ()
        await wearer.polar.want((ECG,))
        await wearer.polar.close()
        assert wearer.client.is_connected
    assert [reason for reason, _ in wearer.told] == [LinkReason.FIRMWARE_OLD]
    assert wearer.written == []


@pytest.mark.parametrize("model", ["polar_h9", "wahoo", "heart_rate"])
async def test_a_strap_without_the_service_is_left_in_peace(
    bluez: VirtualBlueZ, model: str
) -> None:
    plain = MODELS[model].strap(2)
    bluez.add(plain)
    async with worn(plain) as wearer:
        assert await wearer.polar.open() == ()
        await wearer.polar.want(())
        await wearer.polar.close()
    assert wearer.told == []
    assert wearer.passed == []


async def test_a_signal_that_is_not_offered_is_told_once(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    async with worn(strap) as wearer:
        await wearer.polar.open()
        for _ in range(3):
            await wearer.polar.want((PPI, ECG))
        assert wearer.running == {Measurement.ECG}
        await wearer.polar.close()
    ((reason, advice),) = wearer.told
    assert reason is None
    assert str(advice).startswith("This strap offers no pulse intervals.")


async def test_features_that_cannot_be_read_are_those_of_the_model(
    bluez: VirtualBlueZ, strap: VirtualStrap
) -> None:
    strap.read_errors[uuids.PMD_CONTROL_POINT] = att_error(0x0E)
    async with worn(strap) as wearer:
        assert await wearer.polar.open() == (Signal.ECG, Signal.ACC)
        await wearer.polar.want((ECG,))
        await wearer.sees(EcgFrame)
        await wearer.polar.close()
