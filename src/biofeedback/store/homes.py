"""At a clinic: its patients' own machines, what they may send, and whose it is."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec
from sqlalchemy import Connection, Table, insert, select, update

from biofeedback.errors import NotSoError
from biofeedback.model import Value
from biofeedback.store import tables as t
from biofeedback.store.accounts import CODE_LENGTH, CODE_SIGNS
from biofeedback.store.engine import reading, writing
from biofeedback.store.mapping import Rows, columns_of, value_of
from biofeedback.store.rows import (
    ClinicRow,
    ConsentRow,
    CopyConsentRow,
    HomeRow,
    Purpose,
    RatingRow,
    RecordingRow,
    SessionRow,
    SessionState,
)

NATS_FOLDER = "nats"
"""Where in the data folder the configuration of the clinic's NATS server is, its log,
and the secret of the nodes."""

ITSELF = ""
"""A clinic's own row among the clinics names no home."""

FINISHED = (SessionState.COMPLETE, SessionState.RECOVERED)

ANOTHER = "The clinic knows another consent by this id."
UNKNOWN_ACCOUNT = "Nobody at this clinic can be given this."

ConsentT = TypeVar("ConsentT", ConsentRow, CopyConsentRow)


class Taken(Value, frozen=True):
    """What became of the consents that a home told.

    ``given`` hold now and did not before, ``ended`` do no longer. ``refused`` says of
    ids why not.
    """

    given: tuple[ConsentRow | CopyConsentRow, ...]
    ended: tuple[ConsentRow | CopyConsentRow, ...]
    refused: Mapping[str, str]

    @property
    def changed(self) -> bool:
        """Whether anything is otherwise now."""
        return bool(self.given or self.ended)


