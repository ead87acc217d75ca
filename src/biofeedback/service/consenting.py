"""Which consents hold now, in memory: asked before each message that is sent."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

from biofeedback.session.clock import Clock
from biofeedback.store import ConsentRow, Purpose, Store, StoreError, Stream

K = TypeVar("K", bound=Hashable)

EVERY_STREAM = frozenset(Stream)
NOTHING: frozenset[Stream] = frozenset()

EVERYBODY = ""

Changed = Callable[[str], None]
"""Told the id of the person whose consents have changed."""


class Consents:
    """The consents of one service, as this process knows them.

    Reading is for the event loop and costs nothing; granting and revoking are on disk
    before they are answered, and hold here at once. Where several nodes share the
    store, what another one wrote holds here once it was read: it says so, and besides
    that it is read anew all the time.

    Parameters
    ----------
    store
        Where they are kept.
    clock
        What :attr:`age_ns` goes by: the time of day may be set back.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._holding: dict[tuple[str, str], tuple[ConsentRow, ...]] = {}
        self._of_account: dict[str, tuple[ConsentRow, ...]] = {}
        self._of_person: dict[str, tuple[ConsentRow, ...]] = {}
        self._told: set[Changed] = set()
        self._turn = asyncio.Lock()
        self._taken_back: set[str] = set()
        self._doubted: set[str] = set()
        self._written: set[Changed] = set()
        self._read_at_ns = 0

    def now_ns(self) -> int:
        """Return the time that expiries are compared with (UTC, nanoseconds)."""
        return self._store.now_ns()

    async def open(self) -> None:
        """Read what holds.

        Raises
        ------
        StoreError
            When the store cannot be read.
        """
        now_ns = self._clock.now_ns()
        rows = await asyncio.to_thread(self._store.consents.holding)
        self._read_at_ns = now_ns
        self._doubted.clear()
        self._take(rows)

    def streams(
        self, account_id: str, person_id: str, purpose: Purpose
    ) -> frozenset[Stream]:
        """Return what an account may have of a person now, for this purpose."""
        rows = self._holding.get((account_id, person_id))
        if rows is None:
            return NOTHING
        now_ns = self._store.now_ns()
        return frozenset(
            row.stream for row in rows if row.purpose is purpose and row.holds(now_ns)
        )

    def of_account(self, account_id: str) -> tuple[ConsentRow, ...]:
        """Return every consent to this account that holds now."""
        now_ns = self._store.now_ns()
        return tuple(
            row for row in self._of_account.get(account_id, ()) if row.holds(now_ns)
        )

    def holding(self) -> tuple[ConsentRow, ...]:
        """Return every consent that was not taken back; some may be over."""
        return tuple(row for rows in self._holding.values() for row in rows)

    def of_person(self, person_id: str) -> tuple[ConsentRow, ...]:
        """Return every consent of this person that holds now."""
        now_ns = self._store.now_ns()
        return tuple(
            row for row in self._of_person.get(person_id, ()) if row.holds(now_ns)
        )

    async def grant(
        self,
        *,
        person_id: str,
        account_id: str,
        grants: Iterable[tuple[Stream, Purpose]],
        expires_at_utc_ns: int,
        text_version: str,
    ) -> tuple[ConsentRow, ...]:
        """Keep what a person agrees to; it holds when this returns."""
        grants = tuple(grants)
        async with self._turn:
            rows = await asyncio.to_thread(
                lambda: self._store.consents.grant(
                    person_id=person_id,
                    account_id=account_id,
                    grants=grants,
                    expires_at_utc_ns=expires_at_utc_ns,
                    text_version=text_version,
                )
            )
            # Before it is read: should that fail, it holds on the other nodes.
            self._say_written(person_id)
            await self.open()
        self._tell(person_id)
        return rows

    async def revoke(
        self,
        person_id: str,
        *,
        account_id: str | None = None,
        consent_id: str | None = None,
    ) -> int:
        """Take consents back; return how many held. Nothing goes out any more."""
        known = [row for rows in self._holding.values() for row in rows]
        going = {
            row.id
            for row in known
            if row.person_id == person_id
            and account_id in (None, row.account_id)
            and consent_id in (None, row.id)
        }
        # First here: were the disk full, nothing would be sent all the same. And what
        # is read meanwhile must not bring them back.
        self._taken_back |= going
        self._take(known)
        self._tell(person_id)
        async with self._turn:
            # Should that fail they are told so, and it holds here until the next start.
            n = await asyncio.to_thread(
                lambda: self._store.consents.revoke(
                    person_id, account_id=account_id, consent_id=consent_id
                )
            )
            self._taken_back -= going
            self._say_written(person_id)
            await self.open()
        self._tell(person_id)
        return n

    async def reread(self) -> None:
        """Read anew what holds: an account was revoked, or somebody erased."""
        before = {person for _, person in self._holding}
        async with self._turn:
            await self.open()
        for person_id in before:
            self._tell(person_id)
        self._say_written(EVERYBODY)

    async def refresh(self) -> None:
        """Read anew what holds, and tell of those with whom another node changed it.

        Raises
        ------
        StoreError
            When the store cannot be read: what was known holds on.
        """
        async with self._turn:
            before = self._holding
            await self.open()
            now = self._holding
        for person_id in {
            key[1]
            for key in before.keys() | now.keys()
            if {*before.get(key, ())} != {*now.get(key, ())}
        }:
            self._tell(person_id)

    async def heard(self, *person_ids: str) -> None:
        """Read anew what holds: another node says that it changed for these people.

        Where it cannot be read, nothing of theirs holds here until it can.
        """
        try:
            await self.refresh()
        except StoreError:
            for person_id in person_ids:
                self.doubt(person_id)

    async def wrote(self, person_id: str) -> None:
        """Read anew what holds: this service wrote what this person said elsewhere."""
        await self.heard(person_id)
        self._say_written(person_id)

    def doubt(self, person_id: str = EVERYBODY) -> None:
        """Let nothing of this person hold until it was read anew."""
        known = self.holding()
        self._doubted |= {person_id} if person_id else {row.person_id for row in known}
        self._take(known)
        for doubted in {row.person_id for row in known} & self._doubted:
            self._tell(doubted)

    @property
    def age_ns(self) -> int:
        """How long ago all this was read."""
        return self._clock.now_ns() - self._read_at_ns

    def on_written(self, told: Changed) -> None:
        """Call ``told`` from now on when consents were written here.

        With the id of the person, or :data:`EVERYBODY` where it may be anybody.
        """
        self._written.add(told)

    def off_written(self, told: Changed) -> None:
        """Call ``told`` no longer."""
        self._written.discard(told)

    def _say_written(self, person_id: str) -> None:
        for told in tuple(self._written):
            told(person_id)

    def on_change(self, told: Changed) -> None:
        """Call ``told`` from now on when the consents of somebody change."""
        self._told.add(told)

    def off_change(self, told: Changed) -> None:
        """Call ``told`` no longer."""
        self._told.discard(told)

    def _tell(self, person_id: str) -> None:
        for told in tuple(self._told):
            told(person_id)

    def _take(self, rows: Iterable[ConsentRow]) -> None:
        known = [
            row
            for row in rows
            if row.id not in self._taken_back and row.person_id not in self._doubted
        ]
        self._holding = _grouped(known, lambda row: (row.account_id, row.person_id))
        self._of_account = _grouped(known, lambda row: row.account_id)
        self._of_person = _grouped(known, lambda row: row.person_id)


def _grouped(
    rows: Iterable[ConsentRow], key: Callable[[ConsentRow], K]
) -> dict[K, tuple[ConsentRow, ...]]:
    grouped = defaultdict[K, list[ConsentRow]](list)
    for row in rows:
        grouped[key(row)].append(row)
    return {one: tuple(some) for one, some in grouped.items()}
