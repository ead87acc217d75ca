"""The audit: who did or saw what, in rows that nobody can change unseen.

Each row holds the SHA-256 of itself together with that of the row before, so a byte
that is changed anywhere breaks the chain from there on (as in RFC 9162 §2.1, with a
list in place of the tree). Rows that were cut off at the end leave a whole chain: write
the newest hash down elsewhere, and :meth:`Audit.verify` says whether it is still there.

People and what is theirs stand in it as keyed hashes. Each person has a key of their
own; it is erased with the person, and then nothing here leads to them any more.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, Row, insert, select

from biofeedback.model import Value
from biofeedback.store import tables as t
from biofeedback.store.engine import reading, writing
from biofeedback.store.mapping import Rows, columns_of, value_of
from biofeedback.store.rows import AuditRow

BEFORE_THE_FIRST = "0" * 64
ERASED = "erased"
"""Who did something, and is not known any more."""

VERIFIED_AT_ONCE = 1000


class Verdict(Value, frozen=True):
    """What :meth:`Audit.verify` found.

    ``broken_seq`` is the first row that cannot be trusted, ``None`` in a whole chain;
    ``head`` is the newest hash, and ``holds`` whether the asked one is in the chain.
    """

    n_rows: int
    head: str
    broken_seq: int | None = None
    holds: bool = True

    @property
    def whole(self) -> bool:
        """Say whether nothing is amiss."""
        return self.broken_seq is None and self.holds


class Audit(Rows):
    """The rows, added one by one."""

    def add(
        self,
        *,
        actor: str,
        role: str,
        action: str,
        actor_person_id: str | None = None,
        person_id: str | None = None,
        object_id: str | None = None,
        origin: str | None = None,
        outcome: Literal["ok", "refused"] = "ok",
    ) -> AuditRow:
        """Write down that ``actor`` did ``action``.

        ``actor_person_id`` stands for the actor where that is a person who can be
        erased; ``person_id`` is whose data it is about, ``object_id`` which of it.
        Without a person ``object_id`` stands there as it is: a code, never a name.
        Of somebody who was erased meanwhile nothing stands there.
        """
        with writing(self._engine) as connection:
            newest = connection.execute(
                select(t.audit.c.seq, t.audit.c.sha256)
                .order_by(t.audit.c.seq.desc())
                .limit(1)
            ).first()
            subject, thing = None, object_id
            if person_id is not None:
                key = _key(connection, person_id)
                subject, thing = _tag(key, person_id), _tag(key, object_id)
            if actor_person_id is not None:
                key = _key(connection, actor_person_id)
                actor = _tag(key, actor_person_id) or ERASED
            row = AuditRow(
                seq=1 if newest is None else newest.seq + 1,
                at_utc_ns=self._now_ns(),
                actor=actor,
                role=role,
                action=action,
                subject=subject,
                object=thing,
                origin=origin,
                outcome=outcome,
                prev_sha256=BEFORE_THE_FIRST if newest is None else newest.sha256,
                sha256="",
            )
            row = msgspec.structs.replace(row, sha256=hash_of(row))
            connection.execute(insert(t.audit).values(columns_of(row)))
        return row

    def newest(self, limit: int) -> tuple[AuditRow, ...]:
        """Return the newest rows, newest first."""
        query = select(t.audit).order_by(t.audit.c.seq.desc()).limit(limit)
        return self._all(AuditRow, query)

    def about(self, person_id: str, limit: int | None = None) -> tuple[AuditRow, ...]:
        """Return the (newest) rows about one person, newest first."""
        key = self.key_of(person_id)
        if key is None:
            return ()
        query = (
            select(t.audit)
            .where(t.audit.c.subject == tag(key, person_id))
            .order_by(t.audit.c.seq.desc())
            .limit(limit)
        )
        return self._all(AuditRow, query)

    def key_of(self, person_id: str) -> str | None:
        """Return what hides one person here; ``None`` where nothing is about them."""
        keys = t.audit_keys.c
        with reading(self._engine) as connection:
            query = select(keys.key).where(keys.person_id == person_id)
            found: str | None = connection.scalar(query)
        return found

    def made_key(self, person_id: str) -> str | None:
        """Return what hides one person here, made now if need be.

        ``None`` where nobody has this id.
        """
        with writing(self._engine) as connection:
            return _key(connection, person_id)

    def verify(
        self, head: str | None = None, *, after: Verdict | None = None
    ) -> Verdict:
        """Check every row; ``head`` is a hash that must be in the chain.

        ``after`` is what was found of a whole chain before: its last row is looked at
        again, and those that came since.
        """
        with reading(self._engine) as connection:
            return verified(connection, head, after=after)


def verified(
    connection: Connection, head: str | None = None, *, after: Verdict | None = None
) -> Verdict:
    """Check every row that a connection sees, as :meth:`Audit.verify` does."""
    previous, n_rows, holds = BEFORE_THE_FIRST, 0, head in (None, BEFORE_THE_FIRST)
    query = select(t.audit).order_by(t.audit.c.seq)
    if after is not None and after.whole and after.n_rows:
        last = t.audit.c.seq == after.n_rows
        found = connection.execute(select(t.audit).where(last)).first()
        row = None if found is None else _row(found)
        if row is None or not row.sha256 == after.head == hash_of(row):
            seq = after.n_rows
            return Verdict(n_rows=seq - 1, head="", broken_seq=seq)
        previous, n_rows, holds = after.head, after.n_rows, True
        query = query.where(t.audit.c.seq > n_rows)
    in_parts = {"yield_per": VERIFIED_AT_ONCE}
    with connection.execute(query, execution_options=in_parts) as rows:
        for found in rows:
            row = _row(found)
            seq = n_rows + 1
            if (
                row is None
                or (row.seq, row.prev_sha256) != (seq, previous)
                or row.sha256 != hash_of(row)
            ):
                return Verdict(n_rows=n_rows, head=previous, broken_seq=seq)
            previous, n_rows = row.sha256, row.seq
            holds = holds or previous == head
    return Verdict(n_rows=n_rows, head=previous, holds=holds)


def tag(key: str, id: str) -> str:
    """Return what stands for ``id`` in the audit, for as long as its key is kept."""
    return hmac.digest(bytes.fromhex(key), id.encode(), "sha256").hex()


def _tag(key: str | None, id: str | None) -> str | None:
    return None if key is None or id is None else tag(key, id)


def hash_of(row: AuditRow) -> str:
    """Return the SHA-256 of a row, of all but itself."""
    fields = msgspec.structs.asdict(row)
    del fields["sha256"]
    return hashlib.sha256(msgspec.json.encode(fields)).hexdigest()


def _row(found: Row[Any]) -> AuditRow | None:
    try:
        return value_of(AuditRow, found)
    except msgspec.ValidationError:  # a byte was changed to what cannot stand there
        return None


def _key(connection: Connection, person_id: str) -> str | None:
    """Return what hides a person here; ``None`` where there is none any more."""
    keys, people = t.audit_keys, t.people.c
    query = select(keys.c.key).where(keys.c.person_id == person_id)
    found: str | None = connection.scalar(query)
    if found is None:
        if connection.scalar(select(people.id).where(people.id == person_id)) is None:
            return None
        found = secrets.token_hex(32)
        connection.execute(insert(keys).values(person_id=person_id, key=found))
    return found
