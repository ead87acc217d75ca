"""Running sums of intervals, from which every window's numbers follow.

For each beat one row of whole numbers is kept: the sums over all beats before it. The
sums of a window are the difference of two rows, whatever its length; they are exact,
and so is what is made of them, in any order and for any number of people at once.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from biofeedback.signal.series import UNITS_PER_MS, Flags, Ints

NN, NN_SQUARED, N_NN, DIFF_SQUARED, N_DIFF, N_ABOVE_50, N_ABRUPT, N_BEATS = range(8)
DIFFERENCES = slice(DIFF_SQUARED, N_ABOVE_50 + 1)
"""What is of a beat and the one before it: a window's first beat adds none."""

COLUMNS: Final = 8
"""Eight 64-bit numbers are one line of the processor's cache."""

ABOVE = 50 * UNITS_PER_MS
"""pNN50 counts differences strictly above 50 ms."""


def rows(rr: Ints, normal: Flags, joined: Flags, abrupt: Flags) -> Ints:
    """Return what each beat adds to the sums, shape (n, 8).

    Parameters
    ----------
    rr
        Intervals in units, shape (n,).
    normal, joined, abrupt
        Whether each is an NN, follows the one before without a gap, and is a turning
        point of two opposite jumps; shape (n,).
    """
    found = np.zeros((len(rr), COLUMNS), np.int64)
    nn = np.where(normal, rr, 0)
    found[:, NN] = nn
    found[:, NN_SQUARED] = nn * nn
    found[:, N_NN] = normal
    adjacent = np.zeros(len(rr), np.bool_)
    adjacent[1:] = joined[1:] & normal[1:] & normal[:-1]
    change = np.zeros(len(rr), np.int64)
    change[1:] = np.diff(rr)
    change[~adjacent] = 0
    found[:, DIFF_SQUARED] = change * change
    found[:, N_DIFF] = adjacent
    found[:, N_ABOVE_50] = np.abs(change) > ABOVE
    found[:, N_ABRUPT] = abrupt
    found[:, N_BEATS] = 1
    return found


def row(
    rr: int, normal: bool, abrupt: bool, before: int | None
) -> tuple[int, int, int, int, int, int, int, int]:
    """Return what one beat adds; ``before`` is the NN it truly follows, if any.

    >>> row(640_000, True, False, 608_000)
    (640000, 409600000000, 1, 1024000000, 1, 0, 0, 1)
    """
    if not normal:
        return (0, 0, 0, 0, 0, 0, int(abrupt), 1)
    if before is None:
        return (rr, rr * rr, 1, 0, 0, 0, int(abrupt), 1)
    change = rr - before
    above = int(abs(change) > ABOVE)
    return (rr, rr * rr, 1, change * change, 1, above, int(abrupt), 1)


def running(added: Ints) -> Ints:
    """Return the sums before each beat and after the last, shape (n + 1, 8)."""
    total = np.zeros((len(added) + 1, COLUMNS), np.int64)
    np.cumsum(added, axis=0, out=total[1:])
    return total
