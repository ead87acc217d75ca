"""bleakheart, unmodified, takes the virtual straps for Polar's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from bleak import BleakClient, BleakScanner
from bleakheart import BatteryLevel, HeartRate, PolarMeasurementData

from biofeedback.simulator.bluez import VirtualBlueZ
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.packets import packets_from_rr
from tests.simulator.conftest import PATIENCE_S, eventually


@pytest.fixture
async def client(bluez: VirtualBlueZ, h10: VirtualStrap) -> AsyncIterator[BleakClient]:
    async with asyncio.timeout(PATIENCE_S):
        device = await BleakScanner.find_device_by_name(h10.name)
        assert device is not None
        async with BleakClient(device) as connected:
            yield connected


def all_of(queue: asyncio.Queue[Any]) -> list[Any]:
    return [queue.get_nowait() for _ in range(queue.qsize())]


async def test_it_reads_battery_features_and_settings(client: BleakClient) -> None:
    assert await BatteryLevel(client).read() == 80
    polar = PolarMeasurementData(client, callback=lambda frame: None)
    assert await polar.available_measurements() == ["ECG", "ACC"]
    ecg = await polar.available_settings("ECG")
    assert (ecg["error_msg"], ecg["SAMPLE_RATE"], ecg["RESOLUTION"]) == (
        "SUCCESS",
        [130],
        [14],
    )
    acc = await polar.available_settings("ACC")
    assert acc["SAMPLE_RATE"] == [25, 50, 100, 200]
    assert acc["RANGE"] == [2, 4, 8]
    ppg = await polar.available_settings("PPG")
    assert ppg["error_msg"] == "NOT SUPPORTED"


async def test_it_streams_and_stops(client: BleakClient, h10: VirtualStrap) -> None:
    ecg: asyncio.Queue[Any] = asyncio.Queue()
    acc: asyncio.Queue[Any] = asyncio.Queue()
    h10.time.hasten(5)
    polar = PolarMeasurementData(client, ecg_queue=ecg, acc_queue=acc)
    assert (await polar.start_streaming("ECG"))[:2] == (0, "SUCCESS")
    assert (await polar.start_streaming("ACC", SAMPLE_RATE=100))[:2] == (0, "SUCCESS")
    assert (await polar.start_streaming("ECG"))[:2] == (6, "ALREADY IN STATE")
    assert (await polar.start_streaming("GYRO"))[:2] == (3, "NOT SUPPORTED")
    await eventually(lambda: ecg.qsize() > 3 and acc.qsize() > 3, "frames of both")
    assert await polar.stop_streaming("ECG") == (0, "SUCCESS")
    assert await polar.stop_streaming("ACC") == (0, "SUCCESS")
    assert await polar.stop_streaming("ACC") == (6, "ALREADY IN STATE")
    for kind, stamp_ns, samples in all_of(ecg):
        assert (kind, len(samples)) == ("ECG", 73)
        assert stamp_ns > 0
    for kind, _, samples in all_of(acc):
        assert (kind, len(samples)) == ("ACC", 36)


async def test_a_wrong_rate_is_refused(client: BleakClient) -> None:
    polar = PolarMeasurementData(client, callback=lambda frame: None)
    refused = await polar.start_streaming("ECG", SAMPLE_RATE=250)
    assert refused[:2] == (8, "INVALID SAMPLE RATE")
    refused = await polar.start_streaming("ACC", RANGE=16)
    assert refused[:2] == (9, "INVALID RANGE")


async def test_it_gets_every_heartbeat(client: BleakClient, h10: VirtualStrap) -> None:
    beats: asyncio.Queue[Any] = asyncio.Queue()
    heart = HeartRate(client, queue=beats, unpack=True, instant_rate=True)
    await heart.start_notify()
    await h10.play(packets_from_rr([750.0, 1000.0, 600.0]), speed=50)
    await eventually(lambda: beats.qsize() == 3, "three beats")
    assert [value for _, _, value, _ in all_of(beats)] == [
        (80, 750),
        (60, 1000),
        (100, 600),
    ]
    await heart.stop_notify()
