"""Where it stops being good, found by a rule, and what is full there.

A step is healthy when of a hundred messages ninety-nine are at their viewer within
100 ms, no copy is more than 2 s behind what the log has acknowledged (of a hundred
looks, ninety-nine), and nothing was lost, doubled, shed or refused. The knee is the
first step that is not. What is full there is the machine, when all of its cores
together are busy for 95 % of the time, and else the process that has most of a core.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from biofeedback.model import Value

P99_MS = 100.0
BEHIND_S = 2.0
FULL_PCT = 95.0

Figures = Mapping[str, Any]


class Knee(Value, frozen=True):
    """The first step that is not healthy: why not, and what is full."""

    patients: int
    viewers: int
    why: tuple[str, ...]
    full: str


def troubles(row: Figures) -> tuple[str, ...]:
    """Return why a step is not healthy; nothing if it is."""
    found = []
    heart = row["spreads"].get("heart")
    if heart is not None and heart["p99_ms"] > P99_MS:
        found.append(f"record → viewer {heart['p99_ms']:.0f} ms (p99)")
    if row["behind_s"]["p99"] > BEHIND_S:
        found.append(f"copies {row['behind_s']['p99']:.1f} s behind (p99)")
    lost = row["lost"] + row["doubled"] + row["shed"] + sum(row["closed"].values())
    if lost or row["not_taken"] or row["same"] < row["checked"]:
        found.append("something was lost, shed or refused")
    return tuple(found)


def knee(rows: Sequence[Figures]) -> Knee | None:
    """Return the first step that is not healthy, if there is one."""
    for row in sorted(rows, key=lambda row: int(row["patients"])):
        if why := troubles(row):
            return Knee(
                patients=row["patients"],
                viewers=row["viewers"],
                why=why,
                full=full(row),
            )
    return None


def full(row: Figures) -> str:
    """Say what has least left: the machine, or one process."""
    cores = os.cpu_count() or 1
    shares = sorted(row["cpu_pct"].items(), key=lambda pair: -pair[1])
    named = ", ".join(f"{name} {share:.0f} %" for name, share in shares[:4])
    if row["machine_pct"] >= FULL_PCT * cores:
        others = f", others' work {row['of_others_pct']:.0f} %"
        return f"all {cores} cores of this machine ({named}{others})"
    name, share = shares[0]
    return f"{name}, {share:.0f} % of a core"
