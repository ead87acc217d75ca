"""All measurements of one run, and the lines a person reads."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from typing import Any

TOLD = Callable[[str], None]


def measure(*, quick: bool = False, say: TOLD = lambda _: None) -> dict[str, Any]:
    """Run everything, in a few minutes; ``quick`` in some seconds, with rough figures.

    ``say`` is told what is being measured.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    import numpy as np

    from biofeedback.bench import engine, peers
    from biofeedback.bench.day import day
    from biofeedback.bench.hearts import rr_ms

    say("NeuroKit2, called per window")
    neurokit = engine.neurokit_tick()
    sizes = engine.SIZES[:2] if quick else engine.SIZES
    found = []
    for size in sizes:
        say(f"{size} sessions")
        row = engine.ticks(size)
        row["ratio"] = neurokit["windows_us"] / row["tick_us"]
        row["ratio_with_rsa"] = neurokit["windows_us"] / (
            row["tick_us"] + row["rsa_us"]
        )
        everything = row["tick_us"] + row["rsa_us"] + row["beats_us"]
        judged = neurokit["windows_us"] + neurokit["fixpeaks_us"]
        row["ratio_with_beats"] = judged / everything
        found.append(row)
    say("a day")
    length_s = 3_600 if quick else 86_400
    one_day = day(length_s)
    one_day["neurokit_s"] = neurokit["windows_us"] * length_s / 1e6
    one_day["ratio"] = one_day["neurokit_s"] / one_day["engine_s"]
    say("other libraries")
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
        "neurokit": neurokit,
        "ticks": found,
        "day": one_day,
        "peers": peers.rows(rr_ms(330).tolist()),
    }


def lines(found: dict[str, Any]) -> Iterator[str]:
    """Yield the report as text."""
    nk, day = found["neurokit"], found["day"]
    yield f"Python {found['python']}, NumPy {found['numpy']}, {found['machine']}"
    yield (
        f"NeuroKit2, one session: {nk['windows_us'] / 1000:.1f} ms a tick, "
        f"{nk['fixpeaks_us'] / 1000:.1f} ms a beat; largest difference "
        f"{nk['max_difference']:.1e}"
    )
    yield "sessions  tick µs each   × NeuroKit2   RSA µs   beats µs   floor µs"
    for row in found["ticks"]:
        yield (
            f"{row['n_sessions']:8d}{row['tick_us']:14.2f}{row['ratio']:14.0f}"
            f"{row['rsa_us']:9.1f}{row['beats_us']:11.1f}{row['rfft_us']:11.2f}"
        )
    yield (
        f"{day['n_ticks']} s of one heart: engine {day['engine_s']:.2f} s, judging "
        f"{day['judge_s']:.2f} s, as a command {day['analyze_s']:.1f} s; NeuroKit2 per "
        f"window about {day['neurokit_s']:.0f} s ({day['ratio']:.0f} ×)"
    )
    for row in found["peers"]:
        if "error" in row:
            yield f"{row['peer']}: {row['error']}"
            continue
        times = ", ".join(
            f"{key.removesuffix('_us').replace('_', ' ')} {value:.0f} µs"
            for key, value in row.items()
            if key.endswith("_us") and value is not None
        )
        broken = f" ({row['broken']})" if "broken" in row else ""
        yield f"{row['peer']} {row['version']}: {times}{broken}"
