"""How far the live numbers were from NeuroKit2's, over all sessions of a service."""

from __future__ import annotations

from biofeedback.model import RefereeValues
from biofeedback.signal.conformity import differences


class Tally:
    """Counts the referee's answers and keeps the largest difference of each metric.

    Attributes
    ----------
    n_comparisons, n_failures
        Questions that were answered, and that were not.
    largest
        The largest absolute difference by length of the window (s) and metric, in the
        metric's own unit.
    """

    def __init__(self) -> None:
        self.n_comparisons = self.n_failures = 0
        self.largest: dict[tuple[int, str], float] = {}

    def compare(
        self, window_s: int, ours: RefereeValues, theirs: RefereeValues
    ) -> None:
        """Take in one answer."""
        self.n_comparisons += 1
        for metric, difference in differences(ours, theirs).items():
            key = (window_s, metric)
            self.largest[key] = max(difference, self.largest.get(key, 0.0))
