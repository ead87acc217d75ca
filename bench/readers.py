"""What reads the straps in the benchmarks, each in a process of its own.

``python -m bench.readers WHAT --straps N`` connects to all straps of the bus that
``DBUS_SYSTEM_BUS_ADDRESS`` names and reads until its standard input ends. Then it
prints for each strap which packet came when. ``WHAT`` is:

- ``session``: our driver, and a recorded live session with a viewer for each strap;
  a packet has come when the viewer holds its message
- ``driver``: our driver alone, its packets decoded
- ``bleakheart``, ``polar-python``: those packages, as their own examples use them
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec
from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice

from bench.air import straps
from biofeedback.model import AnyRecord, FoundStrap, HeartEvent, Notification
from biofeedback.session.clock import WallClock
from biofeedback.session.driver import Watched
from biofeedback.session.hub import Viewer, ViewerEnded
from biofeedback.session.opening import open_session
from biofeedback.wire import HeartRateMeasurement
from biofeedback_drivers.ble import BleDriver

Arrivals = list[tuple[int, int]]
"""The heart rate of a packet, which numbers it, and its arrival, in ns (monotonic)."""

SCAN_S = 30.0
HEART = b'"kind":"heart"'


def found(count: int) -> list[FoundStrap]:
    """List the straps of :mod:`bench.air`."""
    return [
        FoundStrap(id=f"ble:{each.address}", name=each.name, address=each.address)
        for each in straps(count)
    ]


@asynccontextmanager
async def sessions(
    count: int, *, use_start_notify: bool
) -> AsyncIterator[list[Arrivals]]:
    """Read each strap in a session of its own, recorded, with one viewer."""
    arrivals: list[Arrivals] = [[] for _ in range(count)]
    ble = BleDriver(use_start_notify=use_start_notify)
    with tempfile.TemporaryDirectory() as folder:
        live = [
            open_session(ble, each, part=Path(folder) / f"{index}.mcap.part")
            for index, each in enumerate(found(count))
        ]
        viewers = [
            asyncio.create_task(_view(session.hub.subscribe(), into))
            for session, into in zip(live, arrivals, strict=True)
        ]
        for session in live:
            session.start()
        yield arrivals
        await asyncio.gather(*(session.stop() for session in live))
        await asyncio.gather(*viewers)


async def _view(viewer: Viewer, arrivals: Arrivals) -> None:
    decoder = msgspec.json.Decoder(HeartEvent, strict=False)
    with contextlib.suppress(ViewerEnded):
        while True:
            data = await viewer.next()
            now_ns = time.monotonic_ns()
            if HEART in data:
                rate = decoder.decode(data).hr_bpm
                assert rate is not None
                arrivals.append((rate, now_ns))


@asynccontextmanager
async def drivers(
    count: int, *, use_start_notify: bool
) -> AsyncIterator[list[Arrivals]]:
    """Read each strap with our driver alone."""
    arrivals: list[Arrivals] = [[] for _ in range(count)]
    ble = BleDriver(use_start_notify=use_start_notify)

    async def read(strap: FoundStrap, into: Arrivals) -> None:
        def emit(record: AnyRecord) -> None:
            now_ns = time.monotonic_ns()
            if isinstance(record, Notification) and record.characteristic == "2a37":
                rate = HeartRateMeasurement.from_bytes(record.data).hr_bpm
                assert rate is not None
                into.append((rate, now_ns))

        await ble.open(strap).run(clock=WallClock(), emit=emit, watch=Watched)

    tasks = [
        asyncio.create_task(read(each, into))
        for each, into in zip(found(count), arrivals, strict=True)
    ]
    yield arrivals
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _devices(count: int) -> list[BLEDevice]:
    async with asyncio.timeout(SCAN_S), BleakScanner() as scanner:
        while len(scanner.discovered_devices) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        return sorted(scanner.discovered_devices, key=lambda each: each.address)


@asynccontextmanager
async def bleakheart(count: int) -> AsyncIterator[list[Arrivals]]:
    """Read each strap with bleakheart, frame by frame."""
    from bleakheart import HeartRate

    arrivals: list[Arrivals] = [[] for _ in range(count)]
    async with AsyncExitStack() as stack:
        for device, into in zip(await _devices(count), arrivals, strict=True):

            def heard(frame: tuple[object, ...], into: Arrivals = into) -> None:
                rates = frame[2]  # the strap's own, and its RR intervals
                assert isinstance(rates, tuple)
                into.append((rates[0], time.monotonic_ns()))

            client = await stack.enter_async_context(BleakClient(device))
            await HeartRate(client, callback=heard, unpack=False).start_notify()
        yield arrivals


@asynccontextmanager
async def polar_python(count: int) -> AsyncIterator[list[Arrivals]]:
    """Read each strap with polar-python."""
    from polar_python import PolarDevice
    from polar_python.models import HRData

    arrivals: list[Arrivals] = [[] for _ in range(count)]
    async with AsyncExitStack() as stack:
        for device, into in zip(await _devices(count), arrivals, strict=True):

            def heard(data: HRData, into: Arrivals = into) -> None:
                into.append((data.heartrate, time.monotonic_ns()))

            polar = await stack.enter_async_context(PolarDevice(device))
            await polar.start_hr_stream(heard)
        yield arrivals


READERS = ("session", "driver", "bleakheart", "polar-python")


async def _read(what: str, count: int, use_start_notify: bool) -> list[Arrivals]:
    match what:
        case "session":
            reading = sessions(count, use_start_notify=use_start_notify)
        case "driver":
            reading = drivers(count, use_start_notify=use_start_notify)
        case "bleakheart":
            reading = bleakheart(count)
        case "polar-python":
            reading = polar_python(count)
        case _:
            raise ValueError(f"there is no reader called {what!r}")
    loop = asyncio.get_running_loop()
    async with reading as arrivals:
        await loop.run_in_executor(None, sys.stdin.read)
    return arrivals


def main() -> None:
    """Read until standard input ends, then print what came."""
    parser = argparse.ArgumentParser(prog="bench.readers", description=__doc__)
    parser.add_argument("what", choices=READERS)
    parser.add_argument("--straps", type=int, default=1)
    parser.add_argument("--acquire", action="store_true", help="use AcquireNotify")
    options = parser.parse_args()
    sys.stdout.write(json.dumps({"begun": time.monotonic_ns()}) + "\n")
    sys.stdout.flush()
    arrivals = asyncio.run(_read(options.what, options.straps, not options.acquire))
    sys.stdout.write(json.dumps({"arrivals": arrivals}) + "\n")


if __name__ == "__main__":
    main()
