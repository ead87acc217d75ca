"""Consents: which account may have which stream of a person, for what, until when."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select, update
from ulid import ULID

from biofeedback.store import tables as t
from biofeedback.store.engine import writing
from biofeedback.store.mapping import Rows, columns_of
from biofeedback.store.rows import ConsentRow, Purpose, Stream


class Consents(Rows):
    """What people agreed to. Rows are never removed while the person is known."""

    def grant(
        self,
        *,
        person_id: str,
        account_id: str,
        grants: Iterable[tuple[Stream, Purpose]],
        expires_at_utc_ns: int,
        text_version: str,
    ) -> tuple[ConsentRow, ...]:
        """Keep what a person agreed to, under one receipt.

        What this account had for one of these purposes before ends with it.
        """
        now_ns = self._now_ns()
        receipt_id = str(ULID())
        rows = tuple(
            ConsentRow(
                id=str(ULID()),
                receipt_id=receipt_id,
                person_id=person_id,
                account_id=account_id,
                stream=stream,
                purpose=purpose,
                granted_at_utc_ns=now_ns,
                expires_at_utc_ns=expires_at_utc_ns,
                text_version=text_version,
            )
            for stream, purpose in dict.fromkeys(grants)
        )
        consents = t.consents.c
        with writing(self._engine) as connection:
            connection.execute(
                update(t.consents)
                .where(
                    consents.person_id == person_id,
                    consents.account_id == account_id,
                    consents.purpose.in_({row.purpose for row in rows}),
                    consents.revoked_at_utc_ns.is_(None),
                    consents.expires_at_utc_ns > now_ns,
                )
                .values(revoked_at_utc_ns=now_ns)
            )
            for row in rows:
                connection.execute(t.consents.insert().values(columns_of(row)))
        return rows

    def revoke(
        self,
        person_id: str,
        *,
        account_id: str | None = None,
        consent_id: str | None = None,
    ) -> int:
        """Take back one consent, all to one account, or all; return how many held."""
        consents = t.consents.c
        now_ns = self._now_ns()
        mine = (
            (consents.person_id == person_id)
            & consents.revoked_at_utc_ns.is_(None)
            & (consents.expires_at_utc_ns > now_ns)
        )
        if account_id is not None:
            mine &= consents.account_id == account_id
        if consent_id is not None:
            mine &= consents.id == consent_id
        with writing(self._engine, decides=False) as connection:
            query = update(t.consents).where(mine).values(revoked_at_utc_ns=now_ns)
            return connection.execute(query).rowcount

    def of_person(self, person_id: str) -> tuple[ConsentRow, ...]:
        """Return all that a person ever agreed to, newest first."""
        consents = t.consents.c
        return self._all(
            ConsentRow,
            select(t.consents)
            .where(consents.person_id == person_id)
            .order_by(consents.granted_at_utc_ns.desc(), consents.id.desc()),
        )

    def naming(self, account_id: str) -> tuple[ConsentRow, ...]:
        """Return all that an account was ever given, by whomever."""
        query = select(t.consents).where(t.consents.c.account_id == account_id)
        return self._all(ConsentRow, query)

    def holding(self) -> tuple[ConsentRow, ...]:
        """Return every consent that holds now."""
        consents = t.consents.c
        return self._all(
            ConsentRow,
            select(t.consents).where(
                consents.revoked_at_utc_ns.is_(None),
                consents.expires_at_utc_ns > self._now_ns(),
            ),
        )
