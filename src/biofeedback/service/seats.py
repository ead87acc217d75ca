"""How many websockets one sign-in may hold, and how often strangers may try."""

from __future__ import annotations

from collections import Counter

from biofeedback.service.limits import Limits

MOST_SOCKETS = 32
"""Of one sign-in: a browser's windows hold one or two each."""


class Seats:
    """Counts open websockets. Only its own event loop may use it.

    Parameters
    ----------
    most
        How many one sign-in or access token may hold. The program that was given
        the service's own token is the operator's, and is not counted.
    """

    def __init__(self, most: int = MOST_SOCKETS) -> None:
        self._most = most
        self._taken: Counter[str] = Counter()
        self._strangers = Limits()

    def is_full(self, credential: str) -> bool:
        """Say whether this sign-in holds all that it may."""
        return self._taken[credential] >= self._most

    def take(self, credential: str) -> None:
        """Count one more."""
        self._taken[credential] += 1

    def leave(self, credential: str) -> None:
        """Count one less."""
        self._taken[credential] -= 1
        if not self._taken[credential]:
            del self._taken[credential]

    def may_be_told(self, address: str | None, now_s: float) -> bool:
        """Say whether a stranger is told to sign in, or not even that."""
        return self._strangers.attempt(address, now_s=now_s) is None
