"""Which consents hold now, in memory: asked before each message that is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from biofeedback.store import ConsentRow, Purpose, Store, Stream

EVERY_STREAM = frozenset(Stream)
NOTHING: frozenset[Stream] = frozenset()

Changed = Callable[[str], None]
"""Told the id of the person whose consents have changed."""


class Consents:
    """The consents of one service. Only this process writes them.

    Reading is for the event loop and costs nothing; granting and revoking are on disk
    before they are answered, and hold here at once.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._holding: dict[tuple[str, str], tuple[ConsentRow, ...]] = {}
        self._told: set[Changed] = set()
        self._turn = asyncio.Lock()
        self._taken_back: set[str] = set()

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
        self._take(await asyncio.to_thread(self._store.consents.holding))

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
            row
            for (account, _), rows in self._holding.items()
            if account == account_id
            for row in rows
            if row.holds(now_ns)
        )

    def holding(self) -> tuple[ConsentRow, ...]:
        """Return every consent that was not taken back; some may be over."""
        return tuple(row for rows in self._holding.values() for row in rows)

    def of_person(self, person_id: str) -> tuple[ConsentRow, ...]:
        """Return every consent of this person that holds now."""
        now_ns = self._store.now_ns()
        return tuple(
            row
            for (_, person), rows in self._holding.items()
            if person == person_id
            for row in rows
            if row.holds(now_ns)
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
        holding: dict[tuple[str, str], tuple[ConsentRow, ...]] = {}
        for row in rows:
            if row.id in self._taken_back:
                continue
            key = (row.account_id, row.person_id)
            holding[key] = (*holding.get(key, ()), row)
        self._holding = holding
