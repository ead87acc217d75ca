"""Writes down who did and saw what, and shows it to those it is about."""

from __future__ import annotations

import asyncio
import logging
from typing import Literal

from biofeedback.service.sign_ins import Caller
from biofeedback.store import Role, Store, StoreError
from biofeedback.store.audit import Verdict

_LOGGER = logging.getLogger(__name__)


class Audit:
    """The audit of one service.

    A full disk must not lock anybody out of their own practice, so an act of one's own
    goes on unwritten and is logged; what is seen of *others* is not shown unwritten.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._verified: Verdict | None = None

    async def note(
        self,
        caller: Caller | None,
        action: str,
        *,
        person_id: str | None = None,
        object_id: str | None = None,
        outcome: Literal["ok", "refused"] = "ok",
        origin: str | None = None,
    ) -> None:
        """Write down what ``caller`` did; ``None`` is somebody who is not known.

        Parameters
        ----------
        person_id, object_id
            Whose data it is about, and which of it; both are kept as keyed hashes.
        origin
            The address it came from, where it is not that of a caller who is staff;
            kept only where no patient did it.

        Raises
        ------
        StoreError
            When somebody else's data was to be seen and that could not be written.
        """
        actor, role, actor_person_id = _actor(caller)
        if caller is not None and caller.account is not None:
            origin = origin or caller.origin
        try:
            await asyncio.to_thread(
                lambda: self._store.audit.add(
                    actor=actor,
                    role=role,
                    action=action,
                    actor_person_id=actor_person_id,
                    person_id=person_id,
                    object_id=object_id,
                    origin=None if actor_person_id else origin,
                    outcome=outcome,
                )
            )
        except StoreError:
            if caller is not None and not caller.everything:
                if person_id not in (None, caller.person.id):
                    raise
            _LOGGER.exception("What was done could not be written into the audit")

    def verify(self) -> Verdict:
        """Say whether the chain is whole; blocks.

        All of it the first time, then what came since: 'biofeedback audit verify'
        reads it all.
        """
        verdict = self._store.audit.verify(after=self._verified)
        if verdict.whole:
            self._verified = verdict
        return verdict


def _actor(caller: Caller | None) -> tuple[str, str, str | None]:
    if caller is None:
        return "nobody", "nobody", None
    if caller.account is None:
        return caller.role.value, caller.role.value, None
    if caller.role is Role.PATIENT:
        return "", caller.role.value, caller.person.id
    return caller.account.code, caller.role.value, None
