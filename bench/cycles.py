"""One strap that is lost again and again, and what the driver keeps of each link.

``python -m bench.cycles --cycles 1000`` reads the strap of ``bench.air --cycles`` and
prints what this process held before the first link, with the first, after 100 of them
and at the end: memory, tasks, descriptors, connections to the bus and match rules.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import time
from pathlib import Path

from dbus_fast import BusType, Message
from dbus_fast.aio import MessageBus

from bench.air import PACKETS_PER_CYCLE
from bench.readers import found
from biofeedback.model import AnyRecord, Notification
from biofeedback.session.clock import WallClock
from biofeedback.session.driver import Watched
from biofeedback_drivers.ble import BleDriver
from biofeedback_drivers.timing import Timing

QUICK = Timing(backoff_min_s=0.001, backoff_max_s=0.001)
"""The usual waits, but no wait between links: the benchmark would take hours."""

DBUS = "org.freedesktop.DBus"
PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_mib() -> float:
    """Return how much memory this process has."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * PAGE / 2**20


class Holdings:
    """What this process holds now, the bus's own view of it included."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus

    async def count(self) -> dict[str, float]:
        """Return every count."""
        names = await self._ask(DBUS, "ListNames")
        rules = await self._ask(f"{DBUS}.Debug.Stats", "GetAllMatchRules")
        return {
            "rss_mib": resident_mib(),
            "tasks": len(asyncio.all_tasks()),
            "descriptors": len(os.listdir("/proc/self/fd")),
            "connections": sum(name.startswith(":") for name in names),
            "match_rules": sum(len(of_one) for of_one in rules.values()),
        }

    async def _ask(self, interface: str, member: str) -> dict[str, list[str]]:
        answer = await self._bus.call(
            Message(
                destination=DBUS,
                path="/org/freedesktop/DBus",
                interface=interface,
                member=member,
            )
        )
        assert answer is not None
        body: dict[str, list[str]] = answer.body[0]
        return body


async def _lose(cycles: int, use_start_notify: bool) -> list[dict[str, float]]:
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    holdings = Holdings(bus)
    packets = 0
    samples: list[dict[str, float]] = []
    came = asyncio.Event()

    def emit(record: AnyRecord) -> None:
        nonlocal packets
        if isinstance(record, Notification) and record.characteristic == "2a37":
            packets += 1
            came.set()

    ble = BleDriver(
        timing=QUICK, chance=random.Random(1), use_start_notify=use_start_notify
    )
    begin_s = time.monotonic()

    async def sample() -> None:
        held = await holdings.count()
        samples.append(
            {"links": packets // PACKETS_PER_CYCLE, **held}
            | {"after_s": time.monotonic() - begin_s}
        )

    await sample()
    reading = asyncio.create_task(
        ble.open(found(1)[0]).run(clock=WallClock(), emit=emit, watch=Watched)
    )
    for links in sorted({1, min(100, cycles), cycles}):
        while packets < links * PACKETS_PER_CYCLE:
            came.clear()
            await came.wait()
        await sample()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await ble.close()
    await sample()
    bus.disconnect()
    return samples


def main() -> None:
    """Lose the strap as often as asked, then print what was held."""
    parser = argparse.ArgumentParser(prog="bench.cycles", description=__doc__)
    parser.add_argument("--cycles", type=int, default=1000)
    parser.add_argument("--acquire", action="store_true", help="use AcquireNotify")
    options = parser.parse_args()
    samples = asyncio.run(_lose(options.cycles, not options.acquire))
    sys.stdout.write(json.dumps({"samples": samples}) + "\n")


if __name__ == "__main__":
    main()
