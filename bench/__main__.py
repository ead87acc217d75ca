"""The engine beside NeuroKit2, in one run: ``python -m bench [--json]``.

Two numbers of different runs are never compared: only the ratios mean something on
another machine.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence

import numpy as np

from biofeedback.model import Beat, Interval
from biofeedback.signal.artefacts import Judge, judge_all
from biofeedback.signal.conformity import max_difference, referee_window
from biofeedback.signal.frequency_domain import welch_300
from biofeedback.signal.respiration import Breath
from biofeedback.signal.series import Series
from biofeedback.signal.windows import LiveWindows

S = 1_000_000_000
IMPORTS = ("numpy", "biofeedback.signal.windows", "biofeedback.pipeline", "neurokit2")


def intervals(length_s: float, seed: int = 0) -> list[Interval]:
    """Paced breathing at 0.1 Hz with noise, on the 1/1024 s grid."""
    random = np.random.default_rng(seed)
    t = 0.0
    beats: list[Beat] = []
    while t < length_s:
        rr = 855 + 60 * np.sin(0.2 * np.pi * t) + random.normal(0, 15)
        rr = round(rr * 1.024) / 1.024
        t += rr / 1000
        beats.append(
            Beat(
                index=len(beats),
                segment=0,
                t_ns=round(t * S),
                rr_ms=rr,
                uncertainty_ms=0.0,
            )
        )
    return list(judge_all(beats))


def median_us(call: Callable[[], object], repeats: int) -> float:
    """Return the median time of ``call`` in µs."""
    call()
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1e6


def tick() -> dict[str, float]:
    """One tick of one session: ours, and NeuroKit2 called per window."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from biofeedback.signal import neurokit

        live, found = LiveWindows(), intervals(330)
        for interval in found:
            live.add(interval)
        end_ns = found[-1].t_ns
        breaths: list[Breath] = [(n * 10 * S, (n + 1) * 10 * S) for n in range(33)]
        windows = [referee_window(live.series, end_ns, s) for s in (30, 60, 300)]
        asked = [window for window in windows if window is not None]
        at = np.arange(1200) / 4
        samples = 900 + 60 * np.sin(0.2 * np.pi * at)

        def ours() -> None:
            live.metrics(end_ns)
            live.spectrum(end_ns)
            live.rsa(breaths, end_ns)

        def theirs() -> None:
            for window in asked:
                neurokit.referee(window.nn_ms, window.nn_t_s)

        differences = [
            max_difference(w.ours, neurokit.referee(w.nn_ms, w.nn_t_s)) for w in asked
        ]
        tick_us, neurokit_us = median_us(ours, 200), median_us(theirs, 20)
        return {
            "tick_us": tick_us,
            "time_domain_us": median_us(lambda: live.metrics(end_ns), 200),
            "spectrum_64_us": median_us(lambda: live.spectrum(end_ns), 200),
            "rsa_us": median_us(lambda: live.rsa(breaths, end_ns), 200),
            "welch_300_us": median_us(lambda: welch_300(samples), 200),
            "neurokit2_us": neurokit_us,
            "ratio": neurokit_us / tick_us,
            "max_difference": max(d for d in differences if d is not None),
        }


def day() -> dict[str, float]:
    """24 h, metrics and spectrum every second, as a replay does it."""
    found = intervals(86_400)
    begin = time.perf_counter()
    judge = Judge()
    for i in found:
        judge.judge(
            Beat(
                index=i.index,
                segment=i.segment,
                t_ns=i.t_ns,
                rr_ms=i.rr_ms,
                uncertainty_ms=0.0,
            )
        )
    judged = time.perf_counter()
    Series.of(found)
    arranged = time.perf_counter()
    live, n = LiveWindows(), 0
    for second in range(1, 86_401):
        while n < len(found) and found[n].t_ns <= second * S:
            live.add(found[n])
            n += 1
        live.metrics(second * S)
        live.spectrum(second * S)
    end = time.perf_counter()
    return {
        "n_beats": len(found),
        "judge_s": judged - begin,
        "series_s": arranged - judged,
        "ticks_s": end - arranged,
        "times_real_time": 86_400 / (end - arranged),
    }


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
    """Run everything and print it."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--no-day", action="store_true", help="leave out the 24 h")
    options = parser.parse_args(arguments)
    results: dict[str, object] = {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "machine": platform.machine(),
        "tick": tick(),
    }
    if sys.platform == "linux":
        results["imports"] = imports()
    if not options.no_day:
        results["day"] = day()
    if options.json:
        print(json.dumps(results, indent=2))
        return
    for name, part in results.items():
        if not isinstance(part, dict):
            print(f"{name:28} {part}")
            continue
        print(f"\n{name}")
        for key, value in part.items():
            if isinstance(value, dict):
                value = ", ".join(f"{k} {v:.4g}" for k, v in value.items())
                print(f"  {key:26} {value}")
            else:
                print(f"  {key:26} {value:.4g}")


if __name__ == "__main__":
    main()
