"""The virtual Bluetooth itself: the bus, its limits, and its life as a process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from biofeedback.model import LinkReason
from biofeedback.simulator.__main__ import main, read_rr_ms
from biofeedback.simulator.bluez import VirtualBlueZ
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.bus import NoDBusError, PrivateBus
from biofeedback.wire import HeartRateMeasurement
from biofeedback_drivers.ble import BleDriver
from tests.drivers.room import QUICK, Room, no_tasks_left, packet


async def test_without_dbus_daemon_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoDBusError, match="apt-get install dbus"):
        async with PrivateBus():
            pytest.fail("it cannot have started")


async def test_a_burst_of_notifications_arrives_whole(room: Room) -> None:
    # dbus-fast would close the connection at some 670 unpaced signals.
    room.begin()
    await room.streams(1000)
    burst = [packet(300 + index % 2000) for index in range(3000)]
    await asyncio.gather(*(room.strap.notify(data) for data in burst))
    await room.until(lambda: len(room.sent()) == 3001, "all of the burst")
    assert room.sent()[1:] == burst


async def test_two_straps_keep_apart(bus: PrivateBus, strap: VirtualStrap) -> None:
    other = VirtualStrap(address="A0:9E:1A:00:00:02", name="TICKR")
    ble = BleDriver(timing=QUICK)
    async with (
        VirtualBlueZ(bus.address, strap, other) as bluez,
        Room(bluez, strap) as one,
        Room(bluez, other) as two,
    ):
        one.begin(ble)
        two.begin(ble)
        await asyncio.gather(one.streams(900), two.streams(1100))
        await bluez.drop(other)
        await asyncio.gather(one.streams(901), two.streams(1101))
        assert one.sent() == [packet(900), packet(901)]
        assert two.sent() == [packet(1100), packet(1101)]
        assert strap.links == 1


# --- As a process of its own ---


@contextlib.asynccontextmanager
async def simulator(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "biofeedback.simulator",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(5):
            await process.wait()


async def line(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    async with asyncio.timeout(10):
        read: dict[str, Any] = json.loads(await process.stdout.readline())
    return read


async def test_another_process_plays_a_file_into_the_driver(
    has_dbus: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rr_ms = [800.0, 812.5, 1040.0, 955.0, 960.0, 1010.0, 790.0, 805.0]
    file = tmp_path / "rr.csv"
    file.write_text("time_s,rr_ms\n" + "".join(f"0,{each}\n" for each in rr_ms))
    async with simulator(
        "--rr", str(file), "--speed", "50", "--name", "Wahoo TICKR"
    ) as process:
        told = await line(process)
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", told["address"])
        twin = VirtualStrap(name="Wahoo TICKR")
        async with Room(VirtualBlueZ(told["address"], twin), twin) as room:
            room.begin(BleDriver(timing=QUICK))
            await room.until(lambda: len(room.sent()) == 8, "eight packets")
            assert (await line(process))["packets_sent"] == 8
        folder = Path(told["address"].removeprefix("unix:path=")).parent
        assert folder.exists()
    assert process.returncode == 0
    assert not folder.exists()
    received = [
        rr
        for data in room.sent()
        for rr in HeartRateMeasurement.from_bytes(data).rr_1024 or ()
    ]
    assert received == [round(each * 1.024) for each in rr_ms]
    await no_tasks_left()


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("no-bluetooth", LinkReason.NO_DAEMON),
        ("no-adapter", LinkReason.NO_ADAPTER),
        ("adapter-off", LinkReason.ADAPTER_OFF),
        ("hidden", None),
    ],
)
async def test_its_modes_fail_as_they_say(
    has_dbus: None,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    reason: LinkReason | None,
) -> None:
    async with simulator("--mode", mode) as process:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", (await line(process))["address"])
        ble = BleDriver(timing=QUICK)
        assert (await ble.status()).reason is reason
        if reason is None:
            assert await ble.scan(0.1) == ()
    await no_tasks_left()


@pytest.mark.parametrize(
    ("text", "unit", "column", "rr_ms"),
    [
        ("812\n830.5\n", "ms", None, [812.0, 830.5]),
        ("0.812\n0.830\n", "s", None, [812.0, 830.0]),
        ("0.2,936\n1.2,1020\n", "ms", None, [936.0, 1020.0]),
        ("timestamp, rr, since_start\n\n1688,919,16\n", "ms", None, [919.0]),
        ("a;b;c\n1;2;3\n", "ms", 1, [2.0]),
    ],
)
def test_rr_files_are_read_by_name_place_or_choice(
    tmp_path: Path, text: str, unit: str, column: int | None, rr_ms: list[float]
) -> None:
    file = tmp_path / "rr.txt"
    file.write_text(text)
    assert read_rr_ms(file, column=column, unit=unit) == rr_ms


@pytest.mark.parametrize("text", [None, "", "no numbers\n"])
def test_a_file_without_intervals_is_refused(
    tmp_path: Path, text: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rr.txt"
    if text is not None:
        file.write_text(text)
    assert main(["--rr", str(file)]) == 2
    assert "rr.txt" in capsys.readouterr().err
