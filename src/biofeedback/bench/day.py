"""A day of one heart: metrics at each second, and ``analyze`` as a command."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from biofeedback.bench.hearts import beats
from biofeedback.signal.artefacts import judge_all
from biofeedback.signal.history import spectra, windows
from biofeedback.signal.lane import LENGTHS
from biofeedback.signal.segments import clean_segments
from biofeedback.signal.series import UNITS_PER_S, Series


def day(length_s: int = 86_400) -> dict[str, float]:
    """Return how long a recording of ``length_s`` takes, in s."""
    heart = beats(length_s, 0)
    began = time.perf_counter()
    intervals = judge_all(heart)
    judged = time.perf_counter()
    series = Series.of(intervals)
    ends = np.arange(1, length_s + 1) * UNITS_PER_S
    arranged = time.perf_counter()
    windows(series, ends, LENGTHS)
    in_time = time.perf_counter()
    spectra(series, ends)
    clean_segments(series)
    in_frequency = time.perf_counter()
    return {
        "n_beats": len(heart),
        "n_ticks": length_s,
        "judge_s": judged - began,
        "arrange_s": arranged - judged,
        "windows_s": in_time - arranged,
        "spectra_s": in_frequency - in_time,
        "engine_s": in_frequency - arranged,
        "analyze_s": _analyze("\n".join(str(beat.rr_ms) for beat in heart)),
    }


def _analyze(text: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "day.csv"
        path.write_text(text)
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "biofeedback.cli", "analyze", str(path), "--json"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return time.perf_counter() - began
