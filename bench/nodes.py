"""A viewer on another node, beside one on the session's own: ``python -m bench.nodes``.

Two nodes of a clinic, each a process, with a PostgreSQL and a ``nats-server`` on
loopback. All patients practise at A. The same viewers, each a real websocket, look at
them at A and at B by turns, a few rounds of one run. Ends with 1 when a message was
lost or doubled, or with ``--check`` when a viewer at B waits longer than 30 ms (p99).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.load.clinic import cookie, practise, prepare
from bench.load.processes import Figures, house, measured
from bench.load.viewers import Job, Place
from bench.straps import cpu_s
from tests.nats_server import NatsServer
from tests.postgres import a_server

LIVE = "/api/v1/live"
AIM_P99_MS = 30.0


def measure(*, patients: int, rounds: int, seconds: float) -> list[Figures]:
    """Return what came of each round, at A and at B."""
    found = []
    with (
        tempfile.TemporaryDirectory() as folder,
        a_server() as database,
        NatsServer(jetstream=False) as nats,
    ):
        url = database.fresh()
        data = Path(folder)
        clinic = prepare(
            data / "a", patients=patients, therapists=patients, database=url
        )
        options = ("--database", url, "--bus", nats.url)
        with (
            house(data / "a", *options) as (node_a, at_a),
            house(data / "b", *options) as (node_b, at_b),
        ):
            sessions = practise(at_a, clinic, shared=True)

            def places(tokens: Sequence[str], *, own: bool) -> tuple[Place, ...]:
                return tuple(
                    Place(
                        path=f"{LIVE}/{id}",
                        headers=cookie(at_a, token, shared=True),
                        is_own=own,
                    )
                    for id, token in zip(sessions, tokens, strict=True)
                )

            own = places(clinic.patients, own=True)
            watching = places(clinic.therapists, own=False)
            for turn in range(2 * rounds):
                where, address, node = (("a", at_a, node_a), ("b", at_b, node_b))[
                    turn % 2
                ]
                job = Job(
                    address=address,
                    places=(*own, *watching),
                    clocks=own,
                    clocks_at=at_a,
                    seconds=seconds,
                    settle_s=3.0,
                )
                began_s, used_s = time.monotonic(), cpu_s(node_a.pid)
                row = measured(job, node)
                lasted_s = time.monotonic() - began_s
                row["a_cpu_pct"] = 100 * (cpu_s(node_a.pid) - used_s) / lasted_s
                found.append({"node": where, "patients": patients, **row})
    return found


def summary(rows: list[Figures]) -> dict[str, dict[str, Any]]:
    """Return the median of the rounds, and the worst p99, for each node."""
    summed = {}
    for node in ("a", "b"):
        mine = [row for row in rows if row["node"] == node]
        spreads = [row["spreads"]["heart"] for row in mine]
        summed[node] = {
            **{
                name: statistics.median(spread[name] for spread in spreads)
                for name in ("p50_ms", "p95_ms", "p99_ms")
            },
            "worst_p99_ms": max(spread["p99_ms"] for spread in spreads),
            "n": sum(spread["n"] for spread in spreads),
            "lost": sum(row["lost"] for row in mine),
            "doubled": sum(row["doubled"] for row in mine),
            "server_cpu_pct": statistics.median(row["server_cpu_pct"] for row in mine),
            "a_cpu_pct": statistics.median(row["a_cpu_pct"] for row in mine),
        }
    return summed


def table(found: dict[str, dict[str, Any]]) -> list[str]:
    """Return the figures as a table."""
    lines = [
        "| viewers at | strap → viewer p50 / p95 / p99 | worst p99 of a round | "
        "messages timed | lost, doubled | CPU of that node | CPU of A |",
        "|---|---|---|---|---|---|---|",
    ]
    names = {"a": "A, which runs the sessions", "b": "B, another node"}
    lines += [
        f"| {names[node]} | {row['p50_ms']:.1f} / {row['p95_ms']:.1f} / "
        f"{row['p99_ms']:.1f} ms | {row['worst_p99_ms']:.1f} ms | {row['n']} | "
        f"{row['lost']}, {row['doubled']} | {row['server_cpu_pct']:.0f} % | "
        f"{row['a_cpu_pct']:.0f} % |"
        for node, row in found.items()
    ]
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it and print the table; return 1 when anything must not be so."""
    parser = argparse.ArgumentParser(prog="bench.nodes", description=__doc__)
    parser.add_argument("--patients", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--check", action="store_true", help="the time as well")
    options = parser.parse_args(arguments)
    rows = measure(
        patients=options.patients, rounds=options.rounds, seconds=options.seconds
    )
    found = summary(rows)
    print(json.dumps(rows, indent=2) if options.json else "\n".join(table(found)))
    wrong = any(row["lost"] or row["doubled"] for row in found.values())
    late = options.check and found["b"]["p99_ms"] > AIM_P99_MS
    return int(wrong or late)


if __name__ == "__main__":
    sys.exit(main())
