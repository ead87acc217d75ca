"""What a tick costs: of one session, of many, and of NeuroKit2 called per window."""

from __future__ import annotations

import statistics
import time
import warnings
from typing import Any

import numpy as np

from biofeedback.bench.hearts import NS_PER_S, beats
from biofeedback.bench.timing import floor_us, median_us
from biofeedback.signal.artefacts import Judge
from biofeedback.signal.conformity import max_difference, referee_window
from biofeedback.signal.fleet import Fleet
from biofeedback.signal.lane import WINDOWS_S, Lane
from biofeedback.signal.respiration import LiveRsa

SIZES = (1, 10, 100, 1000, 4000)
HEARTS = 16
FILLED_S = 320
"""Until the longest window is full."""

MEASURED_S = 64
"""Consecutive seconds, two hops of the five-minute spectrum."""


class House:
    """Sessions with full windows, that go on second by second."""

    def __init__(self, n_sessions: int) -> None:
        self._fleet = Fleet(n_sessions)
        self._lanes = [self._fleet.open() for _ in range(n_sessions)]
        self._judges = [Judge() for _ in self._lanes]
        self._next = [0] * n_sessions
        self._rsa = [LiveRsa() for _ in self._lanes]
        self._rows = np.array([lane.row for lane in self._lanes])
        self.n_beats = 0
        self.beats_until(FILLED_S)
        self.n_beats = 0

    def beats_until(self, second: int) -> None:
        """Let all beats come that a strap would have sent by then."""
        for k, lane in enumerate(self._lanes):
            heart = beats(FILLED_S + MEASURED_S + 2, k % HEARTS)
            n = self._next[k]
            while heart[n].t_ns <= second * NS_PER_S:
                for interval in self._judges[k].judge(heart[n]):
                    lane.take(interval)
                n += 1
            self.n_beats += n - self._next[k]
            self._next[k] = n

    def tick(self, second: int) -> None:
        """Compute everything of all, at one go."""
        now_ns = np.full(len(self._lanes), second * NS_PER_S)
        self._fleet.tick_rows(self._rows, now_ns)

    def alone(self, second: int) -> None:
        """Compute everything of the first, as a replay does."""
        self._lanes[0].numbers(second * NS_PER_S)

    def answers(self, second: int) -> None:
        """Compute RSA and phase of the breaths that have ended."""
        first = max(0, second // 10 - 6)
        paced = [
            (n * 10 * NS_PER_S, (n + 1) * 10 * NS_PER_S)
            for n in range(first, second // 10)
        ]
        for lane, rsa in zip(self._lanes, self._rsa, strict=True):
            rsa.ask(
                paced,
                lambda lane=lane: lane.series,  # type: ignore[misc]
                newest_ns=lane.newest_ns,
                revision=lane.revised_clock,
            )

    @property
    def first(self) -> Lane:
        """One of the sessions."""
        return self._lanes[0]


def ticks(n_sessions: int) -> dict[str, float]:
    """Return the cost of a second of ``n_sessions``, in µs a session.

    ``tick`` is everything that is read off running sums and samples: three windows of
    four metrics each, the 64 s spectrum with peak, coherence ratio and breath, and the
    five-minute spectrum. ``rsa`` is swing and phase of the breaths that ended, and
    ``beats`` judging and adding what came; both fall due with a beat or a breath, not
    with a tick.
    """
    house = House(n_sessions)
    times: dict[str, list[float]] = {"tick": [], "rsa": [], "beats": []}
    for second in range(FILLED_S + 1, FILLED_S + MEASURED_S + 1):
        for name, step in (
            ("beats", house.beats_until),
            ("tick", house.alone if n_sessions == 1 else house.tick),
            ("rsa", house.answers),
        ):
            began = time.perf_counter()
            step(second)
            times[name].append(time.perf_counter() - began)
    scale = 1e6 / n_sessions
    floor = floor_us(n_sessions)
    return {
        "n_sessions": n_sessions,
        "tick_us": statistics.median(times["tick"]) * scale,
        "tick_p99_ms": float(np.quantile(times["tick"], 0.99)) * 1e3,
        "rsa_us": statistics.mean(times["rsa"]) * scale,
        "beats_us": statistics.mean(times["beats"]) * scale,
        "us_per_beat": 1e6 * sum(times["beats"]) / house.n_beats,
        **floor,
    }


def neurokit_tick() -> dict[str, Any]:
    """Return what NeuroKit2 costs for the same, in µs, and how far ours is from it.

    ``hrv_time`` of three windows and ``hrv_frequency`` of two; ``fixpeaks`` is one pass
    of its artefact method over the newest 121 beats.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        import neurokit2 as nk

        lane = House(1).first
        end = lane.end(FILLED_S * NS_PER_S)
        asked = [
            window
            for length_s in WINDOWS_S
            if (window := referee_window(lane, end, length_s)) is not None
        ]
        infos = [
            {"RRI": np.array(w.nn_ms), "RRI_Time": np.array(w.nn_t_s)} for w in asked
        ]
        peaks = np.rint(1024 * np.array(asked[-1].nn_t_s)).astype(int)[-121:]

        def windows() -> None:
            for info in infos:
                nk.hrv_time(info)
            for info in infos[1:]:
                nk.hrv_frequency(info, normalize=False, interpolation_rate=4)

        def judge() -> None:
            nk.signal_fixpeaks(
                peaks, sampling_rate=1024, iterative=False, method="Kubios"
            )

        from biofeedback.signal import neurokit

        differences = [
            max_difference(w.ours, neurokit.referee(w.nn_ms, w.nn_t_s)) for w in asked
        ]
        return {
            "windows_us": median_us(windows, 15),
            "fixpeaks_us": median_us(judge, 15),
            "max_difference": max(d for d in differences if d is not None),
        }
