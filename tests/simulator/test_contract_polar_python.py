"""polar-python, unmodified, takes the virtual straps for Polar's own."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from polar_python import PolarDevice
from polar_python.constants import (
    TIMESTAMP_OFFSET,
    PmdControlPointErrorCode,
    PmdMeasurementType,
    PmdSettingType,
)
from polar_python.models import ACCData, ECGData, HRData, MeasurementSettings, PPIData

from biofeedback.simulator.bluez import VirtualBlueZ
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.body import Body
from biofeedback.simulator.bus import PrivateBus
from biofeedback.simulator.models import MODELS
from biofeedback.simulator.packets import packets_from_rr
from biofeedback.wire import uuids
from biofeedback.wire.polar_pmd import UNSET_CLOCK_NS, Measurement
from tests.simulator.conftest import PATIENCE_S, eventually

HR_SERVICE = uuids.to_uuid128(uuids.HEART_RATE_SERVICE)


async def found(name: str) -> BLEDevice:
    device = await BleakScanner.find_device_by_name(
        name, timeout=PATIENCE_S, service_uuids=[HR_SERVICE]
    )
    assert device is not None
    return device


def offered(settings: MeasurementSettings) -> dict[PmdSettingType, list[int]]:
    return {each.type: each.values for each in settings.settings}


async def test_it_reads_features_and_settings(
    bluez: VirtualBlueZ, h10: VirtualStrap
) -> None:
    async with asyncio.timeout(PATIENCE_S), PolarDevice(await found(h10.name)) as polar:
        assert await polar.get_available_features() == [
            PmdMeasurementType.ECG,
            PmdMeasurementType.ACC,
        ]
        ecg = await polar.request_stream_settings(PmdMeasurementType.ECG)
        assert ecg.error_code is PmdControlPointErrorCode.SUCCESS
        assert offered(ecg) == {
            PmdSettingType.SAMPLE_RATE: [130],
            PmdSettingType.RESOLUTION: [14],
        }
        acc = await polar.request_stream_settings(PmdMeasurementType.ACC)
        assert offered(acc) == {
            PmdSettingType.SAMPLE_RATE: [25, 50, 100, 200],
            PmdSettingType.RESOLUTION: [16],
            PmdSettingType.RANGE: [2, 4, 8],
        }
        gyro = await polar.request_stream_settings(PmdMeasurementType.GYRO)
        assert gyro.error_code is PmdControlPointErrorCode.ERROR_NOT_SUPPORTED


async def test_it_streams_ecg_and_acceleration(
    bluez: VirtualBlueZ, h10: VirtualStrap
) -> None:
    ecg: list[ECGData] = []
    acc: list[ACCData] = []
    h10.time.hasten(5)
    async with asyncio.timeout(PATIENCE_S), PolarDevice(await found(h10.name)) as polar:
        await polar.start_ecg_stream(ecg.append, sample_rate=130, resolution=14)
        await polar.start_acc_stream(
            acc.append, sample_rate=200, resolution=16, range=2
        )
        await eventually(lambda: len(ecg) > 4 and len(acc) > 4, "frames of both")
        assert h10.pmd is not None
        assert h10.pmd.running == {Measurement.ECG, Measurement.ACC}
        await polar.stop_ecg_stream()
        await polar.stop_acc_stream()
        await eventually(lambda: not h10.measuring, "an end of the frames")
    assert {len(each.data) for each in ecg} == {73}
    assert {len(each.data) for each in acc} == {36}
    samples = [value for each in ecg for value in each.data]
    assert 900 < max(samples) < 1200  # µV: the R waves
    steps_ns = [after.timestamp - before.timestamp for before, after in pairs(ecg)]
    assert all(abs(step / 1e9 - 73 / 130) < 0.001 for step in steps_ns)
    since_2019_s = (ecg[0].timestamp - TIMESTAMP_OFFSET - UNSET_CLOCK_NS) / 1e9
    assert 0 < since_2019_s < PATIENCE_S * 5
    upright = [z for each in acc for _, _, z in each.data]
    assert all(900 < z < 1100 for z in upright)


def pairs(frames: list[ECGData]) -> list[tuple[ECGData, ECGData]]:
    return list(pairwise(frames))


async def test_a_second_start_is_already_in_state(
    bluez: VirtualBlueZ, h10: VirtualStrap
) -> None:
    assert h10.pmd is not None
    async with asyncio.timeout(PATIENCE_S), PolarDevice(await found(h10.name)) as polar:
        for _ in range(2):
            # It passes over the status itself, so we look at what it was told.
            await polar.start_ecg_stream(lambda frame: None, 130, 14)
    assert [each.hex() for each in h10.pmd.answers] == ["f002000000", "f002000600"]


async def test_it_gets_the_heart_rate(bluez: VirtualBlueZ, h10: VirtualStrap) -> None:
    heart: list[HRData] = []
    async with asyncio.timeout(PATIENCE_S), PolarDevice(await found(h10.name)) as polar:
        await polar.start_hr_stream(heart.append)
        await h10.play(packets_from_rr([800.0] * 10), speed=50)
        await eventually(lambda: len(heart) == 8, "all packets")
        await polar.stop_hr_stream()
    assert [rr for each in heart for rr in each.rr_intervals] == [
        round(800 * 1.024) / 1.024
    ] * 10
    assert heart[-1].heartrate == 75


async def test_a_band_sends_pulse_intervals_and_packed_acceleration(
    bus: PrivateBus, body: Body
) -> None:
    band = MODELS["polar_optical"].strap(body=body)
    pulses: list[PPIData] = []
    acc: list[ACCData] = []
    band.time.hasten(40)  # the first pulse intervals take 25 s
    async with (
        asyncio.timeout(PATIENCE_S),
        VirtualBlueZ(bus.address, band),
        PolarDevice(await found(band.name)) as polar,
    ):
        assert await polar.get_available_features() == [
            PmdMeasurementType.ACC,
            PmdMeasurementType.PPI,
        ]
        await polar.start_acc_stream(
            acc.append, sample_rate=52, resolution=16, range=8, channels=3
        )
        await polar.start_ppi_stream(pulses.append)
        await eventually(lambda: len(pulses) > 1 and len(acc) > 1, "frames of both")
    assert sum(sample.ppi for sample in pulses[0].samples) / 1000 > 24
    assert all(
        sample.ppi == 800 and sample.hr == 75 and not sample.invalid_ppi
        for each in pulses
        for sample in each.samples
    )
    assert all(900 < z < 1100 for each in acc for _, _, z in each.data)
