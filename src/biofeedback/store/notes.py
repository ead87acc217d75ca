"""What therapists note for themselves: apart from the record, and from its exports."""

from __future__ import annotations

from sqlalchemy import delete, select

from biofeedback.store import tables as t
from biofeedback.store.engine import writing
from biofeedback.store.mapping import Rows
from biofeedback.store.rows import NoteRow


class Notes(Rows):
    """Private notes; each is its writer's alone."""

    def add(self, note: NoteRow) -> None:
        """Keep a note."""
        self._insert(t.notes, note)

    def about(self, person_id: str, *, account_id: str) -> tuple[NoteRow, ...]:
        """Return what one account noted about a person, the oldest first."""
        notes = t.notes.c
        return self._all(
            NoteRow,
            select(t.notes)
            .where(notes.person_id == person_id, notes.account_id == account_id)
            .order_by(notes.at_utc_ns, notes.id),
        )

    def remove(self, id: str, *, account_id: str) -> NoteRow | None:
        """Remove a note of this account; return it, or ``None`` if there was none."""
        notes = t.notes.c
        mine = (notes.id == id) & (notes.account_id == account_id)
        found = next(iter(self._all(NoteRow, select(t.notes).where(mine))), None)
        if found is not None:
            with writing(self._engine, decides=False) as connection:
                connection.execute(delete(t.notes).where(mine))
        return found
