"""How soon a strap streams again: ``python -m bench.recovery [--json]``.

Nine faults, with the driver's own waits, in both ways to subscribe. The time is from
the end of the fault (the adapter is on again, the strap is back in reach) until the
first packet; of the link's loss and of the silent stall it is from the moment when the
driver noticed, and that takes ``detect_s``. The strap sends twenty packets a second,
so figures are at most 50 ms too long.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version

from bench.readers import found
from biofeedback.model import AnyRecord, LinkChange, LinkStep, Notification
from biofeedback.session.clock import WallClock
from biofeedback.session.driver import Watched
from biofeedback.simulator.bluez import VirtualBlueZ
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.bus import PrivateBus
from biofeedback.wire import HeartRateMeasurement
from biofeedback_drivers.ble import BleDriver

REACH_S = 1.5
PATIENCE_S = 60.0
EVERY_S = 0.05
PACKET = bytes(HeartRateMeasurement(hr_bpm=60, rr_1024=(1024,)))
BROKEN = ("org.bluez.Error.Failed", "Input/output error")
PACKAGES = ("bleak", "bleak-retry-connector", "dbus-fast")


class Trial:
    """One strap that streams, and the fault that befalls it."""

    def __init__(
        self, bus: PrivateBus, bluez: VirtualBlueZ, strap: VirtualStrap, outage_s: float
    ) -> None:
        self.bus = bus
        self.bluez = bluez
        self.strap = strap
        self.outage_s = outage_s
        self.steps: list[tuple[LinkStep | None, float]] = []
        self._heard_s = 0.0
        self._news = asyncio.Event()

    def emit(self, record: AnyRecord) -> None:
        """Take what the driver tells."""
        now_s = time.monotonic()
        if isinstance(record, LinkChange):
            self.steps.append((record.step, now_s))
        elif isinstance(record, Notification) and record.characteristic == "2a37":
            self._heard_s = now_s
        self._news.set()

    async def heard_after(self, when_s: float) -> float:
        """Return when the first packet after ``when_s`` came."""
        await self._until(lambda: self._heard_s > when_s)
        return self._heard_s

    async def told_after(self, step: LinkStep, when_s: float) -> float:
        """Return when the driver told of ``step`` for the first time after then."""

        def told() -> list[float]:
            return [at_s for each, at_s in self.steps if each is step and at_s > when_s]

        await self._until(lambda: bool(told()))
        return told()[0]

    async def _until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                self._news.clear()
                await self._news.wait()


Fault = Callable[[Trial], Awaitable[float]]
"""Does it to a strap; returns when it ended."""


async def link_drop(trial: Trial) -> float:
    """Lose the link."""
    await trial.bluez.drop(trial.strap)
    return time.monotonic()


async def three_bad_connects(trial: Trial) -> float:
    """Lose the link, and let the next three attempts fail."""
    trial.strap.connect_errors.extend([BROKEN] * 3)
    await trial.bluez.drop(trial.strap)
    async with asyncio.timeout(PATIENCE_S):
        while trial.strap.connect_errors:  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0.002)
    return time.monotonic()


async def out_of_range(trial: Trial) -> float:
    """Walk away and come back."""
    await trial.bluez.hide(trial.strap)
    await asyncio.sleep(trial.outage_s)
    await trial.bluez.show(trial.strap)
    return time.monotonic()


async def silent_stall(trial: Trial) -> float:
    """Stay connected and send nothing, until the driver has noticed."""
    began_s = time.monotonic()
    trial.strap.silent = True
    noticed_s = await trial.told_after(LinkStep.LOST, began_s)
    trial.strap.silent = False
    return noticed_s


async def adapter_off_and_on(trial: Trial) -> float:
    """Switch the adapter off and on."""
    await trial.bluez.power(False)
    await asyncio.sleep(trial.outage_s)
    await trial.bluez.power(True)
    return time.monotonic()


async def unplugged_and_replugged(trial: Trial) -> float:
    """Pull the adapter out and put it back."""
    await trial.bluez.unplug()
    await asyncio.sleep(trial.outage_s)
    await trial.bluez.plug()
    return time.monotonic()


async def service_crash(trial: Trial) -> float:
    """Let the Bluetooth service crash and start again."""
    await trial.bluez.stop()
    await asyncio.sleep(trial.outage_s)
    await trial.bluez.start()
    return time.monotonic()


async def crash_while_connecting(trial: Trial) -> float:
    """Let the service crash while it looks up services; it returns at once."""
    began_s = time.monotonic()
    trial.strap.services_hang = True
    await trial.bluez.drop(trial.strap)
    await trial.told_after(LinkStep.CONNECTING, began_s)
    async with asyncio.timeout(PATIENCE_S):
        while not trial.strap.connected:  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0.002)
    await trial.bluez.stop()
    trial.strap.services_hang = False
    await asyncio.sleep(trial.outage_s)
    await trial.bluez.start()
    return time.monotonic()


async def bus_restart(trial: Trial) -> float:
    """Let D-Bus restart, and the Bluetooth service with it."""
    await trial.bus.stop_daemon()
    await trial.bluez.stop()
    await asyncio.sleep(trial.outage_s)
    await trial.bus.start()
    await trial.bluez.start()
    return time.monotonic()


FAULTS: tuple[Fault, ...] = (
    link_drop,
    three_bad_connects,
    out_of_range,
    silent_stall,
    adapter_off_and_on,
    unplugged_and_replugged,
    service_crash,
    crash_while_connecting,
    bus_restart,
)


async def measure(
    fault: Fault, *, use_start_notify: bool, outage_s: float
) -> dict[str, float]:
    """Let a strap stream, do ``fault`` to it, and see how long it takes."""
    (wanted,) = found(1)
    strap = VirtualStrap(address=wanted.address, name=wanted.name)
    async with PrivateBus() as bus:
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = bus.address
        async with VirtualBlueZ(bus.address, strap) as bluez:
            trial = Trial(bus, bluez, strap, outage_s)
            ble = BleDriver(use_start_notify=use_start_notify)
            tasks = [
                asyncio.create_task(_send(strap)),
                asyncio.create_task(
                    ble.open(wanted).run(
                        clock=WallClock(), emit=trial.emit, watch=Watched
                    )
                ),
            ]
            try:
                await trial.heard_after(0.0)
                await asyncio.sleep(1.0)
                began_s = time.monotonic()
                ended_s = await fault(trial)
                again_s = await trial.heard_after(ended_s)
                lost_s = await trial.told_after(LinkStep.LOST, began_s)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await ble.close()
    return {"detect_s": lost_s - began_s, "again_s": again_s - ended_s}


async def _send(strap: VirtualStrap) -> None:
    while True:
        await strap.notify(PACKET)
        await asyncio.sleep(EVERY_S)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every fault; return 1 when one took longer than it may."""
    parser = argparse.ArgumentParser(prog="bench.recovery", description=__doc__)
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--outage", type=float, default=5.0, help="seconds")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", help="one fault")
    options = parser.parse_args(arguments)
    rows: list[dict[str, float | str]] = []
    for fault in FAULTS:
        if options.only not in (None, fault.__name__):
            continue
        for mode in ("start", "acquire"):
            runs = [
                asyncio.run(
                    measure(
                        fault,
                        use_start_notify=mode == "start",
                        outage_s=options.outage,
                    )
                )
                for _ in range(options.runs)
            ]
            again_s = [run["again_s"] for run in runs]
            rows.append(
                {
                    "fault": fault.__name__,
                    "mode": mode,
                    "outage_s": options.outage,
                    "detect_s": statistics.median(run["detect_s"] for run in runs),
                    "again_s": statistics.median(again_s),
                    "worst_s": max(again_s),
                }
            )
            if not options.json:
                row = rows[-1]
                cells = (
                    f"{value:>8.2f}" if isinstance(value, float) else f"{value:>24}"
                    for value in row.values()
                )
                print(*cells, flush=True)
    if options.json:
        versions = {name: version(name) for name in PACKAGES}
        versions["python"] = platform.python_version()
        print(json.dumps({"versions": versions, "recovery": rows}, indent=2))
    return int(any(float(row["worst_s"]) > REACH_S for row in rows))


if __name__ == "__main__":
    sys.exit(main())
