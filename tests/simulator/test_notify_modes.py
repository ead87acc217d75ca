"""Both of BlueZ's ways to notify carry whole frames, and indications."""

from __future__ import annotations

import asyncio

import pytest
from bleak import BleakClient, BleakScanner
from bleak.args.bluez import BlueZNotifyArgs

from biofeedback.simulator.bluez import VirtualBlueZ
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.pmd_make import MTU
from biofeedback.wire import uuids
from biofeedback.wire.polar_pmd import EcgFrame, frame_from_bytes
from tests.simulator.conftest import PATIENCE_S, eventually

CONTROL = uuids.to_uuid128(uuids.PMD_CONTROL_POINT)
DATA = uuids.to_uuid128(uuids.PMD_DATA)
START_ECG = bytes.fromhex("02000001820001010e00")


@pytest.mark.parametrize("use_start_notify", [True, False])
async def test_frames_arrive_whole_in_both_modes(
    bluez: VirtualBlueZ, h10: VirtualStrap, use_start_notify: bool
) -> None:
    mode = BlueZNotifyArgs(use_start_notify=use_start_notify)
    answers: list[bytes] = []
    frames: list[bytes] = []
    h10.time.hasten(10)
    async with asyncio.timeout(PATIENCE_S):
        device = await BleakScanner.find_device_by_name(h10.name)
        assert device is not None
        async with BleakClient(device) as client:
            await client.start_notify(
                CONTROL, lambda _, data: answers.append(bytes(data)), bluez=mode
            )
            await client.start_notify(
                DATA, lambda _, data: frames.append(bytes(data)), bluez=mode
            )
            await client.write_gatt_char(CONTROL, START_ECG, response=True)
            await eventually(lambda: len(frames) > 5, "frames")
            data = client.services.get_characteristic(DATA)
            assert data is not None
            assert data.max_write_without_response_size == MTU - 3
    assert answers == [bytes.fromhex("f002000000")]
    assert {len(each) for each in frames} == {MTU - 3}
    assert all(isinstance(frame_from_bytes(each), EcgFrame) for each in frames)
    acquired = "org.bluez.GattCharacteristic1.AcquireNotify" in bluez.calls
    assert acquired is not use_start_notify


async def test_a_read_reaches_those_who_listen_too(
    bluez: VirtualBlueZ, h10: VirtualStrap
) -> None:
    heard: list[bytes] = []
    async with asyncio.timeout(PATIENCE_S):
        device = await BleakScanner.find_device_by_name(h10.name)
        assert device is not None
        async with BleakClient(device) as client:
            await client.start_notify(
                CONTROL, lambda _, data: heard.append(bytes(data))
            )
            features = bytes(await client.read_gatt_char(CONTROL))
            await eventually(lambda: len(heard) == 1, "an echo")
    assert features[:2] == bytes.fromhex("0f05")
    assert heard == [features]
