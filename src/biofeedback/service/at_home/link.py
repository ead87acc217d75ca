"""The link of a home to the clinic that it has joined, for as long as it has."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

import msgspec

from biofeedback.bus import BusError, Delivery
from biofeedback.clinic import subjects
from biofeedback.clinic.messages import (
    Accounts,
    Again,
    GranteeAccount,
    MessageT,
    Revoked,
    of_json,
    to_json,
)
from biofeedback.clinic.outbox import Outbox
from biofeedback.errors import BiofeedbackError
from biofeedback.service.at_home.copying import Copying
from biofeedback.service.at_home.line import Line, given_to
from biofeedback.service.at_home.showing import Showing
from biofeedback.service.consenting import Consents as Consenting
from biofeedback.service.tasks import Tasks
from biofeedback.session.clock import Clock
from biofeedback.session.resting import rest
from biofeedback.store import AccountRow, ClinicRow, Store, StoreError
from biofeedback.store.clinics import GIVEN_TO

_LOGGER = logging.getLogger(__name__)

SAY_EVERY_S = 300.0
"""How often both sides compare what was consented to, though nothing has changed."""

RETRY_S = 5.0
LONGEST_NAME = 80

_ACCOUNT = re.compile(r"[0-9A-Za-z-]{1,26}")
_CODE = re.compile(r"[A-Z]-[0-9A-Z]{6}")


class Link:
    """Brings who is at the clinic, takes what was consented to, and sends copies.

    Parameters
    ----------
    clinic
        The clinic, and what this home is called there.
    line
        The way there.
    store, consenting, copying
        What is known here of people and consents.
    showing
        What the clinic sees live.
    clock
        For all waiting.

    Attributes
    ----------
    refusal
        That the clinic keeps no copies, in a sentence, since it last said so.
    was_misused
        Whether something held at the clinic that nobody consented to here.
    """

    def __init__(
        self,
        *,
        clinic: ClinicRow,
        line: Line,
        store: Store,
        consenting: Consenting,
        copying: Copying,
        showing: Showing,
        clock: Clock,
    ) -> None:
        self.clinic = clinic
        self.copying = copying
        self._line = line
        self._store = store
        self._consenting = consenting
        self._showing = showing
        self._clock = clock
        self.refusal = ""
        self.was_misused = False
        self._never: frozenset[str] = frozenset()
        self._tasks = Tasks()
        self._changed = asyncio.Event()
        self._person_changed: Callable[[str], None] = lambda _: self._changed.set()
        self.outbox = Outbox(
            home=clinic.home_id,
            bus=line.bus,
            log=line.log,
            shelf=copying,
            clock=clock,
        )

    @property
    def connected(self) -> bool:
        """Whether the clinic can be reached now."""
        return self._line.bus.connected

    @property
    def is_let_in(self) -> bool:
        """Whether the clinic lets this home in, as far as it has said."""
        return self._line.is_let_in

    async def open(self) -> None:
        """Begin. That the clinic cannot be reached is no failure."""
        home = self.clinic.home_id
        self.copying.on_change(self._copying_changed)
        self._consenting.on_change(self._person_changed)
        bus = self._line.bus
        bus.on_link(self._link_changed)
        await self._line.open()
        await bus.subscribe(subjects.new_accounts(home), self._hear_accounts)
        await bus.subscribe(subjects.ended_consents(home), self._hear_revoked)
        await bus.subscribe(subjects.send_again(home), self._hear_again)
        await self._showing.open()
        self._tasks.spawn(self._keep_said())
        self._tasks.spawn(self.outbox.run())

    async def close(self) -> None:
        """End; what is not sent by now waits on the disk."""
        self._consenting.off_change(self._person_changed)
        await self._tasks.cancel()
        await self._showing.close()
        await self._line.close()

    def look(self) -> None:
        """Look again: sessions have begun or ended."""
        self.outbox.look()

    # --- What the clinic says -----------------------------------------------------

    def _hear_accounts(self, delivery: Delivery) -> None:
        if (accounts := _read(Accounts, delivery.data)) is not None:
            self._tasks.spawn(self._logged(self._take_accounts(accounts)))

    def _hear_revoked(self, delivery: Delivery) -> None:
        if (revoked := _read(Revoked, delivery.data)) is not None:
            self._tasks.spawn(self._logged(self._take_revoked(revoked)))

    def _hear_again(self, delivery: Delivery) -> None:
        if (again := _read(Again, delivery.data)) is not None:
            self.outbox.again(again.session, again.start)

    async def _take_accounts(self, accounts: Accounts) -> None:
        rows = [row for one in accounts.people if (row := self._row(one)) is not None]
        name = accounts.clinic.strip()[:LONGEST_NAME]

        def keep() -> bool:
            if name and name != self.clinic.name:
                self._store.clinics.rename(self.clinic.id, name)
            return self._store.clinics.keep_accounts(self.clinic.id, rows)

        changed = await asyncio.to_thread(keep)
        if name:
            self.clinic = msgspec.structs.replace(self.clinic, name=name)
        if changed:
            await self._consenting.reread()
            await self._showing.people_changed()

    def _row(self, one: GranteeAccount) -> AccountRow | None:
        # From elsewhere: nothing in it is taken for granted.
        display = " ".join(one.display.split())[:LONGEST_NAME]
        if not (
            _ACCOUNT.fullmatch(one.account)
            and _CODE.fullmatch(one.code)
            and one.role in GIVEN_TO
        ):
            return None
        return AccountRow(
            id=one.account,
            code=one.code,
            name=one.code,
            display=display or one.code,
            role=one.role,
            person_id="",
            created_at_utc_ns=0,
            revoked_at_utc_ns=0 if one.revoked else None,
            clinic=self.clinic.id,
        )

    async def _look_for_misuse(self, holds: Iterable[str]) -> None:
        """See what holds at the clinic by this home, and was never given here.

        Whoever has the ticket can say so there; it ends when the clinic is told.
        """
        given = await asyncio.to_thread(given_to, self._store, self.clinic)
        known = {row.id for row in given.consents} | {row.id for row in given.copies}
        new = frozenset(holds) - known - self._never
        if not new:
            return
        self._never |= new
        self.was_misused = True
        self._changed.set()
        _LOGGER.warning(
            "%d consents hold at the clinic that were never given here. They are "
            "ended; ask the clinic for a new ticket.",
            len(new),
        )
        await asyncio.to_thread(
            lambda: self._store.audit.add(
                actor="clinic", role="clinic", action="consent.never_given"
            )
        )

    async def _take_revoked(self, revoked: Revoked) -> None:
        await self._look_for_misuse(revoked.holds)
        now_ns = self._store.now_ns()
        allowed = self.copying.covered()
        if allowed is not None and allowed.consent.id in revoked.refused:
            self.refusal = "Your clinic keeps no copies of yours. Ask them why."
        ends = {**dict.fromkeys(revoked.refused, now_ns), **revoked.ends}
        held = {
            row.id: row.person_id
            for row in self._consenting.holding()
            if row.id in ends
        }
        try:
            n = await asyncio.to_thread(
                self._store.clinics.end_consents, ends, clinic=self.clinic.id
            )
        except StoreError:
            for id, person_id in held.items():  # it stops here all the same
                with suppress(StoreError):
                    await self._consenting.revoke(person_id, consent_id=id)
            raise
        if n:
            await self._consenting.reread()
            await self.copying.open()

    # --- What is said to the clinic -----------------------------------------------

    async def _keep_said(self) -> None:
        """Say what holds whenever it changes, until it is known to be known."""
        while True:
            self._changed.clear()
            wait_s = RETRY_S
            if self.connected:
                try:
                    await self.say()
                    wait_s = SAY_EVERY_S
                except BusError as error:
                    _LOGGER.info("The clinic could not be told. %s", error)
                except (BiofeedbackError, ValueError) as error:
                    _LOGGER.warning("What the clinic says cannot be kept: %s", error)
                except Exception:
                    _LOGGER.exception("The exchange with the clinic failed")
                    wait_s = SAY_EVERY_S
            else:
                wait_s = SAY_EVERY_S  # the link coming back ends the wait
            await rest(self._changed, self._clock, wait_s)

    async def say(self) -> None:
        """Say all that was consented to, and take what the clinic answers.

        Raises
        ------
        BiofeedbackError, ValueError
            When it cannot be said, or what comes cannot be read or kept.
        """
        home, bus = self.clinic.home_id, self._line.bus
        answer = await bus.request(subjects.ask_accounts(home), b"")
        await self._take_accounts(of_json(Accounts, answer))
        said = await asyncio.to_thread(given_to, self._store, self.clinic)
        never = tuple(sorted(self._never))
        said = msgspec.structs.replace(said, never=never)
        answer = await bus.request(subjects.tell_consents(home), to_json(said))
        revoked = of_json(Revoked, answer)
        self._never -= {*never} - {*revoked.holds}  # the clinic knows
        await self._take_revoked(revoked)
        over = revoked.ends.keys() | revoked.refused.keys()
        self.copying.known(frozenset(row.id for row in said.copies) - over)
        if self.copying.covered() is not None:
            self.refusal = ""

    def _link_changed(self, connected: bool) -> None:
        self.outbox.link_changed(connected)
        if connected:
            self._changed.set()

    def _copying_changed(self) -> None:
        self.outbox.look()
        self._changed.set()

    async def _logged(self, doing: Awaitable[None]) -> None:
        try:
            await doing
        except BiofeedbackError as error:  # the disk may be back the next time
            _LOGGER.warning("What the clinic says cannot be kept: %s", error)
        except Exception:
            _LOGGER.exception("What the clinic says cannot be followed")


def _read(kind: type[MessageT], data: bytes) -> MessageT | None:
    try:
        return of_json(kind, data)
    except ValueError:
        _LOGGER.warning("What the clinic sent cannot be read.")
        return None
