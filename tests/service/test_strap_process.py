"""A strap, the service and a viewer, as in a house: each a process of its own.

The virtual Bluetooth is the simulator's, on its own D-Bus; the service is a real
``biofeedback run --strap`` with the unmodified Bleak; the test is the viewer.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from biofeedback.model import Notification
from biofeedback.recording.reader import open_recording
from biofeedback.session.replay import verify
from biofeedback.simulator.control import Control
from biofeedback.simulator.stage import StrapStatus
from biofeedback.wire.polar_pmd import Command, Measurement, Op
from tests.service.conftest import BEARER, PROGRAM_TOKEN, message

STARTS_S = 60.0
"""How long a process may take until it is ready, and a strap until it streams."""

ENDS_S = 30.0
"""What ending may take: letting go of the strap 12 s, finishing a recording 10 s."""

CONNECT = "org.bluez.Device1.Connect"
DISCONNECT = "org.bluez.Device1.Disconnect"
ECG = {"kind": "signals", "signals": [{"signal": "ecg"}]}

unix_only = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no polite kill."
)


@dataclass
class Simulator:
    """One Polar H10 on the air."""

    address: str
    strap: str
    control: Control

    async def status(self) -> StrapStatus:
        (strap,) = (await self.control.status()).straps
        return strap

    async def calls(self, method: str) -> int:
        return (await self.control.status()).calls.get(method, 0)

    async def becomes(self, question: Callable[[StrapStatus], bool]) -> StrapStatus:
        """Wait until the strap is so."""
        async with asyncio.timeout(STARTS_S):
            while not question(  # noqa: ASYNC110 - it is another process
                status := await self.status()
            ):
                await asyncio.sleep(0.02)
        return status


@pytest.fixture
async def simulator(has_dbus: None) -> AsyncIterator[Simulator]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "biofeedback.simulator"),
        *("--model", "polar_h10", "--name", "Polar H10 12345678"),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(STARTS_S):
            ready = json.loads(await process.stdout.readline())
        async with Control(ready["control"]) as control:
            yield Simulator(ready["address"], ready["strap_address"], control)
    finally:
        process.terminate()
        await process.wait()


@dataclass
class Service:
    """A service that has begun a session with the strap."""

    process: asyncio.subprocess.Process
    url: str
    session: str

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[ClientConnection]:
        uri = f"{self.url.replace('http', 'ws', 1)}api/v1/live/{self.session}"
        async with connect(uri, max_queue=None, additional_headers=BEARER) as viewer:
            yield viewer

    async def end(self, number: signal.Signals) -> int:
        """Send a signal; return the exit code."""
        self.process.send_signal(number)
        async with asyncio.timeout(ENDS_S):
            _, errors = await self.process.communicate()
        assert b"Traceback" not in errors, errors.decode()
        assert self.process.returncode is not None
        return self.process.returncode


@contextlib.asynccontextmanager
async def serving(simulator: Simulator, data: Path) -> AsyncIterator[Service]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "biofeedback.cli", "run", "--no-browser"),
        *("--port", "0", "--data", str(data), "--strap", simulator.strap),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={
            **os.environ,
            "DBUS_SYSTEM_BUS_ADDRESS": simulator.address,
            "BIOFEEDBACK_TOKEN": PROGRAM_TOKEN,
        },
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(STARTS_S):
            line = (await process.stdout.readline()).decode()
        assert line.startswith("ready: http://127.0.0.1:"), line
        url = line.removeprefix("ready: ").partition("#")[0]
        async with httpx.AsyncClient(base_url=url, headers=BEARER) as client:
            answer = await client.get("api/v1/sessions", params={"state": "live"})
        (session,) = answer.json()["sessions"]
        yield Service(process, url, session["id"])
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def streams(viewer: ClientConnection) -> dict[str, Any]:
    """Wait until the link streams; return what is known of the strap."""
    async with asyncio.timeout(STARTS_S):
        while True:
            told = await anything(viewer)
            if isinstance(told, dict) and told.get("state") == "streaming":
                strap: dict[str, Any] = told["strap"]
                return strap


async def anything(viewer: ClientConnection) -> bytes | dict[str, Any]:
    received = await viewer.recv()
    if isinstance(received, bytes):
        return received
    told: dict[str, Any] = json.loads(received)
    assert told["kind"] != "error", told
    return told


async def see_ecg(viewer: ClientConnection) -> None:
    """Ask for the ECG as a page does, until it is drawn."""
    await viewer.send(json.dumps(ECG))
    await viewer.send(json.dumps({"kind": "traces", "signals": ["ecg"]}))
    async with asyncio.timeout(STARTS_S):
        for _ in range(3):
            while not isinstance(await anything(viewer), bytes):
                pass


def heard(data: Path, service: Service) -> set[str]:
    """Return the characteristics in a session's finished recording."""
    assert not list(data.rglob("*.part"))
    (path,) = data.rglob(f"{service.session}.mcap")
    assert verify(path).ok
    records = [record for _, record in open_recording(path).inputs()]
    return {r.characteristic for r in records if isinstance(r, Notification)}


def last_told(commands: tuple[str, ...]) -> int | None:
    """Return the last that the strap was told about its ECG."""
    told = [Command.from_bytes(bytes.fromhex(each)) for each in commands]
    return [each.op for each in told if each.measurement == Measurement.ECG][-1]


@unix_only
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_told_to_end_while_the_ecg_is_watched(
    simulator: Simulator, tmp_path: Path, number: signal.Signals
) -> None:
    async with serving(simulator, tmp_path) as service:
        async with service.watched() as viewer:
            assert (await message(viewer))["kind"] == "hello"
            assert "ecg" in (await streams(viewer))["signals"]
            await see_ecg(viewer)
            assert (await simulator.status()).pmd_running == ("ECG",)
            assert await service.end(number) == 0
    strap = await simulator.status()
    assert last_told(strap.pmd_commands) == Op.STOP
    assert strap.pmd_running == ()
    assert not strap.connected
    assert strap.links == 1
    assert await simulator.calls(DISCONNECT) >= 1
    assert {"2a37", "pmd_data", "pmd_cp_write"} <= heard(tmp_path, service)


@unix_only
async def test_killed_and_started_again_it_takes_the_strap_back(
    simulator: Simulator, tmp_path: Path
) -> None:
    async with serving(simulator, tmp_path) as service:
        async with service.watched() as viewer:
            await streams(viewer)
            await see_ecg(viewer)
        assert await service.end(signal.SIGKILL) == -signal.SIGKILL
    # BlueZ holds the link for nobody, and the strap goes on measuring.
    left = await simulator.becomes(lambda strap: not strap.subscribed)
    assert left.connected
    assert left.pmd_running == ("ECG",)
    assert last_told(left.pmd_commands) == Op.START

    async with serving(simulator, tmp_path) as again:
        assert again.session != service.session
        async with again.watched() as viewer:
            await streams(viewer)
            # Nobody asked this session for an ECG.
            stopped = await simulator.becomes(lambda strap: not strap.pmd_running)
            assert last_told(stopped.pmd_commands) == Op.STOP
            assert stopped.links == 1, "the link was adopted"
            assert stopped.connected
        assert await again.end(signal.SIGTERM) == 0
    assert not (await simulator.status()).connected
    assert await simulator.calls(CONNECT) == 1
    assert "pmd_data" in heard(tmp_path, service), "it was recovered"
    assert "2a37" in heard(tmp_path, again)
