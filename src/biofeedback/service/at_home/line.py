"""The way from a home to its clinic: outward, over TLS, with the home's own secret."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from biofeedback.bus import Bus
from biofeedback.clinic import subjects
from biofeedback.clinic.messages import Consents, Revoked, of_json, to_json
from biofeedback.clinic.outbox import Appending
from biofeedback.clinic.ticket import Ticket, ca_file
from biofeedback.store import ClinicRow, Store

if TYPE_CHECKING:
    from biofeedback.bus.nats import NatsBus


class Line(Protocol):
    """A bus that looks for its servers by itself, and the clinic's log on it."""

    @property
    def bus(self) -> Bus:
        """The clinic's bus."""
        ...

    @property
    def log(self) -> Appending:
        """The clinic's log."""
        ...

    @property
    def is_let_in(self) -> bool:
        """Whether the servers let this home in, as far as they have said."""
        ...

    async def open(self) -> None:
        """Begin to look for the servers."""
        ...

    async def close(self) -> None:
        """Let everything go."""
        ...


class NatsLine:
    """The line that a ticket describes.

    Parameters
    ----------
    ticket
        Where the clinic is, and what lets this home in.
    data
        The data folder, in which the ticket is kept.
    """

    def __init__(self, ticket: Ticket, data: Path) -> None:
        from biofeedback.bus.jetstream import JetStreamLog  # only a home needs it

        self._bus = bus_of(ticket, data)
        self._log = JetStreamLog(self._bus)

    @property
    def bus(self) -> Bus:
        """The clinic's bus."""
        return self._bus

    @property
    def log(self) -> Appending:
        """The clinic's log."""
        return self._log

    @property
    def is_let_in(self) -> bool:
        """Whether the servers let this home in, as far as they have said."""
        return self._bus.is_let_in

    async def open(self) -> None:
        """Begin to look for the servers.

        Raises
        ------
        SettingsError
            When what the ticket says cannot be used, or NATS is not installed.
        """
        await self._bus.open()
        await self._log.open()

    async def close(self) -> None:
        """Let everything go."""
        await self._log.close()
        await self._bus.close()


def bus_of(ticket: Ticket, data: Path) -> NatsBus:
    """Return the bus that a ticket describes, which is kept in this data folder."""
    from biofeedback.bus.nats import NatsBus  # only a home needs it

    return NatsBus(
        ticket.servers,
        name=ticket.home,
        nkey_seed=ticket.seed,
        inbox_prefix=subjects.inbox(ticket.home),
        tls_ca=None if ticket.ca is None else ca_file(data),
    )


def given_to(store: Store, clinic: ClinicRow) -> Consents:
    """Return all that was ever given to a clinic. Blocks."""
    return Consents(
        consents=store.clinics.consents_to(clinic.id),
        copies=store.clinics.copies_of(clinic.home_id),
    )


async def say_goodbye(line: Line, clinic: ClinicRow, given: Consents) -> None:
    """Tell a clinic that was left what has ended, by a line of its own.

    Raises
    ------
    BusError
        When nobody there takes note of it now.
    """
    await line.open()
    try:
        answer = await line.bus.request(
            subjects.tell_consents(clinic.home_id), to_json(given)
        )
        of_json(Revoked, answer)
    finally:
        await line.close()