class Homes(Rows):
    """The homes of a clinic. Every method blocks, as those of the store do."""

    # --- The clinic itself ------------------------------------------------------------

    def clinic(self) -> ClinicRow | None:
        """Return what this clinic is called; ``None`` where it is none (yet)."""
        query = select(t.clinics).where(t.clinics.c.home_id == ITSELF)
        return next(iter(self._all(ClinicRow, query)), None)

    def name_clinic(self, name: str) -> ClinicRow:
        """Keep what this clinic is called; its id is made the first time."""
        with writing(self._engine) as connection:
            mine = t.clinics.c.home_id == ITSELF
            found = connection.execute(select(t.clinics).where(mine)).one_or_none()
            if found is not None:
                connection.execute(update(t.clinics).where(mine).values(name=name))
                found = connection.execute(select(t.clinics).where(mine)).one()
                return value_of(ClinicRow, found)
            now_ns = self._now_ns()
            # Nobody takes it for a clinic that was joined: it was left at once.
            row = ClinicRow(
                id=f"C-{_signs()}",
                name=name,
                home_id=ITSELF,
                joined_at_utc_ns=now_ns,
                left_at_utc_ns=now_ns,
            )
            connection.execute(insert(t.clinics).values(columns_of(row)))
        return row

    # --- Homes ------------------------------------------------------------------------

    def all(self) -> tuple[HomeRow, ...]:
        """Return every home, revoked ones too, the oldest first."""
        homes = t.homes.c
        query = select(t.homes).order_by(homes.created_at_utc_ns, homes.id)
        return self._all(HomeRow, query)

    def find(self, id: str) -> HomeRow | None:
        """Return one home, revoked or not."""
        query = select(t.homes).where(t.homes.c.id == id)
        return next(iter(self._all(HomeRow, query)), None)

    def get(self, id: str) -> HomeRow:
        """Return one home, revoked or not.

        Raises
        ------
        NotSoError
            When there is none with this id.
        """
        if (found := self.find(id)) is not None:
            return found
        raise NotSoError(
            f"There is no home '{id}' here.", "'biofeedback home list' shows them."
        )

    def of_person(self, person_id: str) -> tuple[HomeRow, ...]:
        """Return the homes of one person that are not revoked, the oldest first."""
        return tuple(
            home
            for home in self.all()
            if home.person_id == person_id and home.revoked_at_utc_ns is None
        )

    def add(self, *, person_id: str, label: str, public_key: str) -> HomeRow:
        """Make a home of this person.

        Raises
        ------
        NotSoError
            When nobody has this id.
        """
        with writing(self._engine) as connection:
            people = select(t.people.c.id).where(t.people.c.id == person_id)
            if connection.execute(people).first() is None:
                raise NotSoError(
                    "Nobody here has this id.", "Choose one of the people here."
                )
            row = HomeRow(
                id=_free_id(connection),
                person_id=person_id,
                label=label,
                public_key=public_key,
                created_at_utc_ns=self._now_ns(),
            )
            connection.execute(insert(t.homes).values(columns_of(row)))
        return row

    def revoke(self, id: str) -> bool:
        """Make a home void for ever, and what it may send; say whether it was not yet.

        What was consented to by it ends: nobody can take it back there any more. What
        it sent so far stays.
        """
        now_ns = self._now_ns()
        homes = t.homes.c
        with writing(self._engine) as connection:
            for table in (t.consents, t.copy_consents):
                connection.execute(
                    update(table)
                    .where(table.c.home_id == id, table.c.revoked_at_utc_ns.is_(None))
                    .values(revoked_at_utc_ns=now_ns)
                )
            done = connection.execute(
                update(t.homes)
                .where(homes.id == id, homes.revoked_at_utc_ns.is_(None))
                .values(revoked_at_utc_ns=now_ns)
            )
            return done.rowcount > 0

    def erased(self, ids: Iterable[str]) -> frozenset[str]:
        """Return which of these homes were erased with their person."""
        marks = {tombstone_of(id): id for id in ids}
        found = select(t.tombstones.c.id).where(t.tombstones.c.id.in_(marks))
        with reading(self._engine) as connection:
            return frozenset(marks[mark] for mark in connection.scalars(found))

    # --- What was consented to at a home --------------------------------------------

    def copy_consents(self) -> tuple[CopyConsentRow, ...]:
        """Return every consent to keep copies, whether or not it holds."""
        return self._all(CopyConsentRow, select(t.copy_consents))

    def take_consents(
        self,
        home: HomeRow,
        consents: Iterable[ConsentRow],
        copies: Iterable[CopyConsentRow],
        *,
        given_to: Iterable[tuple[str, Purpose]],
        never: Iterable[str] = (),
    ) -> Taken:
        """Keep what a home says was consented to there: its ids and instants stay.

        What is new is kept, what has ended there ends here; nothing that has ended
        holds again. ``given_to`` are the accounts of this clinic that may be given
        something, with what for. What came by this home and was ``never`` consented
        to there ends.
        """
        accounts = frozenset(given_to)
        refused = dict[str, str]()
        given: list[ConsentRow | CopyConsentRow] = []
        ended: list[ConsentRow | CopyConsentRow] = []
        with writing(self._engine) as connection:
            said: list[tuple[str, ConsentRow | CopyConsentRow | str | None]] = []
            for row in consents:
                allowed = (row.account_id, row.purpose) in accounts
                own = _own(row, home)
                became = _take(connection, t.consents, own, allowed=allowed)
                said.append((row.id, became))
            for copy in copies:
                kept = _take(
                    connection, t.copy_consents, _own(copy, home), allowed=True
                )
                said.append((copy.id, kept))
            for id, one in said:
                if isinstance(one, str):
                    refused[id] = one
                elif one is not None:
                    is_over = one.revoked_at_utc_ns is not None
                    (ended if is_over else given).append(one)
            unknown = frozenset(never)
            ended += [
                _end(connection, row, self._now_ns())
                for row in _holding(connection, home, self._now_ns())
                if row.id in unknown
            ]
        return Taken(given=tuple(given), ended=tuple(ended), refused=refused)

    def holds(self, home: HomeRow) -> tuple[str, ...]:
        """Return the ids of what holds and came by this home, of both kinds."""
        with reading(self._engine) as connection:
            rows = _holding(connection, home, self._now_ns())
        return tuple(sorted(row.id for row in rows))

    def ended(self, home: HomeRow) -> dict[str, int]:
        """Return what was consented to by this home's person and has ended, and when.

        Of both kinds, by id.
        """
        consents, copies = t.consents.c, t.copy_consents.c
        ends: dict[str, int] = {}
        with reading(self._engine) as connection:
            for table, mine in (
                (t.consents, consents.person_id == home.person_id),
                (t.copy_consents, copies.home_id == home.id),
            ):
                query = select(table.c.id, table.c.revoked_at_utc_ns).where(
                    mine, table.c.revoked_at_utc_ns.is_not(None)
                )
                ends |= {id: at_ns for id, at_ns in connection.execute(query)}
        return ends

    # --- Copies -----------------------------------------------------------------------

    def begin_session(self, session: SessionRow, recording: str) -> SessionRow:
        """List a session that goes on at a home, unless it is; return what is listed.

        ``recording`` is where its copy will lie.
        """
        with writing(self._engine) as connection:
            mine = t.sessions.c.id == session.id
            found = connection.execute(select(t.sessions).where(mine)).one_or_none()
            if found is not None:
                return value_of(SessionRow, found)
            row = RecordingRow(
                session_id=session.id, path=recording, state=session.state
            )
            connection.execute(insert(t.sessions).values(columns_of(session)))
            connection.execute(insert(t.recordings).values(columns_of(row)))
        return session

    def finish_session(
        self,
        id: str,
        recording: RecordingRow,
        ratings: Sequence[RatingRow],
        *,
        ended_at_utc_ns: int,
    ) -> bool:
        """Say what became of a session at a home, unless another hub said so before.

        Return whether it was said now.
        """
        sessions, recordings = t.sessions.c, t.recordings.c
        with writing(self._engine) as connection:
            state = connection.scalar(select(sessions.state).where(sessions.id == id))
            if state is None or SessionState(state) in FINISHED:
                return False  # erased meanwhile, or told by another hub
            connection.execute(
                update(t.sessions)
                .where(sessions.id == id)
                .values(state=recording.state, ended_at_utc_ns=ended_at_utc_ns)
            )
            connection.execute(t.recordings.delete().where(recordings.session_id == id))
            connection.execute(insert(t.recordings).values(columns_of(recording)))
            known = select(t.ratings.c.id).where(t.ratings.c.session_id == id)
            there = set(connection.execute(known).scalars())
            for rating in ratings:
                if rating.id not in there:
                    connection.execute(insert(t.ratings).values(columns_of(rating)))
        return True


