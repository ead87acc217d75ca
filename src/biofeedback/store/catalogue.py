"""The store: about twenty questions and answers, each one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Table, delete, insert, select, update
from ulid import ULID

from biofeedback.errors import NotSoError
from biofeedback.store import tables as t
from biofeedback.store.accounts import Accounts
from biofeedback.store.audit import Audit
from biofeedback.store.clinics import Clinics
from biofeedback.store.consents import Consents
from biofeedback.store.engine import let_go, open_engine, reading, writing
from biofeedback.store.homes import Homes
from biofeedback.store.mapping import Rows, columns_of, value_of
from biofeedback.store.notes import Notes
from biofeedback.store.rows import (
    DiaryRow,
    EstimateRow,
    Person,
    PractisedRow,
    RatingRow,
    RecordingRow,
    SessionRow,
    SessionState,
    SignInRow,
)
from biofeedback.store.timing import StoreTimes
from biofeedback.store.upgrade import upgrade

UNFINISHED = (SessionState.LIVE, SessionState.CLOSING)
MOST_SESSIONS = 1000

_AT_A_CLINIC = select(t.accounts.c.person_id).where(t.accounts.c.clinic.is_not(None))


class Store(Rows):
    """What outlives a session, in one SQLite file in the data folder or in PostgreSQL.

    Every method blocks and may be called from any thread. What a method has returned
    from is on disk.

    Parameters
    ----------
    data
        The data folder; it and the database are made if they are not there.
    database
        The URL of a PostgreSQL that several nodes share; the recordings stay in their
        folders.
    now_ns
        The UTC time in nanoseconds; a test hands in its own.

    Attributes
    ----------
    times
        How long the database takes.

    Raises
    ------
    StoreError
        From every method, when the disk is full, the file is damaged, held or cannot
        be written, the server is away.
    SettingsError
        From every method, when a text cannot be kept in any database; from the start,
        when ``database`` is no URL of one.
    """

    def __init__(
        self,
        data: Path,
        database: str | None = None,
        *,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        super().__init__(open_engine(data, database), lambda: self.now_ns())
        self.data = data
        self.is_shared = database is not None
        self.now_ns = now_ns
        self.times = StoreTimes(self._engine)
        self.accounts = Accounts(self._engine, self._now_ns)
        self.consents = Consents(self._engine, self._now_ns)
        self.notes = Notes(self._engine, self._now_ns)
        self.clinics = Clinics(self._engine, self._now_ns)
        self.homes = Homes(self._engine, self._now_ns)
        self.audit = Audit(self._engine, self._now_ns)
        try:
            upgrade(self._engine)
        except BaseException:
            self._engine.dispose()
            raise

    def close(self) -> None:
        """Let the database go, once whoever asks it now has an answer."""
        let_go(self._engine)

    # --- People ----------------------------------------------------------------

    def people(self) -> tuple[Person, ...]:
        """Return everyone, the first one first; nobody of a clinic that was joined."""
        people = t.people.c
        query = (
            select(t.people)
            .where(people.id.not_in(_AT_A_CLINIC))
            .order_by(people.created_at_utc_ns, people.id)
        )
        return self._all(Person, query)

    def person(self, id: str | None = None) -> Person:
        """Return one person; ``None`` is whose computer this is, made on first use.

        Raises
        ------
        NotSoError
            When nobody has this id.
        """
        if id is None:
            everyone = self.people()
            return everyone[0] if everyone else self._first_person()
        query = select(t.people).where(t.people.c.id == id)
        if found := self._all(Person, query):
            return found[0]
        raise NotSoError(
            "Nobody here has this id.", "Choose one of the people that are listed."
        )

    def person_called(self, pseudonym: str) -> Person:
        """Return the person of this pseudonym, who is made known if need be."""
        query = select(t.people).where(t.people.c.pseudonym == pseudonym)
        with writing(self._engine) as connection:
            if found := connection.execute(query).one_or_none():
                return value_of(Person, found)
            person = Person(
                id=str(ULID()), pseudonym=pseudonym, created_at_utc_ns=self.now_ns()
            )
            connection.execute(insert(t.people).values(columns_of(person)))
        return person

    def _first_person(self) -> Person:
        id = ULID()
        person = Person(
            id=str(id), pseudonym=f"P-{str(id)[-6:]}", created_at_utc_ns=self.now_ns()
        )
        with writing(self._engine) as connection:
            # Two requests may both be the first: the writer's lock decides.
            here = select(t.people).where(t.people.c.id.not_in(_AT_A_CLINIC))
            if found := connection.execute(here.limit(1)).one_or_none():
                return value_of(Person, found)
            connection.execute(insert(t.people).values(columns_of(person)))
        return person

    # --- Sessions and their recordings --------------------------------------------

    def add_session(self, session: SessionRow, recording: str | None = None) -> None:
        """Keep a new session, and where its recording will lie."""
        with writing(self._engine, decides=False) as connection:
            connection.execute(insert(t.sessions).values(columns_of(session)))
            if recording is not None:
                row = RecordingRow(
                    session_id=session.id, path=recording, state=session.state
                )
                connection.execute(insert(t.recordings).values(columns_of(row)))

    def session(self, id: str) -> SessionRow:
        """Return one session.

        Raises
        ------
        NotSoError
            When there is none with this id.
        """
        session = self.find_session(id)
        if session is None:
            raise NotSoError(
                "There is no such session.", "Choose one from the list of sessions."
            )
        return session

    def find_session(self, id: str) -> SessionRow | None:
        """Return one session, or ``None``: a replayed file may be from elsewhere."""
        query = select(t.sessions).where(t.sessions.c.id == id)
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else value_of(SessionRow, row)

    def sessions(
        self,
        state: SessionState | None = None,
        *,
        people: Collection[str] | None = None,
    ) -> tuple[SessionRow, ...]:
        """Return the sessions (in one state, of these people), newest first."""
        query = select(t.sessions).order_by(
            t.sessions.c.started_at_utc_ns.desc(), t.sessions.c.id.desc()
        )
        if state is not None:
            query = query.where(t.sessions.c.state == state)
        if people is not None:
            query = query.where(t.sessions.c.person_id.in_(people))
        with reading(self._engine) as connection:
            rows = connection.execute(query.limit(MOST_SESSIONS))
            return tuple(value_of(SessionRow, row) for row in rows)

    def sessions_of(self, person_id: str) -> tuple[SessionRow, ...]:
        """Return all sessions of one person, the oldest first."""
        query = (
            select(t.sessions)
            .where(t.sessions.c.person_id == person_id)
            .order_by(t.sessions.c.started_at_utc_ns, t.sessions.c.id)
        )
        return self._all(SessionRow, query)

    def unfinished(self) -> tuple[SessionRow, ...]:
        """Return the sessions that some process began and did not finish.

        Where several nodes share a database, ``node`` says whose process that was: it
        may be running.
        """
        query = (
            select(t.sessions)
            .where(t.sessions.c.state.in_(UNFINISHED))
            .order_by(t.sessions.c.started_at_utc_ns.desc(), t.sessions.c.id.desc())
        )
        return self._all(SessionRow, query)

    def close_session(self, id: str, *, ended_at_utc_ns: int) -> None:
        """Say that a live session has ended and is being finished."""
        sessions = t.sessions
        query = (
            update(sessions)
            .where(sessions.c.id == id, sessions.c.state == SessionState.LIVE)
            .values(state=SessionState.CLOSING, ended_at_utc_ns=ended_at_utc_ns)
        )
        with writing(self._engine, decides=False) as connection:
            connection.execute(query)

    def finish_session(
        self,
        id: str,
        state: SessionState,
        *,
        recording: RecordingRow | None = None,
        ended_at_utc_ns: int | None = None,
    ) -> None:
        """Say how a session ended, and what became of its recording."""
        values: dict[str, Any] = {"state": state}
        if ended_at_utc_ns is not None:
            values["ended_at_utc_ns"] = ended_at_utc_ns
        with writing(self._engine) as connection:
            connection.execute(
                update(t.sessions).where(t.sessions.c.id == id).values(values)
            )
            mine = t.recordings.c.session_id == id
            if recording is None:
                connection.execute(update(t.recordings).where(mine).values(state=state))
            else:
                known = connection.execute(select(t.recordings).where(mine)).first()
                query = (
                    update(t.recordings).where(mine) if known else insert(t.recordings)
                )
                connection.execute(query.values(columns_of(recording)))

    def restore_session(
        self,
        session: SessionRow,
        recording: RecordingRow,
        ratings: Sequence[RatingRow],
    ) -> None:
        """Make the catalogue say what a recording says of its session.

        A session that is listed keeps whose it is; a rating that is there stays as it
        is.
        """
        with writing(self._engine) as connection:
            # Whoever was said to lie there lies elsewhere now, or is gone.
            taken = (t.recordings.c.path == recording.path) & (
                t.recordings.c.session_id != session.id
            )
            moved = t.recordings.c.path + ":" + t.recordings.c.session_id
            connection.execute(update(t.recordings).where(taken).values(path=moved))
            for table, key, row in (
                (t.sessions, t.sessions.c.id, session),
                (t.recordings, t.recordings.c.session_id, recording),
            ):
                mine = key == session.id
                columns = columns_of(row)
                if connection.execute(select(key).where(mine)).first() is None:
                    connection.execute(insert(table).values(columns))
                else:
                    columns.pop("person_id", None)
                    connection.execute(update(table).where(mine).values(columns))
            ids = select(t.ratings.c.id).where(t.ratings.c.session_id == session.id)
            known = set(connection.execute(ids).scalars())
            for rating in ratings:
                if rating.id not in known:
                    connection.execute(insert(t.ratings).values(columns_of(rating)))

    def recording(self, session_id: str) -> RecordingRow | None:
        """Return where a session's recording lies, if it has one."""
        query = select(t.recordings).where(t.recordings.c.session_id == session_id)
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else value_of(RecordingRow, row)

    def recordings(self) -> dict[str, RecordingRow]:
        """Return where all recordings lie, by session."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(t.recordings))
            return {row.session_id: value_of(RecordingRow, row) for row in rows}

    # --- Ratings ----------------------------------------------------------------

    def add_rating(self, rating: RatingRow) -> None:
        """Keep what a person felt."""
        self._insert(t.ratings, rating)

    def ratings(self, session_id: str) -> tuple[RatingRow, ...]:
        """Return a session's ratings in the order they were given."""
        query = (
            select(t.ratings)
            .where(t.ratings.c.session_id == session_id)
            .order_by(t.ratings.c.at_utc_ns, t.ratings.c.id)
        )
        return self._all(RatingRow, query)

    def ratings_of(self, person_id: str) -> tuple[RatingRow, ...]:
        """Return all ratings of one person in the order they were given."""
        query = (
            select(t.ratings)
            .join(t.sessions, t.sessions.c.id == t.ratings.c.session_id)
            .where(t.sessions.c.person_id == person_id)
            .order_by(t.ratings.c.at_utc_ns, t.ratings.c.id)
        )
        return self._all(RatingRow, query)

    # --- What was practised --------------------------------------------------------

    def keep_practised(self, row: PractisedRow) -> None:
        """Keep what was done in a session, in place of what was kept before."""
        self._replace(t.practised, row)

    def practised(self, person_id: str) -> dict[str, PractisedRow]:
        """Return what a person practised, by session."""
        query = (
            select(t.practised)
            .join(t.sessions, t.sessions.c.id == t.practised.c.session_id)
            .where(t.sessions.c.person_id == person_id)
        )
        return {row.session_id: row for row in self._all(PractisedRow, query)}

    def forget_practised(self, session_id: str) -> None:
        """Say that nothing was practised in a session."""
        with writing(self._engine, decides=False) as connection:
            mine = t.practised.c.session_id == session_id
            connection.execute(delete(t.practised).where(mine))

    # --- The diary ----------------------------------------------------------------

    def add_to_diary(self, rows: Sequence[DiaryRow]) -> None:
        """Keep what a person noted, all of it or nothing; what is known stays as it is.

        A page that does not know whether its note arrived sends it again.
        """
        with writing(self._engine) as connection:
            for row in rows:
                mine = t.diary.c.id == row.id
                if connection.execute(select(t.diary.c.id).where(mine)).first() is None:
                    connection.execute(insert(t.diary).values(columns_of(row)))

    def diary(self, person_id: str) -> tuple[DiaryRow, ...]:
        """Return what a person noted, the oldest first."""
        query = (
            select(t.diary)
            .where(t.diary.c.person_id == person_id)
            .order_by(t.diary.c.at_utc_ns, t.diary.c.id)
        )
        return self._all(DiaryRow, query)

    # --- Resonance ----------------------------------------------------------------

    def keep_estimate(self, row: EstimateRow) -> None:
        """Keep what an assessment found, in place of what it found before."""
        self._replace(t.estimates, row)

    def estimates(self, person_id: str) -> tuple[EstimateRow, ...]:
        """Return a person's assessments, the newest first."""
        query = (
            select(t.estimates)
            .where(t.estimates.c.person_id == person_id)
            .order_by(t.estimates.c.at_utc_ns.desc())
        )
        return self._all(EstimateRow, query)

    # --- Sign-ins ----------------------------------------------------------------

    def add_sign_in(self, sign_in: SignInRow) -> None:
        """Keep that a browser signed in."""
        self._insert(t.sign_ins, sign_in)

    def sign_in(self, token_sha256: str) -> SignInRow | None:
        """Return what is known of a token; whether it still counts is not asked."""
        query = select(t.sign_ins).where(t.sign_ins.c.token_sha256 == token_sha256)
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else value_of(SignInRow, row)

    def sign_ins_of_account(self, account_id: str) -> tuple[str, ...]:
        """Return the hashes of every browser's token of an account."""
        sign_ins = t.sign_ins.c
        query = select(sign_ins.token_sha256).where(sign_ins.account_id == account_id)
        with reading(self._engine) as connection:
            return tuple(connection.execute(query).scalars())

    def revoke_sign_ins(self, account_id: str) -> tuple[str, ...]:
        """Make every browser's token of an account void; return which they were."""
        mine = (t.sign_ins.c.account_id == account_id) & (
            t.sign_ins.c.revoked_at_utc_ns.is_(None)
        )
        with writing(self._engine) as connection:
            query = select(t.sign_ins.c.token_sha256).where(mine)
            tokens = tuple(connection.execute(query).scalars())
            connection.execute(
                update(t.sign_ins).where(mine).values(revoked_at_utc_ns=self.now_ns())
            )
        return tokens

    def sign_ins_of(self, person_id: str) -> tuple[SignInRow, ...]:
        """Return when browsers of one person signed in, the oldest first."""
        query = (
            select(t.sign_ins)
            .where(t.sign_ins.c.person_id == person_id)
            .order_by(t.sign_ins.c.created_at_utc_ns, t.sign_ins.c.token_sha256)
        )
        return self._all(SignInRow, query)

    def see_sign_in(self, token_sha256: str) -> None:
        """Remember that a browser was here just now."""
        self._update_sign_in(token_sha256, last_seen_utc_ns=self.now_ns())

    def revoke_sign_in(self, token_sha256: str) -> None:
        """Make a token void, for ever."""
        self._update_sign_in(token_sha256, revoked_at_utc_ns=self.now_ns())

    def _update_sign_in(self, token_sha256: str, **values: int) -> None:
        mine = t.sign_ins.c.token_sha256 == token_sha256
        with writing(self._engine, decides=False) as connection:
            connection.execute(update(t.sign_ins).where(mine).values(values))

    def _replace(self, table: Table, value: PractisedRow | EstimateRow) -> None:
        with writing(self._engine) as connection:
            mine = table.c.session_id == value.session_id
            connection.execute(delete(table).where(mine))
            connection.execute(insert(table).values(columns_of(value)))
