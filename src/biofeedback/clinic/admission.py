"""Whose parcels a clinic takes: of homes it knows, under a consent that holds.

A consent that was taken back lets nothing in any more, whenever it was recorded: also
what is still on its way stays out. One that is over by its own date is given an hour of
grace, since the clocks of a home and its clinic may differ. When it was given is not
compared with any clock here (docs/decisions/0030).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from biofeedback.clinic.threads import in_thread
from biofeedback.model import Value
from biofeedback.session.clock import NS_PER_S, Clock
from biofeedback.store.homes import Homes
from biofeedback.store.rows import CopyConsentRow, HomeRow

GRACE_NS = 3600 * NS_PER_S
"""By so much the clock of a home may be behind."""

FRESH_S = 5.0
"""So long what the store said is believed. The bus tells of most changes at once."""

UNKNOWN_FOR_S = 1.0
"""So long nobody asks the store again for a consent that is not there."""


class Refused(Value, frozen=True):
    """Why a parcel is not taken: a word for the figures, a sentence for its home.

    ``for_good``: what was not known may become known, the rest will not.
    """

    reason: str
    sentence: str
    for_good: bool = True


NO_HOME = Refused(reason="home", sentence="This home is not known at the clinic.")
REVOKED_HOME = Refused(reason="home", sentence="This home's credential was revoked.")
NO_CONSENT = Refused(
    reason="consent",
    sentence="The clinic does not know this consent (yet).",
    for_good=False,
)
WITHDRAWN = Refused(reason="consent", sentence="This consent was taken back.")
OVER = Refused(reason="consent", sentence="This consent is over.")


class Admission:
    """Says of each parcel whether it may come in; remembers for a moment what holds.

    Parameters
    ----------
    homes
        What the clinic's store knows.
    now_utc_ns
        The clinic's own time of day.
    clock
        By which what is remembered grows old.
    """

    def __init__(
        self, homes: Homes, *, now_utc_ns: Callable[[], int], clock: Clock
    ) -> None:
        self._store = homes
        self._now_utc_ns = now_utc_ns
        self._clock = clock
        self._homes: dict[str, HomeRow] = {}
        self._consents: dict[str, CopyConsentRow] = {}
        self._missing: dict[str, int] = {}
        self._read_ns: int | None = None
        self._n_changes = 0
        self._turn = asyncio.Lock()

    def forget(self) -> None:
        """Believe nothing any longer: something has changed."""
        self._read_ns = None
        self._n_changes += 1
        self._missing.clear()

    async def home(self, id: str) -> HomeRow | None:
        """Return a home that may send.

        Raises
        ------
        StoreError
            When the store cannot be read.
        """
        await self._refresh()
        home = self._homes.get(id)
        return home if home and home.revoked_at_utc_ns is None else None

    async def refusal(self, home_id: str, consent_id: str) -> Refused | None:
        """Say why a parcel of this home is not taken; ``None``: it is.

        Raises
        ------
        StoreError
            When the store cannot be read.
        """
        await self._refresh()
        if home_id not in self._homes or consent_id not in self._consents:
            await self._look_again(f"{home_id} {consent_id}")
        home = self._homes.get(home_id)
        if home is None:
            return NO_HOME
        if home.revoked_at_utc_ns is not None:
            return REVOKED_HOME
        consent = self._consents.get(consent_id)
        if consent is None or consent.home_id != home_id:
            return NO_CONSENT
        if consent.revoked_at_utc_ns is not None:
            return WITHDRAWN
        if self._now_utc_ns() >= consent.expires_at_utc_ns + GRACE_NS:
            return OVER
        return None

    async def _look_again(self, what: str) -> None:
        now_ns = self._clock.now_ns()
        asked_ns = self._missing.get(what)
        if asked_ns is None or now_ns - asked_ns > UNKNOWN_FOR_S * NS_PER_S:
            if len(self._missing) > 10_000:
                self._missing.clear()
            self._missing[what] = now_ns
            self._read_ns = None
            await self._refresh()

    async def _refresh(self) -> None:
        if self._is_fresh():
            return
        async with self._turn:
            if self._is_fresh():  # somebody else has asked meanwhile
                return
            now_ns, n_changes = self._clock.now_ns(), self._n_changes
            homes, consents = await in_thread(self._read)
            self._homes = {home.id: home for home in homes}
            self._consents = {row.id: row for row in consents}
            if n_changes == self._n_changes:  # else it may be old already
                self._read_ns = now_ns

    def _is_fresh(self) -> bool:
        read_ns = self._read_ns
        return (
            read_ns is not None and self._clock.now_ns() - read_ns < FRESH_S * NS_PER_S
        )

    def _read(self) -> tuple[tuple[HomeRow, ...], tuple[CopyConsentRow, ...]]:
        return self._store.all(), self._store.copy_consents()
