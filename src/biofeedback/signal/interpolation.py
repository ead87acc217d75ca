"""Splines through intervals, for resampling: cubic (ours) and quadratic (NeuroKit2's).

Written out in NumPy because SciPy's interpolation takes a second and 50 MiB to import,
and because the order of operations, hence every bit, stays the same everywhere.
"""

from __future__ import annotations

import numpy as np

from biofeedback.signal.series import Floats, Ints


def cubic(x: Floats, y: Floats, at: Floats) -> Floats:
    """Interpolate with the natural cubic spline through (``x``, ``y``).

    Parameters
    ----------
    x
        Rising positions, shape (n,), n ≥ 2.
    y
        Values there, shape (n,).
    at
        Where to evaluate, shape (m,); outside ``x`` the nearest value is held.
    """
    step = np.diff(x)
    slope = np.diff(y) / step
    bend = np.zeros(len(x))  # second derivatives; zero at both ends
    if len(x) > 2:
        bend[1:-1] = _tridiagonal(
            step[:-1], 2 * (step[:-1] + step[1:]), step[1:], 6 * np.diff(slope)
        )
    at = np.clip(at, x[0], x[-1])
    i = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(x) - 2)
    h, left, right = step[i], at - x[i], x[i + 1] - at
    curve = (bend[i] * right**3 + bend[i + 1] * left**3) / (6 * h)
    line = (y[i] / h - bend[i] * h / 6) * right
    line += (y[i + 1] / h - bend[i + 1] * h / 6) * left
    result: Floats = curve + line
    return result


def quadratic(x: Floats, y: Floats, at: Floats) -> Floats:
    """Interpolate with the quadratic spline of SciPy's ``interp1d``.

    Its knots are the midpoints between positions, except the outermost two. NeuroKit2
    resamples intervals with it; here for comparing spectra with it on equal samples.
    """
    n = len(x)
    middle = ((x[1:] + x[:-1]) / 2)[1:-1]
    knots = np.concatenate((np.repeat(x[0], 3), middle, np.repeat(x[-1], 3)))
    rows = np.arange(1, n - 1)
    below, here, above = _bases(knots, rows + 1, x[1:-1])
    zero, one = np.zeros(1), np.ones(1)
    weight = _tridiagonal(
        np.concatenate((zero, below, zero)),
        np.concatenate((one, here, one)),
        np.concatenate((zero, above, zero)),
        y,
    )
    span = np.clip(np.searchsorted(knots, at, side="right") - 1, 2, n - 1)
    first, second, third = _bases(knots, span, at)
    result: Floats = (
        first * weight[span - 2] + second * weight[span - 1] + third * weight[span]
    )
    return result


def _bases(knots: Floats, span: Ints, at: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the three quadratic B-splines that are not zero in each span."""
    t0, t1, t2, t3 = (knots[span + k] for k in (-1, 0, 1, 2))
    rising = (at - t1) / (t2 - t1)
    falling = 1 - rising
    first = falling * (t2 - at) / (t2 - t0)
    third = rising * (at - t1) / (t3 - t1)
    return first, 1 - first - third, third


def _tridiagonal(
    below: Floats, diagonal: Floats, above: Floats, right: Floats
) -> Floats:
    """Solve a tridiagonal system (Thomas 1949); ``below[0]``, ``above[-1]`` unused."""
    a, b, c, d = below.tolist(), diagonal.tolist(), above.tolist(), right.tolist()
    for i in range(1, len(b)):
        share = a[i] / b[i - 1]
        b[i] -= share * c[i - 1]
        d[i] -= share * d[i - 1]
    d[-1] /= b[-1]
    for i in range(len(b) - 2, -1, -1):
        d[i] = (d[i] - c[i] * d[i + 1]) / b[i]
    return np.array(d)
