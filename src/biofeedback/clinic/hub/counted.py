"""What a hub counts, and what it tells of that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from biofeedback.clinic.hub.copy import Copy
from biofeedback.figures import AnyFigure, Durations, Figure


class Counted:
    """How often what happened, and how long the disk took."""

    def __init__(self) -> None:
        # From the start, with 0: a rate does not see what springs from nothing to 1.
        self._n: Counter[tuple[str, str]] = Counter(dict.fromkeys(_ALWAYS, 0))
        self.rounds = Durations()

    def count(self, what: str, reason: str) -> None:
        """Count one; ``what`` is one of those below, the reason a word of the code."""
        self._n[what, reason] += 1

    def n(self, what: str, reason: str) -> int:
        """Return how many there were."""
        return self._n[what, reason]

    def figures(self, copies: Collection[Copy]) -> Iterator[AnyFigure]:
        """Return what was counted, and how these copies stand."""
        for (what, reason), n in sorted(self._n.items()):
            yield Figure(
                name="copy_parcels" if what == "parcels" else f"copy_{what}",
                text=_TEXTS[what],
                value=n,
                labels=(("outcome" if what == "parcels" else "reason", reason),),
                total=True,
            )
        yield Figure(
            name="copies_open",
            text="Copies that come in now, or did in the last ten minutes.",
            value=sum(copy.writer is not None for copy in copies),
        )
        yield Figure(
            name="copies_to_finish",
            text="Copies that have ended and are not finished yet.",
            value=sum(copy.is_to_finish for copy in copies),
        )
        yield self.rounds.spread(
            "copies_sync_seconds",
            "How long it took to bring all that came in to the disk, each time.",
        )


_ALWAYS = (
    ("parcels", "new"),
    ("asked_again", "hole"),
    ("disagreements", "hash"),
    ("damaged", "journal"),
    ("finished", "complete"),
)

_TEXTS = {
    "parcels": "Parcels of homes, by what became of them.",
    "asked_again": "Requests to homes to send something again.",
    "disagreements": "Copies that were not what the home had recorded.",
    "damaged": "Journals of copies that were damaged on this disk.",
    "finished": "Copies that became finished recordings.",
}
