"""Other libraries on the same windows, each in a process of its own.

``python -m biofeedback.bench.peers NAME`` prints one JSON object. A peer that is not
installed, or breaks, says so: its row holds the error. ``BIOFEEDBACK_PEERS_PYTHON``
names the Python that has them, where it is not ours: their needs conflict.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LENGTHS_S = (30, 60, 300)
Calls: TypeAlias = dict[str, Callable[[Any], Any]]


def _neurokit2() -> Calls:
    import neurokit2 as nk
    import numpy as np

    def info(rr: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        return {"RRI": rr, "RRI_Time": np.cumsum(rr) / 1000}

    return {
        "time": lambda rr: nk.hrv_time(info(rr)),
        "welch": lambda rr: nk.hrv_frequency(
            info(rr), normalize=False, interpolation_rate=4
        ),
        "rmssd": lambda rr: nk.hrv_time(info(rr))["HRV_RMSSD"].iloc[0],
        "sdnn": lambda rr: nk.hrv_time(info(rr))["HRV_SDNN"].iloc[0],
    }


def _hrvanalysis() -> Calls:
    import hrvanalysis  # type: ignore[import-not-found]

    time_domain = hrvanalysis.get_time_domain_features
    return {
        "time": lambda rr: time_domain(list(rr)),
        "welch": lambda rr: hrvanalysis.get_frequency_domain_features(list(rr)),
        "rmssd": lambda rr: time_domain(list(rr))["rmssd"],
        "sdnn": lambda rr: time_domain(list(rr))["sdnn"],
    }


def _systole() -> Calls:
    from systole.hrv import (  # type: ignore[import-not-found]
        frequency_domain,
        time_domain,
    )

    def value_of(rr: NDArray[np.float64], metric: str) -> float:
        table = time_domain(rr, input_type="rr_ms").set_index("Metric")
        return float(table.loc[metric, "Values"])

    return {
        "time": lambda rr: time_domain(rr, input_type="rr_ms"),
        "welch": lambda rr: frequency_domain(rr, input_type="rr_ms"),
        "rmssd": lambda rr: value_of(rr, "RMSSD"),
        "sdnn": lambda rr: value_of(rr, "SDNN"),
    }


def _heartpy() -> Calls:
    import numpy as np
    from heartpy.analysis import (  # type: ignore[import-not-found]
        calc_fd_measures,
        calc_ts_measures,
    )

    def in_time(rr: NDArray[np.float64]) -> tuple[Any, ...]:
        difference = np.diff(rr)
        found: tuple[Any, ...] = calc_ts_measures(rr, np.abs(difference), difference**2)
        return found

    def working() -> dict[str, Any]:
        return {}

    return {
        "time": in_time,
        "welch": lambda rr: calc_fd_measures(
            "welch", working_data={"RR_list_cor": rr}, measures=working()
        ),
        "rmssd": lambda rr: in_time(rr)[1]["rmssd"],
        "sdnn": lambda rr: in_time(rr)[1]["sdnn"],
    }


def _pyhrv() -> Calls:
    from pyhrv import (  # type: ignore[import-not-found]
        frequency_domain,
        time_domain,
    )

    def in_time(rr: NDArray[np.float64]) -> None:
        time_domain.sdnn(rr)
        time_domain.rmssd(rr)
        time_domain.nn50(rr)

    return {
        "time": in_time,
        "welch": lambda rr: frequency_domain.welch_psd(
            rr, mode="dev", show=False, show_param=False, legend=False
        ),
        "rmssd": lambda rr: time_domain.rmssd(rr)["rmssd"],
        "sdnn": lambda rr: time_domain.sdnn(rr)["sdnn"],
    }


PEERS: dict[str, tuple[str, Callable[[], Calls]]] = {
    "NeuroKit2": ("neurokit2", _neurokit2),
    "hrv-analysis": ("hrv-analysis", _hrvanalysis),
    "systole": ("systole", _systole),
    "heartpy": ("heartpy", _heartpy),
    "pyhrv": ("pyhrv", _pyhrv),
}


def rows(rr_ms: Sequence[float]) -> list[dict[str, Any]]:
    """Return a row for each peer: µs a call, error of RMSSD, memory, or what broke."""
    python = os.environ.get("BIOFEEDBACK_PEERS_PYTHON", sys.executable)
    found = []
    for name in PEERS:
        own = name == "NeuroKit2"  # it is a dependency, so it is measured where we are
        answer = subprocess.run(
            [sys.executable if own else python, "-W", "ignore", __file__, name],
            input=json.dumps(list(rr_ms)),
            capture_output=True,
            text=True,
            env={**os.environ, "MPLBACKEND": "agg", "OMP_NUM_THREADS": "1"},
        )
        try:
            row = json.loads(answer.stdout.splitlines()[-1])
        except (IndexError, ValueError):
            row = {"error": (answer.stderr.strip().splitlines() or ["no answer"])[-1]}
        found.append({"peer": name, **row})
    return found


def measured(name: str, rr_ms: Sequence[float]) -> dict[str, Any]:
    """Return one peer's row, measured in this process."""
    import statistics
    import time
    from importlib.metadata import version

    before_mib = _peak_mib()
    import numpy as np

    distribution, calls_of = PEERS[name]
    calls = calls_of()
    rr = np.array(rr_ms)
    row: dict[str, Any] = {"version": version(distribution), "numpy": np.__version__}
    errors: dict[str, list[float]] = {"rmssd": [], "sdnn": []}
    for length_s in LENGTHS_S:
        window = rr[np.cumsum(rr[::-1])[::-1] <= 1000 * length_s]
        for kind in ("time", "welch"):
            key = f"{kind}_{length_s}s_us"
            try:
                calls[kind](window)
                times = []
                for _ in range(9):
                    began = time.perf_counter()
                    calls[kind](window)
                    times.append(time.perf_counter() - began)
                row[key] = statistics.median(times) * 1e6
            except Exception as error:
                row[key] = None
                row["broken"] = f"{kind}: {type(error).__name__}: {error}"[:120]
        exact = exactly(window.tolist())
        for metric, value in exact.items():
            errors[metric].append(abs(float(calls[metric](window)) - value))
    for metric, found in errors.items():
        row[f"{metric}_error_ms"] = max(found)
    after_mib = _peak_mib()
    if before_mib is not None and after_mib is not None:
        row["memory_mib"] = after_mib - before_mib
    return row


def exactly(rr_ms: Sequence[float]) -> dict[str, float]:
    """Return RMSSD and SDNN from exact fractions.

    >>> exactly([1000.0, 1060.0, 1000.0])["rmssd"]
    60.0
    """
    import math
    from fractions import Fraction
    from itertools import pairwise

    rr = [Fraction(value) for value in rr_ms]
    squares = sum(((b - a) ** 2 for a, b in pairwise(rr)), Fraction())
    mean = sum(rr, Fraction()) / len(rr)
    spread = sum(((value - mean) ** 2 for value in rr), Fraction())
    return {
        "rmssd": math.sqrt(squares / (len(rr) - 1)),
        "sdnn": math.sqrt(spread / (len(rr) - 1)),
    }


def _peak_mib() -> float | None:
    """Return the most memory this process had (Linux); a parent's does not count."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            found = next(line for line in status if line.startswith("VmHWM"))
    except OSError:
        return None
    return int(found.split()[1]) / 1024


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measured(sys.argv[1], json.load(sys.stdin))) + "\n")
