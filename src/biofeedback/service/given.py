"""What one account was given of a session, and since when."""

from __future__ import annotations

from biofeedback.model import Value
from biofeedback.store import Stream


class Given(Value, frozen=True):
    """What one account was given of a session: when each stream ends, since when.

    ``held_seq``: since then it was given something without a break.
    """

    ends: dict[Stream, int]
    held_seq: int
    from_seq: int
    from_ms: float

    def holds_seq(self, seq: int) -> bool:
        """Say whether the message of this number was told since."""
        return self.from_seq <= seq

    def holds_time(self, t_ms: float) -> bool:
        """Say whether this instant lies in it."""
        return self.from_ms <= t_ms
