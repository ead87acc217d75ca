"""A strap for another program: ``python -m biofeedback.simulator --rr FILE``.

Starts a private D-Bus with a virtual Bluetooth on it, prints one line of JSON, and
plays once somebody subscribes. Set ``DBUS_SYSTEM_BUS_ADDRESS`` to its ``address``, and
that program finds the strap as it would find a real one. Ends with SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from biofeedback.errors import BiofeedbackError, SettingsError
from biofeedback.simulator.bluez import VirtualBlueZ
from biofeedback.simulator.bluez_objects import Adapter
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.bus import PrivateBus
from biofeedback.simulator.heart import profile_named
from biofeedback.simulator.packets import packets_from_heart, packets_from_rr
from biofeedback.simulator.strap import SimulatedStrap

MODES = {
    "plain": "a strap that streams",
    "silent": "a strap that connects and sends nothing",
    "hidden": "no strap in reach, or one that another device holds",
    "adapter-off": "Bluetooth is switched off",
    "no-adapter": "the computer has no Bluetooth adapter",
    "no-bluetooth": "the Bluetooth service is not running",
}

RR_COLUMN = re.compile(r"(rr|rri|ibi|nn)(_?(ms|s|interval))?$", re.IGNORECASE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until told to end; return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        packets = _packets(options)
        asyncio.run(_serve(options, packets))
    except BiofeedbackError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def read_rr_ms(path: Path, *, column: int | None, unit: str) -> list[float]:
    """Read RR intervals: the column that is named so, or ``column``, or the last.

    Raises
    ------
    SettingsError
        When the file cannot be read, or holds no intervals there.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The RR file {path.name} cannot be read: {error}.", "Check its name."
        ) from error
    scale = 1000 if unit == "s" else 1
    rr_ms: list[float] = []
    for row in csv.reader(re.sub(r"[;\t ]+", ",", line) for line in text.splitlines()):
        cells = [cell.strip() for cell in row if cell.strip()]
        if column is None:
            named = [at for at, cell in enumerate(cells) if RR_COLUMN.match(cell)]
            column = named[0] if named else None
        try:
            rr_ms.append(float(cells[-1 if column is None else column]) * scale)
        except (ValueError, IndexError):
            continue  # a header, an empty line, a remark
    if not rr_ms:
        raise SettingsError(
            f"The file {path.name} holds no RR intervals.",
            "Say which column has them with --column.",
        )
    return rr_ms


def _packets(options: argparse.Namespace) -> Iterator[tuple[int, bytes]]:
    if options.rr is None:
        heart = SimulatedStrap(profile_named(options.profile), options.seed)
        return packets_from_heart(heart)
    return packets_from_rr(
        read_rr_ms(options.rr, column=options.column, unit=options.unit)
    )


async def _serve(
    options: argparse.Namespace, packets: Iterator[tuple[int, bytes]]
) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)

    strap = VirtualStrap(address=options.address, name=options.name)
    strap.hidden = options.mode == "hidden"
    strap.silent = options.mode == "silent"
    adapter = Adapter(
        present=options.mode != "no-adapter", powered=options.mode != "adapter-off"
    )
    async with PrivateBus() as bus:
        bluez = VirtualBlueZ(bus.address, strap, adapter=adapter)
        if options.mode != "no-bluetooth":
            await bluez.start()
        playing = asyncio.create_task(_play(strap, packets, options.speed))
        try:
            _say(address=bus.address, strap=options.name, strap_address=options.address)
            ending = asyncio.create_task(ended.wait())
            await asyncio.wait({playing, ending}, return_when=asyncio.FIRST_COMPLETED)
            if playing.done():
                playing.result()  # a mistake in the intervals is told, not swallowed
            await ending
        finally:
            playing.cancel()
            await bluez.stop()


async def _play(
    strap: VirtualStrap, packets: Iterator[tuple[int, bytes]], speed: float
) -> None:
    sent = await strap.play(packets, speed=speed)
    _say(packets_sent=sent)


def _say(**values: object) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m biofeedback.simulator",
        description="A virtual Bluetooth with one strap, on a D-Bus of its own.",
        epilog="modes: " + "; ".join(f"{name}: {what}" for name, what in MODES.items()),
    )
    parser.add_argument("--rr", type=Path, metavar="FILE", help="RR intervals to play")
    parser.add_argument("--column", type=int, help="their column, counted from 0")
    parser.add_argument("--unit", choices=("ms", "s"), default="ms")
    parser.add_argument("--profile", default="calm", help="without --rr: this heart")
    parser.add_argument("--seed", type=int, default=1, help="without --rr: its seed")
    parser.add_argument("--speed", type=_speed, default=1.0, help="times real time")
    parser.add_argument("--name", default="Polar H10 00000001")
    parser.add_argument("--address", default="A0:9E:1A:00:00:01")
    parser.add_argument("--mode", choices=MODES, default="plain")
    return parser


def _speed(text: str) -> float:
    speed = float(text)
    if not speed > 0:
        raise argparse.ArgumentTypeError("must be above 0")
    return speed


if __name__ == "__main__":
    sys.exit(main())
