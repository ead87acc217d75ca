"""Homes and clinics: who has joined whom, and the copies that may be kept.

At a home ``clinics`` has the clinic it has joined, and ``accounts`` the people there;
at a clinic ``homes`` has the machines of its patients. ``copy_consents`` are the same
rows on both sides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from sqlalchemy import ColumnElement, Connection, func, insert, select, update
from ulid import ULID

from biofeedback.errors import NotSoError
from biofeedback.model import Value
from biofeedback.store import tables as t
from biofeedback.store.engine import writing
from biofeedback.store.mapping import Rows, columns_of
from biofeedback.store.rows import (
    AccountRow,
    ClinicRow,
    ConsentRow,
    CopyConsentRow,
    Person,
    Role,
)

TICKET = "clinic/ticket.json"
"""Where in the data folder a home keeps what lets it reach its clinic."""

AUTHORITY = "clinic/ca.pem"
"""And the certificate that vouches for the clinic: it names it."""

_IS_JOINED = t.clinics.c.home_id != ""
"""A clinic knows its own name as the row of no home."""

RECORDED = frozenset({"strap", "simulated"})
"""What was recorded here; what was imported or is shown again came from elsewhere."""

GIVEN_TO = frozenset({Role.THERAPIST, Role.RESEARCHER})
"""Nobody else at a clinic is known to a home."""


class Clinics(Rows):
    """What a home knows of its clinic, and the copies that may be kept."""

    # --- At a home: the clinic -----------------------------------------------------

    def joined(self) -> ClinicRow | None:
        """Return the clinic that this home has joined and not left."""
        clinics = t.clinics.c
        query = select(t.clinics).where(_IS_JOINED, clinics.left_at_utc_ns.is_(None))
        return next(iter(self._all(ClinicRow, query)), None)

    def all(self) -> tuple[ClinicRow, ...]:
        """Return every clinic that was ever joined, the newest first."""
        clinics = t.clinics.c
        query = (
            select(t.clinics)
            .where(_IS_JOINED)
            .order_by(clinics.joined_at_utc_ns.desc(), clinics.id.desc())
        )
        return self._all(ClinicRow, query)

    def join(self, *, id: str, name: str, home_id: str) -> ClinicRow:
        """Keep that this home has joined a clinic, perhaps anew.

        Raises
        ------
        NotSoError
            When it has joined another one, or others have accounts here.
        """
        row = ClinicRow(
            id=id, name=name, home_id=home_id, joined_at_utc_ns=self._now_ns()
        )
        clinics, accounts = t.clinics.c, t.accounts.c
        with writing(self._engine) as connection:
            other = select(clinics.name).where(
                _IS_JOINED, clinics.left_at_utc_ns.is_(None), clinics.id != id
            )
            if (known := connection.scalar(other.limit(1))) is not None:
                raise NotSoError(
                    f"This home has joined {known} already.",
                    "Type 'biofeedback leave' first.",
                )
            own = select(accounts.id).where(
                accounts.clinic.is_(None), accounts.revoked_at_utc_ns.is_(None)
            )
            if connection.execute(own.limit(1)).first() is not None:
                raise NotSoError(
                    "Several people have accounts here; a home is one person's own.",
                    "Join from a data folder of your own: name it with --data.",
                )
            connection.execute(t.clinics.delete().where(clinics.id == id))
            connection.execute(insert(t.clinics).values(columns_of(row)))
        return row

    def rename(self, id: str, name: str) -> None:
        """Keep what a clinic is called now."""
        with writing(self._engine) as connection:
            mine = t.clinics.c.id == id
            connection.execute(update(t.clinics).where(mine).values(name=name))

    def leave(self, id: str) -> None:
        """Leave a clinic: whatever was given to it ends, and its people are void."""
        now_ns = self._now_ns()
        accounts = t.accounts.c
        people = select(accounts.id).where(accounts.clinic == id)
        home = select(t.clinics.c.home_id).where(t.clinics.c.id == id)
        with writing(self._engine) as connection:
            for table, mine, column in (
                (t.consents, t.consents.c.account_id.in_(people), "revoked_at_utc_ns"),
                (
                    t.copy_consents,
                    t.copy_consents.c.home_id.in_(home),
                    "revoked_at_utc_ns",
                ),
                (t.accounts, accounts.clinic == id, "revoked_at_utc_ns"),
                (t.clinics, t.clinics.c.id == id, "left_at_utc_ns"),
            ):
                connection.execute(
                    update(table)
                    .where(mine, table.c[column].is_(None))
                    .values({column: now_ns})
                )

    # --- At a home: the people of the clinic ---------------------------------------

    def keep_accounts(self, clinic: str, accounts: Iterable[AccountRow]) -> bool:
        """Keep who is at a clinic, by the same ids; say whether anything changed.

        Whoever is not among them any more, or is void there, is void here, and what was
        given to them ends. They can never sign in here, and are nobody's patients.
        """
        now_ns = self._now_ns()
        known = t.accounts.c
        changed = False
        with writing(self._engine) as connection:
            joined = select(t.clinics.c.id).where(
                t.clinics.c.id == clinic, t.clinics.c.left_at_utc_ns.is_(None)
            )
            if connection.execute(joined).first() is None:
                return False  # it was left while this was on its way
            rows = connection.execute(select(t.accounts))
            here = {row.id: row for row in rows}
            codes = {row.code: row.id for row in here.values()}
            valid = set()
            for account in accounts:
                if account.role not in GIVEN_TO:
                    continue
                row = here.get(account.id)
                if row is not None and row.clinic != clinic:
                    continue  # never one of our own, whatever a clinic says
                if codes.setdefault(account.code, account.id) != account.id:
                    continue  # codes stand in recordings: each means one
                is_void = account.revoked_at_utc_ns is not None
                if not is_void:
                    valid.add(account.id)
                if row is None:
                    if is_void:
                        continue
                    person = Person(
                        id=str(ULID()),
                        pseudonym=f"{clinic}:{account.code}",
                        created_at_utc_ns=now_ns,
                    )
                    new = msgspec.structs.replace(
                        account,
                        name=f"{clinic}:{account.code}".casefold(),
                        person_id=person.id,
                        created_at_utc_ns=now_ns,
                        password_hash=None,
                        clinic=clinic,
                    )
                    connection.execute(insert(t.people).values(columns_of(person)))
                    connection.execute(insert(t.accounts).values(columns_of(new)))
                    changed = True
                elif (row.display, row.role) != (account.display, account.role) or (
                    row.revoked_at_utc_ns is not None and not is_void
                ):
                    connection.execute(
                        update(t.accounts)
                        .where(known.id == account.id)
                        .values(
                            display=account.display,
                            role=account.role,
                            revoked_at_utc_ns=None if not is_void else now_ns,
                        )
                    )
                    changed = True
            gone = [
                id
                for id, row in here.items()
                if row.clinic == clinic
                and row.revoked_at_utc_ns is None
                and id not in valid
            ]
            for table, mine in (
                (t.accounts, known.id.in_(gone)),
                (t.consents, t.consents.c.account_id.in_(gone)),
            ):
                if gone:
                    connection.execute(
                        update(table)
                        .where(mine, table.c.revoked_at_utc_ns.is_(None))
                        .values(revoked_at_utc_ns=now_ns)
                    )
        return changed or bool(gone)

    def consents_to(self, clinic: str) -> tuple[ConsentRow, ...]:
        """Return all that was ever given to anybody of a clinic, the oldest first."""
        consents = t.consents.c
        people = select(t.accounts.c.id).where(t.accounts.c.clinic == clinic)
        return self._all(
            ConsentRow,
            select(t.consents)
            .where(consents.account_id.in_(people))
            .order_by(consents.granted_at_utc_ns, consents.id),
        )

    def end_consents(self, ends: Mapping[str, int], *, clinic: str) -> int:
        """End consents of either kind that have ended at this clinic; return how many.

        Only what was given to this clinic, whatever else is named.
        """
        accounts = t.accounts.c
        people = select(accounts.id).where(accounts.clinic == clinic)
        homes = select(t.clinics.c.home_id).where(t.clinics.c.id == clinic)
        n = 0
        with writing(self._engine) as connection:
            for table, mine in (
                (t.consents, t.consents.c.account_id.in_(people)),
                (t.copy_consents, t.copy_consents.c.home_id.in_(homes)),
            ):
                held = select(table.c.id).where(
                    mine, table.c.revoked_at_utc_ns.is_(None)
                )
                for id in connection.scalars(held).all():
                    if (at_ns := ends.get(id)) is not None:
                        connection.execute(
                            update(table)
                            .where(table.c.id == id)
                            .values(revoked_at_utc_ns=at_ns)
                        )
                        n += 1
        return n

    # --- On both sides: copies -----------------------------------------------------

    def allow_copies(
        self,
        *,
        person_id: str,
        home_id: str,
        expires_at_utc_ns: int,
        text_version: str,
    ) -> CopyConsentRow:
        """Keep that copies may be kept; what was agreed to before ends with it.

        It is given after all that was recorded by then, though the clock has been set
        back since: what began before the yes is not sent.
        """
        sessions = t.sessions.c
        newest = select(func.max(sessions.started_at_utc_ns)).where(
            sessions.person_id == person_id, sessions.source.in_(RECORDED)
        )
        with writing(self._engine) as connection:
            at_ns = max(self._now_ns(), (connection.scalar(newest) or 0) + 1)
            row = CopyConsentRow(
                id=str(ULID()),
                person_id=person_id,
                home_id=home_id,
                granted_at_utc_ns=at_ns,
                expires_at_utc_ns=expires_at_utc_ns,
                text_version=text_version,
            )
            self._end(connection, home_id, at_ns)
            connection.execute(insert(t.copy_consents).values(columns_of(row)))
        return row

    def end_copies(self, home_id: str) -> int:
        """Take back that copies may be kept; return how many consents held."""
        with writing(self._engine) as connection:
            return self._end(connection, home_id, self._now_ns())

    def end_all_copies(self) -> None:
        """Take back that anybody may keep copies."""
        copies = t.copy_consents
        query = update(copies).where(copies.c.revoked_at_utc_ns.is_(None))
        with writing(self._engine) as connection:
            connection.execute(query.values(revoked_at_utc_ns=self._now_ns()))

    def _end(self, connection: Connection, home_id: str, now_ns: int) -> int:
        copies = t.copy_consents.c
        query = update(t.copy_consents).where(
            copies.home_id == home_id, copies.revoked_at_utc_ns.is_(None)
        )
        return connection.execute(query.values(revoked_at_utc_ns=now_ns)).rowcount

    def copies_of(self, home_id: str) -> tuple[CopyConsentRow, ...]:
        """Return all consents to copies that a home ever gave, the oldest first."""
        return self._copies(t.copy_consents.c.home_id == home_id)

    def copies_by(self, person_id: str) -> tuple[CopyConsentRow, ...]:
        """Return all consents to copies that a person ever gave, the oldest first."""
        return self._copies(t.copy_consents.c.person_id == person_id)

    def _copies(self, which: ColumnElement[bool]) -> tuple[CopyConsentRow, ...]:
        copies = t.copy_consents.c
        query = select(t.copy_consents).where(which)
        return self._all(
            CopyConsentRow, query.order_by(copies.granted_at_utc_ns, copies.id)
        )


class Covered(Value, frozen=True):
    """A consent to copies that holds, and since when copies may be kept.

    Where it took the place of one that held by then, that is when the first of them
    was given.
    """

    consent: CopyConsentRow
    since_utc_ns: int


def covered(rows: Iterable[CopyConsentRow], now_utc_ns: int) -> Covered | None:
    """Return what allows copies now, of the consents of one home; ``None``: nothing.

    A recording may be copied when it began at or after ``since_utc_ns``.
    """
    newest_first = sorted(rows, key=lambda row: row.granted_at_utc_ns, reverse=True)
    held = next((row for row in newest_first if row.holds(now_utc_ns)), None)
    if held is None:
        return None
    since_ns = held.granted_at_utc_ns
    for row in newest_first:
        ended_ns = min(row.expires_at_utc_ns, row.revoked_at_utc_ns or now_utc_ns)
        if row.granted_at_utc_ns < since_ns <= ended_ns:
            since_ns = row.granted_at_utc_ns
    return Covered(consent=held, since_utc_ns=since_ns)
