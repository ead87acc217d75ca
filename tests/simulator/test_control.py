"""The simulator as a process of its own: models, faults from outside, stamps."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from bleak import BleakClient, BleakScanner
from bleak.exc import BleakError

from biofeedback.errors import SettingsError
from biofeedback.simulator.__main__ import main
from biofeedback.simulator.bus import PrivateBus
from biofeedback.simulator.bus_folder import PREFIX, BusFolder, remove_abandoned
from biofeedback.simulator.control import Control
from biofeedback.wire import uuids
from biofeedback.wire.heart_rate import HeartRateMeasurement
from tests.simulator.conftest import PATIENCE_S

HR = uuids.to_uuid128(uuids.HEART_RATE_MEASUREMENT)
PACKET = bytes(HeartRateMeasurement(hr_bpm=61, rr_1024=(1007,)))


class Simulator:
    """A process and its ready line."""

    def __init__(
        self, process: asyncio.subprocess.Process, told: dict[str, Any]
    ) -> None:
        self.process = process
        self.address: str = told["address"]
        self.control: str = told["control"]
        self.straps: list[dict[str, str]] = told["straps"]


@contextlib.asynccontextmanager
async def simulator(*arguments: str) -> AsyncIterator[Simulator]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "biofeedback.simulator",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            yield Simulator(process, json.loads(await process.stdout.readline()))
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            await process.wait()


@pytest.fixture
async def running(
    has_dbus: None, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Simulator]:
    async with simulator("--speed", "4") as started:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", started.address)
        yield started


async def hears(address: str) -> None:
    """Find a strap, however often that fails, and hear it."""
    while True:
        heard = asyncio.Event()

        def listen(_: object, data: bytearray, heard: asyncio.Event = heard) -> None:
            heard.set()

        with contextlib.suppress(BleakError, OSError, EOFError):
            device = await BleakScanner.find_device_by_address(address, timeout=0.3)
            if device is not None:
                async with BleakClient(device) as client:
                    await client.start_notify(HR, listen)
                    async with asyncio.timeout(3):
                        await heard.wait()
                return
        await asyncio.sleep(0.02)


async def test_many_straps_of_many_models(has_dbus: None) -> None:
    async with (
        simulator("--model", "polar_h10", "--model", "wahoo", "--straps", "5") as it,
        Control(it.control) as control,
    ):
        assert [each["model"] for each in it.straps] == [
            "polar_h10",
            "wahoo",
            "polar_h10",
            "wahoo",
            "polar_h10",
        ]
        assert len({each["address"] for each in it.straps}) == 5
        status = await control.status()
        assert [each.name for each in status.straps] == [
            each["name"] for each in it.straps
        ]
        assert not any(each.connected for each in status.straps)
        assert status.calls == {}


async def test_the_status_tells_what_happened(running: Simulator) -> None:
    address = running.straps[0]["address"]
    async with Control(running.control) as control:
        await hears(address)
        (strap,) = (await control.status()).straps
        assert (strap.links, strap.model) == (1, "polar_h10")
        assert strap.packets_sent >= strap.sent["2a37"] >= 1
        assert (await control.status()).calls["org.bluez.Device1.Connect"] == 1


@pytest.mark.parametrize(
    "fault", ["dbus_restart", "bluetoothd_crash", "unplug", "adapter_off"]
)
async def test_it_survives_what_it_does_to_the_host(
    running: Simulator, fault: str
) -> None:
    address = running.straps[0]["address"]
    async with Control(running.control) as control:
        await hears(address)
        await control.begin(fault)
        status = await control.status()
        assert status.faults == (fault,)
        assert not status.straps[0].connected
        await control.end(fault)
        assert (await control.status()).faults == ()
        await hears(address)


async def test_a_strap_can_be_made_to_send_come_and_go(running: Simulator) -> None:
    address = running.straps[0]["address"]
    async with Control(running.control) as control:
        assert await control.send(address, PACKET) is False
        device = await BleakScanner.find_device_by_address(address)
        assert device is not None
        heard: list[bytes] = []
        got = asyncio.Event()

        def listen(_: object, data: bytearray) -> None:
            heard.append(bytes(data))
            if data == PACKET:
                got.set()

        async with BleakClient(device) as client:
            await client.start_notify(HR, listen)
            assert await control.send(address, PACKET)
            await got.wait()

        other = await control.add("garmin_hrm", seed=5)
        await hears(other)
        await control.remove(other)
        assert [each.address for each in (await control.status()).straps] == [address]


async def test_what_cannot_be_done_is_said_in_a_sentence(running: Simulator) -> None:
    async with Control(running.control) as control:
        assert "link is lost" in (await control.faults())["link_drop"]
        with pytest.raises(SettingsError, match="no fault called 'elephant'"):
            await control.begin("elephant")
        with pytest.raises(SettingsError, match="no virtual strap"):
            await control.begin("link_drop", "elephant")
        with pytest.raises(SettingsError, match="no simulated strap"):
            await control.add("elephant")
    reader, writer = await asyncio.open_unix_connection(running.control)
    for line in (b"not json\n", b'{"do": "dance"}\n', b'{"do": "status", "a": 1}\n'):
        writer.write(line)
        answer = json.loads(await reader.readline())
        assert answer["error"].startswith("This is no request: ")
        assert "begin, end, status" in answer["error"]
    writer.close()
    await writer.wait_closed()


async def test_the_stamp_log_holds_every_packet_that_was_got(
    has_dbus: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "stamps"
    async with simulator("--speed", "20", "--stamp", str(log)) as it:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", it.address)
        address = it.straps[0]["address"]
        heard: list[str] = []
        enough = asyncio.Event()

        def listen(_: object, data: bytearray) -> None:
            heard.append(bytes(data).hex())
            if len(heard) == 20:
                enough.set()

        device = await BleakScanner.find_device_by_address(address)
        assert device is not None
        async with BleakClient(device) as client, Control(it.control) as control:
            await client.start_notify(HR, listen)
            await enough.wait()
            await client.stop_notify(HR)
            await control.flush()
            lines = [line.split() for line in log.read_text().splitlines()]
    stamped = [line for line in lines if line[1] == "2a37"]
    assert [line[3] for line in stamped][: len(heard)] == heard
    assert {line[0] for line in stamped} == {address}
    times = [int(line[2]) for line in stamped]
    assert times == sorted(times)


async def listens(path: str) -> bool:
    try:
        _, writer = await asyncio.open_unix_connection(path)
    except OSError:
        return False
    writer.close()
    return True


async def test_killed_it_leaves_no_bus_behind_and_its_folder_to_the_next(
    has_dbus: None,
) -> None:
    async with simulator() as it:
        path = it.address.removeprefix("unix:path=")
        it.process.kill()
        await it.process.wait()
        while await listens(path):  # noqa: ASYNC110 - nobody else can tell
            await asyncio.sleep(0.01)
    async with PrivateBus() as first, PrivateBus() as second:
        assert not Path(path).parent.exists()
        assert first.folder.is_dir()
        assert second.folder.is_dir()
    assert not first.folder.exists()


async def test_a_second_simulator_does_not_take_the_control_of_the_first(
    has_dbus: None, tmp_path: Path
) -> None:
    path = tmp_path / "control"
    async with simulator("--control", str(path)):
        for taken in (path, tmp_path, tmp_path / "none" / "control"):
            assert f"listen{'s' if taken == path else ''} at {taken}" in await refused(
                "--control", str(taken)
            )
        async with Control(path) as control:
            assert (await control.status()).straps


async def refused(*arguments: str) -> str:
    """Start a simulator that is to end at once; return the sentence it says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "biofeedback.simulator",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE_S):
        said, complained = await process.communicate()
    assert process.returncode == 2
    assert said == b""
    assert complained.count(b"\n") == 1
    return complained.decode()


def test_folders_of_another_kind_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    unowned = tmp_path / f"{PREFIX}without-a-lock"
    unowned.mkdir()
    held, abandoned = BusFolder(), tmp_path / f"{PREFIX}abandoned"
    abandoned.mkdir()
    (abandoned / "lock").touch()
    remove_abandoned()
    assert set(tmp_path.iterdir()) == {unowned, held.path}
    held.remove()
    held.remove()
    assert set(tmp_path.iterdir()) == {unowned}


def test_an_rr_file_that_cannot_be_played_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "rr.csv"
    file.write_text("800\n-5\n")
    assert main(["--rr", str(file)]) == 2
    assert main(["--model", "elephant"]) == 2
