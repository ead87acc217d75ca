"""Where a clinic's homes knock: who may be given something, and what was consented to.

A home is who its subject says: the bus lets nobody else speak there. What it tells is
looked at as if a stranger had typed it; whose consents these are, and to which accounts
they can be, the clinic decides.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import TypeVar

import msgspec

from biofeedback.bus import Bus, BusError, Delivery, Subscription
from biofeedback.clinic import nats_config, subjects
from biofeedback.clinic.messages import (
    Accounts,
    GranteeAccount,
    Revoked,
    of_json,
    to_json,
)
from biofeedback.clinic.messages import Consents as Told
from biofeedback.clinic.threads import in_thread
from biofeedback.errors import BiofeedbackError
from biofeedback.service.access import PURPOSES
from biofeedback.service.consenting import Consents
from biofeedback.service.known_homes import KnownHomes
from biofeedback.service.tasks import Tasks
from biofeedback.session.clock import NS_PER_S, Clock
from biofeedback.store import (
    ConsentRow,
    CopyConsentRow,
    HomeRow,
    Purpose,
    Role,
    Store,
    StoreError,
)
from biofeedback.store.clinics import GIVEN_TO
from biofeedback.store.homes import Taken

_LOGGER = logging.getLogger(__name__)

HOMES_CHANGED = "homes.changed"
"""What a home told is in the store now: its id."""

LOOK_EVERY_S = 5.0
"""How soon homes hear of what the command line, or another node, has changed."""

MOST_CONSENTS = 5_000
LONGEST_NS = (366 + 2) * 86_400 * NS_PER_S
"""Nobody agrees for longer; two days are for clocks that are wrong."""

LATEST_NS = 1 << 62
ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
LONGEST_WORD = 64

NOT_SO = "This can be no consent."

RowT = TypeVar("RowT", ConsentRow, CopyConsentRow)


class HomesDoor:
    """Answers a clinic's homes, and tells them what has changed here.

    Parameters
    ----------
    store
        The clinic's.
    bus
        Where homes ask.
    consents
        Is told that a home's person has agreed to something, or taken it back.
    known
        Is told which homes there are.
    clock
        For all waiting.
    """

    def __init__(
        self,
        *,
        store: Store,
        bus: Bus,
        consents: Consents,
        known: KnownHomes,
        clock: Clock,
    ) -> None:
        self._store = store
        self._bus = bus
        self._consents = consents
        self._known = known
        self._clock = clock
        self._tasks = Tasks()
        self._subscriptions: list[Subscription] = []
        self._people: bytes | None = None
        self._ended: dict[str, frozenset[str]] | None = None

    async def open(self) -> None:
        """Answer from now on."""
        self._subscriptions = [
            await self._bus.answer("fromhome.*.accounts", self._accounts),
            await self._bus.answer("fromhome.*.consents", self._told),
        ]
        self._consents.on_change(self._changed)
        self._tasks.spawn(self._look_all())

    async def close(self) -> None:
        """Answer no longer."""
        self._consents.off_change(self._changed)
        for subscription in self._subscriptions:
            await subscription.close()
        self._subscriptions.clear()
        await self._tasks.cancel()

    # --- What homes ask ---------------------------------------------------------------

    async def _accounts(self, delivery: Delivery) -> bytes:
        home = await self._home(delivery)
        return b"" if home is None else await in_thread(self._people_here)

    async def _told(self, delivery: Delivery) -> bytes:
        home = await self._home(delivery)
        if home is None:
            return b""
        try:
            told = of_json(Told, delivery.data)
        except ValueError:
            _LOGGER.warning("What home %s consents to cannot be read.", home.id)
            return b""
        return await self._tasks.kept(self._take(home, told))

    async def _take(self, home: HomeRow, told: Told) -> bytes:
        now_ns = self._store.now_ns()
        # The newest, where there are too many: what ended long ago is known here.
        consents, copies = _newest(told.consents), _newest(told.copies)
        rows: tuple[ConsentRow | CopyConsentRow, ...] = (*consents, *copies)
        refused = {row.id: NOT_SO for row in rows if not _can_be(row, now_ns)}
        taken = await in_thread(
            lambda: self._store.homes.take_consents(
                home,
                [row for row in consents if row.id not in refused],
                [row for row in copies if row.id not in refused],
                given_to=self._given_to(),
                never=told.never[:MOST_CONSENTS],
            )
        )
        if taken.changed:
            await in_thread(self._write_down, home, taken)
            await self._consents.wrote(home.person_id)
            await self._publish(HOMES_CHANGED, home.id.encode())
        how_it_is = await in_thread(self._how_it_is, home)
        refused = {**taken.refused, **refused}
        return to_json(msgspec.structs.replace(how_it_is, refused=refused))

    def _how_it_is(self, home: HomeRow) -> Revoked:
        homes = self._store.homes
        return Revoked(ends=homes.ended(home), holds=homes.holds(home))

    def _write_down(self, home: HomeRow, taken: Taken) -> None:
        """Write into the audit what the home's person did, as if they did it here."""
        for rows, did in ((taken.given, "grant"), (taken.ended, "revoke")):
            acts = {
                f"consent.{did}": {
                    row.receipt_id for row in rows if isinstance(row, ConsentRow)
                },
                f"copy.{did}": {
                    row.id for row in rows if isinstance(row, CopyConsentRow)
                },
            }
            for action, objects in acts.items():
                for object_id in sorted(objects):
                    self._audit(home, action, object_id)

    def _audit(self, home: HomeRow, action: str, object_id: str) -> None:
        try:
            self._store.audit.add(
                actor="",
                role=Role.PATIENT.value,
                action=action,
                actor_person_id=home.person_id,
                person_id=home.person_id,
                object_id=object_id,
            )
        except StoreError:  # an act of one's own, as on the clinic's own pages
            _LOGGER.exception("What a home told could not be written into the audit")

    async def _home(self, delivery: Delivery) -> HomeRow | None:
        home_id = delivery.subject.split(".")[1]
        home = await in_thread(self._store.homes.find, home_id)
        if home is None or home.revoked_at_utc_ns is not None:
            _LOGGER.info("Home %s asks, which is not known (any more).", home_id)
            return None
        return home

    # --- What homes are told ----------------------------------------------------------

    def _changed(self, person_id: str) -> None:
        self._tasks.spawn(self._tell_person(person_id))

    async def _tell_person(self, person_id: str) -> None:
        try:
            homes = await in_thread(self._store.homes.of_person, person_id)
            await self._tell_ends(homes)
        except BiofeedbackError as error:  # homes ask every few minutes in any case
            _LOGGER.info("A home could not be told what has ended: %s", error)

    async def _look_all(self) -> None:
        while True:
            try:
                await self._look()
            except BiofeedbackError as error:
                _LOGGER.info("What homes should know could not be read: %s", error)
            due_ns = self._clock.now_ns() + round(LOOK_EVERY_S * NS_PER_S)
            await self._clock.sleep_until(due_ns)

    async def _look(self) -> None:
        homes, people, ended = await in_thread(self._as_it_is)
        if self._known.take(homes):
            await in_thread(self._tell_server, homes)
        before, self._people = self._people, people
        if before not in (None, people):
            for home in homes:
                await self._publish(subjects.new_accounts(home.id), people)
        had, self._ended = self._ended, ended
        if had is not None:
            changed = {id for id in ended if ended[id] != had.get(id, frozenset())}
            await self._tell_ends(home for home in homes if home.id in changed)

    def _as_it_is(
        self,
    ) -> tuple[list[HomeRow], bytes, dict[str, frozenset[str]]]:
        rows = self._store.homes.all()
        homes = [home for home in rows if home.revoked_at_utc_ns is None]
        ended: dict[str, set[str]] = {}
        for row in self._store.homes.copy_consents():
            if row.revoked_at_utc_ns is not None:
                ended.setdefault(row.home_id, set()).add(row.id)
        frozen = {id: frozenset(ids) for id, ids in ended.items()}
        return homes, self._people_here(), frozen

    def _tell_server(self, homes: list[HomeRow]) -> None:
        """Have the NATS server of this node know them, where it runs beside it.

        The command line does so at once; who was erased, or let in elsewhere, is seen
        here.
        """
        folder = self._store.data / nats_config.FOLDER
        if nats_config.is_there(folder) and nats_config.write_homes(folder, homes):
            nats_config.reload(folder)

    async def _tell_ends(self, homes: Iterable[HomeRow]) -> None:
        for home in homes:
            told = to_json(await in_thread(self._how_it_is, home))
            await self._publish(subjects.ended_consents(home.id), told)

    def _people_here(self) -> bytes:
        clinic = self._store.homes.clinic()
        people = tuple(
            GranteeAccount(
                account=account.id,
                code=account.code,
                display=account.display,
                role=account.role,
                revoked=account.revoked_at_utc_ns is not None,
            )
            for account in self._store.accounts.all()
            if account.role in GIVEN_TO and account.clinic is None
        )
        name = "" if clinic is None else clinic.name
        return to_json(Accounts(clinic=name, people=people))

    def _given_to(self) -> list[tuple[str, Purpose]]:
        return [
            (account.id, purpose)
            for account in self._store.accounts.all()
            if account.revoked_at_utc_ns is None and account.clinic is None
            for purpose in PURPOSES.get(account.role, ())
        ]

    async def _publish(self, subject: str, data: bytes) -> None:
        with suppress(BusError):  # whoever missed it asks
            await self._bus.publish(subject, data)


def _newest(rows: tuple[RowT, ...]) -> tuple[RowT, ...]:
    return tuple(sorted(rows, key=lambda row: row.granted_at_utc_ns)[-MOST_CONSENTS:])


def _can_be(row: ConsentRow | CopyConsentRow, now_utc_ns: int) -> bool:
    """Say whether a row can stand in the store: nobody but the home has seen it."""
    words = [value for value in msgspec.structs.astuple(row) if isinstance(value, str)]
    ids = [row.id]
    if isinstance(row, ConsentRow):
        ids += [row.receipt_id, row.account_id]
    revoked_ns = row.revoked_at_utc_ns
    return (
        all(ID.fullmatch(id) for id in ids)
        and all(len(word) <= LONGEST_WORD and word.isprintable() for word in words)
        and 0 < row.granted_at_utc_ns < row.expires_at_utc_ns < LATEST_NS
        and row.expires_at_utc_ns - row.granted_at_utc_ns <= LONGEST_NS
        and row.expires_at_utc_ns <= now_utc_ns + LONGEST_NS
        and (revoked_ns is None or 0 < revoked_ns < LATEST_NS)
    )
