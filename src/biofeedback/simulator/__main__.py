"""Straps for another program: ``python -m biofeedback.simulator --model polar_h10``.

Starts a private D-Bus with a virtual Bluetooth on it, prints one line of JSON, and
plays once somebody subscribes. Set ``DBUS_SYSTEM_BUS_ADDRESS`` to its ``address``, and
that program finds the straps as it would find real ones; ``control`` is where faults
are injected (:mod:`biofeedback.simulator.control`). Ends with SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import csv
import json
import math
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from biofeedback.errors import BiofeedbackError, SettingsError
from biofeedback.simulator.bluez import VirtualBlueZ
from biofeedback.simulator.bluez_objects import Adapter
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.bus import PrivateBus
from biofeedback.simulator.control_server import ControlServer
from biofeedback.simulator.faults import World
from biofeedback.simulator.heart import profile_named
from biofeedback.simulator.models import MODELS, model_named
from biofeedback.simulator.packets import packets_from_rr
from biofeedback.simulator.stage import Stage, StampLog

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
    options.model = options.model or ["polar_h10"]
    try:
        rr_ms = _checked(options)
        asyncio.run(_serve(options, rr_ms))
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


def _checked(options: argparse.Namespace) -> list[float] | None:
    """Refuse what cannot be played before anything starts; return the intervals."""
    profile_named(options.profile)
    for id in options.model:
        model_named(id)
    if options.rr is None:
        return None
    rr_ms = read_rr_ms(options.rr, column=options.column, unit=options.unit)
    try:
        for _ in packets_from_rr(rr_ms):
            pass
    except ValueError as error:
        raise SettingsError(
            f"The RR file {options.rr.name} cannot be played: {error}.",
            "See whether --unit and --column are right.",
        ) from error
    return rr_ms


async def _serve(options: argparse.Namespace, rr_ms: list[float] | None) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)

    adapter = Adapter(
        present=options.mode != "no-adapter",
        powered=options.mode != "adapter-off",
        slots=options.slots,
    )
    async with contextlib.AsyncExitStack() as stack:
        bus = await stack.enter_async_context(PrivateBus())
        bluez = VirtualBlueZ(bus.address, adapter=adapter)
        stack.push_async_callback(bluez.stop)
        stamps = None
        if options.stamp is not None:
            stamps = stack.enter_context(contextlib.closing(StampLog(options.stamp)))
        stage = Stage(
            World(bus=bus, bluez=bluez),
            speed=options.speed,
            stamps=stamps,
            ended=lambda strap, sent: _say(packets_sent=sent, strap=strap.address),
        )
        stack.push_async_callback(stage.close)
        for index in range(options.straps or len(options.model)):
            strap = _enter(stage, options, index, rr_ms)
            strap.hidden = options.mode == "hidden"
            strap.silent = options.mode == "silent"
        if options.mode != "no-bluetooth":
            await bluez.start()
        control = await stack.enter_async_context(
            ControlServer(stage, options.control or bus.folder / "control")
        )
        first = bluez.straps[0]
        _say(
            address=bus.address,
            strap=first.name,
            strap_address=first.address,
            control=str(control.path),
            straps=[
                {"address": each.address, "name": each.name, "model": each.model}
                for each in stage.status().straps
            ],
        )
        await ended.wait()


def _enter(
    stage: Stage, options: argparse.Namespace, index: int, rr_ms: list[float] | None
) -> VirtualStrap:
    model = MODELS[options.model[index % len(options.model)]]
    name = options.name if index == 0 else None
    address = options.address if index == 0 else None
    if rr_ms is not None:
        return stage.add_rr(model, rr_ms, name=name, address=address)
    return stage.add_heart(
        model,
        profile=options.profile,
        seed=options.seed + index,
        name=name,
        address=address,
    )


def _say(**values: object) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m biofeedback.simulator",
        description="A virtual Bluetooth with straps, on a D-Bus of its own.",
        epilog="modes: " + "; ".join(f"{name}: {what}" for name, what in MODES.items()),
    )
    parser.add_argument("--rr", type=Path, metavar="FILE", help="RR intervals to play")
    parser.add_argument("--column", type=int, help="their column, counted from 0")
    parser.add_argument("--unit", choices=("ms", "s"), default="ms")
    parser.add_argument("--profile", default="calm", help="without --rr: this heart")
    parser.add_argument("--seed", type=int, default=1, help="without --rr: its seed")
    parser.add_argument("--speed", type=_speed, default=1.0, help="times real time")
    parser.add_argument(
        "--model",
        action="append",
        metavar="ID",
        help=f"what kind of strap, again for more: {', '.join(MODELS)}",
    )
    parser.add_argument(
        "--straps", type=_count, help="how many straps, taking the models in turn"
    )
    parser.add_argument("--name", help="of the first strap")
    parser.add_argument("--address", type=_address, help="of the first strap")
    parser.add_argument(
        "--control", type=Path, metavar="PATH", help="where to listen for commands"
    )
    parser.add_argument(
        "--stamp", type=Path, metavar="PATH", help="write here when each packet left"
    )
    parser.add_argument("--slots", type=int, help="how many links the adapter holds")
    parser.add_argument("--mode", choices=MODES, default="plain")
    return parser


def _count(text: str) -> int:
    if not (text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number above 0")
    return int(text)


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < math.inf:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number above 0")
    return speed


def _address(text: str) -> str:
    if not re.fullmatch("[0-9A-F]{2}(:[0-9A-F]{2}){5}", text.upper()):
        raise argparse.ArgumentTypeError(
            f"'{text}' is not an address such as A0:9E:1A:00:00:01"
        )
    return text.upper()


if __name__ == "__main__":
    sys.exit(main())