def is_of_home(session: SessionRow) -> bool:
    """Say whether a session is, or was, one at a home."""
    return session.node is not None and session.node.startswith("home.")


def tombstone_of(home_id: str) -> str:
    """Return what stays of a home when its person is erased: hubs remove its copies.

    It leads to nobody: whose the home was is not known anywhere any more.
    """
    return hashlib.sha256(f"home:{home_id}".encode()).hexdigest()


def _signs() -> str:
    return "".join(secrets.choice(CODE_SIGNS) for _ in range(CODE_LENGTH))


def _free_id(connection: Connection) -> str:
    while True:
        id = f"H-{_signs()}"
        taken = select(t.homes.c.id).where(t.homes.c.id == id)
        if connection.execute(taken).first() is None:
            return id


def _own(row: ConsentT, home: HomeRow) -> ConsentT:
    # Whose it is was decided when the home was made, not by what the home says.
    return msgspec.structs.replace(row, person_id=home.person_id, home_id=home.id)


def _same(one: ConsentT, other: ConsentT) -> bool:
    """Say whether two rows agree in all but whether, and when, it has ended.

    Nor does it matter by which of a person's homes a consent came: whoever joins anew
    has another, and what was given before.
    """
    now, home_id = one.revoked_at_utc_ns, one.home_id
    if isinstance(one, CopyConsentRow):
        home_id = other.home_id
    same = msgspec.structs.replace(other, revoked_at_utc_ns=now, home_id=home_id)
    return one == same


def _holding(
    connection: Connection, home: HomeRow, now_ns: int
) -> list[ConsentRow | CopyConsentRow]:
    """Return what holds and came by this home."""
    found: list[ConsentRow | CopyConsentRow] = []
    kinds: tuple[tuple[Table, type[ConsentRow] | type[CopyConsentRow]], ...] = (
        (t.consents, ConsentRow),
        (t.copy_consents, CopyConsentRow),
    )
    for table, kind in kinds:
        query = select(table).where(
            table.c.home_id == home.id,
            table.c.revoked_at_utc_ns.is_(None),
            table.c.expires_at_utc_ns > now_ns,
        )
        found += [value_of(kind, row) for row in connection.execute(query)]
    return found


def _end(
    connection: Connection, row: ConsentRow | CopyConsentRow, at_ns: int
) -> ConsentRow | CopyConsentRow:
    table = t.consents if isinstance(row, ConsentRow) else t.copy_consents
    query = update(table).where(table.c.id == row.id)
    connection.execute(query.values(revoked_at_utc_ns=at_ns))
    return msgspec.structs.replace(row, revoked_at_utc_ns=at_ns)


def _take(
    connection: Connection, table: Table, row: ConsentT, *, allowed: bool
) -> ConsentT | str | None:
    """Keep a row, or that it has ended; return it if that was new, or why it is not."""
    mine = table.c.id == row.id
    found = connection.execute(select(table).where(mine)).one_or_none()
    if found is None:
        if not allowed:
            # What has ended by now needs no refusal: nothing is given by it.
            return UNKNOWN_ACCOUNT if row.revoked_at_utc_ns is None else None
        connection.execute(insert(table).values(columns_of(row)))
        return row
    known = value_of(type(row), found)
    if not _same(known, row):
        return ANOTHER
    if known.home_id not in (None, row.home_id):
        connection.execute(update(table).where(mine).values(home_id=row.home_id))
    ends_ns = row.revoked_at_utc_ns
    if ends_ns is None or (known.revoked_at_utc_ns or ends_ns + 1) <= ends_ns:
        return None
    connection.execute(update(table).where(mine).values(revoked_at_utc_ns=ends_ns))
    return row
