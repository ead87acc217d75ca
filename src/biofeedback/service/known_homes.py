"""Whose a session at a home is: the clinic says so, not the home."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from biofeedback.clinic import subjects
from biofeedback.service.elsewhere.envelopes import Ad
from biofeedback.service.node_id import is_node
from biofeedback.store import HomeRow


class KnownHomes:
    """The homes of a clinic, as its store said a moment ago."""

    def __init__(self) -> None:
        self._people: dict[str, str] = {}
        self._told: set[Callable[[], None]] = set()

    def take(self, homes: Iterable[HomeRow]) -> bool:
        """Know these homes, and no others; those that are revoked are none.

        Return whether that changed anything.
        """
        people = {
            subjects.origin(home.id): home.person_id
            for home in homes
            if home.revoked_at_utc_ns is None
        }
        if people == self._people:
            return False
        self._people = people
        for told in tuple(self._told):
            told()
        return True

    def whose(self, origin: str, ad: Ad) -> str | None:
        """Say whose a session is; ``None`` where no such home is known.

        The clinic's own nodes share its store: what they say is so.
        """
        return ad.person_id if is_node(origin) else self._people.get(origin)

    def on_change(self, told: Callable[[], None]) -> None:
        """Call ``told`` from now on when other homes are known."""
        self._told.add(told)
