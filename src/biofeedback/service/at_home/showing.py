"""Shows the clinic what is shared with it, live, and follows what its people send."""

from __future__ import annotations

from biofeedback.bus import Bus
from biofeedback.bus.presence import Presence
from biofeedback.clinic import subjects
from biofeedback.service.at_home.offer import HomeOffer
from biofeedback.service.audit import Audit
from biofeedback.service.conductor import Conductor
from biofeedback.service.elsewhere.offering import Offering
from biofeedback.service.elsewhere.steering import Orders
from biofeedback.service.following import Following
from biofeedback.service.rooms import Rooms
from biofeedback.service.watchers import Watchers
from biofeedback.session.clock import Clock
from biofeedback.store import ClinicRow, Store


class Company:
    """The parts of the service that know what is shared with whom.

    Parameters
    ----------
    store, conductor, rooms, watchers, following, audit
        Of the service.
    """

    def __init__(
        self,
        *,
        store: Store,
        conductor: Conductor,
        rooms: Rooms,
        watchers: Watchers,
        following: Following,
        audit: Audit,
    ) -> None:
        self.store = store
        self._conductor = conductor
        self._rooms = rooms
        self._watchers = watchers
        self._following = following
        self._audit = audit

    def offer(self, clinic: ClinicRow) -> HomeOffer:
        """Return what a clinic may have."""
        return HomeOffer(
            clinic.id,
            store=self.store,
            conductor=self._conductor,
            rooms=self._rooms,
            watchers=self._watchers,
            audit=self._audit,
        )

    def orders(self) -> Orders:
        """Return what follows a clinic's commands; nobody there is the person."""
        return Orders(self.store, self._rooms, self._following, own=False)


class Showing:
    """Offers what is shared on the clinic's bus.

    Parameters
    ----------
    clinic
        The clinic, and what this home is called there.
    bus
        The clinic's.
    company
        What is shared with whom.
    clock
        For all waiting.
    """

    def __init__(
        self, clinic: ClinicRow, *, bus: Bus, company: Company, clock: Clock
    ) -> None:
        self._offer = company.offer(clinic)
        self._presence = Presence(bus, clock, hears=())
        self._offering = Offering(
            bus=bus,
            presence=self._presence,
            origin=subjects.origin(clinic.home_id),
            clock=clock,
            utc_ns=company.store.now_ns,
            offer=self._offer,
            orders=company.orders(),
        )

    async def open(self) -> None:
        """Begin, on a bus that is open."""
        await self._offer.read()
        await self._presence.open()
        await self._offering.open()

    async def people_changed(self) -> None:
        """Read anew who is at the clinic."""
        await self._offer.read()

    async def close(self) -> None:
        """Withdraw everything."""
        await self._offering.close()
        await self._presence.close()
        self._offer.close()
