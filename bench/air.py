"""The virtual Bluetooth of the benchmarks, in a process of its own.

``python -m bench.air --straps 100`` prints one line of JSON with the bus's ``address``
and the ``daemon``'s process, and another when every strap is ``subscribed``. A second
later the straps send numbered packets, evenly spread in time. At the end it tells the
instant at which each packet left, on the machine's monotonic clock, which all
processes share. With ``--cycles`` it drops the link of its one strap after every few
packets instead. Ends when its standard input does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path

from biofeedback.simulator.bluez import VirtualBlueZ
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.bus import PrivateBus
from biofeedback.simulator.models import MODELS
from biofeedback.wire import HeartRateMeasurement

SETTLE_S = 1.0
PACKETS_PER_CYCLE = 2
RR_SPREAD = 41
RATES = 255
"""Packets are numbered by their heart rate, 1 to 255 (a uint8, as straps send it)."""


def packet(number: int, rate_hz: float) -> bytes:
    """Return packet ``number``, counted from 0, with one RR of about a period."""
    rr_1024 = round(1024 / rate_hz) - RR_SPREAD // 2 + number % RR_SPREAD
    return bytes(HeartRateMeasurement(hr_bpm=1 + number % RATES, rr_1024=(rr_1024,)))


def numbers(rates: list[int]) -> list[int]:
    """Return the packets' numbers from the heart rates in the order they came.

    >>> numbers([1, 2, 2, 5, 4])
    [0, 1, 1, 4, 3]
    """
    found: list[int] = []
    last = 0
    for rate in rates:
        ahead = (rate - 1 - last + RATES // 2) % RATES - RATES // 2
        last += ahead
        found.append(last)
    return found


def straps(count: int) -> list[VirtualStrap]:
    """Return ``count`` Polar H10, each with its own address and name."""
    return [MODELS["polar_h10"].strap(number) for number in range(1, count + 1)]


async def send(
    senders: list[VirtualStrap], *, rate_hz: float, seconds: float
) -> list[list[int]]:
    """Send at ``rate_hz`` from each strap; return when each packet left, in ns.

    0 stands for a packet that nobody was there to take.
    """
    packets = round(seconds * rate_hz)
    left_ns: list[list[int]] = [[] for _ in senders]
    begin_s = time.monotonic()
    for number in range(packets):
        for index, strap in enumerate(senders):
            due_s = (number + index / len(senders)) / rate_hz
            if (wait_s := begin_s + due_s - time.monotonic()) > 0:
                await asyncio.sleep(wait_s)
            now_ns = time.monotonic_ns()
            sent = await strap.notify(packet(number, rate_hz))
            left_ns[index].append(now_ns if sent else 0)
    return left_ns


async def cycle(bluez: VirtualBlueZ, strap: VirtualStrap, cycles: int) -> int:
    """Let the strap connect, send and vanish again and again; count the packets."""
    number = 0
    for _ in range(cycles):
        await strap.subscribed.wait()
        for _ in range(PACKETS_PER_CYCLE):
            number += await strap.notify(packet(number, 1.0))
        await bluez.drop(strap)
    return number


def _say(**values: object) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


async def _serve(options: argparse.Namespace) -> None:
    senders = straps(options.straps)
    loop = asyncio.get_running_loop()
    told_to_end = loop.run_in_executor(None, sys.stdin.read)
    async with PrivateBus() as bus, VirtualBlueZ(bus.address, *senders) as bluez:
        _say(address=bus.address, daemon=_children()[0])
        if options.cycles:
            _say(sent=await cycle(bluez, senders[0], options.cycles))
        else:
            for strap in senders:
                await strap.subscribed.wait()
            _say(subscribed=time.monotonic_ns())
            await asyncio.sleep(SETTLE_S)
            _say(begun=time.monotonic_ns())
            left_ns = await send(senders, rate_hz=options.rate, seconds=options.seconds)
            _say(ended=time.monotonic_ns())
            _say(left_ns=left_ns)
        await told_to_end


def _children() -> list[int]:
    lists = Path("/proc/self/task").glob("*/children")
    return [int(pid) for each in lists for pid in each.read_text().split()]


def main() -> None:
    """Run until standard input ends."""
    parser = argparse.ArgumentParser(prog="bench.air", description=__doc__)
    parser.add_argument("--straps", type=int, default=1)
    parser.add_argument("--rate", type=float, default=3.0, help="packets a second")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--cycles", type=int, default=0)
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
