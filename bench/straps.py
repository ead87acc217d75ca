"""A hundred straps at once, and a thousand lost links: ``python -m bench.straps``.

The virtual Bluetooth, each reader and the parent that looks at the clock are processes
of their own; readers take their turn, in one run. Latency is from the instant at which
the strap sends until a viewer of the session's hub holds the message (for the others:
until their callback is called). A loss, a doublet or a packet out of order ends it
with 1.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import numpy as np

from bench.air import numbers

READERS = (
    ("session", "start"),
    ("session", "acquire"),
    ("driver", "start"),
    ("driver", "acquire"),
    ("bleakheart", "start"),
    ("polar-python", "start"),
)
"""Who reads, and how it subscribes; the others do as Bleak's default is."""

PACKAGES = ("bleak", "bleak-retry-connector", "dbus-fast", "bleakheart", "polar-python")
PATIENCE_S = 120.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")

Figures = dict[str, float | int | str]


def cpu_s(pid: int) -> float:
    """Return the processor time that process ``pid`` has had so far."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / TICKS_PER_S


@contextmanager
def child(*module: str, address: str = "") -> Iterator[subprocess.Popen[str]]:
    """Run ``python -m module``; it is told to end by the end of its input."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", *module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": address},
        text=True,
    )
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()


def said(process: subprocess.Popen[str]) -> dict[str, object]:
    """Return the next line of JSON that ``process`` prints."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"{process.args!r} ended without an answer")
    answer: dict[str, object] = json.loads(line)
    return answer


def read(what: str, mode: str, *, straps: int, rate: float, seconds: float) -> Figures:
    """Let one reader read all straps; return its figures."""
    many = ("--straps", str(straps))
    with child(
        *("bench.air", *many, "--rate", str(rate), "--seconds", str(seconds))
    ) as air:
        begun = said(air)
        acquire = ("--acquire",) if mode == "acquire" else ()
        with child(
            *("bench.readers", what, *many, *acquire), address=str(begun["address"])
        ) as reader:
            connecting = said(reader)
            subscribed = said(air)
            pids = {
                "reader": reader.pid,
                "bluetooth": air.pid,
                "dbus": int(str(begun["daemon"])),
            }
            began_ns = int(str(said(air)["begun"]))
            before_s = {name: cpu_s(pid) for name, pid in pids.items()}
            lasted_s = (int(str(said(air)["ended"])) - began_ns) / 1e9
            after_s = {name: cpu_s(pid) for name, pid in pids.items()}
            left_ns = said(air)["left_ns"]
            assert reader.stdin is not None
            reader.stdin.close()
            arrivals = said(reader)["arrivals"]
    assert isinstance(left_ns, list)
    assert isinstance(arrivals, list)
    connected_ns = int(str(subscribed["subscribed"])) - int(str(connecting["begun"]))
    return {
        "reader": what,
        "mode": mode,
        "straps": straps,
        "rate_hz": rate,
        "seconds": seconds,
        "connect_s": connected_ns / 1e9,
        **_delivery(left_ns, arrivals),
        **{
            f"{name}_cpu_pct": 100 * (after_s[name] - before_s[name]) / lasted_s
            for name in pids
        },
    }


def _delivery(
    left_ns: list[list[int]], arrivals: list[list[tuple[int, int]]]
) -> Figures:
    sent = lost = doubled = reordered = 0
    latencies_ms: list[float] = []
    for left, came in zip(left_ns, arrivals, strict=True):
        order = numbers([rate for rate, _ in came])
        expected = {number for number, t_ns in enumerate(left) if t_ns}
        sent += len(expected)
        lost += len(expected - set(order))
        doubled += len(order) - len(set(order))
        reordered += sum(b < a for a, b in itertools.pairwise(order))
        latencies_ms += [
            (t_ns - left[number]) / 1e6
            for number, (_, t_ns) in zip(order, came, strict=True)
            if number in expected
        ]
    spread = np.array(latencies_ms)
    return {
        "sent": sent,
        "lost": lost,
        "doubled": doubled,
        "reordered": reordered,
        "p50_ms": float(np.percentile(spread, 50)),
        "p99_ms": float(np.percentile(spread, 99)),
        "max_ms": float(spread.max()),
    }


def lose(cycles: int, mode: str) -> list[Figures]:
    """Lose one strap ``cycles`` times; return what was held at times of it."""
    with child("bench.air", "--cycles", str(cycles)) as air:
        begun = said(air)
        acquire = ("--acquire",) if mode == "acquire" else ()
        with child(
            *("bench.cycles", "--cycles", str(cycles), *acquire),
            address=str(begun["address"]),
        ) as reader:
            samples = said(reader)["samples"]
            sent = said(air)["sent"]
    assert isinstance(samples, list)
    return [{"mode": mode, **sample, "sent": int(str(sent))} for sample in samples]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run everything and print it; return 1 when anything was lost."""
    parser = argparse.ArgumentParser(prog="bench.straps", description=__doc__)
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--straps", type=int, default=100)
    parser.add_argument("--rate", type=float, default=3.0, help="packets a second")
    parser.add_argument("--cycles", type=int, default=1000)
    parser.add_argument("--only", help="one reader")
    options = parser.parse_args(arguments)
    delivered = [
        read(
            *(what, mode),
            straps=options.straps,
            rate=options.rate,
            seconds=options.seconds,
        )
        for what, mode in READERS
        if options.seconds and options.only in (None, what)
    ]
    modes = ("start", "acquire") if options.cycles else ()
    cycled = [row for mode in modes for row in lose(options.cycles, mode)]
    if options.json:
        versions = {name: version(name) for name in PACKAGES}
        versions["python"] = platform.python_version()
        print(
            json.dumps(
                {"versions": versions, "straps": delivered, "cycles": cycled}, indent=2
            )
        )
    else:
        for rows in (delivered, cycled):
            _print(rows)
    ours = [row for row in delivered if row["reader"] in ("session", "driver")]
    return int(any(row["lost"] or row["doubled"] or row["reordered"] for row in ours))


def _print(rows: list[Figures]) -> None:
    for row in rows:
        if row is rows[0]:
            print("\n" + " ".join(f"{key:>13}" for key in row))
        cells = (f"{v:.2f}" if isinstance(v, float) else f"{v}" for v in row.values())
        print(" ".join(f"{cell:>13}" for cell in cells))


if __name__ == "__main__":
    sys.exit(main())
