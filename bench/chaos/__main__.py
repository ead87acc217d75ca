"""Kill, cut off, fill up, set back; compare: ``python -m bench.chaos``.

    python -m bench.chaos                    # everything; half an hour
    python -m bench.chaos --only hub --times 3
    python -m bench.chaos --json > FILE
    python -m bench.chaos --of FILE --write  # and into docs/operate.md

Real processes on loopback: the product's, nats-server, PostgreSQL. Ends with 1 when
anything is not at the hub as it is at the home.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from bench.chaos import (
    consents,
    duplicates,
    full_disk,
    kills,
    partitions,
    skew,
    two_hubs,
    waits,
)
from bench.chaos.clinic import Clinic, a_clinic
from bench.chaos.result import BEGIN, END, PAGE, Result, table
from bench.page import put

Scenario = Callable[[Clinic, int, int], Awaitable[Result]]

AROUND_ONE_HOME: Mapping[str, Scenario] = {
    "nats": kills.kill_nats,
    "hub": kills.kill_hub,
    "node": kills.kill_node,
    "database": kills.kill_database,
    "home": kills.kill_home,
    "power-cut": kills.power_cut,
    "all": kills.kill_all,
    "partitions": partitions.cut_off,
    "offline": partitions.offline,
    "duplicates": duplicates.doubled,
    "full-disk": full_disk.full_disk,
    "two-hubs": two_hubs.one_dies,
    "consents": consents.taken_back,
    "skew": skew.hour_off,
    "ends": skew.runs_out,
}

BY_THEMSELVES: Mapping[str, Callable[[int, int], Awaitable[Result]]] = {
    "waits": waits.long_waits,
}
NAMES = (*AROUND_ONE_HOME, *BY_THEMSELVES)


async def run(
    only: Sequence[str], times: int, seed: int, told: Callable[[Result], None]
) -> list[Result]:
    """Run the scenarios, one after another; ``told`` hears of each."""
    results = []

    def say(result: Result) -> None:
        results.append(result)
        told(result)
        print(f"{result.scenario}: {result.took_s:.0f} s", file=sys.stderr)
        for one in result.wrong:
            print(f"  WRONG {one}", file=sys.stderr, flush=True)

    wanted = [name for name in AROUND_ONE_HOME if not only or name in only]
    if wanted:
        async with a_clinic() as clinic:
            await clinic.home(relay=True)
            for name in wanted:
                say(await AROUND_ONE_HOME[name](clinic, times, seed))
    for name in BY_THEMSELVES:
        if not only or name in only:
            say(await BY_THEMSELVES[name](times, seed))
    return results


def _read(path: Path) -> list[Result]:
    lines = path.read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Result) for line in lines]


def _print_json(result: Result) -> None:
    print(msgspec.json.encode(result).decode(), flush=True)


def _print_nothing(_result: Result) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it and print the table; return 1 when anything was not right."""
    parser = argparse.ArgumentParser(prog="bench.chaos", description=__doc__)
    parser.add_argument("--only", action="append", default=[], choices=NAMES)
    parser.add_argument("--times", type=int, default=20, help="kills of each part")
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument(
        "--of",
        action="append",
        type=Path,
        metavar="FILE",
        help="no run: the table of what --json printed",
    )
    parser.add_argument("--json", action="store_true", help="a line for each part")
    parser.add_argument("--write", action="store_true", help="put it into the page")
    options = parser.parse_args(arguments)
    if options.of:
        results = [one for path in options.of for one in _read(path)]
    else:
        told = _print_json if options.json else _print_nothing
        results = asyncio.run(run(options.only, options.times, options.seed, told))
    lines = tuple(table(results))
    if not options.json:
        print("\n".join(lines))
    if options.write:
        put(lines, PAGE, BEGIN, END)
    return int(any(result.wrong for result in results))


if __name__ == "__main__":
    sys.exit(main())
