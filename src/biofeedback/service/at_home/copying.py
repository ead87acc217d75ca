"""Whether the clinic may keep copies, in memory: asked before each parcel is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from biofeedback.clinic.outbox import Outgoing
from biofeedback.service.conductor import Conductor
from biofeedback.store import CopyConsentRow, SessionState, Store
from biofeedback.store.clinics import RECORDED, Covered, covered


class Copying:
    """The consents to copies of one home, and the recordings they are about.

    Taking back holds here at once, before it is on disk. Nothing is sent by a consent
    that the clinic does not know yet.

    Parameters
    ----------
    store, conductor
        Where recordings lie, and which sessions go on.
    home_id
        What this home is called at its clinic.
    """

    def __init__(self, store: Store, conductor: Conductor, home_id: str) -> None:
        self._store = store
        self._conductor = conductor
        self._home_id = home_id
        self._rows: tuple[CopyConsentRow, ...] = ()
        self._known: frozenset[str] = frozenset()
        self._ended: set[str] = set()
        self._turn = asyncio.Lock()
        self._told: list[Callable[[], None]] = []

    def on_change(self, told: Callable[[], None]) -> None:
        """Call ``told`` from now on when this changes."""
        self._told.append(told)

    async def open(self) -> None:
        """Read what holds, anew."""
        async with self._turn:
            await self._read()
        self._tell()

    def known(self, ids: frozenset[str]) -> None:
        """Take note that the clinic knows these consents, and only these."""
        if ids != self._known:
            self._known = ids
            self._tell()

    async def allow(
        self, person_id: str, *, expires_at_utc_ns: int, text_version: str
    ) -> CopyConsentRow:
        """Keep that copies may be kept; what was agreed to before ends with it."""
        async with self._turn:
            row = await asyncio.to_thread(
                lambda: self._store.clinics.allow_copies(
                    person_id=person_id,
                    home_id=self._home_id,
                    expires_at_utc_ns=expires_at_utc_ns,
                    text_version=text_version,
                )
            )
            await self._read()
        self._tell()
        return row

    async def end(self) -> None:
        """Take it back. From now on nothing is sent."""
        # First here: were the disk full, nothing would be sent all the same.
        going = {row.id for row in self._rows}
        self._ended |= going
        self._tell()
        async with self._turn:
            await asyncio.to_thread(self._store.clinics.end_copies, self._home_id)
            self._ended -= going
            await self._read()
        self._tell()

    async def _read(self) -> None:
        self._rows = await asyncio.to_thread(
            self._store.clinics.copies_of, self._home_id
        )

    def _tell(self) -> None:
        for told in tuple(self._told):
            told()

    # --- As the outbox sees it ----------------------------------------------------

    def covered(self) -> Covered | None:
        """Return what the person allows now."""
        rows = (row for row in self._rows if row.id not in self._ended)
        return covered(rows, self._store.now_ns())

    def knows(self, consent: str) -> bool:
        """Say whether the clinic knows of a consent."""
        return consent in self._known

    def recordings(self, since_utc_ns: int) -> tuple[Outgoing, ...]:
        """Return what the owner recorded since, the newest first. Blocks."""
        owner = self._store.person()
        listed = self._store.recordings()
        return tuple(
            Outgoing(session=row.id, path=self._store.data / listed[row.id].path)
            for row in reversed(self._store.sessions_of(owner.id))
            if row.started_at_utc_ns >= since_utc_ns
            and row.source in RECORDED
            and row.state is not SessionState.FAILED
            and row.id in listed
        )

    def safe(self, session: str) -> int | None:
        """Return up to which sequence a session that goes on is on the disk."""
        live = self._conductor.session(session)
        return None if live is None or live.ended.is_set() else live.on_disk

    def now_utc_ns(self) -> int:
        """Return the time of day."""
        return self._store.now_ns()
