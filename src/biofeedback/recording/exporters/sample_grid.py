"""Samples on the even grid that EDF and WFDB want, without inventing one.

Both formats know no time of a sample but its number. So the true rate is fitted, each
gap-free trace is laid where its times fall, and places between traces stay empty.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from biofeedback.model import Signal, Value

if TYPE_CHECKING:
    from biofeedback.recording.tables import Tables, Trace

NS_PER_S = 1_000_000_000

SAME_RATE = 0.05
"""Traces whose rates differ by more were asked for at another rate: two signals."""

CLOSE_MS = 5.0
"""Samples that lie so close to an even grid are settled, whatever the others do."""

ROUNDS = 4

AXES = ("X", "Y", "Z")


class Group(Value, frozen=True, kw_only=True):
    """All traces of one signal at one rate, in the order of time.

    ``names`` are those of the channels (``ECG``, or ``ACC X`` to ``ACC Z``), numbered
    where there is more than one group of a signal.
    """

    signal: Signal
    names: tuple[str, ...]
    unit: str
    rate_hz: float
    traces: tuple[Any, ...]


class Layout(Value, frozen=True, kw_only=True):
    """Traces on a grid: ``values`` is (n, channels), ``there`` (n,) says where any are.

    Half of the samples lie within ``half_off_ms`` of the times they were told with
    live, and all within ``most_off_ms``.
    """

    values: Any
    there: Any
    half_off_ms: float
    most_off_ms: float

    @property
    def sentence(self) -> str:
        """How truly it tells the times of samples."""
        return (
            f"half of the samples lie within {self.half_off_ms:.1f} ms of the times "
            f"told live, all within {self.most_off_ms:.1f} ms (live times settle)."
        )


def groups_of(tables: Tables) -> tuple[Group, ...]:
    """Return the ECG and the acceleration of a recording, the ECG first."""
    found: list[list[Trace]] = []
    chosen = [
        trace
        for signal in (Signal.ECG, Signal.ACC)
        for trace in sorted(
            (one for one in tables.traces if one.signal is signal and len(one)),
            key=lambda one: float(one.t_ms[0]),
        )
    ]
    for trace in chosen:
        for group in found:
            if _alike(group[0], trace):
                group.append(trace)
                break
        else:
            found.append([trace])
    totals = [group[0].signal for group in found]
    groups = []
    for at, group in enumerate(found):
        signal = group[0].signal
        before = totals[:at].count(signal)
        number = f" {before + 1}" if before else ""
        n_channels = group[0].values.shape[1]
        axes = [""] if n_channels == 1 else [f" {axis}" for axis in AXES[:n_channels]]
        groups.append(
            Group(
                signal=signal,
                names=tuple(f"{signal.upper()}{number}{axis}" for axis in axes),
                unit=group[0].unit,
                rate_hz=fitted_rate_hz(group),
                traces=tuple(group),
            )
        )
    return tuple(groups)


def _alike(one: Trace, other: Trace) -> bool:
    if (one.signal, one.source) != (other.signal, other.source):
        return False
    if one.values.shape[1] != other.values.shape[1]:
        return False
    rates = one.rate_hz, other.rate_hz
    known = not any(math.isnan(rate) for rate in rates)
    return not known or abs(rates[0] / rates[1] - 1) < SAME_RATE


def fitted_rate_hz(traces: Sequence[Trace]) -> float:
    """Return the rate that fits all traces, whatever their first seconds say.

    Live times settle: the first samples after a (re)connection are told with times that
    may be off by some tenths of a second, until the strap's clock is known. So the fit
    is robust: least squares within each trace over the samples that agree, begun with
    the median slope over half a trace. 1 Hz where no trace has two samples.
    """
    longest = max(traces, key=len)
    n = len(longest)
    if n < 2:
        return 1.0
    half = n // 2
    step_ms = float(np.median(longest.t_ms[half:] - longest.t_ms[: n - half])) / half
    for _ in range(ROUNDS):
        above = below = 0.0
        for trace in traces:
            off_ms = _off_ms(trace, step_ms)
            close_ms = max(CLOSE_MS, 3 * float(np.median(np.abs(off_ms))))
            k = np.flatnonzero(np.abs(off_ms) <= close_ms)
            from_mean = k - k.mean()
            above += float(from_mean @ (trace.t_ms[k] - trace.t_ms[k].mean()))
            below += float(from_mean @ from_mean)
        if above <= 0 or below <= 0:
            return 1.0
        step_ms = above / below
    return 1000 / step_ms


def _start_ms(trace: Trace, step_ms: float) -> float:
    """Return when the first sample was taken, by all of the trace."""
    return float(np.median(trace.t_ms - np.arange(len(trace)) * step_ms))


def even_ms(trace: Trace, step_ms: float) -> NDArray[np.float64]:
    """Return the times of samples ``step_ms`` apart that fit the trace best."""
    start_ms = _start_ms(trace, step_ms)
    return np.asarray(start_ms + np.arange(len(trace)) * step_ms)


def _off_ms(trace: Trace, step_ms: float) -> NDArray[np.float64]:
    return np.asarray(trace.t_ms - even_ms(trace, step_ms))


def laid_out(traces: Sequence[Trace], *, rate_hz: float, origin_ns: int) -> Layout:
    """Lay traces on the grid that begins at ``origin_ns``, sample by sample.

    Within a trace samples follow one another. Where two traces would overlap, the
    second follows the first at once, and ``most_off_ms`` tells by how much that is
    late.
    """
    step_ms = 1000 / rate_hz
    placed: list[tuple[int, Trace]] = []
    off_ms = []
    end = 0
    for trace in traces:
        start_ms = _start_ms(trace, step_ms) - origin_ns / 1e6
        first = max(end, round(start_ms / step_ms))
        end = first + len(trace)
        at_ms = np.arange(first, end) * step_ms + origin_ns / 1e6
        off_ms.append(np.abs(at_ms - trace.t_ms))
        placed.append((first, trace))
    values = np.zeros((end, traces[0].values.shape[1]), np.int32)
    there = np.zeros(end, np.bool_)
    for first, trace in placed:
        values[first : first + len(trace)] = trace.values
        there[first : first + len(trace)] = True
    every_ms = np.concatenate(off_ms)
    return Layout(
        values=values,
        there=there,
        half_off_ms=float(np.median(every_ms)),
        most_off_ms=float(every_ms.max()),
    )


def origin_ns(tables: Tables, groups: Sequence[Group]) -> int:
    """Return where a grid begins: 0, or whole seconds before whatever comes earlier.

    The interval that ends with the first beat began before the session did.
    """
    earliest = 0
    beats = tables.beats
    if len(beats):
        began = beats.t_ns - np.round(beats.rr_ms * 1e6).astype(np.int64)
        earliest = min(earliest, int(began.min()))
    for group in groups:
        for trace in group.traces:
            step_ms = 1000 / group.rate_hz
            # A sample's width before the start is no more than rounding.
            start_ms = _start_ms(trace, step_ms) + step_ms
            earliest = min(earliest, math.floor(start_ms * 1e6))
    return earliest // NS_PER_S * NS_PER_S


def runs_of(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return where ``flags`` are set: first and one past the last of each run."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False]))))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
