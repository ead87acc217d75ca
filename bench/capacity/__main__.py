"""What one hub carries, and what many sites need: ``python -m bench.capacity``.

Steps of ever more simulated patients and viewers, on real servers of this machine:
``nats-server`` with TLS and a credential for each home, PostgreSQL, and a hub that is
also the node at which all viewers are. Homes and viewers are processes of their own.
Beside the steps: homes that are only linked, only announced, not watched, or watched by
one; rooms with thirty tiles; hub and node apart; and whole practices until they are
finished. From these the model for many sites is fitted, and checked against the largest
step. Takes 15 min. Ends with 1 when anything was lost in a step before the knee.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.capacity import knee, page
from bench.capacity.steps import Figures, Step, finishing, measure

STEPS = "50,100,200,350,500"
MOST = 1000
MORE = 1.4
"""While all is well, so many times the patients of the step before."""


def main_steps(sizes: Sequence[int], viewers: int) -> list[Step]:
    """Return the steps that the knee is looked for in."""
    return [Step(patients=n, viewers_per_patient=viewers) for n in sorted(sizes)]


def side_steps(sizes: Sequence[int]) -> list[Step]:
    """Return the steps that tell apart what costs what; of a middling size."""
    n = sorted(sizes)[len(sizes) // 2]
    return [
        Step(patients=1, viewers_per_patient=0, does="linked"),
        Step(patients=max(sizes), viewers_per_patient=0, does="linked"),
        Step(patients=n, viewers_per_patient=0, does="announced"),
        Step(patients=n, viewers_per_patient=0),
        Step(patients=n, viewers_per_patient=1),
        Step(patients=n, screens="rooms"),
        Step(patients=n, apart=True),
    ]


def run(
    sizes: Sequence[int], *, viewers: int, seconds: float, most: int = MOST
) -> dict[str, Any]:
    """Run everything; return all figures."""
    began_s = time.monotonic()
    beside = [_measured(step, seconds) for step in side_steps(sizes)]
    rows: list[Figures] = []
    steps = main_steps(sizes, viewers)
    while steps:
        step = steps.pop(0)
        rows.append(_measured(step, seconds))
        if len(rows) > 1 and knee.troubles(rows[-1]) and knee.troubles(rows[-2]):
            break  # two in a row: it only gets worse
        more = round(step.patients * MORE / 50) * 50
        if not steps and not knee.troubles(rows[-1]) and more <= most:
            steps = main_steps([more], viewers)
    _tell("whole practices, until they are finished")
    return {
        "seconds": seconds,
        "steps": rows,
        "beside": beside,
        "finishing": finishing(),
        "took_s": time.monotonic() - began_s,
    }


def _measured(step: Step, seconds: float) -> Figures:
    _tell(f"{step.patients} homes ({step.does}), {step.screens}, apart: {step.apart}")
    row = measure(step, seconds=seconds)
    heart = row["spreads"].get("heart", {}).get("p99_ms", 0.0)
    hub, busy = row["cpu_pct"]["hub"], row["machine_pct"]
    troubles = ", ".join(knee.troubles(row)) or "healthy"
    _tell(f"  {troubles}; p99 {heart:.0f} ms, hub {hub:.0f} %, machine {busy:.0f} %")
    return row


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it, print the tables, and write them down if asked to."""
    parser = argparse.ArgumentParser(prog="bench.capacity", description=__doc__)
    parser.add_argument("--steps", default=STEPS, metavar="N,N,...")
    parser.add_argument("--viewers-per-patient", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--most", type=int, default=MOST, help="patients, at most")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument(
        "--of", type=Path, metavar="FILE", help="an earlier run, as --json printed it"
    )
    parser.add_argument(
        "--write", action="store_true", help="docs/operate.md and docs/performance.md"
    )
    options = parser.parse_args(arguments)
    if options.of is None:
        found = run(
            [int(n) for n in options.steps.split(",")],
            viewers=options.viewers_per_patient,
            seconds=options.seconds,
            most=options.most,
        )
    else:
        found = json.loads(options.of.read_text())
    print(json.dumps(found, indent=1) if options.json else "\n".join(page.text(found)))
    if options.write:
        page.write(found)
    first = knee.knee(found["steps"])
    healthy = [
        row
        for row in found["steps"]
        if first is None or row["patients"] < first.patients
    ]
    return int(any(row["lost"] or row["same"] < row["checked"] for row in healthy))


if __name__ == "__main__":
    sys.exit(main())
