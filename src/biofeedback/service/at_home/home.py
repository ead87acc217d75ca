"""Holds the patient's side of a clinic together, for as long as the service runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

from biofeedback.bus import BusError
from biofeedback.clinic import ticket as tickets
from biofeedback.clinic.outbox import Progress
from biofeedback.clinic.ticket import Ticket
from biofeedback.errors import BiofeedbackError, SettingsError
from biofeedback.figures import AnyFigure, Figure
from biofeedback.model import Value
from biofeedback.service.at_home.copying import Copying
from biofeedback.service.at_home.line import Line, NatsLine, given_to, say_goodbye
from biofeedback.service.at_home.link import Link
from biofeedback.service.at_home.showing import Company, Showing
from biofeedback.service.conductor import Conductor
from biofeedback.service.consenting import Consents
from biofeedback.service.tasks import Tasks
from biofeedback.session.clock import NS_PER_S, Clock
from biofeedback.store import ClinicRow, Store
from biofeedback.store.clinics import Covered

_LOGGER = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
"""How soon it is noticed that the command line has joined or left a clinic."""

FAREWELL_EVERY_S = 60.0


class AtClinic(Value, frozen=True):
    """How things stand with the clinic that was joined.

    ``trouble`` says in a sentence why it can never be reached as it is; that it cannot
    be just now is none. ``is_let_in``: not unless it has revoked this home, or erased
    its person. ``was_misused``: something held there that nobody consented to here.
    """

    clinic: ClinicRow
    connected: bool = False
    copies: Covered | None = None
    progress: Progress = Progress()
    trouble: str = ""
    is_let_in: bool = True
    was_misused: bool = False


class AtHome:
    """The clinic that this home has joined, if it has; practice goes on without it.

    Parameters
    ----------
    store, conductor, consents, company
        Of the service.
    clock
        For all waiting.
    line
        How a clinic is reached.
    """

    def __init__(
        self,
        *,
        store: Store,
        conductor: Conductor,
        consents: Consents,
        company: Company,
        clock: Clock,
        line: Callable[[Ticket, Path], Line] = NatsLine,
    ) -> None:
        self._store = store
        self._conductor = conductor
        self._consents = consents
        self._company = company
        self._clock = clock
        self._line = line
        self._joined: ClinicRow | None = None
        self._link: Link | None = None
        self._trouble = ""
        self._farewell_at_ns = 0
        self._tasks = Tasks()
        conductor.on_change(self._sessions_changed)

    @property
    def joined(self) -> bool:
        """Whether a clinic was joined; then there may be people to share with."""
        return self._joined is not None

    @property
    def now(self) -> AtClinic | None:
        """How things stand; ``None`` where no clinic was joined."""
        if self._joined is None:
            return None
        if self._link is None:
            return AtClinic(clinic=self._joined, trouble=self._trouble)
        return AtClinic(
            clinic=self._joined,
            connected=self._link.connected,
            copies=self._link.copying.covered(),
            progress=self._link.outbox.progress,
            trouble=self._trouble or self._link.refusal,
            is_let_in=self._link.is_let_in,
            was_misused=self._link.was_misused,
        )

    @property
    def copying(self) -> Copying | None:
        """Whether the clinic may keep copies; ``None`` where none could be."""
        return None if self._link is None else self._link.copying

    def figures(self) -> Iterator[AnyFigure]:
        """Return how things stand with the clinic, where one was joined."""
        if (now := self.now) is None:
            return
        yield Figure(
            name="clinic_connected",
            text="Whether the clinic that was joined can be reached.",
            value=float(now.connected),
        )
        yield Figure(
            name="clinic_sent_bytes",
            text="What was sent to the clinic for its copies.",
            value=now.progress.n_bytes,
            total=True,
        )
        if now.progress.n_waiting is not None:
            yield Figure(
                name="clinic_sessions_waiting",
                text="Sessions that have ended and are still to be sent.",
                value=now.progress.n_waiting,
            )

    async def open(self) -> None:
        """Begin; nothing here keeps the service waiting."""
        await self._look()
        self._tasks.spawn(self._keep_looking())

    async def close(self) -> None:
        """End; what is not sent by now waits on the disk."""
        await self._tasks.cancel()
        await self._close_link()

    async def take_back(self, person_id: str) -> None:
        """Take back all that this person gave the clinic, and tell it if it is there.

        Before they are erased: afterwards nobody here knows what there was to end.
        """
        if self._joined is None:
            return
        await self._consents.revoke(person_id)
        if self._link is None:
            await asyncio.to_thread(
                self._store.clinics.end_copies, self._joined.home_id
            )
            return
        await self._link.copying.end()
        try:
            await self._link.say()
        except (BiofeedbackError, ValueError) as error:
            _LOGGER.warning("The clinic does not know what was taken back. %s", error)

    def _sessions_changed(self) -> None:
        if self._link is not None:
            self._link.look()

    # --- Joined, or left ----------------------------------------------------------

    async def _keep_looking(self) -> None:
        while True:
            now_ns = self._clock.now_ns()
            await self._clock.sleep_until(now_ns + round(LOOK_EVERY_S * NS_PER_S))
            try:
                await self._look()
            except BiofeedbackError as error:  # the disk may be back the next time
                _LOGGER.warning("Whether a clinic was joined is not known: %s", error)

    async def _look(self) -> None:
        joined = await asyncio.to_thread(self._read)
        was, self._joined = self._joined, joined
        if _which(joined) != _which(was):
            await self._close_link()
            if was is not None:
                await self._consents.reread()  # the command line ended them
        path = tickets.kept_at(self._store.data)
        if self._link is None and path.exists():
            if joined is not None:
                await self._open_link(joined, path)
            else:
                self._leave(path)
        elif joined is not None and self._link is None:
            self._trouble = (
                "This computer has no ticket of your clinic any more. "
                "Ask your clinic for a new one."
            )

    def _read(self) -> ClinicRow | None:
        # Where several have accounts it is no home.
        return None if self._store.accounts.any() else self._store.clinics.joined()

    async def _open_link(self, clinic: ClinicRow, path: Path) -> None:
        try:
            ticket = await asyncio.to_thread(tickets.read, path)
            if (ticket.clinic.id, ticket.home) != (clinic.id, clinic.home_id):
                # While somebody joins, the old ticket lies there for a moment still.
                raise SettingsError(
                    "The ticket here is not of the clinic that was joined.",
                    "Ask your clinic for a new one.",
                )
            # Whose computer this is comes before everybody at the clinic.
            await asyncio.to_thread(self._store.person)
            line = self._line(ticket, self._store.data)
            self._link = Link(
                clinic=clinic,
                line=line,
                store=self._store,
                consenting=self._consents,
                copying=Copying(self._store, self._conductor, clinic.home_id),
                showing=Showing(
                    clinic, bus=line.bus, company=self._company, clock=self._clock
                ),
                clock=self._clock,
            )
            await self._link.copying.open()
        except BiofeedbackError as error:
            self._told(error)
            self._link = None
            return
        self._trouble = ""
        self._tasks.spawn(self._opened(self._link))

    async def _opened(self, link: Link) -> None:
        try:
            await link.open()
        except BiofeedbackError as error:
            self._told(error)
        except Exception:
            _LOGGER.exception("The link to the clinic could not be opened")

    async def _close_link(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    def _leave(self, path: Path) -> None:
        """Say goodbye; only then is the ticket of no use any more."""
        if (now_ns := self._clock.now_ns()) < self._farewell_at_ns:
            return
        self._farewell_at_ns = now_ns + round(FAREWELL_EVERY_S * NS_PER_S)
        self._tasks.spawn(self._said_goodbye(path))

    async def _said_goodbye(self, path: Path) -> None:
        try:
            ticket = await asyncio.to_thread(tickets.read, path)
            left = [
                row
                for row in await asyncio.to_thread(self._store.clinics.all)
                if row.id == ticket.clinic.id and row.left_at_utc_ns is not None
            ]
            if left:
                given = await asyncio.to_thread(given_to, self._store, left[0])
                line = self._line(ticket, self._store.data)
                await say_goodbye(line, left[0], given)
                if await asyncio.to_thread(tickets.read, path) == ticket:
                    await asyncio.to_thread(tickets.forget, self._store.data)
        except BusError as error:
            _LOGGER.info("The clinic that was left could not be told yet. %s", error)
        except (BiofeedbackError, ValueError, OSError) as error:
            _LOGGER.warning("The clinic that was left could not be told: %s", error)

    def _told(self, error: BiofeedbackError) -> None:
        if self._trouble != str(error):
            _LOGGER.warning("The clinic cannot be reached: %s", error)
        self._trouble = str(error)


def _which(clinic: ClinicRow | None) -> tuple[str, str, int] | None:
    if clinic is None:
        return None
    return clinic.id, clinic.home_id, clinic.joined_at_utc_ns
