"""How far the live engine is from NeuroKit2 on the same intervals."""

from __future__ import annotations

import msgspec

from biofeedback.model import RefereeValues, Value


class RefereeWindow(Value):
    """What NeuroKit2 is asked about: NN intervals on the beat clock, and our values."""

    window_s: int
    nn_ms: tuple[float, ...]
    nn_t_s: tuple[float, ...]
    ours: RefereeValues


def max_difference(ours: RefereeValues, theirs: RefereeValues) -> float | None:
    """Return the largest absolute difference where both gave a number."""
    first, second = msgspec.structs.asdict(ours), msgspec.structs.asdict(theirs)
    differences = [
        abs(first[key] - second[key])
        for key in first
        if first[key] is not None and second[key] is not None
    ]
    return max(differences, default=None)
