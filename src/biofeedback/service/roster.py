"""Who is live: the sessions, those that ended a short while ago, the straps worn."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from biofeedback.model import Ask, FoundStrap, LinkReason
from biofeedback.service.browser_radio import BrowserRadio, BrowserSource
from biofeedback.service.problems import Problem
from biofeedback.service.straps import same_strap
from biofeedback.session.runner import LiveSession

KEPT_ENDED = 8
"""Ended sessions whose last messages a viewer that comes back can still have."""


class Roster:
    """The sessions of one service that anyone can see or add to.

    Parameters
    ----------
    browser
        Is told when a strap of its own is worn no more.
    """

    def __init__(self, browser: BrowserRadio) -> None:
        self._browser = browser
        self._live: dict[str, LiveSession] = {}
        self._ended: OrderedDict[str, LiveSession] = OrderedDict()
        self._worn: dict[str, FoundStrap] = {}
        self._people: dict[str, str] = {}
        self._told: set[Callable[[], None]] = set()

    # --- Straps ---------------------------------------------------------------------

    def wear(self, id: str, strap: FoundStrap) -> None:
        """Keep ``strap`` for the session ``id``.

        Raises
        ------
        Problem
            With status 409, when it may be that of another session.
        """
        if strap.simulated:  # there are as many of those as are wanted
            return
        if any(same_strap(strap, one) for one in self._worn.values()):
            raise Problem(
                409,
                "This strap is already in a session.",
                "End that session first, or choose another strap.",
                reason=LinkReason.BUSY.value,
            )
        self._worn[id] = strap

    def take_off(self, id: str) -> None:
        """Give the strap of a session back: that is over, or never began."""
        if (worn := self._worn.pop(id, None)) is not None:
            self._browser.forget(worn)

    def worn(self, id: str) -> FoundStrap | None:
        """Return the strap of a session, unless it is a simulated one."""
        return self._worn.get(id)

    def browser_source(self, id: str) -> BrowserSource | None:
        """Return the source of a live session whose radio is a browser."""
        worn = self._worn.get(id) if id in self._live else None
        return None if worn is None else self._browser.source(worn)

    # --- Sessions -------------------------------------------------------------------

    @property
    def going_on(self) -> tuple[LiveSession, ...]:
        """The live sessions."""
        return tuple(self._live.values())

    def add(self, live: LiveSession, person_id: str) -> None:
        """Add a session of this person that has begun."""
        self._live[live.info.id] = live
        self._people[live.info.id] = person_id
        self._tell()

    def end(self, live: LiveSession) -> None:
        """Say that a session is over; may be said twice."""
        id = live.info.id
        self.take_off(id)
        if self._live.pop(id, None) is None:
            return
        self._ended[id] = live
        while len(self._ended) > KEPT_ENDED:
            self._people.pop(self._ended.popitem(last=False)[0], None)
        self._tell()

    def forget_ended(self) -> None:
        """Forget the sessions that ended a short while ago."""
        for id in self._ended:
            self._people.pop(id, None)
        self._ended.clear()

    def on_change(self, told: Callable[[], None]) -> None:
        """Call ``told`` from now on when a session begins or ends."""
        self._told.add(told)

    def _tell(self) -> None:
        for told in tuple(self._told):
            told()

    def __contains__(self, id: object) -> bool:
        return id in self._live

    def session(self, id: str) -> LiveSession | None:
        """Return a session that is live, or that ended a short while ago."""
        return self._live.get(id) or self._ended.get(id)

    def person_id(self, id: str) -> str | None:
        """Return whose session this is, live or ended a short while ago."""
        return self._people.get(id)

    def going(self, id: str) -> LiveSession | None:
        """Return a session that is live."""
        return self._live.get(id)

    def live(self, id: str) -> LiveSession:
        """Return a live session that can be added to.

        Raises
        ------
        Problem
            With status 409, when it has ended, never was, or is a replay.
        """
        live = self._live.get(id)
        if live is None or live.ended.is_set():
            raise Problem(409, "This session is not live.", "Begin a new one.")
        if live.info.source == "replay":
            raise Problem(
                409, "A replay shows what was; it takes nothing new.", "Just watch it."
            )
        return live

    def signals(self, id: str) -> tuple[Ask, ...]:
        """Return what is asked of the strap now, beside its heart rate."""
        live = self._live.get(id)
        return () if live is None else live.watched().signals
