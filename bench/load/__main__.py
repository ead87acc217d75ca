"""The live room under load: ``python -m bench.load``.

Patients who practise and people who watch them for ``--minutes``; a thousand viewers of
one session beside the bare write loop; viewers that stall, flood and drip, and ten
thousand bad sign-ins, each beside the same without. Every server, every viewer and the
parent that looks at the clock are processes of their own. Ends with 1 when a message
was lost, somebody was let in, or a therapist was told what was not for them to see.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from bench.load import troubles
from bench.load.fanout import fan_out
from bench.load.page import table, write
from bench.load.processes import Figures
from bench.load.room import watched

PARTS = ("practice", "room", "fanout", "stalled", "flooded", "dripped", "guessed")


def run(options: argparse.Namespace) -> dict[str, list[Figures]]:
    """Do what was asked for, one after the other."""
    asked = options.only or PARTS
    found: dict[str, list[Figures]] = {}

    def tell(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    for part in asked:
        tell(f"Measuring: {part}")
        match part:
            case "practice":
                row = watched(
                    patients=options.patients,
                    viewers=options.viewers,
                    rooms=0,
                    seconds=options.minutes * 60,
                    tell=tell,
                )
                found[part] = [row]
            case "room":
                found[part] = [
                    watched(
                        patients=options.patients,
                        viewers=options.patients,
                        rooms=rooms,
                        seconds=options.seconds,
                        # Each tile that opens is written into the audit first.
                        settle_s=5.0 + rooms * options.patients / 30,
                        tell=tell,
                    )
                    for rooms in options.rooms
                ]
            case "fanout":
                found[part] = fan_out(
                    viewers=options.fanout, rate_hz=20.0, seconds=options.seconds
                )
            case _:
                found[part] = getattr(troubles, part)(options.seconds)
    return found


def broken(found: dict[str, list[Figures]]) -> list[str]:
    """Return what must never be."""
    wrong = []
    for part, rows in found.items():
        for row in rows:
            if row["lost"] or row["doubled"]:
                wrong.append(f"{part}: {row['lost']} lost, {row['doubled']} doubled")
            if row["closed"]:
                wrong.append(f"{part}: healthy viewers were closed: {row['closed']}")
            if row.get("let_in"):
                wrong.append(f"{part}: {row['let_in']} were let in")
    return wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Run everything and print it; return 1 when anything must not be so."""
    parser = argparse.ArgumentParser(prog="bench.load", description=__doc__)
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--write", action="store_true", help="into the page as well")
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--minutes", type=float, default=2.0, help="of practice")
    parser.add_argument("--seconds", type=float, default=20.0, help="of the others")
    parser.add_argument("--patients", type=int, default=30)
    parser.add_argument("--viewers", type=int, default=60)
    parser.add_argument("--fanout", type=int, default=1000, help="viewers of one")
    parser.add_argument("--rooms", type=int, nargs="+", default=[1, 10, 60])
    options = parser.parse_args(arguments)
    found = run(options)
    if options.write:
        write(found)
    print(json.dumps(found, indent=2) if options.json else "\n".join(table(found)))
    wrong = broken(found)
    for line in wrong:
        print(line, file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
