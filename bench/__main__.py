"""The engine beside NeuroKit2 and others, in one run: ``python -m bench``.

What ``biofeedback bench`` does, and with ``--write`` the page and the chart that show
it: ``docs/performance.md``, ``docs/images/performance.svg``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence

from bench.page import write
from biofeedback.bench.report import lines, measure

IMPORTS = ("numpy", "biofeedback.signal.windows", "biofeedback.pipeline", "neurokit2")


def imports() -> dict[str, dict[str, float]]:
    """Time and memory (Linux) of a fresh interpreter that imports one module."""
    code = (
        "import sys, time; t = time.perf_counter(); __import__(sys.argv[1]);"
        "print(time.perf_counter() - t, sum(int(line.split()[1]) / 1024"
        " for line in open('/proc/self/status') if line.startswith('VmRSS')))"
    )
    found = {}
    for module in IMPORTS:
        runs = []
        for _ in range(3):
            answer = subprocess.run(
                [sys.executable, "-W", "ignore", "-c", code, module],
                capture_output=True,
                text=True,
                check=True,
            )
            runs.append([float(x) for x in answer.stdout.split()])
        found[module] = {
            "seconds": statistics.median(run[0] for run in runs),
            "mib": statistics.median(run[1] for run in runs),
        }
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Run everything, print it, and write it down if asked to."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--quick", action="store_true", help="rough figures")
    parser.add_argument("--write", action="store_true", help="page and chart as well")
    options = parser.parse_args(arguments)
    found = measure(
        quick=options.quick,
        say=lambda what: print(f"Measuring: {what}", file=sys.stderr),
    )
    if sys.platform == "linux":
        found["imports"] = imports()
    if options.write:
        write(found)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for line in lines(found):
        print(line)
    for module, row in found.get("imports", {}).items():
        print(f"import {module}: {row['seconds']:.2f} s, {row['mib']:.0f} MiB")


if __name__ == "__main__":
    main()
